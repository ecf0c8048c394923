//! `Softmax` in f32. Its definition leaves the rounding open; this is the one order in which it is computed here, on
//! every CPU: the maximum, then `expf` of each difference, then their sum from the first to the last, then each
//! quotient, with every operation rounded to f32 and `expf` from libm.

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::error::Fault;
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
    let (size, inner) = if flattened {
        (shape::elements(&shape[split(axis, shape.len())?..])?, 1)
    } else {
        let axis = shape::axis(axis, shape.len())?;
        (shape[axis], shape::elements(&shape[axis + 1..])?)
    };
    Ok(Box::new(Softmax { x, y: operands.output()?, size, inner }))
}

impl Step for Softmax {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            let block = self.size * self.inner;
            if block == 0 {
                return Ok(());
            }
            let x = memory.read::<f32>(self.x);
            for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
                for lane in 0..self.inner {
                    softmax(&x[lane..], &mut y[lane..], self.inner);
                }
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        "runner/softmax".to_owned()
    }
}

/// Over every `step`-th element.
fn softmax(x: &[f32], y: &mut [f32], step: usize) {
    let values = || x.iter().step_by(step).copied();
    let most = values().fold(f32::NEG_INFINITY, |most, value| if value > most { value } else { most });
    let mut sum = 0f32;
    for (y, x) in y.iter_mut().step_by(step).zip(values()) {
        *y = libm::expf(x - most);
        sum += *y;
    }
    y.iter_mut().step_by(step).for_each(|y| *y /= sum);
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn lanes_are_independent_and_sum_to_one() {
        let x = [0.0, 5.0, 1.0, -5.0, 2.0, 100.0];
        let mut y = [9.0; 6];
        softmax(&x, &mut y, 2);
        softmax(&x[1..], &mut y[1..], 2);
        for lane in 0..2 {
            let sum: f32 = y.iter().skip(lane).step_by(2).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{y:?}");
        }
        assert!(y[0] < y[2] && y[2] < y[4] && y[5] == 1.0 && y[3] == 0.0, "{y:?}");
        assert!((y[4] / y[2] - std::f32::consts::E).abs() < 1e-5);
    }

    #[test]
    fn a_nan_is_not_hidden() {
        let mut y = [0.0; 2];
        softmax(&[f32::NAN, 1.0], &mut y, 1);
        assert!(y.iter().all(|y| y.is_nan()));
    }
}
