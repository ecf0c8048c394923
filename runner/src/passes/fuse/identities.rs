//! A tensor that is another one gives way to it.

use super::uses::Uses;
use crate::graph::{Graph, Op, TensorId};
use crate::passes::Options;

/// Readers of a copy read what it is a copy of. A copy that the caller gets stays, and where every tensor of the file is
/// kept, one that is such a tensor.
pub(super) fn identities(graph: &mut Graph, options: &Options) -> Vec<String> {
    let uses = Uses::of(graph);
    let mut fired = Vec::new();
    let mut original: Vec<TensorId> = (0..graph.tensors.len()).map(TensorId).collect();
    for mut node in std::mem::take(&mut graph.nodes) {
        for id in node.inputs.iter_mut().flatten() {
            *id = original[id.0];
        }
        if let (Op::Identity, &[Some(from)], &[to]) = (&node.op, node.inputs.as_slice(), node.outputs.as_slice())
            && (!options.keep || graph.tensor(to).internal)
        {
            original[to.0] = from;
            if !uses.is_output(to) {
                fired.push(graph.tensor(to).name.clone());
                continue;
            }
        }
        graph.nodes.push(node);
    }
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
            let read = if keep { b } else { x };
            assert_eq!(build.graph.nodes.last().unwrap().inputs, [Some(read)]);
        }
    }
}
