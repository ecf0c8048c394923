//! The oracle of the rules: each as its origin states it.
//!
//! Functions of accumulators are `#[inline]`: a test calls them for all there are.

/// `f32_zp_first`: `clip(rne(f32(f32(f32(acc) * m) + zero_point)))`.
#[inline]
pub fn f32_zero_point_first(acc: i32, multiplier: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let scaled = acc as f32 * multiplier;
    let moved = scaled + zero_point as f32;
    libm::rintf(moved.max(low as f32).min(high as f32)) as i32
}

/// `f64_zp_first`: `clip(rne(f64(acc) * f64(m) + zero_point))`, every step in binary64.
#[inline]
pub fn f64_zero_point_first(acc: i32, multiplier: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let scaled = f64::from(acc) * f64::from(multiplier);
    let moved = scaled + f64::from(zero_point);
    libm::rint(moved).max(f64::from(low)).min(f64::from(high)) as i32
}

/// The scales of a product and of its result.
#[derive(Clone, Copy, Debug)]
pub struct Scales {
    /// Of the left operand.
    pub a: f32,
    /// Of the right one.
    pub b: f32,
    /// Of the result.
    pub c: f32,
}

/// `onednn_conv`: `rne(clip(f32(f32((f32(acc) * f32(sa * sb)) + bias) * f32(1 / sc)) + zero_point))`, every step rounded.
#[inline]
pub fn onednn_conv(acc: i32, scales: Scales, bias: f32, zero_point: i32, clamp: (i32, i32)) -> i32 {
    let by = scales.a * scales.b;
    onednn(acc as f32 * by, scales, bias, zero_point, clamp)
}

/// `onednn_matmul`: likewise of `f32(f32(acc) * sa) * sb`.
#[inline]
pub fn onednn_matmul(acc: i32, scales: Scales, bias: f32, zero_point: i32, clamp: (i32, i32)) -> i32 {
    let by_a = acc as f32 * scales.a;
    onednn(by_a * scales.b, scales, bias, zero_point, clamp)
}

#[inline]
fn onednn(scaled: f32, scales: Scales, bias: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let real = scaled + bias;
    let inverse = 1.0 / scales.c;
    let moved = real * inverse + zero_point as f32;
    libm::rintf(moved.max(low as f32).min(high as f32)) as i32
}

/// `fbgemm_x86`: `f32(f32(acc) + bias) * m` to an integer, which is the least one for 2^31 and more; the zero point added
/// in 16 bits with saturation; to 8 bits with saturation. The bias is in units of the accumulators.
#[inline]
pub fn fbgemm(acc: i32, multiplier: f32, bias: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let scaled = (acc as f32 + bias) * multiplier;
    let integer = if scaled >= 2_147_483_648.0 { i32::MIN } else { libm::rintf(scaled) as i32 };
    let words = integer.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    let moved = words.saturating_add(zero_point as i16);
    i32::from(moved).clamp(low, high)
}

/// gemmlowp's `SaturatingRoundingDoublingHighMul`.
#[inline]
pub fn srdhm(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// gemmlowp's `RoundingDivideByPOT`: ties away from zero. Exponents are from 0 to 31.
#[inline]
pub fn rounding_divide_by_pot(x: i32, exponent: u32) -> i32 {
    let mask = ((1i64 << exponent) - 1) as i32;
    let rest = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent.min(31)) + i32::from(rest > threshold)
}

/// TFLite's `QuantizeMultiplier`: a number as `q * 2^(shift - 31)`, with `q` from 2^30 to 2^31 - 1, or 0.
pub fn quantize_multiplier(multiplier: f64) -> (i32, i32) {
    if multiplier == 0.0 {
        return (0, 0);
    }
    let (fraction, mut shift) = libm::frexp(multiplier);
    let mut q = libm::round(fraction * f64::from(1u32 << 31)) as i64;
    if q == 1 << 31 {
        q /= 2;
        shift += 1;
    }
    if shift < -31 { (0, 0) } else { (q as i32, shift) }
}

/// TFLite's `QuantizeMultiplier` for one rounding.
pub fn quantize_multiplier_single(multiplier: f64) -> (i32, i32) {
    let (q, shift) = quantize_multiplier(multiplier);
    if shift > 30 { (i32::MAX, 30) } else { (q, shift) }
}

/// TFLite's `MultiplyByQuantizedMultiplier`, in two roundings. A shift to the left saturates, where its origin has no
/// defined result.
#[inline]
pub fn multiply_double(x: i32, (q, shift): (i32, i32)) -> i32 {
    let left = i64::from(x) << shift.max(0);
    let left = left.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    rounding_divide_by_pot(srdhm(left, q), (-shift).max(0) as u32)
}

