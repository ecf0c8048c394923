//! Taps of bytes in quads, by `vpdpbusd` on 512 bits.

use core::arch::x86_64::*;

use crate::avx2::registers::Ymm;
use crate::avx512::registers::Zmm;
use crate::generic::byte_taps::{ByteTaps, Joined};
use crate::generic::store::Store;
use crate::generic::tier::outlined_slide;
use crate::pack::TapPacking;

/// Quads of taps: of one pixel and 64 channels, or of two pixels with 32 each.
pub(super) struct TapQuads<const PIXELS: usize>;

// SAFETY: (of every block below) the trait's methods are called with AVX-512 F, BW and VNNI at hand, and with pointers to
// as many elements as the trait says; unaligned loads have no further demand.
impl<const PIXELS: usize> ByteTaps for TapQuads<PIXELS> {
    type R = Zmm<true>;
    type Column = [__m512i; 4];
    type Sums = [__m512i; 4];

    const PACKING: TapPacking = TapPacking::Quads;
    // Four taps of a channel lie as their sum does.
    const ORDER: &'static [u8] = if PIXELS == 1 { Zmm::<true>::JOINED } else { Ymm::<true>::JOINED };
    const PIXELS: usize = PIXELS;
    const NEIGHBOURS: usize = PIXELS;

    #[inline(always)]
    unsafe fn column(lines: [*const u8; 4], second: [*const u8; 4]) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            let a = line::<PIXELS>(lines[0], second[0]);
            let b = line::<PIXELS>(lines[1], second[1]);
            let c = line::<PIXELS>(lines[2], second[2]);
            let d = line::<PIXELS>(lines[3], second[3]);
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
                of_each::<PIXELS>(bias.cast(), 0),
                of_each::<PIXELS>(bias.cast(), 1),
                of_each::<PIXELS>(bias.cast(), 2),
                of_each::<PIXELS>(bias.cast(), 3),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_column(mut sums: [__m512i; 4], column: [__m512i; 4], weights: *const i8) -> [__m512i; 4] {
        for (n, (sum, taps)) in sums.iter_mut().zip(column).enumerate() {
            // SAFETY: as above.
            unsafe { *sum = _mm512_dpbusd_epi32(*sum, taps, of_each::<PIXELS>(weights.cast(), n)) };
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
        unsafe {
            if PIXELS == 1 {
                store.write_joined(to[0], channel, joined)
            } else {
                store.write_joined_twice(to, channel, joined)
            }
        }
    }

    #[inline(always)]
    unsafe fn write_few<S: Store<Zmm<true>>>(
        store: &S,
        to: [*mut S::Element; 2],
        channel: usize,
        count: usize,
        joined: [__m512i; 4],
    ) {
        // SAFETY: the caller grants it.
        unsafe {
            if PIXELS == 1 {
                store.write_joined_few(to[0], channel, count, joined)
            } else {
                store.write_joined_twice_few(to, channel, count, joined)
            }
        }
    }

    outlined_slide!(#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]);
}

/// The bytes of a line: 64 of the pixel, or 32 of it and 32 of the second.
///
/// # Safety
/// AVX-512 F, and the bytes.
#[inline(always)]
unsafe fn line<const PIXELS: usize>(pixel: *const u8, second: *const u8) -> __m512i {
    // SAFETY: the caller grants the bytes.
    unsafe {
        if PIXELS == 1 {
            return _mm512_loadu_si512(pixel.cast());
        }
        let pixel = _mm512_castsi256_si512(_mm256_loadu_si256(pixel.cast()));
        _mm512_inserti64x4::<1>(pixel, _mm256_loadu_si256(second.cast()))
    }
}

/// What is for each channel, of the `n`-th register: the same for both pixels where there are two.
///
/// # Safety
/// AVX-512 F, and the registers' bytes.
#[inline(always)]
unsafe fn of_each<const PIXELS: usize>(from: *const u8, n: usize) -> __m512i {
    // SAFETY: the caller grants the bytes.
    unsafe {
        if PIXELS == 1 {
            return _mm512_loadu_si512(from.add(64 * n).cast());
        }
        _mm512_broadcast_i64x4(_mm256_loadu_si256(from.add(32 * n).cast()))
    }
}
