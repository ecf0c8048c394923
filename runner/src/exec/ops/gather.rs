//! `Gather`, `GatherElements` and `GatherND`. Indices may be of a run.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::gathering::Gathering;
use crate::graph::{Element, Op, TensorId, Type, shape};

struct Gather<T, I> {
    x: TensorId,
    indices: TensorId,
    y: TensorId,
    gathering: Gathering,
    types: PhantomData<fn(T, I)>,
}

pub(super) fn lower(operands: Operands<'_>, op: &Op) -> Result<Box<dyn Step>, Fault> {
    let (x, indices, y) = (operands.id(0)?, operands.id(1)?, operands.output()?);
    let from = operands.axes(x)?;
    let by = operands.shape(indices)?;
    let gathering = match op {
        // Slices are the same in any order of the axes.
        Op::Gather { axis } => {
            Gathering::slices(from.sizes(), from.place(shape::axis(*axis, from.sizes().len())?), by)?
        }
        _ => Gathering::new(op, from.sizes(), by)?,
    };
    if let Some(known) = operands.tensor(indices).constant.as_deref().and_then(|known| known.integers()) {
        gathering.check(&known)?;
    }
    Ok(any!(operands.type_(x)?, T => match operands.type_(indices)? {
        Type::I32 => Box::new(Gather::<T, i32> { x, indices, y, gathering, types: PhantomData }),
        _ => Box::new(Gather::<T, i64> { x, indices, y, gathering, types: PhantomData }),
    }))
}

impl<T: Element, I: Element + Into<i64>> Step for Gather<T, I> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let copy = context.memory.writing::<T, _>(self.y, |memory, y| {
            self.gathering.copy(memory.read::<T>(self.x), memory.read::<I>(self.indices), y)
        });
        copy.map_err(|fault| fault.message)
    }

    fn kernel(&self) -> String {
        "runner/gather".to_owned()
    }
}
