//! `QLinearAdd` and `QLinearMul`, of operands that have the output's shape.

use std::marker::PhantomData;

use zeropoint::{AddPlan, Backend, Int8, MulPlan};

use super::super::parameters::Operands;
use super::{Context, Step, each, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId};

enum Plan {
    Add(AddPlan),
    Mul(MulPlan),
}

impl Plan {
    fn run<A: Int8, B: Int8, C: Int8>(&self, a: &[A], b: &[B], c: &mut [C]) -> Result<(), String> {
        match self {
            Self::Add(plan) => plan.run(a, b, c),
            Self::Mul(plan) => plan.run(a, b, c),
        }
        .map_err(told)
    }
}

struct Binary<A, B, C> {
    plan: Plan,
    a: TensorId,
    b: TensorId,
    c: TensorId,
    types: PhantomData<fn(A, B) -> C>,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (a, b, c) = (operands.id(0)?, operands.id(3)?, operands.output()?);
    let (a_type, b_type, c_type) = (operands.type_(a)?, operands.type_(b)?, operands.type_(c)?);
    let of_a = quantized_operand(operands, 1, ["A_scale", "A_zero_point"], a_type)?;
    let of_b = quantized_operand(operands, 4, ["B_scale", "B_zero_point"], b_type)?;
    let of_c = quantized_operand(operands, 6, ["C_scale", "C_zero_point"], c_type)?;
    let plan = match operands.node.op {
        Op::QLinearMul => Plan::Mul(MulPlan::new(backend, of_a, of_b, of_c).map_err(refused)?),
        _ => Plan::Add(AddPlan::new(backend, of_a, of_b, of_c).map_err(refused)?),
    };
    Ok(quantized!(a_type, A => quantized!(b_type, B => quantized!(c_type, C => {
        Box::new(Binary::<A, B, C> { plan, a, b, c, types: PhantomData })
    }))))
}

impl<A: Element + Int8, B: Element + Int8, C: Element + Int8> Step for Binary<A, B, C> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::binary::<A, B, C>(context, [self.a, self.b], self.c, |a, b, c| self.plan.run(a, b, c))
    }

    fn in_place(&self) -> &'static [usize] {
        &[0, 3]
    }

    fn kernel(&self) -> String {
        match &self.plan {
            Plan::Add(plan) => plan.kernel(),
            Plan::Mul(plan) => plan.kernel(),
        }
        .to_owned()
    }
}
