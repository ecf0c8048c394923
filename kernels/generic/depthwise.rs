//! Depthwise convolution: two taps of a channel are one pair of a dot product.

use super::registers::Registers;
use super::store::{Store, WithStore, with_store};
use super::tile::each_row;
use super::windows::{Pixels, Windows, walk};
use crate::args::DepthwiseArgs;

/// Pixels that share the weights loaded.
const PIXELS: usize = 4;

/// By pairs of centred values.
///
/// # Safety
/// The registers' features, and arguments that [`crate::KernelSet::depthwise`] has checked.
#[inline(always)]
pub(crate) unsafe fn depthwise<R: Registers>(args: &mut DepthwiseArgs<'_>) {
    let windows: Pairs<'_> = Windows::new(args, args.a.centred(), args.weights.pairs());
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<R>(&mut args.epilogue, windows) }
}

type Pairs<'a> = Windows<'a, i16, i16>;

impl<R: Registers> WithStore<R> for Pairs<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        // SAFETY: the pixels are those of the arguments.
        unsafe { walk::<R, _, S, PIXELS>(&self, self.rows.len(), &store) }
    }
}

impl<R: Registers> Pixels<R> for Pairs<'_> {
    #[inline(always)]
    unsafe fn pixels<S: Store<R>, const P: usize>(&self, row: usize, store: &S) {
        let block = 2 * R::LANES;
        let mut weights = self.weights.as_ptr();
        let mut channel = 0;
        // SAFETY: each window has a block's channels behind each tap, and weights and bias are padded to blocks.
        unsafe {
            let starts = self.starts::<P>(row);
            while channel < self.channels {
                let mut acc = [[R::splat(0); 2]; P];
                for pair in self.taps.chunks_exact(2) {
                    let (first, second) = (pair[0] as usize + channel, pair[1] as usize + channel);
                    let low = R::load_pairs(weights);
                    let high = R::load_pairs(weights.add(block));
                    for p in 0..P {
                        let [x, y] = R::interleave(starts[p].add(first), starts[p].add(second));
                        acc[p] = [R::dot_pairs(acc[p][0], x, low), R::dot_pairs(acc[p][1], y, high)];
                    }
                    weights = weights.add(2 * block);
                }
                let bias = self.bias.as_ptr().add(channel);
                let bias = [R::load(bias), R::load(bias.add(R::LANES))];
                let count = block.min(self.channels - channel);
                each_row!(p in P => {
                    let [x, y] = R::in_order(acc[p]);
                    store.store(row + p, channel, count, [R::add(x, bias[0]), R::add(y, bias[1])]);
                });
                channel += block;
            }
        }
    }
}
