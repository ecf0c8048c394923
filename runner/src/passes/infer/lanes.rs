//! Type and shape of what goes along one axis.

use super::elementwise::{NUMBERS, ORDERED};
use super::{Known, expect, integer};
use crate::error::Fault;
use crate::graph::shape;
use crate::passes::resolve::Operand;

/// The first elements of lanes.
pub(super) fn top(operands: &[Option<Operand<'_>>], axis: i64) -> Known {
    let operand = |index: usize| {
        let found = operands.get(index).and_then(Option::as_ref);
        found.ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)))
    };
    let x = operand(0)?;
    expect("X", x.type_, &ORDERED)?;
    let (axis, count) = (shape::axis(axis, x.shape.len())?, integer(operand(1)?, "K")?);
    let mut shape = x.shape.to_vec();
    shape[axis] = usize::try_from(count).ok().filter(|&count| count <= shape[axis]).ok_or_else(|| {
        Fault::invalid(format!("K is {count}, expected 0 to {}, the size of axis {axis} of {shape:?}", shape[axis]))
    })?;
    Ok((x.type_, shape))
}

/// A mark in each lane of a new axis.
pub(super) fn one_hot([indices, depth, values]: [&Operand<'_>; 3], axis: i64) -> Known {
    expect("indices", indices.type_, &NUMBERS)?;
    if values.shape != [2] {
        return Err(Fault::invalid(format!("values have shape {:?}, expected [2]", values.shape)));
    }
    // Of floats, what is before the point.
    let depth = match depth.constant.and_then(|depth| depth.floats()).as_deref() {
        Some(&[depth]) => depth as i64,
        _ => integer(depth, "depth")?,
    };
    let size = usize::try_from(depth).ok().filter(|&size| size > 0);
    let size = size.ok_or_else(|| Fault::invalid(format!("depth is {depth}, expected at least 1")))?;
    let mut shape = indices.shape.to_vec();
    shape.insert(shape::axis(axis, shape.len() + 1)?, size);
    Ok((values.type_, shape))
}
