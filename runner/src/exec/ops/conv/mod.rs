//! Convolutions of integers: to quantised values, to sums, to floats; and transposed ones to quantised values.

mod plane;
mod to_float;
mod transposed;
mod volume;

pub(super) use self::to_float::{takes_a_run, to_float};

use std::any::Any;

use zeropoint::{Backend, Output, ProductOptions, Requantization};

use super::super::parameters::Operands;
use super::dynamic_product::{self, Tensors};
use super::product::Place;
use super::{Step, kernel_type, param, quantized as int8, refused};
use crate::error::Fault;
use crate::graph::op::{Convolution, Transposed};
use crate::graph::{Element, Layout, TensorId, Type};
use crate::passes::{Geometry, convolution, transposed as geometry_of_transposed};

/// A convolution before it is planned.
struct Parts<'a> {
    operands: Operands<'a>,
    geometry: Geometry,
    groups: usize,
    /// The shapes have the channels last.
    channels_last: bool,
    /// The operands that hold the weights and their zero points.
    weights: [usize; 2],
    zero_points: Vec<i32>,
}

impl<'a> Parts<'a> {
    fn of(operands: Operands<'a>, attributes: &Convolution, weights: [usize; 2]) -> Result<Self, Fault> {
        let (x, w) = (operands.id(0)?, operands.id(weights[0])?);
        let geometry = convolution(attributes, operands.shape(x)?, operands.shape(w)?)?;
        Self::new(operands, attributes, geometry, weights)
    }

    fn new(
        operands: Operands<'a>,
        attributes: &Convolution,
        geometry: Geometry,
        weights: [usize; 2],
    ) -> Result<Self, Fault> {
        let w_type = operands.type_(operands.id(weights[0])?)?;
        let zero_points = operands.zero_points(weights[1], "w_zero_point", w_type, Some(geometry.outputs))?;
        let Convolution { groups, channels_last, .. } = *attributes;
        Ok(Self { operands, geometry, groups, channels_last, weights, zero_points })
    }

    fn weights_type(&self) -> Result<Type, Fault> {
        self.operands.type_(self.operands.id(self.weights[0])?)
    }

    /// The weights, in ONNX's order.
    fn values<W: Element>(&self) -> Result<&'a [W], Fault> {
        self.operands.weights::<W>(self.weights[0], "w", self.geometry.outputs)
    }

    /// The weights as `pack` packs them.
    fn packed<W: Any + Clone + Send + Sync>(&self, pack: impl FnOnce() -> Result<W, Fault>) -> Result<W, Fault> {
        self.operands.packed(&self.weights, pack)
    }

    /// Where a tensor lies, whose shape is images, spatial axes and channels.
    fn place<const AXES: usize>(&self, id: TensorId, shape: [usize; AXES]) -> Place<AXES> {
        let last = self.channels_last || self.operands.tensor(id).layout == Layout::ChannelsLast;
        if last { Place::dense(shape) } else { Place::channels_first(shape) }
    }

    /// The step, by the number of spatial axes.
    fn step(&self, options: &ProductOptions<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
        match self.geometry.from.len() {
            1 | 2 => plane::step(self, options, None, backend),
            3 => volume::step(self, options, backend),
            axes => Err(too_many(axes)),
        }
    }

    /// The step of a convolution whose input has parameters that only a run knows.
    fn dynamic(&self, options: &ProductOptions<'_>, by: Tensors, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
        match self.geometry.from.len() {
            1 | 2 => plane::step(self, options, Some(by), backend),
            axes => Err(Fault::unsupported(format!(
                "a convolution over {axes} spatial axes by parameters that are only known at run time, expected 1 or 2"
            ))),
        }
    }
}

fn too_many(axes: usize) -> Fault {
    Fault::unsupported(format!("a convolution over {axes} spatial axes, expected 1 to 3"))
}

pub(super) fn quantized(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let parts = Parts::of(operands, attributes, [3, 5])?;
    requantized(&parts, |options| parts.step(options, backend))
}

pub(super) fn quantized_transposed(
    operands: Operands<'_>,
    attributes: &Transposed,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, w) = (operands.id(0)?, operands.id(3)?);
    let (geometry, more) = geometry_of_transposed(attributes, operands.shape(x)?, operands.shape(w)?)?;
    let parts = Parts::new(operands, &attributes.window, geometry, [3, 5])?;
    requantized(&parts, |options| transposed::step(&parts, &more, options, backend))
}

/// The step of a convolution with the operands of `QLinearConv`.
fn requantized(
    parts: &Parts<'_>,
    step: impl FnOnce(&ProductOptions<'_>) -> Result<Box<dyn Step>, Fault>,
) -> Result<Box<dyn Step>, Fault> {
    let operands = parts.operands;
    let (x_type, y_type) = (operands.type_(operands.id(0)?)?, operands.type_(operands.output()?)?);
    let outputs = parts.geometry.outputs;
    let x_scale = operands.scale(1, "x_scale")?;
    let x_zero_points = operands.zero_points(2, "x_zero_point", x_type, Some(parts.geometry.channels))?;
    let w_scales = operands.scales(4, "w_scale", Some(outputs))?;
    let y_scales = operands.scales(6, "y_scale", Some(outputs))?;
    let y_zero_points = operands.zero_points(7, "y_zero_point", y_type, Some(outputs))?;
    let (w, y, zeros) = (param(&w_scales), param(&y_scales), param(&y_zero_points));
    let to = Requantization::from_scales(x_scale, w, y, kernel_type(y_type)?, zeros).map_err(refused)?;
    let mut options = input(kernel_type(x_type)?, &x_zero_points).output(Output::Requantized(operands.bounded(to)?));
    if operands.optional(8).is_some() {
        options = options.bias(bias(parts, 8)?);
    }
    step(&options)
}

/// A value for each output channel.
fn bias<'a, T: Element>(parts: &Parts<'a>, operand: usize) -> Result<&'a [T], Fault> {
    let (bias, outputs) = (parts.operands.values::<T>(operand, "B")?, parts.geometry.outputs);
    if bias.len() == outputs {
        return Ok(bias);
    }
    Err(Fault::invalid(format!("B has {} values, expected {outputs}", bias.len())))
}

pub(super) fn integer(
    operands: Operands<'_>,
    attributes: &Convolution,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let parts = Parts::of(operands, attributes, [1, 3])?;
    let x_type = operands.type_(operands.id(0)?)?;
    if operands.optional(2).is_some_and(|id| operands.tensor(id).constant.is_none()) {
        let zero_point = dynamic_product::zero_point(operands, (2, "x_zero_point"))?;
        let by = Tensors { zero_point, ..Tensors::default() };
        return parts.dynamic(&ProductOptions::new(kernel_type(x_type)?).dynamic(), by, backend);
    }
    let zero_points = operands.zero_points(2, "x_zero_point", x_type, Some(parts.geometry.channels))?;
    parts.step(&input(kernel_type(x_type)?, &zero_points), backend)
}

/// An input with one zero point, or with one for each channel.
fn input(type_: zeropoint::Type, zero_points: &[i32]) -> ProductOptions<'_> {
    match zero_points {
        &[all] => ProductOptions::new(type_).zero_point(all),
        each => ProductOptions::new(type_).channel_zero_points(each),
    }
}
