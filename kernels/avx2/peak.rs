//! `vpmaddwd` and `vpaddd` on registers alone.

use core::arch::x86_64::_mm256_setzero_si256;

crate::generic::peak::peak! {
    #[target_feature(enable = "avx2")]
    ymm_reg, _mm256_setzero_si256();
    accumulators: 12;
    macs: 16;
    "vpmaddwd {product}, {x}, {x}",
    "vpaddd {acc}, {acc}, {product}";
    product = out(ymm_reg) _
}
