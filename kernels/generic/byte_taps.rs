//! Depthwise convolution of unsigned bytes: taps of a channel, two or four, are multiplied by their weights at once.
//!
//! By *digits*: a weight is `16 * high + low` with digits of -8 to 8, as long as it lies within ±136. Products of a byte
//! and a digit are so small that the taps of a window sum up in 16 bits: the packer proves it for each channel. One
//! instruction then multiplies twice the values of [`super::depthwise`], nothing is widened, and sums of both digits are
//! joined to 32 bits once a window. By *quads*, on tiers that add four products of bytes to 32 bits, a weight is itself.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::registers::{Ends, Registers};
use super::store::{Store, WIDEST, WithStore, copy_few, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::args::{DepthwiseArgs, Slide};
use crate::pack::{TapLayout, TapPacking};

/// Registers whose packs undo the order in which bytes were interleaved.
///
/// # Safety
/// As [`Registers`].
pub(crate) trait Joined: Registers {
    /// The channel, within a block of `4 * LANES`, at each place of joined sums: bytes of all channels interleaved, and
    /// the result with another such.
    const JOINED: &'static [u8];

    /// Brings joined sums into the order of channels.
    unsafe fn joined_in_order(x: [Self::Int; 4]) -> [Self::Int; 4];
    /// [`Registers::store_saturated`] of joined sums, in the order of channels.
    unsafe fn store_joined(to: *mut u8, x: [Self::Int; 4], ends: &Ends);
}

/// How taps of bytes are multiplied, for a block of `4 * LANES` channels.
///
/// # Safety
/// All methods need the tier's CPU features, and a block's bytes at each pointer to activations.
pub(crate) trait ByteTaps: Sized {
    /// The registers of the sums.
    type R: Joined;
    /// A column of four bytes of each channel.
    type Column: Copy;
    /// Sums of each channel, as they are before they are joined.
    type Sums: Copy;

    /// How weights are packed.
    const PACKING: TapPacking;
    /// The channel at each place of a layer of packed weights.
    const ORDER: &'static [u8];

    /// The column of four lines of input.
    unsafe fn column(lines: [*const u8; 4]) -> Self::Column;
    /// What a window's sums start from; the bias lies as joined sums do.
    unsafe fn start(bias: *const i32) -> Self::Sums;
    /// The sums and a column by its weights.
    unsafe fn add_column(sums: Self::Sums, column: Self::Column, weights: *const i8) -> Self::Sums;
    /// The sums and a unit of taps by its weights; of the pointers as many count as the packing has taps to a unit.
    unsafe fn add_unit(sums: Self::Sums, taps: [*const u8; 4], weights: *const i8) -> Self::Sums;
    /// Joins the sums, with the bias if they did not start from it.
    unsafe fn join(sums: Self::Sums, bias: *const i32) -> [<Self::R as Registers>::Int; 4];
}

/// The layout of the packed weights.
pub(crate) const fn layout<T: ByteTaps>() -> TapLayout {
    TapLayout { packing: T::PACKING, order: T::ORDER, joined: T::R::JOINED }
}

/// Bytes of the weights of a unit of taps, for each channel of a block: two taps of two digits, or four taps.
const UNIT_BYTES: usize = 4;

/// Columns of a window of 3 x 3, of four taps with the one that has no weight.
const COLUMNS: usize = 3;

/// How often the weights of such a window stand there: for its own rows, and for those from one above.
const FORMS: usize = 2;

/// Bytes of the weights of a column, likewise.
const fn column_bytes<T: ByteTaps>() -> usize {
    UNIT_BYTES * 4 / T::PACKING.unit()
}

/// Pixels of a row that are computed for one block of channels, then for the next: as far as four rows of input stay in
/// the first cache.
const SPAN: usize = 28;

/// Pixels that share the weights loaded: eight registers of sums, and as many operands.
const PIXELS: usize = 2;

/// See the module.
///
/// # Safety
/// The taps' features, and arguments that [`crate::KernelSet::depthwise`] has checked.
#[inline(always)]
pub(crate) unsafe fn depthwise<T: ByteTaps>(args: &mut DepthwiseArgs<'_>) {
    let windows = ByTaps::<T> { windows: Windows::new(args, args.a.bytes(), args.weights.bytes()), taps: PhantomData };
    // SAFETY: the caller has checked the arguments.
    unsafe {
        match args.sliding {
            Some(Slide { width, columns: 1 }) => with_store::<T::R>(&mut args.epilogue, Sliding { windows, width }),
            Some(Slide { width, .. }) => with_store::<T::R>(&mut args.epilogue, Striding { windows, width }),
            None => with_store::<T::R>(&mut args.epilogue, windows),
        }
    }
}

/// The windows, and how their taps are multiplied.
struct ByTaps<'a, T> {
    windows: Windows<'a, u8, i8>,
    taps: PhantomData<T>,
}

