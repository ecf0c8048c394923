//! `Softmax` in f32. Its definition leaves the rounding open; this is the one order in which it is computed here, on
//! every CPU: the maximum, then `expf` of each difference, then their sum from the first to the last, then each
//! quotient, with every operation rounded to f32 and `expf` libm's.

use std::ops::Range;

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{ROWS, exp, sums, wide};
use crate::graph::{TensorId, shape};
use crate::passes::split;

struct Softmax {
    x: TensorId,
    y: TensorId,
    size: usize,
    inner: usize,
}

pub(super) fn lower(operands: Operands<'_>, axis: i64, flattened: bool) -> Result<Box<dyn Step>, Fault> {
    let x = operands.id(0)?;
    let shape = operands.shape(x)?;
    let (size, inner) =
        if flattened { (shape::elements(&shape[split(axis, shape.len())?..])?, 1) } else { lane(operands, x, axis)? };
    Ok(Box::new(Softmax { x, y: operands.output()?, size, inner }))
}

/// The size of a lane along an axis, and the distance between its elements.
pub(super) fn lane(operands: Operands<'_>, x: TensorId, axis: i64) -> Result<(usize, usize), Fault> {
    let axes = operands.axes(x)?;
    let place = axes.place(shape::axis(axis, axes.sizes().len())?);
    Ok((axes.sizes()[place], shape::elements(&axes.sizes()[place + 1..])?))
}

impl Step for Softmax {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            let block = self.size * self.inner;
            if block == 0 {
                return Ok(());
            }
            let x = memory.read::<f32>(self.x);
            if self.inner == 1 {
                rows(x, y, self.size);
            } else {
                x.chunks_exact(block).zip(y.chunks_exact_mut(block)).for_each(|(x, y)| columns(x, y, self.inner));
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        "runner/softmax".to_owned()
    }
}

/// Of each row of so many elements.
fn rows(x: &[f32], y: &mut [f32], size: usize) {
    for (x, y) in x.chunks(ROWS * size).zip(y.chunks_mut(ROWS * size)) {
        wide!({
            for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
                let most = greatest(x);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = exp(x - most);
                }
            }
            let sums = sums(y, size, |_, y| y);
            for (y, sum) in y.chunks_exact_mut(size).zip(sums) {
                for y in y {
                    *y /= sum;
                }
            }
        });
    }
}

/// The greatest element; a NaN is none. Which of 0 and -0 it is, the difference to it decides, and the exponentials of
/// both are 1: so the order of the comparisons is free.
#[inline(always)]
fn greatest(x: &[f32]) -> f32 {
    let (parts, rest) = x.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for part in parts {
        for (most, &x) in most.iter_mut().zip(part) {
            *most = greater(*most, x);
        }
    }
    most.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, greater)
}

#[inline(always)]
fn greater(most: f32, x: f32) -> f32 {
    if x > most { x } else { most }
}

/// Columns that are computed together.
const TOGETHER: usize = 64;

/// Of each column of rows of so many elements. Columns are independent, so that some beside each other are computed
/// together, and some rows at a time where they are narrow.
fn columns(x: &[f32], y: &mut [f32], width: usize) {
    if width <= TOGETHER / 2 {
        wide!(narrow(x, y, width));
        return;
    }
    for first in (0..width).step_by(TOGETHER) {
        let y = &mut *y;
        wide!(some(x, y, width, first..width.min(first + TOGETHER)));
    }
}

/// The columns of a range.
#[inline(always)]
fn some(x: &[f32], y: &mut [f32], width: usize, range: Range<usize>) {
    let mut most = [f32::NEG_INFINITY; TOGETHER];
    for x in x.chunks_exact(width) {
        raise(&mut most, &x[range.clone()]);
    }
    let mut sums = [0.0; TOGETHER];
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let y = &mut y[range.clone()];
        exponentials(&x[range.clone()], &most, y);
        add(&mut sums, y);
    }
    for y in y.chunks_exact_mut(width) {
        divide(&mut y[range.clone()], &sums);
    }
}

