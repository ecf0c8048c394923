//! Depthwise convolution of unsigned bytes: taps of a channel, two or four, are multiplied by their weights at once.
//!
//! By *digits*: a weight is `16 * high + low` with digits of -8 to 8, as long as it lies within ±136. Products of a byte
//! and a digit are so small that the taps of a window sum up in 16 bits: the packer proves it for each channel. One
//! instruction then multiplies twice the values of [`super::depthwise`], nothing is widened, and sums of both digits are
//! joined to 32 bits once a window. By *quads*, on tiers that add four products of bytes to 32 bits, a weight is itself.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;

use super::registers::{Ends, Registers};
use super::sliding::{Block, Span};
use super::store::{Store, WIDEST, WithStore, copy_short, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::args::DepthwiseArgs;
use crate::pack::{TapBlock, TapPacking};

/// Registers whose packs undo the order in which bytes were interleaved.
///
/// # Safety
/// As [`Registers`].
pub(crate) trait Joined: Registers {
    /// The channel, within a block of `4 * LANES`, at each place of joined sums: bytes of all channels interleaved, and
    /// the result with another such.
    const JOINED: &'static [u8];

    /// Transposes the four 32-bit values of four registers in each 128 bits.
    unsafe fn transposed(x: [Self::Int; 4]) -> [Self::Int; 4];
    /// Brings joined sums into the order of channels.
    unsafe fn joined_in_order(x: [Self::Int; 4]) -> [Self::Int; 4];
    /// [`Registers::store_saturated`] of joined sums, in the order of channels.
    unsafe fn store_joined(to: *mut u8, x: [Self::Int; 4], ends: &Ends);
    /// [`Joined::store_joined`] of the first `count`, fewer than all.
    #[inline(always)]
    unsafe fn store_joined_few(to: *mut u8, x: [Self::Int; 4], ends: &Ends, count: usize) {
        let mut buffer = [MaybeUninit::<u8>::uninit(); WIDEST];
        // SAFETY: the buffer has room for all; the caller grants `count` elements.
        unsafe {
            Self::store_joined(buffer.as_mut_ptr().cast(), x, ends);
            copy_short(buffer.as_ptr().cast(), to, count);
        }
    }
}

/// Registers that hold joined sums of two pixels, each of half as many channels.
///
/// # Safety
/// As [`Registers`].
pub(crate) trait JoinedTwice: Joined {
    /// Reads `LANES / 2` floats, for both pixels.
    unsafe fn repeat_floats(from: *const f32) -> Self::Float;
    /// [`Joined::store_joined`] of either pixel.
    unsafe fn store_joined_twice(to: [*mut u8; 2], x: [Self::Int; 4], ends: &Ends);
    /// [`Joined::store_joined_few`] of either pixel.
    unsafe fn store_joined_twice_few(to: [*mut u8; 2], x: [Self::Int; 4], ends: &Ends, count: usize);
}

/// How taps of bytes are multiplied, for a block of channels: `4 * LANES`, or half of that for two pixels at once.
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

    /// Pixels at once, half a span apart: 1 or 2.
    const PIXELS: usize = 1;
    /// Neighbours that share the weights loaded where windows slide: 1 or 2, as many as registers hold.
    const NEIGHBOURS: usize = 1;
    /// Channels of a block.
    const BLOCK: usize = 4 * Self::R::LANES / Self::PIXELS;

    /// The column of four lines of input, and of four others for a second pixel.
    unsafe fn column(lines: [*const u8; 4], second: [*const u8; 4]) -> Self::Column;
    /// What a window's sums start from; the bias lies as joined sums do.
    unsafe fn start(bias: *const i32) -> Self::Sums;
    /// The sums and a column by its weights.
    unsafe fn add_column(sums: Self::Sums, column: Self::Column, weights: *const i8) -> Self::Sums;
    /// The sums and a unit of taps by its weights; of the pointers as many count as the packing has taps to a unit.
    #[inline(always)]
    unsafe fn add_unit(sums: Self::Sums, taps: [*const u8; 4], weights: *const i8) -> Self::Sums {
        // SAFETY: the caller grants the bytes and the weights.
        unsafe { Self::add_column(sums, Self::column(taps, taps), weights) }
    }
    /// Joins the sums, with the bias if they did not start from it.
    unsafe fn join(sums: Self::Sums, bias: *const i32) -> [<Self::R as Registers>::Int; 4];
    /// Writes joined sums from a channel on, of a second pixel too where there is one.
    ///
    /// # Safety
    /// As [`Store::write`].
    #[inline(always)]
    unsafe fn write<S: Store<Self::R>>(
        store: &S,
        to: [*mut S::Element; 2],
        channel: usize,
        joined: [<Self::R as Registers>::Int; 4],
    ) {
        // SAFETY: the caller grants it.
        unsafe { store.write_joined(to[0], channel, joined) }
    }
    /// Computes a block of channels of a span: [`super::sliding::slide`] in a function of its own, with the tier's
    /// features. Inlined into the loops around it, it would share their registers.
    unsafe fn slide<S: Store<Self::R>, const MOVE: usize, const N: usize, const WHOLE: bool>(
        block: &Block,
        span: Span,
        store: &S,
    );
    /// Writes the first `count` channels of such sums, fewer than all.
    ///
    /// # Safety
    /// As [`Store::write_few`].
    #[inline(always)]
    unsafe fn write_few<S: Store<Self::R>>(
        store: &S,
        to: [*mut S::Element; 2],
        channel: usize,
        count: usize,
        joined: [<Self::R as Registers>::Int; 4],
    ) {
        // SAFETY: the caller grants it.
        unsafe { store.write_joined_few(to[0], channel, count, joined) }
    }
}