/// Windows of 3 x 3 that move by one column of taps from a pixel to the next, and by one row from a row to the next. Two
/// rows of pixels share the bytes of four rows, paired once; of three columns in registers two are the next pixel's too.
struct Sliding<'a, T> {
    windows: ByTaps<'a, T>,
    /// Pixels of a row.
    width: usize,
}

/// Windows of 3 x 3 that move by two columns of taps: one of three is the next pixel's too.
struct Striding<'a, T> {
    windows: ByTaps<'a, T>,
    /// Pixels of a row.
    width: usize,
}

impl<T: ByteTaps> WithStore<T::R> for Sliding<'_, T> {
    #[inline(always)]
    unsafe fn run<S: Store<T::R>>(self, store: S) {
        let Sliding { windows, width } = self;
        let count = windows.windows.rows.len();
        let mut row = 0;
        // SAFETY: the rows are those of the arguments, `width` to a row of pixels.
        unsafe {
            while count - row >= 2 * width {
                windows.spans::<S, 1, 2>(row, width, &store);
                row += 2 * width;
            }
            if row < count {
                windows.spans::<S, 1, 1>(row, width, &store);
            }
        }
    }
}

impl<T: ByteTaps> WithStore<T::R> for Striding<'_, T> {
    #[inline(always)]
    unsafe fn run<S: Store<T::R>>(self, store: S) {
        for row in (0..self.windows.windows.rows.len()).step_by(self.width) {
            // SAFETY: the rows are those of the arguments, `width` to a row of pixels.
            unsafe { self.windows.spans::<S, 2, 1>(row, self.width, &store) }
        }
    }
}

impl<T: ByteTaps> ByTaps<'_, T> {
    /// `N` rows of pixels from one, whose windows move by `MOVE` columns.
    #[inline(always)]
    unsafe fn spans<S: Store<T::R>, const MOVE: usize, const N: usize>(&self, row: usize, width: usize, store: &S) {
        for x in (0..width).step_by(SPAN) {
            // SAFETY: the caller grants the rows.
            unsafe { self.span::<S, MOVE, N>(row + x, SPAN.min(width - x), width, store) }
        }
    }

    /// All channels of `len` neighbouring pixels, of `N` rows.
    #[inline(always)]
    unsafe fn span<S: Store<T::R>, const MOVE: usize, const N: usize>(
        &self,
        first: usize,
        len: usize,
        width: usize,
        store: &S,
    ) {
        let block = 4 * T::R::LANES;
        let Windows { a, rows, taps, weights, channels, bias } = self.windows;
        let below = first + (N - 1) * width;
        // Results of a last block that is not whole, all of it.
        let mut buffer = [MaybeUninit::<S::Element>::uninit(); 2 * SPAN * WIDEST];
        let mut weights = weights.as_ptr();
        let moved = const { COLUMNS * column_bytes::<T>() } * block;
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
                let mut left = column::<T>(lines, 0);
                let mut middle = if MOVE == 1 { column::<T>(lines, pitch) } else { left };
                let mut at = pitch;
                for _ in 0..len {
                    if MOVE == 2 {
                        middle = column::<T>(lines, at);
                    }
                    let right = column::<T>(lines, at + pitch);
                    let columns = [left, middle, right];
                    store.write_joined(to, channel, window::<T>(&columns, weights, bias));
                    to = to.add(step);
                    if N == 2 {
                        let below = window::<T>(&columns, weights.add(moved), bias);
                        store.write_joined(to_below, channel, below);
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
                weights = weights.add(FORMS * moved);
                channel += block;
            }
        }
    }
}

