//! `ArgMax` and `ArgMin`. A NaN counts as greater, and as less, than every number.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::softmax::lane;
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{Ordered, ordered};
use crate::graph::TensorId;

struct Arg<T> {
    x: TensorId,
    y: TensorId,
    size: usize,
    inner: usize,
    greatest: bool,
    last: bool,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64, greatest: bool, last: bool) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (size, inner) = lane(operands, x, axis)?;
    Ok(ordered!(operands.type_(x)?, T => {
        Box::new(Arg::<T> { x, y, size, inner, greatest, last, type_: PhantomData })
    }))
}

/// The order of elements with the greatest first, or the least.
pub(super) fn order<T: Ordered>(a: T, b: T, greatest: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => {
            let rising = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if greatest { rising.reverse() } else { rising }
        }
        (a, b) => b.cmp(&a),
    }
}

impl<T: Ordered> Arg<T> {
    /// Of every `inner`-th element.
    fn index(&self, x: &[T]) -> i64 {
        let mut found = (0, x[0]);
        for (index, &x) in x.iter().step_by(self.inner).enumerate().skip(1) {
            match order(x, found.1, self.greatest) {
                Ordering::Less => found = (index, x),
                Ordering::Equal if self.last => found = (index, x),
                _ => {}
            }
        }
        i64::try_from(found.0).unwrap_or(i64::MAX)
    }
}

impl<T: Ordered> Step for Arg<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<i64, _>(self.y, |memory, y| {
            let block = self.size * self.inner;
            if block == 0 {
                return;
            }
            let x = memory.read::<T>(self.x);
            for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(self.inner)) {
                y.iter_mut().enumerate().for_each(|(lane, y)| *y = self.index(&x[lane..]));
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        if self.greatest { "runner/argmax" } else { "runner/argmin" }.to_owned()
    }
}
