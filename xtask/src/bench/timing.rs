//! Times: medians of batches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::ThreadPool;
use zeropoint_kernels::KernelSet;

/// What a batch lasts at least.
const BATCH: Duration = Duration::from_millis(2);

/// Runs in batches that last long enough to be timed.
struct Batches<'a> {
    run: &'a mut dyn FnMut(),
    size: u32,
}

impl<'a> Batches<'a> {
    /// Finds the size of a batch, which warms up too.
    fn new(run: &'a mut dyn FnMut()) -> Self {
        run();
        let mut batches = Self { run, size: 1 };
        loop {
            let lasted = batches.seconds() * f64::from(batches.size);
            if lasted >= BATCH.as_secs_f64() {
                return batches;
            }
            let factor = 1.2 * BATCH.as_secs_f64() / lasted.max(1e-9);
            batches.size = ((f64::from(batches.size) * factor).ceil() as u32).max(batches.size + 1);
        }
    }

    /// Seconds of a run, of one batch.
    fn seconds(&mut self) -> f64 {
        let begin = Instant::now();
        (0..self.size).for_each(|_| (self.run)());
        begin.elapsed().as_secs_f64() / f64::from(self.size)
    }
}

/// Seconds of a run: the median of three batches, for what is only compared with.
pub(super) fn seconds_brief(run: &mut dyn FnMut()) -> f64 {
    let mut batches = Batches::new(run);
    median((0..3).map(|_| batches.seconds()).collect())
}

/// Seconds of a run, the median of batches; between them the rates of the limit are measured, and added to `limits`.
/// So what slows the machine down for a while slows both down.
pub(super) fn seconds_beside(run: &mut dyn FnMut(), limit: &mut Limit<'_>, limits: &mut Vec<f64>) -> f64 {
    const ROUNDS: usize = 11;
    let (mut runs, mut limit_runs) = (Batches::new(run), Batches::new(&mut *limit.run));
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        limits.push(limit.amount / limit_runs.seconds());
        seconds.push(runs.seconds());
    }
    median(seconds)
}

/// What the machine can do at most: a run, and how much it does.
pub(super) struct Limit<'a> {
    run: Box<dyn FnMut() + 'a>,
    amount: f64,
}

/// The middle one; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Multiply-accumulates of the tier's product instruction on registers alone, on all threads of the pool; a single
/// thread is the caller's, as it is for the rows.
pub(super) fn peak<'a>(set: &'static KernelSet, pool: &'a ThreadPool) -> Limit<'a> {
    const ITERATIONS: u64 = 100_000;
    let run = move || match pool.current_num_threads() {
        1 => set.peak(ITERATIONS),
        _ => pool.broadcast(|_| set.peak(ITERATIONS)).iter().sum(),
    };
    let amount = run() as f64;
    Limit { run: Box::new(move || _ = black_box(run())), amount }
}

/// Bytes that a copy reads and writes, together as many as `bytes`, on all threads of the pool.
pub(super) fn copy(bytes: usize, pool: &ThreadPool) -> Limit<'_> {
    let from = vec![1u8; bytes / 2];
    let mut to = vec![0u8; bytes / 2];
    let amount = (2 * from.len()) as f64;
    let chunk = from.len().div_ceil(pool.current_num_threads()).max(1);
    let run = move || {
        if pool.current_num_threads() == 1 {
            return black_box(to.as_mut_slice()).copy_from_slice(black_box(&from));
        }
        pool.scope(|scope| {
            for (from, to) in from.chunks(chunk).zip(to.chunks_mut(chunk)) {
                scope.spawn(move |_| black_box(to).copy_from_slice(black_box(from)));
            }
        });
    };
    Limit { run: Box::new(run), amount }
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
