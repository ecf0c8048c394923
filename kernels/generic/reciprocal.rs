//! Division by a scale without dividing.

use super::elementwise::BEYOND;

/// `1 / scale` in two parts, each rounded to binary32: the number and what it lacks.
///
/// `fma(x, high, x * low)`, the product rounded, is rounded to the same integer as the quotient `x / scale`, rounded to
/// binary32, is, for every `x` whose quotient is no more than 256. Both maps from `x` to an integer are monotone. So they
/// are equal if they step from one integer to the next at the same `x`: those few, for all scales, are tried one by one
/// (`tests/reciprocal.rs`).
#[derive(Clone, Copy)]
pub(crate) struct Reciprocal {
    pub(crate) high: f32,
    pub(crate) low: f32,
    /// Of this and more, all quotients are beyond every result of 8 bits.
    pub(crate) beyond: f32,
}

/// 2^64. Up to it and down to its inverse no part, product or sum is subnormal near a step, so scales that differ by a
/// power of two are alike, and one of each mantissa is enough to try.
const LIMIT: f32 = 18_446_744_073_709_551_616.0;

impl Reciprocal {
    /// That of a scale, unless it is too large or small.
    pub(crate) fn new(scale: f32) -> Option<Self> {
        if !(1.0 / LIMIT..=LIMIT).contains(&scale) {
            return None;
        }
        let exact = 1.0 / f64::from(scale);
        let high = exact as f32;
        Some(Self { high, low: (exact - f64::from(high)) as f32, beyond: BEYOND * scale })
    }
}
