//! Requantisation by a rule.

use core::marker::PhantomData;

use super::registers::Registers;
use super::row::{OfPiece, PIECE, Parameters, bound, pieces, round_even, round_even_64, within};
use crate::args::Values;
use crate::rules::{Fixed, RequantizeByRule, Scaling};
use crate::view::{MatMut, MatRef};

/// See [`crate::KernelSet::rule_requantize`]: shapes are equal, columns stand side by side.
///
/// # Safety
/// The registers' features.
#[inline(always)]
pub(crate) unsafe fn requantize<R: Registers>(
    acc: MatRef<'_, i32>,
    y: &mut MatMut<'_, u8>,
    args: &RequantizeByRule<'_>,
) {
    let none = Values::All(0.0);
    let mut rows = Rows::<R> { acc, y, args, registers: PhantomData };
    match args.scaling {
        Scaling::ClipRound(by) => rows.by(ClipRound, by, none, none),
        Scaling::ZeroPointFirst(by) => rows.by(ZeroPointFirst, by, none, none),
        Scaling::ZeroPointFirst64(by) => rows.by(ZeroPointFirst64, by, none, none),
        Scaling::OneDnn { before, by, bias, after } => rows.by(OneDnn { before }, by, bias, after),
        Scaling::Fbgemm { by, bias } => rows.by(Fbgemm, by, bias, none),
        Scaling::TfliteDouble(by) if most_shift(by) < 0 => rows.by(TfliteDoubleOfSmall, by, none, none),
        Scaling::TfliteDouble(by) => rows.by(TfliteDouble, by, none, none),
        Scaling::TfliteSingle(by) if most_shift(by) < -1 => rows.by(TfliteSingleOfSmall, by, none, none),
        Scaling::TfliteSingle(by) => rows.by(TfliteSingle, by, none, none),
        // Below one half the two are the same: nothing is shifted to the left, and to truncate bits before rounding up
        // changes nothing.
        Scaling::Rndnu(by) | Scaling::RndnuNeon(by) if most(by) < 0.25 => {
            rows.by(RndnuOfSmall, by, none, none);
        }
        Scaling::Rndnu(by) => rows.by(Rndnu, by, none, none),
        Scaling::RndnuNeon(by) => rows.by(RndnuNeon, by, none, none),
    }
}

/// The greatest shift: all multipliers are below `2^shift`.
#[inline(always)]
fn most_shift(by: Values<'_, Fixed>) -> i32 {
    match by {
        Values::All(all) => all.shift,
        Values::Each(each) => {
            let mut most = i32::MIN;
            for fixed in each {
                most = most.max(fixed.shift);
            }
            most
        }
    }
}

/// The greatest multiplier.
#[inline(always)]
fn most(by: Values<'_, f32>) -> f32 {
    match by {
        Values::All(all) => all,
        Values::Each(each) => {
            let mut most = 0.0;
            for &by in each {
                most = if by > most { by } else { most };
            }
            most
        }
    }
}

/// The parameters of an accumulator.
#[derive(Clone, Copy)]
struct Of<T> {
    by: T,
    /// What is added, and what multiplies after that, where the rule has them.
    bias: f32,
    after: f32,
    zero: i32,
    /// Least and greatest result.
    ends: (i32, i32),
}

/// What becomes of an accumulator.
trait Rule: Copy {
    /// A multiplier.
    type By: Copy + Default;

    fn result(self, acc: i32, of: Of<Self::By>) -> i32;
}

/// A rule with the parameters of a row, for a CPU that has the registers. `EACH`: some are of each column; else one set,
/// in registers, is for all.
struct Row<'a, R, T: Rule, const EACH: bool> {
    registers: PhantomData<R>,
    rule: T,
    by: Parameters<'a, T::By>,
    bias: Parameters<'a, f32>,
    after: Parameters<'a, f32>,
    zeros: Parameters<'a, i32>,
    clamp: (i32, i32),
}

