//! `Einsum` of f32.

use super::super::parameters::Operands;
use super::{Context, Step};
use crate::einsum::{Einsum, MOST};
use crate::error::Fault;
use crate::graph::TensorId;

struct Products {
    operands: Vec<TensorId>,
    y: TensorId,
    einsum: Einsum,
}

pub(super) fn lower(operands: Operands<'_>, equation: &str) -> Result<Box<dyn Step>, Fault> {
    let ids = (0..operands.node.inputs.len()).map(|index| operands.id(index)).collect::<Result<Vec<_>, Fault>>()?;
    let shapes = ids.iter().map(|&id| operands.shape(id)).collect::<Result<Vec<_>, Fault>>()?;
    let einsum = Einsum::new(equation, &shapes)?;
    Ok(Box::new(Products { operands: ids, y: operands.output()?, einsum }))
}

impl Step for Products {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<f32, _>(self.y, |memory, y| {
            let mut x: [&[f32]; MOST] = [&[]; MOST];
            x.iter_mut().zip(&self.operands).for_each(|(x, &id)| *x = memory.read(id));
            self.einsum.run(x, y);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/einsum".to_owned()
    }
}
