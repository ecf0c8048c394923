//! `QLinearAveragePool` over rows and columns, channels last.

use std::marker::PhantomData;

use zeropoint::{AveragePoolPlan, Backend, Int8, Runtime};

use super::super::parameters::Operands;
use super::windows::{Images, images};
use super::{Context, Step, quantized, quantized_operand, refused, spatial};
use crate::error::Fault;
use crate::graph::{Element, TensorId, op};

struct AveragePool<X, Y> {
    plan: AveragePoolPlan,
    images: Images,
    x: TensorId,
    y: TensorId,
    types: PhantomData<fn(X) -> Y>,
}

pub(super) fn lower(
    operands: Operands<'_>,
    pool: &op::Pool,
    count_include_pad: bool,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    if operands.shape(x)?.len() != 4 {
        return spatial::quantized_average_pool(operands, pool, count_include_pad);
    }
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let from = quantized_operand(operands, 1, ["X_scale", "X_zero_point"], x_type)?;
    let to = quantized_operand(operands, 3, ["Y_scale", "Y_zero_point"], y_type)?;
    let (images, pooling) = images(operands, pool)?;
    let [height, width, channels] = images.image;
    let (image, runtime) = ([height, width], Runtime::Onnxruntime);
    let plan = AveragePoolPlan::new(backend, image, channels, pooling, [from, to], runtime, count_include_pad);
    let plan = plan.map_err(refused)?;
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(AveragePool::<X, Y> { plan, images, x, y, types: PhantomData })
    })))
}

impl<X: Element + Int8, Y: Element + Int8> Step for AveragePool<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.images.for_each(threads, memory.read::<X>(self.x), y, |x, rows, y| self.plan.run_rows(x, rows, y))
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
