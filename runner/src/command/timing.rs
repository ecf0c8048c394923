//! Times of runs.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::exec::Session;

/// Milliseconds of some runs, sorted.
pub(super) struct Times(Vec<f64>);

impl Times {
    pub(super) fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time that so many of a hundred runs stay below.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last * percent + 50) / 100).copied().unwrap_or(0.0)
    }

    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Runs after warming up until `time` is over, and at least `least` times; `progress` hears how much of the time is.
pub(super) fn measure(
    session: &mut Session,
    time: Duration,
    least: usize,
    progress: impl Fn(Duration) + Sync,
) -> Result<Times, Error> {
    let progress = &progress;
    session.install(|session| {
        let begin = Instant::now();
        while begin.elapsed() < time / 10 {
            session.run()?;
        }
        session.run()?;
        let mut times = Vec::new();
        let begin = Instant::now();
        let mut told = begin;
        while times.len() < least || begin.elapsed() < time {
            let start = Instant::now();
            session.run()?;
            let end = Instant::now();
            times.push((end - start).as_secs_f64() * 1e3);
            if end - told > Duration::from_millis(100) {
                told = end;
                progress(end - begin);
            }
        }
        Ok(Times::new(times))
    })
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Times((1..=11).map(f64::from).collect());
        assert_eq!((times.percentile(10), times.median(), times.percentile(90)), (2.0, 6.0, 10.0));
        let one = Times(vec![4.0]);
        assert_eq!((one.percentile(10), one.median(), one.percentile(90)), (4.0, 4.0, 4.0));
    }
}
