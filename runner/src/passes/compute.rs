//! Functions of elements whose operands are known before a run, by the same code that a run takes.

use super::fold::{broadcast_strides, cast, strided};
use super::resolve::Operand;
use crate::error::Fault;
use crate::functions::{self, Arithmetic, Ordered, arithmetic, choose, clip, ordered};
use crate::graph::constant::map_type;
use crate::graph::function::{Binary, Comparison, Reduction, Unary};
use crate::graph::{Constant, Data, Element, Op, Type, shape};

/// Whether the operator is one of these.
pub(super) fn computes(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Where
            | Op::Clip
            | Op::Reduce { .. }
            | Op::ConstantOfShape
            | Op::Range
    )
}

/// Whether the operator is one of these, and one that a run computes as well.
pub(super) fn can_wait(op: &Op) -> bool {
    computes(op) && !matches!(op, Op::ConstantOfShape | Op::Range)
}

/// The elements of a value of the given shape, of operands that are all constants.
pub(super) fn compute(
    op: &Op,
    operands: &[Option<Operand<'_>>],
    shape: &[usize],
    elements: usize,
) -> Result<Data, Fault> {
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref).and_then(|operand| operand.constant);
    let operand =
        |index: usize| optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)));
    // An operand as large as the value; functions take those of one element as they are.
    let repeated = |constant: &Constant| {
        if constant.data().len() == 1 || constant.shape() == shape {
            return constant.data().clone();
        }
        strided(constant.data(), shape, &broadcast_strides(constant.shape(), shape), elements)
    };
    match op {
        Op::Unary(function) => unary(*function, operand(0)?.data(), elements),
        Op::Binary(function) => binary(*function, &repeated(operand(0)?), &repeated(operand(1)?), elements),
        Op::Compare(comparison) => compare(*comparison, &repeated(operand(0)?), &repeated(operand(1)?), elements),
        Op::Where => {
            let (condition, x, y) = (repeated(operand(0)?), repeated(operand(1)?), repeated(operand(2)?));
            let condition = elements_of::<u8>(&condition)?;
            Ok(map_type!(&x, x => {
                let mut z = vec![Default::default(); elements];
                choose(condition, x, elements_of(&y)?, &mut z);
                z
            }))
        }
        Op::Clip => {
            let x = operand(0)?.data();
            ordered!(x.type_(), T => {
                let bound = |index: usize| -> Result<Option<T>, Fault> {
                    let Some(constant) = optional(index) else { return Ok(None) };
                    Ok(elements_of::<T>(constant.data())?.first().copied())
                };
                let mut y = vec![T::LEAST; elements];
                clip(elements_of(x)?, bound(1)?, bound(2)?, &mut y);
                Ok(T::data(y))
            })
        }
        Op::Reduce { reduction, none_is_none, .. } => {
            let axes = optional(1).and_then(Constant::integers);
            reduce(*reduction, operand(0)?, axes.as_deref(), *none_is_none, elements)
        }
        Op::ConstantOfShape => Ok(map_type!(operand(1)?.data(), value => {
            value.first().map_or_else(Vec::new, |&value| vec![value; elements])
        })),
        Op::Range => range(operand(0)?.data(), operand(2)?.data(), elements),
        _ => Err(Fault::unsupported("this operator has no constant value")),
    }
}

fn elements_of<T: Element>(data: &Data) -> Result<&[T], Fault> {
    T::of(data).ok_or_else(|| Fault::invalid(format!("an operand is {}, expected {}", data.type_(), T::TYPE)))
}

fn none(name: &str, type_: Type) -> Fault {
    Fault::unsupported(format!("{name} of {type_}"))
}

fn unary(function: Unary, x: &Data, elements: usize) -> Result<Data, Fault> {
    let refused = || none(function.name(), x.type_());
    match x {
        Data::F32(x) => {
            let mut y = vec![0.0; elements];
            function.apply_all(x, &mut y);
            Ok(Data::F32(y))
        }
        Data::I32(x) => Ok(Data::I32(x.iter().copied().map(function.integers().ok_or_else(refused)?).collect())),
        Data::I64(x) => Ok(Data::I64(x.iter().copied().map(function.integers().ok_or_else(refused)?).collect())),
        Data::Bool(x) => Ok(Data::Bool(x.iter().copied().map(function.conditions().ok_or_else(refused)?).collect())),
        _ => Err(refused()),
    }
}

fn binary(function: Binary, a: &Data, b: &Data, elements: usize) -> Result<Data, Fault> {
    let refused = || none(function.name(), a.type_());
    if matches!(function, Binary::Div | Binary::Mod | Binary::Fmod)
        && matches!(b, Data::I32(b) if b.contains(&0)) | matches!(b, Data::I64(b) if b.contains(&0))
    {
        return Err(Fault::invalid("divides an integer by 0"));
    }
    match (a, b) {
        (Data::Bool(a), Data::Bool(b)) => {
            let mut y = vec![0; elements];
            function.conditions().ok_or_else(refused)?(a, b, &mut y);
            Ok(Data::Bool(y))
        }
        (Data::U8(_) | Data::I8(_) | Data::U16(_) | Data::I16(_), _) => ordered!(a.type_(), T => {
            let mut y = vec![T::LEAST; elements];
            function.extreme::<T>().ok_or_else(refused)?(elements_of(a)?, elements_of(b)?, &mut y);
            Ok(T::data(y))
        }),
        (Data::F32(_), Data::I32(_) | Data::I64(_)) => binary(function, a, &cast(b, Type::F32), elements),
        _ => arithmetic!(a.type_(), T => {
            let mut y = vec![T::LEAST; elements];
            function.numbers::<T>().ok_or_else(refused)?(elements_of(a)?, elements_of(b)?, &mut y);
            Ok(T::data(y))
        }),
    }
}

fn compare(comparison: Comparison, a: &Data, b: &Data, elements: usize) -> Result<Data, Fault> {
    let mut y = vec![0; elements];
    ordered!(a.type_(), T => comparison.of::<T>()(elements_of(a)?, elements_of(b)?, &mut y));
    Ok(Data::Bool(y))
}

fn reduce(
    reduction: Reduction,
    x: &Constant,
    axes: Option<&[i64]>,
    none_is_none: bool,
    elements: usize,
) -> Result<Data, Fault> {
    let reduced = functions::reduced(x.shape().len(), axes, none_is_none)?;
    if none_is_none && !reduced.contains(&true) {
        return Ok(x.data().clone());
    }
    let strides = functions::strides(x.shape(), &reduced, shape::strides);
    if let Reduction::Max | Reduction::Min = reduction {
        return ordered!(x.type_(), T => {
            let mut y = vec![T::LEAST; elements];
            functions::extremes::<T>(reduction, elements_of(x.data())?, x.shape(), &strides, &mut y);
            Ok(T::data(y))
        });
    }
    arithmetic!(x.type_(), T => {
        let mut y = vec![T::LEAST; elements];
        functions::reduce::<T>(reduction, elements_of(x.data())?, x.shape(), &strides, &mut y);
        Ok(T::data(y))
    })
}

/// `start + i * delta`
fn range(start: &Data, delta: &Data, elements: usize) -> Result<Data, Fault> {
    arithmetic!(start.type_(), T => {
        let (&[start], &[delta]) = (elements_of::<T>(start)?, elements_of::<T>(delta)?) else {
            return Err(Fault::invalid("start and delta are expected to be of one element"));
        };
        let at = |index: usize| Arithmetic::add(start, Arithmetic::mul(T::count(index), delta));
        Ok(T::data((0..elements).map(at).collect()))
    })
}
