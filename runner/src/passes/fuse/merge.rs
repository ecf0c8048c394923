//! Equal quantisers of one tensor become one, and so do equal dequantisers.

use std::collections::HashMap;

use super::pair::Quantized;
use super::uses::{Uses, rewrite};
use crate::graph::{Graph, Node, Op, TensorId};
use crate::passes::Options;

/// A node that quantises or dequantises what an earlier one does, by the same rule and parameters, gives way to it. What
/// it makes keeps its name.
pub(super) fn merge(graph: &mut Graph, _: &Options) -> Vec<String> {
    let mut firsts: HashMap<TensorId, Vec<(bool, Quantized)>> = HashMap::new();
    let mut walk = usize::MAX;
    rewrite(graph, |graph, uses, at, edits| {
        if at < walk {
            firsts.clear();
        }
        walk = at;
        let Some((quantizes, found)) = either(graph, uses, at) else { return };
        let from = if quantizes { found.floats } else { found.integers };
        let known = firsts.entry(from).or_default();
        let first = known
            .iter()
            .find(|(kind, first)| *kind == quantizes && first.equals(&found) && first.abs_max == found.abs_max);
        let Some((_, first)) = first else {
            known.push((quantizes, found));
            return;
        };
        let (from, to) = if quantizes { (first.integers, found.integers) } else { (first.floats, found.floats) };
        let what = format!("{} of {}", graph.nodes[at].op, graph.tensor(to).name);
        edits.replace(at, &[], vec![Node::new(Op::Identity, vec![Some(from)], to)], what);
    })
}

/// What a node says, and whether it quantises.
fn either(graph: &Graph, uses: &Uses, at: usize) -> Option<(bool, Quantized)> {
    if let Some(found) = Quantized::at(graph, at) {
        return Some((true, found));
    }
    let &[floats] = graph.nodes[at].outputs.as_slice() else { return None };
    Some((false, Quantized::behind(graph, uses, floats)?))
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::Type;

    #[test]
    fn equal_ones_become_one_and_others_stay() {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[4]);
        let a = build.quantize("a", x, u8s(0.5, 3));
        let b = build.quantize("b", x, u8s(0.5, 3));
        let c = build.quantize("c", x, u8s(0.5, 4));
        build.graph.outputs = vec![a, b, c];
        let after = build.after(("", merge), &Options::default());
        assert_eq!(after, ["QuantizeLinear", "Identity", "QuantizeLinear"]);
        assert_eq!(build.graph.nodes[1].outputs, [b]);
    }
}
