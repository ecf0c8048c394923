//! `Pad` with a value all around, or with less than nothing.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};
use crate::passes::pads;
use crate::rearrange::Odometer;

struct Pad<T> {
    x: TensorId,
    value: Option<TensorId>,
    y: TensorId,
    /// The sizes of what is kept; of all axes but the last, and of that.
    kept: Vec<usize>,
    width: usize,
    from: Place,
    to: Place,
    type_: PhantomData<fn(T)>,
}

/// Where the first element that is kept lies, and the distances along the axes.
struct Place {
    first: usize,
    strides: Vec<usize>,
}

impl Place {
    fn new(shape: &[usize], first: &[usize]) -> Self {
        let strides = shape::strides(shape);
        let first = first.iter().zip(&strides).map(|(&first, &stride)| first * stride).sum();
        Self { first, strides }
    }
}

pub(super) fn lower(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (type_, from, to) = (operands.type_(x)?, operands.axes(x)?, operands.axes(y)?);
    let (before, _) = pads(from.sizes().len(), &|index, what| operands.parameter(index, what))?;
    let (before, from, to) = (from.sorted(&before), from.sizes(), to.sizes());
    let (mut kept, mut firsts) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (axis, &before) in before.iter().enumerate() {
        let size = |pad: i64| usize::try_from(pad).unwrap_or(0);
        let (lacks, before) = (size(before.saturating_neg()), size(before));
        kept.push(from[axis].saturating_sub(lacks).min(to[axis].saturating_sub(before)));
        firsts[0].push(lacks);
        firsts[1].push(before);
    }
    if kept.contains(&0) {
        // Nothing is copied, and none of it has a place.
        (kept, firsts) = (vec![0; from.len()], [Vec::new(), Vec::new()]);
    }
    let (from, to) = (Place::new(from, &firsts[0]), Place::new(to, &firsts[1]));
    let width = kept.pop().unwrap_or(1);
    let value = operands.optional(2);
    if let Some(value) = value {
        let of_value = operands.type_(value)?;
        if of_value != type_ || shape::elements(operands.shape(value)?)? != 1 {
            let shape = operands.shape(value)?;
            return Err(Fault::invalid(format!("the value is {of_value} {shape:?}, expected one {type_}")));
        }
    }
    Ok(any!(type_, T => Box::new(Pad::<T> { x, value, y, kept, width, from, to, type_: PhantomData })))
}

impl<T: Element> Step for Pad<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Self { from, to, .. } = self;
        context.memory.writing::<T, _>(self.y, |memory, y| {
            y.fill(self.value.map_or(T::zeroed(), |value| memory.read::<T>(value)[0]));
            let x = memory.read::<T>(self.x);
            if self.width == 0 {
                return;
            }
            let mut at = Odometer::new(&self.kept);
            for _ in 0..self.kept.iter().product() {
                let (x, y) = (&x[from.first + at.offset(&from.strides)..], &mut y[to.first + at.offset(&to.strides)..]);
                y[..self.width].copy_from_slice(&x[..self.width]);
                at.advance();
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/pad".to_owned()
    }
}
