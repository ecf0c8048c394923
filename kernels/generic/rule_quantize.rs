//! Quantisation and dequantisation by a rule, to and from integers of any width.

use core::marker::PhantomData;

use super::registers::Registers;
use super::row::{OfPiece, PIECE, Parameters, bound, pieces, round_away, round_even, within};
use crate::args::Values;
use crate::encode::Reading;
use crate::rules::{DequantizeByRule, FloatRule, Integers, IntegersMut, QuantizeByRule};

/// Beyond every result of 16 bits, whatever its zero point, and a number that rounding takes.
const BEYOND: i32 = 1 << 20;

/// See [`crate::KernelSet::rule_quantize`]: lengths are equal.
///
/// # Safety
/// The registers' features.
#[inline(always)]
pub(crate) unsafe fn quantize<R: Registers>(x: &[f32], y: &mut IntegersMut<'_>, args: &QuantizeByRule<'_>) {
    match y {
        IntegersMut::Bytes(y) => by_rule(PhantomData::<R>, x, y, args),
        IntegersMut::Words(y) => by_rule(PhantomData::<R>, x, y, args),
    }
}

/// Bits of a result.
trait Bits: Copy + Default {
    /// Writes the low bits of results, on a CPU that has the registers.
    ///
    /// # Safety
    /// The registers' features.
    unsafe fn store<R: Registers>(results: &[i32; PIECE], to: &mut [Self; PIECE]);
}

impl Bits for u8 {
    #[inline(always)]
    unsafe fn store<R: Registers>(results: &[i32; PIECE], to: &mut [Self; PIECE]) {
        // SAFETY: the caller has the features.
        unsafe { R::store_low_bytes(results, to) }
    }
}

impl Bits for u16 {
    #[inline(always)]
    unsafe fn store<R: Registers>(results: &[i32; PIECE], to: &mut [Self; PIECE]) {
        for n in 0..PIECE {
            to[n] = results[n] as Self;
        }
    }
}

#[inline(always)]
fn by_rule<R: Registers, T: Bits>(of: PhantomData<R>, x: &[f32], y: &mut [T], args: &QuantizeByRule<'_>) {
    match args.rule {
        FloatRule::Division => quantize_all(of, Division, x, y, args),
        FloatRule::Multiplication => quantize_all(of, Multiplication, x, y, args),
        FloatRule::ZeroPointFirst => quantize_all(of, ZeroPointFirst, x, y, args),
        FloatRule::Away => quantize_all(of, Away, x, y, args),
        FloatRule::AwayWithin => quantize_all(of, AwayWithin, x, y, args),
    }
}

/// The parameters of a number.
#[derive(Clone, Copy)]
struct Of {
    scale: f32,
    /// Greatest magnitude of the number.
    within: f32,
    zero: i32,
    /// Least and greatest result.
    clamp: (i32, i32),
}

impl Of {
    /// A real result within the ends, but for the zero point; the least one for NaN. Both ends are integers, so that
    /// rounding afterwards does not leave them.
    #[inline(always)]
    fn bounded(&self, x: f32, zero: i32) -> f32 {
        let end = |end: i32| within(end.wrapping_sub(zero), (-BEYOND, BEYOND)) as f32;
        bound(x, end(self.clamp.0), end(self.clamp.1))
    }
}

/// The result of a number.
trait Rule: Copy {
    /// Whether NaN becomes the least result.
    const BOUNDS_NAN: bool = true;

    fn result(self, x: f32, of: Of) -> i32;
}

/// A rule with the parameters of a row, for a CPU that has the registers. `EACH`: some are of each element; else one set,
/// in registers, is for all.
struct Quantizing<'a, R, K, const EACH: bool> {
    registers: PhantomData<R>,
    rule: K,
    scales: Parameters<'a, f32>,
    within: Parameters<'a, f32>,
    zeros: Parameters<'a, i32>,
    clamp: (i32, i32),
    nan: i32,
}

impl<R: Registers, K: Rule, T: Bits, const EACH: bool> OfPiece<f32, T> for Quantizing<'_, R, K, EACH> {
    #[inline(always)]
    fn of_piece(&mut self, at: usize, x: &[f32; PIECE], y: &mut [T; PIECE]) {
        let (clamp, mut results) = (self.clamp, [0; PIECE]);
        if EACH {
            let (scales, most, zeros) = (self.scales.from(at), self.within.from(at), self.zeros.from(at));
            for n in 0..PIECE {
                let of = Of { scale: scales[n], within: most[n], zero: zeros[n], clamp };
                results[n] = self.rule.result(x[n], of);
            }
        } else {
            let of = Of { scale: self.scales.one(), within: self.within.one(), zero: self.zeros.one(), clamp };
            for n in 0..PIECE {
                results[n] = self.rule.result(x[n], of);
            }
        }
        if !K::BOUNDS_NAN || self.nan != self.clamp.0 {
            for n in 0..PIECE {
                results[n] = if x[n].is_nan() { self.nan } else { results[n] };
            }
        }
        // SAFETY: the CPU has the features.
        unsafe { T::store::<R>(&results, y) }
    }
}

#[inline(always)]
fn quantize_all<R: Registers, K: Rule, T: Bits>(
    of: PhantomData<R>,
    rule: K,
    x: &[f32],
    y: &mut [T],
    args: &QuantizeByRule<'_>,
) {
    if args.scales.is_one() && args.within.is_one() && args.zero_points.is_one() {
        quantize_row::<R, K, T, false>(of, rule, x, y, args);
    } else {
        quantize_row::<R, K, T, true>(of, rule, x, y, args);
    }
}

