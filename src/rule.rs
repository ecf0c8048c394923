//! The rules by which runtimes requantise.

use core::fmt;

/// How a 32-bit accumulator becomes 8 bits: the arithmetic of a runtime, to the bit.
///
/// `m` is the multiplier `f32(f32(sa * sb) / sc)` of three scales, `rne` rounds ties to even, `clip` bounds to the type
/// or the clamp, `z` is the zero point. The project's `docs/numerics.md` has them in full, and which one is whose.
///
/// ```
/// use zeropoint::{Requantization, Rule, Scales, Type};
///
/// let to = Requantization::from_scales(0.5, Scales::All(0.25), 0.125, Type::I8, 3)?;
/// let as_tflite = to.with_rule(Rule::TfliteDouble)?;
/// assert_eq!(as_tflite.rule().name(), "tflite_double");
/// # Ok::<(), zeropoint::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// `rne(clip(f32(f32(acc) * m), less z)) + z`: onnxruntime, XNNPACK's `fp32` kernels, FBGEMM's scalar code.
    #[default]
    F32ClipRound,
    /// `clip(rne(f32(f32(f32(acc) * m) + z)))`: the ONNX formula read literally, in binary32.
    F32ZeroPointFirst,
    /// `clip(rne(f64(acc) * f64(m) + z))`, in binary64: ONNX's reference evaluator.
    F64ZeroPointFirst,
    /// `rne(clip(f32(f32(f32(acc) * f32(sa * sb)) + bias) * f32(1 / sc) + z))`: oneDNN's convolution. It takes the
    /// bias in real units.
    OneDnnConv,
    /// Likewise of `f32(f32(acc) * sa) * sb`: oneDNN's matrix product.
    OneDnnMatMul,
    /// As `F32ClipRound`, but what reaches 2^31 becomes the least value: FBGEMM's code for x86. A bias in real units
    /// is added to the accumulator as `f32(bias * f32(1 / f32(sa * sb)))`.
    FbgemmX86,
    /// A multiplier of 31 bits and two roundings, the first up, the second away from zero: TFLite's default, gemmlowp.
    TfliteDouble,
    /// A multiplier of 31 bits and one rounding, up: TFLite built with `TFLITE_SINGLE_ROUNDING`.
    TfliteSingle,
    /// A multiplier of 24 bits, from 2^-32 to below 256, and one rounding, up: XNNPACK's `rndnu`.
    XnnpackRndnu,
    /// Likewise by a product that is truncated before: XNNPACK's `rndnu` kernels for NEON.
    XnnpackRndnuNeon,
}

impl Rule {
    /// All rules.
    pub const ALL: &[Self] = &[
        Self::F32ClipRound,
        Self::F32ZeroPointFirst,
        Self::F64ZeroPointFirst,
        Self::OneDnnConv,
        Self::OneDnnMatMul,
        Self::FbgemmX86,
        Self::TfliteDouble,
        Self::TfliteSingle,
        Self::XnnpackRndnu,
        Self::XnnpackRndnuNeon,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32ClipRound => "f32_clip_round",
            Self::F32ZeroPointFirst => "f32_zp_first",
            Self::F64ZeroPointFirst => "f64_zp_first",
            Self::OneDnnConv => "onednn_conv",
            Self::OneDnnMatMul => "onednn_matmul",
            Self::FbgemmX86 => "fbgemm_x86",
            Self::TfliteDouble => "tflite_double",
            Self::TfliteSingle => "tflite_single",
            Self::XnnpackRndnu => "xnnpack_rndnu",
            Self::XnnpackRndnuNeon => "xnnpack_rndnu_neon",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
