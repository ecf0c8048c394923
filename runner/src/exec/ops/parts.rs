//! Results in parts for the threads.

use rayon::prelude::*;

/// A piece of scratch as floats.
pub(super) fn floats(scratch: &mut [u8]) -> &mut [f32] {
    let whole = scratch.len() / size_of::<f32>() * size_of::<f32>();
    bytemuck::cast_slice_mut(&mut scratch[..whole])
}

/// Runs `body` on as many parts of `y` as there are threads, in whole units of so many elements: with the first unit of the
/// part, the part, and a piece of the scratch.
pub(super) fn each_part<Y: Send>(
    threads: usize,
    y: &mut [Y],
    unit: usize,
    scratch: &mut [u8],
    body: impl Fn(usize, &mut [Y], &mut [u8]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    if unit == 0 || y.is_empty() {
        return Ok(());
    }
    let units = y.len() / unit;
    if threads == 1 || units == 1 {
        return body(0, y, scratch);
    }
    let part = units.div_ceil(threads);
    // Pieces begin at cache lines.
    let own = (scratch.len() / threads) & !63;
    let parts = y.par_chunks_mut(part * unit).enumerate();
    if own == 0 {
        return parts.try_for_each(|(index, y)| body(index * part, y, &mut []));
    }
    parts.zip(scratch.par_chunks_mut(own)).try_for_each(|((index, y), scratch)| body(index * part, y, scratch))
}
