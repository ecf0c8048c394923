//! `DynamicQuantizeLinear`: scale and zero point from the values at hand.

use rayon::prelude::*;
use zeropoint::{Backend, elementwise};

use super::super::parameters::Operands;
use super::{CHUNK, Context, Step, told};
use crate::error::Fault;
use crate::graph::TensorId;

struct DynamicQuantize {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    scale: TensorId,
    zero_point: TensorId,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let &[y, scale, zero_point] = operands.node.outputs.as_slice() else {
        return Err(Fault::invalid(format!("makes {} tensors, expected 3", operands.node.outputs.len())));
    };
    Ok(Box::new(DynamicQuantize { backend: *backend, x: operands.id(0)?, y, scale, zero_point }))
}

/// `s = f32(f32(max - min) / 255)`, or 1 where that range is empty, and `z = clip(round(f32(0 - min / s)))`; the range
/// includes 0. What is no number is left out of it.
pub(super) fn parameters(x: &[f32]) -> (f32, u8) {
    let (least, most) = x.iter().fold((0f32, 0f32), |(least, most), &x| (least.min(x), most.max(x)));
    let scale = if least == most { 1.0 } else { (most - least) / 255.0 };
    (scale, quantized(-least, scale, 0))
}

/// The rule of the kernels, also for scales that they do not take: those of a range that overflows, or is so short that
/// its 255th part is 0.
fn quantized(x: f32, scale: f32, zero_point: u8) -> u8 {
    // NaN becomes 0, the least value; what is outside of the range saturates.
    let bound = f32::from(zero_point);
    let steps = (x / scale).round_ties_even().clamp(-bound, 255.0 - bound);
    if steps.is_nan() { 0 } else { (steps + bound) as u8 }
}

/// Quantises by what [`parameters`] gave.
pub(super) fn quantize(
    backend: &Backend,
    x: &[f32],
    (scale, zero_point): (f32, u8),
    y: &mut [u8],
) -> Result<(), String> {
    if scale > 0.0 && scale.is_finite() {
        return elementwise::quantize(backend, x, scale, zero_point.into(), y).map_err(told);
    }
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = quantized(x, scale, zero_point));
    Ok(())
}

impl Step for DynamicQuantize {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let by = parameters(memory.read(self.x));
        memory.write::<f32>(self.scale)[0] = by.0;
        memory.write::<u8>(self.zero_point)[0] = by.1;
        memory.writing::<u8, _>(self.y, |memory, y| {
            let x = memory.read::<f32>(self.x);
            if threads == 1 || y.len() <= CHUNK {
                return quantize(&self.backend, x, by, y);
            }
            let pieces = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
            pieces.try_for_each(|(y, x)| quantize(&self.backend, x, by, y))
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_includes_zero() {
        assert_eq!(parameters(&[1.0, 255.0]), (1.0, 0));
        assert_eq!(parameters(&[-1.5, 253.5]), (1.0, 2));
        assert_eq!(parameters(&[0.0, -0.0]), (1.0, 0));
        assert_eq!(parameters(&[]), (1.0, 0));
        assert_eq!(parameters(&[f32::MIN, f32::MAX]), (f32::INFINITY, 0));
    }

    #[test]
    fn scales_that_are_none_saturate() {
        assert_eq!([1.0, -1.0, 0.0, f32::NAN].map(|x| quantized(x, 0.0, 7)), [255, 0, 0, 0]);
        assert_eq!([f32::MAX, f32::INFINITY].map(|x| quantized(x, f32::INFINITY, 0)), [0, 0]);
    }
}
