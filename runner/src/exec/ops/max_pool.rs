//! `MaxPool` of 8 bits over rows and columns, channels last.

use std::marker::PhantomData;

use zeropoint::{Backend, Int8, MaxPoolPlan};

use super::super::parameters::Operands;
use super::windows::{Images, images};
use super::{Context, Step, kernel_type, quantized, refused, spatial};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, op};

struct MaxPool<X> {
    plan: MaxPoolPlan,
    images: Images,
    x: TensorId,
    y: TensorId,
    type_: PhantomData<fn(X)>,
}

pub(super) fn lower(operands: Operands<'_>, pool: &op::Pool, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let type_ = operands.type_(x)?;
    if type_ == Type::F32 || operands.shape(x)?.len() != 4 {
        return spatial::max_pool(operands, pool);
    }
    let (images, pooling) = images(operands, pool)?;
    let [height, width, channels] = images.image;
    let plan = MaxPoolPlan::new(backend, [height, width], channels, pooling, kernel_type(type_)?);
    let plan = plan.map_err(refused)?;
    Ok(quantized!(type_, X => Box::new(MaxPool::<X> { plan, images, x, y, type_: PhantomData })))
}

impl<X: Element + Int8> Step for MaxPool<X> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<X, _>(self.y, |memory, y| {
            self.images.for_each(threads, memory.read::<X>(self.x), y, |x, rows, y| self.plan.run_rows(x, rows, y))
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
