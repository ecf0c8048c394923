//! `OneHot`. Of indices that are floats what is before the point counts. An index that is outside the new axis marks
//! nothing; negative ones count from the end.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::convert::Number;
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};

struct OneHot<T, I> {
    indices: TensorId,
    values: TensorId,
    y: TensorId,
    /// Of the new axis.
    size: usize,
    /// Indices behind the new axis.
    inner: usize,
    types: PhantomData<fn(T, I)>,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64) -> Result<Box<dyn Step>, Fault> {
    let (indices, values, y) = (operands.id(0)?, operands.id(2)?, operands.output()?);
    let to = operands.shape(y)?;
    let axis = shape::axis(axis, to.len())?;
    let (size, inner) = (to[axis], shape::elements(&to[axis + 1..])?);
    Ok(any!(operands.type_(values)?, T => match operands.type_(indices)? {
        Type::F32 => Box::new(OneHot::<T, f32> { indices, values, y, size, inner, types: PhantomData }),
        Type::I32 => Box::new(OneHot::<T, i32> { indices, values, y, size, inner, types: PhantomData }),
        _ => Box::new(OneHot::<T, i64> { indices, values, y, size, inner, types: PhantomData }),
    }))
}

impl<T: Element, I: Number> Step for OneHot<T, I> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let (indices, values) = (memory.read::<I>(self.indices), memory.read::<T>(self.values));
            y.fill(values[0]);
            let blocks = y.chunks_exact_mut(self.size * self.inner).zip(indices.chunks_exact(self.inner));
            for (y, indices) in blocks {
                for (lane, &index) in indices.iter().enumerate() {
                    let index = index.integer().unwrap_or_else(|| index.real() as i64);
                    if let Some(index) = shape::index(index, self.size) {
                        y[index * self.inner + lane] = values[1];
                    }
                }
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/onehot".to_owned()
    }
}
