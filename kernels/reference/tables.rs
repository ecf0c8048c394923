//! The oracle of functions of one quantised value, and of softmax.

use super::{Affine, dequantize, quantize};
use alloc::vec::Vec;

/// A function of a quantised value: dequantised, put through `f` and quantised.
pub fn function(x: i32, from: Affine, to: Affine, range: (i32, i32), f: impl Fn(f32) -> f32) -> i32 {
    quantize(f(dequantize(x, from.scale, from.zero_point)), to.scale, to.zero_point, range)
}

/// A quantised value by another scale and zero point; by the same ones it stays as it is.
pub fn rescale(x: i32, from: Affine, to: Affine, range: (i32, i32)) -> i32 {
    if (from.scale, from.zero_point) == (to.scale, to.zero_point) {
        return x.clamp(range.0, range.1);
    }
    function(x, from, to, range, |value| value)
}

/// `x`, or `f32(alpha * x)` below 0.
pub fn leaky_relu(x: f32, alpha: f32) -> f32 {
    if x >= 0.0 { x } else { alpha * x }
}

/// `f32(1 / f32(1 + expf(-x)))`.
pub fn sigmoid(x: f32) -> f32 {
    let exponential = libm::expf(-x);
    1.0 / (1.0 + exponential)
}

/// The softmax of a row as onnxruntime's QLinearSoftmax computes it, with `n` values:
///
/// ```text
/// u  = max(0, f64(f32(ln(f32(MAX / f32(n))))) - 5) / f64(sx)
/// e  = f32(exp(f64(x - max + u) * f64(sx)))
/// y  = clip(rne(f64(f64(e * floor(1 / f64(sy))) / sum)) + zy)
/// ```
///
/// where `sum` is that of the `e` in order, in f32.
pub fn softmax(x: &[i32], scale: f32, to: Affine, (low, high): (i32, i32)) -> Vec<i32> {
    let Some(&most) = x.iter().max() else { return Vec::new() };
    let share = f32::MAX / x.len() as f32;
    let room = f64::from(libm::log(share.into()) as f32) - 5.0;
    let up = room.max(0.0) / f64::from(scale);
    let mut exponentials = Vec::new();
    let mut sum = 0f32;
    for x in x {
        let exponential = libm::exp((f64::from(x - most) + up) * f64::from(scale)) as f32;
        exponentials.push(exponential);
        sum += exponential;
    }
    let steps = libm::floor(1.0 / f64::from(to.scale));
    let value = |exponential: f32| {
        let quotient = f64::from(exponential) * steps / f64::from(sum);
        (libm::rint(quotient).min(1e6) as i32 + to.zero_point).clamp(low, high)
    };
    exponentials.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: (i32, i32) = (0, 255);

    #[test]
    fn equal_parameters_change_nothing() {
        let huge = Affine { scale: 3e38, zero_point: 7 };
        assert_eq!(rescale(200, huge, huge, BYTES), 200);
        assert_eq!(rescale(200, huge, Affine { scale: 3e38, zero_point: 8 }, BYTES), 255);
    }

    #[test]
    fn functions_are_in_real_units() {
        let from = Affine { scale: 0.5, zero_point: 10 };
        assert_eq!(function(6, from, from, BYTES, |x| leaky_relu(x, 0.25)), 9);
        let to = Affine { scale: 1.0 / 256.0, zero_point: 0 };
        assert_eq!(function(10, from, to, BYTES, sigmoid), 128);
        assert_eq!(function(255, from, to, BYTES, sigmoid), 255);
    }

    #[test]
    fn a_softmax_sums_to_one() {
        let to = Affine { scale: 1.0 / 256.0, zero_point: 0 };
        assert_eq!(softmax(&[3, 3], 0.1, to, BYTES), [128, 128]);
        assert_eq!(softmax(&[-128], 0.1, to, BYTES), [255]);
        assert_eq!(softmax(&[0, 255], 1.0, to, BYTES), [0, 255]);
    }
}
