//! `cargo xtask bench`: rates, as shares of what this machine can do at most.

mod baseline;
mod elementwise;
mod machine;
mod markdown;
pub(crate) mod measure;
mod peers;
mod products;
mod random;
mod recorded;
mod report;
mod row;
mod rules;
mod shapes;
mod timing;
pub(crate) mod work;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rayon::ThreadPoolBuilder;
use regex::Regex;
use zeropoint::Backend;

use self::machine::Machine;
use self::measure::{Peaks, Task};
use self::recorded::Recorded;
use self::row::{Row, giga};
use crate::progress;

#[derive(Args)]
pub(crate) struct Bench {
    /// The tier, or `all` of this CPU's; without it, the best one.
    #[arg(long, value_name = "TIER", env = "ZEROPOINT_ISA")]
    isa: Option<String>,
    /// Only rows whose operation and shape, with a space between them, match.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Only what each rule of requantising and quantising costs beside the default one.
    #[arg(long, conflicts_with_all = ["only", "threads", "from", "json", "report", "markdown", "peers", "baseline"])]
    rules: bool,
    /// Threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// Measure nothing, and take the rows of this file, which --json wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["isa", "only", "threads", "json"])]
    from: Option<PathBuf>,
    /// Write the machine and the rows to this file, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page to this file: rooflines, bars beside the peers', a table.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write the tables of this page anew: that of a tier stands between `<!-- bench:TIER -->` and `<!-- /bench -->`.
    #[arg(long, value_name = "FILE.md")]
    markdown: Option<PathBuf>,
    /// Put the peers' rates of this file beside ours on the pages: lines of JSON with peer, mode, op, shape, threads, gmacs
    /// or gbps, exact.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Say which rows are slower, or faster, than in this file of an earlier run, which --json wrote, by more than the
    /// batches of both differ. It has to be of the same CPU.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail if a row is slower than the baseline's by more than the noise, and by at least so many per cent. Without this,
    /// slower rows are no failure.
    #[arg(long, value_name = "PERCENT", requires = "baseline")]
    fail_on_regression: Option<f64>,
}

fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|threads| (1..=1024).contains(threads)).ok_or("expected 1 to 1024".into())
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        if self.rules {
            writeln!(stdout(), "{}", Machine::this().text())?;
            return self.backends()?.iter().try_for_each(rules::print);
        }
        let peers = self.peers.as_deref().map(peers::read).transpose()?.unwrap_or_default();
        let before = self.baseline.as_deref().map(Recorded::read).transpose()?;
        let now = match &self.from {
            Some(path) => Recorded::read(path)?,
            None => {
                let machine = Machine::this();
                // Before minutes are spent.
                if let Some(before) = &before {
                    baseline::ensure_same_cpu(&before.machine.cpu, &machine.cpu)?;
                }
                self.measure(machine)?
            }
        };
        if let Some(path) = &self.json {
            now.write(path)?;
        }
        if let Some(path) = &self.report {
            report::write(path, &now, &peers)?;
        }
        if let Some(path) = &self.markdown {
            markdown::update(path, &now, &peers)?;
        }
        let Some(before) = before else { return Ok(()) };
        let comparison = baseline::compare(&before, &now)?;
        write!(stdout(), "{}", comparison.text)?;
        if let Some(least) = self.fail_on_regression {
            let count = comparison.slower.iter().filter(|&&slower| slower >= least).count();
            ensure!(count == 0, "{count} rows are slower than the baseline's by {least} % or more");
        }
        Ok(())
    }

    /// Measures and prints.
    fn measure(&self, mut machine: Machine) -> Result<Recorded> {
        let backends = self.backends()?;
        let tasks = self.tasks()?;
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build()?;
        writeln!(stdout(), "{}; threads: {}", machine.text(), self.threads)?;
        let shape_width = tasks.iter().map(|task| task.shape.name.len()).max().unwrap_or(0).max(5);
        writeln!(
            stdout(),
            "{:<18} {:<shape_width$} {:<10} {:>15} {:>8} {:>8} {:>7} {:>9}  kernel",
            "operation",
            "shape",
            "tier",
            "rate",
            "p90",
            "fastest",
            "limit",
            "to scalar"
        )?;
        machine.measure_reads(&pool);
        let bar = progress::bar(tasks.len() * backends.len());
        let (mut rows, mut peaks) = (Vec::<Row>::new(), Peaks::new());
        for task in &tasks {
            bar.set_message(task.name());
            for row in measure::measure(task, &backends, &pool, &mut peaks, &bar)? {
                bar.suspend(|| {
                    writeln!(
                        stdout(),
                        "{:<18} {:<shape_width$} {:<10} {:>15} {:>8.2} {:>8.2} {:>6.1}% {:>8.2}x  {}",
                        row.operation,
                        row.shape,
                        row.tier,
                        format!("{:.2} {}", row.figure(row.rate()), row.unit()),
                        row.figure(row.lo),
                        row.figure(row.hi),
                        100.0 * row.share(),
                        row.to_scalar,
                        row.kernel_and_output()
                    )
                })?;
                rows.push(row);
            }
        }
        bar.finish_and_clear();
        writeln!(
            stdout(),
            "rate: the median of batches of 2 ms. limit: the share of what the tier's product instruction does on \
             registers alone, or of reading the operands once where that takes longer; element by element of a copy of \
             as many bytes. Measured beside the row, between its batches."
        )?;
        let peaks = peaks.into_iter().map(|(isa, rates)| (isa.name().to_owned(), giga(timing::median(rates))));
        machine.peaks = peaks.collect();
        Ok(Recorded { machine, rows })
    }

    fn backends(&self) -> Result<Vec<Backend>> {
        Ok(match self.isa.as_deref() {
            None | Some("") => vec![Backend::best()],
            Some("all") => Backend::available().map(Backend::with_isa).collect::<Result<_, _>>()?,
            Some(name) => vec![Backend::with_isa(name.parse().with_context(|| format!("`{name}`"))?)?],
        })
    }

    fn tasks(&self) -> Result<Vec<Task>> {
        let mut tasks = Task::all()?;
        tasks.retain(|task| self.only.as_ref().is_none_or(|only| only.is_match(&task.name())));
        if tasks.is_empty() {
            bail!("no row matches; the rows are those of benches/shapes.tsv");
        }
        Ok(tasks)
    }
}

