//! Which memory order each operator takes and makes.

use std::collections::HashSet;

use super::{Axes, is_images};
use crate::functions;
use crate::graph::op::Transposed;
use crate::graph::{Graph, Layout, Node, Op, TensorId, Type, shape};
use crate::passes::transposition;

/// What a node does about memory orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// What the activations among the operands have to be; nothing where any order is taken.
    pub(super) need: Option<Layout>,
    /// What comes of them.
    pub(super) made: Layout,
}

impl Rule {
    /// Operands and results of one order.
    const fn all(layout: Layout) -> Self {
        Self { need: Some(layout), made: layout }
    }

    /// Operands of any order.
    const fn any(made: Layout) -> Self {
        Self { need: None, made }
    }
}

/// The tensors that are best made with channels last: operators read them that want that, or that pass it on to such.
pub(super) fn wanted(graph: &Graph) -> HashSet<TensorId> {
    let mut wanted = HashSet::new();
    for node in graph.nodes.iter().rev() {
        if wants_channels_last(graph, node) {
            wanted.extend(node.inputs.first().copied().flatten());
        } else if passes_on(graph, node) && node.outputs.iter().any(|id| wanted.contains(id)) {
            let activations = node.inputs.iter().enumerate().filter(|&(operand, _)| node.op.is_activation(operand));
            wanted.extend(activations.filter_map(|(_, id)| id.filter(|&id| of_images(graph, id))));
        }
    }
    wanted
}

/// The rule of a node, whose operands have their orders.
pub(super) fn of(graph: &Graph, node: &Node, wanted: &HashSet<TensorId>) -> Rule {
    let row_major = Rule::all(Layout::RowMajor);
    let Some(&output) = node.outputs.first() else { return row_major };
    let x = node.inputs.first().copied().flatten();
    let layout_of = |input: Option<TensorId>| input.map_or(Layout::RowMajor, |id| graph.tensor(id).layout);
    let or_wanted = |layout: Layout| {
        let last = of_images(graph, output) && (layout == Layout::ChannelsLast || wanted.contains(&output));
        if last { Layout::ChannelsLast } else { Layout::RowMajor }
    };
    match &node.op {
        _ if wants_channels_last(graph, node) => Rule::all(Layout::ChannelsLast),
        // Quantizing rearranges while it is at it.
        Op::QuantizeLinear { .. } if rearranges(graph, node) && wanted.contains(&output) => {
            Rule::any(Layout::ChannelsLast)
        }
        _ if joins(&node.op) => {
            let mut operands = node.inputs.iter().enumerate().filter(|&(operand, _)| node.op.is_activation(operand));
            // An operand of one element may have other axes than the result.
            let images = of_images(graph, output).then(|| rank(graph, output));
            let last = operands.any(|(_, &operand)| {
                layout_of(operand) == Layout::ChannelsLast && images == operand.map(|id| rank(graph, id))
            });
            Rule::all(if last { Layout::ChannelsLast } else { Layout::RowMajor })
        }
        _ if passes_on(graph, node) => Rule::any(layout_of(x)),
        Op::Transpose { permutation } => {
            Rule::any(transposed(graph, x, output, permutation.as_deref(), wanted).unwrap_or_default())
        }
        // From any order into any other.
        Op::Expand { .. } | Op::ExpandTo | Op::DepthToSpace { .. } | Op::SpaceToDepth { .. } => {
            Rule::any(or_wanted(layout_of(x)))
        }
        // The order of what is left is the same without the channels.
        Op::Arg { axis, keep, .. } => match x.and_then(|id| shape::axis(*axis, rank(graph, id)?).ok()) {
            Some(_) if *keep => Rule::any(layout_of(x)),
            Some(1) => Rule::any(Layout::RowMajor),
            _ => row_major,
        },
        Op::Reduce { none_is_none, .. } if in_c_order(graph, node, *none_is_none) => match rank(graph, output) {
            // All axes stay, or an axis of images is gone.
            after if x.and_then(|id| rank(graph, id)) == after => Rule::any(layout_of(x)),
            _ => Rule::any(Layout::RowMajor),
        },
        _ => row_major,
    }
}

/// Whether a tensor may be one of images.
fn of_images(graph: &Graph, id: TensorId) -> bool {
    rank(graph, id).is_some_and(is_images)
}

fn rank(graph: &Graph, id: TensorId) -> Option<usize> {
    graph.tensor(id).shape.as_ref().map(Vec::len)
}

fn wants_channels_last(graph: &Graph, node: &Node) -> bool {
    let x = node.inputs.first().copied().flatten();
    let two_dimensional = x.and_then(|id| rank(graph, id)) == Some(4);
    match &node.op {
        Op::QLinearConv(attributes)
        | Op::ConvInteger(attributes)
        | Op::ConvIntegerToFloat(attributes)
        | Op::QLinearConvTranspose(Transposed { window: attributes, .. }) => {
            !attributes.channels_last && x.is_some_and(|id| of_images(graph, id))
        }
        // Those of floats, and over other axes than rows and columns, take the order of the shape.
        Op::MaxPool(_) if is_f32(graph, node) => false,
        Op::MaxPool(pool) | Op::QLinearAveragePool { pool, .. } => two_dimensional && !pool.window.channels_last,
        Op::QLinearGlobalAveragePool { channels_last: false } => x.is_some_and(|id| of_images(graph, id)),
        _ => false,
    }
}

