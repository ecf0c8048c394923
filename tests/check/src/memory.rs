//! Memory of a case: results lie between canaries, and operands are exactly as long as they must be.

use std::fmt::Debug;

use zeropoint::{View, ViewMut};

use crate::case::Layout;

/// Elements of canary before and after.
const MARGIN: usize = 5;

/// Strides of images (image, row, column, channel) or volumes (volume, plane, row, column, channel) in a layout. Their
/// memory is a multiple of no cache line.
fn strides<const R: usize>(shape: [usize; R], layout: Layout) -> [usize; R] {
    // From the axis whose neighbours are nearest to the one whose are farthest, each with a gap behind it.
    let (nearest, gaps) = match layout {
        Layout::Dense => (R - 1, [0; 4]),
        Layout::Strided => (R - 1, [3, 7, 11, 13]),
        // Channels lie outside of pixels, within images.
        Layout::Planar => (R - 2, [0; 4]),
    };
    let mut order = (0..=nearest).rev().collect::<Vec<_>>();
    if nearest != R - 1 {
        order.insert(R - 2, R - 1);
    }
    let mut strides = [1; R];
    let mut held = 1;
    for (index, axis) in order.into_iter().enumerate() {
        strides[axis] = held;
        held = held * shape[axis] + gaps[index.min(3)];
    }
    strides
}

/// An operand in memory.
pub(crate) struct Operand<T, const R: usize = 4> {
    data: Vec<T>,
    shape: [usize; R],
    strides: [usize; R],
}

fn reach<const R: usize>(shape: [usize; R], strides: [usize; R]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().zip(strides).map(|(&size, stride)| (size - 1) * stride).sum::<usize>() + 1
}

impl<T: Copy, const R: usize> Operand<T, R> {
    /// The values, channels fastest, in a layout, others in between.
    pub(crate) fn new(values: &[T], other: T, shape: [usize; R], layout: Layout) -> Self {
        let strides = strides(shape, layout);
        let mut data = vec![other; reach(shape, strides) + 1];
        for (value, at) in values.iter().zip(offsets(shape, strides)) {
            // One element further than an allocation begins, so that no vector is aligned.
            data[at + 1] = *value;
        }
        Self { data, shape, strides }
    }

    /// The view: its slice ends with the last element.
    pub(crate) fn view(&self) -> View<'_, T, R> {
        View::with_strides(&self.data[1..], self.shape, self.strides)
            .expect("the operand's memory is as long as its shape")
    }
}

/// Where the elements lie, in the order of the axes.
fn offsets<const R: usize>(shape: [usize; R], strides: [usize; R]) -> impl Iterator<Item = usize> {
    (0..shape.iter().product()).map(move |mut index: usize| {
        let axes = shape.iter().zip(strides).rev();
        axes.fold(0, |at, (size, stride)| {
            let place = index % size;
            index /= size;
            at + place * stride
        })
    })
}

/// A result in memory, between canaries.
pub(crate) struct Output<T, const R: usize = 4> {
    data: Vec<T>,
    canary: T,
    shape: [usize; R],
    strides: [usize; R],
}

impl<T: bytemuck::Pod + PartialEq + Debug, const R: usize> Output<T, R> {
    /// Filled with one byte.
    pub(crate) fn new(fill: u8, shape: [usize; R], layout: Layout) -> Self {
        let strides = strides(shape, layout);
        let canary = bytemuck::pod_read_unaligned(&vec![fill; size_of::<T>()]);
        Self { data: vec![canary; reach(shape, strides) + 2 * MARGIN], canary, shape, strides }
    }

    /// The view.
    pub(crate) fn view(&mut self) -> ViewMut<'_, T, R> {
        let end = self.data.len() - MARGIN;
        ViewMut::with_strides(&mut self.data[MARGIN..end], self.shape, self.strides)
            .expect("the result's memory is as long as its shape")
    }

    /// Compares the elements with the expected ones, bit for bit, and everything else with the canary.
    pub(crate) fn compare(&self, expected: &[T]) -> Result<(), String> {
        let mut belongs = vec![false; self.data.len()];
        let mut count = 0;
        for (index, at) in offsets(self.shape, self.strides).enumerate() {
            belongs[MARGIN + at] = true;
            count += 1;
            let (got, want) = (self.data[MARGIN + at], expected[index]);
            if bytemuck::bytes_of(&got) != bytemuck::bytes_of(&want) {
                return Err(format!("element {index} of shape {:?}: expected {want:?}, got {got:?}", self.shape));
            }
        }
        if count != expected.len() {
            return Err(format!("{} results expected, shape {:?}", expected.len(), self.shape));
        }
        let canary = bytemuck::bytes_of(&self.canary);
        match belongs.iter().zip(&self.data).position(|(belongs, got)| !belongs && bytemuck::bytes_of(got) != canary) {
            Some(at) => Err(format!("wrote outside the result, at {} from its begin", at as isize - MARGIN as isize)),
            None => Ok(()),
        }
    }
}
