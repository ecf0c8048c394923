//! Convolutions over rows and columns. A line is a plane with one row.

use zeropoint::{Backend, ConvPlan, Filter, PackedWeights, ProductOptions, View, Window};

use super::super::dynamic_product::{self, Tensors};
use super::super::product;
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
    let Geometry { images, channels, outputs, from, to, taps, strides, dilations, pads, .. } = &parts.geometry;
    let ([rows, columns], [above, across]) = (plane(from, 1), plane(taps, 1));
    let [out_rows, out_columns] = plane(to, 1);
    let (before, behind) = pads.split_at(from.len());
    let ([top, left], [bottom, right]) = (plane(before, 0), plane(behind, 0));
    let window = Window { strides: plane(strides, 1), pads: [top, left, bottom, right] };
    let filter = Filter { groups: parts.groups, dilation: plane(dilations, 1) };

    let operands = parts.operands;
    let w_type = operands.type_(operands.id(parts.weights[0])?)?;
    let weights = parts.packed(|| {
        Ok(int8!(w_type, W => {
            let shape = [*outputs, channels / parts.groups, above, across];
            let view = View::nchw(parts.values::<W>()?, shape).map_err(refused)?;
            PackedWeights::conv(backend, view, param(&parts.zero_points), filter).map_err(refused)?
        }))
    })?;
    let plan = ConvPlan::new(&weights, [*images, rows, columns], window, options).map_err(refused)?;
    let from = parts.place(operands.id(0)?, [*images, rows, columns, *channels]);
    let to = parts.place(operands.output()?, [*images, out_rows, out_columns, *outputs]);
    match by {
        Some(by) => dynamic_product::step(operands, plan, &weights, by, [from, to]),
        None => product::step(operands, plan, &weights, [from, to]),
    }
}
