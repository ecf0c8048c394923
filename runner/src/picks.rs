//! Tensors whose elements are those of another one, chosen along each axis for itself.

use crate::error::Fault;
use crate::graph::op::{Border, Nearest};
use crate::graph::shape;
use crate::rearrange::Odometer;
use crate::scaling::Scaled;

/// Which elements of an axis another axis has, one after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Along {
    /// `first`, `first + step`, ...
    Line { first: usize, step: isize, count: usize },
    /// All `size` of them, again and again.
    Repeated { size: usize, count: usize },
    /// `size` of them from `first` on, with so many before them, and some behind.
    Bordered { border: Border, first: usize, size: usize, before: usize, count: usize },
    /// The nearest, where the size changes.
    Nearest { axis: Scaled, nearest: Nearest },
}

impl Along {
    /// All elements, as they are.
    pub(crate) const fn all(size: usize) -> Self {
        Self::Line { first: 0, step: 1, count: size }
    }

    /// The size of the new axis.
    pub(crate) const fn count(&self) -> usize {
        match *self {
            Self::Line { count, .. } | Self::Repeated { count, .. } | Self::Bordered { count, .. } => count,
            Self::Nearest { axis, .. } => axis.to,
        }
    }

    /// The element that stands at an index of the new axis.
    fn at(&self, index: usize) -> usize {
        match *self {
            Self::Line { first, step, .. } => first.wrapping_add_signed(step.wrapping_mul(index.cast_signed())),
            Self::Repeated { size, .. } => index % size,
            Self::Bordered { border, first, size, before, .. } => {
                // Sizes of tensors are at most isize::MAX.
                let (at, size) = (index.cast_signed() - before.cast_signed(), size.cast_signed());
                let within = match border {
                    Border::Constant | Border::Edge => at.clamp(0, size - 1),
                    Border::Wrap => at.rem_euclid(size),
                    Border::Reflect => {
                        let period = 2 * (size - 1).max(1);
                        let at = at.rem_euclid(period);
                        if size == 1 { 0 } else { at.min(period - at) }
                    }
                };
                first.wrapping_add_signed(within)
            }
            Self::Nearest { axis, nearest } => axis.nearest(nearest, index),
        }
    }
}

/// Distances from a tensor's first element, along an axis of another one.
#[derive(Debug, PartialEq)]
enum Offsets {
    Line { first: usize, step: isize, count: usize },
    Table(Vec<usize>),
}

impl Offsets {
    fn count(&self) -> usize {
        match self {
            Self::Line { count, .. } => *count,
            Self::Table(table) => table.len(),
        }
    }

    fn at(&self, index: usize) -> usize {
        match self {
            Self::Line { first, step, .. } => first.wrapping_add_signed(step.wrapping_mul(index.cast_signed())),
            Self::Table(table) => table[index],
        }
    }
}

/// What to copy where.
#[derive(Debug)]
pub(crate) struct Picks {
    /// Of all axes but the last ones, which lie together in both tensors.
    outer: Vec<Offsets>,
    /// How many there are of each.
    counts: Vec<usize>,
    /// Of the first element of each piece, and how long pieces are.
    first: usize,
    piece: usize,
}

/// The most offsets that a table keeps.
const MOST: usize = 1 << 24;

impl Picks {
    /// From a dense tensor of the shape `from`, whose elements the new axes have chosen.
    pub(crate) fn new(from: &[usize], axes: &[Along]) -> Result<Self, Fault> {
        let strides = shape::strides(from);
        let (mut outer, mut first, mut piece) = (Vec::new(), 0, 1);
        if axes.iter().any(|axis| axis.count() == 0) {
            return Ok(Self { outer, counts: Vec::new(), first, piece: 0 });
        }
        let mut together = true;
        for ((axis, &stride), &size) in axes.iter().zip(&strides).zip(from).rev() {
            match *axis {
                Along::Line { first: begin, step: 1, count } if together => {
                    first += begin * stride;
                    piece *= count;
                    together = count == size;
                }
                Along::Line { first, step, count } => {
                    let step = step.wrapping_mul(stride.cast_signed());
                    outer.push(Offsets::Line { first: first * stride, step, count });
                    together = false;
                }
                ref axis if axis.count() > MOST => {
                    let count = axis.count();
                    return Err(Fault::too_large(format!("{count} places of elements, expected at most {MOST}")));
                }
                ref axis => {
                    outer.push(Offsets::Table((0..axis.count()).map(|index| axis.at(index) * stride).collect()));
                    together = false;
                }
            }
        }
        outer.reverse();
        let counts = outer.iter().map(Offsets::count).collect();
        Ok(Self { outer, counts, first, piece })
    }

