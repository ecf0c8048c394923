//! `MaxPool` of f32, and of 8 bits over other axes than rows and columns. Padding never wins. The first of equal elements
//! wins, which tells 0 from -0; what is no number wins over all numbers. Of a window that meets no element, the greatest
//! is the least value of the type, which of floats is minus infinity.

use std::marker::PhantomData;

use super::super::quantized;
use super::windows::Windows;
use super::{Context, Operands, Step, each_plane};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, op, shape};
use crate::passes::pool;

/// Elements of which there is a greatest.
pub(super) trait Ordered: Element + PartialOrd {
    /// What is not greater than any.
    const LEAST: Self;
}

impl Ordered for u8 {
    const LEAST: Self = Self::MIN;
}

impl Ordered for i8 {
    const LEAST: Self = Self::MIN;
}

impl Ordered for f32 {
    const LEAST: Self = Self::NEG_INFINITY;
}

/// Whether a value wins over the greatest so far.
#[inline(always)]
pub(super) fn wins<T: Ordered>(value: T, greatest: T) -> bool {
    let is_number = |value: T| value.partial_cmp(&value).is_some();
    value > greatest || (!is_number(value) && is_number(greatest))
}

struct MaxPool<T> {
    x: TensorId,
    y: TensorId,
    windows: Windows,
    type_: PhantomData<fn(T)>,
}

pub(in super::super) fn max_pool(operands: Operands<'_>, attributes: &op::Pool) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    if attributes.window.channels_last {
        return Err(Fault::unsupported("a pool with the channels last over other axes than rows and columns"));
    }
    let geometry = pool(attributes, operands.shape(x)?)?.windows;
    let windows = Windows::new(&geometry, false)?.ready(shape::elements(operands.shape(y)?)?)?;
    Ok(match operands.type_(x)? {
        Type::F32 => Box::new(MaxPool::<f32> { x, y, windows, type_: PhantomData }),
        other => quantized!(other, T => Box::new(MaxPool::<T> { x, y, windows, type_: PhantomData })),
    })
}

impl<T: Ordered> Step for MaxPool<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let [from, to] = self.windows.planes();
        memory.writing::<T, _>(self.y, |memory, y| {
            let x = memory.read::<T>(self.x);
            each_plane(threads, y, to, |index, y| {
                let x = &x[index * from..][..from];
                for (row, y) in y.chunks_exact_mut(self.windows.row()).enumerate() {
                    y.fill(T::LEAST);
                    self.windows.each_tap(row, |_, meeting| {
                        meeting.each(y, x, |y, x| {
                            if wins(x, *y) {
                                *y = x;
                            }
                        });
                    });
                }
            });
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/max_pool".to_owned()
    }
}
