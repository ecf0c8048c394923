//! `vpdpbusd` on registers alone.

use core::arch::x86_64::_mm256_setzero_si256;

crate::generic::peak::peak! {
    #[target_feature(enable = "avx2,avxvnni")]
    ymm_reg, _mm256_setzero_si256();
    accumulators: 12;
    macs: 32;
    "{{vex}} vpdpbusd {acc}, {x}, {x}"
}
