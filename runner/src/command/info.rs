//! `zeropoint info`

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::Ending;
use super::options::{Preparing, Tiers};
use super::passes::Followed;
use super::shapes::Shapes;
use crate::exec::{self, Activations, Limits, Packed, Plan, Row};
use crate::formats;
use crate::graph::Graph;
use crate::passes::{self, Options, Places};

#[derive(Args)]
pub(super) struct Info {
    /// The model: an ONNX file, or Paddle's program or the folder that holds it.
    model: PathBuf,
    #[command(flatten)]
    shapes: Shapes,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    preparing: Preparing,
    /// Show the graph as the file has it and after each pass that changed it, and what each pass fired on.
    #[arg(long)]
    passes: bool,
}

impl Info {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let (mut graph, mut problems) = formats::open(&self.model)?;
        self.shapes.apply(&mut graph)?;
        let options = self.preparing.options();
        if self.passes {
            let mut followed = Followed::new(&graph);
            passes::run_reported(&mut graph, &options, &mut problems, &mut |graph, report| {
                followed.take(graph, report)
            });
            out.write_all(followed.text().as_bytes())?;
        } else {
            passes::run(&mut graph, &options, &mut problems);
        }
        let limits = Limits::default();
        for backend in &backends {
            let (rows, found) = exec::survey(&graph, backend, limits);
            // Tiers differ in their kernels, not in what they refuse.
            for problem in found.0 {
                if !problems.0.contains(&problem) {
                    problems.0.push(problem);
                }
            }
            writeln!(out, "{} on tier {}", self.model.display(), backend.isa())?;
            for (what, ids) in [("input", &graph.inputs), ("output", &graph.outputs)] {
                for &id in ids {
                    writeln!(out, "  {what} {}: {}", graph.tensor(id).name, graph.tensor(id).describe())?;
                }
            }
            writeln!(out)?;
            table(out, &rows)?;
            weights(out, &rows)?;
            match Plan::new(&graph, backend, limits) {
                Ok(plan) => activations(out, plan.activations())?,
                Err(exec_error) if problems.is_empty() => {
                    bail!("cannot run {}: {exec_error}", self.model.display())
                }
                // Listed below.
                Err(_) => {}
            }
        }
        places(out, &graph, &options)?;
        floats(out, &graph)?;
        if problems.is_empty() {
            return Ok(Ending::Equal);
        }
        bail!("cannot run {}:\n{problems}", self.model.display())
    }
}

fn table(out: &mut impl Write, rows: &[Row]) -> Result<()> {
    let widest = |get: &dyn Fn(&Row) -> usize, title: &str| rows.iter().map(get).max().unwrap_or(0).max(title.len());
    let (op, output) = (widest(&|row| row.op.len(), "operator"), widest(&|row| row.output.len(), "output"));
    let tensor = widest(&|row| row.tensor.len(), "type and shape");
    let line =
        format!("{:<op$}  {:<output$}  {:<tensor$}  {:>9}  kernel", "operator", "output", "type and shape", "packed");
    writeln!(out, "{line}")?;
    for row in rows {
        let packed = row.made.as_ref().and_then(|made| made.packed.as_ref());
        let packed = packed.map_or_else(String::new, |packed| packed.packed.to_string());
        let kernel = row.made.as_ref().map_or("none", |made| made.kernel.as_str());
        writeln!(out, "{:<op$}  {:<output$}  {:<tensor$}  {packed:>9}  {kernel}", row.op, row.output, row.tensor)?;
    }
    Ok(writeln!(out)?)
}

/// Packed bytes against the model's own, and apart from the rest those that padding makes larger.
fn weights(out: &mut impl Write, rows: &[Row]) -> Result<()> {
    let packed: Vec<&Packed> = rows.iter().filter_map(|row| row.made.as_ref()?.packed.as_ref()).collect();
    let mut line = |what: &str, those: Vec<&&Packed>| -> Result<()> {
        if those.is_empty() {
            return Ok(());
        }
        let (own, packed) = those.iter().fold((0, 0), |sum, those| (sum.0 + those.own, sum.1 + those.packed));
        let nodes = those.len();
        let ratio = packed as f64 / own.max(1) as f64;
        Ok(writeln!(out, "{what}: {packed} bytes packed for {own} of their own, {ratio:.3} times ({nodes} nodes)")?)
    };
    line("weights", packed.iter().collect())?;
    if packed.iter().any(|packed| packed.depthwise) {
        line("  but depthwise", packed.iter().filter(|packed| !packed.depthwise).collect())?;
        line("  depthwise (taps padded to whole vectors)", packed.iter().filter(|packed| packed.depthwise).collect())?;
    }
    let copied: usize = packed.iter().map(|packed| packed.copied).sum();
    if copied > 0 {
        let nodes = packed.iter().filter(|packed| packed.copied > 0).count();
        writeln!(
            out,
            "  beside them copies of {copied} bytes, in an order of their kernels or transformed ({nodes} nodes)"
        )?;
    }
    Ok(())
}

/// The arena, and what is gained by it.
fn activations(out: &mut impl Write, activations: Activations) -> Result<()> {
    let Activations { arena, apart, least } = activations;
    Ok(writeln!(out, "activations: {arena} bytes in one arena ({least} at least, {apart} without sharing)")?)
}

/// What the nodes work on, and why it is floats where it could have been integers.
fn places(out: &mut impl Write, graph: &Graph, options: &Options) -> Result<()> {
    let Places { integers, floats, between, moving, relayouts, .. } = passes::places(graph);
    writeln!(
        out,
        "nodes: {integers} on integers, {floats} on floats, {between} from one to the other, {moving} that only move, \
         {relayouts} that change the memory order"
    )?;
    for (node, reason) in graph.nodes.iter().zip(passes::why_float(graph, options)) {
        if let Some(reason) = reason {
            writeln!(out, "float: {}: {reason}", graph.label(node))?;
        }
    }
    Ok(())
}

/// What lies below a float operator whose result its definition leaves open.
fn floats(out: &mut impl Write, graph: &Graph) -> Result<()> {
    let mut names: Vec<&str> = graph.names_below_open().collect();
    names.sort_unstable();
    if !names.is_empty() {
        let names = names.join(", ");
        writeln!(out, "from a float operator whose rounding ONNX leaves open (computed in one stated order): {names}")?;
    }
    Ok(())
}