#[cfg(test)]
mod tests {
    use zeropoint::Isa;

    use super::*;

    fn bench(isa: Option<&str>, only: Option<&str>) -> Bench {
        Bench {
            isa: isa.map(str::to_owned),
            rules: false,
            only: only.map(|only| Regex::new(only).unwrap()),
            threads: 1,
            from: None,
            json: None,
            report: None,
            markdown: None,
            peers: None,
            baseline: None,
            fail_on_regression: None,
        }
    }

    /// The rows that the arguments choose.
    fn rows(only: Option<&str>) -> Result<Vec<String>> {
        Ok(bench(None, only).tasks()?.iter().map(Task::name).collect())
    }

    #[test]
    fn the_expression_is_matched_against_operation_and_shape() {
        assert_eq!(rows(Some("^gemm 1x")).unwrap(), ["gemm 1x4096x4096", "gemm 1x1024x1000"]);
        assert_eq!(rows(Some("add")).unwrap(), ["add_u8 1048576"]);
        assert!(rows(Some("k3s2p1d1g96$")).unwrap() == ["conv 112x112x96-96-k3s2p1d1g96"]);
    }

    #[test]
    fn all_operations_have_rows() {
        let rows = rows(None).unwrap();
        for operation in ["gemm", "conv"].iter().chain(&measure::CALLS).chain(&elementwise::OPERATIONS) {
            assert!(rows.iter().any(|row| row.starts_with(operation)), "{operation}");
        }
    }

    #[test]
    fn no_row_is_an_error() {
        assert!(rows(Some("nothing")).is_err());
    }

    #[test]
    fn tiers_are_named_or_all() {
        let backends = |isa: Option<&str>| bench(isa, None).backends();
        assert_eq!(backends(None).unwrap()[0].isa(), Backend::best().isa());
        assert_eq!(backends(Some("all")).unwrap().len(), Backend::available().count());
        assert_eq!(backends(Some("scalar")).unwrap()[0].isa(), Isa::Scalar);
        let error = format!("{:#}", backends(Some("nothing")).unwrap_err());
        assert!(error.contains("scalar"), "{error}");
    }
}