/// The column of four lines at a distance.
///
/// # Safety
/// As [`ByteTaps`].
#[inline(always)]
unsafe fn column<T: ByteTaps>(lines: [*const u8; 4], at: usize) -> T::Column {
    // SAFETY: the caller grants the bytes.
    unsafe { T::column([lines[0].add(at), lines[1].add(at), lines[2].add(at), lines[3].add(at)]) }
}

/// The sums of a window: what its columns come to, and the bias.
///
/// # Safety
/// The taps' features; the weights of a window of 3 x 3 of a block are there, and its bias.
#[inline(always)]
unsafe fn window<T: ByteTaps>(
    columns: &[T::Column; COLUMNS],
    weights: *const i8,
    bias: *const i32,
) -> [<T::R as Registers>::Int; 4] {
    let step = const { column_bytes::<T>() } * 4 * T::R::LANES;
    // SAFETY: the caller grants weights and bias.
    unsafe {
        let mut sums = T::start(bias);
        sums = T::add_column(sums, columns[0], weights);
        sums = T::add_column(sums, columns[1], weights.add(step));
        sums = T::add_column(sums, columns[2], weights.add(2 * step));
        T::join(sums, bias)
    }
}

impl<T: ByteTaps> WithStore<T::R> for ByTaps<'_, T> {
    #[inline(always)]
    unsafe fn run<S: Store<T::R>>(self, store: S) {
        // SAFETY: the pixels are those of the arguments.
        unsafe { walk::<T::R, _, S, PIXELS>(&self, self.windows.rows.len(), &store) }
    }
}

impl<T: ByteTaps> Pixels<T::R> for ByTaps<'_, T> {
    #[inline(always)]
    unsafe fn pixels<S: Store<T::R>, const P: usize>(&self, row: usize, store: &S) {
        let block = 4 * T::R::LANES;
        let Windows { taps, weights, channels, bias, .. } = self.windows;
        // All weights of a block, of which the first form is for a window's own rows.
        let stored = weights.len() / channels.div_ceil(block);
        let mut first = weights.as_ptr();
        let mut channel = 0;
        // SAFETY: each window has a block's channels behind each tap, and weights and bias are padded to blocks.
        unsafe {
            let starts = self.windows.starts::<P>(row);
            while channel < channels {
                let bias = bias.as_ptr().add(channel);
                let mut weights = first;
                let mut sums = [T::start(bias); P];
                for unit in taps.chunks_exact(const { T::PACKING.unit() }) {
                    let last = const { T::PACKING.unit() } - 1;
                    let at = [unit[0] as usize, unit[1] as usize, unit[last.min(2)] as usize, unit[last] as usize];
                    for p in 0..P {
                        let from = [
                            starts[p].add(at[0] + channel),
                            starts[p].add(at[1] + channel),
                            starts[p].add(at[2] + channel),
                            starts[p].add(at[3] + channel),
                        ];
                        sums[p] = T::add_unit(sums[p], from, weights);
                    }
                    weights = weights.add(UNIT_BYTES * block);
                }
                let count = block.min(channels - channel);
                each_row!(p in P => {
                    store.store_joined(row + p, channel, count, T::join(sums[p], bias));
                });
                first = first.add(stored);
                channel += block;
            }
        }
    }
}
