//! Tensors whose elements are those of another one, chosen by indices: `Gather`, `GatherElements`, `GatherND`; and the
//! other way round, elements that are placed by indices: `ScatterElements`, `ScatterND`.

use std::ops::Range;

use crate::error::Fault;
use crate::graph::{Op, shape};
use crate::rearrange::Odometer;

/// Where each block of a result comes from, or each block of updates goes to: a place that its position gives, and one
/// that its indices give.
pub(crate) struct Gathering {
    /// The elements of a block, which lie side by side.
    block: usize,
    /// The axes that blocks are counted along, and what a step along each is in the other tensor.
    positions: Vec<usize>,
    strides: Vec<usize>,
    /// The axes that the indices of one block are of: their sizes, and what a step along each is.
    axes: Vec<(usize, usize)>,
}

impl Gathering {
    /// Of a tensor of such a shape, by indices of such a shape.
    pub(crate) fn new(op: &Op, from: &[usize], indices: &[usize]) -> Result<Self, Fault> {
        match op {
            Op::Gather { axis } => Self::slices(from, shape::axis(*axis, from.len())?, indices),
            Op::GatherElements { axis } | Op::ScatterElements { axis } => {
                Self::elements(from, shape::axis(*axis, from.len())?, indices)
            }
            Op::ScatterNd => Self::tuples(from, 0, indices),
            Op::GatherNd { batch } => Self::tuples(from, *batch, indices),
            _ => Err(Fault::unsupported("this operator is not known")),
        }
    }

    /// Slices across an axis, one for each index.
    pub(crate) fn slices(from: &[usize], axis: usize, indices: &[usize]) -> Result<Self, Fault> {
        let (block, size) = (shape::elements(&from[axis + 1..])?, from[axis]);
        let positions = vec![shape::elements(&from[..axis])?, shape::elements(indices)?];
        Ok(Self { block, positions, strides: vec![size * block, 0], axes: vec![(size, block)] })
    }

    /// Single elements, which stand where their indices do but along one axis.
    fn elements(from: &[usize], axis: usize, indices: &[usize]) -> Result<Self, Fault> {
        let mut strides = shape::strides(from);
        let axes = vec![(from[axis], strides[axis])];
        strides[axis] = 0;
        Ok(Self { block: 1, positions: indices.to_vec(), strides, axes })
    }

    /// What is left of a tensor where the first axes behind a batch have the indices of a tuple.
    fn tuples(from: &[usize], batch: usize, indices: &[usize]) -> Result<Self, Fault> {
        let Some((&length, places)) = indices.split_last() else {
            return Err(Fault::invalid("indices have no axes, expected tuples along the last one"));
        };
        let strides = shape::strides(from);
        let axes = (batch..batch + length).map(|axis| (from[axis], strides[axis])).collect();
        let positions = vec![shape::elements(&from[..batch])?, shape::elements(&places[batch..])?];
        let stride = shape::elements(&from[batch..])?;
        Ok(Self { block: shape::elements(&from[batch + length..])?, positions, strides: vec![stride, 0], axes })
    }

    /// Whether all indices are within their axes; negative ones count from the end.
    pub(crate) fn check<I: Copy + Into<i64>>(&self, indices: &[I]) -> Result<(), Fault> {
        if self.axes.is_empty() {
            return Ok(());
        }
        indices.chunks_exact(self.axes.len()).try_for_each(|indices| self.place(indices).map(drop))
    }

    /// How far the indices of one block lead.
    #[inline]
    fn place<I: Copy + Into<i64>>(&self, indices: &[I]) -> Result<usize, Fault> {
        let mut place = 0;
        for (&(size, stride), &index) in self.axes.iter().zip(indices) {
            let index = index.into();
            let within = shape::index(index, size)
                .ok_or_else(|| Fault::invalid(format!("index {index} is outside an axis of size {size}")))?;
            place += within * stride;
        }
        Ok(place)
    }

    /// Fills the result. The tensors have the shapes that this was made for.
    pub(crate) fn copy<T: Copy, I: Copy + Into<i64>>(
        &self,
        from: &[T],
        indices: &[I],
        to: &mut [T],
    ) -> Result<(), Fault> {
        let blocks = to.chunks_exact_mut(self.block.max(1));
        self.each(blocks, indices, |to, at| match to {
            [to] => *to = from[at.start],
            to => to.copy_from_slice(&from[at]),
        })
    }

