//! `ConvIntegerToFloat`: by a plan that each run tells scales and zero point, or where that cannot be by one that knows them.

use zeropoint::{Backend, Output, ProductOptions};

use super::super::super::parameters::Operands;
use super::super::dynamic_product::{Names, Tensors};
use super::super::{Step, kernel_type, param};
use super::{Parts, bias, input};
use crate::error::Fault;
use crate::graph::op::Convolution;
use crate::graph::{Graph, Node, Type, shape};

/// Whether a run may bring scales and zero point of the input. Volumes, and channels with zero points of their own, need a
/// plan that knows them.
pub(in crate::exec::ops) fn takes_a_run(graph: &Graph, node: &Node) -> bool {
    let shape =
        |operand: usize| node.inputs.get(operand).copied().flatten().map(|id| graph.tensor(id).shape.as_deref());
    let of_planes = shape(0).flatten().is_some_and(|shape| shape.len() <= 4);
    of_planes && shape(2).is_none_or(|shape| shape.is_some_and(|shape| shape::elements(shape) == Ok(1)))
}

/// `f32(f32(sum) * f32(sx * sw))`, and with a bias of floats that plus it, rounded again.
pub(in crate::exec::ops) fn to_float(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let parts = Parts::of(operands, attributes, [3, 5])?;
    let outputs = parts.geometry.outputs;
    let x_type = operands.type_(operands.id(0)?)?;
    let of_bias = operands.optional(6).map(|id| operands.type_(id)).transpose()?;
    let sums = match of_bias {
        Some(Type::I32) => Some(bias::<i32>(&parts, 6)?),
        _ => None,
    };
    let options = ProductOptions::new(kernel_type(x_type)?);
    let is_open = |operand: usize| operands.optional(operand).is_some_and(|id| operands.tensor(id).constant.is_none());
    if takes_a_run(operands.graph, operands.node) && [1, 2, 4, 6].into_iter().any(is_open) {
        let names =
            Names { zero_point: (2, "x_zero_point"), scale: (1, "x_scale"), scales: (4, "w_scale"), bias: (6, "bias") };
        let by = Tensors::to_float(operands, &names, outputs)?;
        return parts.dynamic(&with(options.dynamic(), sums).output(Output::F32), by, backend);
    }
    let x_scale = operands.scale(1, "x_scale")?;
    let zero_points = operands.zero_points(2, "x_zero_point", x_type, Some(parts.geometry.channels))?;
    let w_scales = operands.scales(4, "w_scale", Some(outputs))?;
    let scales: Vec<f32> = w_scales.iter().map(|w_scale| x_scale * w_scale).collect();
    let added = match (of_bias, sums) {
        (Some(_), None) => Some(bias::<f32>(&parts, 6)?),
        _ => None,
    };
    let options = with(input(kernel_type(x_type)?, &zero_points), sums);
    parts.step(&options.output(Output::Dequantized { scales: param(&scales), bias: added }), backend)
}

/// Options with a bias that is part of the sums.
fn with<'a>(options: ProductOptions<'a>, bias: Option<&'a [i32]>) -> ProductOptions<'a> {
    match bias {
        Some(bias) => options.bias(bias),
        None => options,
    }
}
