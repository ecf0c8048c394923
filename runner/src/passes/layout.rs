//! The memory order of each tensor.
//!
//! Convolutions and poolings want channels last, and element-wise operators take what they are given, so activations
//! stay channels last from the first convolution on. Where an operator or the caller needs the order of the network's
//! own shape, a [`Op::Relayout`] is put in between.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::fold;
use crate::graph::op::Transposed;
use crate::graph::{Constant, Graph, Layout, Node, Op, Tensor, TensorId, Type, shape};

/// Gives each tensor its memory order. Tells the tensors that are brought into another one.
pub fn assign(graph: &mut Graph) -> Vec<String> {
    let wanted: HashSet<TensorId> =
        graph.nodes.iter().filter(|node| wants_channels_last(graph, node)).filter_map(|node| node.inputs[0]).collect();
    let mut converted = HashMap::new();
    for mut node in std::mem::take(&mut graph.nodes) {
        let Some(&output) = node.outputs.first() else {
            graph.nodes.push(node);
            continue;
        };
        let layout_of = |graph: &Graph, input: usize| {
            node.inputs.get(input).copied().flatten().map_or(Layout::RowMajor, |id| graph.tensor(id).layout)
        };
        // What the activations among the operands have to be, and what comes of them.
        let (need, made): (Option<Layout>, Layout) = match &node.op {
            _ if wants_channels_last(graph, &node) => (Some(Layout::ChannelsLast), Layout::ChannelsLast),
            // Scales along an axis are applied in C order.
            Op::QuantizeLinear { .. } | Op::DequantizeLinear { .. } if !per_tensor(graph, &node) => {
                (Some(Layout::RowMajor), Layout::RowMajor)
            }
            // Quantizing rearranges while it is at it.
            Op::QuantizeLinear { .. } if wanted.contains(&output) && is_f32(graph, &node) => {
                (None, Layout::ChannelsLast)
            }
            Op::QuantizeLinear { .. }
            | Op::DequantizeLinear { .. }
            | Op::DynamicQuantizeLinear
            | Op::QLinearLeakyRelu { .. }
            | Op::QLinearSigmoid
            | Op::Identity
            | Op::Cast { .. }
            | Op::Unary(_)
            | Op::Clip
            | Op::Lookup
            | Op::BatchNormalization { .. } => (None, layout_of(graph, 0)),
            op if op.broadcasts() || matches!(op, Op::QLinearConcat { .. }) => {
                let mut operands = (0..node.inputs.len()).filter(|&operand| op.is_activation(operand));
                // An operand of one element may have four axes where the result has another number.
                let images = graph.tensor(output).shape.as_ref().is_some_and(|shape| shape.len() == 4);
                let last = images && operands.any(|operand| layout_of(graph, operand) == Layout::ChannelsLast);
                let layout = if last { Layout::ChannelsLast } else { Layout::RowMajor };
                (Some(layout), layout)
            }
            _ => (Some(Layout::RowMajor), Layout::RowMajor),
        };
        for (operand, input) in node.inputs.iter_mut().enumerate() {
            // Parameters are read in C order.
            let layout = if node.op.is_activation(operand) { need } else { Some(Layout::RowMajor) };
            if let (Some(layout), Some(id)) = (layout, input) {
                *id = convert(graph, *id, layout, &mut converted);
            }
        }
        for &output in &node.outputs {
            graph.tensor_mut(output).layout = made;
        }
        graph.nodes.push(node);
    }
    for at in 0..graph.outputs.len() {
        graph.outputs[at] = convert(graph, graph.outputs[at], Layout::RowMajor, &mut converted);
    }
    let mut made: Vec<TensorId> = converted.into_values().collect();
    made.sort_unstable();
    made.into_iter().map(|id| graph.tensor(id).name.clone()).collect()
}

fn wants_channels_last(graph: &Graph, node: &Node) -> bool {
    let image = node.inputs.first().copied().flatten().and_then(|id| graph.tensor(id).shape.as_ref());
    let two_dimensional = image.is_some_and(|shape| shape.len() == 4);
    match &node.op {
        Op::QLinearConv(attributes)
        | Op::ConvInteger(attributes)
        | Op::ConvIntegerToFloat(attributes)
        | Op::QLinearConvTranspose(Transposed { window: attributes, .. }) => {
            two_dimensional && !attributes.channels_last
        }
        // Those of floats, and over other axes than rows and columns, take the order of the shape.
        Op::MaxPool(_) if is_f32(graph, node) => false,
        Op::MaxPool(pool) | Op::QLinearAveragePool { pool, .. } => two_dimensional && !pool.window.channels_last,
        Op::QLinearGlobalAveragePool { channels_last: false } => true,
        _ => false,
    }
}

fn is_f32(graph: &Graph, node: &Node) -> bool {
    node.inputs.first().copied().flatten().is_some_and(|id| graph.tensor(id).type_ == Some(Type::F32))
}

fn per_tensor(graph: &Graph, node: &Node) -> bool {
    let scale = node.inputs.get(1).copied().flatten().and_then(|id| graph.tensor(id).shape.as_deref());
    scale.is_none_or(|shape| shape::elements(shape) == Ok(1))
}

