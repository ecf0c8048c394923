//! The product of pairs of 16 bits by `vpmaddwd`.

use core::arch::x86_64::*;

use super::registers::Ymm;
use crate::generic::multiply::{EIGHT_KIB_AHEAD, Multiply};
use crate::generic::operands::pairs;
use crate::generic::tier::outlined_tile;

/// Pairs of centred values. Six rows by two registers are twelve accumulators; with two operands, a broadcast and a
/// product all sixteen registers are taken.
pub(super) struct Pairs;

// SAFETY: (of every block below) the trait's methods are called with AVX2 at hand, and with pointers to as many elements
// as the trait says; unaligned loads and stores have no further demand.
impl Multiply for Pairs {
    type R = Ymm<false>;

    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const TURN: usize = 4;
    const AHEAD: usize = EIGHT_KIB_AHEAD;

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn prepare_two<const MINUS: bool>(x: *const u8, y: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let (x, y) = (Self::weights(x), Self::weights(y));
            let sum = if MINUS { _mm256_sub_epi16(x, y) } else { _mm256_add_epi16(x, y) };
            _mm256_storeu_si256(to.cast(), _mm256_sub_epi16(sum, _mm256_loadu_si256(zero_points.cast())));
        }
    }

    #[inline(always)]
    unsafe fn prepare(from: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let centred = _mm256_sub_epi16(Self::weights(from), _mm256_loadu_si256(zero_points.cast()));
            _mm256_storeu_si256(to.cast(), centred);
        }
    }

    pairs!();
    outlined_tile!(#[target_feature(enable = "avx2,fma")]);
}
