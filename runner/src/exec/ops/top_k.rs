//! `TopK`: the first elements of a lane in the order of `ArgMax`, or of `ArgMin`; of equal ones the one with the lower
//! index comes first.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::arg::order;
use super::softmax::lane;
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{Ordered, ordered};
use crate::graph::TensorId;
use crate::passes::integer;

struct TopK<T> {
    x: TensorId,
    values: TensorId,
    indices: TensorId,
    size: usize,
    inner: usize,
    count: usize,
    largest: bool,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64, largest: bool) -> Result<Box<dyn Step>, Fault> {
    let x = operands.id(0)?;
    let &[values, indices] = operands.node.outputs.as_slice() else {
        return Err(Fault::invalid("makes no two tensors"));
    };
    let (size, inner) = lane(operands, x, axis)?;
    let count = integer(operands.constant(1, "K")?, "K")?;
    let count = usize::try_from(count).ok().filter(|&count| count <= size);
    let count = count.ok_or_else(|| Fault::invalid(format!("K is beyond an axis of size {size}")))?;
    Ok(ordered!(operands.type_(x)?, T => {
        Box::new(TopK::<T> { x, values, indices, size, inner, count, largest, type_: PhantomData })
    }))
}

impl<T: Ordered> TopK<T> {
    /// Sorts the first indices of a lane, of every `inner`-th element.
    fn sort(&self, x: &[T], indices: &mut [u64]) {
        indices.iter_mut().zip(0..).for_each(|(index, at)| *index = at);
        let at = |index: u64| x[index as usize * self.inner];
        let compare = |a: &u64, b: &u64| order(at(*a), at(*b), self.largest).then(a.cmp(b));
        if self.count < indices.len() {
            indices.select_nth_unstable_by(self.count, compare);
        }
        indices[..self.count].sort_unstable_by(compare);
    }
}

impl<T: Ordered> Step for TopK<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, .. } = context;
        let (block, taken) = (self.size * self.inner, self.count * self.inner);
        if block == 0 || taken == 0 {
            return Ok(());
        }
        let sorted = bytemuck::cast_slice_mut::<u8, u64>(&mut scratch[..self.scratch_len()]);
        memory.writing::<i64, _>(self.indices, |memory, y| {
            for (x, y) in memory.read::<T>(self.x).chunks_exact(block).zip(y.chunks_exact_mut(taken)) {
                for lane in 0..self.inner {
                    self.sort(&x[lane..], sorted);
                    let places = y[lane..].iter_mut().step_by(self.inner).zip(&*sorted);
                    places.for_each(|(y, &index)| *y = index.cast_signed());
                }
            }
        });
        memory.writing::<T, _>(self.values, |memory, y| {
            let indices = memory.read::<i64>(self.indices).chunks_exact(taken);
            for ((x, y), indices) in
                memory.read::<T>(self.x).chunks_exact(block).zip(y.chunks_exact_mut(taken)).zip(indices)
            {
                for (at, (y, &index)) in y.iter_mut().zip(indices).enumerate() {
                    *y = x[index as usize * self.inner + at % self.inner];
                }
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/topk".to_owned()
    }

    fn scratch_len(&self) -> usize {
        self.size.saturating_mul(size_of::<u64>())
    }
}
