//! A tensor that is another one gives way to it.

use super::uses::Uses;
use crate::graph::{Graph, Op, TensorId};
use crate::passes::Options;

/// Readers of a copy read what it is a copy of. A copy that the caller gets stays; where every tensor of the file is
/// kept, all do, and are read past all the same.
pub(super) fn identities(graph: &mut Graph, options: &Options) -> Vec<String> {
    let uses = Uses::of(graph);
    let mut fired = Vec::new();
    let mut original: Vec<TensorId> = (0..graph.tensors.len()).map(TensorId).collect();
    let mut nodes = std::mem::take(&mut graph.nodes);
    for node in &mut nodes {
        for id in node.inputs.iter_mut().flatten() {
            *id = original[id.0];
        }
        if let (Op::Identity, &[Some(from)], &[to]) = (&node.op, node.inputs.as_slice(), node.outputs.as_slice()) {
            original[to.0] = from;
        }
    }
    nodes.retain(|node| {
        let copy = matches!(node.op, Op::Identity)
            && node.outputs.iter().all(|&id| !uses.is_output(id) && (!options.keep || graph.tensor(id).internal));
        if copy {
            fired.extend(node.outputs.iter().map(|&id| graph.tensor(id).name.clone()));
        }
        !copy
    });
    graph.nodes = nodes;
    fired
}

#[cfg(test)]
mod tests {
    use super::super::build::Build;
    use super::*;
    use crate::graph::Type;

    #[test]
    fn copies_are_read_past_and_stay_where_they_are_asked_for() {
        for keep in [false, true] {
            let mut build = Build::new();
            let x = build.input("x", Type::U8, &[4]);
            let a = build.node("a", Op::Identity, &[x], Type::U8, &[4]);
            let b = build.node("b", Op::Identity, &[a], Type::U8, &[4]);
            let y = build.node("y", Op::Flatten { axis: 0 }, &[b], Type::U8, &[1, 4]);
            build.graph.outputs = vec![y, b];
            identities(&mut build.graph, &Options::default().keep(keep));
            let expected: &[&str] = if keep { &["Identity", "Identity", "Flatten"] } else { &["Identity", "Flatten"] };
            assert_eq!(build.operators(), expected);
            let flatten = build.graph.nodes.last().unwrap();
            assert_eq!(flatten.inputs, [Some(x)]);
            assert_eq!(build.graph.nodes[expected.len() - 2].inputs, [Some(x)]);
        }
    }
}
