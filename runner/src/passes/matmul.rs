//! The shapes of matrix products, as NumPy's `matmul` has them: matrices are the last two axes, the axes before them
//! broadcast, and a vector is a row on the left and a column on the right.

use crate::error::Fault;
use crate::graph::shape;

/// A product of matrices, or of batches of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatMul {
    /// Rows of a matrix of `a`.
    pub(crate) m: usize,
    /// Columns of `a` and rows of `b`.
    pub(crate) k: usize,
    /// Columns of a matrix of `b`.
    pub(crate) n: usize,
    /// The axes of matrices of `a`.
    pub(crate) a: Vec<usize>,
    /// The axes of matrices of `b`.
    pub(crate) b: Vec<usize>,
    /// Those of the product.
    pub(crate) batch: Vec<usize>,
    /// The shape of the product.
    pub(crate) output: Vec<usize>,
}

/// The product of operands of these shapes.
pub(crate) fn matmul(a: &[usize], b: &[usize]) -> Result<MatMul, Fault> {
    let (left, m, k) = match *a {
        [k] => (&[][..], None, k),
        [ref left @ .., m, k] => (left, Some(m), k),
        [] => return Err(Fault::invalid(format!("a has shape {a:?}, expected one axis at least"))),
    };
    let (right, rows, n) = match *b {
        [k] => (&[][..], k, None),
        [ref right @ .., k, n] => (right, k, Some(n)),
        [] => return Err(Fault::invalid(format!("b has shape {b:?}, expected one axis at least"))),
    };
    if k != rows {
        return Err(Fault::invalid(format!("a {a:?} has {k} columns, but b {b:?} has {rows} rows")));
    }
    let batch = shape::broadcast(left, right)?;
    let output = batch.iter().copied().chain(m).chain(n).collect();
    let (m, n) = (m.unwrap_or(1), n.unwrap_or(1));
    Ok(MatMul { m, k, n, a: left.to_vec(), b: right.to_vec(), batch, output })
}

impl MatMul {
    /// Which matrices of `a` and of `b` make a matrix of the product.
    pub(crate) fn operands(&self, mut product: usize) -> (usize, usize) {
        let mut found = [0; 2];
        let mut steps = [1; 2];
        for axis in (0..self.batch.len()).rev() {
            let index = product % self.batch[axis].max(1);
            product /= self.batch[axis].max(1);
            for (side, sizes) in [&self.a, &self.b].into_iter().enumerate() {
                let size = (axis + sizes.len()).checked_sub(self.batch.len()).map_or(1, |axis| sizes[axis]);
                found[side] += if size == 1 { 0 } else { index * steps[side] };
                steps[side] *= size.max(1);
            }
        }
        found.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_numpys() {
        let output = |a: &[usize], b: &[usize]| matmul(a, b).map(|product| product.output);
        assert_eq!(output(&[2, 3], &[3, 4]), Ok(vec![2, 4]));
        assert_eq!(output(&[3], &[3, 4]), Ok(vec![4]));
        assert_eq!(output(&[2, 3], &[3]), Ok(vec![2]));
        assert_eq!(output(&[3], &[3]), Ok(vec![]));
        assert_eq!(output(&[7, 33], &[4, 33, 5]), Ok(vec![4, 7, 5]));
        assert_eq!(output(&[2, 1, 9, 0], &[3, 0, 9]), Ok(vec![2, 3, 9, 9]));
        for (a, b) in [(&[2, 3][..], &[4, 3][..]), (&[], &[3]), (&[3], &[]), (&[2, 1, 3], &[3, 3, 4])] {
            assert!(output(a, b).is_err(), "{a:?} {b:?}");
        }
    }

    #[test]
    fn matrices_broadcast() {
        let product = matmul(&[2, 1, 9, 5], &[3, 5, 4]).unwrap();
        let pairs: Vec<_> = (0..6).map(|index| product.operands(index)).collect();
        assert_eq!(pairs, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
        let product = matmul(&[4, 1, 2, 5], &[4, 2, 5, 1]).unwrap();
        assert_eq!(product.operands(7), (3, 7));
    }
}
