//! Nodes of constants alone are computed once, while planning, by what they would be computed by in each run.

use std::sync::Arc;

use zeropoint::Backend;

use super::arena::ALIGN;
use super::memory::{Home, Memory, MemoryMut, zeroed};
use super::ops::{self, Action, Context};
use super::plan::Limits;
use crate::graph::{Constant, Graph, Node, TensorId, shape};

/// The graph without these nodes: what they make are constants. One that cannot be computed stays, for planning to say
/// why; so does one whose results would take all results beyond the limit.
pub(super) fn compute(mut graph: Graph, backend: &Backend, limits: Limits) -> Graph {
    let mut left = limits.memory;
    let nodes = std::mem::take(&mut graph.nodes);
    for node in nodes {
        let fixed = |id: &TensorId| graph.tensor(*id).constant.is_some();
        let computed = if node.inputs.iter().flatten().next().is_some() && node.inputs.iter().flatten().all(fixed) {
            results(&graph, &node, backend, &mut left)
        } else {
            None
        };
        match computed {
            Some(constants) => {
                for (&id, constant) in node.outputs.iter().zip(constants) {
                    graph.tensor_mut(id).constant = Some(constant);
                }
            }
            None => graph.nodes.push(node),
        }
    }
    graph
}

/// What a node makes of constants.
fn results(graph: &Graph, node: &Node, backend: &Backend, left: &mut usize) -> Option<Vec<Arc<Constant>>> {
    let mut bytes = 0usize;
    for &id in &node.outputs {
        let tensor = graph.tensor(id);
        bytes = bytes.checked_add(shape::bytes(tensor.shape.as_ref()?, tensor.type_?.size()).ok()?)?;
    }
    *left = left.checked_sub(bytes)?;
    let (part, node, _) = ops::part(graph, node);
    let step = match ops::lower(&part, &node, backend, None).ok()? {
        Action::Run(step) => step,
        Action::Same(from) => {
            let known = part.tensor(from).constant.as_deref()?;
            let shape = part.tensor(*node.outputs.first()?).shape.clone()?;
            return Some(vec![Arc::new(Constant::new(shape, known.data().clone()).ok()?)]);
        }
    };
    // What it makes lies one behind the other.
    let mut end = 0usize;
    let mut homes = Vec::new();
    for tensor in &part.tensors {
        homes.push(match &tensor.constant {
            Some(constant) => Home::Constant(Arc::clone(constant)),
            None => {
                let (shape, type_) = (tensor.shape.as_ref()?, tensor.type_?);
                let (offset, elements) = (end, shape::elements(shape).ok()?);
                end = end.checked_add(shape::bytes(shape, type_.size()).ok()?)?.checked_next_multiple_of(ALIGN)?;
                Home::Arena { offset, elements, type_ }
            }
        });
    }
    let mut arena = zeroed(end).ok()?;
    let mut scratch = zeroed(step.scratch_len()).ok()?;
    let mut memory = MemoryMut::new(&homes, &mut arena);
    step.run(Context { memory: &mut memory, scratch: &mut scratch, threads: 1 }).ok()?;
    let memory = Memory::new(&homes, &arena);
    let constant = |&id: &TensorId| {
        let tensor = part.tensor(id);
        let data = memory.tensor(id, tensor.type_?).to_data();
        Constant::new(tensor.shape.clone()?, data).ok().map(Arc::new)
    };
    node.outputs.iter().map(constant).collect()
}
