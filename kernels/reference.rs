//! The oracle: the formulas as loops over values.
//!
//! No packing, no sums made beforehand, no tiles, no zero-point algebra: it shares nothing with the kernels that it
//! judges. `docs/numerics.md` states the same formulas in words.

use alloc::vec::Vec;

use crate::view::{ImagesRef, MatRef};

/// A quantised value of either sign.
pub trait Value: Copy {
    /// Least and greatest value.
    const RANGE: (i32, i32);
    /// The value.
    fn value(self) -> i32;
    /// The type's form of a value within its range.
    fn from_value(value: i32) -> Self;
}

impl Value for u8 {
    const RANGE: (i32, i32) = (0, 255);
    fn value(self) -> i32 {
        self.into()
    }
    fn from_value(value: i32) -> Self {
        value as u8
    }
}

impl Value for i8 {
    const RANGE: (i32, i32) = (-128, 127);
    fn value(self) -> i32 {
        self.into()
    }
    fn from_value(value: i32) -> Self {
        value as i8
    }
}

/// `f32(f32(a * b) / c)`: the multiplier of a requantisation, from three scales.
pub fn multiplier(a: f32, b: f32, c: f32) -> f32 {
    let product = a * b;
    product / c
}

/// `rne(min(max(f32(f32(acc) * multiplier), low - zero_point), high - zero_point)) + zero_point`, where `clamp` is
/// `(low, high)`.
#[inline]
pub fn requantize(acc: i32, multiplier: f32, zero_point: i32, clamp: (i32, i32)) -> i32 {
    let scaled = acc as f32 * multiplier;
    let low = (clamp.0 - zero_point) as f32;
    let high = (clamp.1 - zero_point) as f32;
    libm::rintf(scaled.max(low).min(high)) as i32 + zero_point
}

/// `clip(rne(f32(x / scale)) + zero_point)`; NaN gives the lower bound.
pub fn quantize(x: f32, scale: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let quotient = x / scale;
    if quotient.is_nan() {
        return low;
    }
    // In 64 bits every rounded quotient has room, infinities saturating far beyond any type of 8 bits.
    let rounded = libm::rintf(quotient) as i64;
    rounded.saturating_add(zero_point.into()).clamp(low.into(), high.into()) as i32
}

/// `f32(f32(x - zero_point) * scale)`.
pub fn dequantize(x: i32, scale: f32, zero_point: i32) -> f32 {
    (x - zero_point) as f32 * scale
}

/// `bias + sum over k of (a[m][k] - a_zero(m)) * (b[k][n] - b_zero(n))`, modulo 2^32, row by row.
pub fn matmul<A: Value, B: Value>(
    a: MatRef<'_, A>,
    a_zero: impl Fn(usize) -> i32,
    b: MatRef<'_, B>,
    b_zero: impl Fn(usize) -> i32,
    bias: impl Fn(usize) -> i32,
) -> Vec<i32> {
    let ([rows, depth], [_, columns]) = (a.shape(), b.shape());
    let mut out = Vec::new();
    for m in 0..rows {
        for n in 0..columns {
            let mut acc = bias(n);
            for k in 0..depth {
                let product = (a.at([m, k]).value() - a_zero(m)) * (b.at([k, n]).value() - b_zero(n));
                acc = acc.wrapping_add(product);
            }
            out.push(acc);
        }
    }
    out
}

/// The geometry of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// Distance between outputs, down and across.
    pub strides: [usize; 2],
    /// Distance between taps, down and across.
    pub dilation: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Groups.
    pub groups: usize,
}

impl Convolution {
    /// Rows and columns of the output for an input and a kernel of these rows and columns.
    pub fn output(&self, input: [usize; 2], kernel: [usize; 2]) -> [usize; 2] {
        core::array::from_fn(|axis| {
            let padded = input[axis] + self.pads[axis] + self.pads[axis + 2];
            let window = (kernel[axis] - 1) * self.dilation[axis] + 1;
            if window > padded { 0 } else { (padded - window) / self.strides[axis] + 1 }
        })
    }
}

