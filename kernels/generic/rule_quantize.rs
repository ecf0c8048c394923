//! Quantisation and dequantisation by a rule, to and from integers of any width.

use super::row::{OfPiece, PIECE, Parameters, bound, pieces, round_away, round_even, within};
use crate::args::Values;
use crate::encode::Reading;
use crate::rules::{DequantizeByRule, FloatRule, Integers, IntegersMut, QuantizeByRule};

/// Beyond every result of 16 bits, whatever its zero point, and a number that rounding takes.
const BEYOND: f32 = 1_048_576.0;

/// See [`crate::KernelSet::rule_quantize`]: lengths are equal.
#[inline(always)]
pub(crate) fn quantize(x: &[f32], y: &mut IntegersMut<'_>, args: &QuantizeByRule<'_>) {
    match y {
        IntegersMut::Bytes(y) => by_rule(x, y, args),
        IntegersMut::Words(y) => by_rule(x, y, args),
    }
}

/// Bits of a result.
trait Bits: Copy + Default {
    fn of(value: i32) -> Self;
}

impl Bits for u8 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value as Self
    }
}

impl Bits for u16 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value as Self
    }
}

#[inline(always)]
fn by_rule<T: Bits>(x: &[f32], y: &mut [T], args: &QuantizeByRule<'_>) {
    match args.rule {
        FloatRule::Division => quantize_all(Division, x, y, args),
        FloatRule::Multiplication => quantize_all(Multiplication, x, y, args),
        FloatRule::ZeroPointFirst => quantize_all(ZeroPointFirst, x, y, args),
        FloatRule::Away => quantize_all(Away, x, y, args),
        FloatRule::AwayWithin => quantize_all(AwayWithin, x, y, args),
    }
}

/// The result of a number: not yet within the ends.
trait Rule: Copy {
    fn result(self, x: f32, scale: f32, within: f32, zero: i32) -> i32;
}

/// A rule with the parameters of a row.
struct Quantizing<'a, R> {
    rule: R,
    scales: Parameters<'a, f32>,
    within: Parameters<'a, f32>,
    zeros: Parameters<'a, i32>,
    clamp: (i32, i32),
    nan: i32,
}

impl<R: Rule, T: Bits> OfPiece<f32, T> for Quantizing<'_, R> {
    #[inline(always)]
    fn of_piece(&mut self, at: usize, x: &[f32; PIECE], y: &mut [T; PIECE]) {
        let (scales, most, zeros) = (self.scales.from(at), self.within.from(at), self.zeros.from(at));
        for n in 0..PIECE {
            y[n] = T::of(within(self.rule.result(x[n], scales[n], most[n], zeros[n]), self.clamp));
        }
        // What bounds a number makes NaN the least one.
        if self.nan != self.clamp.0 {
            for n in 0..PIECE {
                y[n] = if x[n].is_nan() { T::of(self.nan) } else { y[n] };
            }
        }
    }
}

#[inline(always)]
fn quantize_all<R: Rule, T: Bits>(rule: R, x: &[f32], y: &mut [T], args: &QuantizeByRule<'_>) {
    let mut step = Quantizing {
        rule,
        scales: Parameters::new(args.scales),
        within: Parameters::new(args.within),
        zeros: Parameters::new(args.zero_points),
        clamp: args.clamp,
        nan: args.nan,
    };
    pieces(x, y, &mut step);
}

/// What is beyond every result, but can be rounded.
#[inline(always)]
fn bounded(x: f32) -> f32 {
    bound(x, -BEYOND, BEYOND)
}

#[derive(Clone, Copy)]
struct Division;

impl Rule for Division {
    #[inline(always)]
    fn result(self, x: f32, scale: f32, _: f32, zero: i32) -> i32 {
        round_even(bounded(x / scale)) + zero
    }
}

#[derive(Clone, Copy)]
struct Multiplication;

impl Rule for Multiplication {
    #[inline(always)]
    fn result(self, x: f32, scale: f32, _: f32, zero: i32) -> i32 {
        round_even(bounded(x * scale)) + zero
    }
}

#[derive(Clone, Copy)]
struct ZeroPointFirst;

impl Rule for ZeroPointFirst {
    #[inline(always)]
    fn result(self, x: f32, scale: f32, _: f32, zero: i32) -> i32 {
        round_even(bounded(x / scale + zero as f32))
    }
}

#[derive(Clone, Copy)]
struct Away;

impl Rule for Away {
    #[inline(always)]
    fn result(self, x: f32, scale: f32, _: f32, zero: i32) -> i32 {
        // SAFETY: it is bounded.
        unsafe { round_away(bounded(x / scale)) + zero }
    }
}

#[derive(Clone, Copy)]
struct AwayWithin;

impl Rule for AwayWithin {
    #[inline(always)]
    fn result(self, x: f32, scale: f32, within: f32, zero: i32) -> i32 {
        // A bound of 0 would make NaN 0.
        let x = if x.is_nan() { f32::NEG_INFINITY } else { bound(x, -within, within) };
        // SAFETY: it is bounded.
        unsafe { round_away(bounded(x * scale)) + zero }
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
