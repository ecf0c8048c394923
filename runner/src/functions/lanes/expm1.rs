//! `e^x - 1` as libm's `expm1f` computes it: `e^x = 2^k · e^r` with |r| ≤ ln 2 / 2, `e^r - 1` by a rational approximation
//! with a correction for what rounding `r` lost, and the 1 taken away where it costs the fewest bits.

use super::powers::{near, power};

/// ln 2 in two parts, of which a whole number times the first is exact.
const LN2: [f32; 2] = [0.693_138_1, 9.058_001e-6];
const Q: [f32; 2] = [-0.033_333_212, 0.001_580_717];

/// `expm1f`
#[inline(always)]
pub(crate) fn expm1(x: f32) -> f32 {
    // From these on results are infinite, or -1, however far the argument is. The order of the operands lets a NaN pass.
    let x = if 88.8 < x { 88.8 } else { x };
    let x = if -30.0 > x { -30.0 } else { x };
    let reduced = Reduced::new(x);
    let Reduced { r, e, k, .. } = reduced;
    // 2^128 is no float.
    let (twice, rest) = if k > 127.0 { (2.0, power(127.0)) } else { (1.0, power(k)) };
    let far = (r - e + 1.0) * twice * rest - 1.0;
    if (-1.0..=56.0).contains(&k) { reduced.near() } else { far }
}

/// `expm1f` from -1.5 ln 2 to 56 ln 2.
#[inline(always)]
pub(super) fn middle(x: f32) -> f32 {
    Reduced::new(x).near()
}

struct Reduced {
    k: f32,
    r: f32,
    /// `r - e` is `e^r - 1`.
    e: f32,
    /// The same for a `k` of 0, where nothing was lost.
    exact: f32,
}

impl Reduced {
    #[inline(always)]
    fn new(x: f32) -> Self {
        // Without the sign of a 0: an `x` of -0 stays one.
        let k = near(x) + 0.0;
        let high = x - k * LN2[0];
        let low = k * LN2[1];
        let r = high - low;
        let lost = (high - r) - low;
        let half = 0.5 * r;
        let square = r * half;
        let r1 = 1.0 + square * (Q[0] + square * Q[1]);
        let t = 3.0 - r1 * half;
        let e = square * ((r1 - t) / (6.0 - r * t));
        Self { k, r, e: (r * (e - lost) - lost) - square, exact: r * e - square }
    }

    /// For k from -1 to 56.
    #[inline(always)]
    fn near(self) -> f32 {
        let Self { k, r, e, exact } = self;
        let (whole, part) = (power(k), power(-k));
        let few = (r - e + (1.0 - part)) * whole;
        let many = (r - (e + part) + 1.0) * whole;
        let one = if r < -0.25 { -2.0 * (e - (r + 0.5)) } else { 1.0 + 2.0 * (r - e) };
        let below = 0.5 * (r - e) - 0.5;
        let y = if k < 23.0 { few } else { many };
        let y = if k == 1.0 { one } else { y };
        let y = if k < 0.0 { below } else { y };
        if k == 0.0 { r - exact } else { y }
    }
}

#[cfg(test)]
mod tests {
    use super::super::same;
    use super::*;

    fn all(values: &mut [f32]) {
        values.iter_mut().for_each(|x| *x = expm1(*x));
    }

    #[test]
    fn bits_are_those_of_libm() {
        // Of `expm1f`, between its cases; the last are those of k = 23 and 57.
        let ends = [0x4195b844, 0x42b17217, 0x3eb17218, 0x3f851592, 0x33000000, 0x00800000, 0x4179_8867, 0x421c_a6e8];
        same::sampled(all, libm::expm1f, &ends);
    }

    #[test]
    #[ignore = "all arguments: minutes"]
    fn all_bits_are_those_of_libm() {
        same::everywhere(all, libm::expm1f);
    }
}
