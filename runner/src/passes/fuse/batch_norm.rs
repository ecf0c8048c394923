//! A batch normalisation behind a quantised convolution goes into its weights' scales and its bias.
//!
//! With `g = gamma / sqrt(variance + epsilon)` the scale of an output channel becomes `f32(s |g|)`, its weights are
//! negated where `g` is below 0, and its bias is `beta - mean g + bias g`: all in binary64, rounded once. The integers of
//! the weights stay as they are.

use super::bias::channel_values;
use super::pair::{Quantized, constant};
use super::uses::{Uses, rewrite};
use crate::graph::{Constant, Data, Graph, Node, Op, Tensor};
use crate::passes::Options;

/// Fires where the convolution has constant weights of signed values around 0, quantised per tensor or per output
/// channel, and a constant bias or none, and only the normalisation reads it.
pub(super) fn batch_norm(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Some(folded) = fold(graph, uses, at) else { return };
        if !edits.are_free(&[folded.product]) {
            return;
        }
        let what = graph.label(&graph.nodes[at]);
        let product = folded.product;
        let nodes = folded.nodes(graph, at);
        edits.replace(at, &[product], nodes, what);
    })
}

/// What a normalisation makes of the convolution before it.
struct Folded {
    product: usize,
    weights: Quantized,
    /// The weights, where some are negated.
    negated: Option<Constant>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

fn fold(graph: &Graph, uses: &Uses, at: usize) -> Option<Folded> {
    let node = &graph.nodes[at];
    let Op::BatchNormalization { epsilon } = node.op else { return None };
    let x = node.inputs[0]?;
    uses.only_reader(x)?;
    let product = uses.maker(x)?;
    let conv = &graph.nodes[product];
    let axis = match &conv.op {
        Op::Conv(_) => 0,
        Op::ConvTranspose(attributes) if attributes.window.groups == 1 => 1,
        _ => return None,
    };
    let shape = graph.tensor(x).shape.as_ref()?;
    let channels = *shape.get(1)?;
    let weights = Quantized::behind(graph, uses, conv.inputs[1]?)?;
    if !(weights.is_per_tensor() || weights.axis == Some(axis)) || weights.zero_points.iter().any(|&zero| zero != 0) {
        return None;
    }
    let values = graph.tensor(weights.integers).constant.as_deref()?;
    let Data::I8(integers) = values.data() else { return None };
    let each = |operand: usize| {
        let constant = graph.tensor(node.inputs.get(operand).copied().flatten()?).constant.as_deref()?;
        let Data::F32(values) = constant.data() else { return None };
        (values.len() == channels).then_some(values.as_slice())
    };
    let (gamma, beta, mean, variance) = (each(1)?, each(2)?, each(3)?, each(4)?);
    let own = match conv.inputs.get(2).copied().flatten() {
        Some(id) => channel_values(graph.tensor(id).constant.as_deref()?, 2, channels)?,
        None => vec![0.0; channels],
    };
    let factors: Vec<f64> = gamma
        .iter()
        .zip(variance)
        .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + f64::from(epsilon)).sqrt())
        .collect();
    let scales: Vec<f32> = factors
        .iter()
        .zip(weights.scales.iter().cycle())
        .map(|(factor, &scale)| (f64::from(scale) * factor.abs()) as f32)
        .collect();
    if !scales.iter().all(|&scale| scale > 0.0 && scale.is_finite()) {
        return None;
    }
    let bias = (0..channels)
        .map(|n| {
            let (beta, mean, own) = (f64::from(beta[n]), f64::from(mean[n]), f64::from(own[n]));
            ((beta - mean * factors[n]) + own * factors[n]) as f32
        })
        .collect();
    let negated = if factors.iter().any(|&factor| factor < 0.0) {
        Some(negate(values.shape(), integers, axis, &factors)?)
    } else {
        None
    };
    Some(Folded { product, weights, negated, scales, bias })
}

/// The weights, negated where the factor of their output channel is. Nothing if that takes one out of its type.
fn negate(shape: &[usize], values: &[i8], axis: usize, factors: &[f64]) -> Option<Constant> {
    let inner: usize = shape[axis + 1..].iter().product();
    let values = values.iter().enumerate().map(|(at, &value)| {
        let channel = at / inner.max(1) % shape[axis];
        if factors[channel] < 0.0 { value.checked_neg() } else { Some(value) }
    });
    Constant::new(shape.to_vec(), Data::I8(values.collect::<Option<_>>()?)).ok()
}

