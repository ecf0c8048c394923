//! `Trilu`: one side of the diagonal of matrices, and 0 on the other.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::movement::any;
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type};
use crate::passes::integer;

struct Trilu<T> {
    x: TensorId,
    y: TensorId,
    rows: usize,
    columns: usize,
    /// How far the diagonal is to the right of the one through the first element.
    diagonal: i64,
    upper: bool,
    type_: PhantomData<fn(T)>,
}

pub(super) fn lower(operands: Operands<'_>, upper: bool) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let &[.., rows, columns] = operands.shape(x)? else {
        return Err(Fault::unsupported("expected an operand of matrices"));
    };
    let diagonal = operands.parameter(1, "k")?.map_or(Ok(0), |diagonal| integer(diagonal, "k"))?;
    Ok(any!(operands.type_(x)?, T => {
        Box::new(Trilu::<T> { x, y, rows, columns, diagonal, upper, type_: PhantomData })
    }))
}

impl<T: Element> Step for Trilu<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            y.copy_from_slice(memory.read::<T>(self.x));
            for (row, y) in y.chunks_exact_mut(self.columns).enumerate() {
                // The first column of what is above the diagonal, or on it.
                let row = i64::try_from(row % self.rows).unwrap_or(i64::MAX);
                let first = row.saturating_add(self.diagonal).saturating_add(i64::from(!self.upper));
                let first = usize::try_from(first.max(0)).unwrap_or(usize::MAX).min(self.columns);
                let rest = if self.upper { &mut y[..first] } else { &mut y[first..] };
                rest.fill(T::zeroed());
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/trilu".to_owned()
    }
}