/// TFLite's `MultiplyByQuantizedMultiplier`, in one rounding: what leaves 32 bits saturates, where its origin has no
/// defined result.
#[inline]
pub fn multiply_single(x: i32, (q, shift): (i32, i32)) -> i32 {
    let right = 31 - shift;
    let product = i128::from(x) * i128::from(q) + (1i128 << (right - 1));
    (product >> right).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// `tflite_double` and `tflite_single` of what [`multiply_double`] or [`multiply_single`] gave.
#[inline]
pub fn tflite(scaled: i32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    (i64::from(scaled) + i64::from(zero_point)).clamp(low.into(), high.into()) as i32
}

/// `xnnpack_rndnu`: a multiplier's 24 bits, and a shift that rounds up; what leaves 32 bits wraps.
#[inline]
pub fn rndnu(acc: i32, multiplier: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let (significand, shift) = rndnu_parts(multiplier);
    let rounded = (i64::from(acc) * i64::from(significand) + (1 << (shift - 1))) >> shift;
    (rounded as i32).clamp(low - zero_point, high - zero_point) + zero_point
}

/// `xnnpack_rndnu_neon`: shifted with saturation, the upper half of the doubled product truncated, shifted and rounded
/// up, to 16 bits and with the zero point there with saturation, to 8 bits.
#[inline]
pub fn rndnu_neon(acc: i32, multiplier: f32, zero_point: i32, (low, high): (i32, i32)) -> i32 {
    let (significand, shift) = rndnu_parts(multiplier);
    let multiplier = i64::from(significand) << 7;
    let shift = shift as i32 - 24;
    let after = shift.max(1);
    let shifted = (i64::from(acc) << (after - shift)).clamp(i32::MIN.into(), i32::MAX.into());
    let upper = (2 * i128::from(shifted) * i128::from(multiplier)) >> 32;
    let rounded = (upper + (1 << (after - 1))) >> after;
    let words = rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    i32::from(words.saturating_add(zero_point as i16)).clamp(low, high)
}

/// The significand of a multiplier, and how far it stands to the left: from 16 for just below 256 to 55 for 2^-32.
#[inline]
fn rndnu_parts(multiplier: f32) -> (i32, u32) {
    let bits = multiplier.to_bits();
    let exponent = bits >> 23;
    ((bits & 0x7f_ffff | 0x80_0000) as i32, 150 - exponent)
}

/// What NaN is quantised to, and the ends of the results.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Least result.
    pub low: i32,
    /// Greatest result.
    pub high: i32,
    /// What NaN becomes.
    pub nan: i32,
}

impl Range {
    /// `round(v) + zero_point` within the ends.
    fn rounded(&self, v: f32, round: fn(f32) -> f32, zero_point: i32) -> i32 {
        if v.is_nan() {
            return self.nan;
        }
        // In 64 bits every rounded number has room; infinities saturate far beyond any result.
        let integer = round(v) as i64;
        integer.saturating_add(zero_point.into()).clamp(self.low.into(), self.high.into()) as i32
    }
}

/// `onnx`: `clip(rne(f32(x / scale)) + zero_point)`.
pub fn quantize_division(x: f32, scale: f32, zero_point: i32, range: Range) -> i32 {
    range.rounded(x / scale, libm::rintf, zero_point)
}

/// `reciprocal`: `clip(rne(f32(x * f32(1 / scale))) + zero_point)`.
pub fn quantize_reciprocal(x: f32, scale: f32, zero_point: i32, range: Range) -> i32 {
    let inverse = 1.0 / scale;
    range.rounded(x * inverse, libm::rintf, zero_point)
}

/// `zp_first`: `rne(clip(f32(f32(x / scale) + zero_point)))`.
pub fn quantize_zero_point_first(x: f32, scale: f32, zero_point: i32, range: Range) -> i32 {
    let quotient = x / scale;
    range.rounded(quotient + zero_point as f32, libm::rintf, 0)
}

/// `tflite`: `clip(rha(f32(x / scale)) + zero_point)`.
pub fn quantize_tflite(x: f32, scale: f32, zero_point: i32, range: Range) -> i32 {
    range.rounded(x / scale, libm::roundf, zero_point)
}

/// Paddle's reciprocal of an absolute maximum.
fn paddle_inverse(scale: f32) -> f32 {
    if scale > 1e-30 {
        1.0 / scale
    } else {
        let moved = scale + 1e-6;
        1.0 / moved
    }
}

/// Paddle's `quantize_linear` with `round_type` 0: `clip(rne(f32(f32(qmax * inv) * x)), -qmax - 1, qmax)`.
pub fn quantize_paddle_even(x: f32, scale: f32, qmax: i32, nan: i32) -> i32 {
    let by = qmax as f32 * paddle_inverse(scale);
    Range { low: -qmax - 1, high: qmax, nan }.rounded(by * x, libm::rintf, 0)
}

/// Paddle's `quantize_linear` with `round_type` 1: `rha(f32(f32(qmax * inv) * min(max(x, -s), s)))`.
pub fn quantize_paddle_away(x: f32, scale: f32, qmax: i32, nan: i32) -> i32 {
    if x.is_nan() {
        return nan;
    }
    let by = qmax as f32 * paddle_inverse(scale);
    let x = x.max(-scale).min(scale);
    Range { low: -qmax - 1, high: qmax, nan }.rounded(by * x, libm::roundf, 0)
}

/// Paddle's `dequantize_linear`: `f32(f32(x * scale) / qmax)`.
pub fn dequantize_paddle(x: i32, scale: f32, qmax: i32) -> f32 {
    let scaled = x as f32 * scale;
    scaled / qmax as f32
}