#[inline(always)]
fn quantize_row<R: Registers, K: Rule, T: Bits, const EACH: bool>(
    registers: PhantomData<R>,
    rule: K,
    x: &[f32],
    y: &mut [T],
    args: &QuantizeByRule<'_>,
) {
    let mut step = Quantizing::<R, K, EACH> {
        registers,
        rule,
        scales: Parameters::new(args.scales),
        within: Parameters::new(args.within),
        zeros: Parameters::new(args.zero_points),
        clamp: args.clamp,
        nan: args.nan,
    };
    pieces(x, y, &mut step);
}

#[derive(Clone, Copy)]
struct Division;

impl Rule for Division {
    #[inline(always)]
    fn result(self, x: f32, of: Of) -> i32 {
        round_even(of.bounded(x / of.scale, of.zero)) + of.zero
    }
}

#[derive(Clone, Copy)]
struct Multiplication;

impl Rule for Multiplication {
    #[inline(always)]
    fn result(self, x: f32, of: Of) -> i32 {
        round_even(of.bounded(x * of.scale, of.zero)) + of.zero
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst;

impl Rule for ZeroPointFirst {
    #[inline(always)]
    fn result(self, x: f32, of: Of) -> i32 {
        round_even(of.bounded(x / of.scale + of.zero as f32, 0))
    }
}

#[derive(Clone, Copy)]
struct Away;

impl Rule for Away {
    #[inline(always)]
    fn result(self, x: f32, of: Of) -> i32 {
        // SAFETY: it is bounded.
        unsafe { round_away(of.bounded(x / of.scale, of.zero)) + of.zero }
    }
}

#[derive(Clone, Copy)]
struct AwayWithin;

impl Rule for AwayWithin {
    /// Of a bound of 0 it becomes 0.
    const BOUNDS_NAN: bool = false;

    #[inline(always)]
    fn result(self, x: f32, of: Of) -> i32 {
        let x = bound(x, -of.within, of.within);
        // SAFETY: it is bounded.
        unsafe { round_away(of.bounded(x * of.scale, of.zero)) + of.zero }
    }
}

/// See [`crate::KernelSet::rule_dequantize`]: lengths are equal.
#[inline(always)]
pub(crate) fn dequantize(x: Integers<'_>, y: &mut [f32], args: &DequantizeByRule<'_>) {
    match x {
        Integers::Bytes(x, Reading::Unsigned) => dequantize_all(UnsignedBytes, x, y, args),
        Integers::Bytes(x, Reading::Signed) => dequantize_all(SignedBytes, x, y, args),
        Integers::Words(x, Reading::Unsigned) => dequantize_all(UnsignedWords, x, y, args),
        Integers::Words(x, Reading::Signed) => dequantize_all(SignedWords, x, y, args),
        Integers::Longs(x) => dequantize_all(Longs, x, y, args),
    }
}

/// How bits are read.
trait Read<T>: Copy {
    fn value(self, bits: T) -> i32;
}

macro_rules! reads {
    ($($name:ident: $bits:ty, $as:ty;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;

        impl Read<$bits> for $name {
            #[inline(always)]
            fn value(self, bits: $bits) -> i32 {
                bits as $as as i32
            }
        }
    )*};
}
reads! {
    UnsignedBytes: u8, u8;
    SignedBytes: u8, i8;
    UnsignedWords: u16, u16;
    SignedWords: u16, i16;
    Longs: i32, i32;
}

#[inline(always)]
fn dequantize_all<T: Copy + Default, R: Read<T>>(read: R, x: &[T], y: &mut [f32], args: &DequantizeByRule<'_>) {
    if args.divisor == 1.0 {
        dequantize_rows(read, x, y, args.scales, args.zero_points, Undivided);
    } else {
        dequantize_rows(read, x, y, args.scales, args.zero_points, Divided(args.divisor));
    }
}

/// What becomes of a product at last.
trait Divide: Copy {
    fn divide(self, product: f32) -> f32;
}

#[derive(Clone, Copy)]
struct Undivided;

impl Divide for Undivided {
    #[inline(always)]
    fn divide(self, product: f32) -> f32 {
        product
    }
}

#[derive(Clone, Copy)]
struct Divided(f32);

impl Divide for Divided {
    #[inline(always)]
    fn divide(self, product: f32) -> f32 {
        product / self.0
    }
}

/// A reading with the parameters of a row.
struct Dequantizing<'a, R, D> {
    read: R,
    scales: Parameters<'a, f32>,
    zeros: Parameters<'a, i32>,
    last: D,
}

impl<T: Copy, R: Read<T>, D: Divide> OfPiece<T, f32> for Dequantizing<'_, R, D> {
    #[inline(always)]
    fn of_piece(&mut self, at: usize, x: &[T; PIECE], y: &mut [f32; PIECE]) {
        let (scales, zeros) = (self.scales.from(at), self.zeros.from(at));
        for n in 0..PIECE {
            let difference = self.read.value(x[n]).wrapping_sub(zeros[n]);
            y[n] = self.last.divide(difference as f32 * scales[n]);
        }
    }
}

#[inline(always)]
fn dequantize_rows<T: Copy + Default, R: Read<T>, D: Divide>(
    read: R,
    x: &[T],
    y: &mut [f32],
    scales: Values<'_, f32>,
    zero_points: Values<'_, i32>,
    last: D,
) {
    let mut step = Dequantizing { read, scales: Parameters::new(scales), zeros: Parameters::new(zero_points), last };
    pieces(x, y, &mut step);
}
