//! `DynamicQuantizeLinear`: scale and zero point from the values at hand.

use zeropoint::Backend;

use super::super::affine::{self, Affine, Shared};
use super::super::parameters::Operands;
use super::{Context, Step, told};
use crate::error::Fault;
use crate::graph::{TensorId, Type};

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
fn parameters(x: &[f32]) -> Affine {
    let (least, most) = x.iter().fold((0f32, 0f32), |(least, most), &x| (least.min(x), most.max(x)));
    let scale = if least == most { 1.0 } else { (most - least) / 255.0 };
    let zero_point = affine::quantized(-least, Affine { scale, zero_point: 0 }, (0, 255));
    Affine { scale, zero_point }
}

impl Step for DynamicQuantize {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let by = parameters(memory.read(self.x));
        memory.write::<f32>(self.scale)[0] = by.scale;
        memory.write::<u8>(self.zero_point)[0] = u8::try_from(by.zero_point).map_err(told)?;
        memory.writing::<u8, _>(self.y, |memory, y| {
            Shared::Tensor(by).for_each(threads, memory.read::<f32>(self.x), y, |x, by, y| {
                // A range that overflows or is below the least subnormal times 255 has no scale that kernels take.
                if by.scale > 0.0 && by.scale.is_finite() {
                    return affine::quantize(&self.backend, x, by, Type::U8, y).map_err(told);
                }
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = affine::quantized(x, by, (0, 255)) as u8);
                Ok(())
            })
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
        assert_eq!(parameters(&[1.0, 255.0]), Affine { scale: 1.0, zero_point: 0 });
        assert_eq!(parameters(&[-1.5, 253.5]), Affine { scale: 1.0, zero_point: 2 });
        assert_eq!(parameters(&[0.0, -0.0]), Affine { scale: 1.0, zero_point: 0 });
        assert_eq!(parameters(&[]), Affine { scale: 1.0, zero_point: 0 });
        assert_eq!(parameters(&[f32::MIN, f32::MAX]), Affine { scale: f32::INFINITY, zero_point: 0 });
    }
}
