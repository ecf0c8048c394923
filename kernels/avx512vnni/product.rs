//! The product of quads of bytes by `vpdpbusd`.

use core::arch::x86_64::*;

use crate::avx512::registers::Zmm;
use crate::encode::Reading;
use crate::generic::multiply::Multiply;
use crate::generic::tier::outlined_tile;
use crate::table::Activations;

/// Quads of bytes, of activations that are unsigned or signed. The instruction takes an unsigned and a signed operand,
/// and either may be the weights: for signed activations they become unsigned while they are read.
///
/// Twelve rows by two registers are 24 accumulators. Fourteen would fit the 32 registers, but their pointers not the
/// others: an address would be read from the stack for every fourth product, for no gain.
pub(super) struct Quads<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with AVX-512 F, BW and VNNI at hand, and with pointers
// to as many elements as the trait says; unaligned loads have no further demand.
impl<const SIGNED: bool> Multiply for Quads<SIGNED> {
    type R = Zmm<true>;
    type A = u8;
    type Operand = __m512i;

    const GROUP: usize = 4;
    const ROWS: usize = 12;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 2;
    const PREPARES: bool = false;
    const WEIGHTS: Reading = if SIGNED { Reading::Unsigned } else { Reading::Signed };

    fn activations(a: Activations<'_>) -> &[u8] {
        a.bytes()
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let stored = _mm512_loadu_si512(from.cast());
            if SIGNED { _mm512_xor_si512(stored, _mm512_set1_epi8(-128)) } else { stored }
        }
    }

    #[inline(always)]
    unsafe fn ones() -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi8(1) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { if SIGNED { _mm512_dpbusd_epi32(acc, b, a) } else { _mm512_dpbusd_epi32(acc, a, b) } }
    }

    outlined_tile!(#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]);
}
