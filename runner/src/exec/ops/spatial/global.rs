//! `GlobalAveragePool` in f32: the elements of a channel are added one by one to 0, in C order, and the sum is divided
//! by how many they are; both are rounded to f32. `GlobalMaxPool`: the first of the greatest, or what is no number.

use std::iter::{StepBy, Take};
use std::marker::PhantomData;
use std::slice::Iter;

use super::super::quantized;
use super::max::{Ordered, wins};
use super::{Context, Operands, Step, each_plane};
use crate::error::Fault;
use crate::graph::{Layout, TensorId, Type, shape};

struct Global<T> {
    x: TensorId,
    y: TensorId,
    channels: usize,
    /// Elements of a channel.
    pixels: usize,
    /// From a channel to the next, and from a pixel to the next.
    strides: [usize; 2],
    name: &'static str,
    of: fn(Channel<'_, T>) -> T,
    type_: PhantomData<fn(T)>,
}

/// The elements of a channel, in C order.
type Channel<'x, T> = Take<StepBy<Iter<'x, T>>>;

fn step<T: Ordered>(
    operands: Operands<'_>,
    name: &'static str,
    of: fn(Channel<'_, T>) -> T,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let &[_, channels, ref pixels @ ..] = operands.shape(x)? else {
        return Err(Fault::unsupported("expected an operand with channels"));
    };
    let pixels = shape::elements(pixels)?;
    let last = operands.tensor(x).layout == Layout::ChannelsLast;
    let strides = if last { [1, channels] } else { [pixels, 1] };
    Ok(Box::new(Global { x, y, channels, pixels, strides, name, of, type_: PhantomData }))
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

fn greatest<T: Ordered>(x: Channel<'_, T>) -> T {
    x.fold(T::LEAST, |greatest, &x| if wins(x, greatest) { x } else { greatest })
}

fn mean(x: Channel<'_, f32>) -> f32 {
    let count = x.len() as f32;
    x.fold(0.0, |sum, x| sum + x) / count
}

impl<T: Ordered> Step for Global<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<T, _>(self.y, |memory, y| {
            let x = memory.read::<T>(self.x);
            let Self { channels, pixels, strides: [of_channel, of_pixel], .. } = *self;
            each_plane(threads, y, 1, |index, y| {
                let first = index / channels * channels * pixels + index % channels * of_channel;
                let x = x.get(first..).unwrap_or_default();
                y.fill((self.of)(x.iter().step_by(of_pixel).take(pixels)));
            });
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
        fn greatest<T: Ordered>(x: &[T]) -> T {
            super::greatest(x.iter().step_by(1).take(x.len()))
        }
        let mean = |x: &[f32]| super::mean(x.iter().step_by(1).take(x.len()));
        assert!(greatest(&[1.0, f32::NAN, 2.0]).is_nan());
        assert_eq!(greatest(&[-3.0, -0.0, 0.0, -1.0]).to_bits(), (-0.0f32).to_bits());
        assert_eq!(greatest(&[-128i8, -3, -5]), -3);
        assert_eq!(greatest(&[f32::NEG_INFINITY]), f32::NEG_INFINITY);
        assert!(mean(&[1.0, f32::NAN]).is_nan());
        // 2^24 + 1 is rounded to 2^24, twice.
        assert_eq!(mean(&[16_777_216.0, 1.0, 1.0, 0.0]), 4_194_304.0);
    }
}
