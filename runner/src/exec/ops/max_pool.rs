//! `MaxPool`, channels last.

use rayon::prelude::*;

use super::super::parameters::Operands;
use super::{Context, Step, quantized};
use crate::error::Fault;
use crate::graph::op::Convolution;
use crate::graph::{Element, TensorId};
use crate::passes::max_pool;

/// What no element is less than.
trait Least {
    const LEAST: Self;
}

impl Least for u8 {
    const LEAST: Self = Self::MIN;
}

impl Least for i8 {
    const LEAST: Self = Self::MIN;
}

/// The window along an axis.
#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    taps: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
}

impl Axis {
    /// The positions under the window of an output, less those in the padding.
    fn taps(self, output: usize) -> impl Iterator<Item = usize> {
        let begin = output * self.stride;
        (0..self.taps)
            .filter_map(move |tap| (begin + tap * self.dilation).checked_sub(self.pad))
            .filter(move |&at| at < self.size)
    }
}

struct MaxPool<X> {
    x: TensorId,
    y: TensorId,
    rows: Axis,
    columns: Axis,
    channels: usize,
    /// Rows and columns of the output.
    output: [usize; 2],
    least: X,
}

pub(super) fn lower(operands: Operands<'_>, attributes: &Convolution) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let [_, channels, height, width] = operands.shape4(x)?;
    let geometry = max_pool(attributes, operands.shape(x)?)?;
    let axis = |axis: usize, size| Axis {
        size,
        taps: geometry.taps[axis],
        stride: geometry.strides[axis],
        dilation: geometry.dilations[axis],
        pad: geometry.pads[axis],
    };
    let (rows, columns) = (axis(0, height), axis(1, width));
    let output = [geometry.to[0], geometry.to[1]];
    Ok(quantized!(operands.type_(x)?, X => {
        Box::new(MaxPool::<X> { x, y, rows, columns, channels, output, least: X::LEAST })
    }))
}

impl<X: Element + Ord> MaxPool<X> {
    /// A row of an image's output.
    fn row(&self, image: &[X], row: usize, y: &mut [X]) {
        let channels = self.channels;
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            y.fill(self.least);
            for at in self.rows.taps(row) {
                for x in self.columns.taps(column) {
                    let x = &image[(at * self.columns.size + x) * channels..][..channels];
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = (*y).max(x));
                }
            }
        }
    }
}

impl<X: Element + Ord> Step for MaxPool<X> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        memory.writing::<X, _>(self.y, |memory, y| {
            let [rows, columns] = self.output;
            let (of_image, of_row) = (self.rows.size * self.columns.size * self.channels, columns * self.channels);
            if y.is_empty() {
                return;
            }
            let x = memory.read::<X>(self.x);
            let row = |(index, y): (usize, &mut [X])| {
                self.row(&x[index / rows * of_image..][..of_image], index % rows, y);
            };
            if threads == 1 {
                y.chunks_exact_mut(of_row).enumerate().for_each(row);
            } else {
                y.par_chunks_exact_mut(of_row).enumerate().for_each(row);
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "max_pool".into()
    }
}
