//! `QLinearConv`.

use std::marker::PhantomData;

use zeropoint::{Backend, ConvPlan, Filter, Output, PackedWeights, ProductOptions, Requantization, View, Window};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::product::Product;
use super::{Step, kernel_type, param, quantized, refused};
use crate::error::Fault;
use crate::graph::op::Convolution;
use crate::passes::convolution;

pub(super) fn lower(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, w, y) = (operands.id(0)?, operands.id(3)?, operands.output()?);
    let (x_type, w_type, y_type) = (operands.type_(x)?, operands.type_(w)?, operands.type_(y)?);
    let [images, channels, height, width] = operands.shape4(x)?;
    let [outputs, inputs, rows, columns] = operands.shape4(w)?;
    let geometry = convolution(attributes, operands.shape(x)?, operands.shape(w)?)?;

    let x_scale = operands.scale(1, "x_scale")?;
    let x_zero_point = operands.zero_point(2, "x_zero_point", x_type)?;
    let w_scales = operands.scales(4, "w_scale", Some(outputs))?;
    let w_zero_points = operands.zero_points(5, "w_zero_point", w_type, Some(outputs))?;
    let y_scale = operands.scale(6, "y_scale")?;
    let y_zero_point = operands.zero_point(7, "y_zero_point", y_type)?;

    let filter = Filter { groups: attributes.groups, dilation: attributes.dilations };
    let weights = quantized!(w_type, W => {
        let view = View::nchw(operands.weights::<W>(3, "w", outputs)?, [outputs, inputs, rows, columns]).map_err(refused)?;
        PackedWeights::conv(backend, view, param(&w_zero_points), filter).map_err(refused)?
    });
    let requantization =
        Requantization::from_scales(x_scale, param(&w_scales), y_scale, kernel_type(y_type)?, y_zero_point)
            .map_err(refused)?;
    let mut options =
        ProductOptions::new(kernel_type(x_type)?).zero_point(x_zero_point).output(Output::Requantized(requantization));
    if operands.optional(8).is_some() {
        let bias = operands.values::<i32>(8, "B")?;
        if bias.len() != outputs {
            return Err(Fault::invalid(format!("B has {} values, expected {outputs}", bias.len())));
        }
        options = options.bias(bias);
    }
    let window = Window { strides: attributes.strides, pads: geometry.pads };
    let plan = ConvPlan::new(&weights, [images, height, width], window, &options).map_err(refused)?;
    let [_, _, rows, columns] = geometry.output;
    // Channels last.
    let (from, to) = ([images, height, width, channels], [images, rows, columns, outputs]);
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: weights.is_depthwise() };
    Ok(quantized!(x_type, A => quantized!(y_type, O => {
        Box::new(Product::<_, A, O, 4> { plan, packed, x, y, from, to, types: PhantomData })
    })))
}
