//! `cargo xtask bench`: rates, as shares of what this machine can do at most.

mod elementwise;
mod peers;
mod products;
mod random;
mod report;
mod shapes;
mod timing;
mod work;

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use rayon::{ThreadPool, ThreadPoolBuilder};
use regex::Regex;
use serde_json::{Value, json};
use zeropoint::{Backend, Isa};
use zeropoint_kernels::KernelSet;

use self::shapes::{Shape, Sizes};
use self::timing::Seconds;
use self::work::Work;
use crate::progress;

#[derive(Args)]
pub(crate) struct Bench {
    /// The tier, or `all` of this CPU's; without it, the best one.
    #[arg(long, value_name = "TIER", env = "ZEROPOINT_ISA")]
    isa: Option<String>,
    /// Only rows whose operation and shape, with a space between them, match.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// Write the rows to this file, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with bars to this file.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Draw the peers' rates of this file in the report too: lines of JSON with peer, mode, op, shape, threads, gmacs or
    /// gbps, exact.
    #[arg(long, value_name = "FILE", requires = "report")]
    peers: Option<PathBuf>,
}

fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|threads| (1..=1024).contains(threads)).ok_or("expected 1 to 1024".into())
}

/// An operation at a shape.
struct Task {
    operation: &'static str,
    shape: Shape,
}

/// What was measured.
struct Row {
    operation: &'static str,
    shape: String,
    isa: Isa,
    kernel: &'static str,
    output: Option<&'static str>,
    /// Multiply-accumulates, or bytes, of a run.
    amount: f64,
    /// A second, in the median.
    rate: f64,
    /// A second, in the fastest batch.
    fastest: f64,
    /// A second, in the batch that nine of ten are as fast as.
    p90: f64,
    /// The machine's limit for the shape, a second.
    limit: f64,
    roof: Option<Roof>,
    /// To the rate of the scalar tier.
    ratio: f64,
}

/// The two limits of a product.
struct Roof {
    /// Multiply-accumulates a second, on registers alone.
    peak: f64,
    /// Bytes a second, of a stream as long as the operands.
    stream: f64,
    /// Multiply-accumulates for each byte of the operands.
    intensity: f64,
}

impl Row {
    /// Of the limit.
    fn share(&self) -> f64 {
        self.rate / self.limit
    }

    fn is_product(&self) -> bool {
        self.output.is_some()
    }

    fn is_call(&self) -> bool {
        CALLS.contains(&self.operation)
    }

    /// A rate in the unit of the row's kind: for calls, how long one takes.
    fn figure(&self, rate: f64) -> f64 {
        if self.is_call() { 1e9 * self.amount / rate } else { rate / 1e9 }
    }

    /// Rate in the unit of its kind.
    fn rate(&self) -> String {
        let unit = match (self.is_call(), self.is_product()) {
            (true, _) => "ns",
            (false, true) => "GMAC/s",
            (false, false) => "GB/s",
        };
        format!("{:.2} {unit}", self.figure(self.rate))
    }

    fn kernel(&self) -> String {
        self.output.map_or(self.kernel.into(), |output| format!("{} → {output}", self.kernel))
    }

