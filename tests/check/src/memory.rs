//! Memory of a case: results lie between canaries, and operands are exactly as long as they must be.

use std::fmt::Debug;

use zeropoint::{View, ViewMut};

use crate::case::Layout;

/// Elements of canary before and after.
const MARGIN: usize = 5;

/// Shape and strides of images (image, row, column, channel) in a layout. Their memory is a multiple of no cache line.
fn strides([images, height, width, channels]: [usize; 4], layout: Layout) -> [usize; 4] {
    match layout {
        Layout::Dense => [height * width * channels, width * channels, channels, 1],
        Layout::Strided => {
            let pixel = channels + 3;
            let row = width * pixel + 7;
            [height * row + 11, row, pixel, 1]
        }
        Layout::Planar => {
            let _ = images;
            [channels * height * width, width, 1, height * width]
        }
    }
}

/// An operand in memory.
pub(crate) struct Operand<T> {
    data: Vec<T>,
    shape: [usize; 4],
    strides: [usize; 4],
}

fn reach(shape: [usize; 4], strides: [usize; 4]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().zip(strides).map(|(&size, stride)| (size - 1) * stride).sum::<usize>() + 1
}

impl<T: Copy> Operand<T> {
    /// The values (image, row, column, channel) in a layout, others in between.
    pub(crate) fn new(values: &[T], other: T, shape: [usize; 4], layout: Layout) -> Self {
        let strides = strides(shape, layout);
        let mut data = vec![other; reach(shape, strides) + 1];
        for (value, at) in values.iter().zip(offsets(shape, strides)) {
            // One element further than an allocation begins, so that no vector is aligned.
            data[at + 1] = *value;
        }
        Self { data, shape, strides }
    }

    /// The view: its slice ends with the last element.
    pub(crate) fn view(&self) -> View<'_, T, 4> {
        View::with_strides(&self.data[1..], self.shape, self.strides)
            .expect("the operand's memory is as long as its shape")
    }
}

/// Where the elements lie, in the order image, row, column, channel.
fn offsets([images, height, width, channels]: [usize; 4], strides: [usize; 4]) -> impl Iterator<Item = usize> {
    (0..images).flat_map(move |i| {
        (0..height).flat_map(move |y| {
            (0..width).flat_map(move |x| {
                (0..channels).map(move |c| i * strides[0] + y * strides[1] + x * strides[2] + c * strides[3])
            })
        })
    })
}

/// A result in memory, between canaries.
pub(crate) struct Output<T> {
    data: Vec<T>,
    canary: T,
    shape: [usize; 4],
    strides: [usize; 4],
}

impl<T: bytemuck::Pod + PartialEq + Debug> Output<T> {
    /// Filled with one byte.
    pub(crate) fn new(fill: u8, shape: [usize; 4], layout: Layout) -> Self {
        let strides = strides(shape, layout);
        let canary = bytemuck::pod_read_unaligned(&vec![fill; size_of::<T>()]);
        Self { data: vec![canary; reach(shape, strides) + 2 * MARGIN], canary, shape, strides }
    }

    /// The view.
    pub(crate) fn view(&mut self) -> ViewMut<'_, T, 4> {
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
