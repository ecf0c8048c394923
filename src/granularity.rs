//! How scales and zero points lie over a tensor.

use core::ops::Range;

use crate::error::Error;

/// How scales and zero points lie over a tensor in C order.
///
/// ```
/// use zeropoint::Granularity;
///
/// // A scale for each of 64 channels of images in the order image, channel, row, column.
/// let by_channel = Granularity::Axis { shape: &[1, 64, 28, 28], axis: 1 };
/// // A scale for each 32 neighbours of a row; the last block of a row may be shorter.
/// let by_block = Granularity::Blocks { shape: &[128, 1000], axis: -1, block: 32 };
/// # let _ = (by_channel, by_block);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Granularity<'a> {
    /// One for all.
    #[default]
    Tensor,
    /// One for each index of an axis.
    Axis {
        /// The tensor's shape.
        shape: &'a [usize],
        /// The axis; a negative one counts from the end.
        axis: isize,
    },
    /// One for each block of neighbours along an axis: as many as a tensor has whose size on the axis is the number of
    /// blocks, in that tensor's order.
    Blocks {
        /// The tensor's shape.
        shape: &'a [usize],
        /// The axis; a negative one counts from the end.
        axis: isize,
        /// Elements of a block; the last one along the axis may have fewer.
        block: usize,
    },
}

/// A tensor as three axes: what is before the axis, the axis, and what is behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    outer: usize,
    axis: usize,
    inner: usize,
    /// Elements of a block, if there are blocks.
    block: Option<usize>,
}

/// The parameters of a run of elements: one for all, or one for each.
#[derive(Clone, Debug)]
pub(crate) enum Of {
    One(usize),
    Each(Range<usize>),
}

impl Of {
    /// Those of some elements of the run.
    pub(crate) fn from(&self, at: usize, len: usize) -> Self {
        match self {
            Self::One(index) => Self::One(*index),
            Self::Each(range) => Self::Each(range.start + at..range.start + at + len),
        }
    }
}

impl Granularity<'_> {
    /// The rows of a tensor of so many elements.
    pub(crate) fn rows(&self, len: usize) -> Result<Rows, Error> {
        let (shape, axis, block) = match *self {
            Self::Tensor => return Ok(Rows { outer: 1, axis: 1, inner: len, block: None }),
            Self::Axis { shape, axis } => (shape, axis, None),
            Self::Blocks { shape, axis, block } => (shape, axis, Some(block)),
        };
        let rank = shape.len() as isize;
        if !(-rank..rank).contains(&axis) {
            return Err(Error::OutOfRange {
                what: "axis",
                expected: (-rank as i64, rank as i64 - 1),
                got: axis as i64,
            });
        }
        if block == Some(0) {
            return Err(Error::OutOfRange { what: "block", expected: (1, i64::MAX), got: 0 });
        }
        let axis = axis.rem_euclid(rank) as usize;
        let elements = |shape: &[usize]| {
            let product = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
            product.ok_or(Error::SizeOverflow { what: "shape of the tensor" })
        };
        let (outer, inner) = (elements(&shape[..axis])?, elements(&shape[axis + 1..])?);
        let all = elements(&[outer, shape[axis], inner])?;
        if all != len {
            return Err(Error::Length { what: "tensor of this shape", expected: all, got: len });
        }
        Ok(Rows { outer, axis: shape[axis], inner, block })
    }
}

impl Rows {
    /// How many parameters there are.
    pub(crate) fn parameters(&self) -> usize {
        match self.block {
            None => self.axis,
            Some(block) => self.outer * self.axis.div_ceil(block) * self.inner,
        }
    }

    /// Calls for each run of elements, with its parameters.
    pub(crate) fn each(&self, mut of_run: impl FnMut(Range<usize>, &Of)) {
        let Self { outer, axis, inner, block } = *self;
        if outer == 0 || axis == 0 || inner == 0 {
            return;
        }
        let blocks = block.map_or(0, |block| axis.div_ceil(block));
        for row in 0..outer {
            let start = row * axis * inner;
            match block {
                // Neighbours in memory are neighbours on the axis.
                None if inner == 1 => of_run(start..start + axis, &Of::Each(0..axis)),
                None => (0..axis).for_each(|at| {
                    let start = start + at * inner;
                    of_run(start..start + inner, &Of::One(at));
                }),
                Some(block) if inner == 1 => (0..blocks).for_each(|index| {
                    let (from, to) = (index * block, axis.min((index + 1) * block));
                    of_run(start + from..start + to, &Of::One(row * blocks + index));
                }),
                Some(block) => (0..axis).for_each(|at| {
                    let (start, first) = (start + at * inner, (row * blocks + at / block) * inner);
                    of_run(start..start + inner, &Of::Each(first..first + inner));
                }),
            }
        }
    }
}
