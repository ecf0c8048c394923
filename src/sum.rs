//! Addition in integers: multipliers of TFLite and XNNPACK.

use zeropoint_kernels::args::IntegerSum;

use crate::elementwise::Quantized;
use crate::error::Error;
use crate::fixed::quantized;
use crate::rule::Rule;

/// Multipliers of `a` and `b` by twice the greater scale, and of their sum, which has 20 bits behind the point.
pub(crate) fn tflite(a: Quantized, b: Quantized, c: Quantized) -> Result<IntegerSum, Error> {
    let twice = 2.0 * f64::from(a.scale.max(b.scale));
    let ratio = twice / (1_048_576.0 * f64::from(c.scale));
    let fixed = |multiplier| quantized(multiplier, Rule::TfliteDouble);
    let by = [fixed(f64::from(a.scale) / twice)?, fixed(f64::from(b.scale) / twice)?];
    let to = fixed(ratio)?;
    // What is not less than 1, or so near to it that it is rounded up.
    if to.shift > 0 {
        let what = "twice the greater scale by 2^20 times that of the sum";
        return Err(Error::Number { what, expected: "less than 1", got: ratio as f32 });
    }
    Ok(IntegerSum::Tflite { zero_points: [a.zero_point, b.zero_point], by, to })
}

/// Multipliers of up to 21 bits, and what the zero points and the rounding come to.
pub(crate) fn xnnpack(a: Quantized, b: Quantized, c: Quantized) -> Result<IntegerSum, Error> {
    let ratios = [a.scale / c.scale, b.scale / c.scale];
    for (what, got) in
        ["ratio of the scales of a and the sum", "ratio of the scales of b and the sum"].into_iter().zip(ratios)
    {
        if !(1.0 / 1024.0..256.0).contains(&got) {
            return Err(Error::Number { what, expected: "from 2^-10 to below 2^8", got });
        }
    }
    // From 13 to 30.
    let shift = 20 - libm::ilogbf(ratios[0].max(ratios[1]));
    let by = ratios.map(|ratio| libm::rintf(libm::ldexpf(ratio, shift)) as i32);
    let bias = (1 << (shift - 1)) - by[0] * a.zero_point - by[1] * b.zero_point;
    Ok(IntegerSum::Xnnpack { bias, by, shift: shift as u32 })
}
