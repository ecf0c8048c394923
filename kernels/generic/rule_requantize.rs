//! Requantisation by a rule.

use super::row::{OfPiece, PIECE, Parameters, bound, pieces, round_even, round_even_64, within};
use crate::args::Values;
use crate::rules::{Fixed, RequantizeByRule, Scaling};
use crate::view::{MatMut, MatRef};

/// See [`crate::KernelSet::rule_requantize`]: shapes are equal, columns stand side by side.
#[inline(always)]
pub(crate) fn requantize(acc: MatRef<'_, i32>, y: &mut MatMut<'_, u8>, args: &RequantizeByRule<'_>) {
    let none = Values::All(0.0);
    match args.scaling {
        Scaling::ClipRound(by) => all(ClipRound, acc, y, args, by, none, none),
        Scaling::ZeroPointFirst(by) => all(ZeroPointFirst, acc, y, args, by, none, none),
        Scaling::ZeroPointFirst64(by) => all(ZeroPointFirst64, acc, y, args, by, none, none),
        Scaling::OneDnn { before, by, bias, after } => all(OneDnn { before }, acc, y, args, by, bias, after),
        Scaling::Fbgemm { by, bias } => all(Fbgemm, acc, y, args, by, bias, none),
        Scaling::TfliteDouble(by) if shifts_left(by) => all(TfliteDouble::<true>, acc, y, args, by, none, none),
        Scaling::TfliteDouble(by) => all(TfliteDouble::<false>, acc, y, args, by, none, none),
        Scaling::TfliteSingle(by) if shifts_left(by) => all(TfliteSingle::<true>, acc, y, args, by, none, none),
        Scaling::TfliteSingle(by) => all(TfliteSingle::<false>, acc, y, args, by, none, none),
        Scaling::Rndnu(by) => all(Rndnu, acc, y, args, by, none, none),
        Scaling::RndnuNeon(by) if reaches_half(by) => all(RndnuNeon::<true>, acc, y, args, by, none, none),
        Scaling::RndnuNeon(by) => all(RndnuNeon::<false>, acc, y, args, by, none, none),
    }
}

/// Whether a multiplier is 1 or more: results may leave 32 bits, and accumulators have to be shifted before.
#[inline(always)]
fn shifts_left(by: Values<'_, Fixed>) -> bool {
    match by {
        Values::All(all) => all.shift > 0,
        Values::Each(each) => {
            let mut most = 0;
            for fixed in each {
                most = most.max(fixed.shift);
            }
            most > 0
        }
    }
}

/// Whether a multiplier is one half or more, likewise.
#[inline(always)]
fn reaches_half(by: Values<'_, f32>) -> bool {
    match by {
        Values::All(all) => all >= 0.5,
        Values::Each(each) => {
            let mut most = 0.0;
            for &by in each {
                most = if by > most { by } else { most };
            }
            most >= 0.5
        }
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

/// A rule with the parameters of a row.
struct Row<'a, T: Rule> {
    rule: T,
    by: Parameters<'a, T::By>,
    bias: Parameters<'a, f32>,
    after: Parameters<'a, f32>,
    zeros: Parameters<'a, i32>,
    clamp: (i32, i32),
}

impl<T: Rule> OfPiece<i32, u8> for Row<'_, T> {
    #[inline(always)]
    fn of_piece(&mut self, at: usize, acc: &[i32; PIECE], y: &mut [u8; PIECE]) {
        let (by, bias, after) = (self.by.from(at), self.bias.from(at), self.after.from(at));
        let zeros = self.zeros.from(at);
        for n in 0..PIECE {
            y[n] = self.rule.result(acc[n], by[n], bias[n], after[n], zeros[n], self.clamp) as u8;
        }
    }
}

#[inline(always)]
fn all<T: Rule>(
    rule: T,
    acc: MatRef<'_, i32>,
    y: &mut MatMut<'_, u8>,
    args: &RequantizeByRule<'_>,
    by: Values<'_, T::By>,
    bias: Values<'_, f32>,
    after: Values<'_, f32>,
) {
    let mut step = Row {
        rule,
        by: Parameters::new(by),
        bias: Parameters::new(bias),
        after: Parameters::new(after),
        zeros: Parameters::new(args.zero_points),
        clamp: args.clamp,
    };
    let [rows, columns] = acc.shape();
    for row in 0..rows {
        let acc = &acc.data()[row * acc.strides()[0]..][..columns];
        if let Some(y) = y.row(row) {
            pieces(acc, y, &mut step);
        }
    }
}

