//! Whether a graph is one: every tensor made once, before it is read.

use super::{Graph, Op, TensorId};
use crate::error::{Fault, Problems};

/// Adds what is wrong with the edges and the number of operands of the nodes. `broken` tensors exist, but what they are
/// has been reported already.
pub fn check(graph: &Graph, broken: &[TensorId], problems: &mut Problems) {
    let mut made = vec![false; graph.tensors.len()];
    let mut made_at = vec![None; graph.tensors.len()];
    for (id, tensor) in graph.tensors.iter().enumerate() {
        made[id] = tensor.constant.is_some();
    }
    for &id in graph.inputs.iter().chain(broken) {
        made[id.0] = true;
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        for &id in &node.outputs {
            made_at[id.0].get_or_insert(at);
        }
    }

    for node in &graph.nodes {
        for &id in node.inputs.iter().flatten() {
            if made[id.0] {
                continue;
            }
            let name = &graph.tensor(id).name;
            let fault = match made_at[id.0] {
                Some(maker) => Fault::invalid(format!(
                    "reads \"{name}\", which is only made later, by {}: the graph is cyclic or out of order",
                    graph.label(&graph.nodes[maker])
                )),
                None => Fault::invalid(format!("reads \"{name}\", which is no input, no constant and made by no node")),
            };
            problems.push(fault.at(graph.label(node)));
        }
        if let Err(fault) = operands(&node.op, &node.inputs, node.outputs.len()) {
            problems.push(fault.at(graph.label(node)));
        }
        for &id in &node.outputs {
            if std::mem::replace(&mut made[id.0], true) {
                let name = &graph.tensor(id).name;
                let fault = Fault::invalid(format!("makes \"{name}\", which is already made elsewhere"));
                problems.push(fault.at(graph.label(node)));
            }
        }
    }

    for &id in &graph.outputs {
        if !made[id.0] {
            let name = &graph.tensor(id).name;
            problems.push(Fault::invalid("is made by no node").at(format!("output \"{name}\"")));
        }
    }
    if graph.outputs.is_empty() {
        problems.push(Fault::invalid("has no outputs").at("graph"));
    }
}

fn operands<T>(op: &Op, inputs: &[Option<T>], outputs: usize) -> Result<(), Fault> {
    let (least, most, names) = op.arity();
    if inputs.len() < least || inputs.len() > most {
        let expected = match (least, most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => format!("{least}"),
            _ => format!("{least} to {most}"),
        };
        return Err(Fault::invalid(format!("has {} operands, expected {expected}", inputs.len())));
    }
    for (name, input) in names.iter().zip(inputs) {
        if !name.is_empty() && input.is_none() {
            return Err(Fault::invalid(format!("operand {name} is left out, but is not optional")));
        }
    }
    if let Op::Concat { .. } = op
        && inputs.iter().any(Option::is_none)
    {
        return Err(Fault::invalid("an operand is left out, but none is optional"));
    }
    let expected = op.results();
    if !matches!(op, Op::Unknown { .. }) && outputs != expected {
        return Err(Fault::invalid(format!("makes {outputs} tensors, expected {expected}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Tensor};

    fn identity(graph: &mut Graph, from: &str, to: &str) {
        let id = |graph: &mut Graph, name: &str| {
            let found = graph.tensors.iter().position(|tensor| tensor.name == name);
            found.map_or_else(|| graph.add(Tensor::named(name)), TensorId)
        };
        let (from, to) = (id(graph, from), id(graph, to));
        graph.nodes.push(Node::new(Op::Identity, vec![Some(from)], to));
    }

    fn problems(graph: &Graph) -> String {
        let mut problems = Problems::default();
        check(graph, &[], &mut problems);
        problems.to_string()
    }

    #[test]
    fn a_cycle_and_a_dangling_edge_are_named() {
        let mut graph = Graph::default();
        identity(&mut graph, "b", "a");
        identity(&mut graph, "a", "b");
        identity(&mut graph, "nowhere", "c");
        graph.outputs = vec![graph.nodes[2].outputs[0]];
        let told = problems(&graph);
        assert!(told.contains("reads \"b\", which is only made later"), "{told}");
        assert!(told.contains("reads \"nowhere\", which is no input"), "{told}");
    }

    #[test]
    fn a_tensor_is_made_once() {
        let mut graph = Graph::default();
        let x = graph.add(Tensor::named("x"));
        graph.inputs = vec![x];
        identity(&mut graph, "x", "y");
        identity(&mut graph, "x", "y");
        graph.outputs = vec![graph.nodes[0].outputs[0]];
        let told = problems(&graph);
        assert!(told.contains("makes \"y\", which is already made elsewhere"), "{told}");
        graph.nodes.pop();
        assert_eq!(problems(&graph), "");
    }
}
