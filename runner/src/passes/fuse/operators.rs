//! Operators between dequantised operands and a quantiser become onnxruntime's operators on integers.
//!
//! They compute by formulas of their own, which round after adding the zero point: not what the text of ONNX says, so the
//! literal definition leaves these operators where they are. Joining tensors is the same by both.

use super::pair::Quantized;
use super::uses::{Uses, rewrite};
use crate::graph::function::{Binary, Unary};
use crate::graph::{Graph, Node, Op, TensorId};
use crate::passes::{Options, Semantics};

/// Fires where each operand is dequantised from 8 bits by one scale, all of one type, and the only reader is a quantiser
/// to 8 bits by one scale.
pub(super) fn operators(graph: &mut Graph, options: &Options) -> Vec<String> {
    let literal = options.semantics == Semantics::Literal;
    rewrite(graph, |graph, uses, at, edits| {
        let Some((op, before)) = integer_form(graph, at, literal) else { return };
        let Some((parts, to)) = surrounded(graph, uses, at, before) else { return };
        if !edits.are_free(&[to.node]) {
            return;
        }
        let node = graph.nodes[at].clone();
        let mut inputs: Vec<Option<TensorId>> = node.inputs[..before].to_vec();
        let of = to.operands(graph);
        let leading = matches!(op, Op::QLinearConcat { .. });
        if leading {
            inputs.extend(of);
        }
        for part in &parts {
            let operands = part.operands(graph);
            inputs.push(Some(part.integers));
            inputs.extend(operands);
        }
        if !leading {
            inputs.extend(of);
        }
        let what = graph.label(&node);
        let fused = Node { name: node.name, clamp: to.bounds(), ..Node::new(op, inputs, to.integers) };
        edits.replace(to.node, &[at], vec![fused], what);
        edits.remove(at);
    })
}

/// Why an operator is one of floats, if it is one that could be of integers.
pub(super) fn why_float(graph: &Graph, uses: &Uses, at: usize, options: &Options) -> Option<&'static str> {
    let fused = integer_form(graph, at, false)?;
    if integer_form(graph, at, options.semantics == Semantics::Literal).is_none() {
        return Some("by the literal definition it is computed in floats");
    }
    match surrounded(graph, uses, at, fused.1) {
        Some(_) => None,
        None => {
            Some("not all of its operands are dequantised from 8 bits by one scale, and its result quantised alike")
        }
    }
}

/// The operator on integers that a node becomes, and how many operands stand before those that are dequantised.
fn integer_form(graph: &Graph, at: usize, literal: bool) -> Option<(Op, usize)> {
    let node = &graph.nodes[at];
    let images = || {
        let shape = graph.tensor(node.inputs.first().copied().flatten()?).shape.as_ref()?;
        (3..=5).contains(&shape.len()).then_some(())
    };
    let op = match &node.op {
        Op::Concat { axis } => return Some((Op::QLinearConcat { axis: *axis }, 0)),
        _ if literal => return None,
        Op::Where => return Some((Op::QLinearWhere, 1)),
        Op::Binary(Binary::Add) => Op::QLinearAdd,
        Op::Binary(Binary::Mul) => Op::QLinearMul,
        Op::AveragePool { pool, count_include_pad } => {
            images()?;
            Op::QLinearAveragePool { pool: pool.clone(), count_include_pad: *count_include_pad }
        }
        Op::GlobalAveragePool => Op::QLinearGlobalAveragePool { channels_last: false },
        Op::Unary(Unary::LeakyRelu { alpha }) => Op::QLinearLeakyRelu { alpha: *alpha },
        Op::Unary(Unary::Sigmoid) => Op::QLinearSigmoid,
        Op::Softmax { axis, flattened } => Op::QLinearSoftmax { axis: *axis, flattened: *flattened },
        _ => return None,
    };
    Some((op, 0))
}

/// What the operands from one on are dequantised by, and what the result is quantised by.
fn surrounded(graph: &Graph, uses: &Uses, at: usize, before: usize) -> Option<(Vec<Quantized>, Quantized)> {
    let node = &graph.nodes[at];
    let &[made] = node.outputs.as_slice() else { return None };
    let to = Quantized::before(graph, uses, made).filter(Quantized::is_plain)?;
    let parts = node.inputs.get(before..)?.iter();
    let parts = parts
        .map(|&input| Quantized::behind(graph, uses, input?).filter(|part| part.is_plain() && part.type_ == to.type_))
        .collect::<Option<Vec<_>>>()?;
    // What multiplies has to be a float.
    let scale = to.scales[0];
    let product: f32 = parts.iter().map(|part| part.scales[0]).product();
    let multiplies = matches!(node.op, Op::Binary(Binary::Mul));
    let finite = parts.iter().all(|part| (part.scales[0] / scale).is_finite());
    let finite = if multiplies { (product / scale).is_finite() } else { finite };
    (finite && !parts.is_empty()).then_some((parts, to))
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, u8s};
    use super::*;
    use crate::graph::Type;

    fn sum(op: Op, options: &Options) -> Vec<String> {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[2, 2]);
        let z = build.input("z", Type::U8, &[2, 2]);
        let a = build.dequantize("a", x, u8s(0.5, 3));
        let b = build.dequantize("b", z, u8s(0.25, 3));
        let y = build.node("y", op, &[a, b], Type::F32, &[2, 2]);
        let q = build.quantize("q", y, u8s(0.75, 7));
        build.graph.outputs = vec![q];
        build.after(("", operators), options)
    }

    #[test]
    fn a_sum_is_of_integers_by_the_fused_definition_alone() {
        let literal = Options::default().semantics(Semantics::Literal);
        let float = ["DequantizeLinear", "DequantizeLinear", "Add", "QuantizeLinear"];
        assert_eq!(sum(Op::Binary(Binary::Add), &Options::default()), ["QLinearAdd"]);
        assert_eq!(sum(Op::Binary(Binary::Add), &literal), float);
        assert_eq!(sum(Op::Concat { axis: 0 }, &literal), ["QLinearConcat"]);
    }

    #[test]
    fn a_difference_has_no_form_on_integers() {
        let ops = sum(Op::Binary(Binary::Sub), &Options::default());
        assert_eq!(ops, ["DequantizeLinear", "DequantizeLinear", "Sub", "QuantizeLinear"]);
    }

    #[test]
    fn operands_stand_where_the_operator_wants_them() {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[1, 2]);
        let a = build.dequantize("a", x, u8s(0.5, 3));
        let y = build.node("y", Op::Concat { axis: 0 }, &[a, a], Type::F32, &[2, 2]);
        let q = build.quantize("q", y, u8s(0.75, 7));
        build.graph.outputs = vec![q];
        assert_eq!(build.after(("", operators), &Options::default()), ["QLinearConcat"]);
        let node = &build.graph.nodes[0];
        assert_eq!(node.inputs.len(), 8);
        assert_eq!([node.inputs[2], node.inputs[5]], [Some(x), Some(x)]);
        assert_eq!(build.graph.tensor(node.inputs[1].unwrap()).type_, Some(Type::U8));
    }
}
