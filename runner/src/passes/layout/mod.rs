//! The memory order of each tensor.
//!
//! Convolutions and poolings want channels last. Element-wise operators, and those that choose elements along axes, take
//! what they are given, so activations stay channels last from the first convolution on. Where an operator or the caller
//! needs the order of the network's own shape, a [`Op::Relayout`] is put in between. A transposition between a shape
//! with the channels last and one with the channels first is nothing: the tensors lie in memory alike.

mod absorb;
mod order;
mod rule;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use self::order::{Axes, is_images};
use self::rule::Rule;
use super::fold;
use crate::graph::{Constant, Data, Graph, Layout, Node, Op, Tensor, TensorId};

/// Gives each tensor its memory order. Tells the tensors that are brought into another one.
pub fn assign(graph: &mut Graph) -> Vec<String> {
    let wanted = rule::wanted(graph);
    let mut converted = Converted::default();
    for mut node in std::mem::take(&mut graph.nodes) {
        let Rule { need, made } = rule::of(graph, &node, &wanted);
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
        let first = node.inputs.first().copied().flatten();
        if let (Op::Reshape { .. } | Op::Flatten { .. } | Op::Squeeze | Op::Unsqueeze, Some(from), &[to]) =
            (&node.op, first, node.outputs.as_slice())
        {
            converted.views.insert(to, converted.views.get(&from).copied().unwrap_or(from));
        }
        graph.nodes.push(node);
    }
    for at in 0..graph.outputs.len() {
        graph.outputs[at] = convert(graph, graph.outputs[at], Layout::RowMajor, &mut converted);
    }
    let absorbed = absorb::absorb(graph);
    let mut made: Vec<TensorId> = converted.tensors.into_values().filter(|id| !absorbed.contains(id)).collect();
    made.sort_unstable();
    made.into_iter().map(|id| graph.tensor(id).name.clone()).collect()
}

/// Tensors that were brought into another order.
#[derive(Default)]
struct Converted {
    /// What became of each.
    tensors: HashMap<(TensorId, Layout), TensorId>,
    /// And of which each was made.
    from: HashMap<TensorId, TensorId>,
    /// Tensors that are others in another shape.
    views: HashMap<TensorId, TensorId>,
}

impl Converted {
    /// A tensor in the given order, if there is one already.
    fn known(&self, graph: &Graph, id: TensorId, layout: Layout) -> Option<TensorId> {
        if let Some(&to) = self.tensors.get(&(id, layout)) {
            return Some(to);
        }
        // From that order, by other shapes, and back.
        let origin = *self.from.get(self.views.get(&id)?)?;
        let (tensor, original) = (graph.tensor(id), graph.tensor(origin));
        (original.layout == layout && original.shape == tensor.shape).then_some(origin)
    }
}

/// The tensor in the given order: itself, or one that a new node makes of it.
fn convert(graph: &mut Graph, id: TensorId, layout: Layout, converted: &mut Converted) -> TensorId {
    let tensor = graph.tensor(id);
    let Some(shape) = tensor.shape.as_ref().filter(|shape| is_images(shape.len())) else { return id };
    if tensor.layout == layout {
        return id;
    }
    if let Some(known) = converted.known(graph, id, layout) {
        return known;
    }
    // The shape stays what the network says; only the elements move.
    let constant = tensor.constant.as_ref().and_then(|constant| {
        let data = reordered(constant.data(), shape, [tensor.layout, layout]);
        Constant::new(constant.shape().to_vec(), data).ok().map(Arc::new)
    });
    let is_constant = constant.is_some();
    let to = Tensor { layout, constant, internal: true, declared: None, ..tensor.clone() };
    let to = graph.add(to);
    if !is_constant {
        let node = Node::new(Op::Relayout, vec![Some(id)], to);
        graph.nodes.push(node);
    }
    converted.tensors.insert((id, layout), to);
    converted.from.insert(to, id);
    to
}

/// The elements of a tensor in C order of its shape; nothing where they are so already.
#[cfg(feature = "command")]
pub(crate) fn in_c_order(values: crate::exec::TensorRef<'_>, shape: &[usize], layout: Layout) -> Option<Data> {
    let moves = layout == Layout::ChannelsLast && !coincide(shape);
    moves.then(|| reordered(&values.to_data(), shape, [layout, Layout::RowMajor]))
}

/// The elements of a tensor from one order in another.
fn reordered(data: &Data, shape: &[usize], [from, to]: [Layout; 2]) -> Data {
    let (from, to) = (Axes::of(shape, from), Axes::of(shape, to));
    fold::relayout(data, to.sizes(), &to.sorted(&from.strides()))
}