/// `rne(clip(x, less the zero point)) + zero point`.
#[inline(always)]
pub(crate) fn clip_round(x: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
    round_even(bound(x, (low - zero) as f32, (high - zero) as f32)) + zero
}

/// `rne(clip(f32(x + zero point)))`.
#[inline(always)]
pub(crate) fn zero_point_first(x: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
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
        let x = f64::from(acc) * f64::from(by) + f64::from(zero);
        let x = if x > f64::from(low) { x } else { f64::from(low) };
        let x = if x < f64::from(high) { x } else { f64::from(high) };
        round_even_64(x)
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

/// `LEFT`: some accumulators are shifted to the left before, with saturation.
#[derive(Clone, Copy)]
struct TfliteDouble<const LEFT: bool>;

impl<const LEFT: bool> Rule for TfliteDouble<LEFT> {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, by: Fixed, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        moved(multiply_double::<LEFT>(acc, by), zero, ends)
    }
}

/// TFLite's `MultiplyByQuantizedMultiplier`, in two roundings. `LEFT`: some multipliers shift to the left before, with
/// saturation.
#[inline(always)]
pub(crate) fn multiply_double<const LEFT: bool>(acc: i32, by: Fixed) -> i32 {
    let acc = if LEFT { shifted_left(acc, by.shift.max(0) as u32) } else { acc };
    // Rounding by a nudge of either sign and truncating is rounding half up.
    let upper = ((i64::from(acc) * i64::from(by.value) + (1 << 30)) >> 31) as i32;
    let right = (-by.shift).max(0) as u32;
    let mask = 1i32.wrapping_shl(right).wrapping_sub(1);
    let half = (mask >> 1) + i32::from(upper < 0);
    upper.wrapping_shr(right) + i32::from(upper & mask > half)
}

/// `LEFT`: some results may leave 32 bits.
#[derive(Clone, Copy)]
struct TfliteSingle<const LEFT: bool>;

impl<const LEFT: bool> Rule for TfliteSingle<LEFT> {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, by: Fixed, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        let right = (31 - by.shift) as u32;
        let rounded = shifted_right(i64::from(acc) * i64::from(by.value), right);
        let rounded = if LEFT { rounded.clamp(i32::MIN.into(), i32::MAX.into()) } else { rounded };
        moved(rounded as i32, zero, ends)
    }
}

/// Shifted with saturation.
#[inline(always)]
fn shifted_left(acc: i32, left: u32) -> i32 {
    (i64::from(acc) << (left & 31)).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// Shifted by 1 to 62 bits, ties up.
#[inline(always)]
fn shifted_right(value: i64, right: u32) -> i64 {
    (value + (1i64 << (right.wrapping_sub(1) & 63))) >> (right & 63)
}

/// A result, with the zero point, within the ends.
#[inline(always)]
pub(crate) fn moved(rounded: i32, zero: i32, ends: (i32, i32)) -> i32 {
    // The sum fits: nothing beyond is within the ends.
    within(within(rounded, (-1024, 1024)) + zero, ends)
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
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        let (significand, right) = parts(by);
        // Its conversion to 32 bits wraps.
        moved(shifted_right(i64::from(acc) * i64::from(significand), right) as i32, zero, ends)
    }
}

/// `LEFT`: some accumulators are shifted to the left before, with saturation.
#[derive(Clone, Copy)]
struct RndnuNeon<const LEFT: bool>;

impl<const LEFT: bool> Rule for RndnuNeon<LEFT> {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, by: f32, _: f32, _: f32, zero: i32, ends: (i32, i32)) -> i32 {
        let (significand, right) = parts(by);
        let right = right as i32 - 24;
        let after = if LEFT { right.max(1) } else { right };
        let acc = if LEFT { shifted_left(acc, (after - right) as u32) } else { acc };
        // The doubled product's upper half, not rounded; it fits, the multiplier being positive.
        let upper = ((i64::from(acc) * (i64::from(significand) << 7)) >> 31) as i32;
        // Half of it is added after half of the shift, so that it has room.
        let rounded = (upper.wrapping_shr((after - 1) as u32) + 1) >> 1;
        // Bounds of 16 bits, before the zero point and after, are beyond those of the results.
        moved(rounded, zero, ends)
    }
}
