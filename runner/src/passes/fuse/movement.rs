//! Operators that only move elements work on integers: what dequantises before them does so behind, and what quantises
//! behind them does so before.
//!
//! Both commute with a choice and an order of elements, and a dequantiser of positive scales with a maximum. A
//! dequantiser by channels follows its axis through a transposition.

use super::pair::{Quantized, like};
use super::uses::rewrite;
use crate::graph::op::{Border, Interpolation, Resize};
use crate::graph::{Graph, Node, Op, Type};
use crate::passes::{Options, transposition};

/// `DQ → movement` becomes `movement → DQ`.
pub(super) fn dequantizers_down(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let node = &graph.nodes[at];
        if !moves(&node.op) {
            return;
        }
        let parts: Vec<usize> = (0..node.inputs.len()).filter(|&operand| moved(&node.op, operand)).collect();
        let pairs: Option<Vec<Quantized>> =
            parts.iter().map(|&part| Quantized::behind(graph, uses, node.inputs[part]?)).collect();
        let Some(pairs) = pairs else { return };
        let Some((first, others)) = pairs.split_first() else { return };
        if others.iter().any(|other| !other.equals(first)) {
            return;
        }
        let Some(axis) = axis_behind(graph, node, first) else { return };
        if matches!(node.op, Op::MaxPool(_)) && !first.type_.is_quantized() {
            return;
        }
        let mut extra = Vec::new();
        let mut node = node.clone();
        if let Op::Pad(Border::Constant) = node.op {
            // What is around is a float; only that of the zero point is one that every scale has.
            let zero = match node.inputs.get(2).copied().flatten() {
                None => true,
                Some(id) => graph.tensor(id).constant.as_deref().and_then(|value| value.floats()) == Some(vec![0.0]),
            };
            let [_, zero_point] = first.operands(graph);
            let single = zero_point.filter(|&id| graph.tensor(id).shape.as_deref() == Some(&[]));
            let (true, Some(zero_point)) = (zero, single) else { return };
            node.inputs.resize(node.inputs.len().max(3), None);
            node.inputs[2] = Some(zero_point);
        }
        for (&part, pair) in parts.iter().zip(&pairs) {
            node.inputs[part] = Some(pair.integers);
        }
        for output in node.outputs.iter_mut() {
            let integers = like(graph, *output, first.type_);
            extra.push(first.dequantizer(graph, integers, *output, axis));
            *output = integers;
        }
        let what = graph.label(&graph.nodes[at]);
        let mut nodes = vec![node];
        nodes.extend(extra);
        edits.replace(at, &[], nodes, what);
    })
}

/// `movement → Q` becomes `Q → movement`, where only quantisers by the same parameters read what was moved, and the
/// movement leaves no element out.
pub(super) fn quantizers_up(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let &[output] = graph.nodes[at].outputs.as_slice() else { return };
        let Some(quantizer) = Quantized::before(graph, uses, output) else { return };
        let node = &graph.nodes[at];
        let Some(from) = node.inputs.first().copied().flatten() else { return };
        if !keeps_all(&node.op) || !quantizer.is_per_tensor() || !edits.are_free(&[quantizer.node]) {
            return;
        }
        if graph.tensor(from).type_ != Some(Type::F32) {
            return;
        }
        let integers = like(graph, from, quantizer.type_);
        let mut quantize = graph.nodes[quantizer.node].clone();
        quantize.inputs[0] = Some(from);
        quantize.outputs = vec![integers];
        let mut moved = graph.nodes[at].clone();
        moved.inputs[0] = Some(integers);
        moved.outputs = vec![quantizer.integers];
        let what = graph.label(&graph.nodes[at]);
        edits.replace(at, &[], vec![quantize, moved], what);
        edits.remove(quantizer.node);
    })
}

/// Whether an operator only chooses elements of its operands, or the greatest of some.
pub(super) fn moves(op: &Op) -> bool {
    keeps_all(op)
        || matches!(
            op,
            Op::Slice
                | Op::Split { .. }
                | Op::Gather { .. }
                | Op::GatherElements { .. }
                | Op::GatherNd { .. }
                | Op::Expand { .. }
                | Op::ExpandTo
                | Op::Tile
                | Op::Concat { .. }
                | Op::Pad(_)
                | Op::MaxPool(_)
                | Op::Resize(Resize { interpolation: Interpolation::Nearest(_), .. })
        )
}

/// Whether an operator has each element once.
fn keeps_all(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Flatten { .. }
            | Op::Squeeze
            | Op::Unsqueeze
            | Op::Identity
            | Op::DepthToSpace { .. }
            | Op::SpaceToDepth { .. }
    )
}

