//! A node's operands, as the planner wants them: constants of the right type and length, or an error that names them.

use zeropoint::Requantization;

use super::shelf::Kept;
use crate::error::Fault;
use crate::graph::{Constant, Element, Graph, Node, Tensor, TensorId, Type};
use crate::passes::layout::Axes;

/// A node in its graph.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) graph: &'a Graph,
    pub(super) node: &'a Node,
    pub(super) kept: Kept<'a>,
}

impl<'a> Operands<'a> {
    pub(super) fn optional(&self, index: usize) -> Option<TensorId> {
        self.node.inputs.get(index).copied().flatten()
    }

    pub(super) fn id(&self, index: usize) -> Result<TensorId, Fault> {
        self.optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)))
    }

    pub(super) fn output(&self) -> Result<TensorId, Fault> {
        self.node.outputs.first().copied().ok_or_else(|| Fault::invalid("makes no tensor"))
    }

    pub(super) fn tensor(&self, id: TensorId) -> &'a Tensor {
        self.graph.tensor(id)
    }

    pub(super) fn shape(&self, id: TensorId) -> Result<&'a [usize], Fault> {
        let shape = self.tensor(id).shape.as_deref();
        shape.ok_or_else(|| Fault::unsupported(format!("\"{}\" has no known shape", self.tensor(id).name)))
    }

    /// The axes of a tensor as they lie in memory.
    pub(super) fn axes(&self, id: TensorId) -> Result<Axes, Fault> {
        Ok(Axes::of(self.shape(id)?, self.tensor(id).layout))
    }

    pub(super) fn type_(&self, id: TensorId) -> Result<Type, Fault> {
        let type_ = self.tensor(id).type_;
        type_.ok_or_else(|| Fault::unsupported(format!("\"{}\" has no known type", self.tensor(id).name)))
    }

    pub(super) fn constant(&self, index: usize, what: &str) -> Result<&'a Constant, Fault> {
        let tensor = self.tensor(self.id(index)?);
        tensor.constant.as_deref().ok_or_else(|| {
            Fault::unsupported(format!("{what} (\"{}\") is only known at run time, expected a constant", tensor.name))
        })
    }

    /// A constant that may be left out.
    pub(super) fn parameter(&self, index: usize, what: &str) -> Result<Option<&'a Constant>, Fault> {
        self.optional(index).map(|_| self.constant(index, what)).transpose()
    }

    pub(super) fn values<T: Element>(&self, index: usize, what: &str) -> Result<&'a [T], Fault> {
        let constant = self.constant(index, what)?;
        T::of(constant.data())
            .ok_or_else(|| Fault::invalid(format!("{what} is {}, expected {}", constant.type_(), T::TYPE)))
    }

    /// Weights with so many columns. A tensor without elements may have any sizes beside its zero, and so claim columns
    /// by the billion that no byte of the file stands for.
    pub(super) fn weights<T: Element>(&self, index: usize, what: &str, columns: usize) -> Result<&'a [T], Fault> {
        const MOST_EMPTY: usize = 1 << 16;
        let values = self.values::<T>(index, what)?;
        if values.is_empty() && columns > MOST_EMPTY {
            return Err(Fault::too_large(format!(
                "{what} has no elements and {columns} columns, expected at most {MOST_EMPTY}"
            )));
        }
        Ok(values)
    }

    /// Floats above 0, widened to f32, and their shape.
    pub(super) fn shaped_scales(&self, index: usize, what: &str) -> Result<(Vec<f32>, &'a [usize]), Fault> {
        let constant = self.constant(index, what)?;
        let scales = constant
            .floats()
            .ok_or_else(|| Fault::invalid(format!("{what} is {}, expected a float", constant.type_())))?;
        for &scale in &scales {
            if !(scale > 0.0 && scale.is_finite()) {
                return Err(Fault::invalid(format!("{what} is {scale}, expected a finite number above 0")));
            }
        }
        Ok((scales, constant.shape()))
    }

    /// Scales: one, or as many as `each` if that is given.
    pub(super) fn scales(&self, index: usize, what: &str, each: Option<usize>) -> Result<Vec<f32>, Fault> {
        let (scales, _) = self.shaped_scales(index, what)?;
        expect_length(what, scales.len(), each)?;
        Ok(scales)
    }

    pub(super) fn scale(&self, index: usize, what: &str) -> Result<f32, Fault> {
        Ok(self.scales(index, what, None)?[0])
    }

    /// Zero points of the tensor's own type, and their shape; a 0 where they are left out.
    pub(super) fn shaped_zero_points(
        &self,
        index: usize,
        what: &str,
        type_: Type,
    ) -> Result<(Vec<i32>, &'a [usize]), Fault> {
        if self.optional(index).is_none() {
            return Ok((vec![0], &[]));
        }
        let constant = self.constant(index, what)?;
        if constant.type_() != type_ {
            return Err(Fault::invalid(format!("{what} is {}, expected {type_}", constant.type_())));
        }
        let values = constant.integers().unwrap_or_default();
        Ok((values.into_iter().filter_map(|value| i32::try_from(value).ok()).collect(), constant.shape()))
    }

    /// Zero points: one, or as many as `each` if that is given.
    pub(super) fn zero_points(
        &self,
        index: usize,
        what: &str,
        type_: Type,
        each: Option<usize>,
    ) -> Result<Vec<i32>, Fault> {
        let (values, _) = self.shaped_zero_points(index, what, type_)?;
        expect_length(what, values.len(), each)?;
        Ok(values)
    }

    /// With the bounds of the node's results.
    pub(super) fn bounded(&self, to: Requantization) -> Result<Requantization, Fault> {
        match self.node.clamp {
            Some((low, high)) => to.with_clamp(low, high).map_err(|error| Fault::invalid(error.to_string())),
            None => Ok(to),
        }
    }

    pub(super) fn zero_point(&self, index: usize, what: &str, type_: Type) -> Result<i32, Fault> {
        Ok(self.zero_points(index, what, type_, None)?[0])
    }
}

fn expect_length(what: &str, length: usize, each: Option<usize>) -> Result<(), Fault> {
    match each {
        _ if length == 1 => Ok(()),
        None => Err(Fault::unsupported(format!("{what} has {length} values, expected 1"))),
        Some(each) if length == each => Ok(()),
        Some(each) => Err(Fault::invalid(format!("{what} has {length} values, expected 1 or {each}"))),
    }
}
