//! Results in parts for the threads.

use rayon::prelude::*;

/// A piece of scratch as floats.
pub(super) fn floats(scratch: &mut [u8]) -> &mut [f32] {
    let whole = scratch.len() / size_of::<f32>() * size_of::<f32>();
    bytemuck::cast_slice_mut(&mut scratch[..whole])
}

/// Bytes of scratch for so many floats, in whole cache lines, as pieces for the threads are.
pub(super) fn floats_len(count: usize) -> usize {
    count.saturating_mul(size_of::<f32>()).checked_next_multiple_of(64).unwrap_or(usize::MAX)
}

/// Runs `body` on as many parts of `y` as there are threads, in whole units of so many elements: with the first unit of the
/// part, the part, and a piece of the scratch, of which each thread has whole cache lines.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_the_scratch_that_was_asked_for() {
        for count in [0, 1, 7, 16, 27 * 8] {
            for threads in [1, 2, 3] {
                let mut scratch = vec![0; floats_len(count) * threads];
                let mut y = [0usize; 14];
                each_part(threads, &mut y, 2, &mut scratch, |first, y, scratch| {
                    y.iter_mut().enumerate().for_each(|(at, y)| *y = 2 * first + at);
                    if scratch.len() >= count * size_of::<f32>() { Ok(()) } else { Err("too little".to_owned()) }
                })
                .unwrap();
                assert!(y.iter().copied().eq(0..14), "{count} {threads}");
            }
        }
    }
}
