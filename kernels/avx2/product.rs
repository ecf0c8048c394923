//! The product of pairs of 16 bits by `vpmaddwd`.

use core::arch::asm;
use core::arch::x86_64::*;

use super::registers::Ymm;
use crate::generic::multiply::{EIGHT_KIB_AHEAD, Multiply, Weights};
use crate::generic::operands::pairs;
use crate::generic::tier::outlined_tile;

/// Pairs of centred values. Six rows by two registers are twelve accumulators; with two operands, a broadcast and a
/// product all sixteen registers are taken. Crossed, four rows are eight accumulators, beside four operands of a quad and four
/// values of a row.
pub(super) struct Pairs;

// SAFETY: (of every block below) the trait's methods are called with AVX2 at hand, and with pointers to as many elements
// as the trait says; unaligned loads and stores have no further demand.
impl Multiply for Pairs {
    type R = Ymm<false>;

    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const CROSSED_ROWS: usize = 4;
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

    #[inline(always)]
    unsafe fn add_terms(rows: [*const i16; 4], quads: usize, terms: &mut [i32; 4]) {
        // SAFETY: as above; there are as many quads.
        unsafe {
            let mut acc = [_mm256_setzero_si256(); 4];
            let whole = quads / 4 * 4;
            for quad in (0..whole).step_by(4) {
                for m in 0..4 {
                    acc[m] = add_term(acc[m], _mm256_loadu_si256(rows[m].add(4 * quad).cast()));
                }
            }
            for quad in whole..quads {
                for m in 0..4 {
                    let one = _mm_loadl_epi64(rows[m].add(4 * quad).cast());
                    acc[m] = add_term(acc[m], _mm256_zextsi128_si256(one));
                }
            }
            let [a, b, c, d] = acc;
            let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
            let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
            let terms = terms.as_mut_ptr().cast();
            _mm_storeu_si128(terms, _mm_add_epi32(_mm_loadu_si128(terms), sums));
        }
    }

    // The whole loop is assembly, so that it begins with a cache line: elsewhere it took up to 1.02 of the time (Zen 3).
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    unsafe fn cross<const M: usize, const N: usize>(
        acc: &mut [[__m256i; N]; M],
        rows: &[*const i16; M],
        quads: usize,
        weights: Weights,
    ) {
        // The weights of a quad are four registers: the first pair of both registers of columns, then the second one.
        #[rustfmt::skip]
        macro_rules! row {
            ($row:literal: $sum0:literal, $sum1:literal) => {
                concat!(
                    "vpbroadcastd {a}, dword ptr [{", $row, "} + 8*{quad}]\n",
                    "vpbroadcastd {b}, dword ptr [{", $row, "} + 8*{quad} + 4]\n",
                    "vpaddw {x}, {a}, {second0}\n",
                    "vpaddw {y}, {b}, {first0}\n",
                    "vpaddw {a}, {a}, {second1}\n",
                    "vpaddw {b}, {b}, {first1}\n",
                    "vpmaddwd {x}, {x}, {y}\n",
                    "vpmaddwd {a}, {a}, {b}\n",
                    "vpaddd {", $sum0, "}, {", $sum0, "}, {x}\n",
                    "vpaddd {", $sum1, "}, {", $sum1, "}, {a}\n",
                )
            };
        }
        // Tiles of other sizes are never crossed.
        if const { M != Self::CROSSED_ROWS || N != Self::REGISTERS } || quads == 0 {
            return;
        }
        // SAFETY: as above; the assembly reads as many quads of each row, and of weights.
        unsafe {
            asm!(
                ".p2align 6",
                "2:",
                "vmovdqu {first0}, [{weights}]",
                "vmovdqu {first1}, [{weights} + 32]",
                "vmovdqu {second0}, [{weights} + 64]",
                "vmovdqu {second1}, [{weights} + 96]",
                row!("row0": "sum00", "sum01"),
                row!("row1": "sum10", "sum11"),
                row!("row2": "sum20", "sum21"),
                row!("row3": "sum30", "sum31"),
                "sub {weights}, -128",
                "inc {quad}",
                "cmp {quad}, {quads}",
                "jb 2b",
                row0 = in(reg) rows[0],
                row1 = in(reg) rows[1],
                row2 = in(reg) rows[2],
                row3 = in(reg) rows[3],
                quads = in(reg) quads,
                quad = inout(reg) 0usize => _,
                weights = inout(reg) weights.at => _,
                first0 = out(ymm_reg) _,
                first1 = out(ymm_reg) _,
                second0 = out(ymm_reg) _,
                second1 = out(ymm_reg) _,
                a = out(ymm_reg) _,
                b = out(ymm_reg) _,
                x = out(ymm_reg) _,
                y = out(ymm_reg) _,
                sum00 = inout(ymm_reg) acc[0][0],
                sum01 = inout(ymm_reg) acc[0][1],
                sum10 = inout(ymm_reg) acc[1][0],
                sum11 = inout(ymm_reg) acc[1][1],
                sum20 = inout(ymm_reg) acc[2][0],
                sum21 = inout(ymm_reg) acc[2][1],
                sum30 = inout(ymm_reg) acc[3][0],
                sum31 = inout(ymm_reg) acc[3][1],
                options(nostack, readonly),
            );
        }
    }

    pairs!();
    outlined_tile!(#[target_feature(enable = "avx2,fma")]);
}

/// Adds, in every other lane, the product of a pair and the next one.
///
/// # Safety
/// AVX2.
#[inline(always)]
unsafe fn add_term(acc: __m256i, pairs: __m256i) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe { _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_srli_epi64::<32>(pairs))) }
}
