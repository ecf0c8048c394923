//! Powers of two, and which one an exponential is near to.
//!
//! Whole numbers are kept in floats: a conversion of Rust saturates, which costs a vector more than the conversion does. A
//! float below 2^22 added to [`UNITS`] is rounded to a whole number, which the low bits of the sum then are.

use super::signed;

/// 1 / ln 2 to the nearest float.
const PER_LN2: f32 = std::f32::consts::LOG2_E;
/// 2^23: from here to 2^24 floats are the whole numbers.
const WHOLE: f32 = 8_388_608.0;
/// 1.5 · 2^23, to which numbers below 0 can be added as well.
const UNITS: f32 = 12_582_912.0;
/// What an exponent of 0 is stored as.
const BIAS: f32 = 127.0;
/// Bits below the exponent.
const MANTISSA: u32 = 23;

/// The number of times that ln 2 is in `x`, to the nearest one: `x / ln 2 ± 0.5` without what is behind the point. For
/// |x| < 2^22.
#[inline(always)]
pub(super) fn near(x: f32) -> f32 {
    let size = x.abs() * PER_LN2 + 0.5;
    let rounded = size + WHOLE;
    let above = u32::from(rounded - WHOLE > size);
    signed(f32::from_bits(rounded.to_bits().wrapping_sub(above)) - WHOLE, x)
}

/// `2^k`, for whole k from -126 to 127.
#[inline(always)]
pub(super) fn power(k: f32) -> f32 {
    f32::from_bits((k + (UNITS + BIAS)).to_bits() << MANTISSA)
}

/// `y · 2^k` where that is a normal number, as `y` is.
#[inline(always)]
pub(super) fn moved(y: f32, k: f32) -> f32 {
    f32::from_bits(y.to_bits().wrapping_add((k + UNITS).to_bits() << MANTISSA))
}

/// `y · 2^k`, rounded once, for whole k from -252 to 254 and a `y` around 1: by two powers, of which the first leaves a
/// normal number.
#[inline(always)]
pub(super) fn scaled(y: f32, k: f32) -> f32 {
    let both = (k + (UNITS + 2.0 * BIAS)).to_bits();
    let first = both >> 1;
    let second = both.wrapping_sub(first);
    y * f32::from_bits(first << MANTISSA) * f32::from_bits(second << MANTISSA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest() {
        for (x, k) in [(0.0, 0.0), (0.3, 0.0), (0.4, 1.0), (-0.4, -1.0), (1.0, 1.0), (1.1, 2.0), (-88.0, -127.0)] {
            assert_eq!(near(x), k, "{x}");
        }
        assert!(near(f32::NAN).is_nan());
    }

    #[test]
    fn powers() {
        assert_eq!([-126.0, -1.0, 0.0, 5.0, 127.0].map(power), [2f32.powi(-126), 0.5, 1.0, 32.0, 2f32.powi(127)]);
        assert_eq!([-100.0, 0.0, 100.0].map(|k| moved(1.5, k)), [-100, 0, 100].map(|k| 1.5 * 2f32.powi(k)));
        let smallest = f32::from_bits(1);
        assert_eq!([-149.0, -150.0, -151.0].map(|k| scaled(1.25, k)), [smallest, smallest, 0.0]);
        assert_eq!([-3.0, 127.0, 128.0].map(|k| scaled(1.0, k)), [0.125, 2f32.powi(127), f32::INFINITY]);
    }
}
