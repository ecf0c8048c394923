//! 64-bit Arm with FEAT_I8MM. `smmla` and `usmmla` multiply two rows of eight bytes by two columns, add up 2 × 2 integers
//! of 32 bits and never saturate. Weights are signed for either kind of activations, so they are taken as they are stored;
//! zero points are in what the accumulators start from.
//!
//! FEAT_DotProd is no part of it, and not used.

#![allow(clippy::needless_range_loop, reason = "loops over registers count several arrays at once")]

mod instructions;
mod peak;
mod product;
mod row;
mod squares;

crate::generic::tier::tier! {
    NeonI8mm "neon_i8mm", #[target_feature(enable = "neon,i8mm")];
    registers: super::neon::registers::Neon;
    product: Bytes [product::Squares<false>, product::Squares<true>];
    gemm: "i8i8i32_6x16k8";
    gemv: "i8i8i32_1x64k8";
    depthwise: "i16i16i32_4x8k2";
    byte_taps: None;
    grouped: None;
}