/// Operands of one order come together.
fn joins(op: &Op) -> bool {
    op.broadcasts() || matches!(op, Op::QLinearConcat { .. } | Op::Concat { .. })
}

/// Whether the result has the order of the operand, whichever that is.
fn passes_on(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        op if joins(op) => true,
        // Scales along an axis are applied in C order.
        Op::QuantizeLinear { .. } | Op::DequantizeLinear { .. } => is_per_tensor(graph, node),
        Op::Softmax { flattened, .. } | Op::LogSoftmax { flattened, .. } | Op::QLinearSoftmax { flattened, .. } => {
            !flattened
        }
        // Lanes are met one by one, wherever they lie.
        Op::CumSum { .. } | Op::TopK { .. } => true,
        Op::Reshape { .. } | Op::Squeeze | Op::Unsqueeze | Op::Flatten { .. } => {
            let shape = |id: Option<TensorId>| graph.tensor(id?).shape.as_ref();
            shape(node.inputs.first().copied().flatten()) == shape(node.outputs.first().copied())
        }
        // Slices stay what they are where an axis becomes another one.
        Op::Gather { .. } => node.inputs.get(1).copied().flatten().and_then(|id| rank(graph, id)) == Some(1),
        Op::DynamicQuantizeLinear
        | Op::QLinearLeakyRelu { .. }
        | Op::QLinearSigmoid
        | Op::Identity
        | Op::Cast { .. }
        | Op::Unary(_)
        | Op::Classify(_)
        | Op::Clip
        | Op::Lookup
        | Op::BatchNormalization { .. }
        | Op::GlobalAveragePool
        | Op::GlobalMaxPool
        | Op::Slice
        | Op::Split { .. }
        | Op::Tile
        | Op::Pad(_)
        | Op::Resize(_) => true,
        _ => false,
    }
}

fn is_f32(graph: &Graph, node: &Node) -> bool {
    node.inputs.first().copied().flatten().is_some_and(|id| graph.tensor(id).type_ == Some(Type::F32))
}

/// Whether a quantiser takes images in C order and makes such with channels last.
fn rearranges(graph: &Graph, node: &Node) -> bool {
    let quantized = node.outputs.first().and_then(|&id| graph.tensor(id).type_).is_some_and(Type::is_quantized);
    is_f32(graph, node) && quantized && is_per_tensor(graph, node)
}

fn is_per_tensor(graph: &Graph, node: &Node) -> bool {
    let scale = node.inputs.get(1).copied().flatten().and_then(|id| graph.tensor(id).shape.as_deref());
    scale.is_none_or(|shape| shape::elements(shape) == Ok(1))
}

/// The order of a transposed tensor: the one that readers want; else one in which its elements stay where they are.
fn transposed(
    graph: &Graph,
    x: Option<TensorId>,
    output: TensorId,
    permutation: Option<&[i64]>,
    wanted: &HashSet<TensorId>,
) -> Option<Layout> {
    if !of_images(graph, output) || wanted.contains(&output) {
        return of_images(graph, output).then_some(Layout::ChannelsLast);
    }
    let (x, y) = (graph.tensor(x?), graph.tensor(output).shape.as_ref()?);
    let strides = Axes::of(x.shape.as_ref()?, x.layout).strides();
    let strides: Vec<usize> =
        transposition(permutation, strides.len()).ok()?.into_iter().map(|axis| strides[axis]).collect();
    let found = [Layout::RowMajor, Layout::ChannelsLast].into_iter().find(|&layout| Axes::of(y, layout).has(&strides));
    // Matrices are no images, and what follows them mostly wants rows.
    found.filter(|&found| found != Layout::ChannelsLast || y.len() == 4 || x.layout == Layout::ChannelsLast)
}

/// Whether a reduction meets the elements of each result in C order, also where channels are last: they are then reduced
/// alone or not at all.
fn in_c_order(graph: &Graph, node: &Node, none_is_none: bool) -> bool {
    let operand = |index: usize| node.inputs.get(index).copied().flatten();
    let Some(rank) = operand(0).and_then(|id| rank(graph, id)) else { return false };
    let axes = match operand(1).map(|id| graph.tensor(id).constant.as_deref()) {
        Some(None) => return false,
        Some(Some(axes)) => axes.integers(),
        None => None,
    };
    functions::reduced(rank, axes.as_deref(), none_is_none)
        .is_ok_and(|reduced| !(is_images(rank) && reduced[1] && reduced[2..].contains(&true)))
}
