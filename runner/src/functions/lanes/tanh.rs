//! The hyperbolic tangent as libm's `tanhf` computes it, by `e^(±2|x|) - 1`.

use super::expm1::middle;
use super::{SIGN, signed};

/// Half of ln(5/3).
const LOW: f32 = f32::from_bits(0x3e82_c578);
/// Half of ln 3.
const HIGH: f32 = f32::from_bits(0x3f0c_9f54);

/// `tanhf`
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let twice = if size > LOW { 2.0 * size } else { -2.0 * size };
    // From here on the result is 1, however far the argument is. The order of the operands lets a NaN pass.
    let twice = if 30.0 < twice { 30.0 } else { twice };
    let t = middle(twice);
    let far = size > HIGH;
    let dividend = if far { 2.0 } else { f32::from_bits(t.to_bits() & !SIGN) };
    let quotient = dividend / (t + 2.0);
    signed(if far { 1.0 - quotient } else { quotient }, x)
}

#[cfg(test)]
mod tests {
    use super::super::same;
    use super::*;

    fn all(values: &mut [f32]) {
        values.iter_mut().for_each(|x| *x = tanh(*x));
    }

    #[test]
    fn bits_are_those_of_libm() {
        // Of `tanhf`, between its cases, and where the argument is bounded here.
        let ends = [0x3f0c9f54, 0x41200000, 0x3e82c578, 0x00800000, 15f32.to_bits()];
        same::sampled(all, libm::tanhf, &ends);
    }

    #[test]
    #[ignore = "all arguments: minutes"]
    fn all_bits_are_those_of_libm() {
        same::everywhere(all, libm::tanhf);
    }
}
