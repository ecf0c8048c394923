//! `MatMul` and `Gemm` in f32, for the few that stand between quantised operators. Their definitions leave the
//! rounding open; this is the one order in which they are computed here, on every CPU: a product's terms are rounded and
//! added one by one, from the first to the last, to 0; then alpha multiplies the sum and beta the addend, and the two are
//! added. Nothing is fused.

use super::super::parameters::Operands;
use super::parts::{each_part, floats, floats_len};
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{Matrix, panel_len, product};
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

impl Product {
    /// Rows of the product from one on, of all matrices.
    fn rows(&self, first: usize, a: &[f32], b: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let [m, n, k] = self.sizes;
        let (mut at, mut row, mut y) = (Odometer::new(&self.batch), first % m, y);
        (0..first / m).for_each(|_| at.advance());
        while !y.is_empty() {
            let (now, later) = y.split_at_mut(y.len().min((m - row) * n));
            let [a, b] = [(a, 0), (b, 1)].map(|(values, operand)| Matrix {
                values: &values[at.offset(&self.batch_strides[operand])..],
                steps: self.strides[operand],
            });
            product(a.from(row, 0), b, [n, k], now, scratch);
            (y, row) = (later, 0);
            at.advance();
        }
    }
}

impl Step for Product {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        /// Terms from which on a second thread has something to do.
        const MANY: usize = 1 << 17;
        let Context { memory, scratch, threads } = context;
        let [_, n, k] = self.sizes;
        memory.writing::<f32, _>(self.y, |memory, y| {
            let (a, b) = (memory.read::<f32>(self.a), memory.read::<f32>(self.b));
            let threads = if y.len().saturating_mul(k) < MANY { 1 } else { threads };
            each_part(threads, y, n, scratch, |first, y, scratch| {
                self.rows(first, a, b, y, floats(scratch));
                Ok(())
            })?;
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
            Ok(())
        })
    }

    fn scratch_len(&self) -> usize {
        floats_len(panel_len(self.sizes[2]))
    }

    fn kernel(&self) -> String {
        "runner/product".to_owned()
    }
}
