//! Global average pool: sums of channels over all pixels, then one requantisation.

use super::registers::Registers;
use super::store::requantize;
use crate::table::PoolArgs;

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
    for first in (0..channels).step_by(step) {
        let count = step.min(channels - first);
        // SAFETY: `count` channels from `first` of every pixel lie inside `x`, and of the result inside `y`.
        unsafe {
            let mut acc = [R::splat(args.zero.wrapping_neg()); N];
            for pixel in 0..args.pixels {
                let from = args.x.as_ptr().add(pixel * args.stride + first);
                let mut buffer = [0u8; ROOM];
                let from = if count == step {
                    from
                } else {
                    core::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), count);
                    buffer.as_ptr()
                };
                for n in 0..N {
                    acc[n] = R::add(acc[n], R::load_bytes(from.add(n * R::LANES), args.flip));
                }
            }
            let multiplier = R::splat_float(args.multiplier);
            for n in 0..N {
                acc[n] = requantize::<R>(acc[n], multiplier, &args.to);
            }
            let mut buffer = [0u8; ROOM];
            R::store_bytes(buffer.as_mut_ptr(), acc, args.to.flip);
            args.y[first..first + count].copy_from_slice(&buffer[..count]);
        }
    }
}
