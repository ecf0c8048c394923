//! What there is to do for one inference: the steps in their order, each with its kernel and its packed weights, and
//! where each tensor lies.

use std::sync::Arc;

use zeropoint::{Backend, Isa, PackedWeights, TransposedWeights};

use super::arena::Activations;
use super::constants;
use super::homes::lay_out;
use super::memory::Home;
use super::ops::{self, Action, Step};
use super::shelf::Shelf;
use crate::error::{Error, Fault, Problems};
use crate::graph::{Constant, Graph, Layout, Node, TensorId, Type, shape};

/// How much a plan may ask for, as a model could ask for anything.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all activations together, and of the scratch memory of the greediest step.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // As much as 32 bits can address, and at most an eighth of the address space.
        Self { memory: usize::try_from(4u64 << 30).unwrap_or(usize::MAX / 8) }
    }
}

/// Weights of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Bytes of the weights as the model has them.
    pub own: usize,
    /// Bytes as packed for the kernel.
    pub packed: usize,
    /// Bytes of a copy beside that, where the kernel takes the weights in an order of its own, or transformed.
    pub copied: usize,
    /// Depthwise taps are padded to whole vectors.
    pub depthwise: bool,
}

impl From<&PackedWeights> for Packed {
    fn from(weights: &PackedWeights) -> Self {
        Self { own: weights.own_bytes(), packed: weights.packed_bytes(), copied: 0, depthwise: weights.is_depthwise() }
    }
}

impl From<&TransposedWeights> for Packed {
    fn from(weights: &TransposedWeights) -> Self {
        Self { own: weights.own_bytes(), packed: weights.packed_bytes(), copied: 0, depthwise: false }
    }
}

/// A tensor of the file that a run makes, and how.
#[derive(Clone, Debug)]
pub struct Made {
    /// The tensor.
    pub name: String,
    /// The operator that makes it.
    pub op: String,
    /// Its type.
    pub type_: Type,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The kernel that computes it.
    pub kernel: String,
    /// Its node's weights.
    pub packed: Option<Packed>,
}

/// A step and what it is for.
pub(super) struct Planned {
    pub(super) label: String,
    /// Nothing where the output is its operand, differently seen.
    pub(super) run: Option<Box<dyn Step>>,
    /// The tensors of the file that it makes, and the index of each in [`Plan::made`].
    pub(super) made: Vec<(TensorId, usize)>,
}

struct Info {
    name: String,
    type_: Type,
    shape: Vec<usize>,
    layout: Layout,
}

/// A network that is ready to run, without memory of its own; sessions share it.
pub struct Plan {
    isa: Isa,
    steps: Vec<Planned>,
    made: Vec<Made>,
    /// For each tensor of the graph; `None` for those that were never resolved and so are not part of any step.
    tensors: Vec<Option<Info>>,
    homes: Box<[Home]>,
    activations: Activations,
    limits: Limits,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
}

impl Plan {
    /// Plans a graph that has been through the passes. An error lists everything that stands in the way.
    pub fn new(graph: &Graph, backend: &Backend, limits: Limits) -> Result<Self, Error> {
        Self::with_shelf(graph.clone(), backend, limits, None)
    }

    /// As [`Plan::new`], of a graph that nobody else needs: its weights go one after the other as they are packed, so that
    /// hardly more than one of them is in memory twice.
    pub fn of(graph: Graph, backend: &Backend, limits: Limits) -> Result<Self, Error> {
        Self::with_shelf(graph, backend, limits, None)
    }

