//! Convolutions over rows and columns. A line is a plane with one row.

use zeropoint::{Backend, ConvPlan, Filter, PackedWeights, ProductOptions, View, Window};

use super::super::dynamic_product::{self, Tensors};
use super::super::product::{self, Place};
use super::{Parts, Step, int8, param, refused};
use crate::error::Fault;
use crate::passes::Geometry;

/// Numbers of rows and columns.
pub(super) fn plane(numbers: &[usize], of_rows: usize) -> [usize; 2] {
    match *numbers {
        [rows, columns] => [rows, columns],
        _ => [of_rows, numbers[0]],
    }
}

/// The step, by parameters that are the plan's, or tensors that are read in each run.
pub(super) fn step(
    parts: &Parts<'_>,
    options: &ProductOptions<'_>,
    by: Option<Tensors>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let planes = Planes::of(parts)?;
    let Geometry { outputs, strides, channels, .. } = &parts.geometry;
    let window = Window { strides: plane(strides, 1), pads: planes.pads };
    let w_type = parts.weights_type()?;
    let weights = parts.packed(|| {
        Ok(int8!(w_type, W => {
            let [above, across] = planes.taps;
            let shape = [*outputs, channels / parts.groups, above, across];
            let view = View::nchw(parts.values::<W>()?, shape).map_err(refused)?;
            PackedWeights::conv(backend, view, param(&parts.zero_points), planes.filter).map_err(refused)?
        }))
    })?;
    let plan = ConvPlan::new(&weights, planes.images, window, options).map_err(refused)?;
    let (operands, places) = (parts.operands, planes.places);
    match by {
        Some(by) => dynamic_product::step(operands, plan, &weights, by, places),
        None => product::step(operands, plan, &weights, places),
    }
}

/// What a convolution over rows and columns has, transposed or not. Over columns alone, there is one row.
pub(super) struct Planes {
    /// Images, rows, columns.
    pub(super) images: [usize; 3],
    pub(super) taps: [usize; 2],
    /// Above, left, below, right.
    pub(super) pads: [usize; 4],
    pub(super) filter: Filter,
    /// Of the input and of the output.
    pub(super) places: [Place<4>; 2],
}

impl Planes {
    pub(super) fn of(parts: &Parts<'_>) -> Result<Self, Fault> {
        let Geometry { images, channels, outputs, from, to, taps, dilations, pads, .. } = &parts.geometry;
        let ([rows, columns], [out_rows, out_columns]) = (plane(from, 1), plane(to, 1));
        let (before, behind) = pads.split_at(from.len());
        let ([top, left], [bottom, right]) = (plane(before, 0), plane(behind, 0));
        let operands = parts.operands;
        Ok(Self {
            images: [*images, rows, columns],
            taps: plane(taps, 1),
            pads: [top, left, bottom, right],
            filter: Filter { groups: parts.groups, dilation: plane(dilations, 1) },
            places: [
                parts.place(operands.id(0)?, [*images, rows, columns, *channels]),
                parts.place(operands.output()?, [*images, out_rows, out_columns, *outputs]),
            ],
        })
    }
}
