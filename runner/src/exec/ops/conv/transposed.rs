//! Transposed convolutions over one to three axes.

use zeropoint::{
    Backend, Filter3d, ProductOptions, TransposedConv3dPlan, TransposedConvPlan, TransposedWeights, TransposedWindow,
    TransposedWindow3d, View, VolumesRef,
};

use super::super::product;
use super::plane::{Planes, plane};
use super::volume::volume;
use super::{Parts, Step, int8, param, refused, too_many};
use crate::error::Fault;
use crate::passes::Geometry;

/// The step; `more` are the positions behind each axis of the output.
pub(super) fn step(
    parts: &Parts<'_>,
    more: &[usize],
    options: &ProductOptions<'_>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    match more.len() {
        1 | 2 => of_planes(parts, more, options, backend),
        3 => of_volumes(parts, more, options, backend),
        axes => Err(too_many(axes)),
    }
}

fn of_planes(
    parts: &Parts<'_>,
    more: &[usize],
    options: &ProductOptions<'_>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let planes = Planes::of(parts)?;
    let Geometry { outputs, strides, channels, .. } = &parts.geometry;
    let window = TransposedWindow { pads: planes.pads, output_padding: plane(more, 0) };
    let w_type = parts.weights_type()?;
    let weights = parts.packed(|| {
        Ok(int8!(w_type, W => {
            let [above, across] = planes.taps;
            let view = View::nchw(parts.values::<W>()?, [*channels, outputs / parts.groups, above, across]);
            let (view, strides) = (view.map_err(refused)?, plane(strides, 1));
            TransposedWeights::new(backend, view, param(&parts.zero_points), planes.filter, strides).map_err(refused)?
        }))
    })?;
    let plan = TransposedConvPlan::new(&weights, planes.images, window, options).map_err(refused)?;
    product::step(parts.operands, plan, &weights, planes.places)
}

fn of_volumes(
    parts: &Parts<'_>,
    more: &[usize],
    options: &ProductOptions<'_>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let Geometry { images, channels, outputs, from, to, taps, strides, dilations, pads, .. } = &parts.geometry;
    let [planes, rows, columns] = volume(from)?;
    let [out_planes, out_rows, out_columns] = volume(to)?;
    let [deep, above, across] = volume(taps)?;
    let window = TransposedWindow3d { pads: volume(pads)?, output_padding: volume(more)? };
    let filter = Filter3d { groups: parts.groups, dilation: volume(dilations)? };

    let operands = parts.operands;
    let w_type = parts.weights_type()?;
    let weights = parts.packed(|| {
        Ok(int8!(w_type, W => {
            let shape = [*channels, outputs / parts.groups, deep, above, across];
            let view = VolumesRef::ncdhw(parts.values::<W>()?, shape).map_err(refused)?;
            let strides = volume(strides)?;
            TransposedWeights::new_3d(backend, view, param(&parts.zero_points), filter, strides).map_err(refused)?
        }))
    })?;
    let plan =
        TransposedConv3dPlan::new(&weights, [*images, planes, rows, columns], window, options).map_err(refused)?;
    let from = parts.place(operands.id(0)?, [*images, planes, rows, columns, *channels]);
    let to = parts.place(operands.output()?, [*images, out_planes, out_rows, out_columns, *outputs]);
    product::step(operands, plan, &weights, [from, to])
}
