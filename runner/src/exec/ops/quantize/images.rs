//! Between images in C order and such with channels last, on the way from floats to integers and back.

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::{Backend, elementwise};

use super::super::{Context, Step, told};
use super::Parameters;
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::graph::{Element, Layout, TensorId, shape};
use crate::passes::layout;
use crate::rearrange;

/// Images, and one scale for all of them.
pub(super) struct Images {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    by: Parameters,
    channels: usize,
    pixels: usize,
}

/// Whether an operand lies in the first of these orders and the result in the second, which is another one.
pub(super) fn are_between(operands: Operands<'_>, orders: [Layout; 2]) -> Result<bool, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let found = [operands.tensor(x).layout, operands.tensor(y).layout];
    Ok(found == orders && !layout::coincide(operands.shape(x)?))
}

impl Images {
    pub(super) fn new(operands: Operands<'_>, by: Parameters, backend: &Backend) -> Result<Self, Fault> {
        let (x, y) = (operands.id(0)?, operands.output()?);
        let &[_, channels, ref pixels @ ..] = operands.shape(x)? else {
            return Err(Fault::unsupported("expected an operand with channels"));
        };
        if by.axis.is_some() {
            return Err(Fault::unsupported("a scale has several values, expected 1"));
        }
        Ok(Self { backend: *backend, x, y, by, channels, pixels: shape::elements(pixels)? })
    }

    pub(super) fn quantize<Q: Element + zeropoint::Int8 + zeropoint::Integer>(self) -> Box<dyn Step> {
        Box::new(QuantizeToChannelsLast::<Q> { images: self, type_: PhantomData })
    }

    pub(super) fn dequantize<Q: Element + zeropoint::Int8 + zeropoint::Integer>(self) -> Box<dyn Step> {
        Box::new(DequantizeToRows::<Q> { images: self, type_: PhantomData })
    }
}

/// Pixels that are taken at a time, channel by channel: they stay in the first cache.
const PIXELS: usize = 512;

/// Channels whose pixels are written as one: those of a picture.
const FEW: usize = 4;

/// From an image in C order to one with channels last.
struct QuantizeToChannelsLast<Q> {
    images: Images,
    type_: PhantomData<fn(Q)>,
}

impl<Q: Element + zeropoint::Int8 + zeropoint::Integer> QuantizeToChannelsLast<Q> {
    /// Pixels `at..` of one image, into `y`.
    fn block(&self, image: &[f32], at: usize, y: &mut [Q]) -> Result<(), String> {
        let Images { channels, pixels, .. } = self.images;
        let by = self.images.by.quantization();
        let quantize = |channel: usize, plane: &mut [Q]| {
            let x = &image[channel * pixels + at..][..plane.len()];
            elementwise::quantize_with(&self.images.backend, x, &by, plane).map_err(told)
        };
        let count = y.len() / channels;
        if channels <= FEW {
            let mut planes = [Q::zeroed(); FEW * PIXELS];
            for channel in 0..channels {
                quantize(channel, &mut planes[channel * PIXELS..][..count])?;
            }
            rearrange::turn(&planes, PIXELS, channels, y);
            return Ok(());
        }
        let mut plane = [Q::zeroed(); PIXELS];
        for channel in 0..channels {
            quantize(channel, &mut plane[..count])?;
            y[channel..].iter_mut().step_by(channels).zip(&plane).for_each(|(y, &value)| *y = value);
        }
        Ok(())
    }
}

impl<Q: Element + zeropoint::Int8 + zeropoint::Integer> Step for QuantizeToChannelsLast<Q> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let size = self.images.channels * self.images.pixels;
        if size == 0 {
            return Ok(());
        }
        memory.writing::<Q, _>(self.images.y, |memory, y| {
            let images = memory.read::<f32>(self.images.x).chunks_exact(size);
            for (x, y) in images.zip(y.chunks_exact_mut(size)) {
                let block = PIXELS * self.images.channels;
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
        self.images.backend.kernel_name("quantize").to_owned()
    }
}

/// From an image with channels last to one in C order.
struct DequantizeToRows<Q> {
    images: Images,
    type_: PhantomData<fn(Q)>,
}

impl<Q: Element + zeropoint::Int8 + zeropoint::Integer> DequantizeToRows<Q> {
    /// Some pixels of one channel, from `at` on, of one image.
    fn piece(&self, image: &[Q], channel: usize, at: usize, y: &mut [f32]) -> Result<(), String> {
        let mut plane = [Q::zeroed(); PIXELS];
        let plane = &mut plane[..y.len()];
        let x = image[at * self.images.channels + channel..].iter().step_by(self.images.channels);
        plane.iter_mut().zip(x).for_each(|(to, &from)| *to = from);
        elementwise::dequantize_with(&self.images.backend, plane, &self.images.by.quantization(), y).map_err(told)
    }
}

impl<Q: Element + zeropoint::Int8 + zeropoint::Integer> Step for DequantizeToRows<Q> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let Images { channels, pixels, .. } = self.images;
        let size = channels * pixels;
        if size == 0 {
            return Ok(());
        }
        memory.writing::<f32, _>(self.images.y, |memory, y| {
            let images = memory.read::<Q>(self.images.x).chunks_exact(size);
            for (x, y) in images.zip(y.chunks_exact_mut(size)) {
                if threads == 1 {
                    for at in (0..pixels).step_by(PIXELS) {
                        let count = PIXELS.min(pixels - at);
                        let mut planes = y.chunks_exact_mut(pixels).enumerate();
                        planes.try_for_each(|(channel, y)| self.piece(x, channel, at, &mut y[at..at + count]))?;
                    }
                } else {
                    let planes = y.par_chunks_exact_mut(pixels).enumerate();
                    planes.try_for_each(|(channel, y)| {
                        let mut pieces = y.chunks_mut(PIXELS).enumerate();
                        pieces.try_for_each(|(at, y)| self.piece(x, channel, at * PIXELS, y))
                    })?;
                }
            }
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        self.images.backend.kernel_name("dequantize").to_owned()
    }
}
