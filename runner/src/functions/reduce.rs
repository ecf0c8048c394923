//! Reductions along axes: the elements that come together do so one by one, in C order, from a neutral one on.

use super::arithmetic::{Arithmetic, Ordered};
use super::sums::{ROWS, joined};
use super::wide::wide;
use crate::error::Fault;
use crate::graph::function::Reduction;
use crate::graph::shape;
use crate::rearrange::Odometer;

/// Of each axis, whether it is reduced; none means all of them, or none.
pub(crate) fn reduced(rank: usize, axes: Option<&[i64]>, none_is_none: bool) -> Result<Vec<bool>, Fault> {
    let axes = axes.unwrap_or_default();
    if axes.is_empty() {
        return Ok(vec![!none_is_none; rank]);
    }
    let mut reduced = vec![false; rank];
    for &axis in axes {
        if std::mem::replace(&mut reduced[shape::axis(axis, rank)?], true) {
            return Err(Fault::invalid(format!("axis {axis} is there twice in {axes:?}")));
        }
    }
    Ok(reduced)
}

/// Distances in the result along the axes of what is reduced. `dense` has those in a tensor of the result's shape, in
/// which axes that go are of one element.
pub(crate) fn strides(shape: &[usize], reduced: &[bool], dense: impl Fn(&[usize]) -> Vec<usize>) -> Vec<usize> {
    let kept: Vec<usize> = shape.iter().zip(reduced).map(|(&size, &reduced)| if reduced { 1 } else { size }).collect();
    dense(&kept).into_iter().zip(reduced).map(|(stride, &reduced)| if reduced { 0 } else { stride }).collect()
}

/// Reduces `x`, which is in C order of `shape`, to `y`, where each element belongs by the distances along the axes.
pub(crate) fn reduce<T: Arithmetic>(reduction: Reduction, x: &[T], shape: &[usize], strides: &[usize], y: &mut [T]) {
    match reduction {
        Reduction::Max | Reduction::Min => extremes(reduction, x, shape, strides, y),
        Reduction::L1 => walk(x, shape, strides, T::ZERO, y, |sum, x| sum.add(x.abs())),
        Reduction::L2 => {
            walk(x, shape, strides, T::ZERO, y, |sum, x| sum.add(x.mul(x)));
            y.iter_mut().for_each(|y| *y = y.sqrt());
        }
        Reduction::Mean => {
            walk(x, shape, strides, T::ZERO, y, T::add);
            let count =
                T::count(shape.iter().zip(strides).filter(|(_, stride)| **stride == 0).map(|(size, _)| size).product());
            y.iter_mut().for_each(|y| *y = y.div(count));
        }
        Reduction::Prod => walk(x, shape, strides, T::ONE, y, T::mul),
        Reduction::Sum => walk(x, shape, strides, T::ZERO, y, T::add),
        Reduction::SumSquare => walk(x, shape, strides, T::ZERO, y, |sum, x| sum.add(x.mul(x))),
    }
}

/// As [`reduce`], to the greatest elements, or the least.
pub(crate) fn extremes<T: Ordered>(reduction: Reduction, x: &[T], shape: &[usize], strides: &[usize], y: &mut [T]) {
    if reduction == Reduction::Max {
        walk(x, shape, strides, T::LEAST, y, T::max);
    } else {
        walk(x, shape, strides, T::GREATEST, y, T::min);
    }
}

fn walk<T: Copy>(x: &[T], shape: &[usize], strides: &[usize], first: T, y: &mut [T], join: impl Fn(T, T) -> T) {
    y.fill(first);
    if !x.is_empty() && !y.is_empty() {
        wide!(rows(x, shape, strides, first, y, join));
    }
}

