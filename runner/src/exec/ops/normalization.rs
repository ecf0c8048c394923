//! Normalisations in f32. Their definitions leave the rounding open; this is the one order in which they are computed
//! here, on every CPU, each operation rounded by itself:
//!
//! * the mean is the sum of the elements, from the first to the last, to 0, divided by their number;
//! * the variance is the mean, so computed, of the squares of the differences from the mean; that of
//!   `RMSNormalization`, which has no mean, is the mean of the squares;
//! * `y = f32(f32(f32(f32(x - mean) / f32(sqrt(f32(variance + epsilon)))) * scale) + bias)`, without the difference or
//!   the sum where there is no mean or no bias.

use super::super::parameters::Operands;
use super::parts::{floats, floats_len};
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{ROWS, sums, wide};
use crate::graph::{Layout, Op, TensorId, shape};

/// The parameters of an element.
#[derive(Clone, Copy)]
enum Parameters {
    /// Those of its column in the row.
    Columns,
    /// Those of the row, of so many that follow each other.
    Rows(usize),
    /// Those of parts of the row, of so many rows that follow each other and so many parts.
    Parts([usize; 2]),
}

/// Rows with mean and variance of their own.
struct Rows {
    x: TensorId,
    y: TensorId,
    scale: TensorId,
    bias: Option<TensorId>,
    width: usize,
    epsilon: f32,
    centred: bool,
    parameters: Parameters,
}

pub(super) fn rows(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, scale, bias, y) = (operands.id(0)?, operands.id(1)?, operands.optional(2), operands.output()?);
    let from = operands.shape(x)?;
    let (axis, epsilon, centred, parameters) = match operands.node.op {
        Op::InstanceNormalization { epsilon } => (2, epsilon, true, Parameters::Rows(from[1])),
        // Rows are groups.
        Op::GroupNormalization { groups, per_group, epsilon } => {
            let parameters =
                if per_group { Parameters::Rows(groups) } else { Parameters::Parts([groups, from[1] / groups]) };
            let width = shape::elements(&from[1..])? / groups;
            return Ok(Box::new(Rows { x, y, scale, bias, width, epsilon, centred: true, parameters }));
        }
        Op::LayerNormalization { axis, epsilon } => {
            (shape::axis(axis, from.len())?, epsilon, true, Parameters::Columns)
        }
        Op::RmsNormalization { axis, epsilon } => (shape::axis(axis, from.len())?, epsilon, false, Parameters::Columns),
        _ => return Err(Fault::unsupported("no normalisation of rows")),
    };
    let width = shape::elements(&from[axis..])?;
    Ok(Box::new(Rows { x, y, scale, bias, width, epsilon, centred, parameters }))
}

impl Rows {
    /// Up to [`ROWS`] rows, of which the first is the one of this number.
    #[inline(always)]
    fn rows(&self, x: &[f32], y: &mut [f32], first: usize, scale: &[f32], bias: Option<&[f32]>) {
        let count = self.width as f32;
        let average = if self.centred { sums(x, self.width, |_, x| x).map(|sum| sum / count) } else { [0.0; ROWS] };
        // Without a mean, x - 0 is x.
        let squares = sums(x, self.width, |row, x| (x - average[row]) * (x - average[row]));
        for (row, (x, y)) in x.chunks_exact(self.width).zip(y.chunks_exact_mut(self.width)).enumerate() {
            let deviation = (squares[row] / count + self.epsilon).sqrt();
            let average = average[row];
            for (y, x) in y.iter_mut().zip(x) {
                *y = (x - average) / deviation;
            }
            join(y, self.parameters.of(scale, first + row), |y, scale| y * scale);
            if let Some(bias) = bias {
                join(y, self.parameters.of(bias, first + row), |y, bias| y + bias);
            }
        }
    }
}