    /// As [`Plan::new`], with weights that other plans may have packed.
    pub(super) fn with_shelf(
        graph: Graph,
        backend: &Backend,
        limits: Limits,
        shelf: Option<&Shelf>,
    ) -> Result<Self, Error> {
        let mut graph = constants::compute(graph, backend, limits);
        let (actions, mut problems) = lower(&mut graph, backend, limits, shelf);
        let graph = &graph;
        let (homes, activations) = lay_out(graph, &actions, limits).unwrap_or_else(|fault| {
            problems.push(fault.at("network"));
            Default::default()
        });
        problems.into_result()?;

        let mut made = Vec::new();
        let mut steps = Vec::new();
        for (node, action) in graph.nodes.iter().zip(actions) {
            let Some(action) = action else { continue };
            let first = made.len();
            let mut outputs = Vec::new();
            for &output in &node.outputs {
                if let Some(tensor) = describe(graph, node, output, &action) {
                    outputs.push((output, first + outputs.len()));
                    made.push(tensor);
                }
            }
            let run = match action {
                Action::Same(_) => None,
                Action::Run(step) => Some(step),
            };
            steps.push(Planned { label: graph.label(node), run, made: outputs });
        }
        let info = |tensor: &crate::graph::Tensor| {
            let (type_, shape) = (tensor.type_?, tensor.shape.clone()?);
            Some(Info { name: tensor.name.clone(), type_, shape, layout: tensor.layout })
        };
        Ok(Self {
            isa: backend.isa(),
            steps,
            made,
            tensors: graph.tensors.iter().map(info).collect(),
            homes,
            activations,
            limits,
            inputs: graph.inputs.clone(),
            outputs: graph.outputs.clone(),
        })
    }

    /// The instruction set that the plan was made for.
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// The tensors of the file that a run makes, in the order of the graph.
    pub fn made(&self) -> &[Made] {
        &self.made
    }

    /// Each node that a run computes, in that order, and its kernel.
    pub fn computed(&self) -> impl Iterator<Item = (&str, String)> {
        self.steps.iter().filter_map(|step| Some((step.label.as_str(), step.run.as_ref()?.kernel())))
    }

    /// Name, type and shape of each input.
    pub fn input_tensors(&self) -> impl ExactSizeIterator<Item = (&str, Type, &[usize])> {
        self.inputs.iter().map(|&id| (self.name(id), self.type_(id), self.shape(id)))
    }

    /// Name, type and shape of each output.
    pub fn output_tensors(&self) -> impl ExactSizeIterator<Item = (&str, Type, &[usize])> {
        self.outputs.iter().map(|&id| (self.name(id), self.type_(id), self.shape(id)))
    }

    /// Bytes of the arena in which all activations lie.
    pub fn memory(&self) -> usize {
        self.activations.arena
    }

    /// What the arena takes, and what it would take otherwise.
    pub const fn activations(&self) -> Activations {
        self.activations
    }

    pub(super) fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    pub(super) fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    pub(super) fn steps(&self) -> &[Planned] {
        &self.steps
    }

    pub(super) fn homes(&self) -> &[Home] {
        &self.homes
    }

    /// The scratch that the greediest step needs, which has to be within the limit as the arena has.
    pub(super) fn scratch_len(&self, threads: usize) -> Result<usize, Error> {
        let mut most = 0;
        for step in &self.steps {
            let Some(run) = &step.run else { continue };
            let bytes = run.scratch_len().saturating_mul(threads);
            if bytes > self.limits.memory {
                let limit = self.limits.memory;
                let fault = Fault::too_large(format!(
                    "needs {bytes} bytes of scratch memory for {threads} threads, the limit is {limit}"
                ));
                return Err(Error::Model(Problems(vec![fault.at(&step.label)])));
            }
            most = most.max(bytes);
        }
        Ok(most)
    }

    pub(super) fn name(&self, id: TensorId) -> &str {
        self.info(id).map_or("", |info| &info.name)
    }

    pub(super) fn type_(&self, id: TensorId) -> Type {
        self.info(id).map_or(Type::U8, |info| info.type_)
    }

    pub(super) fn layout(&self, id: TensorId) -> Layout {
        self.info(id).map_or(Layout::RowMajor, |info| info.layout)
    }

    fn shape(&self, id: TensorId) -> &[usize] {
        self.info(id).map_or(&[], |info| &info.shape)
    }

