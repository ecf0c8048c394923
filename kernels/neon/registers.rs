//! Registers of 128 bits: four 32-bit lanes.

use core::arch::aarch64::*;

use crate::generic::registers::{Ends, Registers};

/// Registers of 128 bits of 64-bit Arm.
pub(crate) struct Neon;

// SAFETY: (of every block below) the trait's methods are called with NEON at hand, and with pointers to as many elements
// as the trait says; loads and stores have no further demand than their elements' alignment.
impl Registers for Neon {
    type Int = int32x4_t;
    type Float = float32x4_t;
    /// The first values of four pairs, and the second ones: no instruction adds up neighbouring products of 16 bits.
    type Pair = int16x4x2_t;
    type Words = int16x8_t;

    const LANES: usize = 4;
    const FUSES: bool = true;
    const ROUNDS_BELOW: f32 = f32::INFINITY;
    const INTERLEAVED: &'static [u8] = &[0, 1, 2, 3, 4, 5, 6, 7];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vld1q_s32(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut i32, x: int32x4_t) {
        // SAFETY: as above.
        unsafe { vst1q_s32(to, x) }
    }

    #[inline(always)]
    unsafe fn splat(x: i32) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vdupq_n_s32(x) }
    }

    #[inline(always)]
    unsafe fn add(x: int32x4_t, y: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vaddq_s32(x, y) }
    }

    #[inline(always)]
    unsafe fn sub(x: int32x4_t, y: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vsubq_s32(x, y) }
    }

    #[inline(always)]
    unsafe fn shift_right<const N: i32>(x: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vshrq_n_s32::<N>(x) }
    }

    #[inline(always)]
    unsafe fn mul(x: int32x4_t, y: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vmulq_s32(x, y) }
    }

    #[inline(always)]
    unsafe fn flip(x: int32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vreinterpretq_s32_u8(veorq_u8(vreinterpretq_u8_s32(x), vdupq_n_u8(0x80))) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8, flip: u8) -> int32x4_t {
        // SAFETY: as above.
        unsafe {
            let bytes = vcreate_u8(u64::from(from.cast::<u32>().read_unaligned()));
            let words = vmovl_u8(veor_u8(bytes, vdup_n_u8(flip)));
            vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)))
        }
    }

    #[inline(always)]
    unsafe fn load_signed_bytes(from: *const u8) -> int32x4_t {
        // SAFETY: as above.
        unsafe {
            let bytes = vcreate_s8(u64::from(from.cast::<u32>().read_unaligned()));
            vmovl_s16(vget_low_s16(vmovl_s8(bytes)))
        }
    }

    #[inline(always)]
    unsafe fn store_saturated<const N: usize, const MOVED: bool, const CLAMPED: bool>(
        to: *mut u8,
        x: [int32x4_t; N],
        ends: &Ends,
    ) {
        // Of fewer registers than four, some are there twice.
        // SAFETY: as above.
        unsafe {
            let mut words =
                [vqmovn_high_s32(vqmovn_s32(x[0]), x[1 % N]), vqmovn_high_s32(vqmovn_s32(x[2 % N]), x[3 % N])];
            if MOVED {
                let zero_point = vdupq_n_s16(ends.zero_point);
                words = [vqaddq_s16(words[0], zero_point), vqaddq_s16(words[1], zero_point)];
            }
            let mut bytes = vqmovun_high_s16(vqmovun_s16(words[0]), words[1]);
            if !ends.is_plain {
                if CLAMPED {
                    bytes = vminq_u8(vmaxq_u8(bytes, vdupq_n_u8(ends.low)), vdupq_n_u8(ends.high));
                }
                bytes = veorq_u8(bytes, vdupq_n_u8(ends.flip));
            }
            match N {
                1 => to.cast::<u32>().write_unaligned(vgetq_lane_u32::<0>(vreinterpretq_u32_u8(bytes))),
                2 => vst1_u8(to, vget_low_u8(bytes)),
                _ => vst1q_u8(to, bytes),
            }
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const i16) -> int16x4x2_t {
        // SAFETY: as above.
        unsafe { vld2_s16(from) }
    }

    #[inline(always)]
    unsafe fn repeat_pair(from: *const i16) -> int16x4x2_t {
        // SAFETY: as above.
        unsafe { vld2_dup_s16(from) }
    }

    #[inline(always)]
    unsafe fn dot_pairs(acc: int32x4_t, x: int16x4x2_t, y: int16x4x2_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vmlal_s16(vmlal_s16(acc, x.0, y.0), x.1, y.1) }
    }

    #[inline(always)]
    unsafe fn interleave(x: *const i16, y: *const i16) -> [int16x4x2_t; 2] {
        // SAFETY: as above.
        unsafe {
            let (x, y) = (vld1q_s16(x), vld1q_s16(y));
            [int16x4x2_t(vget_low_s16(x), vget_low_s16(y)), int16x4x2_t(vget_high_s16(x), vget_high_s16(y))]
        }
    }

    #[inline(always)]
    unsafe fn in_order(x: [int32x4_t; 2]) -> [int32x4_t; 2] {
        x
    }

    #[inline(always)]
    unsafe fn center(from: *const u8, to: *mut i16, flip: u8, zero: i16) {
        // SAFETY: as above.
        unsafe {
            let words = vmovl_u8(veor_u8(vld1_u8(from), vdup_n_u8(flip)));
            vst1q_s16(to, vsubq_s16(vreinterpretq_s16_u16(words), vdupq_n_s16(zero)));
        }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const i16) -> int16x8_t {
        // SAFETY: as above.
        unsafe { vld1q_s16(from) }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> int16x8_t {
        // SAFETY: as above.
        unsafe { vmovl_s8(vld1_s8(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_words(to: *mut i16, x: int16x8_t) {
        // SAFETY: as above.
        unsafe { vst1q_s16(to, x) }
    }

    #[inline(always)]
    unsafe fn add_words(x: int16x8_t, y: int16x8_t) -> int16x8_t {
        // SAFETY: as above.
        unsafe { vaddq_s16(x, y) }
    }

    #[inline(always)]
    unsafe fn sub_words(x: int16x8_t, y: int16x8_t) -> int16x8_t {
        // SAFETY: as above.
        unsafe { vsubq_s16(x, y) }
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn store_floats(to: *mut f32, x: float32x4_t) {
        // SAFETY: as above.
        unsafe { vst1q_f32(to, x) }
    }

    #[inline(always)]
    unsafe fn splat_float(x: f32) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn to_float(x: int32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vcvtq_f32_s32(x) }
    }

    #[inline(always)]
    unsafe fn round(x: float32x4_t) -> int32x4_t {
        // SAFETY: as above.
        unsafe { vcvtnq_s32_f32(x) }
    }

    #[inline(always)]
    unsafe fn add_float(x: float32x4_t, y: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vaddq_f32(x, y) }
    }

    #[inline(always)]
    unsafe fn mul_float(x: float32x4_t, y: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vmulq_f32(x, y) }
    }

    #[inline(always)]
    unsafe fn div_float(x: float32x4_t, y: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vdivq_f32(x, y) }
    }

    #[inline(always)]
    unsafe fn fma_float(x: float32x4_t, y: float32x4_t, z: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vfmaq_f32(z, x, y) }
    }

    #[inline(always)]
    unsafe fn clamp_float(x: float32x4_t, low: float32x4_t, high: float32x4_t) -> float32x4_t {
        // `fmaxnm` gives the number where one operand is NaN, but not if that one is signalling. A comparison with NaN
        // is false, whatever the NaN.
        // SAFETY: as above.
        unsafe { vminq_f32(vbslq_f32(vcgtq_f32(x, low), x, low), high) }
    }

    #[inline(always)]
    unsafe fn cap_number(x: float32x4_t, _: float32x4_t, _: float32x4_t) -> float32x4_t {
        // Rounding saturates.
        x
    }

    #[inline(always)]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch of any address does no harm.
        unsafe {
            core::arch::asm!(
                "prfm pldl1keep, [{address}]",
                address = in(reg) address,
                options(readonly, nostack, preserves_flags),
            );
        }
    }
}
