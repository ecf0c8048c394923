//! `QLinearConv` and `ConvInteger`.

use std::marker::PhantomData;

use zeropoint::{Backend, ConvPlan, Filter, Output, PackedWeights, ProductOptions, Requantization, View, Window};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::product::{Place, Product};
use super::{Step, kernel_type, param, quantized as int8, refused};
use crate::error::Fault;
use crate::graph::op::Convolution;
use crate::graph::{Layout, TensorId, Type};
use crate::passes::{Geometry, convolution};

/// What is the same for every convolution: weights that are packed, and where input and output lie.
struct Parts {
    weights: PackedWeights,
    images: [usize; 3],
    window: Window,
    from: Place<4>,
    to: Place<4>,
}

/// Packs weights and works out the window. `weights` is the operand that holds them, `zero_points` theirs.
fn parts(
    operands: Operands<'_>,
    attributes: &Convolution,
    [weights, zero_points]: [usize; 2],
    backend: &Backend,
) -> Result<Parts, Fault> {
    let (x, w, y) = (operands.id(0)?, operands.id(weights)?, operands.output()?);
    let w_type = operands.type_(w)?;
    let shape = operands.shape(w)?;
    let geometry = convolution(attributes, operands.shape(x)?, shape)?;
    let outputs = geometry.outputs;
    let own = operands.zero_points(zero_points, "w_zero_point", w_type, Some(outputs))?;
    let Plane { taps, dilation, strides, pads, from, to } = plane(&geometry)?;
    let filter = Filter { groups: attributes.groups, dilation };
    let weights = operands.packed(&[weights, zero_points], || {
        Ok(int8!(w_type, W => {
            let values = operands.weights::<W>(weights, "w", outputs)?;
            let view = View::nchw(values, [outputs, shape[1], taps[0], taps[1]]).map_err(refused)?;
            PackedWeights::conv(backend, view, param(&own), filter).map_err(refused)?
        }))
    })?;
    let Geometry { images, channels, .. } = geometry;
    let place = |id: TensorId, [rows, columns]: [usize; 2], channels| {
        let shape = [images, rows, columns, channels];
        let last = attributes.channels_last || operands.tensor(id).layout == Layout::ChannelsLast;
        if last { Place::dense(shape) } else { Place::channels_first(shape) }
    };
    Ok(Parts {
        weights,
        images: [images, from[0], from[1]],
        window: Window { strides, pads },
        from: place(x, from, channels),
        to: place(y, to, outputs),
    })
}

/// A window over rows and columns.
struct Plane {
    taps: [usize; 2],
    dilation: [usize; 2],
    strides: [usize; 2],
    /// Top, left, bottom, right.
    pads: [usize; 4],
    from: [usize; 2],
    to: [usize; 2],
}

/// The plane of a two-dimensional window; a line is a plane with one row.
fn plane(geometry: &Geometry) -> Result<Plane, Fault> {
    let Geometry { taps, dilations, strides, pads, from, to, .. } = geometry;
    match (from.len(), pads.as_slice()) {
        (1, &[left, right]) => Ok(Plane {
            taps: [1, taps[0]],
            dilation: [1, dilations[0]],
            strides: [1, strides[0]],
            pads: [0, left, 0, right],
            from: [1, from[0]],
            to: [1, to[0]],
        }),
        (2, &[top, left, bottom, right]) => Ok(Plane {
            taps: [taps[0], taps[1]],
            dilation: [dilations[0], dilations[1]],
            strides: [strides[0], strides[1]],
            pads: [top, left, bottom, right],
            from: [from[0], from[1]],
            to: [to[0], to[1]],
        }),
        (axes, _) => Err(Fault::unsupported(format!("a convolution over {axes} spatial axes, expected 1 or 2"))),
    }
}

/// The step of a plan that writes elements of `y_type`.
fn step(operands: Operands<'_>, parts: Parts, options: &ProductOptions<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let Parts { weights, images, window, from, to } = parts;
    let plan = ConvPlan::new(&weights, images, window, options).map_err(refused)?;
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: weights.is_depthwise() };
    Ok(int8!(operands.type_(x)?, A => match operands.type_(y)? {
        Type::I32 => Box::new(Product::<_, A, i32, 4> { plan, packed, x, y, from, to, types: PhantomData }),
        other => int8!(other, O => {
            Box::new(Product::<_, A, O, 4> { plan, packed, x, y, from, to, types: PhantomData })
        }),
    }))
}

pub(super) fn quantized(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x_type, y_type) = (operands.type_(operands.id(0)?)?, operands.type_(operands.output()?)?);
    let outputs = operands.shape(operands.id(3)?)?[0];
    let x_scale = operands.scale(1, "x_scale")?;
    let x_zero_point = operands.zero_point(2, "x_zero_point", x_type)?;
    let w_scales = operands.scales(4, "w_scale", Some(outputs))?;
    let y_scales = operands.scales(6, "y_scale", Some(outputs))?;
    let y_zero_points = operands.zero_points(7, "y_zero_point", y_type, Some(outputs))?;
    let (w, y, zeros) = (param(&w_scales), param(&y_scales), param(&y_zero_points));
    let requantization = Requantization::from_scales(x_scale, w, y, kernel_type(y_type)?, zeros).map_err(refused)?;
    let mut options =
        ProductOptions::new(kernel_type(x_type)?).zero_point(x_zero_point).output(Output::Requantized(requantization));
    if operands.optional(8).is_some() {
        let bias = operands.values::<i32>(8, "B")?;
        if bias.len() != outputs {
            return Err(Fault::invalid(format!("B has {} values, expected {outputs}", bias.len())));
        }
        options = options.bias(bias);
    }
    step(operands, parts(operands, attributes, [3, 5], backend)?, &options)
}

pub(super) fn integer(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let x_type = operands.type_(operands.id(0)?)?;
    let zero_point = operands.zero_point(2, "x_zero_point", x_type)?;
    let options = ProductOptions::new(kernel_type(x_type)?).zero_point(zero_point);
    step(operands, parts(operands, attributes, [1, 3], backend)?, &options)
}
