//! `e^x` as libm's `expf` computes it: `e^x = 2^k · e^r` with |r| ≤ ln 2 / 2, and `e^r` by a rational approximation.

use super::powers::{moved, near, scaled};

/// ln 2 in two parts, of which a whole number times the first is exact.
const LN2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
const P: [f32; 2] = [0.166_666_25, -0.002_766_733_3];
/// 2^-13, up to where `e^x` is `1 + x`.
const TINY: f32 = 1.0 / 8192.0;

/// `expf`
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // From these on results are infinite, or 0, however far the argument is. The order of the operands lets a NaN pass.
    let x = if 100.0 < x { 100.0 } else { x };
    let x = if -104.0 > x { -104.0 } else { x };
    let (y, k) = reduced(x);
    scaled(y, k)
}

/// `expf` where the result is a normal number.
#[inline(always)]
pub(super) fn normal(x: f32) -> f32 {
    let (y, k) = reduced(x);
    moved(y, k)
}

/// `e^r` and `k`.
#[inline(always)]
fn reduced(x: f32) -> (f32, f32) {
    let k = near(x);
    let high = x - k * LN2[0];
    let low = k * LN2[1];
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * P[1]);
    let quotient = r * c / (2.0 - c);
    let quotient = if x.abs() > TINY { quotient } else { 0.0 };
    (1.0 + (quotient - low + high), k)
}

#[cfg(test)]
mod tests {
    use super::super::same;
    use super::*;

    fn all(values: &mut [f32]) {
        values.iter_mut().for_each(|x| *x = exp(*x));
    }

    #[test]
    fn bits_are_those_of_libm() {
        // Of `expf`, between its cases.
        let ends = [0x39000000, 0x3eb17218, 0x3f851592, 0x42aeac50, 0x42b17218, 0x42cff1b5];
        same::sampled(all, libm::expf, &ends);
    }

    #[test]
    #[ignore = "all arguments: minutes"]
    fn all_bits_are_those_of_libm() {
        same::everywhere(all, libm::expf);
    }
}
