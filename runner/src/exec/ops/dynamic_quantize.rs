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

/// Values that are looked at side by side: what is found is the same in any order.
const LANES: usize = 32;

/// The least and the greatest value, and 0 among them. What is no number is left out.
fn range(x: &[f32]) -> (f32, f32) {
    let (mut least, mut most) = ([0f32; LANES], [0f32; LANES]);
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in chunk.iter().enumerate() {
            // Of a comparison with NaN comes what was there.
            least[lane] = if x < least[lane] { x } else { least[lane] };
            most[lane] = if x > most[lane] { x } else { most[lane] };
        }
    }
    let least = least.iter().chain(rest).copied().fold(0.0, f32::min);
    (least, most.iter().chain(rest).copied().fold(0.0, f32::max))
}

/// The range of all pieces, on several threads where there are some.
fn range_of_all(x: &[f32], threads: usize) -> (f32, f32) {
    if threads == 1 || x.len() <= CHUNK {
        return range(x);
    }
    let wider = |(least, most): (f32, f32), (other, another): (f32, f32)| (least.min(other), most.max(another));
    x.par_chunks(CHUNK).map(range).reduce(|| (0.0, 0.0), wider)
}

/// `s = f32(f32(max - min) / 255)`, or 1 where that range is empty, and `z = clip(round(f32(0 - min / s)))`; the range
/// includes 0.
fn parameters((least, most): (f32, f32)) -> (f32, u8) {
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

/// Quantises, and gives scale and zero point.
pub(super) fn quantize(backend: &Backend, x: &[f32], y: &mut [u8], threads: usize) -> Result<(f32, u8), String> {
    let by = parameters(range_of_all(x, threads));
    if threads == 1 || y.len() <= CHUNK {
        piece(backend, x, by, y)?;
    } else {
        let pieces = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
        pieces.try_for_each(|(y, x)| piece(backend, x, by, y))?;
    }
    Ok(by)
}

fn piece(backend: &Backend, x: &[f32], (scale, zero_point): (f32, u8), y: &mut [u8]) -> Result<(), String> {
    if scale > 0.0 && scale.is_finite() {
        return elementwise::quantize(backend, x, scale, zero_point.into(), y).map_err(told);
    }
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = quantized(x, scale, zero_point));
    Ok(())
}

impl Step for DynamicQuantize {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let by = memory
            .writing::<u8, _>(self.y, |memory, y| quantize(&self.backend, memory.read::<f32>(self.x), y, threads))?;
        memory.write::<f32>(self.scale)[0] = by.0;
        memory.write::<u8>(self.zero_point)[0] = by.1;
        Ok(())
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
        let of = |x: &[f32]| parameters(range(x));
        assert_eq!(of(&[1.0, 255.0]), (1.0, 0));
        assert_eq!(of(&[-1.5, 253.5]), (1.0, 2));
        assert_eq!(of(&[0.0, -0.0]), (1.0, 0));
        assert_eq!(of(&[]), (1.0, 0));
        assert_eq!(of(&[f32::MIN, f32::MAX]), (f32::INFINITY, 0));
    }

    #[test]
    fn the_range_is_that_of_all_values_that_are_numbers() {
        for length in [1, LANES - 1, LANES, LANES + 1, 5 * LANES + 7, 2 * CHUNK + 3] {
            for at in [0, length / 2, length - 1] {
                let mut x = vec![f32::NAN; length];
                x[at] = -3.0;
                assert_eq!(range_of_all(&x, 2), (-3.0, 0.0), "{length} {at}");
                x[at] = 3.0;
                x[(at + 1) % length] = 4.0;
                assert_eq!(range_of_all(&x, 1), (0.0, 4.0), "{length} {at}");
            }
        }
    }

    #[test]
    fn scales_that_are_none_saturate() {
        assert_eq!([1.0, -1.0, 0.0, f32::NAN].map(|x| quantized(x, 0.0, 7)), [255, 0, 0, 0]);
        assert_eq!([f32::MAX, f32::INFINITY].map(|x| quantized(x, f32::INFINITY, 0)), [0, 0]);
    }
}
