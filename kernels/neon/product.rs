//! The product of pairs of bytes by `smull` and `sadalp`, or `umull` and `uadalp`.

use core::arch::aarch64::*;

use super::instructions::products;
use super::registers::Neon;
use crate::encode::Reading;
use crate::generic::multiply::{Multiply, Weights, step};
use crate::generic::tier::outlined_tile;

/// Pairs of bytes, of activations that are unsigned or signed. Both operands have the same sign: for unsigned
/// activations the weights become unsigned while they are read.
///
/// Six rows by four registers are 24 accumulators; with two registers of weights and five of [`products`] 31 of 32 registers
/// are taken.
pub(super) struct Pairs<const SIGNED: bool>;

// SAFETY: (of every block below) the trait's methods are called with NEON at hand, and with pointers to as many elements
// as the trait says; loads have no further demand than their elements' alignment.
impl<const SIGNED: bool> Multiply for Pairs<SIGNED> {
    type R = Neon;
    type A = u8;
    type Operand = uint8x8_t;

    const GROUP: usize = 2;
    const ROWS: usize = 6;
    const ROW_UNIT: usize = 2;
    const REGISTERS: usize = 4;
    const WEIGHTS: Reading = if SIGNED { Reading::Signed } else { Reading::Unsigned };

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> uint8x8_t {
        // SAFETY: as above.
        unsafe { vreinterpret_u8_u16(vdup_n_u16(from.cast::<u16>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> uint8x8_t {
        // SAFETY: as above.
        unsafe {
            let stored = vld1_u8(from);
            if SIGNED { stored } else { veor_u8(stored, vdup_n_u8(0x80)) }
        }
    }

    #[inline(always)]
    unsafe fn dot(acc: int32x4_t, a: uint8x8_t, b: uint8x8_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe {
            if SIGNED {
                vpadalq_s16(acc, vmull_s8(vreinterpret_s8_u8(a), vreinterpret_s8_u8(b)))
            } else {
                vreinterpretq_s32_u32(vpadalq_u16(vreinterpretq_u32_s32(acc), vmull_u8(a, b)))
            }
        }
    }

    #[inline(always)]
    unsafe fn turn<const M: usize, const N: usize, const FORM: usize>(
        acc: &mut [[int32x4_t; N]; M],
        rows: &[*const u8; M],
        k: usize,
        weights: Weights,
    ) {
        // SAFETY: the caller grants the values of the turn.
        unsafe {
            if M.is_multiple_of(2) && N == 4 {
                let b = [weights_of_two::<SIGNED>(weights.at), weights_of_two::<SIGNED>(weights.at.add(16))];
                for (acc, rows) in acc.as_chunks_mut().0.iter_mut().zip(rows.as_chunks().0) {
                    let [x, y] = acc;
                    let [Some(x), Some(y)] = [x.as_mut_array(), y.as_mut_array()] else { unreachable!() };
                    products::<SIGNED>([x, y], rows.map(|row| row.add(k).cast::<u16>().read_unaligned()), b);
                }
            } else {
                step::<Self, M, N, FORM>(acc, rows, k, weights);
            }
        }
    }

    outlined_tile!(#[target_feature(enable = "neon")]);
}

/// Reads the weights of two registers of columns.
///
/// # Safety
/// NEON, and 16 bytes are there.
#[inline(always)]
unsafe fn weights_of_two<const SIGNED: bool>(from: *const u8) -> uint8x16_t {
    // SAFETY: the caller grants them.
    unsafe {
        let stored = vld1q_u8(from);
        if SIGNED { stored } else { veorq_u8(stored, vdupq_n_u8(0x80)) }
    }
}
