//! `QLinearLeakyRelu` and `QLinearSigmoid`: a table.

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::{Backend, Int8, LookupPlan};

use super::super::parameters::Operands;
use super::{CHUNK, Context, Step, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId};

struct Lookup<X, Y> {
    plan: LookupPlan,
    x: TensorId,
    y: TensorId,
    types: PhantomData<fn(X) -> Y>,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let from = quantized_operand(operands, 1, ["X_scale", "X_zero_point"], x_type)?;
    let to = quantized_operand(operands, 3, ["Y_scale", "Y_zero_point"], y_type)?;
    let plan = match operands.node.op {
        Op::QLinearLeakyRelu { alpha } => LookupPlan::leaky_relu(backend, from, to, alpha),
        _ => LookupPlan::sigmoid(backend, from, to),
    }
    .map_err(refused)?;
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(Lookup::<X, Y> { plan, x, y, types: PhantomData })
    })))
}

impl<X: Element + Int8, Y: Element + Int8> Step for Lookup<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<Y, _>(self.y, |memory, y| {
            let x = memory.read::<X>(self.x);
            if threads == 1 || y.len() <= CHUNK {
                return self.plan.run(x, y).map_err(told);
            }
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).try_for_each(|(y, x)| self.plan.run(x, y).map_err(told))
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
