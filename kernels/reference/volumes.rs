//! Convolutions of volumes, transposed ones too. Images are volumes of one plane, and rows of pixels are such images.

use alloc::vec::Vec;

use super::Value;
use crate::view::VolumesRef;

/// The geometry of a convolution of volumes.
#[derive(Clone, Copy, Debug)]
pub struct Convolution3d {
    /// Distance between outputs, or of a transposed convolution between what inputs add to: from plane to plane, down and
    /// across.
    pub strides: [usize; 3],
    /// Distance between taps.
    pub dilation: [usize; 3],
    /// Padding: front, top, left, back, bottom, right.
    pub pads: [usize; 6],
    /// Groups.
    pub groups: usize,
}

impl Convolution3d {
    /// Planes, rows and columns of the output for an input and a kernel of these sizes.
    pub fn output(&self, input: [usize; 3], kernel: [usize; 3]) -> [usize; 3] {
        core::array::from_fn(|axis| {
            let padded = input[axis] + self.pads[axis] + self.pads[axis + 3];
            let window = (kernel[axis] - 1) * self.dilation[axis] + 1;
            if window > padded { 0 } else { (padded - window) / self.strides[axis] + 1 }
        })
    }
}

/// Every index below a shape, the last axis fastest.
fn places<const R: usize>(shape: [usize; R]) -> impl Iterator<Item = [usize; R]> {
    (0..shape.iter().product()).map(move |mut index: usize| {
        let mut place = [0; R];
        for axis in (0..R).rev() {
            place[axis] = index % shape[axis];
            index /= shape[axis];
        }
        place
    })
}

/// `bias + sum over taps and channels of (x - x_zero(input channel)) * (w - w_zero(output channel))`, modulo 2^32, where
/// a padded position holds its channel's zero point. Axes of `x`: volume, plane, row, column, channel; of `w`: output
/// channel, plane, row, column, channel of the group. The result is in the order volume, plane, row, column, output
/// channel.
pub fn convolution3d<X: Value, W: Value>(
    x: VolumesRef<'_, X>,
    x_zero: impl Fn(usize) -> i32,
    w: VolumesRef<'_, W>,
    w_zero: impl Fn(usize) -> i32,
    bias: impl Fn(usize) -> i32,
    geometry: &Convolution3d,
) -> Vec<i32> {
    let [volumes, input @ .., _] = x.shape();
    let [outputs, kernel @ .., channels] = w.shape();
    let [planes, rows, columns] = geometry.output(input, kernel);
    let mut out = Vec::new();
    for [volume, plane, row, column, output] in places([volumes, planes, rows, columns, outputs]) {
        let group = output / (outputs / geometry.groups);
        let mut acc = bias(output);
        for tap in places(kernel) {
            // Counted from the corner of the padding.
            let at: [usize; 3] = core::array::from_fn(|axis| {
                [plane, row, column][axis] * geometry.strides[axis] + tap[axis] * geometry.dilation[axis]
            });
            let inside =
                (0..3).all(|axis| at[axis] >= geometry.pads[axis] && at[axis] - geometry.pads[axis] < input[axis]);
            if !inside {
                continue;
            }
            let [z, y, x_] = core::array::from_fn(|axis| at[axis] - geometry.pads[axis]);
            for channel in 0..channels {
                let of_all = group * channels + channel;
                let value = x.at([volume, z, y, x_, of_all]).value() - x_zero(of_all);
                let weight = w.at([output, tap[0], tap[1], tap[2], channel]).value() - w_zero(output);
                acc = acc.wrapping_add(value * weight);
            }
        }
        out.push(acc);
    }
    out
}

/// The transposed convolution: every input adds `(x - x_zero(input channel)) * (w - w_zero(output channel))` to the output
/// at `input * stride + tap * dilation - padding` of each axis, if there is one; modulo 2^32. Axes of `x` as in
/// [`convolution3d`]; of `w`: input channel, plane, row, column, output channel of the group. The result is in the order
/// volume, plane, row, column, output channel, and begins with the bias.
pub fn transposed3d<X: Value, W: Value>(
    x: VolumesRef<'_, X>,
    x_zero: impl Fn(usize) -> i32,
    w: VolumesRef<'_, W>,
    w_zero: impl Fn(usize) -> i32,
    bias: impl Fn(usize) -> i32,
    output: [usize; 3],
    geometry: &Convolution3d,
) -> Vec<i32> {
    let [volumes, planes, rows, columns, channels] = x.shape();
    let [_, kernel @ .., per_group] = w.shape();
    let outputs = per_group * geometry.groups;
    let [out_planes, out_rows, out_columns] = output;
    let shape = [volumes, out_planes, out_rows, out_columns, outputs];
    let mut out: Vec<i32> = places(shape).map(|[.., output]| bias(output)).collect();
    for [volume, plane, row, column, channel] in places([volumes, planes, rows, columns, channels]) {
        let value = x.at([volume, plane, row, column, channel]).value() - x_zero(channel);
        let group = channel / (channels / geometry.groups);
        for tap in places(kernel) {
            // Counted from the corner of the padding.
            let at: [usize; 3] = core::array::from_fn(|axis| {
                [plane, row, column][axis] * geometry.strides[axis] + tap[axis] * geometry.dilation[axis]
            });
            let inside =
                (0..3).all(|axis| at[axis] >= geometry.pads[axis] && at[axis] - geometry.pads[axis] < output[axis]);
            if !inside {
                continue;
            }
            for within in 0..per_group {
                let output = group * per_group + within;
                let weight = w.at([channel, tap[0], tap[1], tap[2], within]).value() - w_zero(output);
                let place = [volume, 0, 0, 0, output];
                let place = core::array::from_fn::<usize, 5, _>(|axis| match axis {
                    1..=3 => at[axis - 1] - geometry.pads[axis - 1],
                    _ => place[axis],
                });
                let index = place.iter().zip(shape).fold(0, |index, (&place, size)| index * size + place);
                out[index] = out[index].wrapping_add(value * weight);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a, T>(data: &'a [T], shape: [usize; 3]) -> VolumesRef<'a, T> {
        let [first, width, last] = shape;
        VolumesRef::new(data, [first, 1, 1, width, last]).unwrap()
    }

    #[test]
    fn a_padded_plane_adds_nothing() {
        let geometry = Convolution3d { strides: [1; 3], dilation: [1; 3], pads: [1, 0, 0, 1, 0, 0], groups: 1 };
        let (x, w) = ([9u8; 24], [1i8; 3]);
        let x = VolumesRef::new(&x, [1, 2, 3, 4, 1]).unwrap();
        let w = VolumesRef::new(&w, [1, 3, 1, 1, 1]).unwrap();
        assert_eq!(convolution3d(x, |_| 9, w, |_| 0, |_| 0, &geometry), [0; 24]);
        assert_eq!(convolution3d(x, |_| 0, w, |_| 0, |_| 1, &geometry), [19; 24]);
    }

    #[test]
    fn a_transposed_convolution_adds_up_where_taps_meet() {
        let geometry = Convolution3d { strides: [1, 1, 2], dilation: [1; 3], pads: [0; 6], groups: 1 };
        let (x, w) = ([1u8, 2], [1i8, 10, 100]);
        let (x, w) = (row(&x, [1, 2, 1]), row(&w, [1, 3, 1]));
        let y = transposed3d(x, |_| 0, w, |_| 0, |_| 5, [1, 1, 5], &geometry);
        assert_eq!(y, [6, 15, 107, 25, 205]);
    }
}
