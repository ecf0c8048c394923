//! `QLinearAdd`, of operands that have the output's shape.

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::Backend;
use zeropoint::elementwise::{AddPlan, Quantized};

use super::super::parameters::Operands;
use super::{CHUNK, Context, Step, kernel_type, quantized, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId};

struct Add<A, C> {
    plan: AddPlan,
    a: TensorId,
    b: TensorId,
    c: TensorId,
    types: PhantomData<fn(A) -> C>,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (a, b, c) = (operands.id(0)?, operands.id(3)?, operands.output()?);
    let (type_, c_type) = (operands.type_(a)?, operands.type_(c)?);
    let quantized = |scale: usize, names: [&str; 2], type_| {
        Ok::<_, Fault>(Quantized {
            type_: kernel_type(type_)?,
            scale: operands.scale(scale, names[0])?,
            zero_point: operands.zero_point(scale + 1, names[1], type_)?,
        })
    };
    let plan = AddPlan::new(
        backend,
        quantized(1, ["A_scale", "A_zero_point"], type_)?,
        quantized(4, ["B_scale", "B_zero_point"], operands.type_(b)?)?,
        quantized(6, ["C_scale", "C_zero_point"], c_type)?,
    )
    .map_err(refused)?;
    Ok(quantized!(type_, A => quantized!(c_type, C => {
        Box::new(Add::<A, C> { plan, a, b, c, types: PhantomData })
    })))
}

impl<A, C> Step for Add<A, C>
where
    A: Element + zeropoint::Int8,
    C: Element + zeropoint::Int8,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<C, _>(self.c, |memory, c| {
            let (a, b) = (memory.read::<A>(self.a), memory.read::<A>(self.b));
            if threads == 1 || c.len() <= CHUNK {
                return self.plan.run(a, b, c).map_err(told);
            }
            c.par_chunks_mut(CHUNK)
                .zip(a.par_chunks(CHUNK))
                .zip(b.par_chunks(CHUNK))
                .try_for_each(|((c, a), b)| self.plan.run(a, b, c).map_err(told))
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
