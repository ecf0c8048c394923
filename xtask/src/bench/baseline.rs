//! `--baseline`: what became slower, or faster, than in an earlier run, by more than the noise of both.

use std::fmt::Write;

use anyhow::{Result, ensure};

use super::recorded::Recorded;
use super::row::Row;

/// Less than this is noise even between runs whose batches were all alike: it is what a kernel's place in memory costs.
const LEAST: f64 = 0.02;

/// A row of both runs.
struct Change<'a> {
    row: &'a Row,
    before: &'a Row,
    /// By which the rate changed, the earlier one being 1.
    ratio: f64,
    noise: f64,
}

/// What a row's batches differ by, in the half, of their median.
fn spread(row: &Row) -> f64 {
    ((row.hi - row.lo) / 2.0 / row.rate()).abs()
}

impl<'a> Change<'a> {
    fn new(before: &'a Row, row: &'a Row) -> Self {
        // Whichever changed less: of a machine that is slower as a whole the limit, measured beside the row, is so too,
        // and a limit that is measured too low makes no row faster.
        let [rate, share] = [row.rate() / before.rate(), row.share() / before.share()];
        let ratio = if (rate < 1.0) == (share < 1.0) {
            if (rate - 1.0).abs() < (share - 1.0).abs() { rate } else { share }
        } else {
            1.0
        };
        Self { row, before, ratio, noise: (spread(before) + spread(row)).max(LEAST) }
    }

    fn is_slower(&self) -> bool {
        self.ratio < 1.0 - self.noise
    }

    fn is_faster(&self) -> bool {
        self.ratio > 1.0 + self.noise
    }
}

/// What a comparison found.
pub(super) struct Comparison {
    pub(super) text: String,
    /// By how many per cent each row that is slower is so.
    pub(super) slower: Vec<f64>,
}

/// Runs on different CPUs are not compared.
pub(super) fn ensure_same_cpu(before: &str, now: &str) -> Result<()> {
    ensure!(before == now, "the baseline is of another CPU: it is of `{before}`, and this run of `{now}`");
    Ok(())
}

/// Compares runs.
pub(super) fn compare(before: &Recorded, now: &Recorded) -> Result<Comparison> {
    ensure_same_cpu(&before.machine.cpu, &now.machine.cpu)?;
    let changes: Vec<Change<'_>> = now
        .rows
        .iter()
        .filter_map(|row| Some(Change::new(before.rows.iter().find(|before| before.is_like(row))?, row)))
        .collect();
    let mut text = format!("\nagainst commit {}:\n", before.machine.commit);
    let slower: Vec<&Change<'_>> = changes.iter().filter(|change| change.is_slower()).collect();
    let faster: Vec<&Change<'_>> = changes.iter().filter(|change| change.is_faster()).collect();
    for (word, changes) in [("slower", &slower), ("faster", &faster)] {
        for Change { row, before, ratio, noise } in changes {
            writeln!(
                text,
                "{word} by {:>5.1} % (noise {:.1} %): {} {} {}: {:.2} → {:.2} {}, {:.0} → {:.0} % of the limit",
                100.0 * (ratio - 1.0).abs(),
                100.0 * noise,
                row.operation,
                row.shape,
                row.tier,
                before.figure(before.rate()),
                row.figure(row.rate()),
                row.unit(),
                100.0 * before.share(),
                100.0 * row.share()
            )?;
        }
    }
    let mean = changes.iter().map(|change| change.ratio.ln()).sum::<f64>() / (changes.len().max(1) as f64);
    writeln!(
        text,
        "{} slower, {} faster, {} within the noise, {} not in the baseline; geometric mean of all {:.3}",
        slower.len(),
        faster.len(),
        changes.len() - slower.len() - faster.len(),
        now.rows.len() - changes.len(),
        mean.exp()
    )?;
    let slower = slower.iter().map(|change| 100.0 * (1.0 - change.ratio)).collect();
    Ok(Comparison { text, slower })
}

#[cfg(test)]
mod tests {
    use super::super::{machine, row};
    use super::*;

    fn run(cpu: &str, rows: &[Row]) -> Recorded {
        Recorded { machine: machine::example(cpu), rows: rows.to_vec() }
    }

    #[test]
    fn slower_is_by_more_than_the_noise() {
        let before = run("a", &["x", "y", "z"].map(|shape| row::example(shape, 50.0)));
        let mut noisy = row::example("y", 40.0);
        noisy.hi = 60.0;
        let now = run("a", &[row::example("x", 45.0), noisy, row::example("z", 60.0), row::example("new", 1.0)]);
        let comparison = compare(&before, &now).unwrap();
        assert_eq!(comparison.slower.len(), 1);
        assert!((comparison.slower[0] - 10.0).abs() < 0.1, "{:?}", comparison.slower);
        let text = comparison.text;
        assert!(text.contains("1 slower, 1 faster, 1 within the noise, 1 not in the baseline"), "{text}");
    }

    #[test]
    fn a_machine_that_is_slower_makes_no_row_slower() {
        let mut slow = row::example("x", 25.0);
        slow.limit /= 2.0;
        let comparison = compare(&run("a", &[row::example("x", 50.0)]), &run("a", &[slow])).unwrap();
        assert!(comparison.slower.is_empty());
    }

    #[test]
    fn another_cpu_is_an_error_that_names_both() {
        let error = compare(&run("a b", &[]), &run("c d", &[])).err().unwrap().to_string();
        assert!(error.contains("`a b`") && error.contains("`c d`"), "{error}");
    }
}