/// The order of a block's channels.
pub(crate) const fn block<T: ByteTaps>() -> TapBlock {
    TapBlock { order: T::ORDER, joined: T::R::JOINED }
}

/// Bytes of the weights of a unit of taps, for each channel of a block: two taps of two digits, or four taps.
pub(super) const UNIT_BYTES: usize = 4;

/// Pixels that share the weights loaded: eight registers of sums, and as many operands.
const PIXELS: usize = 2;

/// See the module: some channels, which begin with a block; `padded` are those of all blocks.
///
/// # Safety
/// The taps' features, and arguments that [`crate::KernelSet::depthwise`] has checked.
#[inline(always)]
pub(crate) unsafe fn depthwise<T: ByteTaps>(args: &mut DepthwiseArgs<'_>, channels: Range<usize>, padded: usize) {
    if channels.is_empty() {
        return;
    }
    let windows = Windows::new(args, args.a.bytes(), args.weights.bytes());
    let by_taps = ByTaps::<T> { stored: windows.weights.len() / padded, windows, channels, taps: PhantomData };
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<T::R>(&mut args.epilogue, by_taps) }
}

/// The windows, and how their taps are multiplied.
struct ByTaps<'a, T> {
    windows: Windows<'a, u8, i8>,
    channels: Range<usize>,
    /// Bytes of the weights of a channel, of all forms: the first is for a window's own rows.
    stored: usize,
    taps: PhantomData<T>,
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
        let block = T::BLOCK;
        let Windows { taps, weights, bias, .. } = self.windows;
        let Range { start: mut channel, end } = self.channels;
        let mut first = weights.as_ptr().wrapping_add(channel * self.stored);
        // SAFETY: each window has a block's channels behind each tap, and weights and bias are padded to blocks.
        unsafe {
            let starts = self.windows.starts::<P>(row);
            while channel < end {
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
                let count = block.min(end - channel);
                each_row!(p in P => {
                    store.store_joined(row + p, channel, count, T::join(sums[p], bias));
                });
                first = first.wrapping_add(block * self.stored);
                channel += block;
            }
        }
    }
}
