//! The oracle of pools over windows: the values under a window, and what becomes of them.

use alloc::vec::Vec;

use super::rules::{multiply_double, quantize_multiplier};
use super::{Affine, Convolution, Value, requantize};
use crate::view::ImagesRef;

/// The values of a channel under the window of an output, row by row: those that lie inside the image. `at` is image,
/// output row, output column and channel, `kernel` the window's rows and columns.
pub fn under<X: Value>(
    x: ImagesRef<'_, X>,
    [image, out_y, out_x, channel]: [usize; 4],
    kernel: [usize; 2],
    geometry: &Convolution,
) -> Vec<i32> {
    let [_, height, width, _] = x.shape();
    let [top, left, ..] = geometry.pads;
    let mut values = Vec::new();
    for tap_y in 0..kernel[0] {
        for tap_x in 0..kernel[1] {
            // Counted from the corner of the padding.
            let y = out_y * geometry.strides[0] + tap_y * geometry.dilation[0];
            let x_ = out_x * geometry.strides[1] + tap_x * geometry.dilation[1];
            if y >= top && y - top < height && x_ >= left && x_ - left < width {
                values.push(x.at([image, y - top, x_ - left, channel]).value());
            }
        }
    }
    values
}

/// The greatest value; the least of the type where there is none.
pub fn max_pool(values: &[i32], (low, _): (i32, i32)) -> i32 {
    values.iter().fold(low, |most, &value| most.max(value))
}

/// The mean of values as onnxruntime's QLinearAveragePool computes it: the sum of `f32(f32(x - zx) * sx)` in order, in
/// f32, divided by `count`, then `clip(rne(f32(f32(v / sy) + zy)))`. Of no values it is 0.
pub fn average_pool(values: &[i32], count: usize, from: Affine, to: Affine, (low, high): (i32, i32)) -> i32 {
    let sum = values.iter().fold(0f32, |sum, &value| sum + (value - from.zero_point) as f32 * from.scale);
    let mean = if values.is_empty() { 0.0 } else { sum / count as f32 };
    let quotient = mean / to.scale;
    let moved = quotient + to.zero_point as f32;
    libm::rintf(moved.max(low as f32).min(high as f32)) as i32
}

/// A quotient, ties away from zero: half of the divisor, rounded down, is added to the magnitude, and the rest truncated.
fn divide_away(x: i32, by: usize) -> i32 {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    let x = i64::from(x);
    (if x > 0 { (x + by / 2) / by } else { (x - by / 2) / by }) as i32
}

/// The mean of values as TFLite's average pool computes it: of the values as they are, whose zero point is the result's
/// too. Of no values it is the zero point.
pub fn average_pool_tflite(values: &[i32], count: usize, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let mean = if values.is_empty() { zero_point } else { divide_away(values.iter().sum(), count) };
    mean.clamp(low, high)
}

/// The mean of values as TFLite's mean over height and width computes it: the sum of `x - zx` by `f64(sx / sy)` as a
/// fixed-point multiplier, divided by their number.
pub fn mean_tflite(values: &[i32], from: Affine, to: Affine, (low, high): (i32, i32)) -> i32 {
    let sum = values.iter().map(|value| value - from.zero_point).sum();
    let multiplier = quantize_multiplier(f64::from(from.scale) / f64::from(to.scale));
    let mean = divide_away(multiply_double(sum, multiplier), values.len());
    mean.saturating_add(to.zero_point).clamp(low, high)
}

/// The mean of values as XNNPACK computes it: `m = f32(f32(sx / sy) / f32(count))`, then [`requantize`] of the sum
/// of `x - zx`. Of no values it is 0.
pub fn mean_xnnpack(values: &[i32], count: usize, from: Affine, to: Affine, range: (i32, i32)) -> i32 {
    let sum = values.iter().map(|value| value - from.zero_point).sum();
    let ratio = from.scale / to.scale;
    requantize(sum, ratio / count.max(1) as f32, to.zero_point, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: (i32, i32) = (0, 255);

    #[test]
    fn a_mean_is_rounded_after_the_zero_point() {
        let affine = |zero_point| Affine { scale: 1.0, zero_point };
        assert_eq!(average_pool(&[1, 2], 2, affine(0), affine(0), BYTES), 2);
        assert_eq!(average_pool(&[1, 2], 2, affine(0), affine(1), BYTES), 2);
        assert_eq!(average_pool(&[1, 2], 4, affine(0), affine(1), BYTES), 2);
        assert_eq!(average_pool(&[], 1, affine(3), affine(7), BYTES), 7);
    }

    #[test]
    fn integer_means_go_away_from_zero() {
        assert_eq!(average_pool_tflite(&[1, 2], 2, 0, BYTES), 2);
        assert_eq!(average_pool_tflite(&[-1, -2], 2, 0, (-128, 127)), -2);
        assert_eq!(average_pool_tflite(&[-1, -1, -2], 3, 0, (-128, 127)), -1);
        let affine = |scale, zero_point| Affine { scale, zero_point };
        assert_eq!(mean_tflite(&[3, 4], affine(0.5, 1), affine(1.0, 0), BYTES), 2);
        assert_eq!(mean_xnnpack(&[3, 4], 2, affine(0.5, 1), affine(1.0, 0), BYTES), 1);
    }

    #[test]
    fn padding_is_not_under_a_window() {
        let x = ImagesRef::new(&[1u8, 2, 3, 4], [1, 2, 2, 1]).unwrap();
        let geometry = Convolution { strides: [1, 1], dilation: [1, 1], pads: [1, 1, 0, 0], groups: 1 };
        assert_eq!(under(x, [0, 0, 1, 0], [2, 2], &geometry), [1, 2]);
        assert_eq!(under(x, [0, 1, 1, 0], [2, 2], &geometry), [1, 2, 3, 4]);
        assert_eq!(max_pool(&[-3, -1], (-128, 127)), -1);
    }
}
