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

impl Product {
    fn matrix(&self, a: &[f32], b: &[f32], y: &mut [f32]) {
        let [_, n, k] = self.sizes;
        let [[a_row, a_column], [b_row, b_column]] = self.strides;
        for (row, y) in y.chunks_exact_mut(n).enumerate() {
            y.fill(0.0);
            for depth in 0..k {
                let a = a[row * a_row + depth * a_column];
                let b = b[depth * b_row..].iter().step_by(b_column);
                y.iter_mut().zip(b).for_each(|(y, b)| *y += a * b);
            }
        }
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
