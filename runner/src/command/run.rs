//! `zeropoint run`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use indicatif::ProgressBar;

use super::options::{self, Threads, Tiers};
use super::{Ending, answer, cpu, timing};
use crate::exec::Session;
use crate::golden;
use crate::graph::{Data, Graph};
use crate::npy;
use crate::preprocess::Preparation;
use crate::trace::{self, Trace};

#[derive(Args)]
pub(super) struct Run {
    /// The ONNX file.
    model: PathBuf,
    /// A picture (PNG or JPEG), prepared as the model's json file says.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// An input tensor; the name can be left out where there is one input.
    #[arg(long, value_name = "[NAME=]FILE.npy")]
    input: Vec<String>,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    threads: Threads,
    /// Show the K greatest values of the first output.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    top: Option<u16>,
    /// Names of the values of the first output, one in each line.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Write checksums of all integer tensors and their kernels to this file; with several tiers, to one for each.
    #[arg(long, value_name = "FILE.json")]
    trace: Option<PathBuf>,
    /// Compare all integer tensors with those of this file.
    #[arg(long, value_name = "FILE.json")]
    golden: Option<PathBuf>,
}

/// How long the time of a run is measured.
const TIME: Duration = Duration::from_millis(300);

impl Run {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let graph = options::load(&self.model)?;
        let inputs = self.inputs(&graph)?;
        let labels = self.labels.as_deref().map(answer::labels).transpose()?.unwrap_or_default();
        let golden = self.golden.as_deref().map(read_golden).transpose()?;

        let model = options::stem(&self.model);
        let threads = self.threads.get();
        writeln!(out, "{model} on {}, {threads} {}", cpu::name(), if threads == 1 { "thread" } else { "threads" })?;
        let mut ending = Ending::Equal;
        let mut first: Option<Session> = None;
        for backend in &backends {
            let isa = backend.isa();
            let spinner = ProgressBar::new_spinner();
            spinner.set_message(isa.to_string());
            spinner.enable_steady_tick(Duration::from_millis(100));
            let mut session = options::session(&self.model, &graph, backend, threads)?;
            for (index, data) in inputs.iter().enumerate() {
                session.set_input(index, data)?;
            }
            if let (None, Some(path)) = (&first, &self.labels) {
                answer::check_labels(&session, &labels, path)?;
            }
            let trace = match (&self.trace, &golden) {
                (None, None) => None,
                _ => Some(self.named(trace::record(&mut session)?)),
            };
            let times = timing::measure(&mut session, TIME, 5, |_| {})?;
            spinner.finish_and_clear();
            write!(out, "{:<12} {:>10.3} ms (median of {})", isa.to_string(), times.median(), times.len())?;

            if let (Some(golden), Some(trace)) = (&golden, &trace) {
                let report = golden::compare(golden, trace);
                write!(out, "  {report}")?;
                if !report.is_equal() {
                    ending = Ending::Different;
                }
            }
            writeln!(out)?;
            if let (Some(path), Some(trace)) = (&self.trace, &trace) {
                let path = if self.tiers.is_all() { options::per_tier(path, isa) } else { path.clone() };
                let text = serde_json::to_string_pretty(trace)? + "\n";
                std::fs::write(&path, text).with_context(|| path.display().to_string())?;
            }
            match &first {
                None => first = Some(session),
                Some(first) => {
                    for (index, (name, ..)) in first.plan().output_tensors().enumerate() {
                        if first.output(index)?.bytes() != session.output(index)?.bytes() {
                            writeln!(out, "output {name} DIFFERS between {} and {isa}", first.plan().isa())?;
                            ending = Ending::Different;
                        }
                    }
                }
            }
        }
        if let Some(session) = &first {
            answer::show(out, session, self.top.map(usize::from), &labels)?;
        }
        Ok(ending)
    }

    fn named(&self, trace: Trace) -> Trace {
        Trace { model: Some(options::stem(&self.model)), picture: self.image.as_deref().map(options::stem), ..trace }
    }

    /// A value for each input of the network.
    fn inputs(&self, graph: &Graph) -> Result<Vec<Data>> {
        let tensors: Vec<_> = graph.inputs.iter().map(|&id| graph.tensor(id)).collect();
        let known: Vec<_> = tensors
            .iter()
            .map(|tensor| {
                let shape = tensor.shape.as_deref().context("an input without a shape")?;
                Ok((tensor.name.as_str(), tensor.type_.context("an input without a type")?, shape))
            })
            .collect::<Result<_>>()?;
        let mut values: Vec<Option<Data>> = vec![None; known.len()];
        for argument in &self.input {
            let (at, path) = named_input(argument, &known)?;
            let (name, type_, shape) = known[at];
            let data = npy::read(path, type_, shape).with_context(|| format!("input {name}"))?;
            ensure!(values[at].replace(data).is_none(), "--input: {name} is given twice");
        }
        if let Some(path) = &self.image {
            let mut open = (0..known.len()).filter(|&at| values[at].is_none());
            let (Some(at), None) = (open.next(), open.next()) else {
                bail!("--image: expected one input that --input does not give, the network has {}", list(&known));
            };
            let (name, type_, shape) = known[at];
            let preparation = Preparation::beside(&self.model)?;
            let data = preparation.picture(path, type_, shape).with_context(|| format!("input {name}"))?;
            values[at] = Some(data);
        }
        let missing: Vec<_> = known.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(k, _)| *k).collect();
        ensure!(missing.is_empty(), "no value for {}: give --image or --input", list(&missing));
        Ok(values.into_iter().flatten().collect())
    }
}

type Known<'a> = (&'a str, crate::graph::Type, &'a [usize]);

fn list(inputs: &[Known<'_>]) -> String {
    let names: Vec<String> = inputs.iter().map(|(name, type_, shape)| format!("{name} ({type_} {shape:?})")).collect();
    if names.is_empty() { "no inputs".into() } else { names.join(", ") }
}

/// Which input an argument means, and its file.
fn named_input<'a>(argument: &'a str, inputs: &[Known<'_>]) -> Result<(usize, &'a Path)> {
    if let Some((name, path)) = argument.split_once('=')
        && let Some(at) = inputs.iter().position(|input| input.0 == name)
    {
        return Ok((at, Path::new(path)));
    }
    match (inputs, argument.split_once('=')) {
        (_, Some((name, _))) if !Path::new(argument).exists() => {
            bail!("--input: there is no input {name}, the network has {}", list(inputs))
        }
        ([_], _) => Ok((0, Path::new(argument))),
        _ => bail!("--input {argument}: expected NAME=FILE, the network has {}", list(inputs)),
    }
}

fn read_golden(path: &Path) -> Result<Trace> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{}: is no golden", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Type;

    #[test]
    fn inputs_are_named_where_there_are_several() {
        let one: [Known<'_>; 1] = [("x", Type::F32, &[1])];
        let two: [Known<'_>; 2] = [("x", Type::F32, &[1]), ("y", Type::U8, &[2])];
        assert_eq!(named_input("a.npy", &one).unwrap(), (0, Path::new("a.npy")));
        assert_eq!(named_input("y=a=b.npy", &two).unwrap(), (1, Path::new("a=b.npy")));
        assert!(named_input("a.npy", &two).is_err());
        let error = named_input("z=a.npy", &one).unwrap_err().to_string();
        assert_eq!(error, "--input: there is no input z, the network has x (float32 [1])");
    }
}