impl<R: Registers, T: Rule, const EACH: bool> OfPiece<i32, u8> for Row<'_, R, T, EACH> {
    #[inline(always)]
    fn of_piece(&mut self, at: usize, acc: &[i32; PIECE], y: &mut [u8; PIECE]) {
        let (ends, mut results) = (self.clamp, [0; PIECE]);
        if EACH {
            let (by, bias, after) = (self.by.from(at), self.bias.from(at), self.after.from(at));
            let zeros = self.zeros.from(at);
            for n in 0..PIECE {
                let of = Of { by: by[n], bias: bias[n], after: after[n], zero: zeros[n], ends };
                results[n] = self.rule.result(acc[n], of);
            }
        } else {
            let (by, bias, after) = (self.by.one(), self.bias.one(), self.after.one());
            let of = Of { by, bias, after, zero: self.zeros.one(), ends };
            for n in 0..PIECE {
                results[n] = self.rule.result(acc[n], of);
            }
        }
        // SAFETY: the CPU has the features.
        unsafe { R::store_low_bytes(&results, y) }
    }
}

/// Rows to requantise, on a CPU that has the registers.
struct Rows<'a, 'y, R> {
    acc: MatRef<'a, i32>,
    y: &'a mut MatMut<'y, u8>,
    args: &'a RequantizeByRule<'a>,
    registers: PhantomData<R>,
}

impl<R: Registers> Rows<'_, '_, R> {
    #[inline(always)]
    fn by<T: Rule>(&mut self, rule: T, by: Values<'_, T::By>, bias: Values<'_, f32>, after: Values<'_, f32>) {
        if by.is_one() && bias.is_one() && after.is_one() && self.args.zero_points.is_one() {
            self.run::<T, false>(rule, by, bias, after);
        } else {
            self.run::<T, true>(rule, by, bias, after);
        }
    }

