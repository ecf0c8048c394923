//! A clamp of integers goes into the operator before it.

use super::uses::rewrite;
use crate::graph::{Graph, Node, Op, Type};
use crate::passes::Options;

/// `operator → Clip` of 8 or 16 bits with constant bounds, where only the clamp reads what the operator makes. Not where
/// every tensor of the file is kept and that is one.
pub(super) fn clamps(graph: &mut Graph, options: &Options) -> Vec<String> {
    let keep = options.keep;
    rewrite(graph, |graph, uses, at, edits| {
        let node = &graph.nodes[at];
        let (Op::Clip, Some(from)) = (&node.op, node.inputs.first().copied().flatten()) else { return };
        let Some(maker) = uses.only_reader(from).and_then(|_| uses.maker(from)) else { return };
        let Some(bounds) = bounds(graph, node) else { return };
        if !takes_clamp(&graph.nodes[maker].op) || !edits.are_free(&[maker]) || (keep && !graph.tensor(from).internal) {
            return;
        }
        let what = format!("{} into {}", graph.label(node), graph.label(&graph.nodes[maker]));
        let mut fused = graph.nodes[maker].clone();
        fused.outputs = node.outputs.clone();
        let (low, high) = fused.clamp.unwrap_or(bounds);
        fused.clamp = Some((low.max(bounds.0).min(bounds.1), high.min(bounds.1).max(bounds.0)));
        edits.replace(at, &[maker], vec![fused], what);
        edits.remove(maker);
    })
}

/// Constant bounds of integers.
fn bounds(graph: &Graph, node: &Node) -> Option<(i32, i32)> {
    let type_ = graph.tensor(*node.outputs.first()?).type_?;
    let (least, greatest) =
        type_.range().filter(|_| type_.is_quantized() || type_ == Type::U16 || type_ == Type::I16)?;
    let bound = |operand: usize, default: i32| match node.inputs.get(operand).copied().flatten() {
        None => Some(default),
        Some(id) => match graph.tensor(id).constant.as_deref()?.integers()?.as_slice() {
            &[value] => i32::try_from(value).ok(),
            _ => None,
        },
    };
    let (low, high) = (bound(1, least)?, bound(2, greatest)?);
    Some((low.min(high), high))
}

/// Whether an operator can bound what it makes.
fn takes_clamp(op: &Op) -> bool {
    matches!(
        op,
        Op::QuantizeLinear { .. }
            | Op::QLinearConv(_)
            | Op::QLinearConvTranspose(_)
            | Op::QLinearMatMul
            | Op::QGemm(_)
            | Op::QLinearAdd
            | Op::QLinearMul
    )
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::Data;

    fn clamped(options: &Options) -> Build {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[3]);
        let q = build.quantize("q", x, u8s(0.5, 3));
        let (low, high) = (build.constant(&[], Data::U8(vec![3])), build.constant(&[], Data::U8(vec![200])));
        let y = build.node("y", Op::Clip, &[q, low, high], Type::U8, &[3]);
        build.graph.outputs = vec![y];
        build.after(("", clamps), options);
        build
    }

    #[test]
    fn a_clamp_is_taken_in_unless_all_tensors_are_kept() {
        let build = clamped(&Options::default());
        assert_eq!(build.operators(), ["QuantizeLinear"]);
        assert_eq!(build.graph.nodes[0].clamp, Some((3, 200)));
        assert_eq!(build.graph.nodes[0].outputs, build.graph.outputs);
        assert_eq!(clamped(&Options::default().keep(true)).operators(), ["QuantizeLinear", "Clip"]);
    }
}
