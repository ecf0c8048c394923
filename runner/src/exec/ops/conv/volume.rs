//! Convolutions over planes, rows and columns.

use zeropoint::{Backend, Conv3dPlan, Filter3d, PackedWeights, ProductOptions, VolumesRef, Window3d};

use super::super::product;
use super::{Parts, Step, int8, param, refused};
use crate::error::Fault;
use crate::passes::Geometry;

/// Numbers of planes, rows and columns.
pub(super) fn volume<const N: usize>(numbers: &[usize]) -> Result<[usize; N], Fault> {
    numbers
        .try_into()
        .map_err(|_| Fault::unsupported(format!("{} numbers of spatial axes, expected {N}", numbers.len())))
}

pub(super) fn step(parts: &Parts<'_>, options: &ProductOptions<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let Geometry { images, channels, outputs, from, to, taps, strides, dilations, pads, .. } = &parts.geometry;
    let [planes, rows, columns] = volume(from)?;
    let [out_planes, out_rows, out_columns] = volume(to)?;
    let [deep, above, across] = volume(taps)?;
    let window = Window3d { strides: volume(strides)?, pads: volume(pads)? };
    let filter = Filter3d { groups: parts.groups, dilation: volume(dilations)? };

    let operands = parts.operands;
    let w_type = parts.weights_type()?;
    let weights = parts.packed(|| {
        Ok(int8!(w_type, W => {
            let shape = [*outputs, channels / parts.groups, deep, above, across];
            let view = VolumesRef::ncdhw(parts.values::<W>()?, shape).map_err(refused)?;
            PackedWeights::conv3d(backend, view, param(&parts.zero_points), filter).map_err(refused)?
        }))
    })?;
    let plan = Conv3dPlan::new(&weights, [*images, planes, rows, columns], window, options).map_err(refused)?;
    let from = parts.place(operands.id(0)?, [*images, planes, rows, columns, *channels]);
    let to = parts.place(operands.output()?, [*images, out_planes, out_rows, out_columns, *outputs]);
    product::step(operands, plan, &weights, [from, to])
}
