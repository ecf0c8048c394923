//! Registers of 512 bits: sixteen 32-bit lanes.

use core::arch::x86_64::*;

use crate::generic::byte_taps::{Joined, JoinedTwice};
use crate::generic::registers::{Ends, Registers};

/// Registers of 512 bits of AVX-512 F, BW, DQ and VL; with `VNNI`, of its VNNI besides.
pub(crate) struct Zmm<const VNNI: bool>;

// SAFETY: (of every block below) the trait's methods are called with the features at hand, and with pointers to as many
// elements as the trait says; unaligned loads and stores have no further demand.
impl<const VNNI: bool> Registers for Zmm<VNNI> {
    type Int = __m512i;
    type Float = __m512;
    type Pair = __m512i;
    type Words = __m512i;

    const LANES: usize = 16;
    const MASKS: bool = true;
    const FUSES: bool = true;
    const STREAM_AHEAD: usize = 2048;
    const ROUNDS_BELOW: f32 = 2_147_483_648.0;

    // The 128-bit quarters are unpacked separately.
    const INTERLEAVED: &'static [u8] = &[
        0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29,
        30, 31,
    ];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut i32, x: __m512i) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn store_few(to: *mut i32, x: __m512i, count: usize) {
        // SAFETY: as above; elements that the mask leaves out are not touched.
        unsafe { _mm512_mask_storeu_epi32(to, first(count) as __mmask16, x) }
    }

    #[inline(always)]
    unsafe fn splat(x: i32) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn add(x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_add_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn sub(x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn shift_right<const N: i32>(x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_sra_epi32(x, _mm_cvtsi32_si128(N)) }
    }

    #[inline(always)]
    unsafe fn mul(x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_mullo_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn flip(x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_xor_si512(x, _mm512_set1_epi8(-128)) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8, flip: u8) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let flipped = _mm_xor_si128(_mm_loadu_si128(from.cast()), _mm_set1_epi8(flip as i8));
            _mm512_cvtepu8_epi32(flipped)
        }
    }

    #[inline(always)]
    unsafe fn load_signed_bytes(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_saturated<const N: usize, const MOVED: bool, const CLAMPED: bool>(
        to: *mut u8,
        x: [__m512i; N],
        ends: &Ends,
    ) {
        // SAFETY: as above.
        unsafe {
            let bytes = in_order(saturated::<MOVED, CLAMPED>([x[0], x[1 % N], x[2 % N], x[3 % N]], ends));
            match N {
                1 => _mm_storeu_si128(to.cast(), _mm512_castsi512_si128(bytes)),
                2 => _mm256_storeu_si256(to.cast(), _mm512_castsi512_si256(bytes)),
                _ => _mm512_storeu_si512(to.cast(), bytes),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_saturated_few<const N: usize>(to: *mut u8, x: [__m512i; N], ends: &Ends, count: usize) {
        // SAFETY: as above; elements that the mask leaves out are not touched.
        unsafe {
            let bytes = in_order(saturated::<true, true>([x[0], x[1 % N], x[2 % N], x[3 % N]], ends));
            let to = to.cast::<i8>();
            match N {
                1 => _mm_mask_storeu_epi8(to, first(count) as __mmask16, _mm512_castsi512_si128(bytes)),
                2 => _mm256_mask_storeu_epi8(to, first(count) as __mmask32, _mm512_castsi512_si256(bytes)),
                _ => _mm512_mask_storeu_epi8(to, first(count), bytes),
            }
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const i16) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn repeat_pair(from: *const i16) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot_pairs(acc: __m512i, x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { if VNNI { _mm512_dpwssd_epi32(acc, x, y) } else { _mm512_add_epi32(acc, _mm512_madd_epi16(x, y)) } }
    }

    #[inline(always)]
    unsafe fn interleave(x: *const i16, y: *const i16) -> [__m512i; 2] {
        // SAFETY: as above.
        unsafe {
            let (x, y) = (_mm512_loadu_si512(x.cast()), _mm512_loadu_si512(y.cast()));
            [_mm512_unpacklo_epi16(x, y), _mm512_unpackhi_epi16(x, y)]
        }
    }

    #[inline(always)]
    unsafe fn in_order([x, y]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
            let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
            [_mm512_permutex2var_epi64(x, low, y), _mm512_permutex2var_epi64(x, high, y)]
        }
    }

    #[inline(always)]
    unsafe fn center(from: *const u8, to: *mut i16, flip: u8, zero: i16) {
        // SAFETY: as above.
        unsafe {
            let flipped = _mm256_xor_si256(_mm256_loadu_si256(from.cast()), _mm256_set1_epi8(flip as i8));
            let centred = _mm512_sub_epi16(_mm512_cvtepu8_epi16(flipped), _mm512_set1_epi16(zero));
            _mm512_storeu_si512(to.cast(), centred);
        }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const i16) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_words(to: *mut i16, x: __m512i) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn add_words(x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_add_epi16(x, y) }
    }

    #[inline(always)]
    unsafe fn sub_words(x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi16(x, y) }
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store_floats(to: *mut f32, x: __m512) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(to, x) }
    }

    #[inline(always)]
    unsafe fn store_floats_few(to: *mut f32, x: __m512, count: usize) {
        // SAFETY: as above; elements that the mask leaves out are not touched.
        unsafe { _mm512_mask_storeu_ps(to, first(count) as __mmask16, x) }
    }

    #[inline(always)]
    unsafe fn splat_float(x: f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn to_float(x: __m512i) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi32_ps(x) }
    }

    #[inline(always)]
    unsafe fn round(x: __m512) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_cvtps_epi32(x) }
    }

    #[inline(always)]
    unsafe fn add_float(x: __m512, y: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_add_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn mul_float(x: __m512, y: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn div_float(x: __m512, y: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_div_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn fma_float(x: __m512, y: __m512, z: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(x, y, z) }
    }

    #[inline(always)]
    unsafe fn clamp_float(x: __m512, low: __m512, high: __m512) -> __m512 {
        // `max` gives its second operand where the first is NaN.
        // SAFETY: as above.
        unsafe { _mm512_min_ps(_mm512_max_ps(x, low), high) }
    }

    #[inline(always)]
    unsafe fn cap_float(x: __m512, _: __m512, high: __m512) -> __m512 {
        // `min` gives its second operand where that is NaN. NaN and what is too small are rounded to the least integer.
        // SAFETY: as above.
        unsafe { _mm512_min_ps(high, x) }
    }

    #[inline(always)]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch of any address does no harm; it needs SSE alone, which x86-64 has.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
}

// SAFETY: as above.
impl<const VNNI: bool> Joined for Zmm<VNNI> {
    // The 128-bit quarters are unpacked separately: bytes, then words.
    const JOINED: &'static [u8] = &[
        0, 1, 2, 3, 16, 17, 18, 19, 32, 33, 34, 35, 48, 49, 50, 51, //
        4, 5, 6, 7, 20, 21, 22, 23, 36, 37, 38, 39, 52, 53, 54, 55, //
        8, 9, 10, 11, 24, 25, 26, 27, 40, 41, 42, 43, 56, 57, 58, 59, //
        12, 13, 14, 15, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63,
    ];

    #[inline(always)]
    unsafe fn transposed([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: as above.
        unsafe {
            let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
            let (ab_high, cd_high) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
            [
                _mm512_unpacklo_epi64(ab, cd),
                _mm512_unpackhi_epi64(ab, cd),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn joined_in_order([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // Quarters of four registers are transposed.
        // SAFETY: as above.
        unsafe {
            let (ab, cd) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0x44>(c, d));
            let (ab_high, cd_high) = (_mm512_shuffle_i32x4::<0xee>(a, b), _mm512_shuffle_i32x4::<0xee>(c, d));
            [
                _mm512_shuffle_i32x4::<0x88>(ab, cd),
                _mm512_shuffle_i32x4::<0xdd>(ab, cd),
                _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high),
                _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_joined(to: *mut u8, x: [__m512i; 4], ends: &Ends) {
        // Packing undoes what unpacking did.
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(to.cast(), saturated::<true, true>(x, ends)) }
    }

    #[inline(always)]
    unsafe fn store_joined_few(to: *mut u8, x: [__m512i; 4], ends: &Ends, count: usize) {
        // SAFETY: as above; elements that the mask leaves out are not touched.
        unsafe { _mm512_mask_storeu_epi8(to.cast(), first(count), saturated::<true, true>(x, ends)) }
    }
}

// SAFETY: as above.
impl<const VNNI: bool> JoinedTwice for Zmm<VNNI> {
    #[inline(always)]
    unsafe fn repeat_floats(from: *const f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_broadcast_f32x8(_mm256_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store_joined_twice(to: [*mut u8; 2], x: [__m512i; 4], ends: &Ends) {
        // SAFETY: as above.
        unsafe {
            let bytes = saturated::<true, true>(x, ends);
            _mm256_storeu_si256(to[0].cast(), _mm512_castsi512_si256(bytes));
            _mm256_storeu_si256(to[1].cast(), _mm512_extracti64x4_epi64::<1>(bytes));
        }
    }

    #[inline(always)]
    unsafe fn store_joined_twice_few(to: [*mut u8; 2], x: [__m512i; 4], ends: &Ends, count: usize) {
        // SAFETY: as above; elements that the mask leaves out are not touched.
        unsafe {
            let (bytes, mask) = (saturated::<true, true>(x, ends), first(count) as __mmask32);
            _mm256_mask_storeu_epi8(to[0].cast(), mask, _mm512_castsi512_si256(bytes));
            _mm256_mask_storeu_epi8(to[1].cast(), mask, _mm512_extracti64x4_epi64::<1>(bytes));
        }
    }
}

/// The mask of the first `count` elements, fewer than 64.
#[inline(always)]
fn first(count: usize) -> __mmask64 {
    (1 << count) - 1
}

/// Saturated bytes in the order of the registers that they were. Of fewer than four, some are there twice.
///
/// # Safety
/// AVX-512 F.
#[inline(always)]
unsafe fn in_order(bytes: __m512i) -> __m512i {
    // SAFETY: the caller has AVX-512.
    unsafe {
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_permutexvar_epi32(order, bytes)
    }
}

/// Four registers as bytes, in the order of packs, which work on quarters: see [`Registers::store_saturated`].
///
/// # Safety
/// AVX-512 F and BW.
#[inline(always)]
unsafe fn saturated<const MOVED: bool, const CLAMPED: bool>(x: [__m512i; 4], ends: &Ends) -> __m512i {
    // SAFETY: the caller has AVX-512.
    unsafe {
        let mut words = [_mm512_packs_epi32(x[0], x[1]), _mm512_packs_epi32(x[2], x[3])];
        if MOVED {
            let zero_point = _mm512_set1_epi16(ends.zero_point);
            words = [_mm512_adds_epi16(words[0], zero_point), _mm512_adds_epi16(words[1], zero_point)];
        }
        let mut bytes = _mm512_packus_epi16(words[0], words[1]);
        if ends.is_plain {
            return bytes;
        }
        if CLAMPED {
            bytes = _mm512_max_epu8(bytes, _mm512_set1_epi8(ends.low as i8));
            bytes = _mm512_min_epu8(bytes, _mm512_set1_epi8(ends.high as i8));
        }
        _mm512_xor_si512(bytes, _mm512_set1_epi8(ends.flip as i8))
    }
}
