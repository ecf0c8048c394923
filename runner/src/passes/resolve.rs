//! Types and shapes of all tensors, and the values of those that are the same for every run.
//!
//! Both in one walk, as a shape may depend on a value and a value on a shape: exporters write `Reshape` to a shape that
//! they compute from the `Shape` of another tensor.

use super::{fold, infer};
use crate::error::{Fault, Problems};
use crate::graph::{Constant, Graph, Op, Type, shape};

/// What an operand is, as far as it is known before a run.
pub(super) struct Operand<'a> {
    pub(super) type_: Type,
    pub(super) shape: &'a [usize],
    pub(super) constant: Option<&'a Constant>,
}

/// Gives every tensor its type and shape. Nodes whose value is known become constants. Nodes behind one that has a
/// problem stay unresolved, without a problem of their own.
pub fn resolve(graph: &mut Graph, problems: &mut Problems) {
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
        let (&[output], false) = (node.outputs.as_slice(), matches!(node.op, Op::Unknown { .. })) else {
            kept.push(node);
            continue;
        };
        let (type_, shape) = match infer::infer(&node.op, &operands).and_then(|(type_, shape)| {
            if shape.len() > shape::MAX_RANK {
                return Err(Fault::unsupported(format!(
                    "makes a tensor with {} axes, expected at most {}",
                    shape.len(),
                    shape::MAX_RANK
                )));
            }
            shape::bytes(&shape, type_.size())?;
            Ok((type_, shape))
        }) {
            Ok(known) => known,
            Err(fault) => {
                report(fault);
                kept.push(node);
                continue;
            }
        };
        let constant = match fold::fold(&node.op, &operands, &shape, &mut folded) {
            Ok(constant) => constant,
            Err(fault) => {
                report(fault);
                None
            }
        };
        let is_constant = constant.is_some();
        let tensor = graph.tensor_mut(output);
        if let Some((declared, dims)) = &tensor.declared {
            let fits = dims.len() == shape.len()
                && dims.iter().zip(&shape).all(|(dim, size)| dim.is_none_or(|dim| dim == *size));
            if *declared != type_ || !fits {
                report(Fault::invalid(format!(
                    "makes \"{}\" as {type_} {shape:?}, but the file declares {declared} {}",
                    tensor.name,
                    sizes(dims)
                )));
            }
        }
        tensor.type_ = Some(type_);
        tensor.shape = Some(shape);
        tensor.constant = constant.map(std::sync::Arc::new);
        if !is_constant {
            kept.push(node);
        }
    }
    graph.nodes = kept;
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
