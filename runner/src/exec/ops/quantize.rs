//! `QuantizeLinear` and `DequantizeLinear`.

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::{Backend, elementwise};

use super::super::parameters::Operands;
use super::{CHUNK, Context, Step, quantized, told};
use crate::error::Fault;
use crate::graph::{Element, Layout, TensorId, shape};
use crate::passes::layout;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Quantize,
    Dequantize,
}

/// Scale and zero point of each slice along an axis; one slice is the whole tensor.
struct Slices {
    parameters: Vec<(f32, i32)>,
    /// Elements of a slice that lie side by side.
    inner: usize,
}

impl Slices {
    /// Runs `body` with each piece of `x` and `y` that has one scale and one zero point.
    fn for_each<X: Sync, Y: Send>(
        &self,
        threads: usize,
        x: &[X],
        y: &mut [Y],
        body: impl Fn(&[X], f32, i32, &mut [Y]) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let &[(scale, zero_point)] = self.parameters.as_slice() else {
            if self.inner == 0 {
                return Ok(());
            }
            let slices = x.chunks_exact(self.inner).zip(y.chunks_exact_mut(self.inner));
            return slices
                .zip(self.parameters.iter().cycle())
                .try_for_each(|((x, y), &(scale, zero_point))| body(x, scale, zero_point, y));
        };
        if threads == 1 || y.len() <= CHUNK {
            return body(x, scale, zero_point, y);
        }
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).try_for_each(|(y, x)| body(x, scale, zero_point, y))
    }
}

struct Quantize<Q> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    slices: Slices,
    type_: PhantomData<fn(Q)>,
}

/// From an image in C order to one with channels last.
struct QuantizeToChannelsLast<Q> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    scale: f32,
    zero_point: i32,
    channels: usize,
    pixels: usize,
    type_: PhantomData<fn(Q)>,
}

struct Dequantize<Q> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    slices: Slices,
    type_: PhantomData<fn(Q)>,
}

pub(super) fn lower(
    operands: Operands<'_>,
    axis: i64,
    backend: &Backend,
    direction: Direction,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let type_ = operands.type_(if direction == Direction::Quantize { y } else { x })?;
    let names = match direction {
        Direction::Quantize => ["y_scale", "y_zero_point"],
        Direction::Dequantize => ["x_scale", "x_zero_point"],
    };
    let shape = operands.shape(x)?;
    let scale = operands.constant(1, names[0])?;
    let (each, inner) = if scale.data().len() == 1 {
        (None, shape::elements(shape)?)
    } else {
        if scale.shape().len() != 1 {
            return Err(Fault::unsupported(format!("{} has shape {:?}, expected one axis", names[0], scale.shape())));
        }
        let axis = shape::axis(axis, shape.len())?;
        (Some(shape[axis]), shape::elements(&shape[axis + 1..])?)
    };
    let scales = operands.scales(1, names[0], each)?;
    let zero_points = operands.zero_points(2, names[1], type_, each)?;
    if each.is_none() && zero_points.len() != 1 {
        return Err(Fault::invalid(format!("{} has {} values, expected 1", names[1], zero_points.len())));
    }
    let parameters: Vec<(f32, i32)> = scales.iter().copied().zip(zero_points.iter().copied().cycle()).collect();
    let backend = *backend;
    let (from, to) = (operands.tensor(x).layout, operands.tensor(y).layout);

    if direction == Direction::Dequantize {
        let slices = Slices { parameters, inner };
        return Ok(quantized!(type_, Q => Box::new(Dequantize::<Q> { backend, x, y, slices, type_: PhantomData })));
    }
    if from == Layout::RowMajor && to == Layout::ChannelsLast && !layout::coincide(shape) {
        let [_, channels, height, width] = operands.shape4(x)?;
        let &[(scale, zero_point)] = parameters.as_slice() else {
            return Err(Fault::unsupported(format!("{} has {} values, expected 1", names[0], parameters.len())));
        };
        let pixels = height * width;
        return Ok(quantized!(type_, Q => Box::new(QuantizeToChannelsLast::<Q> {
            backend, x, y, scale, zero_point, channels, pixels, type_: PhantomData,
        })));
    }
    let slices = Slices { parameters, inner };
    Ok(quantized!(type_, Q => Box::new(Quantize::<Q> { backend, x, y, slices, type_: PhantomData })))
}

impl<Q: Element + zeropoint::Int8> Step for Quantize<Q> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<Q, _>(self.y, |memory, y| {
            self.slices.for_each(threads, memory.read::<f32>(self.x), y, |x, scale, zero_point, y| {
                elementwise::quantize(&self.backend, x, scale, zero_point, y).map_err(told)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }
}

impl<Q: Element + zeropoint::Int8> Step for Dequantize<Q> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<f32, _>(self.y, |memory, y| {
            self.slices.for_each(threads, memory.read::<Q>(self.x), y, |x, scale, zero_point, y| {
                elementwise::dequantize(&self.backend, x, scale, zero_point, y).map_err(told)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("dequantize").to_owned()
    }
}

/// Pixels that are quantised at a time, channel by channel, before they are interleaved: they stay in the first cache.
const PIXELS: usize = 512;

impl<Q: Element + zeropoint::Int8> QuantizeToChannelsLast<Q> {
    /// Pixels `at..` of one image, into `y`.
    fn block(&self, image: &[f32], at: usize, y: &mut [Q]) -> Result<(), String> {
        let mut plane = [Q::zeroed(); PIXELS];
        let plane = &mut plane[..y.len() / self.channels];
        for channel in 0..self.channels {
            let x = &image[channel * self.pixels + at..][..plane.len()];
            elementwise::quantize(&self.backend, x, self.scale, self.zero_point, plane).map_err(told)?;
            let y = y[channel..].iter_mut().step_by(self.channels);
            y.zip(&*plane).for_each(|(y, &value)| *y = value);
        }
        Ok(())
    }
}

impl<Q: Element + zeropoint::Int8> Step for QuantizeToChannelsLast<Q> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let size = self.channels * self.pixels;
        if size == 0 {
            return Ok(());
        }
        memory.writing::<Q, _>(self.y, |memory, y| {
            let images = memory.read::<f32>(self.x).chunks_exact(size);
            for (x, y) in images.zip(y.chunks_exact_mut(size)) {
                let block = PIXELS * self.channels;
                if threads == 1 {
                    y.chunks_mut(block).enumerate().try_for_each(|(at, y)| self.block(x, at * PIXELS, y))?;
                } else {
                    let blocks = y.par_chunks_mut(block).enumerate();
                    blocks.with_min_len(8).try_for_each(|(at, y)| self.block(x, at * PIXELS, y))?;
                }
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }
}
