//! Weights that are packed once, though their node is planned for several shapes, or in each run.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use super::parameters::Operands;
use crate::error::Fault;
use crate::graph::{Constant, Op, TensorId};

/// Packed weights of one tier, each with what it was made of. Cloning shares.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Packing>>>);

#[cfg(test)]
impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Weights, and all that they depend on: the operator says how they are packed, the constants what is.
struct Packing {
    op: Op,
    made_of: Vec<Option<Arc<Constant>>>,
    /// In whichever form the kernel takes them.
    weights: Box<dyn Any + Send + Sync>,
}

impl Packing {
    /// Constants are mostly the same ones. Those that a pass made for each shape anew are only equal.
    fn is_of(&self, op: &Op, made_of: &[Option<Arc<Constant>>]) -> bool {
        let same = |(a, b): (&Option<Arc<Constant>>, &Option<Arc<Constant>>)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => a.is_none() && b.is_none(),
        };
        self.op == *op && self.made_of.len() == made_of.len() && self.made_of.iter().zip(made_of).all(same)
    }
}

/// What a node's planner knows beside the node.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept<'a> {
    /// Where packed weights are kept.
    pub(super) shelf: Option<&'a Shelf>,
    /// Tensors that may be others in the next run.
    pub(super) late: &'a [TensorId],
}

impl Operands<'_> {
    /// The weights that `pack` makes of the given operands and nothing else, or made earlier of the same constants.
    pub(super) fn packed<W: Any + Clone + Send + Sync>(
        &self,
        made_of: &[usize],
        pack: impl FnOnce() -> Result<W, Fault>,
    ) -> Result<W, Fault> {
        let Kept { shelf: Some(Shelf(shelf)), late } = self.kept else { return pack() };
        let ids: Vec<Option<TensorId>> = made_of.iter().map(|&operand| self.optional(operand)).collect();
        if ids.iter().flatten().any(|id| late.contains(id)) {
            return pack();
        }
        let made_of: Vec<_> = ids.iter().map(|id| id.and_then(|id| self.tensor(id).constant.clone())).collect();
        // Held while packing: what two plans ask for at once is packed once.
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shelf.iter().filter(|packing| packing.is_of(&self.node.op, &made_of));
        if let Some(weights) = kept.filter_map(|packing| packing.weights.downcast_ref::<W>()).next() {
            return Ok(weights.clone());
        }
        let weights = pack()?;
        shelf.push(Packing { op: self.node.op.clone(), made_of, weights: Box::new(weights.clone()) });
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use zeropoint::{Backend, PackedWeights, View, ZeroPoints};

    use super::*;
    use crate::graph::{Data, Graph, Node, Tensor};

    fn pack(packed: &mut usize) -> Result<PackedWeights, Fault> {
        *packed += 1;
        let view = View::new(&[1i8, 2], [2, 1]).map_err(|error| Fault::invalid(error.to_string()))?;
        PackedWeights::gemm(&Backend::best(), view, ZeroPoints::All(0))
            .map_err(|error| Fault::invalid(error.to_string()))
    }

    #[test]
    fn equal_constants_are_packed_once_for_an_operator() {
        let constant = |values: &[i8]| Constant::new(vec![2, 1], Data::I8(values.to_vec())).unwrap();
        let mut graph = Graph::default();
        let x = graph.add(Tensor::named("x"));
        let [a, again, other] =
            [[1, 2], [1, 2], [1, 3]].map(|values| graph.add(Tensor::constant("b", constant(&values))));
        let (shelf, mut packed) = (Shelf::default(), 0);
        let mut ask = |op: Op, b: TensorId, kept: Kept<'_>| {
            let node = Node::new(op, vec![Some(x), Some(b)], x);
            let operands = Operands { graph: &graph, node: &node, kept };
            operands.packed(&[1, 3], || pack(&mut packed)).unwrap();
            packed
        };
        let kept = Kept { shelf: Some(&shelf), late: &[] };
        assert_eq!(ask(Op::MatMulInteger, a, kept), 1);
        assert_eq!(ask(Op::MatMulInteger, a, kept), 1);
        assert_eq!(ask(Op::MatMulInteger, again, kept), 1);
        assert_eq!(ask(Op::MatMulInteger, other, kept), 2);
        assert_eq!(ask(Op::QLinearMatMul, a, kept), 3);
        // What a run brings is never kept, and without a shelf nothing is.
        assert_eq!(ask(Op::MatMulInteger, a, Kept { late: &[a], ..kept }), 4);
        assert_eq!(ask(Op::MatMulInteger, a, Kept::default()), 5);
        // Another form of the same constants is packed beside the first.
        let node = Node::new(Op::MatMulInteger, vec![Some(x), Some(a)], x);
        let operands = Operands { graph: &graph, node: &node, kept };
        assert_eq!(operands.packed(&[1, 3], || Ok(7i32)), Ok(7));
        assert_eq!(operands.packed(&[1, 3], || Ok(8i32)), Ok(7));
        assert_eq!(shelf.len(), 4);
    }
}
