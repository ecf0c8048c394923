//! `zeropoint bench`

mod nodes;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::options::{self, Preparing, Threads, Tiers};
use super::random::Random;
use super::shapes::Shapes;
use super::{Ending, cpu, timing};

#[derive(Args)]
pub(super) struct Bench {
    /// The model: an ONNX file, or Paddle's program or the folder that holds it.
    model: PathBuf,
    #[command(flatten)]
    shapes: Shapes,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    preparing: Preparing,
    /// Also time each node by itself, and show which take most.
    #[arg(long)]
    nodes: bool,
    /// Write the medians to this file, a line of JSON for each tier, and with `--nodes` for each node.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How long to measure each tier.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("expected 0 to 3600".into()) }
}

/// A line of the file.
#[derive(Serialize)]
struct Row<'a> {
    op: &'a str,
    model: &'a str,
    isa: &'a str,
    threads: usize,
    ms: f64,
    load_ms: f64,
    plan_ms: f64,
}

impl Bench {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let start = Instant::now();
        let mut file = options::read(&self.model)?;
        self.shapes.apply(&mut file)?;
        let mut graph = options::prepare(&self.model, file, &self.preparing.options())?;
        let load_ms = milliseconds(start);
        let model = options::stem(&self.model);
        let threads = self.threads.get();
        let mut json = match &self.json {
            Some(path) => Some(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?)),
            None => None,
        };
        let time = Duration::from_secs_f64(self.seconds);
        // The same in each bench.
        let inputs = Random::default().inputs(&graph)?;

        let many = if threads == 1 { "thread" } else { "threads" };
        writeln!(out, "{}, {threads} {many}; read and prepared in {load_ms:.2} ms", cpu::name())?;
        writeln!(
            out,
            "{:<24} {:<12} {:>10} {:>10} {:>10} {:>8} {:>10}",
            "model", "tier", "median ms", "p10", "p90", "runs", "plan ms"
        )?;
        for backend in &backends {
            let isa = backend.isa().to_string();
            let bar = bar(time, &isa);
            let start = Instant::now();
            let mut session = options::session_of(&self.model, &mut graph, (backend, &backends), threads)?;
            let plan_ms = milliseconds(start);
            for (index, data) in inputs.iter().enumerate() {
                session.set_input(index, data)?;
            }
            let times = timing::measure(&mut session, time, 10, |spent| {
                bar.set_position(u64::try_from(spent.as_millis()).unwrap_or(u64::MAX));
            })?;
            bar.finish_and_clear();
            let [median, p10, p90] = [50, 10, 90].map(|percent| times.percentile(percent));
            writeln!(
                out,
                "{model:<24} {isa:<12} {median:>10.4} {p10:>10.4} {p90:>10.4} {:>8} {plan_ms:>10.2}",
                times.len()
            )?;
            if let Some(json) = &mut json {
                let row = Row { op: "net", model: &model, isa: &isa, threads, ms: median, load_ms, plan_ms };
                writeln!(json, "{}", serde_json::to_string(&row)?)?;
            }
            if self.nodes {
                let nodes = nodes::measure(&mut session, &model, threads, time)?;
                nodes::show(out, &nodes)?;
                if let Some(json) = &mut json {
                    for node in &nodes {
                        writeln!(json, "{}", serde_json::to_string(node)?)?;
                    }
                }
            }
        }
        if let (Some(mut json), Some(path)) = (json, &self.json) {
            json.flush().with_context(|| path.display().to_string())?;
        }
        Ok(Ending::Equal)
    }
}

/// Since then.
fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// Shows the time on stderr, where that is a terminal.
fn bar(time: Duration, isa: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{msg:12} {bar:40} {percent:>3} %") {
        bar.set_style(style);
    }
    bar.set_message(isa.to_owned());
    bar
}