/// `bias + sum over taps and channels of (x - x_zero(input channel)) * (w - w_zero(output channel))`, modulo 2^32, where a
/// padded position holds its channel's zero point. Axes of `x`: image, row, column, channel; of `w`: output channel, row, column, channel of
/// the group. The result is in the order image, row, column, output channel.
pub fn convolution<X: Value, W: Value>(
    x: ImagesRef<'_, X>,
    x_zero: impl Fn(usize) -> i32,
    w: ImagesRef<'_, W>,
    w_zero: impl Fn(usize) -> i32,
    bias: impl Fn(usize) -> i32,
    geometry: &Convolution,
) -> Vec<i32> {
    let [images, height, width, _] = x.shape();
    let [outputs, kernel_height, kernel_width, channels] = w.shape();
    let [out_height, out_width] = geometry.output([height, width], [kernel_height, kernel_width]);
    let mut out = Vec::new();
    for image in 0..images {
        for out_y in 0..out_height {
            for out_x in 0..out_width {
                for output in 0..outputs {
                    let group = output / (outputs / geometry.groups);
                    let mut acc = bias(output);
                    for tap_y in 0..kernel_height {
                        for tap_x in 0..kernel_width {
                            // Counted from the corner of the padding.
                            let y = out_y * geometry.strides[0] + tap_y * geometry.dilation[0];
                            let x_ = out_x * geometry.strides[1] + tap_x * geometry.dilation[1];
                            let [top, left, ..] = geometry.pads;
                            let inside = y >= top && y - top < height && x_ >= left && x_ - left < width;
                            for channel in 0..channels {
                                let of_all = group * channels + channel;
                                let value = if inside {
                                    x.at([image, y - top, x_ - left, of_all]).value()
                                } else {
                                    x_zero(of_all)
                                };
                                let weight = w.at([output, tap_y, tap_x, channel]).value();
                                acc = acc.wrapping_add((value - x_zero(of_all)) * (weight - w_zero(output)));
                            }
                        }
                    }
                    out.push(acc);
                }
            }
        }
    }
    out
}

/// A scale and a zero point.
#[derive(Clone, Copy, Debug)]
pub struct Affine {
    /// The scale.
    pub scale: f32,
    /// The zero point.
    pub zero_point: i32,
}

/// The sum of two quantised values as onnxruntime defines it: `ra = f32(sa/sc)`, `rb = f32(sb/sc)`,
/// `k = f32(zc - fma(ra, za, f32(rb*zb)))`, `clip(rne(fma(a, ra, fma(b, rb, k))))`.
pub fn add(a: (i32, Affine), b: (i32, Affine), to: Affine, (low, high): (i32, i32)) -> i32 {
    let ra = a.1.scale / to.scale;
    let rb = b.1.scale / to.scale;
    let of_b = rb * b.1.zero_point as f32;
    let k = to.zero_point as f32 - libm::fmaf(ra, a.1.zero_point as f32, of_b);
    let sum = libm::fmaf(a.0 as f32, ra, libm::fmaf(b.0 as f32, rb, k));
    libm::rintf(sum.max(low as f32).min(high as f32)) as i32
}

/// The product of two quantised values as onnxruntime defines it: `m = f32(f32(sa*sb)/sc)`,
/// `clip(rne(f32(f32(f32((a-za)(b-zb)) * m) + zc)))`.
pub fn mul(a: (i32, Affine), b: (i32, Affine), to: Affine, (low, high): (i32, i32)) -> i32 {
    let product = (a.0 - a.1.zero_point) * (b.0 - b.1.zero_point);
    let scaled = product as f32 * multiplier(a.1.scale, b.1.scale, to.scale);
    let moved = scaled + to.zero_point as f32;
    libm::rintf(moved.max(low as f32).min(high as f32)) as i32
}

