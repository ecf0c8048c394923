//! The product of pairs of 16 bits, on arrays.

use super::registers::{Arrays, L};
use crate::generic::multiply::Multiply;
use crate::generic::operands::pairs;
use crate::generic::tier::outlined_tile;

/// Pairs of centred values.
pub(super) struct Pairs;

// SAFETY: (of every block below) the trait's methods are called with pointers to as many elements as the trait says.
impl Multiply for Pairs {
    type R = Arrays;

    const ROWS: usize = 6;
    const REGISTERS: usize = 2;
    const TURN: usize = 4;

    #[inline(always)]
    unsafe fn weights(from: *const u8) -> [i16; 2 * L] {
        // SAFETY: as above.
        unsafe { from.cast::<[i8; 2 * L]>().read() }.map(i16::from)
    }

    #[inline(always)]
    unsafe fn prepare(from: *const u8, to: *mut i16, zero_points: *const i16) {
        // SAFETY: as above.
        unsafe {
            let (stored, zeros) = (Self::weights(from), Self::prepared(zero_points));
            to.cast::<[i16; 2 * L]>().write(core::array::from_fn(|index| stored[index].wrapping_sub(zeros[index])));
        }
    }

    pairs!();
    outlined_tile!();
}
