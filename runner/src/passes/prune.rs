//! Nodes that no output needs: what is left of a shape's computation once the shape is known.

use crate::graph::Graph;

/// Removes the nodes whose tensors nothing reads, and tells their labels.
pub fn prune(graph: &mut Graph) -> Vec<String> {
    let mut fired = Vec::new();
    let mut needed = vec![false; graph.tensors.len()];
    for &id in &graph.outputs {
        needed[id.0] = true;
    }
    let mut kept: Vec<_> = std::mem::take(&mut graph.nodes)
        .into_iter()
        .rev()
        .filter(|node| {
            let alive = node.outputs.iter().any(|id| needed[id.0]);
            if alive {
                node.inputs.iter().flatten().for_each(|id| needed[id.0] = true);
            } else {
                fired.push(graph.label(node));
            }
            alive
        })
        .collect();
    kept.reverse();
    fired.reverse();
    graph.nodes = kept;
    fired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Op, Tensor};

    #[test]
    fn only_what_outputs_need_stays() {
        let mut graph = Graph::default();
        let [x, a, b, dead] = ["x", "a", "b", "dead"].map(|name| graph.add(Tensor::named(name)));
        graph.inputs = vec![x];
        graph.outputs = vec![b];
        for (from, to) in [(x, a), (a, dead), (a, b)] {
            let name = format!("to {}", graph.tensor(to).name);
            graph.nodes.push(Node { name, ..Node::new(Op::Identity, vec![Some(from)], to) });
        }
        let fired = prune(&mut graph);
        assert_eq!(fired, ["Identity node \"to dead\""]);
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["to a", "to b"]);
    }
}
