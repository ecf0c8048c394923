//! Depthwise convolution of unsigned bytes by windows of 3 × 3 that share columns, over the input where it lies.
//!
//! Windows that move by one column from a pixel to the next, and by one row from a row to the next: two rows of pixels
//! share the bytes of four lines, interleaved once, and of three columns in registers two are the next pixel's too.
//! Windows that move by two columns share one. Padding above and below is a line of zero points in the place of the
//! input's, on the left and the right a column of them.

use core::marker::PhantomData;
use core::ops::Range;

use super::byte_taps::{ByteTaps, UNIT_BYTES};
use super::registers::Registers;
use super::store::{Store, WithStore, with_store};
use crate::args::{SlidingArgs, SlidingWindows};

/// Pixels of a row that are computed for one block of channels, then for the next: as far as four lines of input stay in
/// the first cache, and no fewer than make up for beginning a span.
const SPAN: usize = 28;
const SPAN_BYTES: usize = 16 << 10;

/// Columns of a window, of four taps with the one that has no weight.
const COLUMNS: usize = 3;

/// How often the weights of a window stand there: for its own rows, and for those from one above.
const FORMS: usize = 2;

/// Bytes of the weights of a column, for each channel of a block.
const fn column_bytes<T: ByteTaps>() -> usize {
    UNIT_BYTES * 4 / T::PACKING.unit()
}

/// See the module: the first `whole` channels by blocks of `T`, the last ones by a block of `H`, which may be `T` where no
/// others are left.
///
/// # Safety
/// The taps' features, and arguments that [`crate::KernelSet::sliding`] has checked.
#[inline(always)]
pub(crate) unsafe fn sliding<T: ByteTaps, H: ByteTaps<R = T::R>>(args: &mut SlidingArgs<'_>, whole: usize) {
    let windows = args.windows;
    let sliding = Sliding::<T, H> { windows, ends: windows.ends(), whole, taps: PhantomData };
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<T::R>(&mut args.epilogue, sliding) }
}

/// The windows, and how their taps are multiplied.
struct Sliding<'a, T, H> {
    windows: SlidingWindows<'a>,
    /// Whether a row's first column and its last are padding.
    ends: [bool; 2],
    /// Channels of whole blocks.
    whole: usize,
    taps: PhantomData<(T, H)>,
}

impl<T: ByteTaps, H: ByteTaps<R = T::R>> WithStore<T::R> for Sliding<'_, T, H> {
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
pub(crate) struct Span {
    /// The first pixel, and the one below it.
    pixels: [usize; 2],
    len: usize,
    /// Where the first column begins in a line.
    at: isize,
    /// Whether the first column and the last are padding.
    ends: [bool; 2],
}

impl<T: ByteTaps, H: ByteTaps<R = T::R>> Sliding<'_, T, H> {
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
        let most = (SPAN_BYTES / (lines.len() * MOVE * self.windows.pitch.max(1))).max(SPAN);
        for x in (0..self.windows.width).step_by(most) {
            let len = most.min(self.windows.width - x);
            let pixel = row * self.windows.width + x;
            let span = Span {
                pixels: [pixel, pixel + self.windows.width],
                len,
                at: self.windows.start + (x * MOVE * self.windows.pitch) as isize,
                ends: [x == 0 && self.ends[0], x + len == self.windows.width && self.ends[1]],
            };
            // SAFETY: the pixels are the row's.
            unsafe {
                self.span::<T, S, MOVE, N>(lines, span, 0..self.whole, store);
                if const { H::BLOCK != T::BLOCK } {
                    self.span::<H, S, MOVE, N>(lines, span, self.whole..self.windows.channels, store);
                }
            }
        }
    }

    /// Some channels of a span, which begin with a block.
    #[inline(always)]
    unsafe fn span<B: ByteTaps<R = T::R>, S: Store<T::R>, const MOVE: usize, const N: usize>(
        &self,
        lines: [*const u8; 4],
        span: Span,
        channels: Range<usize>,
        store: &S,
    ) {
        let stored = const { FORMS * COLUMNS * column_bytes::<B>() };
        for channel in channels.clone().step_by(B::BLOCK) {
            let block = Block {
                lines: lines.map(|line| line.wrapping_add(channel)),
                outside: self.windows.padding.as_ptr().wrapping_add(channel),
                pitch: self.windows.pitch as isize,
                weights: self.windows.weights.as_ptr().wrapping_add(channel * stored),
                bias: self.windows.bias.as_ptr().wrapping_add(channel),
                channel,
                count: channels.end - channel,
            };
            // SAFETY: every column that is no padding has a block's channels in each line; weights and bias are padded to
            // blocks. No more channels are written than there are.
            unsafe {
                match (store.plain(), block.count >= B::BLOCK) {
                    (Some(store), true) => B::slide::<S::Plain, MOVE, N, true>(&block, span, &store),
                    (None, true) => B::slide::<S, MOVE, N, true>(&block, span, store),
                    (_, false) => B::slide::<S, MOVE, N, false>(&block, span, store),
                }
            }
        }
    }
}

