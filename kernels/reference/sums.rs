//! The oracle of additions in integers.

use super::Affine;
use super::rules::{quantize_multiplier, rounding_divide_by_pot, srdhm};

/// The sum of two quantised values as TFLite computes it: with `t = 2 * max(sa, sb)`, `(x - z) * 2^20` of each by `s / t`,
/// and their sum by `t / (2^20 * sc)`, each rounded as `RDBPOT(SRDHM(x, q), -shift)`.
pub fn add_tflite(a: (i32, Affine), b: (i32, Affine), to: Affine, (low, high): (i32, i32)) -> i32 {
    let twice = 2.0 * f64::from(a.1.scale).max(b.1.scale.into());
    let multiply = |x: i32, (q, shift): (i32, i32)| rounding_divide_by_pot(srdhm(x, q), shift.unsigned_abs());
    let scaled = |(x, affine): (i32, Affine)| {
        multiply((x - affine.zero_point) << 20, quantize_multiplier(f64::from(affine.scale) / twice))
    };
    let to_result = quantize_multiplier(twice / (f64::from(1 << 20) * f64::from(to.scale)));
    (multiply(scaled(a) + scaled(b), to_result) + to.zero_point).clamp(low, high)
}

/// The sum of two quantised values as XNNPACK computes it: multipliers `rne((s / sc) * 2^shift)`, where `shift` gives the
/// greater one 21 bits; `(2^(shift - 1) + (a - za) * ma + (b - zb) * mb) >> shift`, which rounds ties up.
pub fn add_xnnpack(a: (i32, Affine), b: (i32, Affine), to: Affine, (low, high): (i32, i32)) -> i32 {
    let ratios = [a.1.scale / to.scale, b.1.scale / to.scale];
    let greater = ratios[0].max(ratios[1]);
    let shift = 20 - libm::ilogbf(greater);
    let multiplier = |ratio: f32| i64::from(libm::rintf(libm::ldexpf(ratio, shift)) as i32);
    let term = |(x, affine): (i32, Affine), ratio: f32| i64::from(x - affine.zero_point) * multiplier(ratio);
    let sum = (1i64 << (shift - 1)) + term(a, ratios[0]) + term(b, ratios[1]);
    ((sum >> shift) as i32 + to.zero_point).clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_away_from_zero_or_up() {
        let affine = |scale, zero_point| Affine { scale, zero_point };
        let (half, one) = (affine(0.5, 0), affine(1.0, 0));
        type Add = fn((i32, Affine), (i32, Affine), Affine, (i32, i32)) -> i32;
        let sum = |add: Add, a| add((a, half), (0, half), one, (-128, 127));
        assert_eq!([1, 3, -1, -3].map(|a| sum(add_tflite, a)), [1, 2, -1, -2]);
        assert_eq!([1, 3, -1, -3].map(|a| sum(add_xnnpack, a)), [1, 2, 0, -1]);
    }
}
