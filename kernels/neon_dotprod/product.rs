//! The product of quads of bytes by `sdot`, or `udot`.

use core::arch::aarch64::*;

use super::instructions::{dot, dot_lane};
use crate::generic::multiply::{Multiply, Weights};
use crate::generic::operands::quads;
use crate::generic::tier::outlined_tile;
use crate::neon::registers::Neon;

/// Quads of bytes, of activations that are unsigned or signed. Both operands have the same sign: for unsigned
/// activations the weights become unsigned while they are read.
///
/// Twelve rows by two registers are 24 accumulators; with the weights of a turn 28 of 32 registers are taken. So many
/// rows, since a change of the weights' sign serves as many products as there are rows.
pub(super) struct Quads<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with NEON and FEAT_DotProd at hand, and with pointers to
// as many elements as the trait says; loads have no further demand than their elements' alignment.
impl<const SIGNED: bool> Multiply for Quads<SIGNED> {
    type R = Neon;

    const ROWS: usize = 12;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 2;
    const TURN: usize = 8;

    #[inline(always)]
    unsafe fn dot(acc: int32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { dot::<SIGNED>(acc, b, a) }
    }

    /// The instruction repeats a lane by itself: a load of eight bytes of a row serves two groups, and leaves to the
    /// products the pipe that a load which repeats would take.
    #[inline(always)]
    unsafe fn turn<const M: usize, const N: usize, const FORM: usize>(
        acc: &mut [[int32x4_t; N]; M],
        rows: &[*const u8; M],
        k: usize,
        weights: Weights,
    ) {
        // SAFETY: the caller grants the values of the turn.
        unsafe {
            let next = weights.ahead::<Self, N, FORM>(1);
            let mut b = [[weights.read::<Self, FORM>(0); N]; 2];
            for n in 0..N {
                b[0][n] = weights.read::<Self, FORM>(n);
                b[1][n] = next.read::<Self, FORM>(n);
            }
            for m in 0..M {
                let a = vld1_u8(rows[m].add(k));
                for n in 0..N {
                    acc[m][n] = dot_lane::<SIGNED, 0>(acc[m][n], b[0][n], a);
                }
                for n in 0..N {
                    acc[m][n] = dot_lane::<SIGNED, 1>(acc[m][n], b[1][n], a);
                }
            }
        }
    }

    quads!(unsigned_weights: !SIGNED);
    outlined_tile!(#[target_feature(enable = "neon,dotprod")]);
}