/// The mean of values: `acc = sum(x) - n * zx`, `m = f32(sx / f32(sy * f32(n)))`, then [`requantize`].
pub fn global_average_pool(
    values: impl ExactSizeIterator<Item = i32>,
    from: Affine,
    to: Affine,
    range: (i32, i32),
) -> i32 {
    let count = values.len();
    let sum = values.fold(0i32, |sum, value| sum.wrapping_add(value - from.zero_point));
    let divisor = to.scale * count as f32;
    requantize(sum, from.scale / divisor, to.zero_point, range)
}

pub mod linear;
pub mod pools;
pub mod rules;
pub mod sums;
pub mod tables;
pub mod volumes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_points_are_subtracted_in_32_bits() {
        let product = |a: u8, za: i32, b: i8, zb: i32| {
            let (a, b) = ([a], [b]);
            let (a, b) = (MatRef::new(&a, [1, 1]).unwrap(), MatRef::new(&b, [1, 1]).unwrap());
            matmul(a, |_| za, b, |_| zb, |_| 0)
        };
        assert_eq!(product(3, 2, 5, 1), [4]);
        assert_eq!(product(0, 255, 1, 0), [-255]);
    }

    #[test]
    fn a_product_beyond_16_bits() {
        let (a, b) = ([210u8, 198, 234], [-81i8, -80, 127]);
        let (a, b) = (MatRef::new(&a, [1, 3]).unwrap(), MatRef::new(&b, [3, 1]).unwrap());
        assert_eq!(matmul(a, |_| 0, b, |_| 0, |_| 0), [-3132]);
    }

    #[test]
    fn ties_go_to_even_before_the_zero_point() {
        assert_eq!(requantize(1, 0.5, 1, (0, 255)), 1);
        assert_eq!(requantize(3, 0.5, 1, (0, 255)), 3);
        assert_eq!(requantize(10_000, 5.0, 0, (0, 255)), 255);
        assert_eq!(quantize(0.5, 1.0, 1, (0, 255)), 1);
        assert_eq!(quantize(130.0, 1.0, -100, (-128, 127)), 30);
        assert_eq!(quantize(f32::NAN, 1.0, 5, (0, 255)), 0);
        assert_eq!(quantize(4_294_967_296.0, 0.5, 1, (0, 255)), 255);
        assert_eq!(dequantize(127, 1.0, -128), 255.0);
    }

    #[test]
    fn addition_rounds_its_three_steps() {
        let affine = |scale, zero_point| Affine { scale, zero_point };
        let (a, b) = (affine(0.025_346_905, -106), affine(0.035_809_92, -120));
        assert_eq!(add((-114, a), (-122, b), affine(0.036_585_97, -105), (-128, 127)), -113);
    }

    #[test]
    fn multiplication_rounds_after_the_zero_point() {
        let affine = |scale, zero_point| Affine { scale, zero_point };
        let (a, b) = (affine(1.0, 1), affine(0.5, -2));
        assert_eq!(mul((2, a), (-1, b), affine(1.0, 0), (0, 255)), 0);
        assert_eq!(mul((2, a), (-1, b), affine(1.0, 1), (0, 255)), 2);
        assert_eq!(mul((255, a), (127, b), affine(1.0, 1), (0, 255)), 255);
    }

    #[test]
    fn padding_is_the_zero_point() {
        let (x, w) = ([-128i8, -1, 0, 1, 127], [1i8, 2, 3, 4]);
        let (x, w) = (ImagesRef::new(&x, [1, 1, 5, 1]).unwrap(), ImagesRef::new(&w, [1, 1, 4, 1]).unwrap());
        let geometry = Convolution { strides: [1, 1], dilation: [1, 1], pads: [0, 1, 0, 2], groups: 1 };
        assert_eq!(convolution(x, |_| 0, w, |_| 0, |_| 0, &geometry), [-259, -126, 510, 383, 255]);
    }
}
