//! `zeropoint run`

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;

use super::inputs::{Batches, Inputs};
use super::options::{self, Preparing, Threads, Tiers};
use super::{Ending, accuracy, answer, cpu, timing};
use crate::error::Error;
use crate::exec::Session;
use crate::golden;
use crate::trace::{self, Trace};

#[derive(Args)]
pub(super) struct Run {
    /// The model: an ONNX file, or Paddle's program or the folder that holds it.
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    preparing: Preparing,
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
    /// The right answer of each sample, an integer: show the share of right ones.
    #[arg(long, value_name = "LABELS.npy")]
    accuracy: Option<PathBuf>,
}

/// How long the time of a run is measured.
const TIME: Duration = Duration::from_millis(300);

impl Run {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let mut file = options::read(&self.model)?;
        let several = self.golden.is_some() || self.accuracy.is_some();
        self.inputs.give_shapes(&self.model, &mut file, several)?;
        let prepared = self.preparing.options();
        // A trace shows every tensor of the file: what is fused otherwise has to make the same outputs.
        let mut whole = match self.is_observed() {
            true => Some(options::prepare(&self.model, file.clone(), &prepared.keep(true))?),
            false => None,
        };
        let mut graph = options::prepare(&self.model, file, &prepared)?;
        let batches = match several {
            true => self.inputs.batches(&self.model, &graph)?,
            false => Batches::one(self.inputs.read(&self.model, &graph, &mut |_| Ok(None))?),
        };
        let labels = self.labels.as_deref().map(answer::labels).transpose()?.unwrap_or_default();
        let right = self.accuracy.as_deref().map(accuracy::labels).transpose()?;
        let golden = self.golden.as_deref().map(golden::read).transpose()?;
        let traced = golden.as_ref().map_or(0..batches.runs(), |golden| batches.runs_of(golden));

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
            let mut session = options::session_of(&self.model, &mut graph, (backend, &backends), threads)?;
            batches.fill(&mut session, traced.start)?;
            if let (None, Some(path)) = (&first, &self.labels) {
                answer::check_labels(&session, &labels, path)?;
            }
            let mut observed = None;
            if let Some(whole) = &mut whole {
                let mut session = options::session_of(&self.model, whole, (backend, &backends), threads)?;
                let trace = trace::record_several(&mut session, traced.len(), &mut |session, run| {
                    batches.fill(session, traced.start + run)
                })?;
                observed = Some((session, self.named(trace)));
            }
            let accuracy = right.as_ref().map(|right| accuracy::measure(&mut session, &batches, right)).transpose()?;
            batches.fill(&mut session, traced.end.saturating_sub(1))?;
            let times = timing::measure(&mut session, TIME, 5, |_| {})?;
            spinner.finish_and_clear();
            write!(out, "{:<12} {:>10.3} ms (median of {})", isa.to_string(), times.median(), times.len())?;

            if let Some(accuracy) = accuracy {
                write!(out, "  {accuracy}")?;
                if let Some(share) = golden.as_ref().and_then(|golden| golden.accuracy)
                    && !accuracy.is(share)
                {
                    write!(out, " DIFFERS from the golden's {share:.4}")?;
                    ending = Ending::Different;
                }
            }
            if let (Some(golden), Some((_, trace))) = (&golden, &observed) {
                let report = golden::compare(golden, trace);
                write!(out, "  {report}")?;
                if !report.is_equal() {
                    ending = Ending::Different;
                }
            }
            writeln!(out)?;
            if let Some((observed, trace)) = &observed {
                if let Some(path) = &self.trace {
                    let path = if self.tiers.is_all() { options::per_tier(path, isa) } else { path.clone() };
                    let text = serde_json::to_string_pretty(trace)? + "\n";
                    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
                }
                for name in different(observed, &session)? {
                    writeln!(out, "output {name} DIFFERS on {isa} where every tensor of the file is made")?;
                    ending = Ending::Different;
                }
            }
            match &first {
                None => first = Some(session),
                Some(first) => {
                    for name in different(first, &session)? {
                        writeln!(out, "output {name} DIFFERS between {} and {isa}", first.plan().isa())?;
                        ending = Ending::Different;
                    }
                }
            }
        }
        // Of several runs, the last one's outputs are hardly what is asked for.
        if let (Some(session), 1) = (&first, batches.runs()) {
            answer::show(out, session, self.top.map(usize::from), &labels)?;
        }
        Ok(ending)
    }

    const fn is_observed(&self) -> bool {
        self.trace.is_some() || self.golden.is_some()
    }

    fn named(&self, trace: Trace) -> Trace {
        Trace { model: Some(options::stem(&self.model)), picture: self.inputs.image().map(options::stem), ..trace }
    }
}

/// The outputs that two runs on the same inputs did not make alike.
fn different<'a>(a: &'a Session, b: &Session) -> Result<Vec<&'a str>, Error> {
    let mut names = Vec::new();
    for (index, (name, ..)) in a.plan().output_tensors().enumerate() {
        if a.output(index)?.bytes() != b.output(index)?.bytes() {
            names.push(name);
        }
    }
    Ok(names)
}
