//! The bounds of a node's results, where its kernel has none of its own: the results are bounded behind it.

use rayon::prelude::*;

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{CHUNK, Context, Step};
use crate::error::Fault;
use crate::graph::{Element, Op, TensorId, Type};

struct Bounded<T> {
    step: Box<dyn Step>,
    y: TensorId,
    least: T,
    greatest: T,
}

/// The step with the node's bounds.
pub(super) fn step(operands: Operands<'_>, step: Box<dyn Step>) -> Result<Box<dyn Step>, Fault> {
    let Some((least, greatest)) = operands.node.clamp else { return Ok(step) };
    let y = operands.output()?;
    let type_ = operands.type_(y)?;
    let fits = type_.range().is_some_and(|(low, high)| low <= least && least <= greatest && greatest <= high);
    if !fits {
        return Err(Fault::invalid(format!("bounds of {least} and {greatest} of elements of {type_}")));
    }
    // These have been told their bounds with the rest of what becomes of sums.
    if matches!(operands.node.op, Op::QLinearConv(_) | Op::QLinearConvTranspose(_) | Op::QLinearMatMul | Op::QGemm(_)) {
        return Ok(step);
    }
    macro_rules! bounded {
        ($rust:ty) => {{
            let outside = |_| Fault::invalid(format!("bounds of {least} and {greatest} of elements of {type_}"));
            let (least, greatest) =
                (<$rust>::try_from(least).map_err(outside)?, <$rust>::try_from(greatest).map_err(outside)?);
            Ok(Box::new(Bounded::<$rust> { step, y, least, greatest }))
        }};
    }
    match type_.storage() {
        Type::I8 => bounded!(i8),
        Type::U16 => bounded!(u16),
        Type::I16 => bounded!(i16),
        _ => bounded!(u8),
    }
}

impl<T: Element + Ord> Step for Bounded<T> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        self.step.run(Context { memory: &mut memory.reborrowed(), scratch, threads })?;
        let y = memory.write::<T>(self.y);
        let bound = |y: &mut [T]| y.iter_mut().for_each(|y| *y = (*y).clamp(self.least, self.greatest));
        if threads == 1 || y.len() <= CHUNK {
            bound(y)
        } else {
            y.par_chunks_mut(CHUNK).for_each(bound)
        }
        Ok(())
    }

    fn kernel(&self) -> String {
        self.step.kernel()
    }

    fn scratch_len(&self) -> usize {
        self.step.scratch_len()
    }

    fn packed(&self) -> Option<Packed> {
        self.step.packed()
    }

    fn in_place(&self) -> &'static [usize] {
        self.step.in_place()
    }
}