    /// Places updates, of which there are as many as blocks that the indices name. Of several at one place the last one
    /// stays.
    pub(crate) fn scatter<T: Copy, I: Copy + Into<i64>>(
        &self,
        updates: &[T],
        indices: &[I],
        to: &mut [T],
    ) -> Result<(), Fault> {
        let blocks = updates.chunks_exact(self.block.max(1));
        self.each(blocks, indices, |update, at| to[at].copy_from_slice(update))
    }

    /// Calls `body` with each block, and with where its indices lead.
    fn each<B, I: Copy + Into<i64>>(
        &self,
        all: impl Iterator<Item = B>,
        indices: &[I],
        mut body: impl FnMut(B, Range<usize>),
    ) -> Result<(), Fault> {
        let count = self.axes.len();
        // Fewer than positions where each of the first axis reads the same.
        let blocks = indices.len().checked_div(count).unwrap_or(0);
        let (row, outer, step) = match (self.positions.split_last(), self.strides.last()) {
            (Some((&row, outer)), Some(&step)) => (row, outer, step),
            _ => (1, &[][..], 0),
        };
        let mut position = Odometer::new(outer);
        let (mut block, mut column, mut first) = (0, 0, 0);
        for found in all {
            if column == 0 {
                first = position.offset(&self.strides);
                position.advance();
            }
            let place = first + column * step + self.place(&indices[block * count..][..count])?;
            body(found, place..place + self.block);
            block = if block + 1 < blocks { block + 1 } else { 0 };
            column = if column + 1 < row { column + 1 } else { 0 };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(op: &Op, from: &[usize], shape: &[usize], indices: &[i64], elements: usize) -> Vec<u8> {
        let values: Vec<u8> = (0..).take(from.iter().product()).collect();
        let gathering = Gathering::new(op, from, shape).unwrap();
        gathering.check(indices).unwrap();
        let mut to = vec![0xaa; elements];
        gathering.copy(&values, indices, &mut to).unwrap();
        to
    }

    #[test]
    fn slices() {
        let op = Op::Gather { axis: 1 };
        assert_eq!(gathered(&op, &[2, 3, 2], &[2], &[2, 0], 8), [4, 5, 0, 1, 10, 11, 6, 7]);
        assert_eq!(gathered(&op, &[2, 3], &[], &[-1], 2), [2, 5]);
        assert!(gathered(&op, &[2, 3], &[0], &[], 0).is_empty());
    }

    #[test]
    fn elements() {
        let op = Op::GatherElements { axis: 1 };
        assert_eq!(gathered(&op, &[2, 2], &[2, 2], &[0, 0, 1, 0], 4), [0, 0, 3, 2]);
        // Fewer rows than there are.
        let op = Op::GatherElements { axis: 0 };
        assert_eq!(gathered(&op, &[3, 3], &[2, 3], &[1, 2, 0, 2, 0, 0], 6), [3, 7, 2, 6, 1, 2]);
    }

    #[test]
    fn tuples() {
        let op = Op::GatherNd { batch: 0 };
        assert_eq!(gathered(&op, &[2, 2], &[2, 2], &[0, 0, 1, -1], 2), [0, 3]);
        assert_eq!(gathered(&op, &[2, 2, 2], &[2, 1, 2], &[0, 1, 1, 0], 4), [2, 3, 4, 5]);
        assert_eq!(gathered(&op, &[2, 2], &[3, 0], &[], 12), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
        let op = Op::GatherNd { batch: 1 };
        assert_eq!(gathered(&op, &[2, 2, 2], &[2, 1], &[1, 0], 4), [2, 3, 4, 5]);
    }

    #[test]
    fn indices_stay_within_their_axes() {
        for bad in [2, -3, i64::MAX, i64::MIN] {
            let gathering = Gathering::new(&Op::Gather { axis: 0 }, &[2], &[]).unwrap();
            let expected = format!("index {bad} is outside an axis of size 2");
            assert_eq!(gathering.check(&[bad]).unwrap_err().message, expected);
            assert_eq!(gathering.copy(&[0, 1], &[bad], &mut [0]).unwrap_err().message, expected);
        }
    }
}
