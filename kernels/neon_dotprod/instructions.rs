//! The instructions of FEAT_DotProd, for which there are no stable functions yet.

use core::arch::aarch64::{int32x4_t, uint8x8_t, uint8x16_t};
use core::arch::asm;

/// `acc` and the dot product of four bytes of `x` and four of `y` in each lane, wrapping; all signed, or all unsigned.
///
/// # Safety
/// FEAT_DotProd.
#[inline(always)]
pub(super) unsafe fn dot<const SIGNED: bool>(mut acc: int32x4_t, x: uint8x16_t, y: uint8x16_t) -> int32x4_t {
    macro_rules! dot {
        ($instruction:literal) => {
            asm!(
                concat!($instruction, " {acc:v}.4s, {x:v}.16b, {y:v}.16b"),
                acc = inout(vreg) acc,
                x = in(vreg) x,
                y = in(vreg) y,
                options(pure, nomem, nostack, preserves_flags),
            )
        };
    }
    // SAFETY: arithmetic on registers that are named as operands.
    unsafe {
        if SIGNED {
            dot!("sdot");
        } else {
            dot!("udot");
        }
    }
    acc
}

/// As [`dot`], with the same four bytes of `y` in each lane: those of one of its two lanes.
///
/// # Safety
/// FEAT_DotProd.
#[inline(always)]
pub(super) unsafe fn dot_lane<const SIGNED: bool, const LANE: usize>(
    mut acc: int32x4_t,
    x: uint8x16_t,
    y: uint8x8_t,
) -> int32x4_t {
    macro_rules! dot {
        ($instruction:literal) => {
            asm!(
                concat!($instruction, " {acc:v}.4s, {x:v}.16b, {y:v}.4b[{lane}]"),
                acc = inout(vreg) acc,
                x = in(vreg) x,
                y = in(vreg) y,
                lane = const LANE,
                options(pure, nomem, nostack, preserves_flags),
            )
        };
    }
    // SAFETY: arithmetic on registers that are named as operands.
    unsafe {
        if SIGNED {
            dot!("sdot");
        } else {
            dot!("udot");
        }
    }
    acc
}

#[cfg(test)]
mod tests {
    use core::arch::aarch64::{vget_low_u8, vld1q_s32, vld1q_u8, vst1q_s32};

    use super::*;
    use crate::encode::Reading;
    use crate::isa::Isa;
    use crate::neon::samples::samples;

    #[target_feature(enable = "neon,dotprod")]
    unsafe fn computed<const SIGNED: bool>(acc: &[i32; 4], x: &[u8; 16], y: &[u8; 16]) -> [[i32; 4]; 3] {
        let mut results = [[0; 4]; 3];
        // SAFETY: whole registers are read and written.
        unsafe {
            let (acc, x, y) = (vld1q_s32(acc.as_ptr()), vld1q_u8(x.as_ptr()), vld1q_u8(y.as_ptr()));
            vst1q_s32(results[0].as_mut_ptr(), dot::<SIGNED>(acc, x, y));
            vst1q_s32(results[1].as_mut_ptr(), dot_lane::<SIGNED, 0>(acc, x, vget_low_u8(y)));
            vst1q_s32(results[2].as_mut_ptr(), dot_lane::<SIGNED, 1>(acc, x, vget_low_u8(y)));
        }
        results
    }

    #[test]
    fn instructions_equal_their_formula() {
        if !Isa::NeonDotprod.is_available() {
            return;
        }
        for (acc, x, y) in samples() {
            let formula = |reading: Reading, lane: usize, other: usize| {
                let products = (0..4).map(|i| reading.value(x[4 * lane + i]) * reading.value(y[4 * other + i]));
                products.fold(acc[lane], i32::wrapping_add)
            };
            for reading in [Reading::Unsigned, Reading::Signed] {
                let all = |other: fn(usize) -> usize| core::array::from_fn(|lane| formula(reading, lane, other(lane)));
                // SAFETY: the CPU has the instructions.
                let computed = unsafe {
                    match reading {
                        Reading::Unsigned => computed::<false>(&acc, &x, &y),
                        Reading::Signed => computed::<true>(&acc, &x, &y),
                    }
                };
                assert_eq!(computed, [all(|lane| lane), all(|_| 0), all(|_| 1)], "{reading:?}: {acc:?}, {x:?}, {y:?}");
            }
        }
    }
}
