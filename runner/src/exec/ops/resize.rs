//! `Resize` along straight lines and by cubic polynomials, in f32. Axis by axis, from the last to the first, each one
//! that changes: an element is the sum of its neighbours times their weights, from the first neighbour to the last,
//! starting at 0, with each product and each sum rounded; a neighbour of weight 0 adds nothing. The weights are those of
//! the `scaling` module, in f32 as well. Nothing is fused.

use super::super::parameters::Operands;
use super::parts::{floats, floats_len};
use super::{Context, Step};
use crate::error::Fault;
use crate::graph::op::{self, Interpolation};
use crate::graph::{TensorId, shape};
use crate::passes;
use crate::scaling::Scaled;

struct Resize {
    x: TensorId,
    y: TensorId,
    stages: Vec<Stage>,
}

/// From `[outer, from, inner]` to `[outer, to, inner]`.
struct Stage {
    from: usize,
    inner: usize,
    /// Neighbours of each element.
    taps: usize,
    /// Of each index of the axis, the neighbours and their weights.
    weights: Vec<(usize, f32)>,
    /// Elements of the result.
    elements: usize,
}

/// The most weights of a node.
const MOST: usize = 1 << 24;

pub(super) fn lower(operands: Operands<'_>, attributes: &op::Resize) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let axes = passes::resize(attributes, operands.shape(x)?, &|index, what| operands.parameter(index, what))?;
    let mut stages = Vec::new();
    let places = operands.axes(x)?;
    let mut sizes = places.sizes().to_vec();
    let empty = axes.iter().any(|axis| axis.to == 0);
    for (at, axis) in axes.iter().enumerate().rev().filter(|(_, axis)| !axis.is_same() && !empty) {
        let place = places.place(at);
        sizes[place] = axis.to;
        let (inner, elements) = (shape::elements(&sizes[place + 1..])?, shape::elements(&sizes)?);
        let (taps, weights) = weights(axis, attributes.interpolation)?;
        stages.push(Stage { from: axis.from, inner, taps, weights, elements });
    }
    Ok(Box::new(Resize { x, y, stages }))
}

/// The number of neighbours of each element, and all neighbours with their weights.
fn weights(axis: &Scaled, interpolation: Interpolation) -> Result<(usize, Vec<(usize, f32)>), Fault> {
    let taps = if interpolation == Interpolation::Linear { 2 } else { 4 };
    if axis.to > MOST / taps {
        let (got, most) = (axis.to, MOST / taps);
        return Err(Fault::too_large(format!("weights of {got} elements of an axis, expected at most {most}")));
    }
    let indices = 0..axis.to;
    Ok(match interpolation {
        Interpolation::Linear => (taps, indices.flat_map(|index| axis.linear(index)).collect()),
        Interpolation::Cubic { coefficient, exclude_outside } => {
            (taps, indices.flat_map(|index| axis.cubic(coefficient, exclude_outside, index)).collect())
        }
        Interpolation::Nearest(_) => return Err(Fault::unsupported("weights of the nearest element")),
    })
}

impl Stage {
    fn run(&self, x: &[f32], y: &mut [f32]) {
        let blocks = x.chunks_exact(self.from * self.inner);
        let to = self.weights.len() / self.taps;
        for (x, y) in blocks.zip(y.chunks_exact_mut(to * self.inner)) {
            for (y, taps) in y.chunks_exact_mut(self.inner).zip(self.weights.chunks_exact(self.taps)) {
                y.fill(0.0);
                for &(at, weight) in taps.iter().filter(|(_, weight)| *weight != 0.0) {
                    y.iter_mut().zip(&x[at * self.inner..]).for_each(|(y, x)| *y += weight * x);
                }
            }
        }
    }
}

impl Step for Resize {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, .. } = context;
        let mut scratch = floats(scratch);
        memory.writing::<f32, _>(self.y, |memory, y| {
            let mut x = memory.read::<f32>(self.x);
            let Some((last, stages)) = self.stages.split_last() else {
                y.copy_from_slice(&x[..y.len()]);
                return;
            };
            for stage in stages {
                let (to, rest) = scratch.split_at_mut(stage.elements);
                stage.run(x, to);
                (x, scratch) = (to, rest);
            }
            last.run(x, y);
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/resize".to_owned()
    }

    fn scratch_len(&self) -> usize {
        let between = self.stages.split_last().map_or(&[][..], |(_, stages)| stages);
        floats_len(between.iter().map(|stage| stage.elements).fold(0, usize::saturating_add))
    }
}
