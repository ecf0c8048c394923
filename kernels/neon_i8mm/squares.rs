//! Accumulators in squares: two rows by two columns.

use core::arch::aarch64::*;

use super::instructions::multiply;
use crate::generic::multiply::Weights;

/// Four columns of two rows as two squares, or two squares as rows.
///
/// # Safety
/// NEON.
#[inline(always)]
pub(super) unsafe fn exchange<const M: usize, const N: usize>(acc: &mut [[int32x4_t; N]; M]) {
    for [first, second] in acc.as_chunks_mut().0 {
        for n in 0..N {
            // SAFETY: the caller has NEON.
            unsafe {
                let (x, y) = (vreinterpretq_s64_s32(first[n]), vreinterpretq_s64_s32(second[n]));
                first[n] = vreinterpretq_s32_s64(vzip1q_s64(x, y));
                second[n] = vreinterpretq_s32_s64(vzip2q_s64(x, y));
            }
        }
    }
}

/// The products of one group of K: `M` rows, an even number, by `N` times four columns.
///
/// # Safety
/// FEAT_I8MM; each row has a group at `k`, and there are weights of the columns.
#[inline(always)]
pub(super) unsafe fn group<const SIGNED: bool, const M: usize, const N: usize>(
    acc: &mut [[int32x4_t; N]; M],
    rows: &[*const u8; M],
    k: usize,
    weights: Weights,
) {
    // SAFETY: the caller grants the values.
    unsafe {
        let mut a = [vdupq_n_u8(0); M];
        for (a, [first, second]) in a.iter_mut().zip(rows.as_chunks().0) {
            *a = vcombine_u8(vld1_u8(first.add(k)), vld1_u8(second.add(k)));
        }
        for n in 0..N {
            for half in 0..2 {
                let b = vld1q_u8(weights.at.add((2 * n + half) * 16));
                for pair in 0..M / 2 {
                    let acc = &mut acc[2 * pair + half][n];
                    *acc = multiply::<SIGNED>(*acc, a[pair], b);
                }
            }
        }
    }
}
