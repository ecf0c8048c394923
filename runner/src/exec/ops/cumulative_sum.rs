//! `CumSum`. Along the axis, from the first element on or from the last, each sum is the one before it plus the next
//! element: in f32 every sum is rounded by itself, and integers wrap. The first sum is the first element, or, where sums
//! are without their own element, 0.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::softmax::lane;
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{Arithmetic, arithmetic};
use crate::graph::TensorId;
use crate::passes::integer;

struct CumulativeSum<T> {
    x: TensorId,
    y: TensorId,
    /// Elements along the axis, and the distance between them.
    size: usize,
    inner: usize,
    exclusive: bool,
    reverse: bool,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>, exclusive: bool, reverse: bool) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (size, inner) = lane(operands, x, integer(operands.constant(1, "axis")?, "axis")?)?;
    Ok(arithmetic!(operands.type_(x)?, T => {
        Box::new(CumulativeSum::<T> { x, y, size, inner, exclusive, reverse, type_: PhantomData })
    }))
}

impl<T: Arithmetic> CumulativeSum<T> {
    /// Of lanes that lie side by side.
    fn lanes(&self, x: &[T], y: &mut [T]) {
        let width = self.inner;
        let row = |index: usize| {
            let index = if self.reverse { self.size - 1 - index } else { index };
            index * width..(index + 1) * width
        };
        if self.exclusive {
            y[row(0)].fill(T::ZERO);
        } else {
            y[row(0)].copy_from_slice(&x[row(0)]);
        }
        for index in 1..self.size {
            let (before, at) = (row(index - 1), row(index));
            let next = &x[if self.exclusive { before.clone() } else { at.clone() }];
            y.copy_within(before, at.start);
            y[at].iter_mut().zip(next).for_each(|(sum, &next)| *sum = sum.add(next));
        }
    }
}

impl<T: Arithmetic> Step for CumulativeSum<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            let block = self.size * self.inner;
            if block > 0 {
                let x = memory.read::<T>(self.x);
                x.chunks_exact(block).zip(y.chunks_exact_mut(block)).for_each(|(x, y)| self.lanes(x, y));
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/cumsum".to_owned()
    }
}
