//! Type and shape of what products to floats, and operators beside them, make.

use super::{Known, QUANTIZED, expect, split};
use crate::einsum::Einsum;
use crate::error::Fault;
use crate::graph::op;
use crate::graph::{Op, Type, shape};
use crate::passes::resolve::Operand;

pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref);
    let operand =
        |index: usize| optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)));
    let quantized = |index: usize, what: &str| {
        let operand = operand(index)?;
        expect(what, operand.type_, &QUANTIZED)?;
        Ok::<_, Fault>(operand)
    };
    let real = |index: usize, what: &str| {
        let operand = operand(index)?;
        expect(what, operand.type_, &[Type::F32])?;
        Ok::<_, Fault>(operand)
    };
    match op {
        Op::QGemm(attributes) => {
            let (a, b) = (quantized(0, "A")?, quantized(3, "B")?);
            let [m, n, _] = gemm(attributes, a.shape, b.shape)?;
            if let Some(c) = optional(6) {
                expect("C", c.type_, &[Type::I32])?;
                addend(c.shape, [m, n])?;
            }
            let type_ = match (optional(7), optional(8)) {
                (None, None) => Type::F32,
                (Some(_), Some(zero_point)) => zero_point.type_,
                (Some(_), None) => a.type_,
                (None, Some(_)) => return Err(Fault::invalid("y_zero_point is given, but y_scale is not")),
            };
            expect("y", type_, &[Type::U8, Type::I8, Type::F32])?;
            Ok((type_, vec![m, n]))
        }
        Op::MatMulIntegerToFloat => {
            let (a, b) = (quantized(0, "A")?, quantized(1, "B")?);
            product(a.shape, b.shape)
        }
        Op::DynamicQuantizeMatMul => {
            let (a, b) = (real(0, "A")?, quantized(1, "B")?);
            product(a.shape, b.shape)
        }
        Op::QLinearLeakyRelu { .. } | Op::QLinearSigmoid | Op::QLinearSoftmax { .. } => {
            let x = quantized(0, "X")?;
            match op {
                Op::QLinearSoftmax { axis, flattened: true } => drop(split(*axis, x.shape.len())?),
                Op::QLinearSoftmax { axis, .. } => drop(shape::axis(*axis, x.shape.len())?),
                _ => {}
            }
            Ok((optional(4).map_or(x.type_, |zero_point| zero_point.type_), x.shape.to_vec()))
        }
        Op::QLinearConcat { axis } => concat(operands, *axis),
        Op::QLinearWhere => {
            let (condition, x, y) = (operand(0)?, quantized(1, "X")?, quantized(4, "Y")?);
            expect("condition", condition.type_, &[Type::Bool])?;
            let shape = shape::broadcast(condition.shape, &shape::broadcast(x.shape, y.shape)?)?;
            Ok((optional(8).map_or(x.type_, |zero_point| zero_point.type_), shape))
        }
        Op::Einsum { equation } => {
            let found =
                (0..operands.len()).map(|index| real(index, "an operand")).collect::<Result<Vec<_>, Fault>>()?;
            let shapes: Vec<&[usize]> = found.iter().map(|operand| operand.shape).collect();
            Ok((Type::F32, Einsum::new(equation, &shapes)?.shape().to_vec()))
        }
        Op::MatMul => {
            let (a, b) = (real(0, "A")?, real(1, "B")?);
            product(a.shape, b.shape)
        }
        Op::Gemm(attributes) => {
            let (a, b) = (real(0, "A")?, real(1, "B")?);
            let [m, n, _] = gemm(attributes, a.shape, b.shape)?;
            if let Some(c) = optional(2) {
                expect("C", c.type_, &[Type::F32])?;
                addend(c.shape, [m, n])?;
            }
            Ok((Type::F32, vec![m, n]))
        }
        _ => Err(Fault::unsupported("this operator is not known")),
    }
}

fn concat(operands: &[Option<Operand<'_>>], axis: i64) -> Known {
    if operands.len() < 5 || !(operands.len() - 2).is_multiple_of(3) {
        return Err(Fault::invalid(format!("has {} operands, expected 2 and three for each part", operands.len())));
    }
    let mut parts = operands.iter().skip(2).step_by(3).map(|part| {
        let part = part.as_ref().ok_or_else(|| Fault::invalid("an operand is left out, but none is optional"))?;
        expect("X", part.type_, &QUANTIZED)?;
        Ok::<_, Fault>(part)
    });
    let Some(first) = parts.next().transpose()? else { return Err(Fault::invalid("joins nothing")) };
    let axis = shape::axis(axis, first.shape.len())?;
    let mut shape = first.shape.to_vec();
    for part in parts {
        let part = part?.shape;
        let fits =
            part.len() == shape.len() && (0..part.len()).all(|other| other == axis || part[other] == shape[other]);
        if !fits {
            return Err(Fault::invalid(format!("{part:?} and {:?} do not join along axis {axis}", first.shape)));
        }
        shape[axis] =
            shape[axis].checked_add(part[axis]).ok_or_else(|| Fault::overflow(format!("the size of axis {axis}")))?;
    }
    let type_ = operands[1].as_ref().map_or(first.type_, |zero_point| zero_point.type_);
    expect("Y", type_, &QUANTIZED)?;
    Ok((type_, shape))
}

/// Rows, columns and depth of a product of matrices.
pub(crate) fn gemm(attributes: &op::Gemm, a: &[usize], b: &[usize]) -> Result<[usize; 3], Fault> {
    let matrix = |what: &str, shape: &[usize], transposed: bool| match *shape {
        [rows, columns] if transposed => Ok([columns, rows]),
        [rows, columns] => Ok([rows, columns]),
        _ => Err(Fault::invalid(format!("{what} has shape {shape:?}, expected two axes"))),
    };
    let [m, k] = matrix("A", a, attributes.transpose_a)?;
    let [rows, n] = matrix("B", b, attributes.transpose_b)?;
    if k != rows {
        return Err(Fault::invalid(format!("A {a:?} has {k} columns, but B {b:?} has {rows} rows")));
    }
    Ok([m, n, k])
}

/// Whether an addend broadcasts to a product.
fn addend(c: &[usize], product: [usize; 2]) -> Result<(), Fault> {
    if shape::broadcast(c, &product).is_ok_and(|shape| shape == product) {
        return Ok(());
    }
    Err(Fault::invalid(format!("C has shape {c:?}, which does not broadcast to {product:?}")))
}

/// What a matrix product of floats, of batches of matrices, makes.
fn product(a: &[usize], b: &[usize]) -> Known {
    let (&[ref batch_a @ .., m, k], &[ref batch_b @ .., rows, n]) = (a, b) else {
        return Err(Fault::unsupported(format!("a has shape {a:?} and b {b:?}, expected at least two axes each")));
    };
    if k != rows {
        return Err(Fault::invalid(format!("a {a:?} has {k} columns, but b {b:?} has {rows} rows")));
    }
    Ok((Type::F32, [&shape::broadcast(batch_a, batch_b)?[..], &[m, n]].concat()))
}
