//! Functions of one element.

use super::super::{Context, Step, each};
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::graph::function::Unary;
use crate::graph::{Element, TensorId, Type};

struct Reals {
    function: Unary,
    x: TensorId,
    y: TensorId,
}

struct Others<T> {
    function: fn(T) -> T,
    name: &'static str,
    x: TensorId,
    y: TensorId,
}

pub(in super::super) fn lower(operands: Operands<'_>, function: Unary) -> Result<Box<dyn Step>, Fault> {
    fn others<T: Element>(
        function: Option<fn(T) -> T>,
        name: &'static str,
        [x, y]: [TensorId; 2],
    ) -> Result<Box<dyn Step>, Fault> {
        let function = function.ok_or_else(|| Fault::unsupported(format!("{name} of {}", T::TYPE)))?;
        Ok(Box::new(Others { function, name, x, y }))
    }
    let (x, y) = (operands.id(0)?, operands.output()?);
    match operands.type_(x)? {
        Type::F32 => Ok(Box::new(Reals { function, x, y })),
        Type::I32 => others::<i32>(function.integers(), function.name(), [x, y]),
        Type::I64 => others::<i64>(function.integers(), function.name(), [x, y]),
        Type::Bool => others(function.conditions(), function.name(), [x, y]),
        other => Err(Fault::unsupported(format!("{} of {other}", function.name()))),
    }
}

fn kernel(name: &str) -> String {
    format!("runner/{}", name.to_lowercase())
}

impl Step for Reals {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::unary::<f32, f32>(context, self.x, self.y, |x, y| {
            self.function.apply_all(x, y);
            Ok(())
        })
    }

    fn in_place(&self) -> &'static [usize] {
        &[0]
    }

    fn kernel(&self) -> String {
        kernel(self.function.name())
    }
}

impl<T: Element> Step for Others<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::unary::<T, T>(context, self.x, self.y, |x, y| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (self.function)(x));
            Ok(())
        })
    }

    fn in_place(&self) -> &'static [usize] {
        &[0]
    }

    fn kernel(&self) -> String {
        kernel(self.name)
    }
}