/// The tensor in the given order: itself, or one that a new node makes of it.
fn convert(
    graph: &mut Graph,
    id: TensorId,
    layout: Layout,
    converted: &mut HashMap<(TensorId, Layout), TensorId>,
) -> TensorId {
    let tensor = graph.tensor(id);
    let Some(&[n, c, h, w]) = tensor.shape.as_deref() else { return id };
    if tensor.layout == layout {
        return id;
    }
    if let Some(&to) = converted.get(&(id, layout)) {
        return to;
    }
    let (shape, strides) = reorder([n, c, h, w], layout);
    // The shape stays what the network says; only the elements move.
    let constant = tensor.constant.as_ref().and_then(|constant| {
        let data = fold::relayout(constant.data(), &shape, &strides);
        Constant::new(constant.shape().to_vec(), data).ok().map(Arc::new)
    });
    let is_constant = constant.is_some();
    let to = Tensor { layout, constant, internal: true, declared: None, ..tensor.clone() };
    let to = graph.add(to);
    if !is_constant {
        let node = Node::new(Op::Relayout, vec![Some(id)], to);
        graph.nodes.push(node);
    }
    converted.insert((id, layout), to);
    to
}

/// The shape in memory of a tensor `[n, c, h, w]` in the given order, and the distances between its elements in the
/// other order.
pub(crate) fn reorder([n, c, h, w]: [usize; 4], to: Layout) -> ([usize; 4], [usize; 4]) {
    // Products of sizes of a tensor that exists do not overflow; those of one with a zero need not be right.
    let mul = usize::saturating_mul;
    let image = mul(mul(c, h), w);
    match to {
        Layout::ChannelsLast => ([n, h, w, c], [image, w, 1, mul(h, w)]),
        Layout::RowMajor => ([n, c, h, w], [image, 1, mul(w, c), c]),
    }
}

/// The elements of a tensor in C order of its shape; nothing where they are so already.
#[cfg(feature = "command")]
pub(crate) fn in_c_order(
    values: crate::exec::TensorRef<'_>,
    shape: &[usize],
    layout: Layout,
) -> Option<crate::graph::Data> {
    match *shape {
        [n, c, h, w] if layout == Layout::ChannelsLast && !coincide(shape) => {
            let (shape, strides) = reorder([n, c, h, w], Layout::RowMajor);
            Some(fold::relayout(&values.to_data(), &shape, &strides))
        }
        _ => None,
    }
}

/// Whether both orders are the same in memory.
pub(crate) fn coincide(shape: &[usize]) -> bool {
    match *shape {
        [_, c, h, w] => c <= 1 || (h <= 1 && w <= 1),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Data;
    use crate::graph::op::Convolution;

    fn tensor(graph: &mut Graph, name: &str, type_: Type, shape: &[usize]) -> TensorId {
        graph.add(Tensor { type_: Some(type_), shape: Some(shape.to_vec()), ..Tensor::named(name) })
    }

    fn convolution() -> Op {
        Op::QLinearConv(Convolution::default())
    }

    #[test]
    fn only_the_borders_are_converted() {
        let mut graph = Graph::default();
        let x = tensor(&mut graph, "x", Type::F32, &[1, 3, 4, 5]);
        let q = tensor(&mut graph, "q", Type::U8, &[1, 3, 4, 5]);
        let y = tensor(&mut graph, "y", Type::U8, &[1, 3, 4, 5]);
        let z = tensor(&mut graph, "z", Type::U8, &[1, 3, 4, 5]);
        let c = Constant::new(vec![1, 3, 1, 2], Data::U8(vec![0, 1, 2, 3, 4, 5])).unwrap();
        let c = graph.add(Tensor::constant("c", c));
        graph.inputs = vec![x];
        graph.outputs = vec![z];
        let mut add = |op, inputs, output| {
            graph.nodes.push(Node::new(op, inputs, output));
        };
        add(Op::QuantizeLinear { axis: 1, block: 0, to: None, abs_max: None }, vec![Some(x)], q);
        add(convolution(), vec![Some(q)], y);
        add(Op::QLinearAdd, vec![Some(y), None, None, Some(c)], z);
        assert_eq!(assign(&mut graph), ["c", "z"]);

        let ops: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
        assert_eq!(ops, ["QuantizeLinear", "QLinearConv", "QLinearAdd", "Relayout"]);
        assert_eq!(graph.tensor(x).layout, Layout::RowMajor);
        for id in [q, y, z] {
            assert_eq!(graph.tensor(id).layout, Layout::ChannelsLast);
        }
        let output = graph.tensor(graph.outputs[0]);
        assert_eq!((output.layout, output.name.as_str(), output.internal), (Layout::RowMajor, "z", true));
        let constant = graph.tensor(graph.nodes[2].inputs[3].unwrap());
        assert_eq!(constant.layout, Layout::ChannelsLast);
        assert_eq!(constant.constant.as_ref().unwrap().data(), &Data::U8(vec![0, 2, 4, 1, 3, 5]));
    }

    #[test]
    fn one_channel_or_one_pixel_is_both_orders() {
        assert!(coincide(&[1, 1, 96, 96]) && coincide(&[2, 256, 1, 1]) && coincide(&[3, 4]));
        assert!(!coincide(&[1, 2, 1, 3]));
    }
}
