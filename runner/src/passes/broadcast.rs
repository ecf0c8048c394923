//! Element-wise kernels take operands of one shape: an operand that broadcasts is repeated by a node of its own, or
//! once and for all if it is a constant. Some take operands of one element as they are.

use std::sync::Arc;

use super::fold;
use super::resolve::Operand;
use crate::graph::{Graph, Node, Op, Tensor, TensorId, shape};

/// Makes the shape of each operand of an element-wise operator that of its output. Tells the operands that it repeats.
pub fn broadcast(graph: &mut Graph) -> Vec<String> {
    let mut fired = Vec::new();
    let mut spent = 0;
    for mut node in std::mem::take(&mut graph.nodes) {
        if let (true, &[output]) = (node.op.broadcasts(), node.outputs.as_slice())
            && let Some(shape) = graph.tensor(output).shape.clone()
        {
            for operand in (0..node.inputs.len()).filter(|&operand| node.op.is_activation(operand)) {
                let repeats = |from: &Vec<usize>| {
                    *from != shape && !(node.op.repeats_scalars() && shape::elements(from) == Ok(1))
                };
                if let Some(id) = node.inputs[operand]
                    && graph.tensor(id).shape.as_ref().is_some_and(repeats)
                {
                    fired.push(graph.tensor(id).name.clone());
                    node.inputs[operand] = Some(expand(graph, id, &shape, &mut spent));
                }
            }
        }
        graph.nodes.push(node);
    }
    fired
}

fn expand(graph: &mut Graph, id: TensorId, shape: &[usize], spent: &mut usize) -> TensorId {
    let op = Op::Expand { shape: shape.to_vec() };
    let tensor = graph.tensor(id);
    let name = tensor.name.clone();
    let mut expanded =
        Tensor { type_: tensor.type_, shape: Some(shape.to_vec()), internal: true, ..Tensor::named(name) };
    if let (Some(constant), Some(type_)) = (&tensor.constant, tensor.type_) {
        let operand = Operand { type_, shape: constant.shape(), constant: Some(constant) };
        // Where the repeated constant would be too large to keep, it is repeated in each run.
        expanded.constant = fold::fold(&op, &[Some(operand)], shape, spent).ok().flatten().map(Arc::new);
    }
    let is_constant = expanded.constant.is_some();
    let to = graph.add(expanded);
    if !is_constant {
        graph.nodes.push(Node::new(op, vec![Some(id)], to));
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Constant, Data, Type};

    #[test]
    fn a_constant_is_repeated_while_planning_and_an_activation_by_a_node() {
        let mut graph = Graph::default();
        let activation = |graph: &mut Graph, name: &str, shape: &[usize]| {
            graph.add(Tensor { type_: Some(Type::U8), shape: Some(shape.to_vec()), ..Tensor::named(name) })
        };
        let a = activation(&mut graph, "a", &[2, 3]);
        let row = activation(&mut graph, "row", &[3]);
        let c = activation(&mut graph, "c", &[2, 3]);
        let d = activation(&mut graph, "d", &[2, 3]);
        let bias = Constant::new(vec![3], Data::U8(vec![1, 2, 3])).unwrap();
        let bias = graph.add(Tensor::constant("bias", bias));
        for (b, c) in [(bias, c), (row, d)] {
            let inputs = vec![Some(a), None, None, Some(b), None, None, None];
            graph.nodes.push(Node::new(Op::QLinearAdd, inputs, c));
        }
        assert_eq!(broadcast(&mut graph), ["bias", "row"]);
        let ops: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
        assert_eq!(ops, ["QLinearAdd", "Expand", "QLinearAdd"]);
        let repeated = graph.tensor(graph.nodes[0].inputs[3].unwrap()).constant.as_ref().unwrap();
        assert_eq!(repeated.data(), &Data::U8(vec![1, 2, 3, 1, 2, 3]));
        assert_eq!(graph.nodes[2].inputs[3], Some(graph.nodes[1].outputs[0]));
    }
}
