//! `QLinearLeakyRelu` and `QLinearSigmoid`, by a table, and tables that a pass made.

use std::marker::PhantomData;

use zeropoint::{Backend, Int8, LookupPlan};

use super::super::parameters::Operands;
use super::{Context, Step, each, kernel_type, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId, Type};

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
    step(plan, x_type, y_type, [x, y])
}

/// `Lookup`: a table as it stands.
pub(super) fn table(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let bytes: &[u8] = match y_type {
        Type::I8 => bytemuck::cast_slice(operands.values::<i8>(1, "the table")?),
        _ => operands.values(1, "the table")?,
    };
    let table = bytes
        .try_into()
        .map_err(|_| Fault::invalid(format!("the table has {} elements, expected 256", bytes.len())))?;
    let plan = LookupPlan::of_table(backend, kernel_type(x_type)?, kernel_type(y_type)?, table).map_err(refused)?;
    step(plan, x_type, y_type, [x, y])
}

fn step(plan: LookupPlan, x_type: Type, y_type: Type, [x, y]: [TensorId; 2]) -> Result<Box<dyn Step>, Fault> {
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(Lookup::<X, Y> { plan, x, y, types: PhantomData })
    })))
}

impl<X: Element + Int8, Y: Element + Int8> Step for Lookup<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::unary::<X, Y>(context, self.x, self.y, |x, y| self.plan.run(x, y).map_err(told))
    }

    fn in_place(&self) -> &'static [usize] {
        &[0]
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
