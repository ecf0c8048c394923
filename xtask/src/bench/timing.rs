//! Times: medians of batches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::ThreadPool;
use zeropoint_kernels::KernelSet;

/// What a batch lasts at least.
const BATCH: Duration = Duration::from_millis(2);
/// Batches of a measurement.
const BATCHES: usize = 9;

/// Seconds of a run: the median over batches.
pub(super) fn seconds(run: &mut dyn FnMut()) -> f64 {
    median(batches(run, BATCHES))
}

/// As [`seconds`], of three batches: for what the row is only compared with.
pub(super) fn seconds_brief(run: &mut dyn FnMut()) -> f64 {
    median(batches(run, 3))
}

fn batches(run: &mut dyn FnMut(), count: usize) -> Vec<f64> {
    run();
    let mut size = 1u32;
    loop {
        let time = batch(run, size);
        if time >= BATCH {
            break;
        }
        let factor = BATCH.as_secs_f64() / time.as_secs_f64().max(1e-9);
        size = ((f64::from(size) * factor * 1.2).ceil() as u32).max(size + 1);
    }
    (0..count).map(|_| batch(run, size).as_secs_f64() / f64::from(size)).collect()
}

fn batch(run: &mut dyn FnMut(), size: u32) -> Duration {
    let begin = Instant::now();
    (0..size).for_each(|_| run());
    begin.elapsed()
}

/// The middle one; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Multiply-accumulates a second of the tier's product instruction on registers alone, on all threads of the pool.
pub(super) fn peak(set: &'static KernelSet, pool: &ThreadPool) -> f64 {
    const ITERATIONS: u64 = 100_000;
    let mut macs = 0;
    // A single thread is the caller's, as it is for the rows.
    let seconds = seconds_brief(&mut || {
        macs = match pool.current_num_threads() {
            1 => set.peak(ITERATIONS),
            _ => pool.broadcast(|_| set.peak(ITERATIONS)).iter().sum(),
        }
    });
    macs as f64 / seconds
}

/// Bytes a second that a copy reads and writes, together as many as `bytes`, on all threads of the pool.
pub(super) fn copy(bytes: usize, pool: &ThreadPool) -> f64 {
    let from = vec![1u8; bytes / 2];
    let mut to = vec![0u8; bytes / 2];
    let chunk = from.len().div_ceil(pool.current_num_threads()).max(1);
    let seconds = seconds_brief(&mut || {
        if pool.current_num_threads() == 1 {
            return black_box(to.as_mut_slice()).copy_from_slice(black_box(&from));
        }
        pool.scope(|scope| {
            for (from, to) in from.chunks(chunk).zip(to.chunks_mut(chunk)) {
                scope.spawn(move |_| black_box(to).copy_from_slice(black_box(from)));
            }
        });
    });
    (2 * from.len()) as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
