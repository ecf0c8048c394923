//! `QLinearAveragePool` over one axis and over three, by the formula that the library has over two: of the elements under
//! a window `v = f32(sum / n)`, where the sum of `f32(f32(x - zx) * sx)` is one of f32, in C order over all axes, and `n`
//! how many they are, or all taps of the window where padding counts; then `y = clip(rne(f32(f32(v / sy) + zy)))`. A
//! window that meets no element has `v = 0`.

use std::marker::PhantomData;

use zeropoint::Quantized;

use super::super::{quantized, quantized_operand};
use super::windows::Windows;
use super::{Context, Operands, Step, each_plane};
use crate::convert::Number;
use crate::error::Fault;
use crate::graph::{TensorId, Type, op, shape};
use crate::passes::pool;

struct AveragePool<X, Y> {
    x: TensorId,
    y: TensorId,
    windows: Windows,
    /// Channels that stand side by side.
    channels: usize,
    from: Quantized,
    to: Quantized,
    range: (f32, f32),
    count_include_pad: bool,
    types: PhantomData<fn(X) -> Y>,
}

pub(in super::super) fn quantized_average_pool(
    operands: Operands<'_>,
    attributes: &op::Pool,
    count_include_pad: bool,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (x_type, y_type) = (operands.type_(x)?, operands.type_(y)?);
    let from = quantized_operand(operands, 1, ["X_scale", "X_zero_point"], x_type)?;
    let to = quantized_operand(operands, 3, ["Y_scale", "Y_zero_point"], y_type)?;
    let geometry = pool(attributes, operands.shape(x)?)?.windows;
    let windows = Windows::new(&geometry, false)?.ready(shape::elements(operands.shape(y)?)?)?;
    if !(from.scale * 256.0 * windows.taps() as f32).is_finite() {
        return Err(Fault::invalid(format!("X_scale is {}, expected finite sums of windows", from.scale)));
    }
    let channels = if attributes.window.channels_last { geometry.channels } else { 1 };
    let range = range(y_type)?;
    Ok(quantized!(x_type, X => quantized!(y_type, Y => {
        Box::new(AveragePool::<X, Y> { x, y, windows, channels, from, to, range, count_include_pad, types: PhantomData })
    })))
}

fn range(type_: Type) -> Result<(f32, f32), Fault> {
    let (low, high) = type_.range().ok_or_else(|| Fault::unsupported(format!("elements of {type_}")))?;
    Ok((low as f32, high as f32))
}

impl<X: Number, Y: Number> AveragePool<X, Y> {
    /// What a window makes of a channel of an image.
    fn average(&self, x: &[X], window: [usize; 3], channel: usize) -> Y {
        let [planes, rows, columns] = &self.windows.axes;
        let (mut sum, mut met) = (0f32, 0);
        for plane in (0..planes.taps).filter_map(|tap| planes.position(window[0], tap)) {
            for row in (0..rows.taps).filter_map(|tap| rows.position(window[1], tap)) {
                for column in (0..columns.taps).filter_map(|tap| columns.position(window[2], tap)) {
                    let pixel = (plane * rows.image + row) * columns.image + column;
                    let x = x[pixel * self.channels + channel].real() as f32;
                    sum += (x - self.from.zero_point as f32) * self.from.scale;
                    met += 1;
                }
            }
        }
        let count = if self.count_include_pad { self.windows.taps() } else { met };
        let mean = if met == 0 { 0.0 } else { sum / count as f32 };
        let moved = mean / self.to.scale + self.to.zero_point as f32;
        let (low, high) = self.range;
        Y::from_real(moved.clamp(low, high).round_ties_even().into())
    }
}

impl<X: Number, Y: Number> Step for AveragePool<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let of_image = self.windows.planes()[0] * self.channels;
        let [planes, rows, columns] = self.windows.axes.map(|axis| axis.windows);
        memory.writing::<Y, _>(self.y, |memory, y| {
            let x = memory.read::<X>(self.x);
            each_plane(threads, y, columns * self.channels, |index, y| {
                let (image, row) = (index / (planes * rows), index % (planes * rows));
                let x = &x[image * of_image..][..of_image];
                for (column, y) in y.chunks_exact_mut(self.channels).enumerate() {
                    let window = [row / rows, row % rows, column];
                    y.iter_mut().enumerate().for_each(|(channel, y)| *y = self.average(x, window, channel));
                }
            });
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/average_pool".to_owned()
    }
}
