//! `Conv` and `ConvTranspose` in f32. Their definitions leave the rounding open; this is the one order in which they are
//! computed here, on every CPU: the products of an output are added one by one to 0, by the channels of the group from
//! the first to the last, and for each by the taps in C order; then the bias is added. Products and sums are rounded to
//! f32, nothing is fused. What is padded adds nothing, and neither do taps that no input meets.

use super::super::parts::{each_part, floats, floats_len};
use super::windows::Windows;
use super::{Context, Operands, Step, patches};
use crate::error::Fault;
use crate::functions::{DEPTH, Matrix, Panel, add_products, columns, wide};
use crate::graph::op::{Convolution, Transposed};
use crate::graph::{Element, TensorId, shape};
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
    /// Whether the weights, as far as they are known, are [`finite`].
    finite: Option<bool>,
}

/// Whether sums may have terms for what is padded: such a term is 0, and adds nothing to a sum, which begins with 0 and so
/// is never -0.
fn finite(w: &[f32]) -> bool {
    w.iter().all(|w| w.is_finite())
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
    let finite = operands.tensor(w).constant.as_deref().and_then(|w| f32::of(w.data())).map(finite);
    Ok(Box::new(Sums { x, w, bias, y, windows, channels, outputs, inputs, per_group, transposed, finite }))
}

/// From so many outputs of a group on, what windows meet is brought together for all of them.
const MANY: usize = 4;
/// Taps of which a panel is no longer one for the second cache.
const MOST: usize = 8 * DEPTH;

impl Sums {
    /// Channels whose taps are added before the next columns' turn comes; none where the sums of an output are made alone.
    fn together(&self) -> usize {
        let (taps, [from, _]) = (self.windows.taps(), self.windows.planes());
        let many = !self.transposed && self.per_group >= MANY && from > 0;
        if many && (1..=MOST).contains(&taps) { (DEPTH / taps).max(1).min(self.inputs) } else { 0 }
    }

    /// Planes of the output from one on, as products of matrices: of weights and what windows meet.
    fn planes(&self, first: usize, x: &[f32], w: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let Self { windows, inputs, per_group, .. } = self;
        let (taps, [from, size], together, columns) = (windows.taps(), windows.planes(), self.together(), columns());
        let (mut first, mut y) = (first, y);
        while !y.is_empty() {
            let count = (per_group - first % per_group).min(y.len() / size);
            let (now, later) = y.split_at_mut(count * size);
            let w = Matrix { values: w, steps: [inputs * taps, 1] }.from(first % self.outputs, 0);
            // Groups of all images follow each other in both operands.
            let x = &x[first / per_group * inputs * from..][..inputs * from];
            for column in (0..size).step_by(columns) {
                let width = columns.min(size - column);
                for channel in (0..*inputs).step_by(together) {
                    let x = &x[channel * from..inputs.min(&(channel + together)) * from];
                    let depth = x.len() / from * taps;
                    let values = &mut scratch[..depth * columns];
                    patches::fill(windows, x, column..column + width, columns, values);
                    let panel = Panel { values, step: columns, width };
                    add_products(w.from(0, channel * taps), depth, panel, &mut now[column..], size, channel == 0);
                }
            }
            (first, y) = (first + count, later);
        }
    }

    /// One channel of one image of the output.
    #[inline(always)]
    fn plane(&self, index: usize, x: &[f32], w: &[f32], y: &mut [f32]) {
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
                    meeting.each(
                        y,
                        x,
                        #[inline(always)]
                        |y, x| *y += weight * x,
                    );
                });
            }
        }
    }
}

impl Step for Sums {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        let [_, size] = self.windows.planes();
        memory.writing::<f32, _>(self.y, |memory, y| {
            let (x, w) = (memory.read::<f32>(self.x), memory.read::<f32>(self.w));
            let bias = self.bias.map(|bias| memory.read::<f32>(bias));
            let together = self.together() > 0 && self.finite.unwrap_or_else(|| finite(w));
            each_part(threads, y, size, scratch, |first, y, scratch| {
                if together {
                    self.planes(first, x, w, y, floats(scratch));
                }
                for (index, y) in y.chunks_exact_mut(size).enumerate() {
                    let plane = first + index;
                    if !together {
                        let y = &mut *y;
                        wide!(self.plane(plane, x, w, y));
                    }
                    if let Some(bias) = bias {
                        let bias = bias[plane % self.outputs];
                        y.iter_mut().for_each(|y| *y += bias);
                    }
                }
                Ok(())
            })
        })
    }

    fn kernel(&self) -> String {
        "runner/convolution".to_owned()
    }

    fn scratch_len(&self) -> usize {
        floats_len((self.together() * self.windows.taps()).saturating_mul(columns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_same_alone_and_together() {
        for (groups, inputs, per_group, image, taps, stride, dilation, pads) in [
            (1, 3, 8, [9, 11], [3, 3], 1, 1, [1, 1]),
            (2, 5, 4, [8, 70], [3, 2], 1, 2, [2, 0]),
            (1, 3, 5, [32, 32], [8, 8], 8, 1, [0, 0]),
            (1, 300, 6, [3, 3], [3, 3], 2, 1, [2, 2]),
            (3, 7, 4, [1, 200], [1, 1], 1, 1, [0, 0]),
            (1, 2, 4, [2, 2], [5, 5], 1, 1, [4, 4]),
        ] {
            let size = |axis: usize| (image[axis] + 2 * pads[axis] - (taps[axis] - 1) * dilation - 1) / stride + 1;
            let to = [size(0), size(1)];
            let geometry = Geometry {
                output: vec![2, groups * per_group, to[0], to[1]],
                images: 2,
                channels: groups * inputs,
                outputs: groups * per_group,
                from: image.to_vec(),
                to: to.to_vec(),
                taps: taps.to_vec(),
                strides: vec![stride; 2],
                dilations: vec![dilation; 2],
                pads: [pads, pads].concat(),
            };
            let windows = Windows::new(&geometry, false).unwrap().merged().ready(1).unwrap();
            let id = TensorId(0);
            let (channels, outputs) = (groups * inputs, groups * per_group);
            let (transposed, finite) = (false, None);
            let sums = Sums {
                x: id,
                w: id,
                bias: None,
                y: id,
                windows,
                channels,
                outputs,
                inputs,
                per_group,
                transposed,
                finite,
            };
            assert!(sums.together() > 0);
            let x: Vec<f32> =
                (0..2 * channels * image[0] * image[1]).map(|at| (at * 7 % 61) as f32 / 3.0 - 9.7).collect();
            let w: Vec<f32> =
                (0..outputs * inputs * taps[0] * taps[1]).map(|at| (at * 5 % 37) as f32 / 7.0 - 2.4).collect();
            let [_, size] = sums.windows.planes();
            let (mut alone, mut together) = (vec![7.0; 2 * outputs * size], vec![9.0; 2 * outputs * size]);
            alone.chunks_exact_mut(size).enumerate().for_each(|(index, y)| sums.plane(index, &x, &w, y));
            let mut scratch = vec![f32::NAN; sums.scratch_len() / size_of::<f32>()];
            // As two threads would do it, in the middle of a group.
            let (before, behind) = together.split_at_mut(3 * size);
            sums.planes(0, &x, &w, before, &mut scratch);
            sums.planes(3, &x, &w, behind, &mut scratch);
            let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(&alone), bits(&together), "{taps:?} of {image:?}");
        }
    }
}
