//! The instructions of FEAT_DotProd, for which there are no stable functions yet.

use core::arch::aarch64::{int32x4_t, uint8x8_t};
use core::arch::asm;

/// `sdot` or `udot`, with the second operand as the instruction writes it.
macro_rules! dot {
    ($instruction:literal, $acc:ident, $x:ident, $y:ident, $operand:literal $(, $lane:ident = const $value:expr)?) => {
        asm!(
            concat!($instruction, " {acc:v}.4s, {x:v}.16b, ", $operand),
            acc = inout(vreg) $acc,
            x = in(vreg) $x,
            y = in(vreg) $y,
            $($lane = const $value,)?
            options(pure, nomem, nostack, preserves_flags),
        )
    };
    ($signed:expr, $acc:ident, $x:ident, $y:ident, $operand:literal $(, $lane:ident = const $value:expr)?) => {
        // SAFETY: arithmetic on registers that are named as operands.
        unsafe {
            if $signed {
                dot!("sdot", $acc, $x, $y, $operand $(, $lane = const $value)?)
            } else {
                dot!("udot", $acc, $x, $y, $operand $(, $lane = const $value)?)
            }
        }
    };
}

/// `acc` and the dot product of four bytes of `x` and four of `y` in each lane, wrapping; all signed, or all unsigned.
///
/// # Safety
/// FEAT_DotProd.
#[inline(always)]
pub(super) unsafe fn dot<const SIGNED: bool>(mut acc: int32x4_t, x: int32x4_t, y: int32x4_t) -> int32x4_t {
    dot!(SIGNED, acc, x, y, "{y:v}.16b");
    acc
}

/// As [`dot`], with the same four bytes of `y` in each lane: those of one of its two lanes.
///
/// # Safety
/// FEAT_DotProd.
#[inline(always)]
pub(super) unsafe fn dot_lane<const SIGNED: bool, const LANE: usize>(
    mut acc: int32x4_t,
    x: int32x4_t,
    y: uint8x8_t,
) -> int32x4_t {
    dot!(SIGNED, acc, x, y, "{y:v}.4b[{lane}]", lane = const LANE);
    acc
}

#[cfg(test)]
mod tests {
    use core::arch::aarch64::{vld1_u8, vld1q_s32, vld1q_u8, vreinterpretq_s32_u8, vst1q_s32};

    use super::*;
    use crate::encode::Reading;
    use crate::isa::Isa;
    use crate::neon::samples::samples;

    #[target_feature(enable = "neon,dotprod")]
    unsafe fn computed<const SIGNED: bool>(acc: &[i32; 4], x: &[u8; 16], y: &[u8; 16]) -> [[i32; 4]; 3] {
        let mut results = [[0; 4]; 3];
        // SAFETY: whole registers are read and written.
        unsafe {
            let (acc, x) = (vld1q_s32(acc.as_ptr()), vreinterpretq_s32_u8(vld1q_u8(x.as_ptr())));
            let (all, two) = (vreinterpretq_s32_u8(vld1q_u8(y.as_ptr())), vld1_u8(y.as_ptr()));
            vst1q_s32(results[0].as_mut_ptr(), dot::<SIGNED>(acc, x, all));
            vst1q_s32(results[1].as_mut_ptr(), dot_lane::<SIGNED, 0>(acc, x, two));
            vst1q_s32(results[2].as_mut_ptr(), dot_lane::<SIGNED, 1>(acc, x, two));
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
