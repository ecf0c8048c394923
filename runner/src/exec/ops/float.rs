//! `MatMul` and `Gemm` in f32, for the few that stand between quantised operators. Their definitions leave the
//! rounding open; this is the one order in which they are computed here, on every CPU: a product's terms are rounded and
//! added one by one, from the first to the last, to 0; then alpha multiplies the sum and beta the addend, and the two are
//! added. Nothing is fused.

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{TensorId, op};
use crate::passes::{broadcast_strides, gemm};
use crate::rearrange::Odometer;

struct Product {
    a: TensorId,
    b: TensorId,
    y: TensorId,
    /// Rows, columns, depth.
    sizes: [usize; 3],
    /// Of the rows and columns of both matrices.
    strides: [[usize; 2]; 2],
    /// The axes before the matrices', and the distances along them.
    batch: Vec<usize>,
    batch_strides: [Vec<usize>; 2],
    alpha: f32,
    /// The addend, what multiplies it, and its strides.
    addend: Option<(TensorId, f32, [usize; 2])>,
}

/// `MatMul`.
pub(super) fn matmul(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y) = (operands.id(0)?, operands.id(1)?, operands.output()?);
    let (of_a, of_b) = (operands.shape(a)?, operands.shape(b)?);
    let (&[ref batch_a @ .., m, k], &[ref batch_b @ .., _, n]) = (of_a, of_b) else {
        return Err(Fault::unsupported("expected operands with two axes"));
    };
    let shape = operands.shape(y)?;
    let batch = shape[..shape.len() - 2].to_vec();
    // In units of matrices.
    let batch_strides = [(batch_a, m * k), (batch_b, k * n)].map(|(of_operand, matrix)| {
        broadcast_strides(of_operand, &batch).into_iter().map(|stride| stride * matrix).collect()
    });
    let strides = [[k, 1], [n, 1]];
    let (sizes, alpha) = ([m, n, k], 1.0);
    Ok(Box::new(Product { a, b, y, sizes, strides, batch, batch_strides, alpha, addend: None }))
}

/// `Gemm`.
pub(super) fn gemm_step(operands: Operands<'_>, attributes: &op::Gemm) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y) = (operands.id(0)?, operands.id(1)?, operands.output()?);
    let sizes = gemm(attributes, operands.shape(a)?, operands.shape(b)?)?;
    let [m, n, k] = sizes;
    let strides =
        [if attributes.transpose_a { [1, m] } else { [k, 1] }, if attributes.transpose_b { [1, k] } else { [n, 1] }];
    let addend = match operands.optional(2) {
        Some(c) => {
            let strides = broadcast_strides(operands.shape(c)?, &[m, n]);
            Some((c, attributes.beta, [strides[0], strides[1]]))
        }
        None => None,
    };
    let (batch, batch_strides) = (Vec::new(), [Vec::new(), Vec::new()]);
    Ok(Box::new(Product { a, b, y, sizes, strides, batch, batch_strides, alpha: attributes.alpha, addend }))
}

/// Rows and columns whose sums are made side by side.
const ROWS: usize = 4;
const COLUMNS: usize = 8;

impl Product {
    fn matrix(&self, a: &[f32], b: &[f32], y: &mut [f32]) {
        let [_, n, k] = self.sizes;
        let [[a_row, a_column], [b_row, b_column]] = self.strides;
        for (band, y) in y.chunks_mut(ROWS * n).enumerate() {
            let a = a.get(band * ROWS * a_row..).unwrap_or(&[]);
            let tiles = if b_column == 1 && y.len() == ROWS * n { n / COLUMNS * COLUMNS } else { 0 };
            for column in (0..tiles).step_by(COLUMNS) {
                let sums = self.tile(a, b.get(column..).unwrap_or(&[]));
                for (y, sums) in y.chunks_exact_mut(n).zip(sums) {
                    y[column..column + COLUMNS].copy_from_slice(&sums);
                }
            }
            for (row, y) in y.chunks_exact_mut(n).enumerate() {
                let y = &mut y[tiles..];
                y.fill(0.0);
                for depth in 0..k {
                    let a = a[row * a_row + depth * a_column];
                    let b = b[depth * b_row..].iter().step_by(b_column).skip(tiles);
                    y.iter_mut().zip(b).for_each(|(y, b)| *y += a * b);
                }
            }
        }
    }

    /// The first rows and columns of a product with rows of neighbours: sums that stay in registers, each in its order.
    fn tile(&self, a: &[f32], b: &[f32]) -> [[f32; COLUMNS]; ROWS] {
        let [_, _, k] = self.sizes;
        let [[a_row, a_column], [b_row, _]] = self.strides;
        let mut sums = [[0.0; COLUMNS]; ROWS];
        for depth in 0..k {
            let Some(b) = b[depth * b_row..].first_chunk::<COLUMNS>() else { break };
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = a[row * a_row + depth * a_column];
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a * b;
                }
            }
        }
        sums
    }
}

impl Step for Product {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let [m, n, _] = self.sizes;
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let (a, b) = (memory.read::<f32>(self.a), memory.read::<f32>(self.b));
            let mut at = Odometer::new(&self.batch);
            for y in y.chunks_exact_mut(m * n) {
                let [from_a, from_b] = [0, 1].map(|operand| at.offset(&self.batch_strides[operand]));
                self.matrix(&a[from_a..], &b[from_b..], y);
                at.advance();
            }
            if self.alpha != 1.0 {
                y.iter_mut().for_each(|y| *y *= self.alpha);
            }
            if let Some((c, beta, [down, across])) = self.addend {
                let c = memory.read::<f32>(c);
                for (row, y) in y.chunks_exact_mut(n).enumerate() {
                    for (column, y) in y.iter_mut().enumerate() {
                        *y += beta * c[row * down + column * across];
                    }
                }
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/product".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_same_one_by_one_and_in_tiles() {
        for m in [1, 3, 4, 5, 8, 9] {
            for n in [1, 7, 8, 9, 16, 19] {
                for k in [0, 1, 5, 33] {
                    // Neither matrix, one or both transposed.
                    for (a_strides, b_strides) in
                        [([k, 1], [n, 1]), ([1, m], [n, 1]), ([k, 1], [1, k]), ([1, m], [1, k])]
                    {
                        let product = Product {
                            a: TensorId(0),
                            b: TensorId(0),
                            y: TensorId(0),
                            sizes: [m, n, k],
                            strides: [a_strides, b_strides],
                            batch: Vec::new(),
                            batch_strides: [Vec::new(), Vec::new()],
                            alpha: 1.0,
                            addend: None,
                        };
                        let a: Vec<f32> = (0..m * k).map(|at| 0.1 + (at * 7 % 31) as f32 / 3.0).collect();
                        let b: Vec<f32> = (0..k * n).map(|at| 0.7 - (at * 5 % 37) as f32 / 7.0).collect();
                        let mut y = vec![7.0; m * n];
                        product.matrix(&a, &b, &mut y);
                        for (at, y) in y.into_iter().enumerate() {
                            let (row, column) = (at / n, at % n);
                            let mut sum = 0f32;
                            for depth in 0..k {
                                sum += a[row * a_strides[0] + depth * a_strides[1]]
                                    * b[depth * b_strides[0] + column * b_strides[1]];
                            }
                            assert_eq!(y.to_bits(), sum.to_bits(), "{m} {n} {k}, {row} {column}");
                        }
                    }
                }
            }
        }
    }
}
