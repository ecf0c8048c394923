//! Depthwise convolution of bytes, by digits of the weights.
//!
//! A weight is `16 * high + low` with digits of -8 to 8, as long as it lies within ±136. Products of a byte and a digit
//! are so small that the taps of a window sum up in 16 bits: the packer proves it for each channel. One instruction then
//! multiplies twice the values of [`super::depthwise`], nothing is widened, and sums of both digits are joined to 32 bits
//! once a window.

use super::registers::Registers;
use super::store::{Store, WithStore, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::table::DepthwiseArgs;

/// Registers that multiply bytes by digits.
///
/// # Safety
/// As [`Registers`].
pub(crate) trait Digits: Registers {
    /// `4 * LANES` bytes.
    type Bytes: Copy;

    /// The channel, within a block of `4 * LANES`, at each place of [`Digits::interleave_bytes`]'s results.
    const INTERLEAVED_BYTES: &'static [u8];

    /// Reads `4 * LANES` bytes at each pointer and pairs them: all of `x` with all of `y`, in any order of places.
    unsafe fn interleave_bytes(x: *const u8, y: *const u8) -> [Self::Bytes; 2];
    /// Reads digits for one register of interleaved bytes.
    unsafe fn load_digits(from: *const i8) -> Self::Bytes;
    /// No sums yet.
    unsafe fn no_sums() -> Self::Words;
    /// `acc + x.0 * digits.0 + x.1 * digits.1` for each pair; nothing may leave 16 bits.
    unsafe fn dot_digits(acc: Self::Words, x: Self::Bytes, digits: Self::Bytes) -> Self::Words;
    /// `16 * high + low`.
    unsafe fn join_digits(high: Self::Words, low: Self::Words) -> [Self::Int; 2];
    /// Brings what was computed from interleaved bytes into the order of channels.
    unsafe fn bytes_in_order(x: [Self::Int; 4]) -> [Self::Int; 4];
}

/// Pixels of a row that are computed for one block of channels, then for the next: as far as four rows of input stay in
/// the first cache.
const SPAN: usize = 28;

/// Pixels that share the digits loaded: eight registers of sums, and as many operands.
const PIXELS: usize = 2;

/// By digits of the weights.
///
/// # Safety
/// The registers' features, and arguments that [`crate::KernelSet::depthwise`] has checked.
#[inline(always)]
pub(crate) unsafe fn depthwise<R: Digits>(args: &mut DepthwiseArgs<'_>) {
    let windows: ByDigits<'_> = Windows::new(args, args.a.bytes(), args.weights.digits());
    // SAFETY: the caller has checked the arguments.
    unsafe {
        match args.sliding {
            Some(width) => with_store::<R>(&mut args.epilogue, Sliding { windows, width }),
            None => with_store::<R>(&mut args.epilogue, windows),
        }
    }
}

type ByDigits<'a> = Windows<'a, u8, i8>;

/// Windows of 3 x 3 that move by one tap from a pixel to the next, and from a row to the next. Two rows of pixels share
/// the bytes of four rows, paired once; of three columns in registers two are the next pixel's too.
struct Sliding<'a> {
    windows: ByDigits<'a>,
    width: usize,
}

/// A column of four bytes of each channel: the upper pair and the lower, of half a block each.
type Column<B> = [[B; 2]; 2];

impl<R: Digits> WithStore<R> for Sliding<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        let mut row = 0;
        // SAFETY: the rows are those of the arguments, `width` to a row of pixels.
        unsafe {
            while row < self.windows.rows.len() {
                let two = self.windows.rows.len() - row >= 2 * self.width;
                let mut x = 0;
                while x < self.width {
                    let end = (x + SPAN).min(self.width);
                    if two {
                        self.span::<R, S, 2>(row + x, row + end, &store);
                    } else {
                        self.span::<R, S, 1>(row + x, row + end, &store);
                    }
                    x = end;
                }
                row += if two { 2 * self.width } else { self.width };
            }
        }
    }
}

