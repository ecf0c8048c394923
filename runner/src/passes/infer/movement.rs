//! Type and shape of what is only moved.

use super::{Known, expect};
use crate::error::Fault;
use crate::graph::op::Interpolation;
use crate::graph::{Op, Type, shape};
use crate::passes::movement::{along, blocks, integer, integers, padded, parts};
use crate::passes::resize::resize;
use crate::passes::resolve::Operand;

/// The constants among the operands, as parameters.
pub(in crate::passes) fn parameter<'a>(
    operands: &[Option<Operand<'a>>],
    index: usize,
    what: &str,
) -> Result<Option<&'a crate::graph::Constant>, Fault> {
    let Some(operand) = operands.get(index).and_then(Option::as_ref) else { return Ok(None) };
    operand.constant.map(Some).ok_or_else(|| Fault::unsupported(format!("{what}: only known at run time")))
}

pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let x = operands.first().and_then(Option::as_ref).ok_or_else(|| Fault::invalid("operand 1 is missing"))?;
    let parameters = |index: usize, what: &str| parameter(operands, index, what);
    if let Some((_, shape)) = blocks(op, x.shape, &shape::strides(x.shape))? {
        return Ok((x.type_, shape));
    }
    if let Some(along) = along(op, x.shape, &parameters)? {
        return Ok((x.type_, along.iter().map(|axis| axis.count()).collect()));
    }
    match op {
        Op::Pad(_) => Ok((x.type_, padded(x.shape, &parameters)?)),
        Op::Resize(attributes) => {
            let integers = attributes.interpolation == Interpolation::Linear;
            expect("X", x.type_, if integers { &[Type::F32, Type::U8, Type::I8] } else { &[Type::F32] })?;
            let axes = resize(attributes, x.shape, &parameters)?;
            Ok((x.type_, axes.into_iter().map(|axis| axis.to).collect()))
        }
        Op::Trilu { .. } => {
            parameters(1, "k")?.map(|k| integer(k, "k")).transpose()?;
            if x.shape.len() < 2 {
                return Err(Fault::invalid(format!("input has shape {:?}, expected at least two axes", x.shape)));
            }
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::ExpandTo => {
            let sizes = parameters(1, "shape")?.ok_or_else(|| Fault::invalid("operand 2 is missing"))?;
            let sizes = integers(sizes, "shape")?;
            let to: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
            let to = to.ok_or_else(|| Fault::invalid(format!("the shape {sizes:?} has a size below 0")))?;
            Ok((x.type_, shape::broadcast(x.shape, &to)?))
        }
        _ => Err(Fault::unsupported("this operator is not known")),
    }
}

/// Each part of a tensor that is split.
pub(super) fn split(
    operands: &[Option<Operand<'_>>],
    axis: i64,
    count: usize,
) -> Result<Vec<(Type, Vec<usize>)>, Fault> {
    let x = operands.first().and_then(Option::as_ref).ok_or_else(|| Fault::invalid("operand 1 is missing"))?;
    let axis = shape::axis(axis, x.shape.len())?;
    let sizes = parts(x.shape[axis], count, &|index, what| parameter(operands, index, what))?;
    let part = |size: usize| {
        let mut shape = x.shape.to_vec();
        shape[axis] = size;
        (x.type_, shape)
    };
    Ok(sizes.into_iter().map(part).collect())
}
