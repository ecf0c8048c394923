//! `QuantizeLinear` and `DequantizeLinear`.

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::{Backend, elementwise};

use super::super::affine::{self, Affine, Shared};
use super::super::parameters::Operands;
use super::{Context, Step, quantized, told};
use crate::convert::Number;
use crate::error::Fault;
use crate::graph::{Element, Layout, TensorId, Type, shape};
use crate::passes::layout;

struct Quantize<X, Y> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    to: Type,
    shared: Shared,
    types: PhantomData<fn(X) -> Y>,
}

struct Dequantize<X, Y> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    shared: Shared,
    types: PhantomData<fn(X) -> Y>,
}

/// Runs an expression with the Rust type of what a quantised or integer tensor holds.
macro_rules! integer {
    ($type_:expr, $name:ident => $body:expr) => {
        match $type_.storage() {
            Type::U8 => {
                type $name = u8;
                $body
            }
            Type::I8 => {
                type $name = i8;
                $body
            }
            Type::U16 => {
                type $name = u16;
                $body
            }
            Type::I16 => {
                type $name = i16;
                $body
            }
            Type::I32 => {
                type $name = i32;
                $body
            }
            other => return Err(Fault::unsupported(format!("elements of {other}, expected integers of up to 32 bits"))),
        }
    };
}

/// Runs an expression with the Rust type of a float tensor type, or of s32, which is quantised as the nearest float.
macro_rules! real {
    ($type_:expr, $name:ident => $body:expr) => {
        match $type_ {
            Type::F32 => {
                type $name = f32;
                $body
            }
            Type::F16 => {
                type $name = half::f16;
                $body
            }
            Type::BF16 => {
                type $name = half::bf16;
                $body
            }
            Type::I32 => {
                type $name = i32;
                $body
            }
            other => return Err(Fault::unsupported(format!("elements of {other}, expected floats or int32"))),
        }
    };
}

pub(super) fn quantize(
    operands: Operands<'_>,
    axis: i64,
    block: usize,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.type_(x)?, operands.type_(y)?);
    let shared = shared(operands, ["y_scale", "y_zero_point"], to, axis, block)?;
    let backend = *backend;
    let shape = operands.shape(x)?;
    let layouts = (operands.tensor(x).layout, operands.tensor(y).layout);
    if layouts == (Layout::RowMajor, Layout::ChannelsLast) && !layout::coincide(shape) {
        let [_, channels, height, width] = operands.shape4(x)?;
        let Shared::Tensor(by) = shared else {
            return Err(Fault::unsupported("y_scale has several values, expected 1"));
        };
        let pixels = height * width;
        return Ok(quantized!(to, Q => Box::new(QuantizeToChannelsLast::<Q> {
            backend, x, y, by, channels, pixels, type_: PhantomData,
        })));
    }
    Ok(real!(from, X => integer!(to, Y => {
        Box::new(Quantize::<X, Y> { backend, x, y, to, shared, types: PhantomData })
    })))
}

pub(super) fn dequantize(
    operands: Operands<'_>,
    axis: i64,
    block: usize,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.type_(x)?, operands.type_(y)?);
    let shared = shared(operands, ["x_scale", "x_zero_point"], from, axis, block)?;
    let backend = *backend;
    Ok(integer!(from, X => real!(to, Y => {
        Box::new(Dequantize::<X, Y> { backend, x, y, shared, types: PhantomData })
    })))
}

/// The parameters, and how the elements share them.
fn shared(
    operands: Operands<'_>,
    [scale, zero_point]: [&str; 2],
    type_: Type,
    axis: i64,
    block: usize,
) -> Result<Shared, Fault> {
    let shape = operands.shape(operands.id(0)?)?;
    let of = operands.constant(1, scale)?.shape();
    let each = match of {
        [] | [1] => None,
        _ => Some(shape::elements(of)?),
    };
    let scales = operands.scales(1, scale, each)?;
    let zero_points = operands.zero_points(2, zero_point, type_, each)?;
    let mut each: Vec<Affine> = scales.iter().map(|&scale| Affine { scale, zero_point: 0 }).collect();
    each.iter_mut().zip(zero_points.iter().cycle()).for_each(|(by, &zero_point)| by.zero_point = zero_point);
    if let ([] | [1], &[by]) = (of, each.as_slice()) {
        return Ok(Shared::Tensor(by));
    }
    let axis = shape::axis(axis, shape.len())?;
    let inner = shape::elements(&shape[axis + 1..])?;
    let mut expected = shape.to_vec();
    if block == 0 {
        expected = vec![shape[axis]];
    } else {
        expected[axis] = shape[axis].div_ceil(block);
    }
    if of != expected {
        return Err(Fault::invalid(format!(
            "{scale} has shape {of:?}, expected {expected:?} for x {shape:?}, axis {axis} and block_size {block}"
        )));
    }
    Ok(match block {
        0 => Shared::Axis { inner, each },
        // A block longer than the axis is the axis.
        _ => Shared::Block { axis: shape[axis], block: block.min(shape[axis].max(1)), inner, each },
    })
}

impl<X: Number, Y: Number> Step for Quantize<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.shared.for_each(threads, memory.read::<X>(self.x), y, |x, by, y| {
                affine::quantize(&self.backend, x, by, self.to, y).map_err(told)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }
}

impl<X: Number, Y: Number> Step for Dequantize<X, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.shared.for_each(threads, memory.read::<X>(self.x), y, |x, by, y| {
                affine::dequantize(&self.backend, x, by, y).map_err(told)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("dequantize").to_owned()
    }
}

/// From an image in C order to one with channels last.
struct QuantizeToChannelsLast<Q> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    by: Affine,
    channels: usize,
    pixels: usize,
    type_: PhantomData<fn(Q)>,
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
            elementwise::quantize(&self.backend, x, self.by.scale, self.by.zero_point, plane).map_err(told)?;
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