impl Sliding<'_> {
    /// All channels of neighbouring pixels, of `N` rows.
    #[inline(always)]
    unsafe fn span<R: Digits, S: Store<R>, const N: usize>(&self, first: usize, end: usize, store: &S) {
        let block = 4 * R::LANES;
        let windows = &self.windows;
        let mut digits = windows.weights.as_ptr();
        let mut channel = 0;
        // SAFETY: as in `pixels`; a window of the row below is as much inside the activations as one of this row.
        unsafe {
            while channel < windows.channels {
                let bias = windows.bias.as_ptr().add(channel);
                let count = block.min(windows.channels - channel);
                let mut left = self.column::<R, N>(first, 0, channel);
                let mut middle = self.column::<R, N>(first, 1, channel);
                for row in first..end {
                    let right = self.column::<R, N>(row, 2, channel);
                    let columns = [left, middle, right];
                    store.store(row, channel, count, window::<R>(&columns, digits, bias));
                    if N == 2 {
                        let moved = digits.add(DIGITS * block);
                        store.store(row + self.width, channel, count, window::<R>(&columns, moved, bias));
                    }
                    (left, middle) = (middle, right);
                }
                digits = digits.add(FORMS * DIGITS * block);
                channel += block;
            }
        }
    }

    /// One of the three columns of a pixel's window, and of the one below.
    #[inline(always)]
    unsafe fn column<R: Digits, const N: usize>(&self, row: usize, column: usize, channel: usize) -> Column<R::Bytes> {
        let Windows { a, rows, taps, .. } = self.windows;
        // SAFETY: as in `pixels`.
        unsafe {
            let a = a.as_ptr().add(channel);
            let start = a.add(*rows.get_unchecked(row) as usize);
            let below = a.add(*rows.get_unchecked(row + (N - 1) * self.width) as usize);
            let taps = taps.as_ptr().add(4 * column);
            let taps = [*taps as usize, *taps.add(1) as usize, *taps.add(2) as usize];
            [
                R::interleave_bytes(start.add(taps[0]), start.add(taps[1])),
                R::interleave_bytes(start.add(taps[2]), below.add(taps[2])),
            ]
        }
    }
}

/// Digits of a channel of a window of 3 x 3: high and low ones of three columns of four.
const DIGITS: usize = 24;

/// How often the digits of a window of 3 x 3 stand there: for its own rows, and for those from one above.
const FORMS: usize = 2;

/// The sums of a window: what its columns come to, and the bias.
#[inline(always)]
unsafe fn window<R: Digits>(columns: &[Column<R::Bytes>; 3], digits: *const i8, bias: *const i32) -> [R::Int; 4] {
    let block = 4 * R::LANES;
    // SAFETY: the caller grants the digits of a block and its bias.
    unsafe {
        let mut sums = [[R::no_sums(); 2]; 2];
        for half in 0..2 {
            for column in 0..3 {
                for pair in 0..2 {
                    let at = digits.add((8 * column + 4 * pair + half) * block);
                    let x = columns[column][pair][half];
                    sums[half][0] = R::dot_digits(sums[half][0], x, R::load_digits(at));
                    sums[half][1] = R::dot_digits(sums[half][1], x, R::load_digits(at.add(2 * block)));
                }
            }
        }
        finish::<R>(sums, bias)
    }
}

/// Joins the sums of high and low digits, of both halves of a block, and adds the bias.
#[inline(always)]
unsafe fn finish<R: Digits>(sums: [[R::Words; 2]; 2], bias: *const i32) -> [R::Int; 4] {
    // SAFETY: the caller grants the bias of a block.
    unsafe {
        let [a, b] = R::join_digits(sums[0][0], sums[0][1]);
        let [c, d] = R::join_digits(sums[1][0], sums[1][1]);
        let mut acc = R::bytes_in_order([a, b, c, d]);
        for n in 0..4 {
            acc[n] = R::add(acc[n], R::load(bias.add(n * R::LANES)));
        }
        acc
    }
}

impl<R: Digits> WithStore<R> for ByDigits<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        // SAFETY: the pixels are those of the arguments.
        unsafe { walk::<R, _, S, PIXELS>(&self, self.rows.len(), &store) }
    }
}

impl<R: Digits> Pixels<R> for ByDigits<'_> {
    #[inline(always)]
    unsafe fn pixels<S: Store<R>, const P: usize>(&self, row: usize, store: &S) {
        let block = 4 * R::LANES;
        // All digits of a block, of which the first form is for a window's own rows.
        let stored = self.weights.len() / self.channels.div_ceil(block);
        let mut first = self.weights.as_ptr();
        let mut channel = 0;
        // SAFETY: each window has a block's channels behind each tap, and digits and bias are padded to blocks.
        unsafe {
            let starts = self.starts::<P>(row);
            while channel < self.channels {
                let mut digits = first;
                let mut sums = [[[R::no_sums(); 2]; 2]; P];
                for pair in self.taps.chunks_exact(2) {
                    let (upper, lower) = (pair[0] as usize + channel, pair[1] as usize + channel);
                    for p in 0..P {
                        let x = R::interleave_bytes(starts[p].add(upper), starts[p].add(lower));
                        for half in 0..2 {
                            let at = digits.add(half * block);
                            let [high, low] = &mut sums[p][half];
                            *high = R::dot_digits(*high, x[half], R::load_digits(at));
                            *low = R::dot_digits(*low, x[half], R::load_digits(at.add(2 * block)));
                        }
                    }
                    digits = digits.add(4 * block);
                }
                let bias = self.bias.as_ptr().add(channel);
                let count = block.min(self.channels - channel);
                each_row!(p in P => {
                    store.store(row + p, channel, count, finish::<R>(sums[p], bias));
                });
                first = first.add(stored);
                channel += block;
            }
        }
    }
}
