//! A dequantiser with a quantiser behind it is a function of integers.

use super::pair::Quantized;
use super::uses::rewrite;
use crate::graph::{Graph, Node, Op};
use crate::passes::Options;

/// The greatest distance from a zero point, of 16 bits.
const GREATEST: f32 = 65535.0;

/// `DQ → Q` by the same parameters is nothing: what is between saturates nowhere, and rounds to where it came from. A
/// quantiser of fewer bits is left, and so are scales so great that the floats of some integers are infinite.
pub(super) fn squash(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Some(quantizer) = Quantized::at(graph, at) else { return };
        let Some(dequantizer) = Quantized::behind(graph, uses, quantizer.floats) else { return };
        let finite = dequantizer.scales.iter().all(|scale| (scale * GREATEST).is_finite());
        if !dequantizer.equals(&quantizer) || quantizer.bounds().is_some() || !finite {
            return;
        }
        let what = graph.label(&graph.nodes[at]);
        let node = Node::new(Op::Identity, vec![Some(dequantizer.integers)], quantizer.integers);
        edits.replace(at, &[], vec![node], what);
    })
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::Type;

    #[test]
    fn only_equal_parameters_are_nothing() {
        for (zero_point, expected) in [(3, vec!["Identity"]), (4, vec!["DequantizeLinear", "QuantizeLinear"])] {
            let mut build = Build::new();
            let x = build.input("x", Type::U8, &[4]);
            let floats = build.dequantize("floats", x, u8s(0.5, 3));
            let q = build.quantize("q", floats, u8s(0.5, zero_point));
            build.graph.outputs = vec![q];
            assert_eq!(build.after(("", squash), &Options::default()), expected);
        }
    }

    #[test]
    fn floats_that_are_infinite_are_no_integers_again() {
        for (scale, expected) in [(1e33, 1), (1e34, 2)] {
            let mut build = Build::new();
            let x = build.input("x", Type::U8, &[4]);
            let floats = build.dequantize("floats", x, u8s(scale, 3));
            let q = build.quantize("q", floats, u8s(scale, 3));
            build.graph.outputs = vec![q];
            assert_eq!(build.after(("", squash), &Options::default()).len(), expected, "{scale}");
        }
    }

    #[test]
    fn floats_that_become_integers_and_floats_again_are_rounded() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[4]);
        let q = build.quantize("q", x, u8s(0.5, 3));
        let y = build.dequantize("y", q, u8s(0.5, 3));
        build.graph.outputs = vec![y];
        let after = build.after(("", squash), &Options::default());
        assert_eq!(after, ["QuantizeLinear", "DequantizeLinear"]);
    }
}
