//! `QLinearSoftmax`. Where the axis is not the last one, a lane is gathered into scratch memory and scattered from it.

use std::marker::PhantomData;

use zeropoint::{Backend, Int8, SoftmaxPlan};

use super::super::parameters::Operands;
use super::softmax::lane;
use super::{Context, Step, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, shape};
use crate::passes::split;

struct Softmax<X, Y> {
    /// Nothing where there are no elements.
    plan: Option<SoftmaxPlan>,
    kernel: &'static str,
    x: TensorId,
    y: TensorId,
    size: usize,
    inner: usize,
    types: PhantomData<fn(X) -> Y>,
}

pub(super) fn lower(
    operands: Operands<'_>,
    axis: i64,
    flattened: bool,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let from = quantized_operand(operands, 1, ["X_scale", "X_zero_point"], x_type)?;
    let to = quantized_operand(operands, 3, ["Y_scale", "Y_zero_point"], y_type)?;
    let shape = operands.shape(x)?;
    let (size, inner) =
        if flattened { (shape::elements(&shape[split(axis, shape.len())?..])?, 1) } else { lane(operands, x, axis)? };
    let plan = match shape::elements(shape)? {
        0 => None,
        _ => Some(SoftmaxPlan::new(backend, size, from, to).map_err(refused)?),
    };
    let kernel = backend.kernel_name("softmax");
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(Softmax::<X, Y> { plan, kernel, x, y, size, inner, types: PhantomData })
    })))
}

impl<X: Element + Int8, Y: Element + Int8> Step for Softmax<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, .. } = context;
        let Some(plan) = &self.plan else { return Ok(()) };
        memory.writing::<Y, _>(self.y, |memory, y| {
            let x = memory.read::<X>(self.x);
            if self.inner == 1 {
                return plan.run(x, y).map_err(told);
            }
            let (lane, result) = scratch.split_at_mut(self.size);
            let (lane, result): (&mut [X], &mut [Y]) =
                (bytemuck::cast_slice_mut(lane), bytemuck::cast_slice_mut(&mut result[..self.size]));
            let block = self.size * self.inner;
            for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
                for at in 0..self.inner {
                    lane.iter_mut().zip(x[at..].iter().step_by(self.inner)).for_each(|(to, &from)| *to = from);
                    plan.run(lane, result).map_err(told)?;
                    y[at..].iter_mut().step_by(self.inner).zip(&*result).for_each(|(to, &from)| *to = from);
                }
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        self.kernel.to_owned()
    }

    fn scratch_len(&self) -> usize {
        if self.inner == 1 { 0 } else { 2 * self.size }
    }
}
