//! Measuring: each operation at each shape, on each tier, beside its limits.

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use rayon::ThreadPool;
use zeropoint::{Backend, Isa};
use zeropoint_kernels::KernelSet;

use super::row::{Roof, Row, giga};
use super::shapes::{self, Shape, Sizes};
use super::timing::Seconds;
use super::work::Work;
use super::{elementwise, products, timing};

/// Small products, of which a row says how long a call takes.
pub(super) const CALLS: [&str; 2] = ["call_s32", "call_u8"];

/// An operation at a shape.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) operation: &'static str,
    pub(crate) shape: Shape,
}

impl Task {
    /// Those of `benches/shapes.tsv`.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let tasks = shapes::parse(shapes::TEXT)?.into_iter().flat_map(|shape| {
            let operations: &[&'static str] = match shape.sizes {
                Sizes::Gemm(_) => &["gemm"],
                Sizes::Call(_) => &CALLS,
                Sizes::Conv(_) => &["conv"],
                Sizes::Elements(_) => &elementwise::OPERATIONS,
            };
            operations.iter().map(move |operation| Self { operation, shape: shape.clone() })
        });
        Ok(tasks.collect())
    }

    /// Operation and shape.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.operation, self.shape.name)
    }
}

/// The operands of a task.
pub(crate) enum Operands {
    Products(products::Operands),
    Elementwise(elementwise::Operands),
}

impl Operands {
    pub(crate) fn of(shape: &Shape) -> Self {
        match &shape.sizes {
            Sizes::Gemm(sizes) | Sizes::Call(sizes) => Self::Products(products::Operands::gemm(*sizes)),
            Sizes::Conv(conv) => Self::Products(products::Operands::conv(conv)),
            Sizes::Elements(elements) => Self::Elementwise(elementwise::Operands::new(*elements)),
        }
    }
}

/// The work of a task. A product's results have 8 bits, unless the operation says otherwise.
pub(crate) fn work<'a>(
    task: &'a Task,
    operands: &'a Operands,
    backend: &Backend,
    pool: &'a ThreadPool,
) -> Result<Work<'a>> {
    match (operands, &task.shape.sizes) {
        (Operands::Products(operands), &Sizes::Call(sizes)) if task.operation == "call_s32" => {
            products::gemm::<i32>(backend, sizes, operands, pool)
        }
        (Operands::Products(operands), &(Sizes::Gemm(sizes) | Sizes::Call(sizes))) => {
            products::gemm::<u8>(backend, sizes, operands, pool)
        }
        (Operands::Products(operands), Sizes::Conv(conv)) => products::conv::<u8>(backend, conv, operands, pool),
        (Operands::Elementwise(operands), _) => elementwise::make(task.operation, *backend, operands, pool),
        _ => bail!("operands of another kind"),
    }
}

/// The kinds of work that a row is the faster one of: a product's results have 32 bits as well.
fn works<'a>(task: &'a Task, operands: &'a Operands, backend: &Backend, pool: &'a ThreadPool) -> Result<Vec<Work<'a>>> {
    let mut works = Vec::new();
    match (operands, &task.shape.sizes) {
        (Operands::Products(operands), &Sizes::Gemm(sizes)) => {
            works.push(products::gemm::<i32>(backend, sizes, operands, pool)?);
        }
        (Operands::Products(operands), Sizes::Conv(conv)) => {
            works.push(products::conv::<i32>(backend, conv, operands, pool)?);
        }
        _ => {}
    }
    works.push(work(task, operands, backend, pool)?);
    Ok(works)
}

/// How many measurements of a limit the median is taken of: those of the row, and the last ones before.
const LIMITS: usize = 44;

/// Measurements of the peak of each tier, which go on from row to row.
pub(super) type Peaks = Vec<(Isa, Vec<f64>)>;

/// Those of a tier.
fn peaks_of(peaks: &mut Peaks, isa: Isa) -> &mut Vec<f64> {
    let at = peaks.iter().position(|(of, _)| *of == isa).unwrap_or_else(|| {
        peaks.push((isa, Vec::new()));
        peaks.len() - 1
    });
    &mut peaks[at].1
}

/// A row for each tier.
pub(super) fn measure(
    task: &Task,
    backends: &[Backend],
    pool: &ThreadPool,
    peaks: &mut Peaks,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    let operands = Operands::of(&task.shape);
    let name = || task.name();
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
                Some(Roof {
                    peak: giga(peak),
                    stream: giga(stream / intensity),
                    intensity: (intensity * 1e3).round() / 1e3,
                })
            }
            _ => None,
        };
        let rate = work.amount / seconds.median;
        let is_product = work.output.is_some();
        rows.push(Row {
            operation: task.operation.into(),
            shape: task.shape.name.clone(),
            threads: pool.current_num_threads(),
            tier: backend.isa().name().into(),
            kernel: work.kernel.into(),
            output: work.output.unwrap_or(if task.operation.ends_with("f32") { "f32" } else { "u8" }).into(),
            gmacs: is_product.then(|| giga(rate)),
            gbps: (!is_product).then(|| giga(rate)),
            ns: CALLS.contains(&task.operation).then(|| (1e10 * seconds.median).round() / 10.0),
            lo: giga(work.amount / seconds.p90),
            hi: giga(work.amount / seconds.least),
            limit: giga(rates.into_iter().fold(f64::INFINITY, f64::min)),
            to_scalar: 1.0,
            roof,
        });
        if let [peak, _] = limits.as_mut_slice() {
            *peaks_of(peaks, backend.isa()) = std::mem::take(&mut peak.rates);
        }
        bar.inc(1);
    }
    // The scalar tier's own row, or a brief one of it.
    let scalar = match rows.iter().find(|row| row.tier == Isa::Scalar.name()) {
        Some(row) => row.rate(),
        None => {
            let scalar = works(task, &operands, &Backend::with_isa(Isa::Scalar)?, pool).with_context(name)?;
            let rates =
                scalar.into_iter().map(|mut work| work.amount / within(pool, || timing::seconds_brief(&mut *work.run)));
            giga(rates.fold(0.0, f64::max))
        }
    };
    rows.iter_mut().for_each(|row| row.to_scalar = (row.rate() / scalar * 1e3).round() / 1e3);
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