#[inline(always)]
fn rows<T: Copy>(x: &[T], shape: &[usize], strides: &[usize], first: T, y: &mut [T], join: impl Fn(T, T) -> T) {
    let (width, outer, step) = match (shape.split_last(), strides.last()) {
        (Some((&width, outer)), Some(&step)) => (width, outer, step),
        _ => (1, shape, 0),
    };
    let mut at = Odometer::new(outer);
    if step != 0 {
        for row in x.chunks_exact(width) {
            let offset = at.offset(strides);
            for (y, &x) in y[offset..].iter_mut().zip(row) {
                *y = join(*y, x);
            }
            at.advance();
        }
        return;
    }
    // Rows that belong to elements of their own are joined side by side; those of one, one after the other.
    let own = outer.len().checked_sub(1).filter(|&last| strides[last] != 0);
    let (group, count) = own.map_or((1, 1), |last| (outer[last], ROWS));
    for x in x.chunks_exact(group * width).flat_map(|x| x.chunks(count * width)) {
        let mut places = [0; ROWS];
        let places = &mut places[..x.len() / width];
        for place in &mut *places {
            *place = at.offset(strides);
            at.advance();
        }
        let mut before = [first; ROWS];
        before.iter_mut().zip(&*places).for_each(|(before, &place)| *before = y[place]);
        let joined = joined(x, width, before, |_, y, x| join(y, x));
        places.iter().zip(joined).for_each(|(&place, joined)| y[place] = joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<T: Arithmetic>(reduction: Reduction, x: &[T], shape: &[usize], axes: &[i64]) -> Vec<T> {
        let reduced = reduced(shape.len(), Some(axes), false).unwrap();
        let strides = strides(shape, &reduced, shape::strides);
        let kept = shape.iter().zip(&reduced).map(|(&size, &reduced)| if reduced { 1 } else { size });
        let mut y = vec![T::ONE; kept.product()];
        reduce(reduction, x, shape, &strides, &mut y);
        y
    }

    #[test]
    fn axes_in_the_middle_and_at_both_ends() {
        let x: Vec<i32> = (0..24).collect();
        let shape = [2, 3, 4];
        assert_eq!(all(Reduction::Sum, &x, &shape, &[-1]), [6, 22, 38, 54, 70, 86]);
        assert_eq!(all(Reduction::Sum, &x, &shape, &[1]), [12, 15, 18, 21, 48, 51, 54, 57]);
        assert_eq!(all(Reduction::Sum, &x, &shape, &[0, 2]), [60, 92, 124]);
        assert_eq!(all(Reduction::Sum, &x, &shape, &[]), [276]);
        assert_eq!(all(Reduction::Max, &x, &shape, &[0, 1]), [20, 21, 22, 23]);
        assert_eq!(all(Reduction::Min, &x, &shape, &[-2]), [0, 1, 2, 3, 12, 13, 14, 15]);
        assert_eq!(all(Reduction::Mean, &x, &shape, &[2]), [1, 5, 9, 13, 17, 21]);
    }

    #[test]
    fn every_reduction() {
        let x = [3.0f32, -4.0, 0.5, 1.5];
        let one = |reduction| all(reduction, &x, &[4], &[0])[0];
        assert_eq!(one(Reduction::L1), 9.0);
        assert_eq!(one(Reduction::L2), 27.5f32.sqrt());
        assert_eq!(one(Reduction::Max), 3.0);
        assert_eq!(one(Reduction::Mean), 0.25);
        assert_eq!(one(Reduction::Min), -4.0);
        assert_eq!(one(Reduction::Prod), -9.0);
        assert_eq!(one(Reduction::Sum), 1.0);
        assert_eq!(one(Reduction::SumSquare), 27.5);
        assert_eq!(all(Reduction::L2, &[3, 4], &[2], &[0]), [5]);
    }

    #[test]
    fn sums_go_from_the_first_to_the_last() {
        // Only in this order does each small one vanish.
        let x = [1.0, 5.960_464_5e-8, 5.960_464_5e-8, 5.960_464_5e-8f32];
        assert_eq!(all(Reduction::Sum, &x, &[2, 2], &[0, 1]), [1.0]);
        let mut reversed = x;
        reversed.reverse();
        assert_eq!(all(Reduction::Sum, &reversed, &[2, 2], &[0, 1]), [1.000_000_2]);
    }

    #[test]
    fn nothing_reduces_to_the_neutral_element() {
        assert_eq!(all::<f32>(Reduction::Sum, &[], &[2, 0], &[1]), [0.0; 2]);
        assert_eq!(all::<i32>(Reduction::Prod, &[], &[2, 0], &[1]), [1; 2]);
        assert_eq!(all::<f32>(Reduction::Max, &[], &[0], &[0]), [f32::NEG_INFINITY]);
        assert!(all::<f32>(Reduction::Mean, &[], &[0], &[0])[0].is_nan());
        assert_eq!(all::<i32>(Reduction::Mean, &[], &[0], &[0]), [0]);
        assert_eq!(all(Reduction::Sum, &[7], &[], &[]), [7]);
        assert!(all(Reduction::Max, &[1.0, f32::NAN, 2.0], &[3], &[0])[0].is_nan());
    }

    #[test]
    fn axes_are_checked() {
        assert_eq!(reduced(3, Some(&[-1, 0]), false), Ok(vec![true, false, true]));
        assert_eq!(reduced(2, Some(&[]), true), Ok(vec![false; 2]));
        assert_eq!(reduced(2, None, false), Ok(vec![true; 2]));
        assert!(reduced(2, Some(&[2]), false).is_err());
        assert!(reduced(2, Some(&[1, -1]), false).is_err());
    }
}
