//! `smull` and `sadalp` on registers alone.

use core::arch::aarch64::vdupq_n_s32;

crate::generic::peak::peak! {
    #[target_feature(enable = "neon")]
    vreg, vdupq_n_s32(0);
    accumulators: 16;
    macs: 8;
    "smull {product:v}.8h, {x:v}.8b, {x:v}.8b",
    "sadalp {acc:v}.4s, {product:v}.8h";
    product = out(vreg) _
}
