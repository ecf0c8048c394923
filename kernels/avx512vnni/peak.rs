//! `vpdpbusd` on registers alone.

use core::arch::x86_64::_mm512_setzero_si512;

crate::generic::peak::peak! {
    #[target_feature(enable = "avx512f,avx512vnni")]
    zmm_reg, _mm512_setzero_si512();
    accumulators: 12;
    macs: 64;
    "vpdpbusd {acc}, {x}, {x}"
}
