//! Taps of bytes in quads, by `vpdpbusd` on 512 bits.

use core::arch::x86_64::*;

use crate::avx512::registers::Zmm;
use crate::generic::byte_taps::{ByteTaps, Joined};
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
    unsafe fn column([a, b, c, d]: [*const u8; 4]) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            let (a, b) = (_mm512_loadu_si512(a.cast()), _mm512_loadu_si512(b.cast()));
            let (c, d) = (_mm512_loadu_si512(c.cast()), _mm512_loadu_si512(d.cast()));
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
    unsafe fn add_unit(sums: [__m512i; 4], taps: [*const u8; 4], weights: *const i8) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe { Self::add_column(sums, Self::column(taps), weights) }
    }

    #[inline(always)]
    unsafe fn join(sums: [__m512i; 4], _: *const i32) -> [__m512i; 4] {
        sums
    }
}
