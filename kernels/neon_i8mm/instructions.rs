//! The instructions of FEAT_I8MM, for which there are no stable functions yet.

use core::arch::aarch64::{int32x4_t, uint8x16_t};
use core::arch::asm;

/// `acc` and the products of two rows of `a` by two columns of `b`, eight bytes each, wrapping: first row by first column,
/// first by second, second by first, second by second. `b` is signed, and so is `a`, if it is said to be.
///
/// # Safety
/// FEAT_I8MM.
#[inline(always)]
pub(super) unsafe fn multiply<const SIGNED: bool>(mut acc: int32x4_t, a: uint8x16_t, b: uint8x16_t) -> int32x4_t {
    macro_rules! multiply {
        ($instruction:literal) => {
            asm!(
                concat!($instruction, " {acc:v}.4s, {a:v}.16b, {b:v}.16b"),
                acc = inout(vreg) acc,
                a = in(vreg) a,
                b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags),
            )
        };
    }
    // SAFETY: arithmetic on registers that are named as operands.
    unsafe {
        if SIGNED {
            multiply!("smmla");
        } else {
            multiply!("usmmla");
        }
    }
    acc
}

#[cfg(test)]
mod tests {
    use core::arch::aarch64::{vld1q_s32, vld1q_u8, vst1q_s32};

    use super::*;
    use crate::encode::Reading;
    use crate::isa::Isa;
    use crate::neon::samples::samples;

    #[target_feature(enable = "neon,i8mm")]
    unsafe fn computed<const SIGNED: bool>(acc: &[i32; 4], a: &[u8; 16], b: &[u8; 16]) -> [i32; 4] {
        let mut result = [0; 4];
        // SAFETY: whole registers are read and written.
        unsafe {
            let product = multiply::<SIGNED>(vld1q_s32(acc.as_ptr()), vld1q_u8(a.as_ptr()), vld1q_u8(b.as_ptr()));
            vst1q_s32(result.as_mut_ptr(), product);
        }
        result
    }

    #[test]
    fn instructions_equal_their_formula() {
        if !Isa::NeonI8mm.is_available() {
            return;
        }
        for (acc, a, b) in samples() {
            for reading in [Reading::Unsigned, Reading::Signed] {
                let formula: [i32; 4] = core::array::from_fn(|lane| {
                    let (row, column) = (lane / 2 * 8, lane % 2 * 8);
                    let products = (0..8).map(|k| reading.value(a[row + k]) * Reading::Signed.value(b[column + k]));
                    products.fold(acc[lane], i32::wrapping_add)
                });
                // SAFETY: the CPU has the instructions.
                let computed = unsafe {
                    match reading {
                        Reading::Unsigned => computed::<false>(&acc, &a, &b),
                        Reading::Signed => computed::<true>(&acc, &a, &b),
                    }
                };
                assert_eq!(computed, formula, "{reading:?}: {acc:?}, {a:?}, {b:?}");
            }
        }
    }
}
