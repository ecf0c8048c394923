//! How many scales and zero points a quantiser or a dequantiser has, and along which axis.

use super::infer::Known;
use super::resolve::Operand;
use crate::error::Fault;
use crate::graph::shape;

/// The axis of scales of a shape, of a tensor of another one: none where one scale is for all. `what` names the scales.
pub(crate) fn axis_of_scales(
    what: &str,
    scales: &[usize],
    x: &[usize],
    axis: i64,
    block: usize,
) -> Result<Option<usize>, Fault> {
    if matches!(scales, [] | [1]) {
        return Ok(None);
    }
    let found = shape::axis(axis, x.len())?;
    let mut expected = x.to_vec();
    match block {
        0 => expected = vec![x[found]],
        _ => expected[found] = x[found].div_ceil(block),
    }
    if scales != expected {
        return Err(Fault::invalid(format!(
            "{what} has shape {scales:?}, expected {expected:?} for x {x:?}, axis {found} and block_size {block}"
        )));
    }
    Ok(Some(found))
}

/// Whether the operands behind the first fit it; then what the node makes is as given. A pass that takes the node away
/// leaves nothing that would look again.
pub(super) fn fitting(
    operands: &[Option<Operand<'_>>],
    [scale, zero_point]: [&str; 2],
    (axis, block): (i64, usize),
    made: Known,
) -> Known {
    let operand = |index: usize| operands.get(index).and_then(Option::as_ref);
    let (Some(x), Some(scales)) = (operand(0), operand(1)) else { return made };
    axis_of_scales(scale, scales.shape, x.shape, axis, block)?;
    if let Some(zero_points) = operand(2) {
        let [count, scales] = [zero_points.shape, scales.shape].map(shape::elements);
        let (count, scales) = (count?, scales?);
        if count != 1 && count != scales {
            let expected = if scales == 1 { "1".to_owned() } else { format!("1 or {scales}") };
            return Err(Fault::invalid(format!("{zero_point} has {count} values, expected {expected}")));
        }
    }
    made
}
