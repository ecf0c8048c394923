//! `QLinearConv`.

use std::marker::PhantomData;

use zeropoint::{
    Backend, ConvPlan, Filter, Output, PackedWeights, ProductOptions, Requantization, View, ViewMut, Window,
};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{Context, Step, kernel_type, param, quantized, refused, told};
use crate::error::Fault;
use crate::graph::op::Convolution;
use crate::graph::{Element, TensorId};
use crate::passes::convolution;

struct Conv<A, O> {
    plan: ConvPlan,
    packed: Packed,
    x: TensorId,
    y: TensorId,
    /// Images, rows, columns, channels.
    from: [usize; 4],
    to: [usize; 4],
    types: PhantomData<fn(A) -> O>,
}

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
        Requantization::from_scales(x_scale, param(w_scales), y_scale, kernel_type(y_type)?, y_zero_point)
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
    let (from, to) = ([images, height, width, channels], [images, rows, columns, outputs]);
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: weights.is_depthwise() };
    Ok(quantized!(x_type, A => quantized!(y_type, O => {
        Box::new(Conv::<A, O> { plan, packed, x, y, from, to, types: PhantomData })
    })))
}

impl<A, O> Step for Conv<A, O>
where
    A: Element + zeropoint::Int8,
    O: Element + zeropoint::Element,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<O, _>(self.y, |memory, y| {
            let x = View::new(memory.read::<A>(self.x), self.from).map_err(told)?;
            let y = ViewMut::new(y, self.to).map_err(told)?;
            match threads {
                1 => self.plan.run(x, y, scratch).map_err(told),
                _ => self.plan.run_rayon(x, y, scratch).map_err(told),
            }
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }

    fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.packed.clone())
    }
}