    fn info(&self, id: TensorId) -> Option<&Info> {
        self.tensors[id.index()].as_ref()
    }
}

/// A node as far as it can be planned.
#[derive(Clone, Debug)]
pub struct Row {
    /// The operator.
    pub op: String,
    /// What it makes.
    pub output: String,
    /// Type and shape of what it makes, as far as they are known.
    pub tensor: String,
    /// The kernel, and its weights; nothing where the node has a problem.
    pub made: Option<Made>,
}

/// Plans each node that can be planned, and says what is wrong with the others.
pub fn survey(graph: &Graph, backend: &Backend, limits: Limits) -> (Vec<Row>, Problems) {
    let mut graph = constants::compute(graph.clone(), backend, limits);
    let (actions, problems) = lower(&mut graph, backend, limits, None);
    let graph = &graph;
    let mut rows = Vec::new();
    for (node, action) in graph.nodes.iter().zip(actions) {
        for &id in node.outputs.iter().filter(|&&id| !graph.tensor(id).internal) {
            rows.push(Row {
                op: node.op.name().to_owned(),
                output: graph.tensor(id).name.clone(),
                tensor: graph.tensor(id).describe(),
                made: action.as_ref().and_then(|action| describe(graph, node, id, action)),
            });
        }
    }
    (rows, problems)
}

/// What one of a node's outputs is, unless a pass made it. The node's weights are told with the first.
fn describe(graph: &Graph, node: &Node, output: TensorId, action: &Action) -> Option<Made> {
    let tensor = Some(graph.tensor(output)).filter(|tensor| !tensor.internal)?;
    let first = node.outputs.first() == Some(&output);
    let (kernel, packed) = match action {
        Action::Same(_) => ("view".to_owned(), None),
        Action::Run(step) => (step.kernel(), step.packed().filter(|_| first)),
    };
    Some(Made {
        name: tensor.name.clone(),
        op: node.op.name().to_owned(),
        type_: tensor.type_?,
        shape: tensor.shape.clone()?,
        kernel,
        packed,
    })
}

/// What to do for each node. Nodes behind one with a problem have neither an action nor a problem of their own; nor have
/// those with a tensor beyond the limit, which is reported for the whole network, and for which no tables may be made.
///
/// Weights that a step has packed and that no other node reads are spent: what is left of them is that they were constants.
fn lower(
    graph: &mut Graph,
    backend: &Backend,
    limits: Limits,
    shelf: Option<&Shelf>,
) -> (Vec<Option<Action>>, Problems) {
    let mut problems = Problems::default();
    let spent = Arc::new(Constant::default());
    let mut readers = vec![0usize; graph.tensors.len()];
    let nodes = std::mem::take(&mut graph.nodes);
    let read = nodes.iter().flat_map(|node| node.inputs.iter().flatten());
    read.chain(&graph.inputs).chain(&graph.outputs).for_each(|id| readers[id.index()] += 1);
    let mut actions = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let fits = |id: &TensorId| {
            let tensor = graph.tensor(*id);
            let (Some(shape), Some(type_)) = (&tensor.shape, tensor.type_) else { return false };
            shape::bytes(shape, type_.size()).is_ok_and(|bytes| bytes <= limits.memory || tensor.constant.is_some())
        };
        if !node.inputs.iter().flatten().chain(&node.outputs).all(fits) {
            actions.push(None);
            continue;
        }
        let action = ops::lower(graph, node, backend, shelf);
        let action = action.map_err(|fault| problems.push(fault.at(graph.label(node)))).ok();
        if let Some(action) = &action
            && let Some(id) = action.packed_operand(node).and_then(|operand| node.inputs[operand])
            && readers[id.index()] == 1
            && let Some(constant) = &mut graph.tensor_mut(id).constant
        {
            *constant = Arc::clone(&spent);
        }
        actions.push(action);
    }
    graph.nodes = nodes;
    (actions, problems)
}
