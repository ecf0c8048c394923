//! Operators that only move elements, where they cannot be left out.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::{Action, Context, Step};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId, Type, shape};
use crate::passes::{blocks, repeated_strides, transposition};
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

/// `Transpose`, `Expand`, `DepthToSpace`, `SpaceToDepth` and `Relayout`, between any orders in memory. Where the elements
/// lie in the result as they did before, the result is the operand.
pub(super) fn strided(operands: Operands<'_>) -> Result<Action, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.axes(x)?, operands.axes(y)?);
    let (dense, x_shape, y_shape) = (from.strides(), operands.shape(x)?, operands.shape(y)?);
    let strides = match &operands.node.op {
        Op::Relayout => dense,
        Op::Transpose { permutation } => {
            transposition(permutation.as_deref(), x_shape.len())?.into_iter().map(|axis| dense[axis]).collect()
        }
        op => match blocks(op, x_shape, &dense)? {
            Some(((sizes, strides), _)) => {
                // The six axes in memory's order: both parts of an axis stay together.
                let pairs: [&[usize]; 4] = match op {
                    Op::DepthToSpace { .. } => [&[0], &[1], &[2, 3], &[4, 5]],
                    _ => [&[0], &[1, 2, 3], &[4], &[5]],
                };
                let order = to.sorted(&pairs).concat();
                let (shape, strides) = order.iter().map(|&axis| (sizes[axis], strides[axis])).unzip();
                return step(operands, shape, strides);
            }
            None => repeated_strides(x_shape, &dense, y_shape),
        },
    };
    if to.has(&strides) && shape::elements(x_shape)? == shape::elements(y_shape)? {
        return Ok(Action::Same(x));
    }
    step(operands, to.sizes().to_vec(), to.sorted(&strides))
}

/// Copies into C order of a shape, from the given distances.
fn step(operands: Operands<'_>, shape: Vec<usize>, strides: Vec<usize>) -> Result<Action, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    Ok(Action::Run(any!(operands.type_(x)?, T => Box::new(Strided::<T> { x, y, shape, strides, type_: PhantomData }))))
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

struct Concat<T> {
    /// Each part and the elements of its rows.
    parts: Vec<(TensorId, usize)>,
    y: TensorId,
    row: usize,
    type_: PhantomData<fn(T)>,
}

pub(super) fn concat(operands: Operands<'_>, axis: i64) -> Result<Box<dyn Step>, Fault> {
    let y = operands.output()?;
    let to = operands.axes(y)?;
    let axis = to.place(shape::axis(axis, to.sizes().len())?);
    let row = shape::elements(&to.sizes()[axis..])?;
    let parts = (0..operands.node.inputs.len())
        .map(|index| {
            let part = operands.id(index)?;
            Ok((part, shape::elements(&operands.axes(part)?.sizes()[axis..])?))
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
