//! Convolutions and matrix products between dequantised operands become products of integers.
//!
//! The results are quantised in the store where a quantiser is their only reader, and floats else. Both need one scale for
//! all of the activations, and weights of 8 bits with one scale, or one for each output channel: along the axis that the
//! file names, never along one that a count would fit.

use super::bias::channel_values;
use super::pair::{Quantized, constant};
use super::uses::{Uses, rewrite};
use crate::graph::constant::map_type;
use crate::graph::function::Binary;
use crate::graph::op::Gemm;
use crate::graph::{Constant, Data, Graph, Node, Op, TensorId, Type};
use crate::passes::{Options, Semantics};

/// See the file's head. A bias of integers is one of the sums only if its scale has the bits of `f32(sx sw)` and its zero
/// point is 0, or if it is 0 throughout; a product with another one stays. A constant bias of floats becomes one of the
/// sums, in their unit and rounded, as onnxruntime has it; or it is added to the scaled sums, which then leave as floats.
pub(super) fn products(graph: &mut Graph, options: &Options) -> Vec<String> {
    let real = has_real_bias(graph, options);
    rewrite(graph, |graph, uses, at, edits| {
        let Some(Ok(product)) = is_product(&graph.nodes[at].op).then(|| Product::at(graph, uses, at, real)) else {
            return;
        };
        let quantizer = product.quantizer.as_ref().map(|quantizer| quantizer.node);
        if quantizer.is_some_and(|node| !edits.are_free(&[node])) {
            return;
        }
        let what = graph.label(&graph.nodes[at]);
        let nodes = product.nodes(graph, at);
        match quantizer {
            // What it reads is made before the quantiser, which stands last.
            Some(quantizer) => {
                edits.replace(quantizer, &[at], nodes, what);
                edits.remove(at);
            }
            None => edits.replace(at, &[], nodes, format!("{what}, to floats")),
        }
    })
}

/// Why a product is one of floats, if it is.
pub(super) fn why_float(graph: &Graph, uses: &Uses, at: usize, options: &Options) -> Option<&'static str> {
    is_product(&graph.nodes[at].op).then(|| Product::at(graph, uses, at, has_real_bias(graph, options)).err())?
}

fn has_real_bias(graph: &Graph, options: &Options) -> bool {
    options.semantics == Semantics::Literal || graph.real_bias
}

fn is_product(op: &Op) -> bool {
    matches!(op, Op::Conv(_) | Op::ConvTranspose(_) | Op::MatMul | Op::Gemm(_))
}

/// What is added to the sums or to the results.
enum Bias {
    None,
    /// To the sums: a tensor of the file.
    Sums(TensorId),
    /// To the sums.
    Rounded(Vec<i32>),
    /// To the results.
    Real(Vec<f32>),
}

struct Product {
    x: Quantized,
    w: Quantized,
    bias: Bias,
    quantizer: Option<Quantized>,
    /// Output channels or columns.
    outputs: usize,
    /// How often the scales of weights are there one after the other.
    repeats: usize,
}

