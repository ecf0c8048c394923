//! What the nodes of a graph work on.

use super::movement::moves;
use super::uses::Uses;
use crate::graph::{Graph, Node, Op, Type};
use crate::passes::layout::coincide;

/// How many nodes work on what. Those of constants alone, which are computed while planning, do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Places {
    /// On integers, also where the results leave as floats.
    pub integers: usize,
    /// On floats.
    pub floats: usize,
    /// They make integers of floats, or floats of integers.
    pub between: usize,
    /// They only choose and move elements.
    pub moving: usize,
    /// They bring a tensor into another memory order.
    pub relayouts: usize,
}

/// Counts the nodes of a graph that has been through the passes.
pub(in crate::passes) fn places(graph: &Graph) -> Places {
    let uses = Uses::of(graph);
    let mut places = Places::default();
    for node in &graph.nodes {
        if node.outputs.iter().all(|&id| uses.is_fixed(id)) {
            continue;
        }
        let shape = node.outputs.first().and_then(|&id| graph.tensor(id).shape.as_deref());
        let count = match &node.op {
            // Both orders may be one.
            Op::Relayout if shape.is_some_and(coincide) => continue,
            Op::Relayout => &mut places.relayouts,
            Op::QuantizeLinear { .. } | Op::DequantizeLinear { .. } | Op::DynamicQuantizeLinear => &mut places.between,
            Op::Cast { .. } if takes_floats(graph, node) != makes_floats(graph, node) => &mut places.between,
            Op::ConvIntegerToFloat(_) | Op::MatMulIntegerToFloat | Op::DynamicQuantizeMatMul => &mut places.integers,
            Op::MaxPool(_) if !takes_floats(graph, node) => &mut places.integers,
            op if moves(op) && !matches!(op, Op::MaxPool(_)) => &mut places.moving,
            _ if takes_floats(graph, node) || makes_floats(graph, node) => &mut places.floats,
            _ => &mut places.integers,
        };
        *count += 1;
    }
    places
}

fn takes_floats(graph: &Graph, node: &Node) -> bool {
    let mut operands = node.inputs.iter().enumerate();
    operands.any(|(operand, id)| {
        let type_ = id.and_then(|id| graph.tensor(id).type_);
        node.op.is_activation(operand) && type_.is_some_and(Type::is_float)
    })
}

fn makes_floats(graph: &Graph, node: &Node) -> bool {
    node.outputs.iter().any(|&id| graph.tensor(id).type_.is_some_and(Type::is_float))
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::function::{Binary, Unary};
    use crate::graph::{Data, Layout};

    #[test]
    fn each_node_is_counted_once() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[1, 2, 2, 2]);
        let q = build.quantize("q", x, u8s(0.5, 3));
        let moved = build.node("moved", Op::Transpose { permutation: None }, &[q], Type::U8, &[2, 2, 2, 1]);
        let turned = build.node("turned", Op::Relayout, &[moved], Type::U8, &[2, 2, 2, 1]);
        build.graph.tensor_mut(turned).layout = Layout::ChannelsLast;
        let sigmoid = build.node("sigmoid", Op::QLinearSigmoid, &[turned], Type::U8, &[2, 2, 2, 1]);
        let real = build.dequantize("real", sigmoid, u8s(0.5, 3));
        let root = build.node("root", Op::Unary(Unary::Sqrt), &[real], Type::F32, &[2, 2, 2, 1]);
        let one = build.constant(&[], Data::F32(vec![1.0]));
        let two = build.node("two", Op::Binary(Binary::Add), &[one, one], Type::F32, &[]);
        let sum = build.node("sum", Op::Binary(Binary::Add), &[root, two], Type::F32, &[2, 2, 2, 1]);
        build.graph.outputs = vec![sum];
        let expected = Places { integers: 1, floats: 2, between: 2, moving: 1, relayouts: 1 };
        assert_eq!(places(&build.graph), expected);
    }
}
