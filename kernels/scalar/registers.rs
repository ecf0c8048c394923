//! Registers of plain Rust: arrays of eight lanes, which compilers turn into whatever vectors the target has.

use super::fma::fma;
use crate::generic::registers::{Ends, Registers};

/// Arrays.
pub(super) struct Arrays;

/// Lanes.
pub(super) const L: usize = 8;

/// Adding it to a small float leaves the nearest integer in the low bits of the sum, ties to even: in [2^23, 2^24) the
/// floats are the integers.
const TO_INTEGER: f32 = 1.5 * 8_388_608.0;

#[inline(always)]
fn each<A: Copy, B: Copy, C>(x: [A; L], y: [B; L], f: impl Fn(A, B) -> C) -> [C; L] {
    core::array::from_fn(|lane| f(x[lane], y[lane]))
}

impl Registers for Arrays {
    type Int = [i32; L];
    type Float = [f32; L];
    type Pair = [i16; 2 * L];
    type Words = [i16; 2 * L];

    const LANES: usize = L;
    const FUSES: bool = false;
    /// Half of [`TO_INTEGER`]'s room.
    const ROUNDS_BELOW: f32 = 4_194_304.0;
    const INTERLEAVED: &'static [u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[inline(always)]
    unsafe fn load(from: *const i32) -> [i32; L] {
        // SAFETY: the caller grants `L` elements.
        unsafe { from.cast::<[i32; L]>().read() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut i32, x: [i32; L]) {
        // SAFETY: the caller grants `L` elements.
        unsafe { to.cast::<[i32; L]>().write(x) }
    }

    #[inline(always)]
    unsafe fn splat(x: i32) -> [i32; L] {
        [x; L]
    }

    #[inline(always)]
    unsafe fn add(x: [i32; L], y: [i32; L]) -> [i32; L] {
        each(x, y, i32::wrapping_add)
    }

    #[inline(always)]
    unsafe fn sub(x: [i32; L], y: [i32; L]) -> [i32; L] {
        each(x, y, i32::wrapping_sub)
    }

    #[inline(always)]
    unsafe fn shift_right<const N: i32>(x: [i32; L]) -> [i32; L] {
        x.map(|x| x >> N)
    }

    #[inline(always)]
    unsafe fn mul(x: [i32; L], y: [i32; L]) -> [i32; L] {
        each(x, y, i32::wrapping_mul)
    }

    #[inline(always)]
    unsafe fn flip(x: [i32; L]) -> [i32; L] {
        x.map(|x| x ^ i32::from_ne_bytes([0x80; 4]))
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8, flip: u8) -> [i32; L] {
        // SAFETY: the caller grants `L` bytes.
        unsafe { from.cast::<[u8; L]>().read() }.map(|byte| i32::from(byte ^ flip))
    }

    #[inline(always)]
    unsafe fn load_signed_bytes(from: *const u8) -> [i32; L] {
        // SAFETY: the caller grants `L` bytes.
        unsafe { from.cast::<[i8; L]>().read() }.map(i32::from)
    }

    #[inline(always)]
    unsafe fn store_saturated<const N: usize, const MOVED: bool, const CLAMPED: bool>(
        to: *mut u8,
        x: [[i32; L]; N],
        ends: &Ends,
    ) {
        let zero_point = if MOVED { i32::from(ends.zero_point) } else { 0 };
        let (low, high) = if CLAMPED { (ends.low, ends.high) } else { (u8::MIN, u8::MAX) };
        for (n, x) in x.into_iter().enumerate() {
            let bytes = x.map(|x| (x + zero_point).max(low.into()).min(high.into()) as u8 ^ ends.flip);
            // SAFETY: the caller grants `N * L` bytes.
            unsafe { to.add(n * L).cast::<[u8; L]>().write(bytes) };
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: the caller grants `L` pairs.
        unsafe { from.cast::<[i16; 2 * L]>().read() }
    }

    #[inline(always)]
    unsafe fn repeat_pair(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: the caller grants a pair.
        let pair = unsafe { from.cast::<[i16; 2]>().read() };
        core::array::from_fn(|index| pair[index % 2])
    }

    #[inline(always)]
    unsafe fn dot_pairs(acc: [i32; L], x: [i16; 2 * L], y: [i16; 2 * L]) -> [i32; L] {
        core::array::from_fn(|lane| {
            let product = |index: usize| i32::from(x[index]) * i32::from(y[index]);
            acc[lane].wrapping_add(product(2 * lane).wrapping_add(product(2 * lane + 1)))
        })
    }

    #[inline(always)]
    unsafe fn interleave(x: *const i16, y: *const i16) -> [[i16; 2 * L]; 2] {
        // SAFETY: the caller grants `2 * L` values at each pointer.
        let (x, y) = unsafe { (x.cast::<[i16; 2 * L]>().read(), y.cast::<[i16; 2 * L]>().read()) };
        let half = |half: usize| {
            core::array::from_fn(|index| {
                let channel = half * L + index / 2;
                if index % 2 == 0 { x[channel] } else { y[channel] }
            })
        };
        [half(0), half(1)]
    }

    #[inline(always)]
    unsafe fn in_order(x: [[i32; L]; 2]) -> [[i32; L]; 2] {
        x
    }

    #[inline(always)]
    unsafe fn center(from: *const u8, to: *mut i16, flip: u8, zero: i16) {
        // SAFETY: the caller grants `2 * L` elements at each pointer.
        unsafe {
            let bytes = from.cast::<[u8; 2 * L]>().read();
            to.cast::<[i16; 2 * L]>().write(bytes.map(|byte| i16::from(byte ^ flip) - zero));
        }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const i16) -> [i16; 2 * L] {
        // SAFETY: the caller grants `2 * L` values.
        unsafe { from.cast::<[i16; 2 * L]>().read() }
    }

    #[inline(always)]
    unsafe fn widen(from: *const u8) -> [i16; 2 * L] {
        // SAFETY: the caller grants `2 * L` bytes.
        unsafe { from.cast::<[i8; 2 * L]>().read() }.map(i16::from)
    }

    #[inline(always)]
    unsafe fn store_words(to: *mut i16, x: [i16; 2 * L]) {
        // SAFETY: the caller grants `2 * L` values.
        unsafe { to.cast::<[i16; 2 * L]>().write(x) }
    }

    #[inline(always)]
    unsafe fn add_words(x: [i16; 2 * L], y: [i16; 2 * L]) -> [i16; 2 * L] {
        core::array::from_fn(|index| x[index].wrapping_add(y[index]))
    }

    #[inline(always)]
    unsafe fn sub_words(x: [i16; 2 * L], y: [i16; 2 * L]) -> [i16; 2 * L] {
        core::array::from_fn(|index| x[index].wrapping_sub(y[index]))
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> [f32; L] {
        // SAFETY: the caller grants `L` elements.
        unsafe { from.cast::<[f32; L]>().read() }
    }

    #[inline(always)]
    unsafe fn store_floats(to: *mut f32, x: [f32; L]) {
        // SAFETY: the caller grants `L` elements.
        unsafe { to.cast::<[f32; L]>().write(x) }
    }

    #[inline(always)]
    unsafe fn splat_float(x: f32) -> [f32; L] {
        [x; L]
    }

    #[inline(always)]
    unsafe fn to_float(x: [i32; L]) -> [f32; L] {
        x.map(|x| x as f32)
    }

    #[inline(always)]
    unsafe fn round(x: [f32; L]) -> [i32; L] {
        x.map(|x| (x + TO_INTEGER).to_bits() as i32 - TO_INTEGER.to_bits() as i32)
    }

    #[inline(always)]
    unsafe fn add_float(x: [f32; L], y: [f32; L]) -> [f32; L] {
        each(x, y, |x, y| x + y)
    }

    #[inline(always)]
    unsafe fn mul_float(x: [f32; L], y: [f32; L]) -> [f32; L] {
        each(x, y, |x, y| x * y)
    }

    #[inline(always)]
    unsafe fn div_float(x: [f32; L], y: [f32; L]) -> [f32; L] {
        each(x, y, |x, y| x / y)
    }

    #[inline(always)]
    unsafe fn fma_float(x: [f32; L], y: [f32; L], z: [f32; L]) -> [f32; L] {
        core::array::from_fn(|lane| fma(x[lane], y[lane], z[lane]))
    }

    #[inline(always)]
    unsafe fn clamp_float(x: [f32; L], low: [f32; L], high: [f32; L]) -> [f32; L] {
        core::array::from_fn(|lane| {
            let x = if x[lane] > low[lane] { x[lane] } else { low[lane] };
            if x < high[lane] { x } else { high[lane] }
        })
    }
}
