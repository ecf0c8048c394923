//! The product of quads of bytes by `vpdpbusd`.

use core::arch::x86_64::*;

use crate::avx2::registers::Ymm;
use crate::encode::Reading;
use crate::generic::multiply::Multiply;
use crate::generic::tier::outlined_tile;
use crate::table::Activations;

/// Quads of bytes, of activations that are unsigned or signed. The instruction takes an unsigned and a signed operand,
/// and either may be the weights: for signed activations they become unsigned while they are read.
///
/// Six rows by two registers are twelve accumulators; with two operands and a broadcast 15 of 16 registers are taken.
pub(super) struct Quads<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with AVX2 and AVX-VNNI at hand, and with pointers
// to as many elements as the trait says; unaligned loads have no further demand.
impl<const SIGNED: bool> Multiply for Quads<SIGNED> {
    type R = Ymm<true>;
    type A = u8;
    type Operand = __m256i;

    const GROUP: usize = 4;
    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const PREPARES: bool = false;
    const WEIGHTS: Reading = if SIGNED { Reading::Unsigned } else { Reading::Signed };

    fn activations(a: Activations<'_>) -> &[u8] {
        a.bytes()
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let stored = _mm256_loadu_si256(from.cast());
            if SIGNED { _mm256_xor_si256(stored, _mm256_set1_epi8(-128)) } else { stored }
        }
    }

    #[inline(always)]
    unsafe fn ones() -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi8(1) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { if SIGNED { _mm256_dpbusd_avx_epi32(acc, b, a) } else { _mm256_dpbusd_avx_epi32(acc, a, b) } }
    }

    outlined_tile!(#[target_feature(enable = "avx2,fma,avxvnni")]);
}
