//! Images of another size.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::op::{Coordinates, Interpolation, Nearest, Resize};
use crate::graph::{Data, Op};

pub(super) fn resize(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.expect("data_layout", &["NCHW", "AnyLayout"])?;
    let corners = call.flag("align_corners", true)?;
    let mode = call.int("align_mode")?.unwrap_or(1);
    let (interpolation, coordinates) = match (call.name() == "nearest_interp_v2", corners, mode) {
        // Half up, of numbers that are not negative.
        (true, true, _) => (Interpolation::Nearest(Nearest::RoundPreferCeil), Coordinates::AlignCorners),
        (true, false, _) => (Interpolation::Nearest(Nearest::Floor), Coordinates::Asymmetric),
        (false, true, _) => (Interpolation::Linear, Coordinates::AlignCorners),
        (false, false, 0) => (Interpolation::Linear, Coordinates::HalfPixel),
        (false, false, 1) => (Interpolation::Linear, Coordinates::Asymmetric),
        (false, false, other) => {
            return Err(Fault::invalid(format!("attribute align_mode is {other}, expected 0 or 1")));
        }
    };
    let scales = match call.floats("scale")?.unwrap_or_default().as_slice() {
        &[height, width] => Some([height, width]),
        &[both] if both > 0.0 => Some([both, both]),
        // A single 0 says that the size counts.
        [] | [_] => None,
        other => return Err(Fault::invalid(format!("attribute scale is {other:?}, expected two numbers"))),
    };
    let sizes = [call.int("out_h")?.unwrap_or(-1), call.int("out_w")?.unwrap_or(-1)];
    let op = Op::Resize(Resize { interpolation, coordinates, axes: Some(vec![2, 3]) });
    let operands = match scales {
        Some(scales) => vec![Some(x), None, Some(call.value(vec![2], Data::F32(scales.to_vec()))?)],
        None if sizes.iter().all(|&size| size > 0) => vec![Some(x), None, None, Some(call.vector(sizes.to_vec())?)],
        None => return Err(Fault::invalid(format!("has no scale, and attributes out_h and out_w are {sizes:?}"))),
    };
    call.make_of(op, operands, "Out").map(drop)
}
