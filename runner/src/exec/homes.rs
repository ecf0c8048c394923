//! Where the tensors of a network are while it runs.

use std::sync::Arc;

use super::arena::{self, Activations, Life};
use super::memory::Home;
use super::ops::{Action, Step};
use super::plan::Limits;
use crate::error::Fault;
use crate::graph::{Graph, Node, Tensor, TensorId, shape};

/// Lays out the memory of the nodes that have an action.
pub(super) fn lay_out(
    graph: &Graph,
    actions: &[Option<Action>],
    limits: Limits,
) -> Result<(Box<[Home]>, Activations), Fault> {
    let mut shared = Shared::views(graph, actions);
    let mut lives = lives(graph, &shared, limits)?;
    let apart = arena::apart(lives.iter().flatten());
    for (at, (node, action)) in graph.nodes.iter().zip(actions).enumerate() {
        if let Some(Action::Run(step)) = action {
            in_place(graph, node, step.as_ref(), at + 1, &mut shared, &mut lives);
        }
    }

    let roots: Vec<usize> = (0..lives.len()).filter(|&id| lives[id].is_some() && shared.root(id) == id).collect();
    let spans: Vec<Life> = roots.iter().filter_map(|&id| lives[id]).collect();
    let (offsets, activations) = arena::assign(&spans);
    let activations = Activations { apart, ..activations };
    if activations.arena > limits.memory {
        let needed = match activations.arena {
            usize::MAX => "more than the address space".to_owned(),
            bytes => format!("{bytes} bytes"),
        };
        return Err(Fault::too_large(format!("needs {needed} for its activations, the limit is {}", limits.memory)));
    }

    let mut places = vec![None; graph.tensors.len()];
    for (id, offset) in roots.into_iter().zip(offsets) {
        places[id] = Some(offset);
    }
    let read = constants_read(graph, actions, &shared);
    let homes = graph.tensors.iter().enumerate().map(|(id, tensor)| {
        let root = shared.root(id);
        if let Some(constant) = &graph.tensors[root].constant {
            return Ok(if read[root] { Home::Constant(Arc::clone(constant)) } else { Home::Nowhere });
        }
        match (places[root], &tensor.shape, tensor.type_) {
            (Some(offset), Some(shape), Some(type_)) => {
                Ok(Home::Arena { offset, elements: shape::elements(shape)?, type_ })
            }
            _ => Ok(Home::Nowhere),
        }
    });
    Ok((homes.collect::<Result<_, Fault>>()?, activations))
}

/// Tensors that lie where another does.
struct Shared(Vec<usize>);

impl Shared {
    /// A tensor that is another one differently seen lies where that one does.
    fn views(graph: &Graph, actions: &[Option<Action>]) -> Self {
        let mut shared = Self((0..graph.tensors.len()).collect());
        for (node, action) in graph.nodes.iter().zip(actions) {
            if let (Some(Action::Same(from)), &[to]) = (action, node.outputs.as_slice()) {
                shared.0[to.index()] = shared.root(from.index());
            }
        }
        shared
    }

    fn root(&self, mut id: usize) -> usize {
        while self.0[id] != id {
            id = self.0[id];
        }
        id
    }
}

/// The first and the last step of each root that is no constant, and its size; inputs and outputs outlast the run.
fn lives(graph: &Graph, shared: &Shared, limits: Limits) -> Result<Vec<Option<Life>>, Fault> {
    let end = graph.nodes.len() + 1;
    let mut spans: Vec<Option<(usize, usize)>> = vec![None; graph.tensors.len()];
    let mut touch = |id: TensorId, step: usize| {
        let life = spans[shared.root(id.index())].get_or_insert((step, step));
        *life = (life.0.min(step), life.1.max(step));
    };
    for &id in &graph.inputs {
        touch(id, 0);
        touch(id, end);
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().flatten().chain(&node.outputs).for_each(|&id| touch(id, at + 1));
    }
    graph.outputs.iter().for_each(|&id| touch(id, end));

    let life = |(tensor, span): (&Tensor, Option<(usize, usize)>)| {
        let (Some((first, last)), None, Some(shape), Some(type_)) =
            (span, &tensor.constant, &tensor.shape, tensor.type_)
        else {
            return Ok(None);
        };
        let bytes = shape::bytes(shape, type_.size())?;
        if bytes > limits.memory {
            return Err(Fault::too_large(format!(
                "needs {bytes} bytes for \"{}\" alone, the limit for all activations is {}",
                tensor.name, limits.memory
            )));
        }
        Ok(Some(Life { bytes, first, last }))
    };
    graph.tensors.iter().zip(spans).map(life).collect()
}

/// Lets a step write its result where an operand lies, if it can: the operand is read there for the last time, by this
/// operand alone, and is as large.
fn in_place(graph: &Graph, node: &Node, step: &dyn Step, at: usize, shared: &mut Shared, lives: &mut [Option<Life>]) {
    let &[output] = node.outputs.as_slice() else { return };
    let to = shared.root(output.index());
    let root_of =
        |shared: &Shared, operand: usize| node.inputs.get(operand).copied().flatten().map(|id| shared.root(id.index()));
    let size = |id: usize| {
        let tensor = &graph.tensors[id];
        Some((tensor.type_?.size(), shape::elements(tensor.shape.as_ref()?).ok()?))
    };
    for &operand in step.in_place() {
        let Some(from) = root_of(shared, operand) else { continue };
        let (Some(before), Some(after)) = (lives[from], lives[to]) else { continue };
        let alone = (0..node.inputs.len()).filter(|&operand| root_of(shared, operand) == Some(from)).count() == 1;
        if from != to && before.last == at && after.first == at && alone && size(from) == size(to) {
            shared.0[to] = from;
            lives[from] = Some(Life { last: after.last, ..before });
            lives[to] = None;
            return;
        }
    }
}

/// Which constants are read in a run. Weights that a step has packed are not.
fn constants_read(graph: &Graph, actions: &[Option<Action>], shared: &Shared) -> Vec<bool> {
    let mut read = vec![false; graph.tensors.len()];
    for id in graph.inputs.iter().chain(&graph.outputs) {
        read[shared.root(id.index())] = true;
    }
    for (node, action) in graph.nodes.iter().zip(actions) {
        let packed = action.as_ref().and_then(|action| action.packed_operand(node));
        for (operand, id) in node.inputs.iter().enumerate() {
            if let Some(id) = id.filter(|_| packed != Some(operand)) {
                read[shared.root(id.index())] = true;
            }
        }
    }
    read
}
