//! Parameters of matrix products: one for all, or one for each row or column of each matrix.

use crate::error::Fault;
use crate::graph::shape;
use crate::passes::broadcast_strides;
use crate::rearrange;

/// What a parameter may be one for each of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    Rows,
    Columns,
}

/// The values of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lines<T> {
    pub(super) along: Along,
    values: Vec<T>,
    /// Values of a matrix.
    each: usize,
    /// Whether all matrices have the same ones.
    shared: bool,
}

/// The most values that a parameter may come to when it is repeated for each matrix.
const MOST: usize = 1 << 24;

impl<T: Copy + Default> Lines<T> {
    /// The parameter `what`: `values` in a `shape`, for matrices of `[rows, columns]` in a batch of the shape `batch`.
    /// Shapes with one axis are `[columns]`, or `[rows]` where only rows may have values of their own.
    pub(super) fn of(
        what: &str,
        (values, shape): (Vec<T>, &[usize]),
        along: &[Along],
        [rows, columns]: [usize; 2],
        batch: &[usize],
    ) -> Result<Self, Fault> {
        let last = along.last().copied().unwrap_or(Along::Columns);
        if values.len() == 1 {
            return Ok(Self { along: last, values, each: 1, shared: true });
        }
        let refuse = || {
            Fault::invalid(format!(
                "{what} has shape {shape:?}, expected one value or one for each of {along:?} of {batch:?} matrices \
                 {rows} x {columns}"
            ))
        };
        let (lead, along, each) = match *shape {
            [each] => (&[][..], last, each),
            [ref lead @ .., each, 1] if along.contains(&Along::Rows) => (lead, Along::Rows, each),
            [ref lead @ .., 1, each] if along.contains(&Along::Columns) => (lead, Along::Columns, each),
            _ => return Err(refuse()),
        };
        let expected = if along == Along::Rows { rows } else { columns };
        if each != 1 && each != expected {
            return Err(refuse());
        }
        if shape::elements(lead)? <= 1 {
            return Ok(Self { along, values, each, shared: true });
        }
        if shape::broadcast(lead, batch).as_deref() != Ok(batch) {
            return Err(refuse());
        }
        let repeated = [batch, &[each]].concat();
        let count = shape::elements(&repeated)?;
        if count > MOST {
            return Err(Fault::too_large(format!("{what} for {batch:?} matrices has {count} values, at most {MOST}")));
        }
        let from = [lead, &[each]].concat();
        let mut all = vec![T::default(); count];
        rearrange::copy_strided(&values, &repeated, &broadcast_strides(&from, &repeated), &mut all);
        Ok(Self { along, values: all, each, shared: false })
    }

    /// The values of a matrix: one, or as many as it has lines.
    pub(super) fn matrix(&self, index: usize) -> &[T] {
        if self.shared { &self.values } else { &self.values[index * self.each..][..self.each] }
    }

    /// The values of a row of a matrix: one, or one for each column.
    pub(super) fn row(&self, matrix: usize, row: usize) -> &[T] {
        let values = self.matrix(matrix);
        if self.varies_along(Along::Rows) { &values[row..=row] } else { values }
    }

    /// The value of a row of a matrix, whose columns have none of their own.
    pub(super) fn at(&self, matrix: usize, row: usize) -> T {
        self.row(matrix, row)[0]
    }

    /// Whether lines have values of their own.
    pub(super) fn varies(&self) -> bool {
        self.each != 1
    }

    /// Whether lines of this kind have values of their own.
    pub(super) fn varies_along(&self, along: Along) -> bool {
        self.each != 1 && self.along == along
    }

    /// Whether all matrices have the same values.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// With the rows of `matrices` matrices below each other, so that they are those of one.
    pub(super) fn stacked(self, matrices: usize, rows: usize) -> Result<Self, Fault> {
        if self.each == 1 && self.shared {
            return Ok(self);
        }
        let count = matrices.saturating_mul(rows);
        if count > MOST {
            return Err(Fault::too_large(format!("{count} rows with parameters of their own, at most {MOST}")));
        }
        let values: Vec<T> = (0..count).map(|row| self.at(row / rows.max(1), row % rows.max(1))).collect();
        Ok(Self { along: Along::Rows, each: values.len(), values, shared: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shape: &[usize], along: &[Along], batch: &[usize]) -> Result<Lines<i32>, Fault> {
        let values = (0..shape.iter().product::<usize>()).map(|value| i32::try_from(value).unwrap()).collect();
        Lines::of("p", (values, shape), along, [2, 3], batch)
    }

    #[test]
    fn each_shape_means_what_it_does_in_onnx() {
        let (rows, columns) = (&[Along::Rows][..], &[Along::Columns][..]);
        for shape in [&[][..], &[1], &[1, 1], &[1, 1, 1]] {
            let one = lines(shape, rows, &[4]).unwrap();
            assert_eq!((one.matrix(3), one.is_shared()), (&[0][..], true));
        }
        let per_row = lines(&[2], rows, &[4]).unwrap();
        assert_eq!((per_row.at(3, 1), per_row.varies_along(Along::Rows)), (1, true));
        assert_eq!(lines(&[3], columns, &[4]).unwrap().row(3, 1), [0, 1, 2]);
        assert_eq!(lines(&[4, 2, 1], rows, &[4]).unwrap().matrix(3), [6, 7]);
        assert_eq!(lines(&[2, 1, 1, 3], columns, &[2, 2]).unwrap().matrix(3), [3, 4, 5]);
        let result = lines(&[2, 1], &[Along::Rows, Along::Columns], &[]).unwrap();
        assert_eq!(result.row(0, 1), [1]);
        for (shape, along) in
            [(&[3][..], rows), (&[2], columns), (&[3, 1, 3], columns), (&[1, 2], rows), (&[2, 3], rows)]
        {
            assert!(lines(shape, along, &[4]).is_err(), "{shape:?}");
        }
    }

    #[test]
    fn rows_of_a_batch_stack() {
        let per_row = lines(&[2], &[Along::Rows], &[2]).unwrap().stacked(2, 2).unwrap();
        assert_eq!(per_row.matrix(0), [0, 1, 0, 1]);
        let each = lines(&[2, 2, 1], &[Along::Rows], &[2]).unwrap().stacked(2, 2).unwrap();
        assert_eq!(each.matrix(0), [0, 1, 2, 3]);
    }
}
