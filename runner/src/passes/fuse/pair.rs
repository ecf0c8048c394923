//! What a quantiser or a dequantiser says of its tensors.

use std::sync::Arc;

use zeropoint::{Backend, Quantization, QuantizeRule, elementwise};

use super::super::fold::cast;
use super::uses::Uses;
use crate::graph::op::AbsMax;
use crate::graph::{Constant, Data, Graph, Node, Op, Tensor, TensorId, Type, shape};

/// Integers that stand for floats, by scales and zero points that every run has.
#[derive(Clone, Debug)]
pub(super) struct Quantized {
    /// The node.
    pub(super) node: usize,
    /// The integers.
    pub(super) integers: TensorId,
    /// The floats.
    pub(super) floats: TensorId,
    pub(super) type_: Type,
    pub(super) scale: TensorId,
    pub(super) scales: Vec<f32>,
    pub(super) zero_point: Option<TensorId>,
    pub(super) zero_points: Vec<i32>,
    /// Nothing where one scale is for all.
    pub(super) axis: Option<usize>,
    pub(super) abs_max: Option<AbsMax>,
}

impl Quantized {
    /// What a dequantiser that makes the tensor says, if one does.
    pub(super) fn behind(graph: &Graph, uses: &Uses, floats: TensorId) -> Option<Self> {
        let at = uses.maker(floats)?;
        let node = &graph.nodes[at];
        let Op::DequantizeLinear { axis, block, .. } = node.op else { return None };
        Self::of(graph, at, node.inputs[0]?, floats, (axis, block), None, node.inputs[0]?)
    }

    /// What a node says, if it is a quantiser.
    pub(super) fn at(graph: &Graph, at: usize) -> Option<Self> {
        let node = &graph.nodes[at];
        let Op::QuantizeLinear { axis, block, abs_max, .. } = node.op else { return None };
        let &[integers] = node.outputs.as_slice() else { return None };
        Self::of(graph, at, integers, node.inputs[0]?, (axis, block), abs_max, integers)
    }

    /// The quantiser that is the only reader of a tensor.
    pub(super) fn before(graph: &Graph, uses: &Uses, floats: TensorId) -> Option<Self> {
        Self::at(graph, uses.only_reader(floats)?).filter(|found| found.floats == floats)
    }

    fn of(
        graph: &Graph,
        at: usize,
        integers: TensorId,
        floats: TensorId,
        (axis, block): (i64, usize),
        abs_max: Option<AbsMax>,
        typed: TensorId,
    ) -> Option<Self> {
        let node = &graph.nodes[at];
        let scale = node.inputs.get(1).copied().flatten()?;
        let zero_point = node.inputs.get(2).copied().flatten();
        let (known, type_) = (graph.tensor(scale).constant.as_deref()?, graph.tensor(typed).type_?);
        if known.type_() != Type::F32 || graph.tensor(floats).type_ != Some(Type::F32) {
            return None;
        }
        let scales = known.floats().filter(|scales| scales.iter().all(|&scale| scale > 0.0 && scale.is_finite()))?;
        let zero_points = match zero_point {
            Some(id) => {
                let values = graph.tensor(id).constant.as_deref()?.integers()?;
                values.into_iter().map(i32::try_from).collect::<Result<Vec<_>, _>>().ok()?
            }
            None => vec![0; scales.len()],
        };
        let axis = if matches!(known.shape(), [] | [1]) {
            None
        } else {
            let rank = graph.tensor(floats).shape.as_ref()?.len();
            if block != 0 || known.shape().len() != 1 {
                return None;
            }
            Some(shape::axis(axis, rank).ok()?)
        };
        if zero_points.len() != scales.len() {
            return None;
        }
        Some(Self { node: at, integers, floats, type_, scale, scales, zero_point, zero_points, axis, abs_max })
    }

    /// Whether one scale is for all.
    pub(super) fn is_per_tensor(&self) -> bool {
        self.axis.is_none()
    }

    /// Whether one scale is for all, and the values are of 8 bits.
    pub(super) fn is_plain(&self) -> bool {
        self.is_per_tensor() && self.type_.is_quantized()
    }

    /// Whether the same integers stand for the same floats, whichever rule made them.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let bits = |scales: &[f32]| scales.iter().map(|scale| scale.to_bits()).collect::<Vec<_>>();
        self.type_ == other.type_
            && self.axis == other.axis
            && bits(&self.scales) == bits(&other.scales)
            && self.zero_points == other.zero_points
    }

    /// Scale and zero point as operands.
    pub(super) fn operands(&self, graph: &mut Graph) -> [Option<TensorId>; 2] {
        let zero_point = self.zero_point.unwrap_or_else(|| zero(graph, self.type_));
        [Some(self.scale), Some(zero_point)]
    }

    /// The integer that stands for a float, of one scale.
    pub(super) fn quantize(&self, x: f32) -> Option<i32> {
        let rule = match self.abs_max {
            Some(AbsMax { value, bits }) => Quantization::new(value, 0).rule(QuantizeRule::PaddleEven).bits(bits),
            None => Quantization::new(self.scales[0], self.zero_points[0]),
        };
        macro_rules! by {
            ($type_:ty) => {{
                let mut y = [<$type_>::default()];
                elementwise::quantize_with(&Backend::best(), &[x], &rule, &mut y).ok()?;
                Some(y[0].into())
            }};
        }
        match self.type_ {
            Type::U8 => by!(u8),
            Type::I8 => by!(i8),
            Type::U16 => by!(u16),
            Type::I16 => by!(i16),
            _ => None,
        }
    }

    /// The least and the greatest integer that the quantiser makes, where they are not those of the type.
    pub(super) fn bounds(&self) -> Option<(i32, i32)> {
        let most = (1 << (self.abs_max?.bits.clamp(2, 8) - 1)) - 1;
        (most < 127).then_some((-most - 1, most))
    }

    /// A dequantiser of other integers by the same parameters.
    pub(super) fn dequantizer(&self, graph: &Graph, integers: TensorId, floats: TensorId, axis: Option<usize>) -> Node {
        let mut node = graph.nodes[self.node].clone();
        let to = if let Op::DequantizeLinear { to, .. } = node.op { to } else { None };
        node.op = Op::DequantizeLinear { axis: axis.map_or(1, |axis| axis as i64), block: 0, to };
        node.inputs[0] = Some(integers);
        node.outputs = vec![floats];
        node
    }
}

/// A zero point of 0.
fn zero(graph: &mut Graph, type_: Type) -> TensorId {
    constant(graph, "zero", vec![], cast(&Data::I32(vec![0]), type_))
}

/// A constant that is no tensor of the file.
pub(super) fn constant(graph: &mut Graph, name: &str, shape: Vec<usize>, data: Data) -> TensorId {
    let type_ = data.type_();
    let constant = Constant::new(shape.clone(), data).ok().map(Arc::new);
    graph.add(Tensor { type_: Some(type_), shape: Some(shape), constant, internal: true, ..Tensor::named(name) })
}

/// A tensor that is no tensor of the file, like another one but for its type.
pub(super) fn like(graph: &mut Graph, id: TensorId, type_: Type) -> TensorId {
    let tensor = graph.tensor(id);
    let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
    graph.add(Tensor { type_: Some(type_), shape, internal: true, ..Tensor::named(name) })
}
