//! `Softmax` in f32. Its definition leaves the rounding open; this is the one order in which it is computed here, on
//! every CPU: the maximum, then `expf` of each difference, then their sum from the first to the last, then each
//! quotient, with every operation rounded to f32 and `expf` libm's. `LogSoftmax` has in the quotient's place
//! `f32(f32(x - maximum) - logf(sum))`, with libm's `logf`.

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
    logarithms: bool,
}

pub(super) fn lower(
    operands: Operands<'_>,
    axis: i64,
    flattened: bool,
    logarithms: bool,
) -> Result<Box<dyn Step>, Fault> {
    let x = operands.id(0)?;
    let shape = operands.shape(x)?;
    let (size, inner) =
        if flattened { (shape::elements(&shape[split(axis, shape.len())?..])?, 1) } else { lane(operands, x, axis)? };
    Ok(Box::new(Softmax { x, y: operands.output()?, size, inner, logarithms }))
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
                rows(x, y, self.size, self.logarithms);
            } else {
                let blocks = x.chunks_exact(block).zip(y.chunks_exact_mut(block));
                blocks.for_each(|(x, y)| columns(x, y, self.inner, self.logarithms));
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        if self.logarithms { "runner/logsoftmax" } else { "runner/softmax" }.to_owned()
    }
}

/// Of each row of so many elements.
fn rows(x: &[f32], y: &mut [f32], size: usize, logarithms: bool) {
    for (x, y) in x.chunks(ROWS * size).zip(y.chunks_mut(ROWS * size)) {
        wide!({
            for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
                let most = greatest(x);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = x - most;
                }
            }
            // Of all rows at once: what is left of each by itself would be computed one by one.
            for y in &mut *y {
                *y = exp(*y);
            }
            let sums = sums(y, size, |_, y| y);
            for ((x, y), sum) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)).zip(sums) {
                if logarithms {
                    let (most, sum) = (greatest(x), libm::logf(sum));
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = (x - most) - sum;
                    }
                } else {
                    for y in y {
                        *y /= sum;
                    }
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
fn columns(x: &[f32], y: &mut [f32], width: usize, logarithms: bool) {
    if width <= TOGETHER / 2 {
        wide!(narrow(x, y, width, logarithms));
        return;
    }
    for first in (0..width).step_by(TOGETHER) {
        let y = &mut *y;
        wide!(some(x, y, width, first..width.min(first + TOGETHER), logarithms));
    }
}

/// The columns of a range.
#[inline(always)]
fn some(x: &[f32], y: &mut [f32], width: usize, range: Range<usize>, logarithms: bool) {
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
    let ending = Ending::new(most, sums, logarithms);
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        ending.end(&x[range.clone()], &mut y[range.clone()]);
    }
}

/// The same of rows of which several have a place beside each other.
#[inline(always)]
fn narrow(x: &[f32], y: &mut [f32], width: usize, logarithms: bool) {
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
    let ending = Ending::new(most, sums, logarithms);
    for (x, y) in x.chunks(group).zip(y.chunks_mut(group)) {
        ending.end(x, y);
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

/// What makes results of exponentials and their sums.
struct Ending {
    most: [f32; TOGETHER],
    /// The sums, or their logarithms.
    sums: [f32; TOGETHER],
    logarithms: bool,
}

impl Ending {
    #[inline(always)]
    fn new(most: [f32; TOGETHER], sums: [f32; TOGETHER], logarithms: bool) -> Self {
        Self { most, sums: if logarithms { sums.map(libm::logf) } else { sums }, logarithms }
    }

    #[inline(always)]
    fn end(&self, x: &[f32], y: &mut [f32]) {
        if self.logarithms {
            for ((y, x), (most, sum)) in y.iter_mut().zip(x).zip(self.most.iter().zip(&self.sums)) {
                *y = (x - most) - sum;
            }
        } else {
            for (y, sum) in y.iter_mut().zip(&self.sums) {
                *y /= sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, rows};

    /// As the head of this file has it, over every `step`-th element.
    fn defined(x: &[f32], y: &mut [f32], step: usize, logarithms: bool) {
        let values = || x.iter().step_by(step).copied();
        let most = values().fold(f32::NEG_INFINITY, |most, value| if value > most { value } else { most });
        let mut sum = 0f32;
        for (y, x) in y.iter_mut().step_by(step).zip(values()) {
            *y = libm::expf(x - most);
            sum += *y;
        }
        for (y, x) in y.iter_mut().step_by(step).zip(values()) {
            *y = if logarithms { (x - most) - libm::logf(sum) } else { *y / sum };
        }
    }

    fn same(y: &[f32], expected: &[f32]) -> bool {
        y.iter().zip(expected).all(|(y, e)| y.to_bits() == e.to_bits() || y.is_nan() && e.is_nan())
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
            for logarithms in [false, true] {
                rows(&x, &mut y, size, logarithms);
                x.chunks(size).zip(expected.chunks_mut(size)).for_each(|(x, y)| defined(x, y, 1, logarithms));
                assert!(same(&y, &expected), "{count} rows of {size}, {logarithms}");
                // The other way round: `size` rows of `count` columns.
                columns(&x, &mut y, count, logarithms);
                (0..count).for_each(|at| defined(&x[at..], &mut expected[at..], count, logarithms));
                assert!(same(&y, &expected), "{count} columns of {size}, {logarithms}");
            }
        }
    }

    #[test]
    fn columns_are_independent_and_sum_to_one() {
        let x = [0.0, 5.0, 1.0, -5.0, 2.0, 100.0];
        let mut y = [9.0; 6];
        columns(&x, &mut y, 2, false);
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
        rows(&[f32::NAN, 1.0], &mut y, 2, false);
        assert!(y.iter().all(|y| y.is_nan()));
        let mut y = [0.0; 4];
        columns(&[f32::NAN, 1.0, 1.0, 1.0], &mut y, 2, false);
        assert!(y[0].is_nan() && y[2].is_nan() && y[1] == 0.5 && y[3] == 0.5);
    }
}
