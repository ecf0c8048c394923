//! Type and shape of what is chosen by indices, or placed.

use super::{Known, expect};
use crate::error::Fault;
use crate::graph::{Op, Type, shape};
use crate::passes::resolve::Operand;

pub(super) fn infer(op: &Op, data: &Operand<'_>, indices: &Operand<'_>) -> Known {
    expect("indices", indices.type_, &[Type::I64, Type::I32])?;
    let (from, by) = (data.shape, indices.shape);
    let refuse = |why: String| Err(Fault::invalid(format!("data has shape {from:?} and indices {by:?}, {why}")));
    let shape = match op {
        Op::GatherElements { axis } | Op::ScatterElements { axis } => {
            let axis = shape::axis(*axis, from.len())?;
            let fits = from.len() == by.len() && (0..by.len()).all(|other| other == axis || by[other] <= from[other]);
            if !fits {
                return refuse(format!("expected as many axes, and no more elements along any but axis {axis}"));
            }
            by.to_vec()
        }
        Op::GatherNd { .. } | Op::ScatterNd => {
            let Some((&length, places)) = by.split_last() else {
                return refuse("expected tuples of indices along the last axis".to_owned());
            };
            let batch = if let Op::GatherNd { batch } = op { *batch } else { 0 };
            if batch > places.len() || length > from.len().saturating_sub(batch) || from[..batch] != places[..batch] {
                return refuse(format!(
                    "expected {batch} equal axes at first, and along the last axis of indices no more than data has left"
                ));
            }
            [places, &from[batch + length..]].concat()
        }
        Op::Gather { axis } => {
            let axis = shape::axis(*axis, from.len())?;
            [&from[..axis], by, &from[axis + 1..]].concat()
        }
        _ => return Err(Fault::unsupported("this operator is not known")),
    };
    Ok((data.type_, shape))
}

/// The same for updates of the elements that the indices would choose.
pub(super) fn scatter(op: &Op, [data, indices, updates]: [&Operand<'_>; 3]) -> Known {
    let (_, chosen) = infer(op, data, indices)?;
    expect("updates", updates.type_, &[data.type_])?;
    if updates.shape != chosen {
        return Err(Fault::invalid(format!("updates have shape {:?}, expected {chosen:?}", updates.shape)));
    }
    Ok((data.type_, data.shape.to_vec()))
}
