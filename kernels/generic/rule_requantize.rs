//! Requantisation by a rule.

use super::row::{PIECE, Parameters, bound, piece, round_even};
use crate::args::Values;
use crate::rules::{Fixed, RequantizeByRule, Scaling};

/// See [`crate::KernelSet::rule_requantize`]: lengths are equal.
#[inline(always)]
pub(crate) fn requantize(acc: &[i32], y: &mut [u8], args: &RequantizeByRule<'_>) {
    let none = Values::All(0.0);
    match args.scaling {
        Scaling::ClipRound(by) => all(ClipRound, acc, y, args, by, none, none),
        Scaling::ZeroPointFirst(by) => all(ZeroPointFirst, acc, y, args, by, none, none),
        Scaling::ZeroPointFirst64(by) => all(ZeroPointFirst64, acc, y, args, by, none, none),
        Scaling::OneDnn { before, by, bias, after } => all(OneDnn { before }, acc, y, args, by, bias, after),
        Scaling::Fbgemm { by, bias } => all(Fbgemm, acc, y, args, by, bias, none),
        Scaling::TfliteDouble(by) => all(TfliteDouble, acc, y, args, by, none, none),
        Scaling::TfliteSingle(by) => all(TfliteSingle, acc, y, args, by, none, none),
        Scaling::Rndnu(by) => all(Rndnu, acc, y, args, by, none, none),
        Scaling::RndnuNeon(by) => all(RndnuNeon, acc, y, args, by, none, none),
    }
}

/// What becomes of an accumulator.
trait Rule: Copy {
    /// A multiplier.
    type By: Copy + Default;

    /// The result, with a multiplier, what is added and what multiplies after that where the rule has it, a zero point
    /// and the ends of the results.
    fn result(self, acc: i32, by: Self::By, bias: f32, after: f32, zero: i32, ends: (i32, i32)) -> i32;
}

#[inline(always)]
fn all<T: Rule>(
    rule: T,
    acc: &[i32],
    y: &mut [u8],
    args: &RequantizeByRule<'_>,
    by: Values<'_, T::By>,
    bias: Values<'_, f32>,
    after: Values<'_, f32>,
) {
    let (mut by, mut bias, mut after) = (Parameters::new(by), Parameters::new(bias), Parameters::new(after));
    let mut zeros = Parameters::new(args.zero_points);
    let mut buffer = [0; PIECE];
    for (index, y) in y.chunks_mut(PIECE).enumerate() {
        let at = index * PIECE;
        let (by, bias, after, zeros) = (by.from(at), bias.from(at), after.from(at), zeros.from(at));
        let acc = piece(&acc[at..], &mut buffer);
        let mut results = [0; PIECE];
        for n in 0..PIECE {
            results[n] = rule.result(acc[n], by[n], bias[n], after[n], zeros[n], args.clamp) as u8;
        }
        y.copy_from_slice(&results[..y.len()]);
    }
}

/// `rne(clip(x, less the zero point)) + zero point`.
#[inline(always)]
fn clip_round(x: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
    round_even(bound(x, (low - zero) as f32, (high - zero) as f32)) + zero
}

/// `rne(clip(f32(x + zero point)))`.
#[inline(always)]
fn zero_point_first(x: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
    round_even(bound(x + zero as f32, low as f32, high as f32))
}

#[derive(Clone, Copy)]
struct ClipRound;

impl Rule for ClipRound {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        clip_round(acc as f32 * by, zero, ends)
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst;

impl Rule for ZeroPointFirst {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        zero_point_first(acc as f32 * by, zero, ends)
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst64;

impl Rule for ZeroPointFirst64 {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
        /// At 3 * 2^51 the last bit is 1; the low half of the bits is the integer then.
        const ONES: f64 = 6_755_399_441_055_744.0;
        let x = f64::from(acc) * f64::from(by) + f64::from(zero);
        let x = if x > f64::from(low) { x } else { f64::from(low) };
        let x = if x < f64::from(high) { x } else { f64::from(high) };
        (x + ONES).to_bits() as i32
    }
}

#[derive(Clone, Copy)]
struct OneDnn {
    before: f32,
}

impl Rule for OneDnn {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, bias: f32, after: f32, zero: i32, ends: (i32, i32)) -> i32 {
        zero_point_first((acc as f32 * self.before * by + bias) * after, zero, ends)
    }
}

