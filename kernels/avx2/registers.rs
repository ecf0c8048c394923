//! Registers of 256 bits: eight 32-bit lanes.

use core::arch::asm;
use core::arch::x86_64::*;

use crate::generic::byte_taps::Joined;
use crate::generic::registers::{Ends, Registers, dot_row_in_turns};
use crate::generic::row::PIECE;

/// Registers of 256 bits of AVX2 and FMA; with `VNNI`, of AVX-VNNI besides.
pub(crate) struct Ymm<const VNNI: bool>;

// SAFETY: (of every block below) the trait's methods are called with the features at hand, and with pointers to as many
// elements as the trait says; unaligned loads and stores have no further demand.
impl<const VNNI: bool> Registers for Ymm<VNNI> {
    type Int = __m256i;
    type Float = __m256;
    type Pair = __m256i;
    type Words = __m256i;

    const LANES: usize = 8;
    const FUSES: bool = true;
    const SPREADS: bool = true;
    const STREAM_AHEAD: usize = 2048;
    const ROUNDS_BELOW: f32 = 2_147_483_648.0;

    // The 128-bit halves are unpacked separately.
    const INTERLEAVED: &'static [u8] = &[0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut i32, x: __m256i) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn splat(x: i32) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn add(x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_add_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn sub(x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_sub_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn shift_right<const N: i32>(x: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_srai_epi32::<N>(x) }
    }

    #[inline(always)]
    unsafe fn mul(x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_mullo_epi32(x, y) }
    }

    #[inline(always)]
    unsafe fn flip(x: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(x, _mm256_set1_epi8(-128)) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8, flip: u8) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let flipped = _mm_xor_si128(_mm_loadl_epi64(from.cast()), _mm_set1_epi8(flip as i8));
            _mm256_cvtepu8_epi32(flipped)
        }
    }

    #[inline(always)]
    unsafe fn load_signed_bytes(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_spread(from: *const u8) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            let bytes = _mm256_loadu_si256(from.cast());
            [
                _mm256_and_si256(bytes, _mm256_set1_epi32(0xff)),
                _mm256_and_si256(bytes, _mm256_set1_epi32(0xff00)),
                _mm256_and_si256(bytes, _mm256_set1_epi32(0x00ff_0000)),
                _mm256_srli_epi32::<24>(bytes),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_spread(to: *mut u8, x: [__m256i; 4]) {
        // Packs leave each register's four bytes of a half side by side.
        // SAFETY: as above.
        unsafe {
            let bytes = _mm256_packus_epi16(_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3]));
            let order =
                _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
            _mm256_storeu_si256(to.cast(), _mm256_shuffle_epi8(bytes, order));
        }
    }

    #[inline(always)]
    unsafe fn store_saturated<const N: usize, const MOVED: bool, const CLAMPED: bool>(
        to: *mut u8,
        x: [__m256i; N],
        ends: &Ends,
    ) {
        // Of fewer registers than four, some are there twice.
        // SAFETY: as above.
        unsafe {
            let bytes = saturated::<MOVED, CLAMPED>([x[0], x[1 % N], x[2 % N], x[3 % N]], ends);
            let bytes = in_order(bytes);
            match N {
                1 => _mm_storel_epi64(to.cast(), _mm256_castsi256_si128(bytes)),
                2 => _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes)),
                _ => _mm256_storeu_si256(to.cast(), bytes),
            }
        }
    }

    // Packs; the compiler takes each register apart.
    #[inline(always)]
    unsafe fn store_low_bytes(from: &[i32; PIECE], to: &mut [u8; PIECE]) {
        for (from, to) in from.as_chunks::<32>().0.iter().zip(to.as_chunks_mut::<32>().0) {
            // SAFETY: as above; there are 32 integers, and as many bytes.
            unsafe {
                let (from, low) = (from.as_ptr(), _mm256_set1_epi32(0xff));
                let x = [
                    _mm256_and_si256(low, Self::load(from)),
                    _mm256_and_si256(low, Self::load(from.add(8))),
                    _mm256_and_si256(low, Self::load(from.add(16))),
                    _mm256_and_si256(low, Self::load(from.add(24))),
                ];
                let words = [_mm256_packus_epi32(x[0], x[1]), _mm256_packus_epi32(x[2], x[3])];
                let bytes = _mm256_packus_epi16(words[0], words[1]);
                _mm256_storeu_si256(to.as_mut_ptr().cast(), in_order(bytes));
            }
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const i16) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn repeat_pair(from: *const i16) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot_pairs(acc: __m256i, x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe {
            if VNNI { _mm256_dpwssd_avx_epi32(acc, x, y) } else { _mm256_add_epi32(acc, _mm256_madd_epi16(x, y)) }
        }
    }

    // A sum that follows its product at once is often given to a pipe that products need: two products and then two
    // sums are 98 of a hundred of what the pipes can do, in turns 92 to 95 (Zen 3). A compiler reorders intrinsics, and
    // reads ahead into registers that it then lacks; it moves nothing past assembly that may touch memory.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    unsafe fn dot_row<const N: usize>(acc: &mut [__m256i; N], row: *const i16, k: usize, b: &[__m256i; N]) {
        // SAFETY: as above; the assembly reads a pair of the row.
        unsafe {
            if N == 2 && !VNNI {
                asm!(
                    "vpbroadcastd {a}, dword ptr [{row} + 2*{k}]",
                    "vpmaddwd {product}, {a}, {first}",
                    "vpmaddwd {a}, {a}, {second}",
                    "vpaddd {sum}, {sum}, {product}",
                    "vpaddd {other}, {other}, {a}",
                    a = out(ymm_reg) _,
                    product = out(ymm_reg) _,
                    row = in(reg) row,
                    k = in(reg) k,
                    first = in(ymm_reg) b[0],
                    second = in(ymm_reg) b[N - 1],
                    sum = inout(ymm_reg) acc[0],
                    other = inout(ymm_reg) acc[N - 1],
                    options(nostack, preserves_flags),
                );
            } else {
                dot_row_in_turns::<Self, N>(acc, row, k, b);
            }
        }
    }

    #[inline(always)]
    unsafe fn interleave(x: *const i16, y: *const i16) -> [__m256i; 2] {
        // SAFETY: as above.
        unsafe {
            let (x, y) = (_mm256_loadu_si256(x.cast()), _mm256_loadu_si256(y.cast()));
            [_mm256_unpacklo_epi16(x, y), _mm256_unpackhi_epi16(x, y)]
        }
    }

    #[inline(always)]
    unsafe fn in_order([x, y]: [__m256i; 2]) -> [__m256i; 2] {
        // SAFETY: as above.
        unsafe { [_mm256_permute2x128_si256::<0x20>(x, y), _mm256_permute2x128_si256::<0x31>(x, y)] }
    }

    #[inline(always)]
    unsafe fn center(from: *const u8, to: *mut i16, flip: u8, zero: i16) {
        // SAFETY: as above.
        unsafe {
            let flipped = _mm_xor_si128(_mm_loadu_si128(from.cast()), _mm_set1_epi8(flip as i8));
            let centred = _mm256_sub_epi16(_mm256_cvtepu8_epi16(flipped), _mm256_set1_epi16(zero));
            _mm256_storeu_si256(to.cast(), centred);
        }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const i16) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_words(to: *mut i16, x: __m256i) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn add_words(x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_add_epi16(x, y) }
    }

    #[inline(always)]
    unsafe fn sub_words(x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_sub_epi16(x, y) }
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store_floats(to: *mut f32, x: __m256) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(to, x) }
    }

    #[inline(always)]
    unsafe fn splat_float(x: f32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn to_float(x: __m256i) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_cvtepi32_ps(x) }
    }

    #[inline(always)]
    unsafe fn round(x: __m256) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_cvtps_epi32(x) }
    }

    #[inline(always)]
    unsafe fn add_float(x: __m256, y: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_add_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn mul_float(x: __m256, y: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_mul_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn div_float(x: __m256, y: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_div_ps(x, y) }
    }

    #[inline(always)]
    unsafe fn fma_float(x: __m256, y: __m256, z: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_fmadd_ps(x, y, z) }
    }

    #[inline(always)]
    unsafe fn clamp_float(x: __m256, low: __m256, high: __m256) -> __m256 {
        // `max` gives its second operand where the first is NaN.
        // SAFETY: as above.
        unsafe { _mm256_min_ps(_mm256_max_ps(x, low), high) }
    }

    #[inline(always)]
    unsafe fn cap_float(x: __m256, _: __m256, high: __m256) -> __m256 {
        // `min` gives its second operand where that is NaN. NaN and what is too small are rounded to the least integer.
        // SAFETY: as above.
        unsafe { _mm256_min_ps(high, x) }
    }

    #[inline(always)]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch of any address does no harm; it needs SSE alone, which x86-64 has.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
}

