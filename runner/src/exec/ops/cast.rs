//! `Cast` at run time.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::convert::{self, Number};
use crate::error::Fault;
use crate::graph::{TensorId, Type};

struct Cast<X, Y> {
    x: TensorId,
    y: TensorId,
    to: Type,
    types: PhantomData<fn(X) -> Y>,
}

pub(super) fn lower(operands: Operands<'_>, to: Type) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    Ok(any!(operands.type_(x)?, X => any!(to, Y => Box::new(Cast::<X, Y> { x, y, to, types: PhantomData }))))
}

impl<X: Number, Y: Number> Step for Cast<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<Y, _>(self.y, |memory, y| convert::convert(memory.read::<X>(self.x), self.to, y));
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/cast".to_owned()
    }
}
