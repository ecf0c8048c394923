//! Taps of bytes by digits of their weights: `vpmaddubsw`, whose sums of two products cannot saturate then.

use core::arch::x86_64::*;

use super::registers::{Ymm, interleave_bytes};
use crate::generic::byte_taps::ByteTaps;
use crate::generic::tier::outlined_slide;
use crate::pack::TapPacking;

/// Pairs of taps by high and by low digits.
pub(crate) struct Digits;

// SAFETY: (of every block below) the trait's methods are called with AVX2 at hand, and with pointers to as many elements
// as the trait says; unaligned loads have no further demand.
impl ByteTaps for Digits {
    type R = Ymm<false>;
    /// The upper pair and the lower, of half a block each.
    type Column = [[__m256i; 2]; 2];
    /// Of half a block each, those of high and of low digits.
    type Sums = [[__m256i; 2]; 2];

    const PACKING: TapPacking = TapPacking::Digits;
    // The 128-bit halves are unpacked separately.
    const ORDER: &'static [u8] = &[
        0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, //
        8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31,
    ];

    #[inline(always)]
    unsafe fn column([a, b, c, d]: [*const u8; 4], _: [*const u8; 4]) -> Self::Column {
        // SAFETY: as above.
        unsafe { [interleave_bytes(a, b), interleave_bytes(c, d)] }
    }

    #[inline(always)]
    unsafe fn start(_: *const i32) -> Self::Sums {
        // SAFETY: as above.
        unsafe { [[_mm256_setzero_si256(); 2]; 2] }
    }

    #[inline(always)]
    unsafe fn add_column(mut sums: Self::Sums, column: Self::Column, weights: *const i8) -> Self::Sums {
        for (pair, halves) in column.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { add_pair(&mut sums, halves, weights.add(pair * PAIR)) };
        }
        sums
    }

    #[inline(always)]
    unsafe fn add_unit(mut sums: Self::Sums, taps: [*const u8; 4], weights: *const i8) -> Self::Sums {
        // SAFETY: as above.
        unsafe { add_pair(&mut sums, interleave_bytes(taps[0], taps[1]), weights) };
        sums
    }

    #[inline(always)]
    unsafe fn join(sums: Self::Sums, bias: *const i32) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            let factors = _mm256_set1_epi32(1 << 16 | 16);
            let mut joined = [_mm256_setzero_si256(); 4];
            for half in 0..2 {
                let [high, low] = sums[half];
                joined[2 * half] = _mm256_madd_epi16(_mm256_unpacklo_epi16(high, low), factors);
                joined[2 * half + 1] = _mm256_madd_epi16(_mm256_unpackhi_epi16(high, low), factors);
            }
            for (n, joined) in joined.iter_mut().enumerate() {
                *joined = _mm256_add_epi32(*joined, _mm256_loadu_si256(bias.add(8 * n).cast()));
            }
            joined
        }
    }

    outlined_slide!(#[target_feature(enable = "avx2,fma")]);
}

/// Bytes of a pair's weights: high digits of both halves of a block, then low ones.
const PAIR: usize = 128;

/// The sums and a pair by its digits.
///
/// # Safety
/// AVX2, and the pair's weights.
#[inline(always)]
unsafe fn add_pair(sums: &mut [[__m256i; 2]; 2], pair: [__m256i; 2], weights: *const i8) {
    for (half, (sums, taps)) in sums.iter_mut().zip(pair).enumerate() {
        for (layer, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller grants the digits.
            unsafe {
                let digits = _mm256_loadu_si256(weights.add(layer * PAIR / 2 + half * PAIR / 4).cast());
                *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(taps, digits));
            }
        }
    }
}