/// Whether an operand is one whose elements are moved.
fn moved(op: &Op, operand: usize) -> bool {
    matches!(op, Op::Concat { .. }) || operand == 0
}

/// The axis of the scales behind a movement: nothing inside where one scale is for all, nothing at all where there is
/// none.
fn axis_behind(graph: &Graph, node: &Node, pair: &Quantized) -> Option<Option<usize>> {
    let Some(axis) = pair.axis else { return Some(None) };
    match &node.op {
        Op::Transpose { permutation } => {
            let rank = graph.tensor(pair.floats).shape.as_ref()?.len();
            let permutation = transposition(permutation.as_deref(), rank).ok()?;
            permutation.iter().position(|&from| from == axis).map(Some)
        }
        Op::Identity => Some(Some(axis)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, s8s, u8s};
    use super::*;

    #[test]
    fn a_dequantiser_goes_down_and_keeps_the_names() {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[2, 3]);
        let floats = build.dequantize("floats", x, u8s(0.5, 3));
        let op = Op::Transpose { permutation: None };
        let y = build.node("y", op, &[floats], Type::F32, &[3, 2]);
        build.graph.outputs = vec![y];
        let after = build.after(("", dequantizers_down), &Options::default());
        assert_eq!(after, ["Transpose", "DequantizeLinear"]);
        let moved = build.graph.nodes[0].outputs[0];
        assert_eq!(build.graph.tensor(moved).type_, Some(Type::U8));
        assert_eq!(build.graph.nodes[1].outputs, [y]);
    }

    #[test]
    fn an_axis_follows_a_transposition_and_no_reshape() {
        let by = || s8s(&[1.0, 2.0, 3.0], 0);
        for (op, expected) in [
            (Op::Transpose { permutation: Some(vec![1, 0]) }, vec!["Transpose", "DequantizeLinear"]),
            (Op::Flatten { axis: 1 }, vec!["DequantizeLinear", "Flatten"]),
        ] {
            let mut build = Build::new();
            let x = build.input("x", Type::I8, &[3, 2]);
            let floats = build.dequantize("floats", x, by());
            let y = build.node("y", op, &[floats], Type::F32, &[2, 3]);
            build.graph.outputs = vec![y];
            assert_eq!(build.after(("", dequantizers_down), &Options::default()), expected);
            if let Op::DequantizeLinear { axis, .. } = build.graph.nodes[1].op {
                assert_eq!(axis, 1);
            }
        }
    }

    #[test]
    fn joined_tensors_need_equal_parameters() {
        for (scale, expected) in
            [(0.5, vec!["Concat", "DequantizeLinear"]), (0.25, vec!["DequantizeLinear", "DequantizeLinear", "Concat"])]
        {
            let mut build = Build::new();
            let x = build.input("x", Type::U8, &[1, 2]);
            let a = build.dequantize("a", x, u8s(0.5, 3));
            let b = build.dequantize("b", x, u8s(scale, 3));
            let y = build.node("y", Op::Concat { axis: 0 }, &[a, b], Type::F32, &[2, 2]);
            build.graph.outputs = vec![y];
            assert_eq!(build.after(("", dequantizers_down), &Options::default()), expected);
        }
    }

    #[test]
    fn a_quantiser_goes_up_through_all_that_keeps_elements() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[2, 3]);
        let a = build.node("a", Op::Transpose { permutation: None }, &[x], Type::F32, &[3, 2]);
        let b = build.node("b", Op::Flatten { axis: 0 }, &[a], Type::F32, &[1, 6]);
        let q = build.quantize("q", b, u8s(0.5, 3));
        build.graph.outputs = vec![q];
        let after = build.after(("", quantizers_up), &Options::default());
        assert_eq!(after, ["QuantizeLinear", "Transpose", "Flatten"]);
        assert_eq!(build.graph.nodes[2].outputs, [q]);
    }

    #[test]
    fn a_quantiser_stays_behind_a_choice_and_behind_floats_that_others_read() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[2, 3]);
        let indices = build.constant(&[1], crate::graph::Data::I64(vec![0]));
        let a = build.node("a", Op::Gather { axis: 0 }, &[x, indices], Type::F32, &[1, 3]);
        let q = build.quantize("q", a, u8s(0.5, 3));
        let b = build.node("b", Op::Flatten { axis: 0 }, &[x], Type::F32, &[1, 6]);
        let r = build.quantize("r", b, u8s(0.5, 3));
        build.graph.outputs = vec![q, r, b];
        let after = build.after(("", quantizers_up), &Options::default());
        assert_eq!(after, ["Gather", "QuantizeLinear", "Flatten", "QuantizeLinear"]);
    }
}
