//! What is computed element by element from one quantised tensor of 8 bits, and quantised to 8 bits again, has 256
//! values: a table.
//!
//! The table is what the operators themselves make of all 256 integers, by either definition: a plan computes what has
//! only constants for operands once. A dequantiser with a quantiser behind it is the shortest such chain.

use std::collections::HashMap;

use super::pair::{Quantized, constant};
use super::uses::{Uses, rewrite};
use crate::graph::{Data, Graph, Node, Op, Tensor, TensorId, Type};
use crate::passes::Options;

/// The most nodes of a chain.
const MOST: usize = 64;

/// Fires at quantisers of one scale to 8 bits whose floats come from one tensor of 8 bits, dequantised by one scale, by
/// functions of an element whose other operands are constants of one element.
pub(super) fn tables(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Some(to) = Quantized::at(graph, at).filter(Quantized::is_plain) else { return };
        let Some(chain) = Chain::before(graph, uses, to.floats) else { return };
        let same = graph.tensor(chain.from.integers).shape == graph.tensor(to.integers).shape;
        if !same || uses.is_fixed(chain.from.integers) {
            return;
        }
        let what = format!("{} nodes before {}", chain.nodes.len(), graph.label(&graph.nodes[at]));
        let integers = chain.from.integers;
        let mut nodes = chain.of_all_integers(graph);
        let mut quantize = graph.nodes[at].clone();
        quantize.inputs[0] = nodes.last().and_then(|node| node.outputs.first()).copied();
        let table = tensor(graph, to.integers, to.type_);
        quantize.outputs = vec![table];
        let name = quantize.name.clone();
        nodes.push(quantize);
        nodes.push(Node { name, ..Node::new(Op::Lookup, vec![Some(integers), Some(table)], to.integers) });
        edits.replace(at, &[], nodes, what);
    })
}

/// Nodes in their order, from a dequantiser to what a tensor is made of.
struct Chain {
    from: Quantized,
    nodes: Vec<usize>,
}

impl Chain {
    fn before(graph: &Graph, uses: &Uses, floats: TensorId) -> Option<Self> {
        let mut found: Option<Quantized> = None;
        let mut nodes = Vec::new();
        let mut open = vec![floats];
        while let Some(id) = open.pop() {
            if graph.tensor(id).constant.is_some() {
                let single = graph.tensor(id).shape.as_ref()?.iter().all(|&size| size == 1);
                if !single {
                    return None;
                }
                continue;
            }
            let at = uses.maker(id)?;
            if nodes.contains(&at) {
                continue;
            }
            if nodes.len() == MOST {
                return None;
            }
            nodes.push(at);
            if let Some(from) = Quantized::behind(graph, uses, id) {
                let from = from.is_plain().then_some(from)?;
                if found.get_or_insert_with(|| from.clone()).node != from.node {
                    return None;
                }
                continue;
            }
            if !matches!(graph.nodes[at].op, Op::Unary(_) | Op::Binary(_) | Op::Clip) {
                return None;
            }
            if graph.tensor(id).type_ != Some(Type::F32) {
                return None;
            }
            open.extend(graph.nodes[at].inputs.iter().flatten());
        }
        nodes.sort_unstable();
        Some(Self { from: found?, nodes })
    }

    /// The same nodes, of all 256 integers instead.
    fn of_all_integers(self, graph: &mut Graph) -> Vec<Node> {
        let all: Vec<u8> = (0..=255).collect();
        let all = match self.from.type_ {
            Type::I8 => Data::I8(bytemuck::cast_vec(all)),
            _ => Data::U8(all),
        };
        let all = constant(graph, "all", vec![256], all);
        let mut renamed: HashMap<TensorId, TensorId> = HashMap::from([(self.from.integers, all)]);
        self.nodes
            .into_iter()
            .map(|at| {
                let mut node = graph.nodes[at].clone();
                for input in node.inputs.iter_mut().flatten() {
                    *input = match renamed.get(input) {
                        Some(&id) => id,
                        None => scalar(graph, *input),
                    };
                }
                for output in &mut node.outputs {
                    let type_ = graph.tensor(*output).type_.unwrap_or(Type::F32);
                    let own = tensor(graph, *output, type_);
                    renamed.insert(*output, own);
                    *output = own;
                }
                node
            })
            .collect()
    }
}

/// A tensor of 256 elements.
fn tensor(graph: &mut Graph, id: TensorId, type_: Type) -> TensorId {
    let name = graph.tensor(id).name.clone();
    graph.add(Tensor { type_: Some(type_), shape: Some(vec![256]), internal: true, ..Tensor::named(name) })
}

/// A constant of one element, without axes.
fn scalar(graph: &mut Graph, id: TensorId) -> TensorId {
    let Some(known) = graph.tensor(id).constant.clone() else { return id };
    let name = graph.tensor(id).name.clone();
    constant(graph, &name, vec![], known.data().clone())
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::function::{Binary, Unary};

    #[test]
    fn a_function_of_one_tensor_is_a_table() {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[3]);
        let a = build.dequantize("a", x, u8s(0.5, 3));
        let half = build.constant(&[1], Data::F32(vec![0.5]));
        let b = build.node("b", Op::Binary(Binary::Mul), &[a, half], Type::F32, &[3]);
        let c = build.node("c", Op::Unary(Unary::Tanh), &[b], Type::F32, &[3]);
        // The tensor itself comes in twice.
        let d = build.node("d", Op::Binary(Binary::Mul), &[c, a], Type::F32, &[3]);
        let q = build.quantize("q", d, u8s(0.75, 7));
        build.graph.outputs = vec![q];
        let ops = build.after(("", tables), &Options::default());
        assert_eq!(ops, ["DequantizeLinear", "Mul", "Tanh", "Mul", "QuantizeLinear", "Lookup"]);
        let lookup = build.graph.nodes.last().unwrap();
        assert_eq!((lookup.inputs[0], lookup.outputs[0]), (Some(x), q));
        // All before it is of constants.
        let uses = Uses::of(&build.graph);
        assert!(uses.is_fixed(lookup.inputs[1].unwrap()));
    }

    #[test]
    fn functions_of_two_tensors_and_of_positions_are_none() {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[3]);
        let z = build.input("z", Type::U8, &[3]);
        let a = build.dequantize("a", x, u8s(0.5, 3));
        let b = build.dequantize("b", z, u8s(0.5, 3));
        let weights = build.constant(&[3], Data::F32(vec![1.0, 2.0, 3.0]));
        let sum = build.node("sum", Op::Binary(Binary::Sub), &[a, b], Type::F32, &[3]);
        let weighted = build.node("weighted", Op::Binary(Binary::Mul), &[a, weights], Type::F32, &[3]);
        let q = build.quantize("q", sum, u8s(0.75, 7));
        let r = build.quantize("r", weighted, u8s(0.75, 7));
        build.graph.outputs = vec![q, r];
        let ops = build.after(("", tables), &Options::default());
        assert!(!ops.iter().any(|op| op == "Lookup"), "{ops:?}");
    }
}
