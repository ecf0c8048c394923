//! A part of a network as a network of its own.

use std::collections::BTreeSet;

use super::{Graph, Node, TensorId};

impl Graph {
    /// The nodes that make the given outputs of tensors whose values are at hand, which are its inputs; and what these
    /// are in the whole. Nothing if a tensor is needed that is neither at hand nor made.
    pub(crate) fn part(
        &self,
        outputs: &[TensorId],
        at_hand: &dyn Fn(TensorId) -> bool,
    ) -> Option<(Self, Vec<TensorId>)> {
        let mut makers = vec![None; self.tensors.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            node.outputs.iter().for_each(|id| makers[id.0] = Some(at));
        }
        let mut nodes = BTreeSet::new();
        let mut given = BTreeSet::new();
        let mut wanted = outputs.to_vec();
        while let Some(id) = wanted.pop() {
            let maker = makers[id.0]?;
            if !nodes.insert(maker) {
                continue;
            }
            for &operand in self.nodes[maker].inputs.iter().flatten() {
                if at_hand(operand) {
                    given.insert(operand);
                } else if self.tensor(operand).constant.is_none() {
                    wanted.push(operand);
                }
            }
        }

        let mut part = Self::default();
        let mut inner = vec![None; self.tensors.len()];
        let mut of = |id: TensorId| *inner[id.0].get_or_insert_with(|| part.add(self.tensor(id).clone()));
        let inputs = given.iter().map(|&id| of(id)).collect();
        let nodes = nodes
            .into_iter()
            .map(|at| &self.nodes[at])
            .map(|node| Node {
                inputs: node.inputs.iter().map(|input| input.map(&mut of)).collect(),
                outputs: node.outputs.iter().map(|&id| of(id)).collect(),
                ..node.clone()
            })
            .collect();
        let outputs = outputs.iter().map(|&id| of(id)).collect();
        (part.inputs, part.nodes, part.outputs) = (inputs, nodes, outputs);
        Some((part, given.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Constant, Data, Op, Tensor};

    #[test]
    fn a_part_goes_back_to_what_is_at_hand() {
        let mut graph = Graph::default();
        let [x, a, b, c] = ["x", "a", "b", "c"].map(|name| graph.add(Tensor::named(name)));
        let axes = graph.add(Tensor::constant("axes", Constant::new(vec![1], Data::I64(vec![0])).unwrap()));
        graph.inputs = vec![x];
        graph.outputs = vec![c];
        graph.nodes.push(Node::new(Op::Identity, vec![Some(x)], a));
        graph.nodes.push(Node::new(Op::Unsqueeze, vec![Some(a), Some(axes)], b));
        graph.nodes.push(Node::new(Op::Identity, vec![Some(b)], c));

        let names = |part: &Graph, ids: &[TensorId]| -> Vec<String> {
            ids.iter().map(|&id| part.tensor(id).name.clone()).collect()
        };
        let (part, given) = graph.part(&[b], &|id| id == a || id == b).unwrap();
        assert_eq!((names(&part, &part.inputs), names(&part, &part.outputs)), (vec!["a".into()], vec!["b".into()]));
        assert_eq!((part.nodes.len(), given), (1, vec![a]));
        let (part, _) = graph.part(&[c], &|id| id == a).unwrap();
        assert_eq!((part.nodes.len(), names(&part, &part.inputs)), (2, vec!["a".into()]));
        assert!(graph.part(&[c], &|_| false).is_none());
    }
}
