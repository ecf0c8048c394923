//! The product of quads of bytes by `vpdpbusd`.

use core::arch::x86_64::*;

use crate::avx512::registers::Zmm;
use crate::generic::multiply::{EIGHT_KIB_AHEAD, Multiply};
use crate::generic::operands::quads;
use crate::generic::tier::outlined_tile;

/// Quads of bytes, of activations that are unsigned or signed. The instruction takes an unsigned and a signed operand,
/// and either may be the weights: for signed activations they become unsigned while they are read.
///
/// Twelve rows by two registers are 24 accumulators. Fourteen would fit the 32 registers, but their pointers not the
/// others: four addresses would be read from the stack in each turn, for no gain.
pub(super) struct Quads<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with AVX-512 F and VNNI at hand.
impl<const SIGNED: bool> Multiply for Quads<SIGNED> {
    type R = Zmm<true>;

    const ROWS: usize = 12;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 2;
    const ROWS_OF_PAIRS: usize = 6;
    const AHEAD: usize = EIGHT_KIB_AHEAD;

    #[inline(always)]
    unsafe fn dot(acc: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { if SIGNED { _mm512_dpbusd_epi32(acc, b, a) } else { _mm512_dpbusd_epi32(acc, a, b) } }
    }

    quads!(unsigned_weights: SIGNED);
    outlined_tile!(#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]);
}