impl Product {
    /// The product that a node becomes, or why it stays one of floats.
    fn at(graph: &Graph, uses: &Uses, at: usize, real: bool) -> Result<Self, &'static str> {
        let node = &graph.nodes[at];
        let operand = |index: usize| node.inputs.get(index).copied().flatten().ok_or("it lacks an operand");
        let x = Quantized::behind(graph, uses, operand(0)?).ok_or("its first operand is not dequantised")?;
        let w = Quantized::behind(graph, uses, operand(1)?).ok_or("its second operand is not dequantised")?;
        if !x.is_per_tensor() {
            return Err("its first operand has several scales");
        }
        if !x.type_.is_quantized() || !matches!(w.type_, Type::U8 | Type::I8 | Type::U4 | Type::I4) {
            return Err("its operands are not of 8 bits");
        }
        let shape = graph.tensor(w.floats).shape.as_deref().ok_or("its second operand has no known shape")?;
        let fixed = uses.is_fixed(w.integers);
        let size = |axis: usize| shape.get(axis).copied().ok_or("its second operand has too few axes");
        let (axis, outputs, repeats) = match &node.op {
            Op::Conv(_) => (0, size(0)?, 1),
            Op::ConvTranspose(attributes) => {
                let groups = attributes.window.groups;
                (1, size(1)?.checked_mul(groups).ok_or("its groups are too many")?, groups)
            }
            Op::Gemm(Gemm { transpose_b: true, .. }) => (0, size(0)?, 1),
            _ => (shape.len().saturating_sub(1), size(shape.len().saturating_sub(1))?, 1),
        };
        if w.axis.is_some_and(|found| found != axis) {
            return Err("the scales of its weights are not those of its outputs: they lie along another axis");
        }
        let is_matmul = matches!(node.op, Op::MatMul);
        if !(fixed || (is_matmul && w.is_plain())) {
            return Err("its weights are only known at run time");
        }
        if is_matmul && (shape.len() < 2 || (shape.len() > 2 && w.axis.is_some())) {
            return Err("its second operand is no matrix, or one of several with scales of columns");
        }
        if let Op::Gemm(Gemm { alpha, beta, .. }) = node.op
            && (alpha != 1.0 || (beta != 1.0 && operand(2).is_ok()))
        {
            return Err("its alpha or its beta is not 1");
        }
        let mut product = Self { x, w, bias: Bias::None, quantizer: None, outputs, repeats };
        let &[made] = node.outputs.as_slice() else { return Err("it makes several tensors") };
        if let Ok(bias) = operand(2) {
            product.bias = product.bias(graph, uses, bias, real)?;
        }
        let to = Quantized::before(graph, uses, made);
        product.quantizer = to.filter(|to| to.is_plain() && !matches!(product.bias, Bias::Real(_)));
        let floats = match node.op {
            Op::Conv(_) | Op::Gemm(_) => true,
            // The right operand is packed once.
            Op::MatMul => shape.len() == 2 && fixed,
            // The library has no store of floats for it.
            _ => false,
        };
        let to = product.quantizer.as_ref().map_or(1.0, |to| to.scales[0]);
        if !product.units().iter().all(|unit| unit.is_finite() && (unit / to).is_finite()) {
            return Err("the scale of its sums is none that floats have");
        }
        if product.quantizer.is_none() && !floats {
            return Err("it is not quantised by one scale to 8 bits, and this product has no store of floats");
        }
        Ok(product)
    }

    /// The scale of the sums of each output.
    fn units(&self) -> Vec<f32> {
        let scales = self.w.scales.iter().cycle().take(self.outputs);
        scales.map(|scale| self.x.scales[0] * scale).collect()
    }

    fn bias(&self, graph: &Graph, uses: &Uses, id: TensorId, real: bool) -> Result<Bias, &'static str> {
        if let Some(bias) = Quantized::behind(graph, uses, id) {
            let integers = graph.tensor(bias.integers);
            let of_outputs = matches!(bias.axis, None | Some(0)) && integers.shape.as_deref() == Some(&[self.outputs]);
            let known = integers.constant.as_deref().and_then(Constant::integers).filter(|_| of_outputs);
            let known = known.ok_or("its bias is not one value for each output")?;
            let zeros = || bias.zero_points.iter().cycle().take(self.outputs);
            // 0 is the same in every unit: a quantiser gives all such biases one scale, and even bytes.
            if known.iter().zip(zeros()).all(|(&value, &zero)| value == i64::from(zero)) {
                return Ok(Bias::None);
            }
            let scales = bias.scales.iter().cycle().take(self.outputs);
            let equal = scales.zip(self.units()).all(|(&scale, unit)| scale.to_bits() == unit.to_bits());
            return match bias.type_ == Type::I32 && equal && zeros().all(|&zero| zero == 0) {
                true => Ok(Bias::Sums(bias.integers)),
                false => Err("its bias has another scale than its sums, or a zero point"),
            };
        }
        let constant = graph.tensor(id).constant.as_deref().ok_or("its bias is only known at run time")?;
        // All axes before that of the outputs are 1.
        let values = channel_values(constant, 2, self.outputs).ok_or("its bias is not one value for each output")?;
        if real {
            return Ok(Bias::Real(values));
        }
        let rounded = values.iter().zip(self.units()).map(|(value, unit)| (value / unit).round_ties_even() as i32);
        Ok(Bias::Rounded(rounded.collect()))
    }

    /// The nodes in the place of one.
    fn nodes(self, graph: &mut Graph, at: usize) -> Vec<Node> {
        let node = graph.nodes[at].clone();
        let made = node.outputs.first().copied();
        let mut nodes = Vec::new();
        let [x_scale, x_zero] = self.x.operands(graph);
        let [w, w_scale, w_zero] = self.weights(graph, &mut nodes);
        let x = Some(self.x.integers);
        let (sums, real) = match self.bias {
            Bias::None => (None, None),
            Bias::Sums(id) => (Some(id), None),
            Bias::Rounded(values) => (Some(constant(graph, "bias", vec![values.len()], Data::I32(values))), None),
            Bias::Real(values) => (None, Some(constant(graph, "bias", vec![values.len()], Data::F32(values)))),
        };
        let to = self.quantizer.as_ref().map(|to| (to.operands(graph), to.integers, to.bounds()));
        let ([y_scale, y_zero], output, clamp) = match to {
            Some((operands, integers, clamp)) => (operands, integers, clamp),
            None => ([None, None], made.unwrap_or(self.x.integers), None),
        };
        let quantized = y_scale.is_some();
        let mut added = None;
        let (op, mut inputs) = match node.op {
            Op::Conv(attributes) if quantized => {
                (Op::QLinearConv(attributes), vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, sums])
            }
            Op::Conv(attributes) => {
                (Op::ConvIntegerToFloat(attributes), vec![x, x_scale, x_zero, w, w_scale, w_zero, sums.or(real)])
            }
            Op::ConvTranspose(attributes) => (
                Op::QLinearConvTranspose(attributes),
                vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, sums],
            ),
            Op::Gemm(attributes) => {
                added = real;
                let attributes = Gemm { beta: 1.0, ..attributes };
                (Op::QGemm(attributes), vec![x, x_scale, x_zero, w, w_scale, w_zero, sums, y_scale, y_zero])
            }
            _ if quantized => (Op::QLinearMatMul, vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero]),
            _ => (Op::MatMulIntegerToFloat, vec![x, w, x_scale, w_scale, x_zero, w_zero]),
        };
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        let fused = Node { name: node.name.clone(), op, inputs, outputs: vec![output], clamp };
        match added {
            None => nodes.push(fused),
            Some(bias) => {
                let scaled = super::pair::like(graph, output, Type::F32);
                nodes.push(Node { outputs: vec![scaled], ..fused });
                nodes.push(Node {
                    name: node.name,
                    ..Node::new(Op::Binary(Binary::Add), vec![Some(scaled), Some(bias)], output)
                });
            }
        }
        nodes
    }

    /// Weights, scales and zero points as operands of 8 bits.
    fn weights(&self, graph: &mut Graph, nodes: &mut Vec<Node>) -> [Option<TensorId>; 3] {
        let [scale, zero_point] = self.w.operands(graph);
        let (mut scale, mut zero_point) = (scale, zero_point);
        if self.repeats > 1 && self.w.axis.is_some() {
            let scales: Vec<f32> = self.w.scales.iter().copied().cycle().take(self.outputs).collect();
            scale = Some(constant(graph, "scale", vec![self.outputs], Data::F32(scales)));
            zero_point = zero_point.map(|id| repeated(graph, id, self.repeats));
        }
        let wide = match self.w.type_ {
            Type::U4 => Type::U8,
            Type::I4 => Type::I8,
            _ => return [Some(self.w.integers), scale, zero_point],
        };
        let mut widen = |graph: &mut Graph, id: TensorId| {
            let to = super::pair::like(graph, id, wide);
            nodes.push(Node::new(Op::Cast { to: wide }, vec![Some(id)], to));
            to
        };
        let integers = widen(graph, self.w.integers);
        let zero_point = zero_point.map(|id| widen(graph, id));
        [Some(integers), scale, zero_point]
    }
}

