//! Operators that only move elements work on integers: what dequantises before them does so behind, and what quantises
//! behind them does so before.
//!
//! Both commute with a choice and an order of elements, and a dequantiser of positive scales with a maximum. A
//! dequantiser by channels follows its axis through a transposition.

use super::pair::{Quantized, like};
use super::uses::rewrite;
use crate::graph::op::Border;
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
fn moves(op: &Op) -> bool {
    use crate::graph::op::{Interpolation, Resize};
    keeps_all(op)
        || matches!(
            op,
            Op::Slice
                | Op::Split { .. }
                | Op::Gather { .. }
                | Op::Expand { .. }
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
