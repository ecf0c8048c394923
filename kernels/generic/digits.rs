//! Depthwise convolution of bytes, by digits of the weights.
//!
//! A weight is `16 * high + low` with digits of -8 to 8, as long as it lies within ±136. Products of a byte and a digit
//! are so small that the taps of a window sum up in 16 bits: the packer proves it for each channel. One instruction then
//! multiplies twice the values of [`super::depthwise`], nothing is widened, and sums of both digits are joined to 32 bits
//! once a window.

use core::mem::MaybeUninit;

use super::registers::{Ends, Registers};
use super::store::{Store, WIDEST, WithStore, copy_few, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::table::{DepthwiseArgs, Slide};

/// Registers that multiply bytes by digits.
///
/// # Safety
/// As [`Registers`].
pub(crate) trait Digits: Registers {
    /// `4 * LANES` bytes.
    type Bytes: Copy;

    /// The channel, within a block of `4 * LANES`, at each place of [`Digits::interleave_bytes`]'s results.
    const INTERLEAVED_BYTES: &'static [u8];

    /// The channel at each place of the sums that [`Digits::join_digits`] makes of both halves of a block.
    const JOINED: &'static [u8];

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
    /// Brings joined sums into the order of channels.
    unsafe fn joined_in_order(x: [Self::Int; 4]) -> [Self::Int; 4];
    /// [`Registers::store_saturated`] of joined sums, in the order of channels.
    unsafe fn store_joined(to: *mut u8, x: [Self::Int; 4], ends: &Ends);
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
            Some(Slide { width, columns: 1 }) => with_store::<R>(&mut args.epilogue, Sliding { windows, width }),
            Some(Slide { width, .. }) => with_store::<R>(&mut args.epilogue, Striding { windows, width }),
            None => with_store::<R>(&mut args.epilogue, windows),
        }
    }
}

type ByDigits<'a> = Windows<'a, u8, i8>;

/// Windows of 3 x 3 that move by one column of taps from a pixel to the next, and by one row from a row to the next. Two
/// rows of pixels share the bytes of four rows, paired once; of three columns in registers two are the next pixel's too.
struct Sliding<'a> {
    windows: ByDigits<'a>,
    /// Pixels of a row.
    width: usize,
}

/// Windows of 3 x 3 that move by two columns of taps: one of three is the next pixel's too.
struct Striding<'a> {
    windows: ByDigits<'a>,
    /// Pixels of a row.
    width: usize,
}

/// A column of four bytes of each channel: the upper pair and the lower, of half a block each.
type Column<B> = [[B; 2]; 2];

impl<R: Digits> WithStore<R> for Sliding<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        let Sliding { windows, width } = self;
        let mut row = 0;
        // SAFETY: the rows are those of the arguments, `width` to a row of pixels.
        unsafe {
            while windows.rows.len() - row >= 2 * width {
                spans::<R, S, 1, 2>(&windows, row, width, &store);
                row += 2 * width;
            }
            if row < windows.rows.len() {
                spans::<R, S, 1, 1>(&windows, row, width, &store);
            }
        }
    }
}

impl<R: Digits> WithStore<R> for Striding<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        for row in (0..self.windows.rows.len()).step_by(self.width) {
            // SAFETY: the rows are those of the arguments, `width` to a row of pixels.
            unsafe { spans::<R, S, 2, 1>(&self.windows, row, self.width, &store) }
        }
    }
}

/// `N` rows of pixels from one, whose windows move by `MOVE` columns.
#[inline(always)]
unsafe fn spans<R: Digits, S: Store<R>, const MOVE: usize, const N: usize>(
    windows: &ByDigits<'_>,
    row: usize,
    width: usize,
    store: &S,
) {
    for x in (0..width).step_by(SPAN) {
        // SAFETY: the caller grants the rows.
        unsafe { span::<R, S, MOVE, N>(windows, row + x, SPAN.min(width - x), width, store) }
    }
}

