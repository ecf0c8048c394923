//! Convolution of unsigned bytes in groups of few channels, four or eight, to as many outputs.
//!
//! A register holds the channels of a pixel as they lie there, in quads: one or two of a group. Each accumulator is for
//! one output of all these groups: it adds to each lane what the lane's quad comes to with that output's weights. So
//! no lane is idle and nothing is repeated, which panels of so few columns would need. At last the accumulators of four
//! outputs are transposed, and lanes of the same group are added.

use core::marker::PhantomData;

use super::byte_taps::Joined;
use super::multiply::{Int, Multiply, lanes};
use super::registers::Registers;
use super::store::{Store, WithStore, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::args::{DepthwiseArgs, TapWeights};
use crate::pack::{TapBlock, TapLayout, TapPacking};

/// The layout of blocks of channels.
pub(crate) const fn layout<R: Joined>() -> TapLayout {
    TapLayout { packing: TapPacking::Quads, block: TapBlock { order: R::JOINED, joined: R::JOINED }, half: None }
}

/// See the module; `FOUR` and `EIGHT` pixels of groups of so many channels share the weights loaded.
///
/// # Safety
/// The product's features, and arguments that [`crate::KernelSet::depthwise`] has checked.
#[inline(always)]
pub(crate) unsafe fn grouped<P, const FOUR: usize, const EIGHT: usize>(args: &mut DepthwiseArgs<'_>)
where
    P: Multiply<A = u8>,
    P::R: Joined,
{
    let TapWeights::Groups { weights, width } = args.weights else { return };
    let windows = Windows::new(args, args.a.bytes(), weights);
    // SAFETY: the caller has checked the arguments.
    unsafe {
        if width == 4 {
            with_store::<P::R>(&mut args.epilogue, Grouped::<P, 1, FOUR> { windows, product: PhantomData });
        } else {
            with_store::<P::R>(&mut args.epilogue, Grouped::<P, 2, EIGHT> { windows, product: PhantomData });
        }
    }
}

/// The windows of groups of so many quads, and as many pixels as are computed at once.
struct Grouped<'a, P, const QUADS: usize, const PIXELS: usize> {
    windows: Windows<'a, u8, i8>,
    product: PhantomData<P>,
}

impl<P, const QUADS: usize, const PIXELS: usize> WithStore<P::R> for Grouped<'_, P, QUADS, PIXELS>
where
    P: Multiply<A = u8>,
    P::R: Joined,
{
    #[inline(always)]
    unsafe fn run<S: Store<P::R>>(self, store: S) {
        // SAFETY: the pixels are those of the arguments.
        unsafe { walk::<P::R, _, S, PIXELS>(&self, self.windows.rows.len(), &store) }
    }
}

impl<P, const QUADS: usize, const PIXELS: usize> Pixels<P::R> for Grouped<'_, P, QUADS, PIXELS>
where
    P: Multiply<A = u8>,
    P::R: Joined,
{
    #[inline(always)]
    unsafe fn pixels<S: Store<P::R>, const M: usize>(&self, row: usize, store: &S) {
        let block = 4 * lanes::<P>();
        let Windows { taps, weights, channels, bias, .. } = self.windows;
        let mut weights = weights.as_ptr().cast::<u8>();
        let mut channel = 0;
        // SAFETY: each window has a block's channels behind each tap, and weights and bias are padded to blocks.
        unsafe {
            let starts = self.windows.starts::<M>(row);
            while channel < channels {
                let mut sums = [[[P::R::splat(0); 4]; QUADS]; M];
                for &tap in taps {
                    let mut pixels = [P::weights(starts[0].add(tap as usize + channel)); M];
                    for m in 1..M {
                        pixels[m] = P::weights(starts[m].add(tap as usize + channel));
                    }
                    for quad in 0..QUADS {
                        for output in 0..4 {
                            let of_output = P::weights(weights);
                            for m in 0..M {
                                sums[m][quad][output] = P::dot(sums[m][quad][output], pixels[m], of_output);
                            }
                            weights = weights.add(block);
                        }
                    }
                }
                let count = block.min(channels - channel);
                let bias = bias.as_ptr().add(channel);
                each_row!(m in M => {
                    store.store_joined(row + m, channel, count, joined::<P, QUADS>(sums[m], bias));
                });
                channel += block;
            }
        }
    }
}

/// The sums of all outputs, and the bias, as joined sums lie: in each quarter of 128 bits four channels a register.
///
/// # Safety
/// The product's features, and the bias of a block.
#[inline(always)]
unsafe fn joined<P, const QUADS: usize>(sums: [[Int<P>; 4]; QUADS], bias: *const i32) -> [Int<P>; 4]
where
    P: Multiply,
    P::R: Joined,
{
    // SAFETY: the caller grants the bias.
    unsafe {
        let mut joined = P::R::transposed(sums[0]);
        if QUADS == 2 {
            // Of a quarter's two groups, outputs 0 to 3 and 4 to 7.
            let (low, high) = (joined, P::R::transposed(sums[QUADS - 1]));
            joined = [
                P::R::add(low[0], low[1]),
                P::R::add(high[0], high[1]),
                P::R::add(low[2], low[3]),
                P::R::add(high[2], high[3]),
            ];
        }
        for n in 0..4 {
            joined[n] = P::R::add(joined[n], P::R::load(bias.add(n * lanes::<P>())));
        }
        joined
    }
}
