//! Reductions along axes, in the order that `functions` states.

use super::super::parameters::Operands;
use super::{Action, Context, Step};
use crate::error::Fault;
use crate::functions::{self, arithmetic, ordered, reduced};
use crate::graph::function::Reduction;
use crate::graph::{Element, TensorId};
use crate::passes::layout::Axes;

/// The elements, their shape, the distances in the result, the result.
type Loop<T> = fn(Reduction, &[T], &[usize], &[usize], &mut [T]);

struct Reduce<T> {
    reduction: Reduction,
    function: Loop<T>,
    x: TensorId,
    y: TensorId,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

pub(super) fn lower(operands: Operands<'_>, reduction: Reduction, none_is_none: bool) -> Result<Action, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let axes = match operands.optional(1) {
        Some(_) => operands.constant(1, "axes")?.integers(),
        None => None,
    };
    let shape = operands.shape(x)?.to_vec();
    let reduced = reduced(shape.len(), axes.as_deref(), none_is_none)?;
    if !reduced.contains(&true) && none_is_none {
        return Ok(Action::Same(x));
    }
    let strides = functions::strides(&shape, &reduced, |kept| Axes::of(kept, operands.tensor(y).layout).strides());
    let from = operands.axes(x)?;
    let (shape, strides) = (from.sizes().to_vec(), from.sorted(&strides));
    let type_ = operands.type_(x)?;
    let step: Box<dyn Step> = match reduction {
        Reduction::Max | Reduction::Min => ordered!(type_, T => {
            let function = functions::extremes::<T>;
            Box::new(Reduce { reduction, function, x, y, shape, strides })
        }),
        _ => arithmetic!(type_, T => {
            let function = functions::reduce::<T>;
            Box::new(Reduce { reduction, function, x, y, shape, strides })
        }),
    };
    Ok(Action::Run(step))
}

impl<T: Element> Step for Reduce<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            (self.function)(self.reduction, memory.read(self.x), &self.shape, &self.strides, y);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        format!("runner/{}", self.reduction.name().to_lowercase())
    }
}