/// All channels of `len` neighbouring pixels, of `N` rows.
#[inline(always)]
unsafe fn span<R: Digits, S: Store<R>, const MOVE: usize, const N: usize>(
    windows: &ByDigits<'_>,
    first: usize,
    len: usize,
    width: usize,
    store: &S,
) {
    let block = 4 * R::LANES;
    let Windows { a, rows, taps, weights, channels, bias } = *windows;
    let below = first + (N - 1) * width;
    // Results of a last block that is not whole, all of it.
    let mut buffer = [MaybeUninit::<S::Element>::uninit(); 2 * SPAN * WIDEST];
    let mut digits = weights.as_ptr();
    let mut channel = 0;
    // SAFETY: as in `pixels`; a window of the row below is as much inside the activations as one of this row. Whole blocks
    // are written where they belong, and the buffer has room for a block of each pixel.
    unsafe {
        let starts = [*rows.get_unchecked(first) as usize, *rows.get_unchecked(below) as usize];
        let tap = taps.as_ptr();
        // From a column to the next.
        let pitch = (*tap.add(4) - *tap) as usize;
        while channel < channels {
            let a = a.as_ptr().add(channel);
            let lines = [
                a.add(starts[0] + *tap as usize),
                a.add(starts[0] + *tap.add(1) as usize),
                a.add(starts[0] + *tap.add(2) as usize),
                a.add(starts[1] + *tap.add(2) as usize),
            ];
            let whole = channels - channel >= block;
            let (mut to, mut to_below, step) = if whole {
                (store.place(first, channel), store.place(below, channel), store.stride())
            } else {
                let buffer = buffer.as_mut_ptr().cast::<S::Element>();
                (buffer, buffer.add(SPAN * block), block)
            };
            let bias = bias.as_ptr().add(channel);
            let mut left = column::<R>(lines, 0);
            let mut middle = if MOVE == 1 { column::<R>(lines, pitch) } else { left };
            let mut at = pitch;
            for _ in 0..len {
                if MOVE == 2 {
                    middle = column::<R>(lines, at);
                }
                let right = column::<R>(lines, at + pitch);
                let columns = [left, middle, right];
                store.write_joined(to, channel, window::<R>(&columns, digits, bias));
                to = to.add(step);
                if N == 2 {
                    let moved = digits.add(DIGITS * block);
                    store.write_joined(to_below, channel, window::<R>(&columns, moved, bias));
                    to_below = to_below.add(step);
                }
                left = if MOVE == 1 { middle } else { right };
                middle = right;
                at += MOVE * pitch;
            }
            if !whole {
                let buffer = buffer.as_ptr().cast::<S::Element>();
                for pixel in 0..len {
                    let from = buffer.add(pixel * block);
                    copy_few(from, store.place(first + pixel, channel), channels - channel);
                    if N == 2 {
                        copy_few(from.add(SPAN * block), store.place(below + pixel, channel), channels - channel);
                    }
                }
            }
            digits = digits.add(FORMS * DIGITS * block);
            channel += block;
        }
    }
}

/// A column of four lines of input.
///
/// # Safety
/// The registers' features, and a block's channels at each place.
#[inline(always)]
unsafe fn column<R: Digits>(lines: [*const u8; 4], at: usize) -> Column<R::Bytes> {
    // SAFETY: the caller grants the bytes.
    unsafe {
        [
            R::interleave_bytes(lines[0].add(at), lines[1].add(at)),
            R::interleave_bytes(lines[2].add(at), lines[3].add(at)),
        ]
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

/// Joins the sums of high and low digits, of both halves of a block, and adds the bias, which lies as they do.
#[inline(always)]
unsafe fn finish<R: Digits>(sums: [[R::Words; 2]; 2], bias: *const i32) -> [R::Int; 4] {
    // SAFETY: the caller grants the bias of a block.
    unsafe {
        let [a, b] = R::join_digits(sums[0][0], sums[0][1]);
        let [c, d] = R::join_digits(sums[1][0], sums[1][1]);
        let mut acc = [a, b, c, d];
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
                    store.store_joined(row + p, channel, count, finish::<R>(sums[p], bias));
                });
                first = first.add(stored);
                channel += block;
            }
        }
    }
}
