//! `Resize` along straight lines of u8 and s8, as onnxruntime computes it for the shape that the file has: all axes at
//! once, without a rounding between them.
//!
//! An element is the sum of `w x` over the corners of the cell that it lies in, from the first on, those along the last
//! axis first; `w` is the product of the corner's weights, the last axis' first. Each product and each sum is rounded to
//! f32, nothing is fused, and of the last sum what is behind the point is dropped. The weights are those of the
//! `scaling` module; where both ends along an axis are one element, each is a half. The axes are all of two and three, the
//! last two of four, the last three of five, also where one of them stays as it is; of other tensors, which onnxruntime
//! refuses, those that change.
//!
//! Of four axes with a scale other than 1 along the second and 1 along the last one, which have the channels last,
//! coordinates are whole numbers of 1/1024, rounded towards 0, and all else is one of integers:
//! `y = sum / 2^20`, towards 0. onnxruntime's optimiser brings images with the channels first into that form as well where
//! convolutions of integers stand around; its results then differ by one from those here, and from its own without the
//! optimiser.

use std::marker::PhantomData;

use super::super::parameters::Operands;
use super::{Context, Step, quantized};
use crate::convert::Number;
use crate::error::Fault;
use crate::functions::Arithmetic;
use crate::graph::{TensorId, op, shape};
use crate::passes;
use crate::rearrange::Odometer;
use crate::scaling::Scaled;

struct Resize<T, W> {
    x: TensorId,
    y: TensorId,
    /// Sizes of the result as they lie in memory, but for those behind the last one that changes.
    shape: Vec<usize>,
    /// Elements behind these.
    inner: usize,
    /// Distances in the operand, along axes that do not make cells.
    strides: Vec<usize>,
    /// The axes that make cells, the last one first.
    axes: Vec<Axis<W>>,
    finish: fn(W) -> W,
    type_: PhantomData<fn(T)>,
}

struct Axis<W> {
    /// Where the axis stands in memory.
    place: usize,
    /// Of each index, where both ends lie, and their weights.
    ends: Vec<[(usize, W); 2]>,
}

/// Elements that are computed at a time.
const TOGETHER: usize = 32;

/// The most weights of a node.
const MOST: usize = 1 << 24;

pub(super) fn lower(operands: Operands<'_>, attributes: &op::Resize) -> Result<Box<dyn Step>, Fault> {
    let x = operands.id(0)?;
    let axes = passes::resize(attributes, operands.shape(x)?, &|index, what| operands.parameter(index, what))?;
    let (cells, whole) = cells(&axes);
    if whole {
        step(operands, &axes, &cells, |axis, index| axis.halved_1024(index), |sum: i32| sum / (1 << 20))
    } else {
        step(operands, &axes, &cells, |axis, index| axis.halved(index), f32::trunc)
    }
}

/// The axes that make cells, and whether weights are whole numbers.
fn cells(axes: &[Scaled]) -> (Vec<usize>, bool) {
    let one = |axis: usize| axes[axis].scale == 1.0;
    if axes.iter().all(|axis| axis.from == axis.to) || axes.iter().any(|axis| axis.to == 0) {
        return (Vec::new(), false);
    }
    let last = match axes.len() {
        2 | 3 => 0..axes.len(),
        4 | 5 if one(0) && one(1) => 2..axes.len(),
        4 if one(0) && one(3) => return (vec![1, 2], true),
        _ => return ((0..axes.len()).filter(|&axis| !axes[axis].is_same()).collect(), false),
    };
    (last.collect(), false)
}

fn step<W: Arithmetic + From<u8> + From<i8> + Number>(
    operands: Operands<'_>,
    axes: &[Scaled],
    cells: &[usize],
    weights: impl Fn(&Scaled, usize) -> [(usize, W); 2],
    finish: fn(W) -> W,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.axes(x)?, operands.axes(y)?);
    let mut strides = shape::strides(from.sizes());
    let mut found = Vec::new();
    for &axis in cells.iter().rev() {
        let (place, scaled) = (from.place(axis), &axes[axis]);
        if scaled.to > MOST / 2 {
            let (got, most) = (scaled.to, MOST / 2);
            return Err(Fault::too_large(format!("weights of {got} elements of an axis, expected at most {most}")));
        }
        let stride = strides[place];
        let ends = |index: usize| weights(scaled, index).map(|(at, weight)| (at * stride, weight));
        found.push(Axis { place, ends: (0..scaled.to).map(ends).collect() });
    }
    found.iter().for_each(|axis| strides[axis.place] = 0);
    let outer = found.iter().map(|axis| axis.place + 1).max().unwrap_or(0);
    let (shape, inner) = (to.sizes()[..outer].to_vec(), shape::elements(&to.sizes()[outer..])?);
    Ok(quantized!(operands.type_(x)?, T => {
        Box::new(Resize::<T, W> { x, y, shape, inner, strides, axes: found, finish, type_: PhantomData })
    }))
}

impl<T: Number, W: Arithmetic + From<T> + Number> Resize<T, W> {
    /// Up to [`TOGETHER`] elements that lie side by side, of the cell at these indices.
    fn cell(&self, x: &[T], index: &[usize], y: &mut [T]) {
        let mut sums = [W::ZERO; TOGETHER];
        for corner in 0..1 << self.axes.len() {
            let (mut weight, mut place) = (W::ONE, 0);
            for (bit, axis) in self.axes.iter().enumerate() {
                let (at, factor) = axis.ends[index[axis.place]][corner >> bit & 1];
                weight = Arithmetic::mul(weight, factor);
                place += at;
            }
            let elements = sums.iter_mut().zip(&x[place..][..y.len()]);
            elements.for_each(|(sum, &x)| *sum = Arithmetic::add(*sum, Arithmetic::mul(weight, W::from(x))));
        }
        y.iter_mut().zip(sums).for_each(|(y, sum)| *y = T::from_real((self.finish)(sum).real()));
    }
}

impl<T: Number, W: Arithmetic + From<T> + Number> Step for Resize<T, W> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        context.memory.writing::<T, _>(self.y, |memory, y| {
            if y.is_empty() {
                return;
            }
            let (x, mut position) = (memory.read::<T>(self.x), Odometer::new(&self.shape));
            for y in y.chunks_exact_mut(self.inner) {
                let x = &x[position.offset(&self.strides)..];
                for (part, y) in y.chunks_mut(TOGETHER).enumerate() {
                    self.cell(&x[part * TOGETHER..], position.index(), y);
                }
                position.advance();
            }
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/resize".to_owned()
    }
}
