//! A dequantiser with a quantiser behind it is a function of integers.

use super::pair::Quantized;
use super::uses::rewrite;
use crate::graph::{Graph, Node, Op};
use crate::passes::Options;

/// `DQ → Q` by the same parameters is nothing: what is between saturates nowhere, and rounds to where it came from. A
/// quantiser of fewer bits is left.
pub(super) fn squash(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Some(quantizer) = Quantized::at(graph, at) else { return };
        let Some(dequantizer) = Quantized::behind(graph, uses, quantizer.floats) else { return };
        if !dequantizer.equals(&quantizer) || quantizer.bounds().is_some() {
            return;
        }
        let what = graph.label(&graph.nodes[at]);
        let node = Node::new(Op::Identity, vec![Some(dequantizer.integers)], quantizer.integers);
        edits.replace(at, &[], vec![node], what);
    })
}
