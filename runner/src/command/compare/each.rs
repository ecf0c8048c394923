//! Every operator alone: what it makes of its operands in a file, against what the file has of it.
//!
//! Where an operand is not in the file, the operators that make it are run along, back to tensors that are.

use std::path::Path;

use anyhow::{Context, Result};
use zeropoint::Backend;

use super::report::Report;
use crate::command::options;
use crate::error::Problems;
use crate::exec::{Limits, Plan, Session};
use crate::graph::{Graph, TensorId};
use crate::passes::{self, Options};
use crate::recorded::{Found, Recorded};

/// A network whose operators are what is run, not yet arranged for kernels.
pub(super) fn simplified(model: &Path, mut graph: Graph, options: &Options) -> Result<Graph> {
    let mut problems = Problems::default();
    passes::simplify(&mut graph, options, &mut problems, &mut |_, _| {});
    problems.into_result().with_context(|| options::place(model))?;
    Ok(graph)
}

pub(super) fn run(
    graph: &Graph,
    recorded: &mut Recorded,
    backend: &Backend,
    threads: usize,
    report: &mut Report,
) -> Result<()> {
    let at_hand: Vec<bool> = graph
        .tensors
        .iter()
        .map(|tensor| !tensor.internal && tensor.constant.is_none() && recorded.has(&tensor.name))
        .collect();
    graph.inputs.iter().for_each(|&id| report.given(&graph.tensor(id).name));
    for node in &graph.nodes {
        let outputs: Vec<TensorId> = node.outputs.iter().copied().filter(|id| at_hand[id.index()]).collect();
        if outputs.is_empty() {
            continue;
        }
        // What needs an input of the network that is not in the file stays among what is not made.
        let Some((part, given)) = graph.part(&outputs, &|id| at_hand[id.index()]) else { continue };
        let by = match part.nodes.len() {
            1 => node.op.to_string(),
            nodes => format!("{} and {} before it", node.op, nodes - 1),
        };
        one(part, graph, &given, &by, recorded, backend, threads, report).with_context(|| graph.label(node))?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "what a part is, where its tensors come from, and where it runs")]
fn one(
    mut part: Graph,
    graph: &Graph,
    given: &[TensorId],
    by: &str,
    recorded: &mut Recorded,
    backend: &Backend,
    threads: usize,
    report: &mut Report,
) -> Result<()> {
    let mut inputs = Vec::new();
    let mut refusal = None;
    for &id in given {
        let tensor = graph.tensor(id);
        let (Some(type_), Some(shape)) = (tensor.type_, &tensor.shape) else { continue };
        match recorded.find(&tensor.name, type_, shape)? {
            Found::Elements(data) => inputs.push(data),
            Found::Nothing => refusal = Some(format!("its operand {} is not in the file", tensor.name)),
            Found::Other(other) => {
                refusal =
                    Some(format!("its operand {} is {other} in the file, not {}", tensor.name, tensor.describe()));
            }
        }
    }
    if let Some(reason) = refusal {
        for &id in &part.outputs {
            let tensor = part.tensor(id);
            report.refuse(&tensor.name, by, tensor.describe(), reason.clone());
        }
        return Ok(());
    }
    part.names_below_open().for_each(|name| report.open(name));
    passes::arrange(&mut part, &Options::default(), &mut |_, _| {});
    let mut session = Session::new(Plan::new(&part, backend, Limits::default())?, threads)?;
    for (index, data) in inputs.iter().enumerate() {
        session.set_input(index, data)?;
    }
    session.run()?;
    for (index, (name, type_, shape)) in session.plan().output_tensors().enumerate() {
        let found = recorded.find(name, type_, shape)?;
        report.take(name, by, (type_, shape), session.output(index)?, found);
    }
    Ok(())
}
