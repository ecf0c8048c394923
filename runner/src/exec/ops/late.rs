//! Nodes with parameters that only a run brings: scales, zero points or weights that are inputs of the network, or that
//! another node makes.
//!
//! Such a node is planned twice. Once with the plan, with placeholders for what is not known, so that whatever is wrong
//! with it is told then. And again in each run, with the values at hand as constants: by the same code, whatever the
//! operator. That allocates, as planning does, and a node whose parameters are constants does not. Weights are packed
//! anew only where they, or their zero points, are what a run brings.
//!
//! Where a step reads such an operand in each run for itself, none of this is done: see [`read_by_step`].

use std::sync::Arc;

use zeropoint::Backend;

use super::super::memory::{MemoryMut, zeroed};
use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::super::shelf::{Kept, Shelf};
use super::{Action, Context, Step, conv, planned, told};
use crate::error::Fault;
use crate::graph::{Constant, Data, Graph, Node, Op, TensorId, Type, shape};

/// Operands that are parameters, but no constants.
pub(super) fn parameters(graph: &Graph, node: &Node) -> Vec<usize> {
    let late = |&(operand, id): &(usize, TensorId)| {
        let read = node.op.is_activation(operand) || read_by_step(graph, node, operand, id);
        !read && graph.tensor(id).constant.is_none()
    };
    let operands = node.inputs.iter().enumerate().filter_map(|(operand, id)| Some((operand, (*id)?)));
    operands.filter(late).map(|(operand, _)| operand).collect()
}

/// Whether the operand is a zero point, one for all of an operand that is not packed, of a product of sums: what a node
/// that quantises by what it is given makes. Or a parameter of a convolution to floats that takes those of a run.
fn read_by_step(graph: &Graph, node: &Node, operand: usize, id: TensorId) -> bool {
    if matches!(node.op, Op::ConvIntegerToFloat(_)) {
        return matches!(operand, 1 | 2 | 4) && conv::takes_a_run(graph, node);
    }
    let axes = |id: TensorId| graph.tensor(id).shape.as_ref().map(Vec::len);
    let of = match (&node.op, operand) {
        // Of volumes the library takes none.
        (Op::ConvInteger(_), 2) if node.inputs[0].and_then(axes).is_some_and(|axes| axes <= 4) => 0,
        (Op::MatMulInteger, 2) => 0,
        (Op::MatMulInteger, 3) => 1,
        _ => return false,
    };
    let packed = node.inputs.get(of).copied().flatten().is_none_or(|id| graph.tensor(id).constant.is_some());
    let one = graph.tensor(id).shape.as_deref().is_some_and(|shape| shape::elements(shape) == Ok(1));
    one && (of == 0 || !packed)
}

struct Late {
    backend: Backend,
    /// The node's own tensors and nothing else.
    graph: Graph,
    node: Node,
    /// What each of these tensors is in the network.
    outer: Vec<TensorId>,
    /// Those that become constants in a run, each once.
    late: Vec<TensorId>,
    shelf: Shelf,
    kernel: String,
    scratch: usize,
    packed: Option<Packed>,
}

pub(super) fn lower(
    graph: &Graph,
    node: &Node,
    late: &[usize],
    backend: &Backend,
    shelf: Option<&Shelf>,
) -> Result<Action, Fault> {
    let (part, node, outer) = part(graph, node);
    let mut late: Vec<TensorId> = late.iter().filter_map(|&operand| node.inputs[operand]).collect();
    late.sort_unstable();
    late.dedup();
    let mut stand_in = part.clone();
    for &id in &late {
        let tensor = stand_in.tensor_mut(id);
        let (Some(type_), Some(shape)) = (tensor.type_, &tensor.shape) else { continue };
        tensor.constant = Some(Arc::new(placeholder(type_, shape)?));
    }
    // Without plans to share with, from one run to the next.
    let shelf = shelf.cloned().unwrap_or_default();
    let operands = Operands { graph: &stand_in, node: &node, kept: Kept { shelf: Some(&shelf), late: &late } };
    let Action::Run(step) = planned(operands, backend)? else {
        return Err(Fault::unsupported("parameters that are only known at run time"));
    };
    let (backend, kernel, scratch, packed) = (*backend, step.kernel(), step.scratch_len(), step.packed());
    Ok(Action::Run(Box::new(Late { backend, graph: part, node, outer, late, shelf, kernel, scratch, packed })))
}

