//! `Conv` and `ConvTranspose` in f32. Their definitions leave the rounding open; this is the one order in which they are
//! computed here, on every CPU: the products of an output are added one by one to 0, by the channels of the group from
//! the first to the last, and for each by the taps in C order; then the bias is added. Products and sums are rounded to
//! f32, nothing is fused. What is padded adds nothing, and neither do taps that no input meets.

use super::windows::Windows;
use super::{Context, Operands, Step, each_plane};
use crate::error::Fault;
use crate::graph::op::{Convolution, Transposed};
use crate::graph::{TensorId, shape};
use crate::passes::{self, Geometry};

struct Sums {
    x: TensorId,
    w: TensorId,
    bias: Option<TensorId>,
    y: TensorId,
    windows: Windows,
    channels: usize,
    outputs: usize,
    /// Channels and outputs of a group.
    inputs: usize,
    per_group: usize,
    transposed: bool,
}

pub(in super::super) fn convolution(operands: Operands<'_>, attributes: &Convolution) -> Result<Box<dyn Step>, Fault> {
    let geometry = passes::convolution(attributes, operands.shape(operands.id(0)?)?, operands.shape(operands.id(1)?)?)?;
    step(operands, attributes, &geometry, false)
}

pub(in super::super) fn transposed(operands: Operands<'_>, attributes: &Transposed) -> Result<Box<dyn Step>, Fault> {
    let (x, w) = (operands.shape(operands.id(0)?)?, operands.shape(operands.id(1)?)?);
    let (geometry, _) = passes::transposed(attributes, x, w)?;
    step(operands, &attributes.window, &geometry, true)
}

fn step(
    operands: Operands<'_>,
    attributes: &Convolution,
    geometry: &Geometry,
    transposed: bool,
) -> Result<Box<dyn Step>, Fault> {
    if attributes.channels_last {
        return Err(Fault::unsupported("a convolution of floats with the channels last"));
    }
    let (x, w, y) = (operands.id(0)?, operands.id(1)?, operands.output()?);
    // Without weights there are no taps to run over, and without outputs nobody asks.
    let elements = shape::elements(operands.shape(y)?)?.min(shape::elements(operands.shape(w)?)?);
    let windows = Windows::new(geometry, transposed)?.merged().ready(elements)?;
    let Geometry { channels, outputs, .. } = *geometry;
    let (inputs, per_group) = (channels / attributes.groups, outputs / attributes.groups);
    let bias = operands.optional(2);
    Ok(Box::new(Sums { x, w, bias, y, windows, channels, outputs, inputs, per_group, transposed }))
}

impl Sums {
    /// One channel of one image of the output.
    fn plane(&self, index: usize, x: &[f32], w: &[f32], bias: Option<f32>, y: &mut [f32]) {
        let Self { windows, channels, outputs, inputs, per_group, .. } = self;
        let (taps, [from, _]) = (windows.taps(), windows.planes());
        let (image, output) = (index / outputs, index % outputs);
        let group = output / per_group;
        let x = &x[(image * channels + group * inputs) * from..][..inputs * from];
        // Where the taps of the first channel are, and how far away those of the next one.
        let (first, apart) = match self.transposed {
            true => (group * inputs * per_group + output % per_group, per_group * taps),
            false => (output * inputs, taps),
        };
        for (row, y) in y.chunks_exact_mut(windows.row()).enumerate() {
            y.fill(0.0);
            for channel in 0..*inputs {
                let (x, w) = (&x[channel * from..][..from], &w[first * taps + channel * apart..][..taps]);
                windows.each_tap(row, |tap, meeting| {
                    let weight = w[tap];
                    meeting.each(y, x, |y, x| *y += weight * x);
                });
            }
            if let Some(bias) = bias {
                y.iter_mut().for_each(|y| *y += bias);
            }
        }
    }
}

impl Step for Sums {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let [_, size] = self.windows.planes();
        memory.writing::<f32, _>(self.y, |memory, y| {
            let (x, w) = (memory.read::<f32>(self.x), memory.read::<f32>(self.w));
            let bias = self.bias.map(|bias| memory.read::<f32>(bias));
            each_plane(threads, y, size, |index, y| {
                self.plane(index, x, w, bias.map(|bias| bias[index % self.outputs]), y);
            });
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/convolution".to_owned()
    }
}
