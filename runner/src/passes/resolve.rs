//! Types and shapes of all tensors, and the values of those that are the same for every run.
//!
//! Both in one walk, as a shape may depend on a value and a value on a shape: exporters write `Reshape` to a shape that
//! they compute from the `Shape` of another tensor.

use super::{fold, infer};
use crate::error::{Fault, Problems};
use crate::graph::{Constant, Graph, Op, Tensor, Type, shape};

/// What an operand is, as far as it is known before a run.
pub(super) struct Operand<'a> {
    pub(super) type_: Type,
    pub(super) shape: &'a [usize],
    pub(super) constant: Option<&'a Constant>,
}

/// Gives every tensor its type and shape. Nodes whose value is known become constants, and are told by their labels.
/// Nodes behind one that has a problem stay unresolved, without a problem of their own.
pub fn resolve(graph: &mut Graph, problems: &mut Problems) -> Vec<String> {
    let mut fired = Vec::new();
    let mut folded = 0usize;
    let nodes = std::mem::take(&mut graph.nodes);
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        let label = graph.label(&node);
        let mut report = |fault: Fault| problems.push(fault.at(&label));
        let Some(operands) = operands(graph, &node.inputs) else {
            kept.push(node);
            continue;
        };
        // A node with another number of outputs has been reported.
        if matches!(node.op, Op::Unknown { .. }) || node.outputs.len() != node.op.results() {
            kept.push(node);
            continue;
        }
        let known = match infer::results(&node.op, &operands).and_then(limited) {
            Ok(known) => known,
            Err(fault) => {
                report(fault);
                kept.push(node);
                continue;
            }
        };
        let constants = match (known.as_slice(), &node.op) {
            (parts, Op::Split { axis, .. }) => fold::split(&operands, *axis, parts, &mut folded),
            ([(_, shape)], op) => fold::fold(op, &operands, shape, &mut folded).map(|value| Some(vec![value?])),
            _ => Ok(None),
        };
        let constants = constants.unwrap_or_else(|fault| {
            report(fault);
            None
        });
        for (&output, (type_, shape)) in node.outputs.iter().zip(known) {
            let tensor = graph.tensor_mut(output);
            if let Some(fault) = contradiction(tensor, type_, &shape) {
                report(fault);
            }
            tensor.type_ = Some(type_);
            tensor.shape = Some(shape);
        }
        let Some(constants) = constants else {
            kept.push(node);
            continue;
        };
        fired.push(label);
        for (&output, constant) in node.outputs.iter().zip(constants) {
            graph.tensor_mut(output).constant = Some(std::sync::Arc::new(constant));
        }
    }
    graph.nodes = kept;
    fired
}

/// Types and shapes whose ranks and sizes are within what a tensor may have.
fn limited(known: Vec<(Type, Vec<usize>)>) -> Result<Vec<(Type, Vec<usize>)>, Fault> {
    for (type_, shape) in &known {
        if shape.len() > shape::MAX_RANK {
            return Err(Fault::unsupported(format!(
                "makes a tensor with {} axes, expected at most {}",
                shape.len(),
                shape::MAX_RANK
            )));
        }
        shape::bytes(shape, type_.size())?;
    }
    Ok(known)
}

/// What the file says of a tensor, where it is something else than what it is.
fn contradiction(tensor: &Tensor, type_: Type, shape: &[usize]) -> Option<Fault> {
    let (declared, dims) = tensor.declared.as_ref()?;
    let fits =
        dims.len() == shape.len() && dims.iter().zip(shape).all(|(dim, size)| dim.is_none_or(|dim| dim == *size));
    if *declared == type_ && fits {
        return None;
    }
    Some(Fault::invalid(format!(
        "makes \"{}\" as {type_} {shape:?}, but the file declares {declared} {}",
        tensor.name,
        sizes(dims)
    )))
}

fn sizes(dims: &[Option<usize>]) -> String {
    let sizes: Vec<String> = dims.iter().map(|dim| dim.map_or("?".into(), |size| size.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}

/// The operands, if all of them are known.
fn operands<'a>(graph: &'a Graph, inputs: &[Option<crate::graph::TensorId>]) -> Option<Vec<Option<Operand<'a>>>> {
    inputs
        .iter()
        .map(|input| {
            let Some(id) = input else { return Some(None) };
            let tensor = graph.tensor(*id);
            Some(Some(Operand {
                type_: tensor.type_?,
                shape: tensor.shape.as_deref()?,
                constant: tensor.constant.as_deref(),
            }))
        })
        .collect()
}
