//! The product of quads of bytes by `vpdpbusd`.

use core::arch::x86_64::*;

use crate::avx2::registers::Ymm;
use crate::generic::multiply::{EIGHT_KIB_AHEAD, Multiply};
use crate::generic::operands::quads;
use crate::generic::tier::outlined_tile;

/// Quads of bytes, of activations that are unsigned or signed. The instruction takes an unsigned and a signed operand,
/// and either may be the weights: for signed activations they become unsigned while they are read.
///
/// Six rows by two registers are twelve accumulators; with two operands and a broadcast 15 of 16 registers are taken.
pub(super) struct Quads<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with AVX-VNNI at hand.
impl<const SIGNED: bool> Multiply for Quads<SIGNED> {
    type R = Ymm<true>;

    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const AHEAD: usize = EIGHT_KIB_AHEAD;

    #[inline(always)]
    unsafe fn dot(acc: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { if SIGNED { _mm256_dpbusd_avx_epi32(acc, b, a) } else { _mm256_dpbusd_avx_epi32(acc, a, b) } }
    }

    quads!(unsigned_weights: SIGNED);
    outlined_tile!(#[target_feature(enable = "avx2,fma,avxvnni")]);
}
