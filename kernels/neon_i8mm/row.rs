//! A single row: half of each square.

use core::arch::aarch64::*;

use super::instructions::multiply;
use crate::generic::gemm::{Product, Tile};
use crate::generic::multiply::Weights;
use crate::generic::store::Store;
use crate::neon::registers::Neon;

/// Panels side by side: sixteen accumulators. Four panels would take all registers.
const SIDE_BY_SIDE: usize = 2;

/// See [`crate::generic::gemv::row`].
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn row<const SIGNED: bool, const S: usize, const N: usize>(
    acc: &mut [[int32x4_t; N]; S],
    product: &Product<'_, u8>,
    panels: [Weights; S],
) {
    let (acc, more_acc) = acc.as_chunks_mut::<SIDE_BY_SIDE>();
    let (panels, more_panels) = panels.as_chunks::<SIDE_BY_SIDE>();
    // SAFETY: the caller grants the row and the weights.
    unsafe {
        for (acc, &panels) in acc.iter_mut().zip(panels) {
            some_panels::<SIGNED, SIDE_BY_SIDE, N>(acc, product, panels);
        }
        for (acc, &panel) in more_acc.iter_mut().zip(more_panels) {
            some_panels::<SIGNED, 1, N>(core::array::from_mut(acc), product, [panel]);
        }
    }
}

/// The tile of a single row.
///
/// # Safety
/// As [`crate::generic::tile::tile`].
#[inline(always)]
pub(super) unsafe fn tile<const SIGNED: bool, S: Store<Neon>, const N: usize>(
    product: &Product<'_, u8>,
    at: Tile,
    store: &S,
) {
    // SAFETY: the row, the panel and the columns of the tile are the product's.
    unsafe {
        let mut acc = [[vdupq_n_s32(0); N]];
        for n in 0..N {
            acc[0][n] = vld1q_s32(at.start.add(n * 4));
        }
        some_panels::<SIGNED, 1, N>(&mut acc, product, [Weights::new(at.weights)]);
        store.store(0, at.column, at.count, acc[0]);
    }
}

/// # Safety
/// As [`row`].
#[inline(always)]
unsafe fn some_panels<const SIGNED: bool, const S: usize, const N: usize>(
    acc: &mut [[int32x4_t; N]; S],
    product: &Product<'_, u8>,
    mut panels: [Weights; S],
) {
    // SAFETY: the caller grants the row and the weights.
    unsafe {
        // Two columns each, in the low half. The high half is the row that is not there.
        let mut squares = [[[vdupq_n_s32(0); 2]; N]; S];
        for s in 0..S {
            for n in 0..N {
                squares[s][n] = [acc[s][n], vextq_s32::<2>(acc[s][n], acc[s][n])];
            }
        }
        let start = product.a.as_ptr().add(product.rows[0] as usize);
        for &segment in product.segments {
            let row = start.add(segment as usize);
            let mut k = 0;
            while k < product.segment_len {
                let a = vcombine_u8(vld1_u8(row.add(k)), vdup_n_u8(0));
                for s in 0..S {
                    for n in 0..N {
                        for half in 0..2 {
                            let b = vld1q_u8(panels[s].at.add((2 * n + half) * 16));
                            squares[s][n][half] = multiply::<SIGNED>(squares[s][n][half], a, b);
                        }
                    }
                    panels[s].at = panels[s].at.add(N * 4 * 8);
                }
                k += 8;
            }
        }
        for s in 0..S {
            for n in 0..N {
                let [x, y] = squares[s][n];
                acc[s][n] = vcombine_s32(vget_low_s32(x), vget_low_s32(y));
            }
        }
    }
}
