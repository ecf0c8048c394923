//! `Clip`, with bounds that may be known in a run only.

use std::marker::PhantomData;

use super::super::{Context, Step, each};
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::functions::{self, Ordered, ordered};
use crate::graph::TensorId;

struct Clip<T> {
    x: TensorId,
    least: Option<TensorId>,
    greatest: Option<TensorId>,
    y: TensorId,
    type_: PhantomData<fn(T)>,
}

pub(in super::super) fn lower(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (least, greatest) = (operands.optional(1), operands.optional(2));
    Ok(ordered!(operands.type_(x)?, T => Box::new(Clip::<T> { x, least, greatest, y, type_: PhantomData })))
}

impl<T: Ordered> Step for Clip<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let bound = |id: Option<TensorId>| id.and_then(|id| context.memory.read::<T>(id).first().copied());
        let (least, greatest) = (bound(self.least), bound(self.greatest));
        each::unary::<T, T>(context, self.x, self.y, |x, y| {
            functions::clip(x, least, greatest, y);
            Ok(())
        })
    }

    fn in_place(&self) -> &'static [usize] {
        &[0]
    }

    fn kernel(&self) -> String {
        "runner/clip".to_owned()
    }
}
