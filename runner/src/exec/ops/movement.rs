//! Operators that only move elements, where they cannot be left out.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId, Type, shape};
use crate::passes::{blocks, broadcast_strides, gather_indices, layout, transposition};
use crate::rearrange;

/// Runs an expression with the Rust type of a tensor type.
macro_rules! any {
    ($type_:expr, $name:ident => $body:expr) => {
        any!(
            $type_, $name => $body, Bool u8, U4 u8, I4 i8, U8 u8, I8 i8, U16 u16, I16 i16, I32 i32, I64 i64,
            F16 half::f16, BF16 half::bf16, F32 f32
        )
    };
    ($type_:expr, $name:ident => $body:expr, $($variant:ident $rust:ty),*) => {
        match $type_ {
            $(Type::$variant => {
                type $name = $rust;
                $body
            })*
        }
    };
}
pub(super) use any;

struct Strided<T> {
    x: TensorId,
    y: TensorId,
    shape: Vec<usize>,
    strides: Vec<usize>,
    type_: PhantomData<fn(T)>,
}

/// `Transpose`, `Expand`, `DepthToSpace`, `SpaceToDepth` and `Relayout`.
pub(super) fn strided(operands: Operands<'_>) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.shape(x)?, operands.shape(y)?);
    let (shape, strides) = match &operands.node.op {
        Op::Relayout => {
            let (shape, strides) = layout::reorder(operands.shape4(y)?, operands.tensor(y).layout);
            (shape.to_vec(), strides.to_vec())
        }
        Op::Transpose { permutation } => {
            let dense = shape::strides(from);
            let permutation = transposition(permutation.as_deref(), from.len())?;
            (to.to_vec(), permutation.iter().map(|&axis| dense[axis]).collect())
        }
        op => match blocks(op, from)? {
            Some(((shape, strides), _)) => (shape.to_vec(), strides.to_vec()),
            None => (to.to_vec(), broadcast_strides(from, to)),
        },
    };
    Ok(any!(operands.type_(x)?, T => Box::new(Strided::<T> { x, y, shape, strides, type_: PhantomData })))
}

impl<T: Element> Step for Strided<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            rearrange::copy_strided(memory.read(self.x), &self.shape, &self.strides, y);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/copy".to_owned()
    }
}

struct Gather<T> {
    x: TensorId,
    y: TensorId,
    axis: usize,
    inner: usize,
    indices: Vec<usize>,
    type_: PhantomData<fn(T)>,
}

pub(super) fn gather(operands: Operands<'_>, axis: i64) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let from = operands.shape(x)?;
    let axis = shape::axis(axis, from.len())?;
    let indices = gather_indices(operands.constant(1, "indices")?, from[axis])?;
    let inner = shape::elements(&from[axis + 1..])?;
    let axis = from[axis];
    Ok(any!(operands.type_(x)?, T => Box::new(Gather::<T> { x, y, axis, inner, indices, type_: PhantomData })))
}

impl<T: Element> Step for Gather<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            rearrange::gather(memory.read(self.x), self.axis, self.inner, &self.indices, y);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/copy".to_owned()
    }
}

struct Concat<T> {
    /// Each part and the elements of its rows.
    parts: Vec<(TensorId, usize)>,
    y: TensorId,
    row: usize,
    type_: PhantomData<fn(T)>,
}

pub(super) fn concat(operands: Operands<'_>, axis: i64) -> Result<Box<dyn Step>, Fault> {
    let y = operands.output()?;
    let shape = operands.shape(y)?;
    let axis = shape::axis(axis, shape.len())?;
    let row = shape::elements(&shape[axis..])?;
    let parts = (0..operands.node.inputs.len())
        .map(|index| {
            let part = operands.id(index)?;
            Ok((part, shape::elements(&operands.shape(part)?[axis..])?))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    Ok(any!(operands.type_(y)?, T => Box::new(Concat::<T> { parts, y, row, type_: PhantomData })))
}

impl<T: Element> Step for Concat<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            let mut at = 0;
            for &(part, width) in &self.parts {
                rearrange::place_columns(memory.read(part), width, at, self.row, y);
                at += width;
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/copy".to_owned()
    }
}
