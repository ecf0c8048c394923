//! Functions of two elements, and comparisons.

use super::super::{Context, Step, each};
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::functions::{Pairs, arithmetic, ordered, raise};
use crate::graph::function::{Binary, Comparison};
use crate::graph::{Element, TensorId, Type};

struct Function<A, B, Y> {
    function: Pairs<A, B, Y>,
    name: &'static str,
    a: TensorId,
    b: TensorId,
    y: TensorId,
}

pub(in super::super) fn binary(operands: Operands<'_>, function: Binary) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y, name) = (operands.id(0)?, operands.id(1)?, operands.output()?, function.name());
    let (type_, other) = (operands.type_(a)?, operands.type_(b)?);
    let refused = || Fault::unsupported(format!("{name} of {type_} and {other}"));
    match (type_, other) {
        (Type::Bool, _) => step(function.conditions().ok_or_else(refused)?, name, [a, b, y]),
        (Type::U8 | Type::I8 | Type::U16 | Type::I16, _) => {
            ordered!(type_, T => step::<T, _, _>(function.extreme().ok_or_else(refused)?, name, [a, b, y]))
        }
        (Type::F32, Type::I32) => step(raise::<i32>, name, [a, b, y]),
        (Type::F32, Type::I64) => step(raise::<i64>, name, [a, b, y]),
        _ => arithmetic!(type_, T => step::<T, _, _>(function.numbers().ok_or_else(refused)?, name, [a, b, y])),
    }
}

pub(in super::super) fn compare(operands: Operands<'_>, comparison: Comparison) -> Result<Box<dyn Step>, Fault> {
    let tensors = [operands.id(0)?, operands.id(1)?, operands.output()?];
    ordered!(operands.type_(tensors[0])?, T => step(comparison.of::<T>(), comparison.name(), tensors))
}

fn step<A: Element, B: Element, Y: Element>(
    function: Pairs<A, B, Y>,
    name: &'static str,
    [a, b, y]: [TensorId; 3],
) -> Result<Box<dyn Step>, Fault> {
    Ok(Box::new(Function { function, name, a, b, y }))
}

impl<A: Element, B: Element, Y: Element> Step for Function<A, B, Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::binary::<A, B, Y>(context, [self.a, self.b], self.y, |a, b, y| {
            (self.function)(a, b, y);
            Ok(())
        })
    }

    fn in_place(&self) -> &'static [usize] {
        &[0, 1]
    }

    fn kernel(&self) -> String {
        format!("runner/{}", self.name.to_lowercase())
    }
}
