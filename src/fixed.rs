//! Multipliers in fixed point, as TFLite has them.

use zeropoint_kernels::rules::Fixed;

use crate::error::Error;
use crate::rule::Rule;

/// Checks a ready multiplier.
pub(crate) fn checked(fixed: Fixed) -> Result<Fixed, Error> {
    let Fixed { value, shift } = fixed;
    if value != 0 && value < 1 << 30 {
        let expected = (1 << 30, i32::MAX.into());
        return Err(Error::OutOfRange { what: "value of a multiplier", expected, got: value.into() });
    }
    if !(-31..=30).contains(&shift) {
        return Err(Error::OutOfRange { what: "shift of a multiplier", expected: (-31, 30), got: shift.into() });
    }
    Ok(fixed)
}

/// TFLite's `QuantizeMultiplier` of a number that is not negative: the nearest of 31 bits, ties away from zero; what is
/// so small that no accumulator by it reaches a half is 0. With one rounding, what is 2^30 or more is the greatest; with
/// two, it has no meaning.
pub(crate) fn quantized(multiplier: f64, rule: Rule) -> Result<Fixed, Error> {
    let bits = multiplier.to_bits();
    // A number in [1/2, 1) by 2^exponent. Subnormal ones are far below the least.
    let (exponent, fraction) = ((bits >> 52) as i32 - 1022, bits & ((1 << 52) - 1) | 1 << 52);
    let rounded = (fraction + (1 << 21)) >> 22;
    let (value, shift) = if rounded == 1 << 31 { (1 << 30, exponent + 1) } else { (rounded as i32, exponent) };
    if shift < -31 {
        return Ok(Fixed { value: 0, shift: 0 });
    }
    if shift > 30 {
        return match rule {
            Rule::TfliteSingle if multiplier.is_finite() => Ok(Fixed { value: i32::MAX, shift: 30 }),
            _ => Err(Error::Multiplier { rule, expected: (0.0, f64::from(1 << 30)), got: multiplier }),
        };
    }
    Ok(Fixed { value, shift })
}
