//! Depthwise convolution of unsigned bytes by windows of 3 × 3 that share columns, over the input where it lies.
//!
//! Windows that move by one column from a pixel to the next, and by one row from a row to the next: two rows of pixels
//! share the bytes of four lines, interleaved once, and of three columns in registers two are the next pixel's too.
//! Windows that move by two columns share one. Padding above and below is a line of zero points in the place of the
//! input's, on the left and the right a column of them.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;

use super::byte_taps::{ByteTaps, UNIT_BYTES};
use super::registers::Registers;
use super::store::{Store, WIDEST, WithStore, copy_few, with_store};
use crate::args::{SlidingArgs, SlidingWindows};

/// Pixels of a row that are computed for one block of channels, then for the next: as far as four lines of input stay in
/// the first cache.
const SPAN: usize = 28;

/// Columns of a window, of four taps with the one that has no weight.
const COLUMNS: usize = 3;

/// How often the weights of a window stand there: for its own rows, and for those from one above.
const FORMS: usize = 2;

/// Bytes of the weights of a column, for each channel of a block.
const fn column_bytes<T: ByteTaps>() -> usize {
    UNIT_BYTES * 4 / T::PACKING.unit()
}

/// See the module: some channels, which begin with a block.
///
/// # Safety
/// The taps' features, and arguments that [`crate::KernelSet::sliding`] has checked.
#[inline(always)]
pub(crate) unsafe fn sliding<T: ByteTaps>(args: &mut SlidingArgs<'_>, channels: Range<usize>) {
    if channels.is_empty() {
        return;
    }
    let windows = args.windows;
    let sliding = Sliding::<T> { windows, ends: windows.ends(), channels, taps: PhantomData };
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<T::R>(&mut args.epilogue, sliding) }
}

/// The windows, and how their taps are multiplied.
struct Sliding<'a, T> {
    windows: SlidingWindows<'a>,
    /// Whether a row's first column and its last are padding.
    ends: [bool; 2],
    channels: Range<usize>,
    taps: PhantomData<T>,
}

impl<T: ByteTaps> WithStore<T::R> for Sliding<'_, T> {
    #[inline(always)]
    unsafe fn run<S: Store<T::R>>(self, store: S) {
        let two = self.windows.columns == 1 && self.windows.down == self.windows.apart;
        let mut row = 0;
        // SAFETY: the rows are those of the arguments.
        unsafe {
            while row < self.windows.rows {
                if two && self.windows.rows - row >= 2 {
                    self.row::<S, 1, 2>(row, &store);
                    row += 2;
                    continue;
                }
                if self.windows.columns == 1 {
                    self.row::<S, 1, 1>(row, &store);
                } else {
                    self.row::<S, 2, 1>(row, &store);
                }
                row += 1;
            }
        }
    }
}

/// Some pixels of a row, or of two rows.
#[derive(Clone, Copy)]
struct Span {
    /// The first pixel, and the one below it.
    pixels: [usize; 2],
    len: usize,
    /// Where the first column begins in a line.
    at: isize,
    /// Whether the first column and the last are padding.
    ends: [bool; 2],
}

