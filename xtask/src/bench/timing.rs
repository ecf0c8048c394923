//! Times: medians of batches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aligned_vec::AVec;
use rayon::ThreadPool;
use zeropoint_kernels::KernelSet;

use super::random::buffer;

/// What a batch lasts at least.
const BATCH: Duration = Duration::from_millis(2);

/// Runs in batches that last long enough to be timed.
struct Batches<'a> {
    run: &'a mut (dyn FnMut() + Send),
    size: u32,
}

impl<'a> Batches<'a> {
    /// Finds the size of a batch, which warms up too.
    fn new(run: &'a mut (dyn FnMut() + Send)) -> Self {
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

    /// Seconds of a run, of one batch; before it a run that is not timed, since what was measured in between may have taken
    /// the caches.
    fn seconds(&mut self) -> f64 {
        (self.run)();
        let begin = Instant::now();
        (0..self.size).for_each(|_| (self.run)());
        begin.elapsed().as_secs_f64() / f64::from(self.size)
    }
}

/// Seconds of a run: the median of three batches, for what is only compared with.
pub(super) fn seconds_brief(run: &mut (dyn FnMut() + Send)) -> f64 {
    let mut batches = Batches::new(run);
    median((0..3).map(|_| batches.seconds()).collect())
}

/// The rate of a limit that stands beside no row: the median of a few batches.
pub(super) fn alone(limit: &mut Limit<'_>) -> f64 {
    let mut batches = Batches::new(&mut *limit.run);
    limit.amount / median((0..7).map(|_| batches.seconds()).collect())
}

/// Seconds of a run, over batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seconds {
    pub(super) median: f64,
    pub(super) least: f64,
    /// What nine of ten batches stay below.
    pub(super) p90: f64,
}

impl Seconds {
    fn new(mut batches: Vec<f64>) -> Self {
        batches.sort_by(f64::total_cmp);
        let at = |index: usize| batches.get(index).copied().unwrap_or(0.0);
        let p90 = at((9 * batches.len()).div_ceil(10).saturating_sub(1));
        Self { median: at(batches.len() / 2), least: at(0), p90 }
    }
}

/// Seconds of a run; between some of its batches the rates of the limits are measured, and added to theirs. So what slows
/// the machine down for a while slows both down. Several batches follow each other: one after each measurement of the
/// limits gave rates that were 2 to 3 % lower (196 x 512 x 512 on a Zen 5).
pub(super) fn seconds_beside(run: &mut (dyn FnMut() + Send), limits: &mut [Limit<'_>]) -> Seconds {
    const ROUNDS: usize = 11;
    const BATCHES: usize = 4;
    let mut runs = Batches::new(run);
    let mut seconds = Vec::new();
    let mut beside: Vec<_> =
        limits.iter_mut().map(|Limit { run, amount, rates }| (Batches::new(&mut **run), *amount, rates)).collect();
    for _ in 0..ROUNDS {
        for (batches, amount, rates) in &mut beside {
            rates.push(*amount / batches.seconds());
        }
        seconds.extend((0..BATCHES).map(|_| runs.seconds()));
    }
    Seconds::new(seconds)
}

/// What the machine can do at most: a run, how much of the row's work it stands for, and the rates measured.
pub(super) struct Limit<'a> {
    run: Box<dyn FnMut() + Send + 'a>,
    amount: f64,
    pub(super) rates: Vec<f64>,
}

impl Limit<'_> {
    /// The median of the last measurements, as many as `count`.
    pub(super) fn rate(&self, count: usize) -> f64 {
        median(self.rates.iter().rev().take(count).copied().collect())
    }
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
    Limit { run: Box::new(move || _ = black_box(run())), amount, rates: Vec::new() }
}

/// How often work on so many bytes is repeated on each thread, so that handing it to the threads costs next to nothing.
fn repetitions(bytes: usize) -> usize {
    const ENOUGH: usize = 1 << 26;
    (ENOUGH / bytes.max(1)).clamp(1, 1 << 16)
}

/// Bytes that a copy reads and writes, together as many as `bytes`, on all threads of the pool.
pub(super) fn copy(bytes: usize, pool: &ThreadPool) -> Limit<'_> {
    let from: AVec<u8> = AVec::from_iter(0, std::iter::repeat_n(1, bytes / 2));
    let mut to = buffer::<u8>(bytes / 2);
    let repetitions = repetitions(bytes);
    let amount = (2 * from.len() * repetitions) as f64;
    let chunk = from.len().div_ceil(pool.current_num_threads()).max(1);
    let copy = move |from: &[u8], to: &mut [u8]| {
        (0..repetitions).for_each(|_| black_box(&mut *to).copy_from_slice(black_box(from)));
    };
    let run = move || {
        if pool.current_num_threads() == 1 {
            return copy(&from, &mut to);
        }
        pool.scope(|scope| {
            for (from, to) in from.chunks(chunk).zip(to.chunks_mut(chunk)) {
                scope.spawn(move |_| copy(from, to));
            }
        });
    };
    Limit { run: Box::new(run), amount, rates: Vec::new() }
}

/// Reads so many bytes on all threads of the pool; `amount` is the work that has to read them once.
pub(super) fn stream(bytes: usize, amount: f64, pool: &ThreadPool) -> Limit<'_> {
    // Not of zeros, for which the system may lend one page many times over, which stays in the nearest cache.
    let data = vec![2u8; bytes.max(1)];
    let chunk = data.len().div_ceil(pool.current_num_threads());
    let repetitions = repetitions(bytes);
    // The search for a byte that is not there reads with the widest registers, and no unsafe code here.
    let read = move |data: &[u8]| (0..repetitions).for_each(|_| _ = black_box(memchr::memchr(1, black_box(data))));
    let run = move || {
        if pool.current_num_threads() == 1 {
            return read(&data);
        }
        pool.scope(|scope| data.chunks(chunk).for_each(|data| scope.spawn(move |_| read(data))));
    };
    Limit { run: Box::new(run), amount: amount * repetitions as f64, rates: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::{Seconds, median};

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn nine_of_ten_stay_below_the_ninth() {
        let seconds = Seconds::new((1..=11).rev().map(f64::from).collect());
        assert_eq!(seconds, Seconds { median: 6.0, least: 1.0, p90: 10.0 });
        let seconds = Seconds::new((1..=10).map(f64::from).collect());
        assert_eq!(seconds.p90, 9.0);
        assert_eq!(Seconds::new(vec![2.0]), Seconds { median: 2.0, least: 2.0, p90: 2.0 });
    }
}
