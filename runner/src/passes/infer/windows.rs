//! Type and shape of what convolutions and pools make.

use super::{Known, QUANTIZED, expect};
use crate::error::Fault;
use crate::graph::{Op, Type};
use crate::passes::resolve::Operand;
use crate::passes::transposed::transposed;
use crate::passes::window::{Geometry, convolution, pool};

pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref);
    let operand =
        |index: usize| optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)));
    let x = operand(0)?;
    match op {
        Op::Conv(attributes) => {
            floats(x, operand(1)?, optional(2), convolution(attributes, x.shape, operand(1)?.shape)?)
        }
        Op::ConvTranspose(attributes) => {
            floats(x, operand(1)?, optional(2), transposed(attributes, x.shape, operand(1)?.shape)?.0)
        }
        Op::QLinearConvTranspose(attributes) => {
            let (w, y) = (operand(3)?, operand(7)?);
            expect("x", x.type_, &QUANTIZED)?;
            expect("w", w.type_, &QUANTIZED)?;
            expect("y_zero_point", y.type_, &QUANTIZED)?;
            Ok((y.type_, transposed(attributes, x.shape, w.shape)?.0.output))
        }
        Op::ConvIntegerToFloat(attributes) => {
            let w = operand(3)?;
            expect("x", x.type_, &QUANTIZED)?;
            expect("w", w.type_, &QUANTIZED)?;
            let geometry = convolution(attributes, x.shape, w.shape)?;
            if let Some(b) = optional(6) {
                expect("B", b.type_, &[Type::I32, Type::F32])?;
                bias(b, &geometry)?;
            }
            Ok((Type::F32, geometry.output))
        }
        Op::MaxPool(attributes) => {
            expect("x", x.type_, &POOLED)?;
            let windows = pool(attributes, x.shape)?.windows;
            axes("a pool", &windows)?;
            Ok((x.type_, windows.output))
        }
        Op::AveragePool { pool: attributes, .. } => {
            expect("X", x.type_, &[Type::F32])?;
            let windows = pool(attributes, x.shape)?.windows;
            axes("a pool", &windows)?;
            Ok((x.type_, windows.output))
        }
        Op::QLinearAveragePool { pool: attributes, .. } => {
            expect("X", x.type_, &QUANTIZED)?;
            let type_ = optional(4).map_or(x.type_, |zero_point| zero_point.type_);
            let windows = pool(attributes, x.shape)?.windows;
            axes("a pool", &windows)?;
            Ok((type_, windows.output))
        }
        Op::GlobalMaxPool | Op::GlobalAveragePool => {
            expect("X", x.type_, if *op == Op::GlobalMaxPool { &POOLED } else { &POOLED[2..] })?;
            let &[images, channels, ref pixels @ ..] = x.shape else {
                return Err(Fault::invalid(format!("x has shape {:?}, expected three axes at least", x.shape)));
            };
            if pixels.is_empty() || pixels.contains(&0) {
                return Err(Fault::invalid(format!("a pool of no pixels: x has shape {:?}", x.shape)));
            }
            Ok((x.type_, [&[images, channels], vec![1; pixels.len()].as_slice()].concat()))
        }
        _ => Err(Fault::unsupported("this operator is not known")),
    }
}

const POOLED: [Type; 3] = [Type::U8, Type::I8, Type::F32];

/// What a convolution of floats makes.
fn floats(x: &Operand<'_>, w: &Operand<'_>, b: Option<&Operand<'_>>, geometry: Geometry) -> Known {
    expect("X", x.type_, &[Type::F32])?;
    expect("W", w.type_, &[Type::F32])?;
    axes("a convolution", &geometry)?;
    if let Some(b) = b {
        expect("B", b.type_, &[Type::F32])?;
        bias(b, &geometry)?;
    }
    Ok((Type::F32, geometry.output))
}

fn axes(what: &str, geometry: &Geometry) -> Result<(), Fault> {
    match geometry.from.len() {
        1..=3 => Ok(()),
        axes => Err(Fault::unsupported(format!("{what} over {axes} spatial axes, expected 1 to 3"))),
    }
}

fn bias(b: &Operand<'_>, geometry: &Geometry) -> Result<(), Fault> {
    if b.shape == [geometry.outputs] {
        return Ok(());
    }
    Err(Fault::invalid(format!("B has shape {:?}, expected {} values", b.shape, geometry.outputs)))
}