impl Folded {
    fn nodes(self, graph: &mut Graph, at: usize) -> Vec<Node> {
        let channels = self.scales.len();
        let axis = if matches!(graph.nodes[self.product].op, Op::Conv(_)) { 0 } else { 1 };
        let integers = match self.negated {
            Some(negated) => {
                let name = graph.tensor(self.weights.integers).name.clone();
                graph.add(Tensor { internal: true, ..Tensor::constant(name, negated) })
            }
            None => self.weights.integers,
        };
        let floats = super::pair::like(graph, self.weights.floats, crate::graph::Type::F32);
        let scale = constant(graph, "scale", vec![channels], Data::F32(self.scales));
        let zero = constant(graph, "zero", vec![channels], Data::I8(vec![0; channels]));
        let mut weights = self.weights.dequantizer(graph, integers, floats, Some(axis));
        weights.inputs = vec![Some(integers), Some(scale), Some(zero)];
        let bias = constant(graph, "bias", vec![channels], Data::F32(self.bias));
        let mut product = graph.nodes[self.product].clone();
        product.inputs = vec![product.inputs[0], Some(floats), Some(bias)];
        product.outputs = graph.nodes[at].outputs.clone();
        vec![weights, product]
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, By, s8s};
    use super::*;
    use crate::graph::Type;
    use crate::graph::op::Convolution;

    fn normalized(weights: Vec<i8>, by: By, gamma: &[f32]) -> Build {
        let mut build = Build::new();
        let x = build.input("x", Type::F32, &[1, 1, 2, 2]);
        let w = build.constant(&[2, 1, 1, 1], Data::I8(weights));
        let w = build.dequantize("w", w, by);
        let y = build.node("y", Op::Conv(Convolution::default()), &[x, w], Type::F32, &[1, 2, 2, 2]);
        let values: [&[f32]; 4] = [gamma, &[1.0, 2.0], &[10.0, 20.0], &[3.0, 15.0]];
        let [gamma, beta, mean, variance] = values.map(|values| build.constant(&[2], Data::F32(values.to_vec())));
        let op = Op::BatchNormalization { epsilon: 1.0 };
        let z = build.node("z", op, &[y, gamma, beta, mean, variance], Type::F32, &[1, 2, 2, 2]);
        build.graph.outputs = vec![z];
        build
    }

    fn data(build: &Build, id: Option<crate::graph::TensorId>) -> Data {
        build.graph.tensor(id.unwrap()).constant.as_ref().unwrap().data().clone()
    }

    #[test]
    fn scales_bias_and_signs() {
        let mut build = normalized(vec![5, 6], s8s(&[0.5, 0.25], 0), &[4.0, -8.0]);
        assert_eq!(build.after(("", batch_norm), &Options::default()), ["DequantizeLinear", "Conv"]);
        // The factors are 4 / 2 and -8 / 4.
        let [weights, conv] = build.graph.nodes.as_slice() else { panic!() };
        assert_eq!(data(&build, weights.inputs[0]), Data::I8(vec![5, -6]));
        assert_eq!(data(&build, weights.inputs[1]), Data::F32(vec![1.0, 0.5]));
        assert_eq!(data(&build, conv.inputs[2]), Data::F32(vec![1.0 - 20.0, 2.0 + 40.0]));
        assert_eq!(conv.outputs, build.graph.outputs);
    }

    #[test]
    fn a_weight_without_an_opposite_keeps_the_node() {
        let mut build = normalized(vec![5, -128], s8s(&[0.5, 0.25], 0), &[4.0, -8.0]);
        let ops = build.after(("", batch_norm), &Options::default());
        assert_eq!(ops, ["DequantizeLinear", "Conv", "BatchNormalization"]);
    }

    #[test]
    fn a_factor_of_0_has_no_scale() {
        let mut build = normalized(vec![5, 6], s8s(&[0.5], 0), &[4.0, 0.0]);
        let ops = build.after(("", batch_norm), &Options::default());
        assert_eq!(ops, ["DequantizeLinear", "Conv", "BatchNormalization"]);
    }
}
