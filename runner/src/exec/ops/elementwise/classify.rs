//! Questions about one element.

use super::super::{Context, Step, each};
use crate::error::Fault;
use crate::exec::parameters::Operands;
use crate::graph::TensorId;
use crate::graph::function::Class;

struct Classify {
    class: Class,
    x: TensorId,
    y: TensorId,
}

pub(in super::super) fn lower(operands: Operands<'_>, class: Class) -> Result<Box<dyn Step>, Fault> {
    Ok(Box::new(Classify { class, x: operands.id(0)?, y: operands.output()? }))
}

impl Step for Classify {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        each::unary::<f32, u8>(context, self.x, self.y, |x, y| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = u8::from(self.class.has(x)));
            Ok(())
        })
    }

    fn kernel(&self) -> String {
        format!("runner/{}", self.class.name().to_lowercase())
    }
}