/// Whether both orders are the same in memory.
pub(crate) fn coincide(shape: &[usize]) -> bool {
    match shape {
        [_, channels, pixels @ ..] if is_images(shape.len()) => *channels <= 1 || pixels.iter().all(|&size| size <= 1),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Type;
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

    /// The operators between two convolutions of `[2, 4, 6, 8]`, of the nodes that `between` makes of the first one's
    /// result, and whether any operand of theirs is moved.
    fn between(make: impl FnOnce(&mut Graph, TensorId) -> TensorId) -> (Vec<String>, usize) {
        let mut graph = Graph::default();
        let x = tensor(&mut graph, "x", Type::U8, &[2, 3, 6, 8]);
        let a = tensor(&mut graph, "a", Type::U8, &[2, 4, 6, 8]);
        let y = tensor(&mut graph, "y", Type::U8, &[2, 4, 6, 8]);
        graph.inputs = vec![x];
        graph.nodes.push(Node::new(convolution(), vec![Some(x)], a));
        let b = make(&mut graph, a);
        graph.nodes.push(Node::new(convolution(), vec![Some(b)], y));
        graph.outputs = vec![y];
        assign(&mut graph);
        super::super::prune::prune(&mut graph);
        let ops: Vec<String> = graph.nodes.iter().map(|node| node.op.name().to_owned()).collect();
        // The caller's order comes in and goes out.
        assert_eq!((ops[0].as_str(), ops[ops.len() - 1].as_str()), ("Relayout", "Relayout"));
        let moved = ops[1..ops.len() - 1].iter().filter(|op| op.as_str() == "Relayout").count();
        (ops, moved)
    }

    fn node(graph: &mut Graph, op: Op, inputs: &[TensorId], shape: &[usize]) -> TensorId {
        let output = tensor(graph, "made", Type::U8, shape);
        graph.nodes.push(Node::new(op, inputs.iter().copied().map(Some).collect(), output));
        output
    }

    #[test]
    fn what_works_along_axes_stays_in_order() {
        use crate::graph::op::{Border, Coordinates, Interpolation, Nearest, Resize};
        let nearest = Interpolation::Nearest(Nearest::Floor);
        let resize = Resize { interpolation: nearest, coordinates: Coordinates::Asymmetric, axes: None };
        for op in [
            Op::Slice,
            Op::Pad(Border::Constant),
            Op::Pad(Border::Edge),
            Op::Tile,
            Op::Resize(resize),
            Op::Expand { shape: vec![2, 4, 6, 8] },
            Op::DepthToSpace { block: 2, depth_first: true },
            Op::Transpose { permutation: Some(vec![0, 1, 3, 2]) },
            Op::Softmax { axis: 1, flattened: false },
            Op::GlobalMaxPool,
            Op::Reshape { allow_zero: false },
        ] {
            assert_eq!(between(|graph, a| node(graph, op.clone(), &[a], &[2, 4, 6, 8])).1, 0, "{op}");
        }
        let joined = |graph: &mut Graph, a| {
            let part = node(graph, Op::Slice, &[a], &[2, 1, 6, 8]);
            node(graph, Op::Concat { axis: 1 }, &[a, part], &[2, 5, 6, 8])
        };
        assert_eq!(between(joined).1, 0);
        // A lane of all channels and pixels lies in C order.
        let flattened = Op::Softmax { axis: 1, flattened: true };
        assert_eq!(between(|graph, a| node(graph, flattened, &[a], &[2, 4, 6, 8])).1, 2);
    }

    #[test]
    fn there_and_back_is_nowhere() {
        let reshape = Op::Reshape { allow_zero: false };
        let (ops, _) = between(|graph, a| {
            let rows = node(graph, reshape.clone(), &[a], &[2, 4, 48]);
            node(graph, reshape, &[rows], &[2, 4, 6, 8])
        });
        assert_eq!(ops, ["Relayout", "QLinearConv", "QLinearConv", "Relayout"]);
        let permuted = |axes: [i64; 4]| Op::Transpose { permutation: Some(axes.to_vec()) };
        let (_, moved) = between(|graph, a| {
            let last = node(graph, permuted([0, 2, 3, 1]), &[a], &[2, 6, 8, 4]);
            let sliced = node(graph, Op::Slice, &[last], &[2, 6, 8, 4]);
            node(graph, permuted([0, 3, 1, 2]), &[sliced], &[2, 4, 6, 8])
        });
        assert_eq!(moved, 0);
    }

    #[test]
    fn dequantised_images_are_made_in_the_order_that_is_read() {
        let mut graph = Graph::default();
        let x = tensor(&mut graph, "x", Type::U8, &[1, 2, 2, 2]);
        let a = tensor(&mut graph, "a", Type::U8, &[1, 2, 2, 2]);
        let y = tensor(&mut graph, "y", Type::F32, &[1, 2, 2, 2]);
        graph.inputs = vec![x];
        graph.outputs = vec![y];
        graph.nodes.push(Node::new(convolution(), vec![Some(x)], a));
        let op = Op::DequantizeLinear { axis: 1, block: 0, to: None };
        graph.nodes.push(Node::new(op, vec![Some(a)], y));
        assert_eq!(assign(&mut graph), ["x"]);
        assert_eq!(graph.outputs, [y]);
        assert_eq!([a, y].map(|id| graph.tensor(id).layout), [Layout::ChannelsLast, Layout::RowMajor]);
    }

    #[test]
    fn one_channel_or_one_pixel_is_both_orders() {
        assert!(coincide(&[1, 1, 96, 96]) && coincide(&[2, 256, 1, 1]) && coincide(&[3, 4]));
        assert!(!coincide(&[1, 2, 1, 3]) && !coincide(&[1, 2, 3]) && !coincide(&[1, 2, 1, 1, 3]));
    }
}
