//! Operators that only move elements.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::{Op, TensorId, shape};

/// Adds the operator if it is one of these.
pub(super) fn add(call: &mut Call<'_, '_>, name: &str) -> Option<Result<(), Fault>> {
    Some(match name {
        "assign" => assign(call),
        "cast" => cast(call),
        "concat" => concat(call),
        "flatten_contiguous_range" => flatten(call),
        "reshape" | "reshape2" => reshape(call),
        "slice" => slice(call),
        "split" => split(call),
        "squeeze" | "squeeze2" => squeeze(call),
        "transpose" | "transpose2" => transpose(call),
        "unsqueeze" | "unsqueeze2" => unsqueeze(call),
        _ => return None,
    })
}

fn assign(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.same(x, "Out")
}

fn cast(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let to = call.type_("out_dtype")?.ok_or_else(|| Fault::invalid("attribute out_dtype is missing"))?;
    call.make(Op::Cast { to }, &[x], "Out").map(drop)
}

fn concat(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let parts = call.inputs("X");
    let axis = call.int("axis")?.unwrap_or(0);
    call.make(Op::Concat { axis }, &parts, "Out").map(drop)
}

/// The axes from `start_axis` to `stop_axis` as one.
fn flatten(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let (start, stop) = (call.int("start_axis")?.unwrap_or(1), call.int("stop_axis")?.unwrap_or(1));
    let dims = call.dims(x)?;
    if dims.is_empty() {
        return made(call, x, vec![1]);
    }
    let rank = call.rank(x)?;
    let (first, last) = (shape::axis(start, rank)?, shape::axis(stop, rank)?);
    if first > last {
        return Err(Fault::invalid(format!("attribute start_axis {start} is behind stop_axis {stop}")));
    }
    if first == 1 && last == rank - 1 {
        return call.make(Op::Flatten { axis: 1 }, &[x], "Out").map(drop);
    }
    // Axes in front stay where they are, which a 0 says; those behind have to be known.
    let behind = &dims[last + 1..];
    if behind.contains(&-1) {
        return Err(Fault::unsupported(format!(
            "attribute stop_axis is {stop}: an open size of {dims:?} is behind it"
        )));
    }
    let mut shape = vec![0; first];
    shape.push(-1);
    shape.extend(behind);
    made(call, x, shape)
}

fn made(call: &mut Call<'_, '_>, x: TensorId, shape: Vec<i64>) -> Result<(), Fault> {
    let shape = call.vector(shape)?;
    call.make(Op::Reshape { allow_zero: false }, &[x, shape], "Out").map(drop)
}

fn reshape(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let shape = call.ints("shape")?;
    // A tensor outdoes the attribute.
    match (call.optional("Shape")?, shape) {
        (Some(shape), _) => call.make(Op::Reshape { allow_zero: false }, &[x, shape], "Out").map(drop),
        (None, Some(shape)) => made(call, x, shape),
        (None, None) => Err(Fault::invalid("attribute shape is missing")),
    }
}

fn slice(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("Input")?;
    let axes = call.ints("axes")?.unwrap_or_default();
    let (starts, ends) = (call.ints("starts")?.unwrap_or_default(), call.ints("ends")?.unwrap_or_default());
    if axes.is_empty() || starts.len() != axes.len() || ends.len() != axes.len() {
        let (axes, starts, ends) = (axes.len(), starts.len(), ends.len());
        return Err(Fault::invalid(format!("has {starts} starts and {ends} ends for {axes} axes")));
    }
    let dropped = call.ints("decrease_axis")?.unwrap_or_default();
    let operands = [x, call.vector(starts)?, call.vector(ends)?, call.vector(axes)?];
    if dropped.is_empty() {
        return call.make(Op::Slice, &operands, "Out").map(drop);
    }
    let part = call.node(Op::Slice, &operands);
    let dropped = call.vector(dropped)?;
    call.make(Op::Squeeze, &[part, dropped], "Out").map(drop)
}

fn split(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let axis = call.int("axis")?.unwrap_or(0);
    let sections = call.ints("sections")?.unwrap_or_default();
    let num = call.int("num")?.unwrap_or(0);
    let mut operands = vec![x];
    let parts = if sections.is_empty() {
        let parts = usize::try_from(num).ok().filter(|&parts| parts > 0);
        parts.ok_or_else(|| Fault::invalid(format!("has no sections, and attribute num is {num}")))?
    } else {
        let parts = sections.len();
        operands.push(call.vector(open(call, x, axis, sections)?)?);
        parts
    };
    call.make_all(Op::Split { axis, parts }, &operands, "Out", parts)
}

/// Sections of an axis; one of them may be −1, which is what the others leave.
fn open(call: &Call<'_, '_>, x: TensorId, axis: i64, mut sections: Vec<i64>) -> Result<Vec<i64>, Fault> {
    let Some(at) = sections.iter().position(|&size| size == -1) else { return Ok(sections) };
    let dims = call.dims(x)?;
    let size = dims[shape::axis(axis, dims.len())?];
    let mut others = sections.iter().enumerate().filter(|&(other, _)| other != at);
    let rest = others.try_fold(size, |rest, (_, &size)| if size < 0 { None } else { rest.checked_sub(size) });
    match rest {
        Some(rest) if rest >= 0 && size >= 0 => sections[at] = rest,
        _ => return Err(Fault::invalid(format!("attribute sections is {sections:?} of axis {axis} of {dims:?}"))),
    }
    Ok(sections)
}

fn squeeze(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let mut operands = vec![x];
    let axes = call.ints("axes")?.unwrap_or_default();
    if !axes.is_empty() {
        // Paddle leaves an axis alone that is not 1.
        let dims = call.dims(x)?;
        for &axis in &axes {
            if dims[shape::axis(axis, dims.len())?] != 1 {
                return Err(Fault::unsupported(format!(
                    "attribute axes is {axes:?} of {dims:?}, expected axes of size 1"
                )));
            }
        }
        operands.push(call.vector(axes)?);
    }
    call.make(Op::Squeeze, &operands, "Out").map(drop)
}

fn transpose(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let permutation = call.ints("axis")?.ok_or_else(|| Fault::invalid("attribute axis is missing"))?;
    call.make(Op::Transpose { permutation: Some(permutation) }, &[x], "Out").map(drop)
}

/// Axes are made one after the other, so that one in front moves those that are made already.
fn unsqueeze(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let axes = call.ints("axes")?.ok_or_else(|| Fault::invalid("attribute axes is missing"))?;
    let mut rank = call.rank(x)?;
    let mut places: Vec<usize> = Vec::with_capacity(axes.len());
    if axes.len() + rank > shape::MAX_RANK {
        let most = shape::MAX_RANK;
        return Err(Fault::unsupported(format!("makes {} axes, expected at most {most}", axes.len() + rank)));
    }
    for &axis in &axes {
        rank += 1;
        let place = shape::axis(axis, rank)?;
        places.iter_mut().filter(|other| **other >= place).for_each(|other| *other += 1);
        places.push(place);
    }
    let axes = places.into_iter().map(|place| i64::try_from(place).unwrap_or(i64::MAX)).collect();
    let axes = call.vector(axes)?;
    call.make(Op::Unsqueeze, &[x, axes], "Out").map(drop)
}
