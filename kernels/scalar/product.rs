//! The product of pairs of 16 bits, on arrays.

use super::registers::{Arrays, L};
use crate::generic::multiply::Multiply;
use crate::generic::registers::Registers;
use crate::generic::tier::outlined_tile;
use crate::table::Activations;

/// Pairs of centred values.
pub(super) struct Pairs;

// SAFETY: (of every block below) the trait's methods are called with pointers to as many elements as the trait says.
impl Multiply for Pairs {
    type R = Arrays;
    type A = i16;
    type Operand = [i16; 2 * L];

    const GROUP: usize = 2;
    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const TURN: usize = 4;
    const PREPARES: bool = true;

    fn activations(a: Activations<'_>) -> &[i16] {
        a.centred()
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: as above.
        let pair = unsafe { from.cast::<[i16; 2]>().read() };
        core::array::from_fn(|index| pair[index % 2])
    }

    #[inline(always)]
    unsafe fn load(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: as above.
        unsafe { from.cast::<[i16; 2 * L]>().read() }
    }

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> [i16; 2 * L] {
        // SAFETY: as above.
        unsafe { from.cast::<[i8; 2 * L]>().read() }.map(i16::from)
    }

    #[inline(always)]
    unsafe fn prepared(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: as above.
        unsafe { from.cast::<[i16; 2 * L]>().read() }
    }

    #[inline(always)]
    unsafe fn prepare(from: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let (stored, zeros) = (Self::weights(from), Self::prepared(zero_points));
            to.cast::<[i16; 2 * L]>().write(core::array::from_fn(|index| stored[index].wrapping_sub(zeros[index])));
        }
    }

    #[inline(always)]
    unsafe fn ones() -> [i16; 2 * L] {
        [1; 2 * L]
    }

    #[inline(always)]
    unsafe fn dot(acc: [i32; L], a: [i16; 2 * L], b: [i16; 2 * L]) -> [i32; L] {
        // SAFETY: values alone.
        unsafe { Arrays::dot_pairs(acc, a, b) }
    }

    outlined_tile!();
}
