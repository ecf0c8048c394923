//! 64-bit Arm with FEAT_DotProd. `sdot` and `udot` add four products of bytes to 32 bits and never saturate: activations
//! are multiplied as they are, zero points are in what the accumulators start from.

#![allow(clippy::needless_range_loop, reason = "loops over registers count several arrays at once")]

mod instructions;
mod peak;
mod product;

crate::generic::tier::tier! {
    NeonDotprod "neon_dotprod", #[target_feature(enable = "neon,dotprod")];
    registers: super::neon::registers::Neon;
    product: Bytes [product::Quads<false>, product::Quads<true>];
    gemm: "i8i8i32_12x8k4";
    gemv: "i8i8i32_1x32k4";
    depthwise: "i16i16i32_4x8k2";
    byte_taps: None;
    grouped: None;
}
