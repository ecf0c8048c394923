//! Rules by which runtimes round: the arguments of requantising, quantising and dequantising by another rule than the
//! default one, for which [`crate::KernelSet::requantize`] and its like are faster.
//!
//! `docs/numerics.md` states the formulas; `reference.rs` has them as an oracle.

use crate::args::{Multipliers, Values};
use crate::encode::Reading;

/// A multiplier `value * 2^(shift - 31)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// 0, or from 2^30 to 2^31 - 1.
    pub value: i32,
    /// Bits to the left.
    pub shift: i32,
}

/// How accumulators are scaled and rounded.
#[derive(Clone, Copy, Debug)]
pub enum Scaling<'a> {
    /// `f32_clip_round`.
    ClipRound(Multipliers<'a>),
    /// `f32_zp_first`.
    ZeroPointFirst(Multipliers<'a>),
    /// `f64_zp_first`.
    ZeroPointFirst64(Multipliers<'a>),
    /// `onednn_conv` and `onednn_matmul`: `(acc * before * by + bias) * after`, every step rounded.
    OneDnn {
        /// First multiplier; 1 for convolutions.
        before: f32,
        /// Second multiplier.
        by: Multipliers<'a>,
        /// In real units.
        bias: Multipliers<'a>,
        /// Reciprocal of the result's scale.
        after: Multipliers<'a>,
    },
    /// `fbgemm_x86`: `(acc + bias) * by`.
    Fbgemm {
        /// Multiplier.
        by: Multipliers<'a>,
        /// In units of the accumulators.
        bias: Multipliers<'a>,
    },
    /// `tflite_double`.
    TfliteDouble(Values<'a, Fixed>),
    /// `tflite_single`.
    TfliteSingle(Values<'a, Fixed>),
    /// `xnnpack_rndnu`: multipliers from 2^-32 to below 256.
    Rndnu(Multipliers<'a>),
    /// `xnnpack_rndnu_neon`: likewise.
    RndnuNeon(Multipliers<'a>),
}

impl Scaling<'_> {
    /// Whether all parameters are for a row of so many accumulators.
    pub(crate) fn fit(&self, len: usize) -> bool {
        match self {
            Self::ClipRound(by)
            | Self::ZeroPointFirst(by)
            | Self::ZeroPointFirst64(by)
            | Self::Rndnu(by)
            | Self::RndnuNeon(by) => by.fit(len),
            Self::OneDnn { by, bias, after, .. } => by.fit(len) && bias.fit(len) && after.fit(len),
            Self::Fbgemm { by, bias } => by.fit(len) && bias.fit(len),
            Self::TfliteDouble(by) | Self::TfliteSingle(by) => by.fit(len),
        }
    }
}

/// Requantisation to 8 bits by a rule.
#[derive(Clone, Copy, Debug)]
pub struct RequantizeByRule<'a> {
    /// The rule with its multipliers.
    pub scaling: Scaling<'a>,
    /// Zero points of the results, in their reading.
    pub zero_points: Values<'a, i32>,
    /// Least and greatest result, in its reading.
    pub clamp: (i32, i32),
}

/// How a float is scaled and rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatRule {
    /// `rne(f32(x / scale)) + zero_point`.
    Division,
    /// `rne(f32(x * scale)) + zero_point`: the scale is a reciprocal, or what else multiplies.
    Multiplication,
    /// `rne(clip(f32(f32(x / scale) + zero_point)))`.
    ZeroPointFirst,
    /// `rha(f32(x / scale)) + zero_point`, ties away from zero.
    Away,
    /// `rha(f32(x * scale))`, ties away from zero, of `x` within plus and minus what a second parameter says.
    AwayWithin,
}

/// Quantisation by a rule.
#[derive(Clone, Copy, Debug)]
pub struct QuantizeByRule<'a> {
    /// The rule.
    pub rule: FloatRule,
    /// Scales, or what multiplies.
    pub scales: Values<'a, f32>,
    /// Greatest magnitudes of [`FloatRule::AwayWithin`].
    pub within: Values<'a, f32>,
    /// Zero points of the results.
    pub zero_points: Values<'a, i32>,
    /// Least and greatest result.
    pub clamp: (i32, i32),
    /// What NaN becomes: within the clamp.
    pub nan: i32,
}

/// Integers to write: the low bits of each result.
#[derive(Debug)]
pub enum IntegersMut<'a> {
    /// 8 bits.
    Bytes(&'a mut [u8]),
    /// 16 bits.
    Words(&'a mut [u16]),
}

impl IntegersMut<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Words(values) => values.len(),
        }
    }
}

/// Integers to read.
#[derive(Clone, Copy, Debug)]
pub enum Integers<'a> {
    /// 8 bits.
    Bytes(&'a [u8], Reading),
    /// 16 bits.
    Words(&'a [u16], Reading),
    /// 32 bits, signed.
    Longs(&'a [i32]),
}

impl Integers<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(values, _) => values.len(),
            Self::Words(values, _) => values.len(),
            Self::Longs(values) => values.len(),
        }
    }
}

/// `f32(f32(x - zero_point) * scale)`, the difference modulo 2^32; and with a divisor that by it, rounded again.
#[derive(Clone, Copy, Debug)]
pub struct DequantizeByRule<'a> {
    /// Scales.
    pub scales: Values<'a, f32>,
    /// Zero points.
    pub zero_points: Values<'a, i32>,
    /// What the product is divided by; 1 divides nothing.
    pub divisor: f32,
}
