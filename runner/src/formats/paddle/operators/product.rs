//! Products of matrices.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::function::{Binary, Unary};
use crate::graph::{Op, TensorId};

pub(super) fn matmul(call: &mut Call<'_, '_>, transposed: [&'static str; 2]) -> Result<(), Fault> {
    let alpha = call.float("alpha")?.unwrap_or(1.0);
    if alpha != 1.0 {
        return Err(Fault::unsupported(format!("attribute alpha is {alpha}, expected 1")));
    }
    let mut operands = [call.input("X")?, call.input("Y")?];
    for (operand, name) in operands.iter_mut().zip(transposed) {
        if call.flag(name, false)? {
            *operand = transpose(call, *operand)?;
        }
    }
    call.make(Op::MatMul, &operands, "Out").map(drop)
}

/// The matrices of a tensor, transposed; a vector stays.
fn transpose(call: &mut Call<'_, '_>, x: TensorId) -> Result<TensorId, Fault> {
    let rank = call.rank(x)?;
    if rank < 2 {
        return Ok(x);
    }
    let mut axes: Vec<i64> = (0..).take(rank).collect();
    axes.swap(rank - 1, rank - 2);
    Ok(call.node(Op::Transpose { permutation: Some(axes) }, &[x]))
}

/// The product of what the operands are as matrices.
pub(super) fn mul(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let (x, y) = (call.input("X")?, call.input("Y")?);
    let rows = call.int("x_num_col_dims")?.unwrap_or(1);
    let columns = call.int("y_num_col_dims")?.unwrap_or(1);
    if call.rank(y)? != 2 || columns != 1 {
        return Err(Fault::unsupported(format!("attribute y_num_col_dims is {columns}: expected a matrix and 1")));
    }
    let x = matrix(call, x, rows, "x_num_col_dims")?;
    call.make(Op::MatMul, &[x, y], "Out").map(drop)
}

/// A product, a bias and a ReLU.
pub(super) fn fc(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let (x, w) = (call.input("Input")?, call.input("W")?);
    let bias = call.optional("Bias")?;
    let rows = call.int("in_num_col_dims")?.unwrap_or(1);
    if call.flag("padding_weights", false)? {
        return Err(Fault::unsupported("attribute padding_weights"));
    }
    let relu = match call.text("activation_type")?.unwrap_or_default() {
        "" => false,
        "relu" => true,
        other => {
            return Err(Fault::unsupported(format!("attribute activation_type is \"{other}\", expected relu or none")));
        }
    };
    let mut steps = vec![(Op::MatMul, vec![matrix(call, x, rows, "in_num_col_dims")?, w])];
    if let Some(bias) = bias {
        steps.push((Op::Binary(Binary::Add), vec![bias]));
    }
    if relu {
        steps.push((Op::Unary(Unary::Relu), Vec::new()));
    }
    let last = steps.len() - 1;
    let mut made = None;
    for (at, (op, operands)) in steps.into_iter().enumerate() {
        let operands: Vec<TensorId> = made.into_iter().chain(operands).collect();
        made = Some(if at == last { call.make(op, &operands, "Out")? } else { call.node(op, &operands) });
    }
    Ok(())
}

/// A tensor whose axes from `rows` on are the columns of a matrix, as a product takes it.
fn matrix(call: &mut Call<'_, '_>, x: TensorId, rows: i64, name: &str) -> Result<TensorId, Fault> {
    let rank = call.rank(x)?;
    // In front of the last axis there may be any number of axes.
    if usize::try_from(rows).ok().and_then(|rows| rows.checked_add(1)) == Some(rank) {
        return Ok(x);
    }
    if rows == 1 && rank > 2 {
        return Ok(call.node(Op::Flatten { axis: 1 }, &[x]));
    }
    Err(Fault::unsupported(format!("attribute {name} is {rows} for {rank} axes, expected 1 or {}", rank.max(2) - 1)))
}
