//! `ScatterElements` and `ScatterND`. Indices may be of a run; of several updates of one element the last one stays.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::gathering::Gathering;
use crate::graph::{Element, Op, TensorId, Type};

struct Scatter<T, I> {
    x: TensorId,
    indices: TensorId,
    updates: TensorId,
    y: TensorId,
    gathering: Gathering,
    types: PhantomData<fn(T, I)>,
}

pub(super) fn lower(operands: Operands<'_>, op: &Op) -> Result<Box<dyn Step>, Fault> {
    let (x, indices, updates, y) = (operands.id(0)?, operands.id(1)?, operands.id(2)?, operands.output()?);
    let gathering = Gathering::new(op, operands.shape(x)?, operands.shape(indices)?)?;
    if let Some(known) = operands.tensor(indices).constant.as_deref().and_then(|known| known.integers()) {
        gathering.check(&known)?;
    }
    Ok(any!(operands.type_(x)?, T => match operands.type_(indices)? {
        Type::I32 => Box::new(Scatter::<T, i32> { x, indices, updates, y, gathering, types: PhantomData }),
        _ => Box::new(Scatter::<T, i64> { x, indices, updates, y, gathering, types: PhantomData }),
    }))
}

impl<T: Element, I: Element + Into<i64>> Step for Scatter<T, I> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let scattered = context.memory.writing::<T, _>(self.y, |memory, y| {
            y.copy_from_slice(&memory.read::<T>(self.x)[..y.len()]);
            self.gathering.scatter(memory.read::<T>(self.updates), memory.read::<I>(self.indices), y)
        });
        scattered.map_err(|fault| fault.message)
    }

    fn kernel(&self) -> String {
        "runner/scatter".to_owned()
    }
}