impl<T: ByteTaps> Sliding<'_, T> {
    /// The line that some taps of a row of pixels lie in: of the input, or of padding.
    fn line(&self, row: usize, tap: usize) -> *const u8 {
        let line = self.windows.first + (row * self.windows.down + tap * self.windows.apart) as isize;
        if (0..self.windows.lines as isize).contains(&line) {
            self.windows.a.as_ptr().wrapping_add(line as usize * self.windows.line_len)
        } else {
            self.windows.padding.as_ptr()
        }
    }

    /// A row of pixels, or two, whose windows move by `MOVE` columns.
    #[inline(always)]
    unsafe fn row<S: Store<T::R>, const MOVE: usize, const N: usize>(&self, row: usize, store: &S) {
        let lines = [self.line(row, 0), self.line(row, 1), self.line(row, 2), self.line(row + N - 1, 2)];
        for x in (0..self.windows.width).step_by(SPAN) {
            let len = SPAN.min(self.windows.width - x);
            let pixel = row * self.windows.width + x;
            let span = Span {
                pixels: [pixel, pixel + self.windows.width],
                len,
                at: self.windows.start + (x * MOVE * self.windows.pitch) as isize,
                ends: [x == 0 && self.ends[0], x + len == self.windows.width && self.ends[1]],
            };
            // SAFETY: the pixels are the row's.
            unsafe { self.span::<S, MOVE, N>(lines, span, store) }
        }
    }

    /// All channels of a span.
    #[inline(always)]
    unsafe fn span<S: Store<T::R>, const MOVE: usize, const N: usize>(
        &self,
        lines: [*const u8; 4],
        span: Span,
        store: &S,
    ) {
        let block = T::BLOCK;
        let moved = const { COLUMNS * column_bytes::<T>() * T::BLOCK };
        // Where two pixels are computed at once, a second half of the span goes beside the first; of an odd number, the
        // pixel in the middle is in both.
        let len = span.len.div_ceil(T::PIXELS);
        let apart = span.len - len;
        let pitch = self.windows.pitch as isize;
        let second = (apart * MOVE) as isize * pitch;
        // Of the first half and the second: whether the first column and the last are padding.
        let first_outside = [span.ends[0], span.ends[0] && apart == 0];
        let last_outside = [span.ends[1] && apart == 0, span.ends[1]];
        // Results of a last block that is not whole, all of it.
        let mut buffer = [MaybeUninit::<S::Element>::uninit(); 2 * SPAN * WIDEST];
        let Range { start: mut channel, end } = self.channels;
        let stored = const { FORMS * COLUMNS * column_bytes::<T>() };
        let mut weights = self.windows.weights.as_ptr().wrapping_add(channel * stored);
        // SAFETY: every column that is no padding has a block's channels in each line; weights and bias are padded to
        // blocks. Whole blocks are written where they belong, and the buffer has room for a block of each pixel.
        unsafe {
            while channel < end {
                let from = [
                    lines[0].wrapping_add(channel),
                    lines[1].wrapping_add(channel),
                    lines[2].wrapping_add(channel),
                    lines[3].wrapping_add(channel),
                ];
                let outside = [self.windows.padding.as_ptr().wrapping_add(channel); 4];
                let whole = end - channel >= block;
                let (mut to, mut below, step) = if whole {
                    let [first, below] = span.pixels;
                    let below = if N == 2 { below } else { first };
                    (store.place(first, channel), store.place(below, channel), store.stride())
                } else {
                    let buffer = buffer.as_mut_ptr().cast::<S::Element>();
                    (buffer, buffer.add(SPAN * block), block)
                };
                let bias = self.windows.bias.as_ptr().add(channel);
                let mut at = span.at;
                let mut left = T::column(
                    if first_outside[0] { outside } else { moved_by(from, at) },
                    if first_outside[1] { outside } else { moved_by(from, at + second) },
                );
                at += pitch;
                let mut middle = if MOVE == 1 { column::<T>(from, at, second) } else { left };
                macro_rules! pixel {
                    ($right:expr) => {
                        if MOVE == 2 {
                            middle = column::<T>(from, at, second);
                        }
                        let right = $right;
                        let columns = [left, middle, right];
                        T::write(store, [to, to.add(apart * step)], channel, window::<T>(&columns, weights, bias));
                        to = to.add(step);
                        if N == 2 {
                            let sums = window::<T>(&columns, weights.add(moved), bias);
                            T::write(store, [below, below.add(apart * step)], channel, sums);
                            below = below.add(step);
                        }
                        left = if MOVE == 1 { middle } else { right };
                        middle = right;
                        at += MOVE as isize * pitch;
                    };
                }
                for _ in 0..len - usize::from(span.ends[1]) {
                    pixel!(column::<T>(from, at + pitch, second));
                }
                if span.ends[1] {
                    pixel!(T::column(
                        if last_outside[0] { outside } else { moved_by(from, at + pitch) },
                        if last_outside[1] { outside } else { moved_by(from, at + pitch + second) },
                    ));
                }
                // Nothing follows the last pixel.
                let _ = (to, below, left, middle, at);
                if !whole {
                    let buffer = buffer.as_ptr().cast::<S::Element>();
                    let count = end - channel;
                    for pixel in 0..span.len {
                        let from = buffer.add(pixel * block);
                        copy_few(from, store.place(span.pixels[0] + pixel, channel), count);
                        if N == 2 {
                            copy_few(from.add(SPAN * block), store.place(span.pixels[1] + pixel, channel), count);
                        }
                    }
                }
                weights = weights.wrapping_add(block * stored);
                channel += block;
            }
        }
    }
}

/// The column of four lines at a distance, and that of a second pixel.
///
/// # Safety
/// As [`ByteTaps`].
#[inline(always)]
unsafe fn column<T: ByteTaps>(lines: [*const u8; 4], at: isize, second: isize) -> T::Column {
    // SAFETY: the caller grants the bytes.
    unsafe { T::column(moved_by(lines, at), moved_by(lines, at + second)) }
}

/// Places at a distance from four lines.
#[inline(always)]
fn moved_by(lines: [*const u8; 4], by: isize) -> [*const u8; 4] {
    [
        lines[0].wrapping_offset(by),
        lines[1].wrapping_offset(by),
        lines[2].wrapping_offset(by),
        lines[3].wrapping_offset(by),
    ]
}

/// The sums of a window: what its columns come to, and the bias.
///
/// # Safety
/// The taps' features; the weights of a window of a block are there, and its bias.
#[inline(always)]
unsafe fn window<T: ByteTaps>(
    columns: &[T::Column; COLUMNS],
    weights: *const i8,
    bias: *const i32,
) -> [<T::R as Registers>::Int; 4] {
    let step = const { column_bytes::<T>() * T::BLOCK };
    // SAFETY: the caller grants weights and bias.
    unsafe {
        let mut sums = T::start(bias);
        sums = T::add_column(sums, columns[0], weights);
        sums = T::add_column(sums, columns[1], weights.add(step));
        sums = T::add_column(sums, columns[2], weights.add(2 * step));
        T::join(sums, bias)
    }
}