    #[inline(always)]
    fn run<T: Rule, const EACH: bool>(
        &mut self,
        rule: T,
        by: Values<'_, T::By>,
        bias: Values<'_, f32>,
        after: Values<'_, f32>,
    ) {
        let mut step = Row::<R, T, EACH> {
            registers: self.registers,
            rule,
            by: Parameters::new(by),
            bias: Parameters::new(bias),
            after: Parameters::new(after),
            zeros: Parameters::new(self.args.zero_points),
            clamp: self.args.clamp,
        };
        let [rows, columns] = self.acc.shape();
        for row in 0..rows {
            let acc = &self.acc.data()[row * self.acc.strides()[0]..][..columns];
            if let Some(y) = self.y.row(row) {
                pieces(acc, y, &mut step);
            }
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
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        clip_round(acc as f32 * of.by, of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst;

impl Rule for ZeroPointFirst {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        zero_point_first(acc as f32 * of.by, of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst64;

impl Rule for ZeroPointFirst64 {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        let (low, high) = of.ends;
        let x = f64::from(acc) * f64::from(of.by) + f64::from(of.zero);
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
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        zero_point_first((acc as f32 * self.before * of.by + of.bias) * of.after, of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct Fbgemm;

impl Rule for Fbgemm {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        // Its conversion gives the least integer for what has no room.
        let x = (acc as f32 + of.bias) * of.by;
        clip_round(if x < 2_147_483_648.0 { x } else { f32::NEG_INFINITY }, of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct TfliteDouble;

impl Rule for TfliteDouble {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<Fixed>) -> i32 {
        moved(multiply_double::<true>(acc, of.by), of.zero, of.ends)
    }
}

/// TFLite's `MultiplyByQuantizedMultiplier`, in two roundings. `LEFT`: some multipliers shift to the left before, with
/// saturation.
#[inline(always)]
pub(crate) fn multiply_double<const LEFT: bool>(acc: i32, by: Fixed) -> i32 {
    let acc = if LEFT { shifted_left(acc, by.shift.max(0) as u32) } else { acc };
    let upper = doubled_upper(acc, by.value);
    let right = (-by.shift).max(0) as u32;
    let mask = 1i32.wrapping_shl(right).wrapping_sub(1);
    let half = (mask >> 1) + i32::from(upper < 0);
    upper.wrapping_shr(right) + i32::from(upper & mask > half)
}

/// The upper half of the doubled product, rounded. Rounding by a nudge of either sign and truncating is rounding half up.
#[inline(always)]
fn doubled_upper(acc: i32, value: i32) -> i32 {
    ((i64::from(acc) * i64::from(value) + (1 << 30)) >> 31) as i32
}

/// [`TfliteDouble`] of multipliers below one half, whose second rounding drops a bit or more.
#[derive(Clone, Copy)]
struct TfliteDoubleOfSmall;

impl Rule for TfliteDoubleOfSmall {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<Fixed>) -> i32 {
        let upper = doubled_upper(acc, of.by.value);
        // Ties go away from zero if what is negative is less by one and ties then go up: `⌊(v + 2^(r-1)) / 2^r⌋`, which
        // is `⌊(⌊v / 2^(r-1)⌋ + 1) / 2⌋`. From -2^31 to 2^31 - 2 both sums have room, a multiplier being below 2^31.
        let less = upper.wrapping_add(upper >> 31);
        let rounded = less.wrapping_shr((-1 - of.by.shift) as u32).wrapping_add(1) >> 1;
        moved(rounded, of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct TfliteSingle;

impl Rule for TfliteSingle {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<Fixed>) -> i32 {
        let right = (31 - of.by.shift) as u32;
        let rounded = shifted_right(i64::from(acc) * i64::from(of.by.value), right);
        moved(rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32, of.zero, of.ends)
    }
}

/// [`TfliteSingle`] of multipliers below one quarter.
#[derive(Clone, Copy)]
struct TfliteSingleOfSmall;

impl Rule for TfliteSingleOfSmall {
    type By = Fixed;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<Fixed>) -> i32 {
        moved(shifted_far(acc, of.by.value, (31 - of.by.shift) as u32), of.zero, of.ends)
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

/// A product shifted by 33 to 62 bits, ties up, in registers of 32 bits: a shift of 64 bits that carries the sign is an
/// instruction that some tiers lack.
#[inline(always)]
fn shifted_far(acc: i32, value: i32, right: u32) -> i32 {
    // `⌊(p + 2^(r-1)) / 2^r⌋` is `⌊(⌊p / 2^32⌋ + 2^(r-33)) / 2^(r-32)⌋`, for what is added is a multiple of 2^32. The
    // product is from -2^62 to 2^62, so its upper half and at most 2^29 have room.
    let upper = ((i64::from(acc) * i64::from(value)) >> 32) as i32;
    upper.wrapping_add(1i32.wrapping_shl(right.wrapping_sub(33))).wrapping_shr(right.wrapping_sub(32))
}

/// A result, with the zero point, within the ends.
#[inline(always)]
pub(crate) fn moved(rounded: i32, zero: i32, (low, high): (i32, i32)) -> i32 {
    // Not added before: it might have no room.
    within(rounded, (low - zero, high - zero)) + zero
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
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        let (significand, right) = parts(of.by);
        // Its conversion to 32 bits wraps.
        moved(shifted_right(i64::from(acc) * i64::from(significand), right) as i32, of.zero, of.ends)
    }
}

/// [`Rndnu`] and [`RndnuNeon`] of multipliers below one quarter: nothing wraps, and nothing is shifted to the left.
#[derive(Clone, Copy)]
struct RndnuOfSmall;

impl Rule for RndnuOfSmall {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        let (significand, right) = parts(of.by);
        // Further to the left by 7 bits, and back: so that from 33 bits to drop it are, below one quarter.
        moved(shifted_far(acc, significand << 7, right.wrapping_add(7)), of.zero, of.ends)
    }
}

#[derive(Clone, Copy)]
struct RndnuNeon;

impl Rule for RndnuNeon {
    type By = f32;

    #[inline(always)]
    fn result(self, acc: i32, of: Of<f32>) -> i32 {
        let (significand, right) = parts(of.by);
        let right = right as i32 - 24;
        let after = right.max(1);
        // With saturation.
        let acc = shifted_left(acc, (after - right) as u32);
        // The doubled product's upper half, not rounded; it fits, the multiplier being positive.
        let upper = ((i64::from(acc) * (i64::from(significand) << 7)) >> 31) as i32;
        // Half of it is added after half of the shift, so that it has room.
        let rounded = (upper.wrapping_shr((after - 1) as u32) + 1) >> 1;
        // Bounds of 16 bits, before the zero point and after, are beyond those of the results.
        moved(rounded, of.zero, of.ends)
    }
}
