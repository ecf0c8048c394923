//! Values that are known before a run: shapes, and what is computed from them.

use super::compute;
use super::infer::parameter;
use super::infer::{shape_range, transposition};
use super::movement::{along, blocks};
use super::resolve::Operand;
use crate::error::Fault;
use crate::gathering::Gathering;
use crate::graph::constant::{each_type, map_type};
use crate::graph::{Constant, Data, Op, Type, shape};
use crate::picks::{Along, Picks};
use crate::{convert, rearrange};

/// The most elements that all folded values of a graph may have. They are shapes and small tables; without a limit a
/// few dozen nodes that double a value would fill any memory.
const MOST_ELEMENTS: usize = 1 << 24;

/// The most elements of a value that a run could compute as well.
const MOST_IN_ADVANCE: usize = 1 << 20;

/// The value of a node whose operands are known. `spent` counts the elements of all values that were folded.
pub(super) fn fold(
    op: &Op,
    operands: &[Option<Operand<'_>>],
    shape: &[usize],
    spent: &mut usize,
) -> Result<Option<Constant>, Fault> {
    if let (Op::Shape { start, end }, [Some(x)]) = (op, operands) {
        let range = shape_range(*start, *end, x.shape.len());
        let sizes = x.shape[range].iter().map(|&size| i64::try_from(size));
        let sizes = sizes.collect::<Result<Vec<_>, _>>().map_err(|_| Fault::overflow(format!("{:?}", x.shape)))?;
        return Constant::new(shape.to_vec(), Data::I64(sizes)).map(Some);
    }
    if operands.iter().flatten().any(|operand| operand.constant.is_none()) {
        return Ok(None);
    }
    let constants: Vec<&Constant> = operands.iter().flatten().filter_map(|operand| operand.constant).collect();
    let Some(&x) = constants.first() else { return Ok(None) };
    if !matches!(
        op,
        Op::Reshape { .. }
            | Op::Flatten { .. }
            | Op::Unsqueeze
            | Op::Squeeze
            | Op::Identity
            | Op::Transpose { .. }
            | Op::Gather { .. }
            | Op::GatherElements { .. }
            | Op::GatherNd { .. }
            | Op::Concat { .. }
            | Op::Cast { .. }
            | Op::Expand { .. }
            | Op::ExpandTo
            | Op::Slice
            | Op::Tile
            | Op::DepthToSpace { .. }
            | Op::SpaceToDepth { .. }
    ) && !compute::computes(op)
    {
        return Ok(None);
    }
    let elements = shape::elements(shape)?;
    let enough = spent.saturating_add(elements) > MOST_ELEMENTS;
    if compute::can_wait(op) && (elements > MOST_IN_ADVANCE || enough) {
        return Ok(None);
    }
    // Another shape of the same elements, which need not be there twice.
    if enough && matches!(op, Op::Reshape { .. } | Op::Flatten { .. } | Op::Unsqueeze | Op::Squeeze | Op::Identity) {
        return Ok(None);
    }
    let elements = spend(shape, spent)?;
    let data = match op {
        Op::Transpose { permutation } => {
            let strides = shape::strides(x.shape());
            let permutation = transposition(permutation.as_deref(), x.shape().len())?;
            let strides: Vec<usize> = permutation.iter().map(|&axis| strides[axis]).collect();
            strided(x.data(), shape, &strides, elements)
        }
        Op::Slice | Op::Tile => {
            let along = along(op, x.shape(), &|index, what| parameter(operands, index, what))?.unwrap_or_default();
            picked(x, &along, elements)?
        }
        Op::DepthToSpace { .. } | Op::SpaceToDepth { .. } => {
            let Some(((sizes, strides), _)) = blocks(op, x.shape(), &shape::strides(x.shape()))? else {
                return Ok(None);
            };
            strided(x.data(), &sizes, &strides, elements)
        }
        Op::Expand { .. } | Op::ExpandTo => strided(x.data(), shape, &broadcast_strides(x.shape(), shape), elements),
        Op::Gather { .. } | Op::GatherElements { .. } | Op::GatherNd { .. } => gathered(op, x, constants[1], elements)?,
        Op::Concat { axis } => {
            let axis = shape::axis(*axis, x.shape().len())?;
            concat(&constants, axis, shape, elements)?
        }
        Op::Cast { to } => cast(x.data(), *to),
        op if compute::computes(op) => compute::compute(op, operands, shape, elements)?,
        _ => x.data().clone(),
    };
    Constant::new(shape.to_vec(), data).map(Some)
}

/// The parts of a constant that is split.
pub(super) fn split(
    operands: &[Option<Operand<'_>>],
    axis: i64,
    shapes: &[(Type, Vec<usize>)],
    spent: &mut usize,
) -> Result<Option<Vec<Constant>>, Fault> {
    let Some(x) = operands.first().and_then(Option::as_ref).and_then(|x| x.constant) else { return Ok(None) };
    let axis = shape::axis(axis, x.shape().len())?;
    let mut at = 0;
    let part = |(_, shape): &(Type, Vec<usize>)| {
        let elements = spend(shape, spent)?;
        let mut along: Vec<Along> = x.shape().iter().map(|&size| Along::all(size)).collect();
        along[axis] = Along::Line { first: at, step: 1, count: shape[axis] };
        at += shape[axis];
        Constant::new(shape.clone(), picked(x, &along, elements)?)
    };
    shapes.iter().map(part).collect::<Result<_, Fault>>().map(Some)
}

/// Counts the elements of a value that is folded.
fn spend(shape: &[usize], spent: &mut usize) -> Result<usize, Fault> {
    let elements = shape::elements(shape)?;
    *spent = spent.saturating_add(elements);
    if *spent > MOST_ELEMENTS {
        return Err(Fault::too_large(format!("more than {MOST_ELEMENTS} elements of constants to compute")));
    }
    Ok(elements)
}

fn picked(x: &Constant, along: &[Along], elements: usize) -> Result<Data, Fault> {
    let picks = Picks::new(x.shape(), along)?;
    Ok(map_type!(x.data(), values => {
        let mut to = vec![Default::default(); elements];
        picks.copy(values, &mut to);
        to
    }))
}

pub(super) fn strided(data: &Data, shape: &[usize], strides: &[usize], elements: usize) -> Data {
    map_type!(data, values => {
        let mut to = vec![Default::default(); elements];
        rearrange::copy_strided(values, shape, strides, &mut to);
        to
    })
}

/// Distances in a tensor of shape `from` that repeat it to the shape `to`.
pub(crate) fn broadcast_strides(from: &[usize], to: &[usize]) -> Vec<usize> {
    repeated_strides(from, &shape::strides(from), to)
}

/// The same, for a tensor with the given distances along its axes.
pub(crate) fn repeated_strides(from: &[usize], dense: &[usize], to: &[usize]) -> Vec<usize> {
    (0..to.len())
        .map(|axis| match (axis + from.len()).checked_sub(to.len()) {
            Some(axis) if from[axis] != 1 => dense[axis],
            _ => 0,
        })
        .collect()
}

fn gathered(op: &Op, x: &Constant, indices: &Constant, elements: usize) -> Result<Data, Fault> {
    let gathering = Gathering::new(op, x.shape(), indices.shape())?;
    let indices = indices.integers().ok_or_else(|| Fault::invalid("indices are floats"))?;
    Ok(map_type!(x.data(), values => {
        let mut to = vec![Default::default(); elements];
        gathering.copy(values, &indices, &mut to)?;
        to
    }))
}

fn concat(parts: &[&Constant], axis: usize, shape: &[usize], elements: usize) -> Result<Data, Fault> {
    let row = shape::elements(&shape[axis..])?;
    macro_rules! join {
        ($variant:ident) => {{
            let mut to = vec![Default::default(); elements];
            let mut at = 0;
            for part in parts {
                let width = shape::elements(&part.shape()[axis..])?;
                if let Data::$variant(values) = part.data() {
                    rearrange::place_columns(values, width, at, row, &mut to);
                }
                at += width;
            }
            Data::$variant(to)
        }};
    }
    Ok(match parts[0].type_() {
        Type::Bool => join!(Bool),
        Type::U4 => join!(U4),
        Type::I4 => join!(I4),
        Type::U8 => join!(U8),
        Type::I8 => join!(I8),
        Type::U16 => join!(U16),
        Type::I16 => join!(I16),
        Type::I32 => join!(I32),
        Type::I64 => join!(I64),
        Type::F16 => join!(F16),
        Type::BF16 => join!(BF16),
        Type::F32 => join!(F32),
    })
}

/// The elements as another type.
pub(super) fn cast(data: &Data, to: Type) -> Data {
    fn to_type<Y: convert::Number + Default>(data: &Data, to: Type) -> Vec<Y> {
        each_type!(data, values => {
            let mut y = vec![Y::default(); values.len()];
            convert::convert(values, to, &mut y);
            y
        })
    }
    match to {
        Type::Bool => Data::Bool(to_type(data, to)),
        Type::U4 => Data::U4(to_type(data, to)),
        Type::I4 => Data::I4(to_type(data, to)),
        Type::U8 => Data::U8(to_type(data, to)),
        Type::I8 => Data::I8(to_type(data, to)),
        Type::U16 => Data::U16(to_type(data, to)),
        Type::I16 => Data::I16(to_type(data, to)),
        Type::I32 => Data::I32(to_type(data, to)),
        Type::I64 => Data::I64(to_type(data, to)),
        Type::F16 => Data::F16(to_type(data, to)),
        Type::BF16 => Data::BF16(to_type(data, to)),
        Type::F32 => Data::F32(to_type(data, to)),
    }
}

/// A constant in another memory order.
pub(super) fn relayout(data: &Data, shape: &[usize], strides: &[usize]) -> Data {
    let elements = each_type!(data, values => values.len());
    strided(data, shape, strides, elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(constant: &Constant) -> Option<Operand<'_>> {
        Some(Operand { type_: constant.type_(), shape: constant.shape(), constant: Some(constant) })
    }

    fn value(op: &Op, operands: &[&Constant]) -> Constant {
        let operands: Vec<_> = operands.iter().map(|constant| known(constant)).collect();
        let (_, shape) = super::super::infer::infer(op, &operands).unwrap();
        fold(op, &operands, &shape, &mut 0).unwrap().unwrap()
    }

    fn i64s(shape: &[usize], values: &[i64]) -> Constant {
        Constant::new(shape.to_vec(), Data::I64(values.to_vec())).unwrap()
    }

    #[test]
    fn shape_chains_fold() {
        let activation = Some(Operand { type_: Type::F32, shape: &[1, 1280, 7, 7], constant: None });
        let shape = fold(&Op::Shape { start: 0, end: None }, &[activation], &[4], &mut 0).unwrap().unwrap();
        let batch = value(&Op::Gather { axis: 0 }, &[&shape, &i64s(&[], &[0])]);
        assert_eq!(batch, i64s(&[], &[1]));
        let batch = value(&Op::Unsqueeze, &[&batch, &i64s(&[1], &[0])]);
        let joined = value(&Op::Concat { axis: 0 }, &[&batch, &i64s(&[1], &[-1])]);
        assert_eq!(joined, i64s(&[2], &[1, -1]));
    }

    #[test]
    fn values_move_and_repeat() {
        let x = i64s(&[2, 3], &[0, 1, 2, 3, 4, 5]);
        assert_eq!(value(&Op::Transpose { permutation: None }, &[&x]), i64s(&[3, 2], &[0, 3, 1, 4, 2, 5]));
        assert_eq!(value(&Op::Gather { axis: 1 }, &[&x, &i64s(&[1], &[-1])]), i64s(&[2, 1], &[2, 5]));
        let twice = value(&Op::Concat { axis: 1 }, &[&x, &x]);
        assert_eq!(twice, i64s(&[2, 6], &[0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]));
        let repeated = value(&Op::Expand { shape: vec![2, 2] }, &[&i64s(&[2, 1], &[7, 8])]);
        assert_eq!(repeated, i64s(&[2, 2], &[7, 7, 8, 8]));
    }

    #[test]
    fn slices_tiles_blocks_and_parts() {
        let x = i64s(&[2, 3], &[0, 1, 2, 3, 4, 5]);
        let one = |value| i64s(&[1], &[value]);
        let sliced = fold(
            &Op::Slice,
            &[known(&x), known(&one(-1)), known(&one(i64::MIN)), known(&one(1)), known(&one(-2))],
            &[2, 2],
            &mut 0,
        );
        assert_eq!(sliced.unwrap().unwrap(), i64s(&[2, 2], &[2, 0, 5, 3]));
        let tiled = fold(&Op::Tile, &[known(&x), known(&i64s(&[2], &[1, 2]))], &[2, 6], &mut 0);
        assert_eq!(tiled.unwrap().unwrap(), i64s(&[2, 6], &[0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]));
        let deep = i64s(&[1, 4, 1, 2], &[0, 1, 2, 3, 4, 5, 6, 7]);
        let op = Op::DepthToSpace { block: 2, depth_first: true };
        let wide = i64s(&[1, 1, 2, 4], &[0, 2, 1, 3, 4, 6, 5, 7]);
        assert_eq!(fold(&op, &[known(&deep)], &[1, 1, 2, 4], &mut 0).unwrap().unwrap(), wide);
        let back = fold(&Op::SpaceToDepth { block: 2 }, &[known(&wide)], &[1, 4, 1, 2], &mut 0);
        assert_eq!(back.unwrap().unwrap(), deep);
        let shapes = [(Type::I64, vec![2, 1]), (Type::I64, vec![2, 2])];
        let parts = split(&[known(&x)], 1, &shapes, &mut 0).unwrap().unwrap();
        assert_eq!(parts, [i64s(&[2, 1], &[0, 3]), i64s(&[2, 2], &[1, 2, 4, 5])]);
    }

    #[test]
    fn indices_stay_within_the_axis() {
        let x = i64s(&[2], &[0, 1]);
        for bad in [2, -3, i64::MAX, i64::MIN] {
            let index = i64s(&[], &[bad]);
            let fault = fold(&Op::Gather { axis: 0 }, &[known(&x), known(&index)], &[], &mut 0).unwrap_err();
            assert_eq!(fault.message, format!("index {bad} is outside an axis of size 2"));
        }
    }

    #[test]
    fn other_shapes_of_large_values_are_left_to_the_run() {
        let x = i64s(&[2, 2], &[1, 2, 3, 4]);
        let mut spent = MOST_ELEMENTS - 4;
        let mut flat = || fold(&Op::Flatten { axis: 0 }, &[known(&x)], &[1, 4], &mut spent).unwrap();
        assert_eq!(flat(), Some(i64s(&[1, 4], &[1, 2, 3, 4])));
        assert_eq!(flat(), None);
    }

    #[test]
    fn doubling_ends() {
        let mut spent = 0;
        let mut x = i64s(&[1 << 10], &[0; 1 << 10]);
        let fault = loop {
            let shape = [x.shape()[0] * 2];
            match fold(&Op::Concat { axis: 0 }, &[known(&x), known(&x)], &shape, &mut spent) {
                Ok(twice) => x = twice.unwrap(),
                Err(fault) => break fault,
            }
        };
        assert_eq!(fault.kind, crate::error::ProblemKind::TooLarge);
    }
}
