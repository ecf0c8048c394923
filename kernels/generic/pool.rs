//! Global average pool: sums of channels over all pixels, then one requantisation.

use super::elementwise::round;
use super::registers::{Ends, Registers};
use crate::args::PoolArgs;

/// Registers of channels that are summed at once.
const N: usize = 4;
const ROOM: usize = 64;

/// See [`crate::KernelSet::global_average_pool`].
///
/// # Safety
/// The registers' features, and arguments that were checked there.
#[inline(always)]
pub(crate) unsafe fn global_average_pool<R: Registers>(args: &mut PoolArgs<'_>) {
    let step = N * R::LANES;
    let channels = args.y.len();
    let ends = Ends::new(&args.to);
    for first in (0..channels).step_by(step) {
        let count = step.min(channels - first);
        // SAFETY: `count` channels from `first` of every pixel lie inside `x`, and of the result inside `y`.
        unsafe {
            let mut acc = [R::splat(args.zero.wrapping_neg()); N];
            if count == step {
                for pixel in 0..args.pixels {
                    let from = args.x.as_ptr().add(pixel * args.stride + first);
                    for n in 0..N {
                        acc[n] = R::add(acc[n], R::load_bytes(from.add(n * R::LANES), args.flip));
                    }
                }
            } else {
                let sums = last_sums(args, first, count);
                for n in 0..N {
                    acc[n] = R::add(acc[n], R::load(sums.as_ptr().add(n * R::LANES)));
                }
            }
            let multiplier = R::splat_float(args.multiplier);
            for n in 0..N {
                acc[n] = round::<R, false>(R::mul_float(R::to_float(acc[n]), multiplier));
            }
            let mut buffer = [0u8; ROOM];
            R::store_saturated::<N, true, true>(buffer.as_mut_ptr(), acc, &ends);
            args.y[first..first + count].copy_from_slice(&buffer[..count]);
        }
    }
}

/// The sums of the channels that are left, in a function of its own: the loop of whole steps keeps its registers.
#[inline(never)]
fn last_sums(args: &PoolArgs<'_>, first: usize, count: usize) -> [i32; ROOM] {
    let mut sums = [0i32; ROOM];
    for pixel in 0..args.pixels {
        let values = &args.x[pixel * args.stride + first..][..count];
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(i32::from(value ^ args.flip));
        }
    }
    sums
}
