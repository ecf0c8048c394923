//! Weights that are packed once though their node is planned in each run.

use std::any::Any;
use std::sync::OnceLock;

use super::parameters::Operands;
use crate::error::Fault;
use crate::graph::TensorId;

/// Where a node keeps its packed weights from one run to the next.
pub(super) struct Shelf {
    weights: OnceLock<Box<dyn Any + Send + Sync>>,
    /// Tensors that may be others in the next run.
    late: Vec<TensorId>,
}

impl Shelf {
    pub(super) fn new(late: Vec<TensorId>) -> Self {
        Self { weights: OnceLock::new(), late }
    }
}

impl Operands<'_> {
    /// The weights that `pack` makes of the given operands, or made in an earlier run if those are constants.
    pub(super) fn packed<W: Any + Clone + Send + Sync>(
        &self,
        made_of: &[usize],
        pack: impl FnOnce() -> Result<W, Fault>,
    ) -> Result<W, Fault> {
        let Some(shelf) = self.shelf else { return pack() };
        if made_of.iter().any(|&operand| self.optional(operand).is_some_and(|id| shelf.late.contains(&id))) {
            return pack();
        }
        // A node packs its weights into one form.
        if let Some(weights) = shelf.weights.get().and_then(|weights| weights.downcast_ref::<W>()) {
            return Ok(weights.clone());
        }
        let weights = pack()?;
        shelf.weights.get_or_init(|| Box::new(weights.clone()));
        Ok(weights)
    }
}
