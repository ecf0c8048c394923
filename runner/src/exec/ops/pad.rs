//! `Pad` with a value all around.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};
use crate::passes::pad_sizes;
use crate::rearrange;

struct Pad<T> {
    x: TensorId,
    value: Option<TensorId>,
    y: TensorId,
    from: Vec<usize>,
    /// Where the first element goes, and the distances along the axes there.
    first: usize,
    strides: Vec<usize>,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (type_, from) = (operands.type_(x)?, operands.shape(x)?.to_vec());
    let pads = operands.constant(1, "pads")?;
    let axes = operands.optional(3).map(|_| operands.constant(3, "axes")).transpose()?;
    let (before, _) = pad_sizes(from.len(), pads, axes)?;
    let strides = shape::strides(operands.shape(y)?);
    let first = before.iter().zip(&strides).map(|(&before, &stride)| before * stride).sum();
    let value = operands.optional(2);
    if let Some(value) = value {
        let of_value = operands.type_(value)?;
        if of_value != type_ || shape::elements(operands.shape(value)?)? != 1 {
            let shape = operands.shape(value)?;
            return Err(Fault::invalid(format!("the value is {of_value} {shape:?}, expected one {type_}")));
        }
    }
    Ok(any!(type_, T => Box::new(Pad::<T> { x, value, y, from, first, strides, type_: PhantomData })))
}

impl<T: Element> Step for Pad<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            y.fill(self.value.map_or(T::zeroed(), |value| memory.read::<T>(value)[0]));
            let x = memory.read::<T>(self.x);
            if !x.is_empty() {
                rearrange::scatter_rows(x, &self.from, &self.strides, &mut y[self.first..]);
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/pad".to_owned()
    }
}