impl Parameters {
    /// Those of a row: one, or one for each column or for each part of as many columns.
    fn of(self, values: &[f32], row: usize) -> &[f32] {
        match self {
            Self::Rows(rows) if values.len() > 1 => &values[row % rows..][..1],
            Self::Parts([rows, parts]) => &values[row % rows * parts..][..parts],
            Self::Rows(_) | Self::Columns => values,
        }
    }
}

/// Replaces each element by a function of it and its parameter.
#[inline(always)]
fn join(y: &mut [f32], parameters: &[f32], function: impl Fn(f32, f32) -> f32) {
    match parameters {
        &[parameter] => {
            for y in y {
                *y = function(*y, parameter);
            }
        }
        parameters if parameters.len() == y.len() => {
            for (y, &parameter) in y.iter_mut().zip(parameters) {
                *y = function(*y, parameter);
            }
        }
        parameters => {
            for (y, &parameter) in y.chunks_exact_mut(y.len() / parameters.len().max(1)).zip(parameters) {
                for y in y {
                    *y = function(*y, parameter);
                }
            }
        }
    }
}

impl Step for Rows {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let (x, scale) = (memory.read::<f32>(self.x), memory.read::<f32>(self.scale));
            let bias = self.bias.map(|bias| memory.read::<f32>(bias));
            let groups = x.chunks(ROWS * self.width).zip(y.chunks_mut(ROWS * self.width));
            wide!(for (at, (x, y)) in groups.enumerate() {
                self.rows(x, y, ROWS * at, scale, bias);
            });
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/normalization".to_owned()
    }
}

/// Channels with a given mean and variance.
struct Channels {
    x: TensorId,
    y: TensorId,
    /// Scale, bias, mean, variance.
    parameters: [TensorId; 4],
    channels: usize,
    /// Elements of a channel in an image.
    pixels: usize,
    channels_last: bool,
    epsilon: f32,
}

pub(super) fn channels(operands: Operands<'_>, epsilon: f32) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let parameters = [operands.id(1)?, operands.id(2)?, operands.id(3)?, operands.id(4)?];
    let &[_, channels, ref pixels @ ..] = operands.shape(x)? else {
        return Err(Fault::unsupported("expected an operand with channels"));
    };
    let pixels = shape::elements(pixels)?;
    // A single pixel is as good as one with channels last.
    let channels_last = operands.tensor(x).layout == Layout::ChannelsLast || pixels == 1;
    Ok(Box::new(Channels { x, y, parameters, channels, pixels, channels_last, epsilon }))
}

impl Step for Channels {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, .. } = context;
        memory.writing::<f32, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let x = memory.read::<f32>(self.x);
            let [scale, bias, mean, variance] = self.parameters.map(|id| memory.read::<f32>(id));
            // Channel by channel where they lie so, else pixel by pixel.
            let deviation = |channel: usize| (variance[channel] + self.epsilon).sqrt();
            if self.channels_last {
                let deviations = &mut floats(scratch)[..self.channels];
                deviations.iter_mut().enumerate().for_each(|(channel, to)| *to = deviation(channel));
                let deviations = &*deviations;
                let pixels = x.chunks_exact(self.channels).zip(y.chunks_exact_mut(self.channels));
                wide!(for (x, y) in pixels {
                    let parameters = mean.iter().zip(deviations).zip(scale.iter().zip(bias));
                    for ((y, x), ((mean, deviation), (scale, bias))) in y.iter_mut().zip(x).zip(parameters) {
                        *y = (x - mean) / deviation * scale + bias;
                    }
                });
                return;
            }
            let planes = x.chunks_exact(self.pixels).zip(y.chunks_exact_mut(self.pixels));
            for (channel, (x, y)) in planes.enumerate() {
                let channel = channel % self.channels;
                let (mean, deviation, scale, bias) = (mean[channel], deviation(channel), scale[channel], bias[channel]);
                wide!(for (y, x) in y.iter_mut().zip(x) {
                    *y = (x - mean) / deviation * scale + bias;
                });
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/normalization".to_owned()
    }

    fn scratch_len(&self) -> usize {
        if self.channels_last { floats_len(self.channels) } else { 0 }
    }
}