/// A block of channels, and where they begin.
pub(crate) struct Block {
    lines: [*const u8; 4],
    /// A pixel of padding.
    outside: *const u8,
    /// Elements from a column of taps to the next.
    pitch: isize,
    weights: *const i8,
    bias: *const i32,
    channel: usize,
    /// Channels from the first to the last of all.
    count: usize,
}

/// A block of channels of a span: as many as are there, where it is not `WHOLE`.
///
/// # Safety
/// The taps' features; there are the block's channels in each column of the lines, its weights and its bias, and the
/// store has the pixels and the channels.
#[inline(always)]
pub(crate) unsafe fn slide<T: ByteTaps, S: Store<T::R>, const MOVE: usize, const N: usize, const WHOLE: bool>(
    block: &Block,
    span: Span,
    store: &S,
) {
    // A copy, or each byte written might change what it is read from.
    let store = *store;
    let Block { lines, weights, bias, pitch, channel, count, .. } = *block;
    let lower = const { COLUMNS * column_bytes::<T>() * T::BLOCK };
    // Where two pixels are computed at once, a second half of the span goes beside the first; of an odd number, the
    // pixel in the middle is in both.
    let len = span.len.div_ceil(T::PIXELS);
    let apart = span.len - len;
    let second = if T::PIXELS == 2 { (apart * MOVE) as isize * pitch } else { 0 };
    let outside = [block.outside; 4];
    let step = store.stride();
    // SAFETY: the caller grants columns, weights, bias and pixels.
    unsafe {
        let [first, below] = span.pixels;
        let mut to = store.place(first, channel);
        let mut below = if N == 2 { store.place(below, channel) } else { to };
        let mut at = span.at;
        // Of the first half and the second: whether the first column and the last are padding.
        let mut left = T::column(
            if span.ends[0] { outside } else { moved_by(lines, at) },
            if span.ends[0] && apart == 0 { outside } else { moved_by(lines, at + second) },
        );
        at += pitch;
        let mut middle = if MOVE == 1 { column::<T>(lines, at, second) } else { left };
        macro_rules! write {
            ($to:expr, $sums:expr) => {
                let to = [$to, $to.add(if T::PIXELS == 2 { apart * step } else { 0 })];
                if WHOLE {
                    T::write(&store, to, channel, $sums);
                } else {
                    T::write_few(&store, to, channel, count, $sums);
                }
            };
        }
        // A pixel, or neighbours, by their columns.
        macro_rules! pixels {
            ($count:literal, $columns:expr) => {
                let columns = $columns;
                let sums = windows::<T, $count>(columns, weights, bias);
                for p in 0..$count {
                    write!(to, sums[p]);
                    to = to.add(step);
                }
                if N == 2 {
                    let sums = windows::<T, $count>(columns, weights.add(lower), bias);
                    for p in 0..$count {
                        write!(below, sums[p]);
                        below = below.add(step);
                    }
                }
                let [.., right] = columns[$count - 1];
                (left, middle) = if MOVE == 1 { (columns[$count - 1][1], right) } else { (right, right) };
                at += ($count * MOVE) as isize * pitch;
            };
        }
        macro_rules! next_column {
            ($ahead:expr) => {
                column::<T>(lines, at + $ahead * pitch, second)
            };
        }
        let inside = len - usize::from(span.ends[1]);
        let pairs = if const { T::NEIGHBOURS == 2 } { inside / 2 } else { 0 };
        if const { T::NEIGHBOURS == 2 } {
            for _ in 0..pairs {
                let middle = if MOVE == 2 { next_column!(0) } else { middle };
                let (right, next) = (next_column!(1), next_column!(2));
                let neighbour = if MOVE == 2 { [right, next, next_column!(3)] } else { [middle, right, next] };
                pixels!(2, [[left, middle, right], neighbour]);
            }
        }
        for _ in 2 * pairs..inside {
            let middle = if MOVE == 2 { next_column!(0) } else { middle };
            pixels!(1, [[left, middle, next_column!(1)]]);
        }
        if span.ends[1] {
            let middle = if MOVE == 2 { next_column!(0) } else { middle };
            let right = T::column(if apart == 0 { outside } else { moved_by(lines, at + pitch) }, outside);
            pixels!(1, [[left, middle, right]]);
        }
        // Nothing follows the last pixel.
        let _ = (to, below, left, middle, at);
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

/// The sums of the windows of `P` neighbours: what their columns come to, and the bias.
///
/// # Safety
/// The taps' features; the weights of a window of a block are there, and its bias.
#[inline(always)]
unsafe fn windows<T: ByteTaps, const P: usize>(
    columns: [[T::Column; COLUMNS]; P],
    weights: *const i8,
    bias: *const i32,
) -> [[<T::R as Registers>::Int; 4]; P] {
    let step = const { column_bytes::<T>() * T::BLOCK };
    // SAFETY: the caller grants weights and bias.
    unsafe {
        let mut sums = [T::start(bias); P];
        for x in 0..COLUMNS {
            for p in 0..P {
                sums[p] = T::add_column(sums[p], columns[p][x], weights.add(x * step));
            }
        }
        let mut joined = [[T::R::splat(0); 4]; P];
        for p in 0..P {
            joined[p] = T::join(sums[p], bias);
        }
        joined
    }
}
