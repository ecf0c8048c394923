//! `QLinearGlobalAveragePool`.

use std::marker::PhantomData;

use zeropoint::elementwise::{GlobalAveragePoolPlan, Quantized};
use zeropoint::{Backend, View};

use super::super::parameters::Operands;
use super::{Context, Step, kernel_type, quantized, refused, told};
use crate::error::Fault;
use crate::graph::{Element, Layout, TensorId, shape};

struct Pool<X, Y> {
    plan: GlobalAveragePoolPlan,
    x: TensorId,
    y: TensorId,
    pixels: usize,
    channels: usize,
    types: PhantomData<fn(X) -> Y>,
}

pub(super) fn lower(operands: Operands<'_>, channels_last: bool, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let axes = operands.axes(x)?;
    let last = operands.tensor(x).layout == Layout::ChannelsLast;
    let (pixels, channels) = match axes.sizes() {
        // By the shape, or by the layout.
        [_, pixels @ .., channels] if channels_last || last => (shape::elements(pixels)?, *channels),
        // Channel by channel, as if each were an image.
        [_, _, pixels @ ..] => (shape::elements(pixels)?, 1),
        sizes => return Err(Fault::invalid(format!("x has shape {sizes:?}, expected three axes at least"))),
    };
    let from = Quantized {
        type_: kernel_type(x_type)?,
        scale: operands.scale(1, "x_scale")?,
        zero_point: operands.zero_point(2, "x_zero_point", x_type)?,
    };
    let to = Quantized {
        type_: kernel_type(y_type)?,
        scale: operands.scale(3, "y_scale")?,
        zero_point: operands.zero_point(4, "y_zero_point", y_type)?,
    };
    let plan = GlobalAveragePoolPlan::new(backend, pixels, channels, from, to).map_err(refused)?;
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(Pool::<X, Y> { plan, x, y, pixels, channels, types: PhantomData })
    })))
}

impl<X, Y> Step for Pool<X, Y>
where
    X: Element + zeropoint::Int8,
    Y: Element + zeropoint::Int8,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<Y, _>(self.y, |memory, y| {
            if self.pixels * self.channels == 0 {
                return Ok(());
            }
            let images = memory.read::<X>(self.x).chunks_exact(self.pixels * self.channels);
            for (x, y) in images.zip(y.chunks_exact_mut(self.channels)) {
                let x = View::new(x, [self.pixels, self.channels]).map_err(told)?;
                self.plan.run(x, y).map_err(told)?;
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
