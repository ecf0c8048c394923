//! A clamp of floats before a quantiser becomes one of integers behind it, or nothing.
//!
//! A quantiser never makes less of more, so `Q(min(max(x, lo), hi)) = min(max(Q(x), Q(lo)), Q(hi))`. Where those two are
//! the ends of what the quantiser makes, the clamp is redundant. What is no number has no order: a quantiser makes the
//! least integer of it, and so does the clamp behind it, which is `Q(lo)`.

use super::super::fold::cast;
use super::pair::{Quantized, constant};
use super::uses::{Uses, rewrite};
use crate::graph::function::Unary;
use crate::graph::{Data, Graph, Node, Op, TensorId};
use crate::passes::Options;

/// `Relu → Q` and `Clip → Q`, with constant bounds and one scale for all, where only quantisers read the clamped floats.
pub(super) fn clips(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Some(quantizer) = Quantized::at(graph, at).filter(Quantized::is_per_tensor) else { return };
        let Some((clip, from, bounds)) = clamped(graph, uses, quantizer.floats) else { return };
        let readers = uses.readers(quantizer.floats);
        if uses.is_output(quantizer.floats)
            || !readers.iter().all(|&reader| Quantized::at(graph, reader).is_some())
            || !edits.are_free(&[clip])
        {
            return;
        }
        let Some((low, high)) = integers(&quantizer, bounds) else { return };
        let Some(whole) = quantizer.bounds().or_else(|| quantizer.type_.range()) else { return };
        let mut node = graph.nodes[at].clone();
        node.inputs[0] = Some(from);
        let name = graph.label(&graph.nodes[clip]);
        if low <= whole.0 && high >= whole.1 {
            edits.replace(at, &[], vec![node], format!("{name} is redundant"));
            return;
        }
        let unclamped = super::pair::like(graph, quantizer.integers, quantizer.type_);
        node.outputs = vec![unclamped];
        let mut bound =
            |name, value| Some(constant(graph, name, vec![], cast(&Data::I32(vec![value]), quantizer.type_)));
        let inputs = vec![Some(unclamped), bound("least", low), bound("greatest", high)];
        let clip = Node { name: node.name.clone(), ..Node::new(Op::Clip, inputs, quantizer.integers) };
        let what = format!("{name} to [{low}, {high}]");
        edits.replace(at, &[], vec![node, clip], what);
    })
}

/// The node that clamps a tensor between constants, what it reads, and the constants.
fn clamped(graph: &Graph, uses: &Uses, floats: TensorId) -> Option<(usize, TensorId, [Option<f32>; 2])> {
    let at = uses.maker(floats)?;
    let node = &graph.nodes[at];
    let bounds = match node.op {
        Op::Unary(Unary::Relu) => [Some(0.0), None],
        Op::Clip => {
            let bound = |operand: usize| match node.inputs.get(operand).copied().flatten() {
                None => Some(None),
                Some(id) => match graph.tensor(id).constant.as_deref()?.floats()?.as_slice() {
                    &[value] if !value.is_nan() => Some(Some(value)),
                    _ => None,
                },
            };
            [bound(1)?, bound(2)?]
        }
        _ => return None,
    };
    Some((at, node.inputs[0]?, bounds))
}

/// The bounds as integers. An upper bound below the lower one wins, as it does in floats.
fn integers(quantizer: &Quantized, [low, high]: [Option<f32>; 2]) -> Option<(i32, i32)> {
    let ends = quantizer.type_.range()?;
    let low = low.map_or(Some(ends.0), |low| quantizer.quantize(low))?;
    let high = high.map_or(Some(ends.1), |high| quantizer.quantize(high))?;
    Some((low.min(high), high))
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::Type;

    fn relu(zero_point: u8, keep_floats: bool) -> Build {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[4]);
        let y = build.node("relu", Op::Unary(Unary::Relu), &[x], Type::F32, &[4]);
        let q = build.quantize("q", y, u8s(0.5, zero_point));
        build.graph.outputs = if keep_floats { vec![q, y] } else { vec![q] };
        build
    }

    #[test]
    fn a_clamp_that_the_type_makes_is_dropped() {
        assert_eq!(relu(0, false).after(("", clips), &Options::default()), ["QuantizeLinear"]);
    }

    #[test]
    fn another_one_is_of_integers() {
        let mut build = relu(100, false);
        assert_eq!(build.after(("", clips), &Options::default()), ["QuantizeLinear", "Clip"]);
        let clip = &build.graph.nodes[1];
        let bound = |operand: usize| {
            build.graph.tensor(clip.inputs[operand].unwrap()).constant.as_ref().unwrap().data().clone()
        };
        assert_eq!([bound(1), bound(2)], [Data::U8(vec![100]), Data::U8(vec![255])]);
        assert_eq!(build.graph.tensor(clip.outputs[0]).name, "q");
        assert!(build.graph.tensor(clip.inputs[0].unwrap()).internal);
    }

    #[test]
    fn floats_that_are_read_elsewhere_are_clamped() {
        assert_eq!(relu(100, true).after(("", clips), &Options::default()), ["Relu", "QuantizeLinear"]);
    }

    #[test]
    fn both_bounds_round_as_the_quantiser_does() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[4]);
        let low = build.constant(&[], Data::F32(vec![-1.25]));
        let high = build.constant(&[], Data::F32(vec![2.25]));
        let y = build.node("clip", Op::Clip, &[x, low, high], Type::F32, &[4]);
        let q = build.quantize("q", y, u8s(0.5, 10));
        build.graph.outputs = vec![q];
        build.after(("", clips), &Options::default());
        let clip = &build.graph.nodes[1];
        let bound = |operand: usize| {
            build.graph.tensor(clip.inputs[operand].unwrap()).constant.as_ref().unwrap().data().clone()
        };
        // -2.5 and 4.5 are ties: they go to even.
        assert_eq!([bound(1), bound(2)], [Data::U8(vec![8]), Data::U8(vec![14])]);
    }
}