/// The same of rows of which several have a place beside each other.
#[inline(always)]
fn narrow(x: &[f32], y: &mut [f32], width: usize) {
    let group = TOGETHER / width * width;
    let repeat = |values: &mut [f32; TOGETHER]| {
        for at in width..group {
            values[at] = values[at - width];
        }
    };
    let mut most = [f32::NEG_INFINITY; TOGETHER];
    for x in x.chunks(group) {
        raise(&mut most, x);
    }
    let (first, others) = most[..group].split_at_mut(width);
    for other in others.chunks_exact(width) {
        raise(first, other);
    }
    repeat(&mut most);
    for (x, y) in x.chunks(group).zip(y.chunks_mut(group)) {
        exponentials(x, &most, y);
    }
    let mut sums = [0.0; TOGETHER];
    for y in y.chunks_exact(width) {
        add(&mut sums, y);
    }
    repeat(&mut sums);
    for y in y.chunks_mut(group) {
        divide(y, &sums);
    }
}

#[inline(always)]
fn raise(most: &mut [f32], x: &[f32]) {
    for (most, &x) in most.iter_mut().zip(x) {
        *most = greater(*most, x);
    }
}

#[inline(always)]
fn exponentials(x: &[f32], most: &[f32], y: &mut [f32]) {
    for ((y, x), most) in y.iter_mut().zip(x).zip(most) {
        *y = exp(x - most);
    }
}

#[inline(always)]
fn add(sums: &mut [f32], y: &[f32]) {
    for (sum, y) in sums.iter_mut().zip(y) {
        *sum += y;
    }
}

#[inline(always)]
fn divide(y: &mut [f32], sums: &[f32]) {
    for (y, sum) in y.iter_mut().zip(sums) {
        *y /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, rows};

    /// As the head of this file has it, over every `step`-th element.
    fn defined(x: &[f32], y: &mut [f32], step: usize) {
        let values = || x.iter().step_by(step).copied();
        let most = values().fold(f32::NEG_INFINITY, |most, value| if value > most { value } else { most });
        let mut sum = 0f32;
        for (y, x) in y.iter_mut().step_by(step).zip(values()) {
            *y = libm::expf(x - most);
            sum += *y;
        }
        y.iter_mut().step_by(step).for_each(|y| *y /= sum);
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn rows_and_columns_have_the_bits_of_their_definition() {
        for (count, size) in [(1, 1), (3, 7), (4, 16), (9, 33), (2, 200), (130, 5), (64, 3)] {
            let mut x: Vec<f32> = (0..count * size).map(|at| (at * 7919 % 1013) as f32 * 0.031 - 20.0).collect();
            // Of a mask, and both zeros as the greatest ones of a row.
            x[0] = f32::NEG_INFINITY;
            if count > 2 {
                x[size..2 * size].fill(-0.0);
                x[2 * size - 1] = 0.0;
            }
            let (mut y, mut expected) = (vec![9.0; x.len()], vec![9.0; x.len()]);
            rows(&x, &mut y, size);
            x.chunks(size).zip(expected.chunks_mut(size)).for_each(|(x, y)| defined(x, y, 1));
            assert!(
                bits(&y) == bits(&expected) || size == 1 && y[0].is_nan() && bits(&y[1..]) == bits(&expected[1..]),
                "{count} rows of {size}"
            );
            // The other way round: `size` rows of `count` columns.
            columns(&x, &mut y, count);
            (0..count).for_each(|at| defined(&x[at..], &mut expected[at..], count));
            let pairs = y.iter().zip(&expected);
            assert!(
                pairs.into_iter().all(|(y, e)| y.to_bits() == e.to_bits() || y.is_nan() && e.is_nan()),
                "{count} columns of {size}"
            );
        }
    }

    #[test]
    fn columns_are_independent_and_sum_to_one() {
        let x = [0.0, 5.0, 1.0, -5.0, 2.0, 100.0];
        let mut y = [9.0; 6];
        columns(&x, &mut y, 2);
        for column in 0..2 {
            let sum: f32 = y.iter().skip(column).step_by(2).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{y:?}");
        }
        assert!(y[0] < y[2] && y[2] < y[4] && y[5] == 1.0 && y[3] == 0.0, "{y:?}");
        assert!((y[4] / y[2] - std::f32::consts::E).abs() < 1e-5);
    }

    #[test]
    fn a_nan_is_not_hidden() {
        let mut y = [0.0; 2];
        rows(&[f32::NAN, 1.0], &mut y, 2);
        assert!(y.iter().all(|y| y.is_nan()));
        let mut y = [0.0; 4];
        columns(&[f32::NAN, 1.0, 1.0, 1.0], &mut y, 2);
        assert!(y[0].is_nan() && y[2].is_nan() && y[1] == 0.5 && y[3] == 0.5);
    }
}
