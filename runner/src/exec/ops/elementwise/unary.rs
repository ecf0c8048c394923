//! Functions of one element.

use rayon::prelude::*;

use super::super::{CHUNK, Context, Step};
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
        let Context { memory, threads, .. } = context;
        memory.writing::<f32, _>(self.y, |memory, y| {
            let x = memory.read::<f32>(self.x);
            if threads == 1 || y.len() <= CHUNK {
                self.function.apply_all(x, y);
            } else {
                let parts = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
                parts.for_each(|(y, x)| self.function.apply_all(x, y));
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        kernel(self.function.name())
    }
}

impl<T: Element> Step for Others<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            y.iter_mut().zip(memory.read::<T>(self.x)).for_each(|(y, &x)| *y = (self.function)(x));
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        kernel(self.name)
    }
}
