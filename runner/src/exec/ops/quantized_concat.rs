//! `QLinearConcat`: each part by a table, into its columns.

use std::marker::PhantomData;

use zeropoint::{Backend, Int8, LookupPlan, MatMut, MatRef};

use super::super::parameters::Operands;
use super::{Context, Step, quantized, quantized_operand, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};

struct Part {
    plan: LookupPlan,
    x: TensorId,
    type_: Type,
    /// Rows, and elements of a row.
    size: [usize; 2],
}

struct Concat<Y> {
    parts: Vec<Part>,
    y: TensorId,
    row: usize,
    type_: PhantomData<fn(Y)>,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let y = operands.output()?;
    let type_ = operands.type_(y)?;
    let to = quantized_operand(operands, 0, ["Y_scale", "Y_zero_point"], type_)?;
    let axis = shape::axis(axis, operands.shape(y)?.len())?;
    // As the tensor lies in memory.
    let from_axis = |id: TensorId| -> Result<[usize; 2], Fault> {
        let axes = operands.axes(id)?;
        let (outer, inner) = axes.sizes().split_at(axes.place(axis));
        Ok([shape::elements(outer)?, shape::elements(inner)?])
    };
    let parts = (2..operands.node.inputs.len()).step_by(3).map(|index| {
        let x = operands.id(index)?;
        let type_ = operands.type_(x)?;
        let from = quantized_operand(operands, index + 1, ["X_scale", "X_zero_point"], type_)?;
        let plan = LookupPlan::rescale(backend, from, to).map_err(refused)?;
        Ok(Part { plan, x, type_, size: from_axis(x)? })
    });
    let parts = parts.collect::<Result<Vec<_>, Fault>>()?;
    let [_, row] = from_axis(y)?;
    Ok(quantized!(type_, Y => Box::new(Concat::<Y> { parts, y, row, type_: PhantomData })))
}

impl<Y: Element + Int8> Concat<Y> {
    /// Writes a part into the columns from `at` on.
    fn place<X: Int8>(&self, part: &Part, x: &[X], at: usize, y: &mut [Y]) -> Result<(), String> {
        let x = MatRef::new(x, part.size).map_err(told)?;
        let y = MatMut::with_strides(&mut y[at..], part.size, [self.row, 1]).map_err(told)?;
        part.plan.run_matrix(x, y).map_err(told)
    }
}

impl<Y: Element + Int8> Step for Concat<Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<Y, _>(self.y, |memory, y| {
            let mut at = 0;
            for part in self.parts.iter().filter(|part| !part.size.contains(&0)) {
                match part.type_ {
                    Type::U8 => self.place(part, memory.read::<u8>(part.x), at, y)?,
                    _ => self.place(part, memory.read::<i8>(part.x), at, y)?,
                }
                at += part.size[1];
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        self.parts.first().map_or("", |part| part.plan.kernel()).to_owned()
    }
}