#[derive(Clone, Copy)]
struct Fbgemm;

impl Rule for Fbgemm {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, bias: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        // Its conversion gives the least integer for what has no room.
        let x = (acc as f32 + bias) * by;
        clip_round(if x < 2_147_483_648.0 { x } else { f32::NEG_INFINITY }, zero, ends)
    }
}

#[derive(Clone, Copy)]
struct TfliteDouble;

impl Rule for TfliteDouble {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, by: Fixed, _: f32, _: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
        let left = by.shift.max(0) as u32;
        let right = (-by.shift).max(0) as u32;
        let shifted = (i64::from(acc) << (left & 31)).clamp(i32::MIN.into(), i32::MAX.into());
        // Rounding by a nudge of either sign and truncating is rounding half up.
        let high_half = ((shifted * i64::from(by.value) + (1 << 30)) >> 31) as i32;
        let mask = (1i32.wrapping_shl(right)).wrapping_sub(1);
        let rest = high_half & mask;
        let half = (mask >> 1) + i32::from(high_half < 0);
        let rounded = high_half.wrapping_shr(right) + i32::from(rest > half);
        (rounded.clamp(-1024, 1024) + zero).clamp(low, high)
    }
}

#[derive(Clone, Copy)]
struct TfliteSingle;

impl Rule for TfliteSingle {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, by: Fixed, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        let right = 31 - by.shift;
        shifted(i64::from(acc) * i64::from(by.value), right as u32, zero, ends)
    }
}

/// A value shifted to the right by 1 to 62 bits, ties up, in the range of an integer.
#[inline(always)]
fn shifted(value: i64, right: u32, zero: i32, (low, high): (i32, i32)) -> i32 {
    let rounded = (value + (1i64 << ((right - 1) & 63))) >> (right & 63);
    (rounded.clamp(-1024, 1024) as i32 + zero).clamp(low, high)
}

/// The significand of a multiplier, 24 bits, and the bits that it stands too far to the left: 16 to 55.
#[inline(always)]
fn parts(multiplier: f32) -> (i32, u32) {
    let bits = multiplier.to_bits();
    ((bits & 0x7f_ffff | 0x80_0000) as i32, 150u32.wrapping_sub(bits >> 23))
}

#[derive(Clone, Copy)]
struct Rndnu;

impl Rule for Rndnu {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
        let (significand, right) = parts(by);
        let product = i64::from(acc) * i64::from(significand);
        // Its conversion to 32 bits wraps.
        let rounded = ((product + (1i64 << (right.wrapping_sub(1) & 63))) >> (right & 63)) as i32;
        rounded.clamp(low - zero, high - zero) + zero
    }
}

#[derive(Clone, Copy)]
struct RndnuNeon;

impl Rule for RndnuNeon {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
        let (significand, right) = parts(by);
        let right = right as i32 - 24;
        let after = right.max(1);
        let before = (after - right) as u32;
        let shifted = (i64::from(acc) << (before & 31)).clamp(i32::MIN.into(), i32::MAX.into());
        // The doubled product's upper half, not rounded.
        let high_half = (shifted * (i64::from(significand) << 7)) >> 31;
        let rounded = (high_half + (1i64 << ((after - 1) & 63))) >> (after & 63);
        // To 16 bits, with the zero point there, to 8: no bound of these is within the type's.
        (rounded.clamp(-32768, 32767) as i32 + zero).clamp(low, high)
    }
}
