//! The product of 2 × 8 by 8 × 2 bytes by `smmla`, or `usmmla`.

use core::arch::aarch64::*;

use super::instructions::multiply;
use super::{row, squares};
use crate::generic::gemm::{Product, Tile};
use crate::generic::multiply::{Multiply, Weights};
use crate::generic::store::Store;
use crate::generic::tile::tile;
use crate::neon::registers::Neon;

/// Bytes of activations that are unsigned or signed, and of signed weights.
///
/// Four columns are two registers of weights. Six rows by sixteen columns are 24 accumulators; three registers of
/// activations and five for weights are left.
pub(super) struct Squares<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with NEON and FEAT_I8MM at hand, and with pointers to as
// many elements as the trait says; loads have no further demand than their elements' alignment.
impl<const SIGNED: bool> Multiply for Squares<SIGNED> {
    type R = Neon;
    type A = u8;
    type Operand = [uint8x16_t; 2];

    const GROUP: usize = 8;
    const ROWS: usize = 6;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 4;

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> [uint8x16_t; 2] {
        // SAFETY: as above.
        unsafe {
            let group = vld1_u8(from);
            [vcombine_u8(group, group); 2]
        }
    }

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> [uint8x16_t; 2] {
        // SAFETY: as above.
        unsafe { [vld1q_u8(from), vld1q_u8(from.add(16))] }
    }

    /// Lane by lane, as the sums of rows want it: the first group of two by the first, the second by the second.
    #[inline(always)]
    unsafe fn dot(acc: int32x4_t, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> int32x4_t {
        // SAFETY: as above.
        unsafe {
            let zero = vdupq_n_s32(0);
            let [x, y] = [multiply::<SIGNED>(zero, a[0], b[0]), multiply::<SIGNED>(zero, a[1], b[1])];
            let (first, second) = (vuzp1q_s32(x, y), vuzp2q_s32(x, y));
            vaddq_s32(acc, vtrn1q_s32(first, vrev64q_s32(second)))
        }
    }

    /// A turn is a group.
    #[inline(always)]
    unsafe fn turn<const M: usize, const N: usize, const FORM: usize>(
        acc: &mut [[int32x4_t; N]; M],
        rows: &[*const u8; M],
        k: usize,
        weights: Weights,
    ) {
        // SAFETY: the caller grants the values of the turn.
        unsafe { squares::group::<SIGNED, M, N>(acc, rows, k, weights) }
    }

    #[inline(always)]
    unsafe fn exchange<const M: usize, const N: usize>(acc: &mut [[int32x4_t; N]; M]) {
        // SAFETY: as above.
        unsafe { squares::exchange(acc) }
    }

    #[inline(always)]
    unsafe fn row<const S: usize, const N: usize>(
        acc: &mut [[int32x4_t; N]; S],
        product: &Product<'_, u8>,
        panels: [Weights; S],
    ) {
        // SAFETY: the caller grants the row and the weights.
        unsafe { row::row::<SIGNED, S, N>(acc, product, panels) }
    }

    #[target_feature(enable = "neon,i8mm")]
    #[inline(never)]
    unsafe fn tile<S: Store<Neon>, const M: usize, const N: usize, const FORM: usize>(
        product: &Product<'_, u8>,
        at: Tile,
        store: &S,
    ) {
        // SAFETY: the caller answers for the tile.
        unsafe {
            if M == 1 {
                row::tile::<SIGNED, S, N>(product, at, store);
            } else {
                tile::<Self, S, M, N, FORM>(product, at, store);
            }
        }
    }
}