/// A graph of one node's tensors, the node in it, and what its tensors are in the whole graph.
pub(in crate::exec) fn part(graph: &Graph, node: &Node) -> (Graph, Node, Vec<TensorId>) {
    let mut outer: Vec<TensorId> = node.inputs.iter().flatten().chain(&node.outputs).copied().collect();
    outer.sort_unstable();
    outer.dedup();
    let inner = |id: &TensorId| TensorId(outer.binary_search(id).unwrap_or(0));
    let own = Node {
        name: node.name.clone(),
        op: node.op.clone(),
        inputs: node.inputs.iter().map(|id| id.as_ref().map(inner)).collect(),
        outputs: node.outputs.iter().map(inner).collect(),
        clamp: node.clamp,
    };
    let tensors = outer.iter().map(|&id| graph.tensor(id).clone()).collect();
    (Graph { tensors, ..Graph::default() }, own, outer)
}

/// A value that parameters of the type may have: 1 for scales, 0 for all else.
fn placeholder(type_: Type, shape: &[usize]) -> Result<Constant, Fault> {
    let elements = shape::elements(shape)?;
    let data = match type_ {
        Type::Bool => Data::Bool(vec![0; elements]),
        Type::U4 => Data::U4(vec![0; elements]),
        Type::I4 => Data::I4(vec![0; elements]),
        Type::U8 => Data::U8(vec![0; elements]),
        Type::I8 => Data::I8(vec![0; elements]),
        Type::U16 => Data::U16(vec![0; elements]),
        Type::I16 => Data::I16(vec![0; elements]),
        Type::I32 => Data::I32(vec![0; elements]),
        Type::I64 => Data::I64(vec![0; elements]),
        Type::F16 => Data::F16(vec![half::f16::ONE; elements]),
        Type::BF16 => Data::BF16(vec![half::bf16::ONE; elements]),
        Type::F32 => Data::F32(vec![1.0; elements]),
    };
    Constant::new(shape.to_vec(), data)
}

impl Late {
    /// The node as it is for this run.
    fn plan(&self, memory: &MemoryMut<'_>) -> Result<Box<dyn Step>, Fault> {
        let mut graph = self.graph.clone();
        for &id in &self.late {
            let tensor = graph.tensor_mut(id);
            let (Some(type_), Some(shape)) = (tensor.type_, &tensor.shape) else { continue };
            let data = memory.tensor(self.outer[id.index()], type_).to_data();
            tensor.constant = Some(Arc::new(Constant::new(shape.clone(), data)?));
        }
        let kept = Kept { shelf: Some(&self.shelf), late: &self.late };
        let operands = Operands { graph: &graph, node: &self.node, kept };
        match planned(operands, &self.backend)? {
            Action::Run(step) => Ok(step),
            Action::Same(_) => Err(Fault::unsupported("parameters that are only known at run time")),
        }
    }
}

impl Step for Late {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        let step = self.plan(memory).map_err(|fault| fault.message)?;
        let needed = step.scratch_len().saturating_mul(threads);
        // Other values may ask for another kernel.
        let mut own = zeroed(if needed > scratch.len() { needed } else { 0 }).map_err(told)?;
        let scratch = if needed > scratch.len() { &mut own } else { scratch };
        let homes = memory.homes(&self.outer);
        step.run(Context { memory: &mut memory.renamed(&homes), scratch, threads })
    }

    fn kernel(&self) -> String {
        format!("{} (planned in each run)", self.kernel)
    }

    fn scratch_len(&self) -> usize {
        self.scratch
    }

    fn packed(&self) -> Option<Packed> {
        self.packed.clone()
    }
}
