//! `sdot` on registers alone.

use core::arch::aarch64::vdupq_n_s32;

crate::generic::peak::peak! {
    #[target_feature(enable = "neon,dotprod")]
    vreg, vdupq_n_s32(0);
    accumulators: 16;
    macs: 16;
    "sdot {acc:v}.4s, {x:v}.16b, {x:v}.16b"
}
