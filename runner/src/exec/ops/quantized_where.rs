//! `QLinearWhere`, of operands that have the output's shape.

use std::marker::PhantomData;

use zeropoint::{Backend, Int8, WherePlan};

use super::super::parameters::Operands;
use super::{Context, Step, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId};

struct Where<X, Y, Z> {
    plan: WherePlan,
    condition: TensorId,
    x: TensorId,
    y: TensorId,
    z: TensorId,
    types: PhantomData<fn(X, Y) -> Z>,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (condition, x, y, z) = (operands.id(0)?, operands.id(1)?, operands.id(4)?, operands.output()?);
    let (x_type, y_type, z_type) = (operands.type_(x)?, operands.type_(y)?, operands.type_(z)?);
    let plan = WherePlan::new(
        backend,
        quantized_operand(operands, 2, ["X_scale", "X_zero_point"], x_type)?,
        quantized_operand(operands, 5, ["Y_scale", "Y_zero_point"], y_type)?,
        quantized_operand(operands, 7, ["Z_scale", "Z_zero_point"], z_type)?,
    )
    .map_err(refused)?;
    Ok(quantized!(x_type, X => quantized!(y_type, Y => quantized!(z_type, Z => {
        Box::new(Where::<X, Y, Z> { plan, condition, x, y, z, types: PhantomData })
    }))))
}

impl<X: Element + Int8, Y: Element + Int8, Z: Element + Int8> Step for Where<X, Y, Z> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<Z, _>(self.z, |memory, z| {
            let (x, y) = (memory.read::<X>(self.x), memory.read::<Y>(self.y));
            self.plan.run(memory.read::<u8>(self.condition), x, y, z).map_err(told)
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}
