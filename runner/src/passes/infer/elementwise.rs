//! Type and shape of what functions of elements make, and of what is made from a few numbers.

use super::{Known, QUANTIZED, expect, integers};
use crate::error::Fault;
use crate::graph::function::{Binary, Unary};
use crate::graph::{Op, Type, shape};
use crate::passes::resolve::Operand;

pub(super) const NUMBERS: [Type; 3] = [Type::F32, Type::I32, Type::I64];
pub(super) const ORDERED: [Type; 7] = [Type::F32, Type::I32, Type::I64, Type::U8, Type::I8, Type::U16, Type::I16];

pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref);
    let operand =
        |index: usize| optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)));
    match op {
        Op::Unary(function) => {
            let x = operand(0)?;
            let types: &[Type] = match function {
                Unary::Not => &[Type::Bool],
                Unary::Abs | Unary::Neg | Unary::Sign => &NUMBERS,
                _ => &[Type::F32],
            };
            expect("x", x.type_, types)?;
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::Classify(_) => {
            let x = operand(0)?;
            expect("X", x.type_, &[Type::F32])?;
            Ok((Type::Bool, x.shape.to_vec()))
        }
        Op::Binary(function) => {
            let (a, b) = (operand(0)?, operand(1)?);
            let types: &[Type] = match function {
                Binary::And | Binary::Or | Binary::Xor => &[Type::Bool],
                Binary::Max | Binary::Min => &ORDERED,
                Binary::Mod => &NUMBERS[1..],
                _ => &NUMBERS,
            };
            expect("A", a.type_, types)?;
            let shape = shape::broadcast(a.shape, b.shape)?;
            match function {
                Binary::Pow if a.type_ == Type::F32 => expect("B", b.type_, &NUMBERS)?,
                _ => same([("A", a.type_), ("B", b.type_)])?,
            }
            if *function == Binary::PRelu && shape != a.shape {
                return Err(Fault::invalid(format!("slope {:?} does not broadcast to X {:?}", b.shape, a.shape)));
            }
            Ok((a.type_, shape))
        }
        Op::Compare(_) => {
            let (a, b) = (operand(0)?, operand(1)?);
            expect("A", a.type_, &[&ORDERED[..], &[Type::Bool]].concat())?;
            same([("A", a.type_), ("B", b.type_)])?;
            Ok((Type::Bool, shape::broadcast(a.shape, b.shape)?))
        }
        Op::Where => {
            let (condition, x, y) = (operand(0)?, operand(1)?, operand(2)?);
            expect("condition", condition.type_, &[Type::Bool])?;
            same([("X", x.type_), ("Y", y.type_)])?;
            Ok((x.type_, shape::broadcast(condition.shape, &shape::broadcast(x.shape, y.shape)?)?))
        }
        Op::Clip => {
            let x = operand(0)?;
            expect("input", x.type_, &ORDERED)?;
            for (index, name) in [(1, "min"), (2, "max")] {
                let Some(bound) = optional(index) else { continue };
                same([("input", x.type_), (name, bound.type_)])?;
                if shape::elements(bound.shape) != Ok(1) {
                    return Err(Fault::invalid(format!("{name} has shape {:?}, expected one element", bound.shape)));
                }
            }
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::Lookup => {
            let (x, table) = (operand(0)?, operand(1)?);
            expect("x", x.type_, &QUANTIZED)?;
            expect("table", table.type_, &QUANTIZED)?;
            if table.shape != [256] {
                return Err(Fault::invalid(format!("table has shape {:?}, expected [256]", table.shape)));
            }
            Ok((table.type_, x.shape.to_vec()))
        }
        Op::ConstantOfShape => {
            let (to, value) = (operand(0)?, operand(1)?);
            if shape::elements(value.shape) != Ok(1) {
                return Err(Fault::invalid(format!("value has shape {:?}, expected one element", value.shape)));
            }
            let sizes = integers(to, "the shape")?;
            let size = |&size: &i64| usize::try_from(size).ok();
            let shape: Option<Vec<usize>> = sizes.iter().map(size).collect();
            let shape = shape.ok_or_else(|| Fault::invalid(format!("the shape is {sizes:?}, expected sizes")))?;
            Ok((value.type_, shape))
        }
        Op::Range => {
            let (start, limit, delta) = (operand(0)?, operand(1)?, operand(2)?);
            expect("start", start.type_, &NUMBERS)?;
            same([("start", start.type_), ("limit", limit.type_)])?;
            same([("start", start.type_), ("delta", delta.type_)])?;
            Ok((start.type_, vec![range([start, limit, delta])?]))
        }
        _ => Err(Fault::unsupported("this operator is not known")),
    }
}

/// Whether both operands are of one type.
fn same([(name, first), (other, second)]: [(&str, Type); 2]) -> Result<(), Fault> {
    if first == second {
        return Ok(());
    }
    Err(Fault::invalid(format!("{name} is {first}, but {other} {second}")))
}

/// How many elements there are from a start to a limit, which is none of them: `ceil((limit - start) / delta)`.
fn range(operands: [&Operand<'_>; 3]) -> Result<usize, Fault> {
    let mut constants = Vec::with_capacity(3);
    for (operand, name) in operands.iter().zip(["start", "limit", "delta"]) {
        let constant =
            operand.constant.ok_or_else(|| Fault::unsupported(format!("{name} is only known at run time")))?;
        if shape::elements(constant.shape()) != Ok(1) {
            return Err(Fault::invalid(format!("{name} has shape {:?}, expected one element", constant.shape())));
        }
        constants.push(constant);
    }
    let one = |values: Option<Vec<i64>>| values.and_then(|values| values.first().copied()).map(i128::from);
    let real = |values: Option<Vec<f32>>| values.and_then(|values| values.first().copied());
    let none = |name: &str| Fault::invalid(format!("{name}, which leads nowhere"));
    let count = match constants.as_slice() {
        [start, limit, delta] => match [start, limit, delta].map(|constant| one(constant.integers())) {
            [Some(start), Some(limit), Some(delta)] => {
                if delta == 0 {
                    return Err(none("delta is 0"));
                }
                // Towards the limit, from 0 on, what is left over makes one more.
                let (way, step) = if delta > 0 { (limit - start, delta) } else { (start - limit, -delta) };
                usize::try_from((way.max(0) + step - 1) / step).ok()
            }
            _ => match [start, limit, delta].map(|constant| real(constant.floats())) {
                [Some(start), Some(limit), Some(delta)] => {
                    let steps = (f64::from(limit - start) / f64::from(delta)).ceil();
                    if delta == 0.0 || steps.is_nan() {
                        return Err(none(&format!("from {start} to {limit} by {delta}")));
                    }
                    // What is beyond all sizes becomes the greatest, and is refused as a size.
                    Some(steps.max(0.0) as usize)
                }
                _ => None,
            },
        },
        _ => None,
    };
    count.ok_or_else(|| Fault::overflow("the number of elements"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Constant, Data};

    fn count(data: [Data; 3]) -> Result<usize, Fault> {
        let constants = data.map(|data| Constant::new(vec![], data).unwrap());
        let operands = constants.each_ref().map(|constant| Operand {
            type_: constant.type_(),
            shape: constant.shape(),
            constant: Some(constant),
        });
        range(operands.each_ref())
    }

    #[test]
    fn ranges_end_before_their_limit() {
        let integers = |start, limit, delta| count([start, limit, delta].map(|value| Data::I64(vec![value])));
        assert_eq!(integers(0, 10, 3), Ok(4));
        assert_eq!(integers(0, 9, 3), Ok(3));
        assert_eq!(integers(10, 4, -2), Ok(3));
        assert_eq!(integers(3, 3, 1), Ok(0));
        assert_eq!(integers(5, 3, 1), Ok(0));
        assert_eq!(integers(i64::MIN, i64::MAX, i64::MAX), Ok(3));
        assert!(integers(0, 3, 0).is_err());
        let floats = |start, limit, delta| count([start, limit, delta].map(|value| Data::F32(vec![value])));
        assert_eq!(floats(0.0, 1.0, 0.25), Ok(4));
        assert_eq!(floats(1.0, -0.5, -0.5), Ok(3));
        assert!(floats(0.0, f32::NAN, 1.0).is_err());
        assert!(floats(0.0, 1.0, 0.0).is_err());
        assert_eq!(floats(0.0, f32::INFINITY, 1.0), Ok(usize::MAX));
    }
}