    /// Copies the elements.
    pub(crate) fn copy<T: Copy>(&self, from: &[T], to: &mut [T]) {
        let Self { outer, counts, first, piece } = self;
        if to.is_empty() {
            return;
        }
        let (Some((last, outer)), Some((&count, counts))) = (outer.split_last(), counts.split_last()) else {
            to.copy_from_slice(&from[*first..][..*piece]);
            return;
        };
        let mut at = Odometer::new(counts);
        for row in to.chunks_exact_mut(count * piece) {
            let begin: usize = first + outer.iter().zip(at.index()).map(|(axis, &index)| axis.at(index)).sum::<usize>();
            if *piece == 1 {
                row.iter_mut().enumerate().for_each(|(index, to)| *to = from[begin + last.at(index)]);
            } else {
                for (index, to) in row.chunks_exact_mut(*piece).enumerate() {
                    to.copy_from_slice(&from[begin + last.at(index)..][..*piece]);
                }
            }
            at.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(from: &[usize], axes: &[Along]) -> Vec<u8> {
        let x: Vec<u8> = (0..from.iter().product::<usize>()).map(|value| u8::try_from(value).unwrap()).collect();
        let mut y = vec![99; axes.iter().map(Along::count).product()];
        Picks::new(from, axes).unwrap().copy(&x, &mut y);
        y
    }

    fn bordered(border: Border) -> Vec<usize> {
        let axis = Along::Bordered { border, first: 2, size: 3, before: 5, count: 13 };
        (0..13).map(|index| axis.at(index)).collect()
    }

    #[test]
    fn borders_go_on_for_ever() {
        assert_eq!(bordered(Border::Edge), [2, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4]);
        assert_eq!(bordered(Border::Reflect), [3, 2, 3, 4, 3, 2, 3, 4, 3, 2, 3, 4, 3]);
        assert_eq!(bordered(Border::Wrap), [3, 4, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3]);
        let one = Along::Bordered { border: Border::Reflect, first: 0, size: 1, before: 2, count: 4 };
        assert_eq!([0, 1, 2, 3].map(|index| one.at(index)), [0; 4]);
    }

    #[test]
    fn lines_and_tables_of_every_axis() {
        let all = Along::all;
        let line = |first, step, count| Along::Line { first, step, count };
        assert_eq!(picked(&[2, 3], &[all(2), all(3)]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(picked(&[2, 3], &[line(1, 1, 1), all(3)]), [3, 4, 5]);
        assert_eq!(picked(&[2, 3], &[all(2), line(1, 1, 2)]), [1, 2, 4, 5]);
        assert_eq!(picked(&[2, 3], &[line(1, -1, 2), line(2, -2, 2)]), [5, 3, 2, 0]);
        assert_eq!(picked(&[3, 2, 2], &[line(0, 2, 2), all(2), all(2)]), [0, 1, 2, 3, 8, 9, 10, 11]);
        assert_eq!(picked(&[2, 2], &[Along::Repeated { size: 2, count: 4 }, all(2)]), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(picked(&[2, 2], &[all(2), Along::Repeated { size: 2, count: 3 }]), [0, 1, 0, 2, 3, 2]);
        assert_eq!(picked(&[2, 0], &[all(2), all(0)]), [0u8; 0]);
        assert_eq!(picked(&[], &[]), [0]);
    }
}
