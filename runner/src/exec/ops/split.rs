//! `Split`.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};
use crate::rearrange;

struct Split<T> {
    x: TensorId,
    /// Each part and the elements of its rows.
    parts: Vec<(TensorId, usize)>,
    row: usize,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64) -> Result<Box<dyn Step>, Fault> {
    let x = operands.id(0)?;
    let from = operands.axes(x)?;
    let axis = from.place(shape::axis(axis, from.sizes().len())?);
    let row = shape::elements(&from.sizes()[axis..])?;
    let part = |&part: &TensorId| Ok((part, shape::elements(&operands.axes(part)?.sizes()[axis..])?));
    let parts = operands.node.outputs.iter().map(part).collect::<Result<Vec<_>, Fault>>()?;
    Ok(any!(operands.type_(x)?, T => Box::new(Split::<T> { x, parts, row, type_: PhantomData })))
}

impl<T: Element> Step for Split<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let mut at = 0;
        for &(part, width) in &self.parts {
            context.memory.writing::<T, _>(part, |memory, y| {
                rearrange::take_columns(memory.read(self.x), self.row, at, width, y);
            });
            at += width;
        }
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/copy".to_owned()
    }
}
