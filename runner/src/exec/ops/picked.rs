//! Operators that choose elements along each axis: `Slice`, `Tile`, `Resize` to the nearest, `Pad` with what is there.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId, Type};
use crate::passes::along;
use crate::picks::Picks;

struct Picked<T> {
    x: TensorId,
    y: TensorId,
    picks: Picks,
    type_: PhantomData<fn(T)>,
}

/// The step, of an operator that does no more than that.
pub(super) fn lower(operands: Operands<'_>, op: &Op) -> Result<Option<Box<dyn Step>>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let parameters = |index: usize, what: &str| operands.parameter(index, what);
    let Some(along) = along(op, operands.shape(x)?, &parameters)? else { return Ok(None) };
    let from = operands.axes(x)?;
    let picks = Picks::new(from.sizes(), &from.sorted(&along))?;
    Ok(Some(any!(operands.type_(x)?, T => Box::new(Picked::<T> { x, y, picks, type_: PhantomData }))))
}

impl<T: Element> Step for Picked<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| self.picks.copy(memory.read::<T>(self.x), y));
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/copy".to_owned()
    }
}
