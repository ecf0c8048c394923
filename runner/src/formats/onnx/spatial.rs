//! The attributes of operators on images, and of those that move elements.

use super::attributes::Attributes;
use super::nodes::{convolution, pool, required};
use crate::error::Fault;
use crate::graph::Op;
use crate::graph::op::{Border, Coordinates, Interpolation, Nearest, Resize, Transposed};

pub(super) fn transposed(a: &mut Attributes<'_>) -> Result<Transposed, Fault> {
    let output_padding = a.sizes("output_padding", 0)?.unwrap_or_default();
    let output_shape = a.sizes("output_shape", 0)?.filter(|sizes| !sizes.is_empty());
    Ok(Transposed { window: convolution(a)?, output_padding, output_shape })
}

pub(super) fn average_pool(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    let count_include_pad = a.flag("count_include_pad")?;
    Ok(Op::AveragePool { pool: pool(a)?, count_include_pad })
}

fn block(a: &mut Attributes<'_>) -> Result<usize, Fault> {
    let size = required(a, "blocksize")?;
    usize::try_from(size)
        .ok()
        .filter(|&size| size > 0)
        .ok_or_else(|| Fault::invalid(format!("attribute blocksize is {size}, expected at least 1")))
}

pub(super) fn depth_to_space(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    let depth_first = match a.string("mode")?.unwrap_or("DCR") {
        "DCR" => true,
        "CRD" => false,
        other => return Err(Fault::invalid(format!("attribute mode is \"{other}\", expected DCR or CRD"))),
    };
    Ok(Op::DepthToSpace { block: block(a)?, depth_first })
}

pub(super) fn space_to_depth(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    Ok(Op::SpaceToDepth { block: block(a)? })
}

pub(super) fn border(a: &mut Attributes<'_>) -> Result<Border, Fault> {
    match a.string("mode")?.unwrap_or("constant") {
        "constant" => Ok(Border::Constant),
        "edge" => Ok(Border::Edge),
        "reflect" => Ok(Border::Reflect),
        "wrap" => Ok(Border::Wrap),
        other => {
            Err(Fault::invalid(format!("attribute mode is \"{other}\", expected constant, edge, reflect or wrap")))
        }
    }
}

/// A split into as many parts as the node makes.
pub(super) fn split(a: &mut Attributes<'_>, parts: usize) -> Result<Op, Fault> {
    match a.int("num_outputs")? {
        Some(count) if usize::try_from(count) != Ok(parts) => {
            Err(Fault::invalid(format!("attribute num_outputs is {count}, but it makes {parts} tensors")))
        }
        _ => Ok(Op::Split { axis: a.int_or("axis", 0)?, parts }),
    }
}

/// What a change of size was before version 11: coordinates by the scale alone.
pub(super) fn resize_by_scale(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    let interpolation = match a.string("mode")?.unwrap_or("nearest") {
        "nearest" => Interpolation::Nearest(Nearest::FloorOrCeil),
        "linear" => Interpolation::Linear,
        other => return Err(Fault::invalid(format!("attribute mode is \"{other}\", expected nearest or linear"))),
    };
    Ok(Op::Resize(Resize { interpolation, coordinates: Coordinates::Asymmetric, axes: None }))
}

pub(super) fn resize(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    let coordinates = match a.string("coordinate_transformation_mode")?.unwrap_or("half_pixel") {
        "half_pixel" => Coordinates::HalfPixel,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        other => {
            return Err(Fault::unsupported(format!(
                "attribute coordinate_transformation_mode is \"{other}\", expected half_pixel, pytorch_half_pixel, \
                 align_corners or asymmetric"
            )));
        }
    };
    let nearest = match a.string("nearest_mode")?.unwrap_or("round_prefer_floor") {
        "round_prefer_floor" => Nearest::RoundPreferFloor,
        "round_prefer_ceil" => Nearest::RoundPreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => {
            return Err(Fault::invalid(format!(
                "attribute nearest_mode is \"{other}\", expected round_prefer_floor, round_prefer_ceil, floor or ceil"
            )));
        }
    };
    let coefficient = a.float("cubic_coeff_a")?.unwrap_or(-0.75);
    let exclude_outside = a.flag("exclude_outside")?;
    // What is around a region, which there is none of.
    a.float("extrapolation_value")?;
    if a.flag("antialias")? {
        return Err(Fault::unsupported("attribute antialias is 1, expected 0"));
    }
    match a.string("keep_aspect_ratio_policy")?.unwrap_or("stretch") {
        "stretch" => {}
        other => {
            let message = format!("attribute keep_aspect_ratio_policy is \"{other}\", expected stretch");
            return Err(Fault::unsupported(message));
        }
    }
    let interpolation = match a.string("mode")?.unwrap_or("nearest") {
        "nearest" => Interpolation::Nearest(nearest),
        "linear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic { coefficient, exclude_outside },
        other => {
            return Err(Fault::invalid(format!("attribute mode is \"{other}\", expected nearest, linear or cubic")));
        }
    };
    if exclude_outside && !matches!(interpolation, Interpolation::Cubic { .. }) {
        return Err(Fault::unsupported("attribute exclude_outside is 1, expected 0 unless mode is cubic"));
    }
    Ok(Op::Resize(Resize { interpolation, coordinates, axes: a.ints("axes")?.map(<[i64]>::to_vec) }))
}
