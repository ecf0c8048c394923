//! A sequence of instructions that a compiler makes longer.

use core::arch::aarch64::*;
use core::arch::asm;

/// The products of a pair of bytes of two rows and the pairs of 16 columns, added to their accumulators.
///
/// Left to itself, the compiler has more products on their way than there are registers for, and accumulators go to the
/// stack. Here it is four, and those of the second row alternate with the sums of the first one, as a core that keeps to
/// the order wants it. The pairs are repeated from general registers: most cores have a pipe for that beside those that
/// multiply, where a load that repeats takes one of these.
///
/// # Safety
/// NEON.
#[inline(always)]
pub(super) unsafe fn products<const SIGNED: bool>(acc: [&mut [int32x4_t; 4]; 2], a: [u16; 2], b: [uint8x16_t; 2]) {
    macro_rules! products {
        ($multiply:literal, $add:literal) => {
            asm!(
                "dup {z:v}.8h, {a0:w}",
                "dup {second:v}.8h, {a1:w}",
                concat!($multiply, " {w:v}.8h, {z:v}.8b, {b0:v}.8b"),
                concat!($multiply, "2 {x:v}.8h, {z:v}.16b, {b0:v}.16b"),
                concat!($multiply, " {y:v}.8h, {z:v}.8b, {b1:v}.8b"),
                concat!($multiply, "2 {z:v}.8h, {z:v}.16b, {b1:v}.16b"),
                concat!($add, " {acc0:v}.4s, {w:v}.8h"),
                concat!($multiply, " {w:v}.8h, {second:v}.8b, {b0:v}.8b"),
                concat!($add, " {acc1:v}.4s, {x:v}.8h"),
                concat!($multiply, "2 {x:v}.8h, {second:v}.16b, {b0:v}.16b"),
                concat!($add, " {acc2:v}.4s, {y:v}.8h"),
                concat!($multiply, " {y:v}.8h, {second:v}.8b, {b1:v}.8b"),
                concat!($add, " {acc3:v}.4s, {z:v}.8h"),
                concat!($multiply, "2 {second:v}.8h, {second:v}.16b, {b1:v}.16b"),
                concat!($add, " {acc4:v}.4s, {w:v}.8h"),
                concat!($add, " {acc5:v}.4s, {x:v}.8h"),
                concat!($add, " {acc6:v}.4s, {y:v}.8h"),
                concat!($add, " {acc7:v}.4s, {second:v}.8h"),
                acc0 = inout(vreg) acc[0][0],
                acc1 = inout(vreg) acc[0][1],
                acc2 = inout(vreg) acc[0][2],
                acc3 = inout(vreg) acc[0][3],
                acc4 = inout(vreg) acc[1][0],
                acc5 = inout(vreg) acc[1][1],
                acc6 = inout(vreg) acc[1][2],
                acc7 = inout(vreg) acc[1][3],
                a0 = in(reg) u32::from(a[0]),
                a1 = in(reg) u32::from(a[1]),
                b0 = in(vreg) b[0],
                b1 = in(vreg) b[1],
                w = out(vreg) _,
                x = out(vreg) _,
                y = out(vreg) _,
                z = out(vreg) _,
                second = out(vreg) _,
                options(pure, nomem, nostack, preserves_flags),
            )
        };
    }
    // SAFETY: arithmetic on registers that are named as operands.
    unsafe {
        if SIGNED {
            products!("smull", "sadalp");
        } else {
            products!("umull", "uadalp");
        }
    }
}

#[cfg(test)]
mod tests {
    use core::arch::aarch64::{vld1q_s32, vld1q_u8, vst1q_s32};

    use super::*;
    use crate::encode::Reading;
    use crate::isa::Isa;
    use crate::neon::samples::samples;

    #[target_feature(enable = "neon")]
    unsafe fn computed<const SIGNED: bool>(start: [i32; 4], a: [u16; 2], b: [[u8; 16]; 2]) -> [[[i32; 4]; 4]; 2] {
        let mut results = [[[0; 4]; 4]; 2];
        // SAFETY: whole registers are read and written.
        unsafe {
            let [mut x, mut y] = [[vld1q_s32(start.as_ptr()); 4]; 2];
            products::<SIGNED>([&mut x, &mut y], a, [vld1q_u8(b[0].as_ptr()), vld1q_u8(b[1].as_ptr())]);
            for n in 0..4 {
                vst1q_s32(results[0][n].as_mut_ptr(), x[n]);
                vst1q_s32(results[1][n].as_mut_ptr(), y[n]);
            }
        }
        results
    }

    #[test]
    fn the_sequence_equals_its_formula() {
        if !Isa::Neon.is_available() {
            return;
        }
        for (start, x, y) in samples() {
            let rows = [[y[3], y[8]], [x[5], x[14]]];
            for reading in [Reading::Unsigned, Reading::Signed] {
                let of_row = |row: [u8; 2]| {
                    core::array::from_fn(|n| {
                        core::array::from_fn(|lane| {
                            let at = (n % 2) * 8 + lane * 2;
                            let product = |i: usize| reading.value(row[i]) * reading.value([x, y][n / 2][at + i]);
                            start[lane].wrapping_add(product(0) + product(1))
                        })
                    })
                };
                let a = rows.map(u16::from_le_bytes);
                // SAFETY: the CPU has the instructions.
                let computed = unsafe {
                    match reading {
                        Reading::Unsigned => computed::<false>(start, a, [x, y]),
                        Reading::Signed => computed::<true>(start, a, [x, y]),
                    }
                };
                assert_eq!(computed, rows.map(of_row), "{reading:?}: {start:?}, {x:?}, {y:?}");
            }
        }
    }
}
