//! `zeropoint compare`

mod each;
mod report;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use zeropoint::Backend;

use self::report::Report;
use super::Ending;
use super::inputs::Inputs;
use super::options::{self, Preparing, Threads, Tiers};
use crate::deviation::Tolerance;
use crate::exec::TensorRef;
use crate::golden;
use crate::graph::Graph;
use crate::passes::layout;
use crate::recorded::{Found, Recorded};
use crate::trace::{self, Trace};

#[derive(Args)]
pub(super) struct Compare {
    /// The model: an ONNX file, or Paddle's program or the folder that holds it.
    model: PathBuf,
    /// The tensors: an archive of NumPy's arrays (.npz) by their names in the model, one array (.npy), a list of raw
    /// elements (.json beside .bin), or a golden (.json).
    #[arg(long, value_name = "[NAME=]FILE")]
    with: String,
    /// Run every operator alone, on its operands in the file, and compare what it makes of them.
    #[arg(long)]
    each: bool,
    #[command(flatten)]
    inputs: Inputs,
    /// How far an element may be off: steps of an integer, or the distance of a float.
    #[arg(long, value_name = "D", default_value_t = 0.0, value_parser = distance)]
    tolerance: f64,
    /// The part of what is expected that it may be off besides.
    #[arg(long, value_name = "R", default_value_t = 0.0, value_parser = distance)]
    relative: f64,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    preparing: Preparing,
}

fn distance(text: &str) -> Result<f64, String> {
    let distance: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if distance.is_finite() && distance >= 0.0 { Ok(distance) } else { Err("expected a number from 0 on".into()) }
}

impl Compare {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let options = self.preparing.options().keep(true);
        let mut file = options::read(&self.model)?;
        let (name, path) = match self.with.split_once('=') {
            Some((name, path)) if !Path::new(&self.with).exists() => (Some(name), Path::new(path)),
            _ => (None, Path::new(&self.with)),
        };
        let golden = golden::read_if(path)?;
        self.inputs.give_shapes(&self.model, &mut file, golden.is_some())?;
        if let Some(golden) = golden {
            ensure!(!self.each, "--each: {} has checksums and no elements", path.display());
            let graph = options::prepare(&self.model, file, &options)?;
            return self.with_golden(out, &golden, &graph, &backends);
        }
        let mut recorded = Recorded::open(path, name)?;
        if self.each {
            let mut ending = Ending::Equal;
            let graph = each::simplified(&self.model, file, &options)?;
            for backend in &backends {
                let mut report = Report::new(self.tolerance());
                self.head(out, backend)?;
                each::run(&graph, &mut recorded, backend, self.threads.get(), &mut report)?;
                ending = ending.and(report.finish(out, &recorded)?);
            }
            return Ok(ending);
        }
        let graph = options::prepare(&self.model, file, &options)?;
        if name.is_none() && recorded.is_single() {
            name_single(&graph, &mut recorded)?;
        }
        self.with_elements(out, &mut recorded, &graph, &backends)
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance { absolute: self.tolerance, relative: self.relative }
    }

    fn head(&self, out: &mut impl Write, backend: &Backend) -> Result<()> {
        Ok(writeln!(out, "{} on tier {} with {}", options::stem(&self.model), backend.isa(), self.with)?)
    }

    fn with_elements(
        &self,
        out: &mut impl Write,
        recorded: &mut Recorded,
        graph: &Graph,
        backends: &[Backend],
    ) -> Result<Ending> {
        let inputs = self.inputs.read(&self.model, graph, &mut |(name, type_, shape)| match recorded
            .find(name, type_, shape)?
        {
            Found::Nothing => Ok(None),
            Found::Elements(data) => Ok(Some(data)),
            Found::Other(other) => {
                bail!("input {name} is {other} in {}, expected {type_} {shape:?}; --input gives another", self.with)
            }
        })?;
        let mut ending = Ending::Equal;
        for backend in backends {
            self.head(out, backend)?;
            let mut session = options::session(&self.model, graph, backend, self.threads.get())?;
            for (index, data) in inputs.iter().enumerate() {
                session.set_input(index, data)?;
            }
            let mut report = Report::new(self.tolerance());
            graph.names_below_open().for_each(|name| report.open(name));
            graph.inputs.iter().for_each(|&id| report.given(&graph.tensor(id).name));
            let made = session.plan().made().to_vec();
            let mut failed = None;
            session.run_observed(&mut |observed| {
                let made = &made[observed.index];
                let ordered = layout::in_c_order(observed.values, &made.shape, observed.layout);
                let values = ordered.as_ref().map_or(observed.values, TensorRef::from);
                match recorded.find(&made.name, made.type_, &made.shape) {
                    Ok(found) => report.take(&made.name, &made.op, (made.type_, &made.shape), values, found),
                    Err(error) => drop(failed.get_or_insert(error)),
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            ending = ending.and(report.finish(out, recorded)?);
        }
        Ok(ending)
    }

    fn with_golden(&self, out: &mut impl Write, golden: &Trace, graph: &Graph, backends: &[Backend]) -> Result<Ending> {
        let batches = self.inputs.batches(&self.model, graph)?;
        let traced = batches.runs_of(golden);
        let mut ending = Ending::Equal;
        for backend in backends {
            self.head(out, backend)?;
            let mut session = options::session(&self.model, graph, backend, self.threads.get())?;
            let trace = trace::record_several(&mut session, traced.len(), &mut |session, run| {
                batches.fill(session, traced.start + run)
            })?;
            let report = golden::compare(golden, &trace);
            for difference in &report.unjudged_differences {
                writeln!(out, "not judged: {difference}")?;
            }
            for difference in &report.differences {
                writeln!(out, "{difference}")?;
            }
            writeln!(out, "{report}")?;
            if !report.is_equal() {
                ending = Ending::Different;
            }
        }
        Ok(ending)
    }
}

/// An array alone is the tensor that its file is named after, or else the only output.
fn name_single(graph: &Graph, recorded: &mut Recorded) -> Result<()> {
    let stem = recorded.names().first().map(|&name| name.to_owned()).unwrap_or_default();
    if graph.tensors.iter().any(|tensor| tensor.name == stem) {
        return Ok(());
    }
    match graph.outputs.as_slice() {
        &[output] => {
            recorded.rename(&graph.tensor(output).name);
            Ok(())
        }
        _ => Err(anyhow::anyhow!("the network has no tensor \"{stem}\", and more outputs than one"))
            .context("--with: expected NAME=FILE"),
    }
}
