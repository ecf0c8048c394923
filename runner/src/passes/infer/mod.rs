//! Type and shape of what an operator makes.

mod elementwise;
mod gather;
mod lanes;
mod movement;
mod products;
mod reductions;
mod windows;

pub(super) use self::movement::parameter;
pub(crate) use self::products::gemm;

use super::matmul::matmul;
use super::movement as moves;
use super::resolve::Operand;
use super::scales::fitting;
use super::window::convolution;
use crate::error::Fault;
use crate::graph::{Op, Type, shape};

pub(super) type Known = Result<(Type, Vec<usize>), Fault>;

/// Type and shape of each result.
pub(super) fn results(op: &Op, operands: &[Option<Operand<'_>>]) -> Result<Vec<(Type, Vec<usize>)>, Fault> {
    Ok(match op {
        Op::DynamicQuantizeLinear => {
            let first = infer(op, operands)?;
            let zero_point = (first.0, vec![]);
            vec![first, (Type::F32, vec![]), zero_point]
        }
        Op::TopK { axis, .. } => {
            let values = lanes::top(operands, *axis)?;
            let indices = (Type::I64, values.1.clone());
            vec![values, indices]
        }
        Op::Split { axis, parts } => movement::split(operands, *axis, *parts)?,
        _ => vec![infer(op, operands)?],
    })
}

/// Type and shape of the first result, which most operators have no others beside.
pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let operand = |index: usize| {
        let found = operands.get(index).and_then(Option::as_ref);
        found.ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)))
    };
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref);
    match op {
        Op::QuantizeLinear { to, axis, block, .. } => {
            let (x, scale) = (operand(0)?, operand(1)?);
            expect("x", x.type_, &[Type::F32, Type::F16, Type::BF16, Type::I32])?;
            expect("y_scale", scale.type_, &FLOATS)?;
            let type_ = match (optional(2).map(|zero_point| zero_point.type_), *to) {
                (Some(zero_point), Some(to)) if zero_point != to => {
                    return Err(Fault::invalid(format!("zero_point is {zero_point}, but output_dtype {to}")));
                }
                (Some(type_), _) | (None, Some(type_)) => type_,
                (None, None) => Type::U8,
            };
            expect("the output", type_, &[Type::U4, Type::I4, Type::U8, Type::I8, Type::U16, Type::I16])?;
            let made = Ok((type_, x.shape.to_vec()));
            fitting(operands, ["y_scale", "y_zero_point"], (*axis, *block), made)
        }
        Op::DequantizeLinear { to, axis, block } => {
            let (x, scale) = (operand(0)?, operand(1)?);
            let integers = [Type::U4, Type::I4, Type::U8, Type::I8, Type::U16, Type::I16, Type::I32];
            expect("x", x.type_, &integers)?;
            expect("x_scale", scale.type_, &FLOATS)?;
            let type_ = to.unwrap_or(scale.type_);
            expect("the output", type_, &FLOATS)?;
            if let Some(zero_point) = optional(2) {
                expect("x_zero_point", zero_point.type_, &[x.type_])?;
            }
            let made = Ok((type_, x.shape.to_vec()));
            fitting(operands, ["x_scale", "x_zero_point"], (*axis, *block), made)
        }
        Op::DynamicQuantizeLinear => {
            let x = operand(0)?;
            expect("x", x.type_, &[Type::F32])?;
            Ok((Type::U8, x.shape.to_vec()))
        }
        Op::QLinearConv(attributes) => {
            let (x, w, y) = (operand(0)?, operand(3)?, operand(7)?);
            expect("x", x.type_, &QUANTIZED)?;
            expect("w", w.type_, &QUANTIZED)?;
            expect("y_zero_point", y.type_, &QUANTIZED)?;
            Ok((y.type_, convolution(attributes, x.shape, w.shape)?.output))
        }
        Op::QLinearMatMul => {
            let (a, b, y) = (operand(0)?, operand(3)?, operand(7)?);
            expect("a", a.type_, &QUANTIZED)?;
            expect("b", b.type_, &QUANTIZED)?;
            expect("y_zero_point", y.type_, &QUANTIZED)?;
            Ok((y.type_, matmul(a.shape, b.shape)?.output))
        }
        Op::ConvInteger(attributes) => {
            let (x, w) = (operand(0)?, operand(1)?);
            expect("x", x.type_, &QUANTIZED)?;
            expect("w", w.type_, &QUANTIZED)?;
            Ok((Type::I32, convolution(attributes, x.shape, w.shape)?.output))
        }
        Op::MatMulInteger => {
            let (a, b) = (operand(0)?, operand(1)?);
            expect("A", a.type_, &QUANTIZED)?;
            expect("B", b.type_, &QUANTIZED)?;
            Ok((Type::I32, matmul(a.shape, b.shape)?.output))
        }
        Op::QLinearAdd | Op::QLinearMul => {
            let (a, b) = (operand(0)?, operand(3)?);
            expect("A", a.type_, &QUANTIZED)?;
            if b.type_ != a.type_ {
                return Err(Fault::invalid(format!("A is {}, but B {}", a.type_, b.type_)));
            }
            Ok((optional(7).map_or(a.type_, |c| c.type_), shape::broadcast(a.shape, b.shape)?))
        }
        Op::QLinearGlobalAveragePool { channels_last } => {
            let x = operand(0)?;
            expect("x", x.type_, &QUANTIZED)?;
            let mut shape = x.shape.to_vec();
            let pixels = match shape.as_mut_slice() {
                [_, pixels @ .., _] if *channels_last => pixels,
                [_, _, pixels @ ..] => pixels,
                _ => &mut [],
            };
            if pixels.is_empty() {
                let refuse = format!("x has shape {:?}, expected three axes at least", x.shape);
                return Err(Fault::invalid(refuse));
            }
            if pixels.contains(&0) {
                return Err(Fault::invalid(format!("the average of no pixels: x has shape {:?}", x.shape)));
            }
            pixels.fill(1);
            Ok((optional(4).map_or(x.type_, |y| y.type_), shape))
        }
        Op::Shape { start, end } => {
            let rank = operand(0)?.shape.len();
            let range = shape_range(*start, *end, rank);
            Ok((Type::I64, vec![range.len()]))
        }
        Op::Reshape { allow_zero } => {
            let x = operand(0)?;
            Ok((x.type_, reshape(x.shape, &integers(operand(1)?, "the shape")?, *allow_zero)?))
        }
        Op::Transpose { permutation } => {
            let x = operand(0)?;
            let permutation = transposition(permutation.as_deref(), x.shape.len())?;
            Ok((x.type_, permutation.iter().map(|&axis| x.shape[axis]).collect()))
        }
        Op::Flatten { axis } => {
            let x = operand(0)?;
            let (rows, columns) = x.shape.split_at(split(*axis, x.shape.len())?);
            Ok((x.type_, vec![shape::elements(rows)?, shape::elements(columns)?]))
        }
        Op::Softmax { axis, flattened } | Op::LogSoftmax { axis, flattened } => {
            let x = operand(0)?;
            expect("x", x.type_, &[Type::F32])?;
            if *flattened {
                split(*axis, x.shape.len())?;
            } else {
                shape::axis(*axis, x.shape.len())?;
            }
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::Gather { .. } | Op::GatherElements { .. } | Op::GatherNd { .. } => {
            gather::infer(op, operand(0)?, operand(1)?)
        }
        Op::Unsqueeze => {
            let x = operand(0)?;
            let axes = integers(operand(1)?, "axes")?;
            let rank = x.shape.len() + axes.len();
            if rank > shape::MAX_RANK {
                return Err(Fault::unsupported(format!("makes {rank} axes, expected at most {}", shape::MAX_RANK)));
            }
            let axes = distinct(&axes, rank)?;
            let mut sizes = x.shape.iter();
            let shape = (0..rank).map(|axis| if axes.contains(&axis) { Some(1) } else { sizes.next().copied() });
            Ok((x.type_, shape.flatten().collect()))
        }
        Op::Squeeze => {
            let x = operand(0)?;
            let axes = match optional(1) {
                Some(axes) => distinct(&integers(axes, "axes")?, x.shape.len())?,
                None => (0..x.shape.len()).filter(|&axis| x.shape[axis] == 1).collect(),
            };
            if let Some(&axis) = axes.iter().find(|&&axis| x.shape[axis] != 1) {
                return Err(Fault::invalid(format!("axis {axis} of {:?} is not 1", x.shape)));
            }
            let kept = x.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
            Ok((x.type_, kept.map(|(_, &size)| size).collect()))
        }
        Op::Concat { axis } => {
            let first = operand(0)?;
            let axis = shape::axis(*axis, first.shape.len())?;
            let mut total = 0usize;
            for part in operands.iter().flatten() {
                let (a, b) = (part.shape, first.shape);
                let fits = a.len() == b.len() && (0..a.len()).all(|other| other == axis || a[other] == b[other]);
                if part.type_ != first.type_ || !fits {
                    return Err(Fault::invalid(format!(
                        "{} {a:?} and {} {b:?} do not join along axis {axis}",
                        part.type_, first.type_
                    )));
                }
                total =
                    total.checked_add(a[axis]).ok_or_else(|| Fault::overflow(format!("the size of axis {axis}")))?;
            }
            let mut shape = first.shape.to_vec();
            shape[axis] = total;
            Ok((first.type_, shape))
        }
        Op::Cast { to } => Ok((*to, operand(0)?.shape.to_vec())),
        Op::Identity | Op::Relayout => {
            let x = operand(0)?;
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::Expand { shape } => Ok((operand(0)?.type_, shape.clone())),
        Op::Unknown { .. } => Err(Fault::unsupported("this operator is not known")),
        Op::ScatterElements { .. } | Op::ScatterNd => gather::scatter(op, [operand(0)?, operand(1)?, operand(2)?]),
        Op::TopK { axis, .. } => lanes::top(operands, *axis),
        Op::OneHot { axis } => lanes::one_hot([operand(0)?, operand(1)?, operand(2)?], *axis),
        Op::Unary(_)
        | Op::Classify(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Where
        | Op::Clip
        | Op::Lookup
        | Op::ConstantOfShape
        | Op::Range => elementwise::infer(op, operands),
        Op::Reduce { .. }
        | Op::Arg { .. }
        | Op::CumSum { .. }
        | Op::LayerNormalization { .. }
        | Op::RmsNormalization { .. }
        | Op::BatchNormalization { .. }
        | Op::InstanceNormalization { .. }
        | Op::GroupNormalization { .. } => reductions::infer(op, operands),
        Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::QLinearConvTranspose(_)
        | Op::ConvIntegerToFloat(_)
        | Op::MaxPool(_)
        | Op::AveragePool { .. }
        | Op::QLinearAveragePool { .. }
        | Op::GlobalMaxPool
        | Op::GlobalAveragePool => windows::infer(op, operands),
        Op::Slice
        | Op::Tile
        | Op::ExpandTo
        | Op::Pad(_)
        | Op::Resize(_)
        | Op::Trilu { .. }
        | Op::DepthToSpace { .. }
        | Op::SpaceToDepth { .. } => movement::infer(op, operands),
        _ => products::infer(op, operands),
    }
}

pub(super) const QUANTIZED: [Type; 2] = [Type::U8, Type::I8];
const FLOATS: [Type; 3] = [Type::F32, Type::F16, Type::BF16];

pub(super) fn expect(what: &str, type_: Type, expected: &[Type]) -> Result<(), Fault> {
    if expected.contains(&type_) {
        return Ok(());
    }
    let names: Vec<&str> = expected.iter().map(|type_| type_.name()).collect();
    Err(Fault::unsupported(format!("{what} is {type_}, expected {}", names.join(" or "))))
}

/// The values of an operand that shapes depend on.
pub(super) fn integers(operand: &Operand<'_>, what: &str) -> Result<Vec<i64>, Fault> {
    let constant = operand.constant.ok_or_else(|| Fault::unsupported(format!("{what}: only known at run time")))?;
    moves::integers(constant, what)
}

/// The value of an operand of one element.
pub(super) fn integer(operand: &Operand<'_>, what: &str) -> Result<i64, Fault> {
    let constant = operand.constant.ok_or_else(|| Fault::unsupported(format!("{what}: only known at run time")))?;
    moves::integer(constant, what)
}

pub(super) fn distinct(axes: &[i64], rank: usize) -> Result<Vec<usize>, Fault> {
    let mut found = Vec::with_capacity(axes.len());
    for &axis in axes {
        let index = shape::axis(axis, rank)?;
        if found.contains(&index) {
            return Err(Fault::invalid(format!("axis {axis} is there twice in {axes:?}")));
        }
        found.push(index);
    }
    Ok(found)
}

/// Where `axis` splits a shape in two; unlike an axis it may be the rank.
pub(crate) fn split(axis: i64, rank: usize) -> Result<usize, Fault> {
    if usize::try_from(axis) == Ok(rank) { Ok(rank) } else { shape::axis(axis, rank) }
}

/// The axes from `start` to `end`, clamped to those that exist.
pub(super) fn shape_range(start: i64, end: Option<i64>, rank: usize) -> std::ops::Range<usize> {
    let rank_i64 = i64::try_from(rank).unwrap_or(i64::MAX);
    let clamp = |at: i64| {
        let at = if at < 0 { at.saturating_add(rank_i64) } else { at };
        usize::try_from(at.clamp(0, rank_i64)).unwrap_or(rank)
    };
    let (start, end) = (clamp(start), end.map_or(rank, clamp));
    start..end.max(start)
}

/// Which axis of the input each axis of a transpose's output is.
pub(crate) fn transposition(permutation: Option<&[i64]>, rank: usize) -> Result<Vec<usize>, Fault> {
    let Some(permutation) = permutation else { return Ok((0..rank).rev().collect()) };
    if permutation.len() != rank {
        return Err(Fault::invalid(format!("attribute perm is {permutation:?}, expected {rank} axes")));
    }
    distinct(permutation, rank)
}

fn reshape(from: &[usize], to: &[i64], allow_zero: bool) -> Result<Vec<usize>, Fault> {
    let elements = shape::elements(from)?;
    let mut open = None;
    let mut shape = Vec::with_capacity(to.len());
    for (axis, &size) in to.iter().enumerate() {
        shape.push(match size {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !allow_zero => *from.get(axis).ok_or_else(|| {
                Fault::invalid(format!("the shape {to:?} keeps axis {axis}, but x has shape {from:?}"))
            })?,
            _ => usize::try_from(size).map_err(|_| Fault::invalid(format!("the shape {to:?} has a size of {size}")))?,
        });
    }
    let rest = shape::elements(&shape)?;
    let refuse = || Fault::invalid(format!("{from:?} has {elements} elements, which do not fill the shape {to:?}"));
    match open {
        Some(_) if rest == 0 => Err(refuse()),
        Some(axis) if elements % rest == 0 => {
            shape[axis] = elements / rest;
            Ok(shape)
        }
        None if elements == rest => Ok(shape),
        _ => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_fills_what_is_left() {
        assert_eq!(reshape(&[2, 3, 4], &[0, -1], false), Ok(vec![2, 12]));
        assert_eq!(reshape(&[1, 256, 1, 1], &[1, 256], false), Ok(vec![1, 256]));
        assert_eq!(reshape(&[0, 4], &[0, 7], true), Ok(vec![0, 7]));
        for bad in [&[5, -1][..], &[-1, -1], &[-2, 12], &[0, 0, 0, 0], &[25], &[i64::MAX, i64::MAX]] {
            assert!(reshape(&[2, 3, 4], bad, false).is_err(), "{bad:?}");
        }
        assert!(reshape(&[0, 3], &[0, -1], false).is_err());
    }

    #[test]
    fn ranges_of_axes_are_clamped() {
        assert_eq!(shape_range(0, None, 4), 0..4);
        assert_eq!(shape_range(-3, Some(-1), 4), 1..3);
        assert_eq!(shape_range(i64::MIN, Some(i64::MAX), 4), 0..4);
        assert!(shape_range(3, Some(1), 4).is_empty());
    }
}
