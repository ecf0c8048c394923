//! `ConvIntegerToFloat`: by a plan that knows scales and zero points, or by one that each run tells them.

use zeropoint::{Backend, Output, ProductOptions};

use super::super::super::parameters::Operands;
use super::super::dynamic_product::{Names, Tensors};
use super::super::{Step, kernel_type, param};
use super::{Parts, bias, input};
use crate::error::Fault;
use crate::graph::Type;
use crate::graph::op::Convolution;

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
    let known = [1, 2, 4].into_iter().filter_map(|operand| operands.optional(operand));
    if known.into_iter().any(|id| operands.tensor(id).constant.is_none()) {
        let names =
            Names { zero_point: (2, "x_zero_point"), scale: (1, "x_scale"), scales: (4, "w_scale"), bias: (6, "bias") };
        let by = Tensors::to_float(operands, &names, outputs)?;
        let options = with(ProductOptions::new(kernel_type(x_type)?).dynamic(), sums);
        return parts.dynamic(&options.output(Output::F32), by, backend);
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
