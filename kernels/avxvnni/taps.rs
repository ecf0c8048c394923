//! Taps of bytes in quads, by `vpdpbusd` on 256 bits: with AVX-512's encoding, or AVX-VNNI's.

use core::arch::x86_64::*;

use crate::avx2::registers::{Ymm, interleave_bytes};
use crate::generic::byte_taps::{ByteTaps, Joined};
use crate::generic::tier::outlined_slide;
use crate::pack::TapPacking;

/// Quads of taps.
pub(crate) struct TapQuads<const AVX512: bool>;

// SAFETY: (of every block below) the trait's methods are called with AVX2 and the instruction at hand, and with pointers
// to as many elements as the trait says; unaligned loads have no further demand.
impl<const AVX512: bool> ByteTaps for TapQuads<AVX512> {
    type R = Ymm<false>;
    type Column = [__m256i; 4];
    type Sums = [__m256i; 4];

    const PACKING: TapPacking = TapPacking::Quads;
    // Four taps of a channel lie as their sum does.
    const ORDER: &'static [u8] = Ymm::<false>::JOINED;

    #[inline(always)]
    unsafe fn column([a, b, c, d]: [*const u8; 4], _: [*const u8; 4]) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            let (upper, lower) = (interleave_bytes(a, b), interleave_bytes(c, d));
            [
                _mm256_unpacklo_epi16(upper[0], lower[0]),
                _mm256_unpackhi_epi16(upper[0], lower[0]),
                _mm256_unpacklo_epi16(upper[1], lower[1]),
                _mm256_unpackhi_epi16(upper[1], lower[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn start(bias: *const i32) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            [
                _mm256_loadu_si256(bias.cast()),
                _mm256_loadu_si256(bias.add(8).cast()),
                _mm256_loadu_si256(bias.add(16).cast()),
                _mm256_loadu_si256(bias.add(24).cast()),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_column(mut sums: [__m256i; 4], column: [__m256i; 4], weights: *const i8) -> [__m256i; 4] {
        for (n, (sum, taps)) in sums.iter_mut().zip(column).enumerate() {
            // SAFETY: as above.
            unsafe {
                let weights = _mm256_loadu_si256(weights.add(32 * n).cast());
                *sum = if AVX512 {
                    _mm256_dpbusd_epi32(*sum, taps, weights)
                } else {
                    _mm256_dpbusd_avx_epi32(*sum, taps, weights)
                };
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn join(sums: [__m256i; 4], _: *const i32) -> [__m256i; 4] {
        sums
    }

    outlined_slide!(#[target_feature(enable = "avx2,fma,avxvnni")]);
}
