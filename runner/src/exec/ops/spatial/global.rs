//! `GlobalAveragePool` in f32: the elements of a channel are added one by one to 0, in C order, and the sum is divided
//! by how many they are; both are rounded to f32. `GlobalMaxPool`: the first of the greatest, or what is no number.

use std::marker::PhantomData;

use super::super::quantized;
use super::max::{Ordered, wins};
use super::{Context, Operands, Step, each_plane};
use crate::error::Fault;
use crate::graph::{TensorId, Type, shape};

struct Global<T> {
    x: TensorId,
    y: TensorId,
    /// Elements of a channel.
    pixels: usize,
    name: &'static str,
    of: fn(&[T]) -> T,
    type_: PhantomData<fn(T)>,
}

fn step<T: Ordered>(operands: Operands<'_>, name: &'static str, of: fn(&[T]) -> T) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let pixels = shape::elements(operands.shape(x)?.get(2..).unwrap_or_default())?;
    Ok(Box::new(Global { x, y, pixels, name, of, type_: PhantomData }))
}

pub(in super::super) fn global_max_pool(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    match operands.type_(operands.id(0)?)? {
        Type::F32 => step::<f32>(operands, "runner/max_pool", greatest),
        other => quantized!(other, T => step::<T>(operands, "runner/max_pool", greatest)),
    }
}

pub(in super::super) fn global_average_pool(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    step::<f32>(operands, "runner/average_pool", mean)
}

fn greatest<T: Ordered>(x: &[T]) -> T {
    x.iter().fold(T::LEAST, |greatest, &x| if wins(x, greatest) { x } else { greatest })
}

fn mean(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |sum, x| sum + x) / x.len() as f32
}

impl<T: Ordered> Step for Global<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<T, _>(self.y, |memory, y| {
            let x = memory.read::<T>(self.x);
            each_plane(threads, y, 1, |index, y| y.fill((self.of)(&x[index * self.pixels..][..self.pixels])));
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        self.name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_the_greatest() {
        assert!(greatest(&[1.0, f32::NAN, 2.0]).is_nan());
        assert_eq!(greatest(&[-3.0, -0.0, 0.0, -1.0]).to_bits(), (-0.0f32).to_bits());
        assert_eq!(greatest(&[-128i8, -3, -5]), -3);
        assert_eq!(greatest(&[f32::NEG_INFINITY]), f32::NEG_INFINITY);
        assert!(mean(&[1.0, f32::NAN]).is_nan());
        // 2^24 + 1 is rounded to 2^24, twice.
        assert_eq!(mean(&[16_777_216.0, 1.0, 1.0, 0.0]), 4_194_304.0);
    }
}
