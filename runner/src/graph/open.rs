//! Float operators whose definition leaves the last bits open: two implementations may both be right and differ.

use std::collections::HashSet;

use super::function::{Binary, Reduction, Unary};
use super::op::Interpolation;
use super::{Graph, Op, TensorId};

impl Op {
    /// Whether ONNX leaves open how the result is rounded: a function that no single rounding gives, or a sum without an
    /// order. Here it is computed in one stated order.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Unary(function) => match function {
                Unary::Abs
                | Unary::Ceil
                | Unary::Floor
                | Unary::LeakyRelu { .. }
                | Unary::Neg
                | Unary::Not
                | Unary::Reciprocal
                | Unary::Relu
                | Unary::Round
                | Unary::Sign
                | Unary::ThresholdedRelu { .. }
                | Unary::Sqrt => false,
                Unary::Celu { .. }
                | Unary::Cos
                | Unary::Elu { .. }
                | Unary::Erf
                | Unary::Exp
                | Unary::Gelu { .. }
                | Unary::HardSigmoid { .. }
                | Unary::HardSwish
                | Unary::Log
                | Unary::Mish
                | Unary::Selu { .. }
                | Unary::Sigmoid
                | Unary::Sin
                | Unary::Softplus
                | Unary::Softsign
                | Unary::Swish { .. }
                | Unary::Tanh => true,
            },
            Self::Binary(function) => matches!(function, Binary::Pow),
            Self::Reduce { reduction, .. } => !matches!(reduction, Reduction::Max | Reduction::Min),
            Self::Resize(resize) => !matches!(resize.interpolation, Interpolation::Nearest(_)),
            Self::Softmax { .. }
            | Self::LogSoftmax { .. }
            | Self::GroupNormalization { .. }
            | Self::CumSum { .. }
            | Self::LayerNormalization { .. }
            | Self::BatchNormalization { .. }
            | Self::InstanceNormalization { .. }
            | Self::Conv(_)
            | Self::ConvTranspose(_)
            | Self::Einsum { .. }
            | Self::MatMul
            | Self::Gemm(_)
            | Self::AveragePool { .. }
            | Self::GlobalAveragePool => true,
            _ => false,
        }
    }
}

impl Graph {
    /// The names of those of the file's tensors that [`Graph::below_open`] gives.
    pub fn names_below_open(&self) -> impl Iterator<Item = &str> {
        let below = self.below_open().into_iter();
        below.map(|id| self.tensor(id)).filter(|tensor| !tensor.internal).map(|tensor| tensor.name.as_str())
    }

    /// The tensors that an operator with an open result makes, and all that are made of them.
    pub fn below_open(&self) -> HashSet<TensorId> {
        let mut below = HashSet::new();
        for node in &self.nodes {
            if node.op.is_open() || node.inputs.iter().flatten().any(|id| below.contains(id)) {
                below.extend(&node.outputs);
            }
        }
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Tensor};

    #[test]
    fn what_is_made_of_something_open_is_open() {
        let mut graph = Graph::default();
        let [x, a, b, c] = ["x", "a", "b", "c"].map(|name| graph.add(Tensor::named(name)));
        let ops = [(Op::Identity, x, a), (Op::Unary(Unary::Exp), a, b), (Op::Unary(Unary::Relu), b, c)];
        for (op, from, to) in ops {
            graph.nodes.push(Node::new(op, vec![Some(from)], to));
        }
        assert_eq!(graph.below_open(), HashSet::from([b, c]));
    }
}