/// A constant several times, along one axis.
fn repeated(graph: &mut Graph, id: TensorId, times: usize) -> TensorId {
    let Some(known) = graph.tensor(id).constant.clone() else { return id };
    let data = map_type!(known.data(), values => values.repeat(times));
    let name = graph.tensor(id).name.clone();
    constant(graph, &name, vec![data.len()], data)
}

#[cfg(test)]
mod tests {
    use super::super::build::{Build, By, s8s, u8s};
    use super::*;
    use crate::graph::op::Convolution;

    /// `x → DQ → Conv ← DQ ← w [2, 2, 1, 1]`, with the results quantised or not, and a bias that `bias` makes.
    fn convolution(weights: By, quantized: bool, bias: impl FnOnce(&mut Build) -> Option<TensorId>) -> Build {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[1, 2, 1, 1]);
        let x = build.dequantize("x floats", x, u8s(0.5, 3));
        let w = build.constant(&[2, 2, 1, 1], Data::I8(vec![1, 2, 3, 4]));
        let w = build.dequantize("w floats", w, weights);
        let mut inputs = vec![x, w];
        inputs.extend(bias(&mut build));
        let mut y = build.node("y", Op::Conv(Convolution::default()), &inputs, Type::F32, &[1, 2, 1, 1]);
        if quantized {
            y = build.quantize("q", y, u8s(0.25, 7));
        }
        build.graph.outputs = vec![y];
        build
    }

    fn dequantized_bias(build: &mut Build, scales: &[f32], zero_points: &[i32]) -> Option<TensorId> {
        some_dequantized_bias(build, [10, 20], scales, zero_points)
    }

    fn some_dequantized_bias(
        build: &mut Build,
        values: [i32; 2],
        scales: &[f32],
        zero_points: &[i32],
    ) -> Option<TensorId> {
        let bias = build.constant(&[2], Data::I32(values.to_vec()));
        let by = By { scales: scales.to_vec(), zero_points: Data::I32(zero_points.to_vec()), axis: 0 };
        Some(build.dequantize("bias", bias, by))
    }

    const LITERAL: Options = Options { fuse: true, semantics: Semantics::Literal, keep: false };

    fn after(mut build: Build, options: &Options) -> Vec<String> {
        build.after(("", products), options)
    }

    #[test]
    fn scales_of_output_channels_are_taken_and_those_of_inputs_are_not() {
        for (axis, expected) in [
            (0, vec!["QLinearConv"]),
            (-4, vec!["QLinearConv"]),
            (1, vec!["DequantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear"]),
        ] {
            let build = convolution(s8s(&[1.0, 2.0], axis), true, |_| None);
            assert_eq!(after(build, &Options::default()), expected, "{axis}");
        }
    }

    #[test]
    fn without_a_quantiser_results_are_floats() {
        let build = convolution(s8s(&[1.0, 2.0], 0), false, |_| None);
        assert_eq!(after(build, &Options::default()), ["ConvIntegerToFloat"]);
    }

    #[test]
    fn a_bias_of_integers_has_the_scale_of_the_sums() {
        let right: &[f32] = &[0.5, 1.0];
        for (scales, zero_points, fused) in [
            (right, &[0, 0][..], true),
            (&[0.5, f32::from_bits(1.0f32.to_bits() + 1)], &[0, 0], false),
            (right, &[0, 1], false),
        ] {
            let build = convolution(s8s(&[1.0, 2.0], 0), true, |build| dequantized_bias(build, scales, zero_points));
            let ops = after(build, &Options::default());
            assert_eq!(ops == ["QLinearConv"], fused, "{ops:?}");
        }
        // 0 is 0 by every scale.
        for (values, zero_points, fused) in [([0, 0], [0, 0], true), ([3, 5], [3, 5], true), ([0, 0], [0, 1], false)] {
            let bias = |build: &mut Build| some_dequantized_bias(build, values, &[7.0, 7.0], &zero_points);
            let mut build = convolution(s8s(&[1.0, 2.0], 0), true, bias);
            let ops = build.after(("", products), &Options::default());
            assert_eq!(ops == ["QLinearConv"], fused, "{ops:?}");
            assert!(!fused || build.graph.nodes[0].inputs.len() == 8);
        }
    }

    #[test]
    fn a_bias_of_floats_is_rounded_to_sums_or_added_to_results() {
        let make = || {
            convolution(s8s(&[1.0, 2.0], 0), true, |build| {
                // In units of 0.5 and 1: 2.5 and 3.5, which go to even.
                Some(build.constant(&[2], Data::F32(vec![1.25, 3.5])))
            })
        };
        let mut build = make();
        assert_eq!(build.after(("", products), &Options::default()), ["QLinearConv"]);
        let bias = build.graph.nodes[0].inputs[8].unwrap();
        assert_eq!(build.graph.tensor(bias).constant.as_ref().unwrap().data(), &Data::I32(vec![2, 4]));
        assert_eq!(after(make(), &LITERAL), ["ConvIntegerToFloat", "QuantizeLinear"]);
        let mut build = make();
        build.graph.real_bias = true;
        assert_eq!(after(build, &Options::default()), ["ConvIntegerToFloat", "QuantizeLinear"]);
    }

    /// `x [2, 3] → DQ → Gemm or MatMul ← DQ ← w`.
    fn product(op: Op, weights: By, shape: [usize; 2]) -> Build {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[2, 2]);
        let x = build.dequantize("x floats", x, u8s(0.5, 3));
        let w = build.constant(&shape, Data::I8(vec![1; shape[0] * shape[1]]));
        let w = build.dequantize("w floats", w, weights);
        let y = build.node("y", op, &[x, w], Type::F32, &[2, 2]);
        let y = build.quantize("q", y, u8s(0.25, 7));
        build.graph.outputs = vec![y];
        build
    }

    #[test]
    fn the_axis_of_a_square_matrix_is_read() {
        let gemm = |transpose_b| Op::Gemm(Gemm { transpose_a: false, transpose_b, alpha: 1.0, beta: 1.0 });
        for (op, axis, fused) in [
            (Op::MatMul, 1, Some("QLinearMatMul")),
            (Op::MatMul, 0, None),
            (gemm(false), 1, Some("QGemm")),
            (gemm(false), 0, None),
            (gemm(true), 0, Some("QGemm")),
            (gemm(true), 1, None),
        ] {
            let ops = after(product(op, s8s(&[1.0, 2.0], axis), [2, 2]), &Options::default());
            match fused {
                Some(fused) => assert_eq!(ops, [fused], "{axis}"),
                None => assert!(ops.iter().all(|op| !op.starts_with('Q') || op == "QuantizeLinear"), "{ops:?}"),
            }
        }
    }

    #[test]
    fn a_factor_of_the_product_keeps_it_in_floats() {
        let op = Op::Gemm(Gemm { transpose_a: false, transpose_b: false, alpha: 0.5, beta: 1.0 });
        let ops = after(product(op, s8s(&[1.0], 1), [2, 2]), &Options::default());
        assert_eq!(ops, ["DequantizeLinear", "DequantizeLinear", "Gemm", "QuantizeLinear"]);
    }

    #[test]
    fn weights_of_four_bits_are_widened() {
        let mut build = Build::new();
        let x = build.input("x", Type::U8, &[2, 2]);
        let x = build.dequantize("x floats", x, u8s(0.5, 3));
        let w = build.constant(&[2, 2], Data::I4(vec![1, -8, 7, 0]));
        let by = By { scales: vec![1.0], zero_points: Data::I4(vec![0]), axis: 1 };
        let w = build.dequantize("w floats", w, by);
        let y = build.node("y", Op::MatMul, &[x, w], Type::F32, &[2, 2]);
        let y = build.quantize("q", y, u8s(0.25, 7));
        build.graph.outputs = vec![y];
        assert_eq!(after(build, &Options::default()), ["Cast", "Cast", "QLinearMatMul"]);
    }
}