// SAFETY: as above.
impl<const VNNI: bool> Joined for Ymm<VNNI> {
    // The 128-bit halves are unpacked separately: bytes, then words.
    const JOINED: &'static [u8] = &[
        0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23, //
        8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31,
    ];

    #[inline(always)]
    unsafe fn transposed([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            let (ab, cd) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
            let (ab_high, cd_high) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
            [
                _mm256_unpacklo_epi64(ab, cd),
                _mm256_unpackhi_epi64(ab, cd),
                _mm256_unpacklo_epi64(ab_high, cd_high),
                _mm256_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn joined_in_order([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: as above.
        unsafe {
            [
                _mm256_permute2x128_si256::<0x20>(a, b),
                _mm256_permute2x128_si256::<0x20>(c, d),
                _mm256_permute2x128_si256::<0x31>(a, b),
                _mm256_permute2x128_si256::<0x31>(c, d),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_joined(to: *mut u8, x: [__m256i; 4], ends: &Ends) {
        // Packing undoes what unpacking did.
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.cast(), saturated::<true, true>(x, ends)) }
    }
}

/// Bytes at two pointers in pairs: of the channels 0 to 7 and 16 to 23, and of the others.
///
/// # Safety
/// AVX2, and 32 bytes at each pointer.
#[inline(always)]
pub(crate) unsafe fn interleave_bytes(x: *const u8, y: *const u8) -> [__m256i; 2] {
    // SAFETY: the caller grants it.
    unsafe {
        let (x, y) = (_mm256_loadu_si256(x.cast()), _mm256_loadu_si256(y.cast()));
        [_mm256_unpacklo_epi8(x, y), _mm256_unpackhi_epi8(x, y)]
    }
}

/// Four registers as bytes, in the order of packs, which work on halves: see [`Registers::store_saturated`].
///
/// # Safety
/// AVX2.
#[inline(always)]
unsafe fn saturated<const MOVED: bool, const CLAMPED: bool>(x: [__m256i; 4], ends: &Ends) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe {
        let mut words = [_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3])];
        if MOVED {
            let zero_point = _mm256_set1_epi16(ends.zero_point);
            words = [_mm256_adds_epi16(words[0], zero_point), _mm256_adds_epi16(words[1], zero_point)];
        }
        let mut bytes = _mm256_packus_epi16(words[0], words[1]);
        if ends.is_plain {
            return bytes;
        }
        if CLAMPED {
            bytes = _mm256_max_epu8(bytes, _mm256_set1_epi8(ends.low as i8));
            bytes = _mm256_min_epu8(bytes, _mm256_set1_epi8(ends.high as i8));
        }
        _mm256_xor_si256(bytes, _mm256_set1_epi8(ends.flip as i8))
    }
}

/// What packs made of four registers, in the order of their elements.
///
/// # Safety
/// AVX2.
#[inline(always)]
unsafe fn in_order(bytes: __m256i) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe { _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)) }
}
