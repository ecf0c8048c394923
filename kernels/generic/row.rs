//! Rows of elements with parameters of their own, a piece of fixed length at a time.
//!
//! What is done with a piece is a loop over arrays, which the compiler turns into the tier's registers: rules that few
//! ask for need no intrinsics.

use crate::args::Values;

/// Elements of a piece: four registers of 512 bits.
pub(crate) const PIECE: usize = 64;

/// Parameters of a row, piece by piece.
pub(crate) struct Parameters<'a, T> {
    values: Values<'a, T>,
    buffer: [T; PIECE],
}

impl<'a, T: Copy + Default> Parameters<'a, T> {
    #[inline(always)]
    pub(crate) fn new(values: Values<'a, T>) -> Self {
        Self { values, buffer: [values.one(); PIECE] }
    }

    /// See [`Values::one`].
    #[inline(always)]
    pub(crate) fn one(&self) -> T {
        self.values.one()
    }

    /// Those of the elements from an index: where the row ends before the piece does, any behind it.
    #[inline(always)]
    pub(crate) fn from(&mut self, at: usize) -> &[T; PIECE] {
        if let Values::Each(each) = self.values {
            return piece(&each[at..], &mut self.buffer);
        }
        &self.buffer
    }
}

/// What is done with a piece of a row that begins at an index. A function would lack the tier's instructions.
pub(crate) trait OfPiece<X, Y> {
    fn of_piece(&mut self, at: usize, x: &[X; PIECE], y: &mut [Y; PIECE]);
}

/// All pieces of a row: results are written where they belong, but for the last few.
#[inline(always)]
pub(crate) fn pieces<X: Copy + Default, Y: Copy + Default>(x: &[X], y: &mut [Y], step: &mut impl OfPiece<X, Y>) {
    let mut at = 0;
    while let (Some(x), Some(y)) = (x[at..].first_chunk(), y[at..].first_chunk_mut()) {
        step.of_piece(at, x, y);
        at += PIECE;
    }
    let left = y.len() - at;
    if left > 0 {
        let (mut from, mut to) = ([X::default(); PIECE], [Y::default(); PIECE]);
        from[..left].copy_from_slice(&x[at..]);
        step.of_piece(at, &from, &mut to);
        y[at..].copy_from_slice(&to[..left]);
    }
}

/// The first elements of a slice as a piece, in the buffer if there are fewer.
#[inline(always)]
pub(crate) fn piece<'a, T: Copy>(from: &'a [T], buffer: &'a mut [T; PIECE]) -> &'a [T; PIECE] {
    if let Some(piece) = from.first_chunk() {
        return piece;
    }
    buffer[..from.len()].copy_from_slice(from);
    buffer
}

/// `x` within bounds; the lower one for NaN.
#[inline(always)]
pub(crate) fn bound(x: f32, low: f32, high: f32) -> f32 {
    // As one instruction each.
    let x = if x > low { x } else { low };
    if x < high { x } else { high }
}

/// A value within bounds. (`clamp` is a comparison and a choice, which take longer.)
#[inline(always)]
pub(crate) fn within(value: i32, (low, high): (i32, i32)) -> i32 {
    value.max(low).min(high)
}

/// The nearest integer, ties to even, of what is below 2^22: at 3 * 2^22 the last bit of a float is 1.
#[inline(always)]
pub(crate) fn round_even(x: f32) -> i32 {
    const ONES: f32 = 12_582_912.0;
    (x + ONES).to_bits() as i32 - ONES.to_bits() as i32
}

/// The nearest integer, ties to even, of what fits 32 bits.
#[inline(always)]
pub(crate) fn round_even_64(x: f64) -> i32 {
    /// At 3 * 2^51 the last bit is 1; the low half of the bits is the integer then.
    const ONES: f64 = 6_755_399_441_055_744.0;
    (x + ONES).to_bits() as i32
}

/// The nearest integer, ties away from zero.
///
/// # Safety
/// `x` is a number from -2^22 to 2^22.
#[inline(always)]
pub(crate) unsafe fn round_away(x: f32) -> i32 {
    /// The number below one half. Of one half itself, the sum with the number below one half rounds to 1.
    const HALF: f32 = 0.5 - f32::EPSILON / 4.0;
    // For x = n + f, not negative: from f = 1/2 on, the sum is at most 2^-25 below n + 1 and rounds to that or to more,
    // as n + 1 is even or nearest. Else x is at least one of its last places below n + 1/2, so that the sum is below the
    // number before n + 1. Both stay below n + 3/2, which is a number here.
    let moved = x + HALF.copysign(x);
    // SAFETY: the caller grants that it fits an integer.
    unsafe { moved.to_int_unchecked() }
}
