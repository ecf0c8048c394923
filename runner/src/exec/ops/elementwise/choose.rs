//! `Where`.

use std::marker::PhantomData;

use super::super::movement::any;
use super::super::{Context, Step};
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::functions;
use crate::graph::{Element, TensorId, Type};

struct Choose<T> {
    condition: TensorId,
    x: TensorId,
    y: TensorId,
    z: TensorId,
    type_: PhantomData<fn(T)>,
}

pub(in super::super) fn lower(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (condition, x, y, z) = (operands.id(0)?, operands.id(1)?, operands.id(2)?, operands.output()?);
    Ok(any!(operands.type_(x)?, T => Box::new(Choose::<T> { condition, x, y, z, type_: PhantomData })))
}

impl<T: Element> Step for Choose<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.z, |memory, z| {
            functions::choose(memory.read(self.condition), memory.read(self.x), memory.read(self.y), z);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/where".to_owned()
    }
}
