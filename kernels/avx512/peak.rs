//! `vpmaddwd` and `vpaddd` on registers alone.

use core::arch::x86_64::_mm512_setzero_si512;

crate::generic::peak::peak! {
    #[target_feature(enable = "avx512f,avx512bw")]
    zmm_reg, _mm512_setzero_si512();
    accumulators: 12;
    macs: 32;
    "vpmaddwd {product}, {x}, {x}",
    "vpaddd {acc}, {acc}, {product}";
    product = out(zmm_reg) _
}
