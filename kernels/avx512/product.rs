//! The product of pairs of 16 bits by `vpmaddwd`.

use core::arch::x86_64::*;

use super::registers::Zmm;
use crate::generic::multiply::{EIGHT_KIB_AHEAD, Multiply};
use crate::generic::operands::pairs;
use crate::generic::tier::outlined_tile;

/// Pairs of centred values. Twelve rows by two registers are 24 accumulators of the 32 registers.
pub(super) struct Pairs;

// SAFETY: (of every block below) the trait's methods are called with AVX-512 F and BW at hand, and with pointers to as
// many elements as the trait says; unaligned loads and stores have no further demand.
impl Multiply for Pairs {
    type R = Zmm<false>;

    const ROWS: usize = 12;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 2;
    const AHEAD: usize = EIGHT_KIB_AHEAD;

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn prepare_two<const MINUS: bool>(x: *const u8, y: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let (x, y) = (Self::weights(x), Self::weights(y));
            let sum = if MINUS { _mm512_sub_epi16(x, y) } else { _mm512_add_epi16(x, y) };
            _mm512_storeu_si512(to.cast(), _mm512_sub_epi16(sum, _mm512_loadu_si512(zero_points.cast())));
        }
    }

    #[inline(always)]
    unsafe fn prepare(from: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let centred = _mm512_sub_epi16(Self::weights(from), _mm512_loadu_si512(zero_points.cast()));
            _mm512_storeu_si512(to.cast(), centred);
        }
    }

    pairs!();
    outlined_tile!(#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]);
}