    fn json(&self, threads: usize) -> Value {
        let mut json = json!({
            "op": self.operation,
            "shape": self.shape,
            "threads": threads,
            "isa": self.isa.name(),
            "kernel": self.kernel,
            "output": self.output.unwrap_or(if self.operation.ends_with("f32") { "f32" } else { "u8" }),
        });
        let key = if self.is_product() { "gmacs" } else { "gbps" };
        let giga = |rate: f64| json!((rate / 1e6).round() / 1e3);
        json[key] = giga(self.rate);
        json["lo"] = giga(self.p90);
        json["hi"] = giga(self.fastest);
        json["limit"] = giga(self.limit);
        if self.is_call() {
            json["ns"] = json!((self.figure(self.rate) * 10.0).round() / 10.0);
        }
        json["to_scalar"] = json!((self.ratio * 1e3).round() / 1e3);
        json
    }
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        let backends = self.backends()?;
        let tasks = self.tasks()?;
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build()?;
        let peers = self.peers.as_deref().map(peers::read).transpose()?.unwrap_or_default();
        let machine = machine();
        writeln!(stdout(), "{machine}; threads: {}", self.threads)?;
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
        let bar = progress::bar(tasks.len() * backends.len());
        let (mut rows, mut peaks) = (Vec::new(), Peaks::new());
        for task in &tasks {
            bar.set_message(format!("{} {}", task.operation, task.shape.name));
            for row in measure(task, &backends, &pool, &mut peaks, &bar)? {
                bar.suspend(|| {
                    writeln!(
                        stdout(),
                        "{:<18} {:<shape_width$} {:<10} {:>15} {:>8.2} {:>8.2} {:>6.1}% {:>8.2}x  {}",
                        row.operation,
                        row.shape,
                        row.isa.name(),
                        row.rate(),
                        row.figure(row.p90),
                        row.figure(row.fastest),
                        100.0 * row.share(),
                        row.ratio,
                        row.kernel()
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
             as many bytes. Measured batch by batch beside the row."
        )?;
        if let Some(path) = &self.json {
            let lines: String = rows.iter().map(|row| format!("{}\n", row.json(self.threads))).collect();
            fs::write(path, lines).with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &self.report {
            let page = report::page(&format!("{machine}; threads: {}", self.threads), &rows, &peers, self.threads);
            fs::write(path, page).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn backends(&self) -> Result<Vec<Backend>> {
        Ok(match self.isa.as_deref() {
            None | Some("") => vec![Backend::best()],
            Some("all") => Backend::available().map(Backend::with_isa).collect::<Result<_, _>>()?,
            Some(name) => vec![Backend::with_isa(name.parse().with_context(|| format!("`{name}`"))?)?],
        })
    }

    fn tasks(&self) -> Result<Vec<Task>> {
        let tasks = shapes::parse(shapes::TEXT)?.into_iter().flat_map(|shape| {
            let operations: &[&'static str] = match shape.sizes {
                Sizes::Gemm(_) => &["gemm"],
                Sizes::Call(_) => &CALLS,
                Sizes::Conv(_) => &["conv"],
                Sizes::Elements(_) => &elementwise::OPERATIONS,
            };
            operations.iter().map(move |operation| Task { operation, shape: shape.clone() })
        });
        let matches = |task: &Task| {
            let name = format!("{} {}", task.operation, task.shape.name);
            self.only.as_ref().is_none_or(|only| only.is_match(&name))
        };
        let tasks: Vec<Task> = tasks.filter(matches).collect();
        if tasks.is_empty() {
            bail!("no row matches; the rows are those of benches/shapes.tsv");
        }
        Ok(tasks)
    }
}

/// Small products, of which a row says how long a call takes.
const CALLS: [&str; 2] = ["call_s32", "call_u8"];

/// The operands of a task.
enum Operands {
    Products(products::Operands),
    Elementwise(elementwise::Operands),
}

/// The kinds of work that a row is the faster one of.
fn works<'a>(task: &'a Task, operands: &'a Operands, backend: &Backend, pool: &'a ThreadPool) -> Result<Vec<Work<'a>>> {
    Ok(match (operands, &task.shape.sizes) {
        (Operands::Products(operands), &Sizes::Gemm(sizes)) => vec![
            products::gemm::<i32>(backend, sizes, operands, pool)?,
            products::gemm::<u8>(backend, sizes, operands, pool)?,
        ],
        (Operands::Products(operands), &Sizes::Call(sizes)) => vec![match task.operation {
            "call_s32" => products::gemm::<i32>(backend, sizes, operands, pool)?,
            _ => products::gemm::<u8>(backend, sizes, operands, pool)?,
        }],
        (Operands::Products(operands), Sizes::Conv(conv)) => vec![
            products::conv::<i32>(backend, conv, operands, pool)?,
            products::conv::<u8>(backend, conv, operands, pool)?,
        ],
        (Operands::Elementwise(operands), _) => {
            vec![elementwise::make(task.operation, *backend, operands, pool)?]
        }
        _ => bail!("operands of another kind"),
    })
}

/// How many measurements of a limit the median is taken of: those of the row, and the last ones before.
const LIMITS: usize = 44;

/// Measurements of the peak of each tier, which go on from row to row.
type Peaks = Vec<(Isa, Vec<f64>)>;

/// Those of a tier.
fn peaks_of(peaks: &mut Peaks, isa: Isa) -> &mut Vec<f64> {
    let at = peaks.iter().position(|(of, _)| *of == isa).unwrap_or_else(|| {
        peaks.push((isa, Vec::new()));
        peaks.len() - 1
    });
    &mut peaks[at].1
}

/// A row for each tier.
fn measure(
    task: &Task,
    backends: &[Backend],
    pool: &ThreadPool,
    peaks: &mut Peaks,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    let operands = match &task.shape.sizes {
        Sizes::Gemm(sizes) | Sizes::Call(sizes) => Operands::Products(products::Operands::gemm(*sizes)),
        Sizes::Conv(conv) => Operands::Products(products::Operands::conv(conv)),
        Sizes::Elements(elements) => Operands::Elementwise(elementwise::Operands::new(*elements)),
    };
    let name = || format!("{} {}", task.operation, task.shape.name);
    let mut rows = Vec::new();
    for backend in backends {
        let works = works(task, &operands, backend, pool).with_context(name)?;
        let amount = works.first().context("nothing to measure")?.amount;
        let mut limits = match &operands {
            Operands::Elementwise(_) => vec![timing::copy(amount as usize, pool)],
            Operands::Products(operands) => {
                vec![timing::peak(set(backend.isa())?, pool), timing::stream(operands.bytes(), amount, pool)]
            }
        };
        if let [peak, _] = limits.as_mut_slice() {
            peak.rates = std::mem::take(peaks_of(peaks, backend.isa()));
        }
        let mut best: Option<(Seconds, Work<'_>)> = None;
        for mut work in works {
            let seconds = within(pool, || timing::seconds_beside(&mut *work.run, &mut limits));
            if best.as_ref().is_none_or(|(least, _)| seconds.median < least.median) {
                best = Some((seconds, work));
            }
        }
        let (seconds, work) = best.context("nothing to measure")?;
        let rates: Vec<f64> = limits.iter().map(|limit| limit.rate(LIMITS)).collect();
        let roof = match (&operands, rates.as_slice()) {
            (Operands::Products(operands), &[peak, stream]) => {
                let intensity = amount / operands.bytes() as f64;
                Some(Roof { peak, stream: stream / intensity, intensity })
            }
            _ => None,
        };
        rows.push(Row {
            operation: task.operation,
            shape: task.shape.name.clone(),
            isa: backend.isa(),
            kernel: work.kernel,
            output: work.output,
            amount: work.amount,
            rate: work.amount / seconds.median,
            fastest: work.amount / seconds.least,
            p90: work.amount / seconds.p90,
            limit: rates.into_iter().fold(f64::INFINITY, f64::min),
            roof,
            ratio: 1.0,
        });
        if let [peak, _] = limits.as_mut_slice() {
            *peaks_of(peaks, backend.isa()) = std::mem::take(&mut peak.rates);
        }
        bar.inc(1);
    }
    // The scalar tier's own row, or a brief one of it.
    let scalar = match rows.iter().find(|row| row.isa == Isa::Scalar) {
        Some(row) => row.rate,
        None => {
            let scalar = works(task, &operands, &Backend::with_isa(Isa::Scalar)?, pool).with_context(name)?;
            let rates =
                scalar.into_iter().map(|mut work| work.amount / within(pool, || timing::seconds_brief(&mut *work.run)));
            rates.fold(0.0, f64::max)
        }
    };
    rows.iter_mut().for_each(|row| row.ratio = row.rate / scalar);
    Ok(rows)
}

/// Calls a function on a thread of the pool, which so is entered once and not for each run; a pool of one thread has no
/// part in the rows.
fn within<T: Send>(pool: &ThreadPool, call: impl FnOnce() -> T + Send) -> T {
    if pool.current_num_threads() == 1 { call() } else { pool.install(call) }
}

fn set(isa: Isa) -> Result<&'static KernelSet> {
    zeropoint_kernels::tier(isa).ok_or_else(|| zeropoint::Error::IsaUnavailable { isa }.into())
}

/// CPU, compiler and commit.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let directory = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", directory, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
    format!("{}; {}; commit {}", cpu.unwrap_or(std::env::consts::ARCH).trim(), output(&rustc, &["--version"]), commit)
}

/// The first line that a command prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.as_deref().and_then(|text| text.lines().next()).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows that the arguments choose.
    fn rows(only: Option<&str>) -> Result<Vec<String>> {
        let only = only.map(|only| Regex::new(only).unwrap());
        let bench = Bench { isa: None, only, threads: 1, json: None, report: None, peers: None };
        let name = |task: Task| format!("{} {}", task.operation, task.shape.name);
        Ok(bench.tasks()?.into_iter().map(name).collect())
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
        for operation in ["gemm", "conv"].iter().chain(&CALLS).chain(&elementwise::OPERATIONS) {
            assert!(rows.iter().any(|row| row.starts_with(operation)), "{operation}");
        }
    }

    #[test]
    fn no_row_is_an_error() {
        assert!(rows(Some("nothing")).is_err());
    }

    #[test]
    fn tiers_are_named_or_all() {
        let backends = |isa: Option<&str>| {
            let isa = isa.map(str::to_owned);
            Bench { isa, only: None, threads: 1, json: None, report: None, peers: None }.backends()
        };
        assert_eq!(backends(None).unwrap()[0].isa(), Backend::best().isa());
        assert_eq!(backends(Some("all")).unwrap().len(), Backend::available().count());
        assert_eq!(backends(Some("scalar")).unwrap()[0].isa(), Isa::Scalar);
        let error = format!("{:#}", backends(Some("nothing")).unwrap_err());
        assert!(error.contains("scalar"), "{error}");
    }
}
