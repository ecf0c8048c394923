//! Normalisations in f32. Their definitions leave the rounding open; this is the one order in which they are computed
//! here, on every CPU, each operation rounded by itself:
//!
//! * the mean is the sum of the elements, from the first to the last, to 0, divided by their number;
//! * the variance is the mean, so computed, of the squares of the differences from the mean; that of
//!   `RMSNormalization`, which has no mean, is the mean of the squares;
//! * `y = f32(f32(f32(f32(x - mean) / f32(sqrt(f32(variance + epsilon)))) * scale) + bias)`, without the difference or
//!   the sum where there is no mean or no bias.

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::error::Fault;
use crate::functions::{ROWS, sums};
use crate::graph::{Layout, Op, TensorId, shape};

/// The parameters of an element.
#[derive(Clone, Copy)]
enum Parameters {
    /// Those of its column in the row.
    Columns,
    /// Those of the row, of so many that follow each other.
    Rows(usize),
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
    fn rows(&self, x: &[f32], y: &mut [f32], first: usize, scale: &[f32], bias: Option<&[f32]>) {
        let count = self.width as f32;
        let average = if self.centred { sums(x, self.width, |_, x| x).map(|sum| sum / count) } else { [0.0; ROWS] };
        // Without a mean, x - 0 is x.
        let squares = sums(x, self.width, |row, x| (x - average[row]) * (x - average[row]));
        for (row, (x, y)) in x.chunks_exact(self.width).zip(y.chunks_exact_mut(self.width)).enumerate() {
            let deviation = (squares[row] / count + self.epsilon).sqrt();
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - average[row]) / deviation);
            join(y, self.parameters.of(scale, first + row), |y, scale| y * scale);
            if let Some(bias) = bias {
                join(y, self.parameters.of(bias, first + row), |y, bias| y + bias);
            }
        }
    }
}

impl Parameters {
    /// Those of a row: one, or one for each column.
    fn of(self, values: &[f32], row: usize) -> &[f32] {
        match self {
            Self::Rows(rows) if values.len() > 1 => &values[row % rows..][..1],
            Self::Rows(_) | Self::Columns => values,
        }
    }
}

/// Replaces each element by a function of it and its parameter.
fn join(y: &mut [f32], parameters: &[f32], function: impl Fn(f32, f32) -> f32) {
    match parameters {
        &[parameter] => y.iter_mut().for_each(|y| *y = function(*y, parameter)),
        parameters => y.iter_mut().zip(parameters).for_each(|(y, &parameter)| *y = function(*y, parameter)),
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
            groups.enumerate().for_each(|(at, (x, y))| self.rows(x, y, ROWS * at, scale, bias));
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
    let channels_last = operands.tensor(x).layout == Layout::ChannelsLast;
    Ok(Box::new(Channels { x, y, parameters, channels, pixels: shape::elements(pixels)?, channels_last, epsilon }))
}

impl Step for Channels {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let x = memory.read::<f32>(self.x);
            let [scale, bias, mean, variance] = self.parameters.map(|id| memory.read::<f32>(id));
            let (first, step) = if self.channels_last { (1, self.channels) } else { (self.pixels, 1) };
            let image = self.channels * self.pixels;
            for (x, y) in x.chunks_exact(image).zip(y.chunks_exact_mut(image)) {
                for channel in 0..self.channels {
                    let deviation = (variance[channel] + self.epsilon).sqrt();
                    let elements = y[channel * first..].iter_mut().zip(&x[channel * first..]);
                    for (y, x) in elements.step_by(step).take(self.pixels) {
                        *y = (x - mean[channel]) / deviation * scale[channel] + bias[channel];
                    }
                }
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/normalization".to_owned()
    }
}
