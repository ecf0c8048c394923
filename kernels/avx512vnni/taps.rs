//! Taps of bytes in quads, by `vpdpbusd` on 512 bits.

use core::arch::x86_64::*;

use crate::avx2::registers::Ymm;
use crate::avx512::registers::Zmm;
use crate::generic::byte_taps::{ByteTaps, Joined};
use crate::generic::store::Store;
use crate::pack::TapPacking;

/// Quads of taps.
pub(super) struct TapQuads;

// SAFETY: (of every block below) the trait's methods are called with AVX-512 F, BW and VNNI at hand, and with pointers to
// as many elements as the trait says; unaligned loads have no further demand.
impl ByteTaps for TapQuads {
    type R = Zmm<true>;
    type Column = [__m512i; 4];
    type Sums = [__m512i; 4];

    const PACKING: TapPacking = TapPacking::Quads;
    // Four taps of a channel lie as their sum does.
    const ORDER: &'static [u8] = Zmm::<true>::JOINED;

    #[inline(always)]
    unsafe fn column([a, b, c, d]: [*const u8; 4], _: [*const u8; 4]) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            let (a, b) = (_mm512_loadu_si512(a.cast()), _mm512_loadu_si512(b.cast()));
            let (c, d) = (_mm512_loadu_si512(c.cast()), _mm512_loadu_si512(d.cast()));
            quads([a, b, c, d])
        }
    }

    #[inline(always)]
    unsafe fn start(bias: *const i32) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            [
                _mm512_loadu_si512(bias.cast()),
                _mm512_loadu_si512(bias.add(16).cast()),
                _mm512_loadu_si512(bias.add(32).cast()),
                _mm512_loadu_si512(bias.add(48).cast()),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_column(mut sums: [__m512i; 4], column: [__m512i; 4], weights: *const i8) -> [__m512i; 4] {
        for (n, (sum, taps)) in sums.iter_mut().zip(column).enumerate() {
            // SAFETY: as above.
            unsafe { *sum = _mm512_dpbusd_epi32(*sum, taps, _mm512_loadu_si512(weights.add(64 * n).cast())) };
        }
        sums
    }

    #[inline(always)]
    unsafe fn join(sums: [__m512i; 4], _: *const i32) -> [__m512i; 4] {
        sums
    }
}

/// Quads of taps of two pixels, each of 32 channels.
pub(super) struct TapQuadsTwice;

// SAFETY: (of every block below) as above.
impl ByteTaps for TapQuadsTwice {
    type R = Zmm<true>;
    type Column = [__m512i; 4];
    type Sums = [__m512i; 4];

    const PACKING: TapPacking = TapPacking::Quads;
    const ORDER: &'static [u8] = Ymm::<false>::JOINED;
    const PIXELS: usize = 2;

    #[inline(always)]
    unsafe fn column(lines: [*const u8; 4], second: [*const u8; 4]) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            quads([
                side_by_side(lines[0], second[0]),
                side_by_side(lines[1], second[1]),
                side_by_side(lines[2], second[2]),
                side_by_side(lines[3], second[3]),
            ])
        }
    }

    #[inline(always)]
    unsafe fn start(bias: *const i32) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            [
                repeated(bias.cast()),
                repeated(bias.add(8).cast()),
                repeated(bias.add(16).cast()),
                repeated(bias.add(24).cast()),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_column(mut sums: [__m512i; 4], column: [__m512i; 4], weights: *const i8) -> [__m512i; 4] {
        for (n, (sum, taps)) in sums.iter_mut().zip(column).enumerate() {
            // SAFETY: as above.
            unsafe { *sum = _mm512_dpbusd_epi32(*sum, taps, repeated(weights.add(32 * n).cast())) };
        }
        sums
    }

    #[inline(always)]
    unsafe fn join(sums: [__m512i; 4], _: *const i32) -> [__m512i; 4] {
        sums
    }

    #[inline(always)]
    unsafe fn write<S: Store<Zmm<true>>>(store: &S, to: [*mut S::Element; 2], channel: usize, joined: [__m512i; 4]) {
        // SAFETY: the caller grants it.
        unsafe { store.write_joined_twice(to, channel, joined) }
    }
}

/// Four taps of each channel side by side, of lines of them: bytes are interleaved, then words.
///
/// # Safety
/// AVX-512 BW.
#[inline(always)]
unsafe fn quads([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: the caller has AVX-512.
    unsafe {
        let upper = [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)];
        let lower = [_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d)];
        [
            _mm512_unpacklo_epi16(upper[0], lower[0]),
            _mm512_unpackhi_epi16(upper[0], lower[0]),
            _mm512_unpacklo_epi16(upper[1], lower[1]),
            _mm512_unpackhi_epi16(upper[1], lower[1]),
        ]
    }
}

/// 32 bytes in both halves.
///
/// # Safety
/// AVX-512 F, and the bytes.
#[inline(always)]
unsafe fn repeated(from: *const __m256i) -> __m512i {
    // SAFETY: the caller grants the bytes.
    unsafe { _mm512_broadcast_i64x4(_mm256_loadu_si256(from)) }
}

/// 32 bytes of one pointer and of another.
///
/// # Safety
/// AVX-512 F, and the bytes.
#[inline(always)]
unsafe fn side_by_side(low: *const u8, high: *const u8) -> __m512i {
    // SAFETY: the caller grants the bytes.
    unsafe {
        let low = _mm512_castsi256_si512(_mm256_loadu_si256(low.cast()));
        _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(high.cast()))
    }
}
