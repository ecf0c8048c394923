//! What the algorithms ask of a tier's registers.

use core::mem::MaybeUninit;

use super::row::PIECE;
use super::store::{WIDEST, copy_short};
use crate::args::Requantize;

/// Bytes of a cache line.
pub(crate) const CACHE_LINE: usize = 64;

/// What bytes are multiplied by where they are spread over registers: most are cut out of four at once, and stay in their
/// place.
pub(crate) const SPREAD: [f32; 4] = [1.0, 256.0, 65536.0, 1.0];

/// The ends of a result of 8 bits, in the unsigned reading.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// The zero point.
    pub(crate) zero_point: i16,
    /// The least value.
    pub(crate) low: u8,
    /// The greatest value.
    pub(crate) high: u8,
    /// What turns the unsigned reading into the result's.
    pub(crate) flip: u8,
    /// Whether saturated bytes are the result: nothing bounds or flips them. A branch on it costs less than to do so.
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        allow(dead_code, reason = "the portable tier gains nothing by it")
    )]
    pub(crate) is_plain: bool,
}

impl Ends {
    /// Those of a requantisation.
    pub(crate) fn new(to: &Requantize) -> Self {
        let value = |end: f32| (end as i32 + to.zero_point) as u8;
        let (low, high) = (value(to.low), value(to.high));
        let is_plain = (low, high, to.flip) == (u8::MIN, u8::MAX, 0);
        Self { zero_point: to.zero_point as i16, low, high, flip: to.flip, is_plain }
    }

    /// Whether they are not those of the type.
    pub(crate) fn clamp(&self) -> bool {
        (self.low, self.high) != (u8::MIN, u8::MAX)
    }
}

/// Registers of `LANES` 32-bit lanes, and the few operations on them that the algorithms are written in.
///
/// # Safety
/// All methods need the tier's CPU features. Those with a pointer read or write as many elements as their text says.
pub(crate) trait Registers: Sized {
    /// `LANES` 32-bit integers.
    type Int: Copy;
    /// `LANES` 32-bit floats.
    type Float: Copy;
    /// `LANES` pairs of 16-bit integers.
    type Pair: Copy;
    /// `2 * LANES` 16-bit integers.
    type Words: Copy;

    /// Lanes of a register.
    const LANES: usize;
    /// Whether the first few of a register are written as fast as all.
    const MASKS: bool = false;
    /// Whether bytes are read faster spread ([`Registers::load_spread`]) than register by register.
    const SPREADS: bool = false;
    /// Whether a fused multiply-add is an instruction.
    const FUSES: bool;
    /// How many bytes ahead long streams are asked for; 0 where that gains nothing, or was not measured.
    const STREAM_AHEAD: usize = 0;
    /// [`Registers::round`] takes numbers of magnitudes below this.
    const ROUNDS_BELOW: f32;

    /// The channel, within a block of two registers, that each lane of [`Registers::interleave`]'s results is for.
    const INTERLEAVED: &'static [u8];

    /// Reads `LANES` integers.
    unsafe fn load(from: *const i32) -> Self::Int;
    /// Writes `LANES` integers.
    unsafe fn store(to: *mut i32, x: Self::Int);
    /// Writes the first `count` integers, fewer than `LANES`.
    #[inline(always)]
    unsafe fn store_few(to: *mut i32, x: Self::Int, count: usize) {
        let mut buffer = [MaybeUninit::<i32>::uninit(); WIDEST / 4];
        // SAFETY: the buffer has room for all, and the caller grants `count` elements.
        unsafe {
            Self::store(buffer.as_mut_ptr().cast(), x);
            copy_short(buffer.as_ptr().cast(), to, count);
        }
    }
    /// The same integer in each lane.
    unsafe fn splat(x: i32) -> Self::Int;
    /// Sum, wrapping.
    unsafe fn add(x: Self::Int, y: Self::Int) -> Self::Int;
    /// Difference, wrapping.
    unsafe fn sub(x: Self::Int, y: Self::Int) -> Self::Int;
    /// Shift to the right by `N` bits, keeping the sign.
    unsafe fn shift_right<const N: i32>(x: Self::Int) -> Self::Int;
    /// Product, wrapping.
    unsafe fn mul(x: Self::Int, y: Self::Int) -> Self::Int;
    /// Flips the top bit of each byte.
    unsafe fn flip(x: Self::Int) -> Self::Int;
    /// Reads `LANES` bytes, each combined with `flip` by exclusive or, as unsigned integers.
    unsafe fn load_bytes(from: *const u8, flip: u8) -> Self::Int;
    /// Reads `LANES` bytes as signed integers.
    unsafe fn load_signed_bytes(from: *const u8) -> Self::Int;
    /// Reads `4 * LANES` bytes as unsigned integers: the `i`-th lane of register `n` is byte `4 * i + n`, times
    /// [`SPREAD`]`[n]`.
    #[inline(always)]
    unsafe fn load_spread(_: *const u8) -> [Self::Int; 4] {
        const { assert!(!Self::SPREADS, "registers that spread bytes say how") };
        // SAFETY: the caller has the features.
        unsafe { [Self::splat(0); 4] }
    }
    /// Writes integers that lie so, not multiplied, as bytes, saturated.
    #[inline(always)]
    unsafe fn store_spread(_: *mut u8, _: [Self::Int; 4]) {
        const { assert!(!Self::SPREADS, "registers that spread bytes say how") };
    }
    /// Writes `N * LANES` integers as bytes: saturated to 16 bits at least, with `MOVED` moved by the zero point, then
    /// saturated to the ends if `CLAMPED`, or to what a byte holds. `N` is 1, 2 or 4.
    unsafe fn store_saturated<const N: usize, const MOVED: bool, const CLAMPED: bool>(
        to: *mut u8,
        x: [Self::Int; N],
        ends: &Ends,
    );
    /// Writes the first `count` of `N * LANES` integers, fewer than all, as bytes: moved, and saturated to the ends.
    #[inline(always)]
    unsafe fn store_saturated_few<const N: usize>(to: *mut u8, x: [Self::Int; N], ends: &Ends, count: usize) {
        let mut buffer = [MaybeUninit::<u8>::uninit(); WIDEST];
        // SAFETY: the buffer has room for all, and the caller grants `count` elements.
        unsafe {
            Self::store_saturated::<N, true, true>(buffer.as_mut_ptr().cast(), x, ends);
            copy_short(buffer.as_ptr().cast(), to, count);
        }
    }
    /// Writes the low byte of each integer.
    #[inline(always)]
    unsafe fn store_low_bytes(from: &[i32; PIECE], to: &mut [u8; PIECE]) {
        for n in 0..PIECE {
            to[n] = from[n] as u8;
        }
    }

    /// Reads `LANES` pairs that stand side by side.
    unsafe fn load_pairs(from: *const i16) -> Self::Pair;
    /// Reads a pair and repeats it in each lane.
    unsafe fn repeat_pair(from: *const i16) -> Self::Pair;
    /// `acc + x.0 * y.0 + x.1 * y.1` in each lane, wrapping.
    unsafe fn dot_pairs(acc: Self::Int, x: Self::Pair, y: Self::Pair) -> Self::Int;
    /// `acc` and the pair of a row at `k`, repeated, by pairs of `N` registers, as [`Registers::dot_pairs`].
    #[inline(always)]
    unsafe fn dot_row<const N: usize>(acc: &mut [Self::Int; N], row: *const i16, k: usize, b: &[Self::Pair; N]) {
        // SAFETY: the caller has the features and grants the pair.
        unsafe { dot_row_in_turns::<Self, N>(acc, row, k, b) }
    }
    /// Reads `2 * LANES` values at each pointer and pairs them: all of `x` with all of `y`, in any order of lanes.
    unsafe fn interleave(x: *const i16, y: *const i16) -> [Self::Pair; 2];
    /// Brings what was computed from interleaved pairs into the order of channels.
    unsafe fn in_order(x: [Self::Int; 2]) -> [Self::Int; 2];
    /// Reads `2 * LANES` bytes as unsigned values of 16 bits, combines each byte with `flip` before, subtracts `zero`
    /// after, and writes them.
    unsafe fn center(from: *const u8, to: *mut i16, flip: u8, zero: i16);

    /// Reads `2 * LANES` 16-bit integers.
    unsafe fn load_words(from: *const i16) -> Self::Words;
    /// Reads `2 * LANES` signed bytes as 16-bit integers.
    unsafe fn widen(from: *const u8) -> Self::Words;
    /// Writes `2 * LANES` 16-bit integers.
    unsafe fn store_words(to: *mut i16, x: Self::Words);
    /// Sum, wrapping.
    unsafe fn add_words(x: Self::Words, y: Self::Words) -> Self::Words;
    /// Difference, wrapping.
    unsafe fn sub_words(x: Self::Words, y: Self::Words) -> Self::Words;

    /// Reads `LANES` floats.
    unsafe fn load_floats(from: *const f32) -> Self::Float;
    /// Writes `LANES` floats.
    unsafe fn store_floats(to: *mut f32, x: Self::Float);
    /// Writes the first `count` floats, fewer than `LANES`.
    #[inline(always)]
    unsafe fn store_floats_few(to: *mut f32, x: Self::Float, count: usize) {
        let mut buffer = [MaybeUninit::<f32>::uninit(); WIDEST / 4];
        // SAFETY: the buffer has room for all, and the caller grants `count` elements.
        unsafe {
            Self::store_floats(buffer.as_mut_ptr().cast(), x);
            copy_short(buffer.as_ptr().cast(), to, count);
        }
    }
    /// The same float in each lane.
    unsafe fn splat_float(x: f32) -> Self::Float;
    /// The nearest float, ties to even.
    unsafe fn to_float(x: Self::Int) -> Self::Float;
    /// The nearest integer, ties to even; for magnitudes below [`Registers::ROUNDS_BELOW`], and for what
    /// [`Registers::cap_float`] and [`Registers::cap_number`] give: of what is too small for an integer, the least.
    unsafe fn round(x: Self::Float) -> Self::Int;
    /// Sum.
    unsafe fn add_float(x: Self::Float, y: Self::Float) -> Self::Float;
    /// Product.
    unsafe fn mul_float(x: Self::Float, y: Self::Float) -> Self::Float;
    /// Quotient.
    unsafe fn div_float(x: Self::Float, y: Self::Float) -> Self::Float;
    /// `x * y + z`, rounded once.
    unsafe fn fma_float(x: Self::Float, y: Self::Float, z: Self::Float) -> Self::Float;
    /// `x` within the bounds; the lower bound for NaN.
    unsafe fn clamp_float(x: Self::Float, low: Self::Float, high: Self::Float) -> Self::Float;

    /// `x`, but no more than `high`. Lower values, and NaN, come to be rounded to `low` or less: where rounding does
    /// that by itself, they are left.
    #[inline(always)]
    unsafe fn cap_float(x: Self::Float, low: Self::Float, high: Self::Float) -> Self::Float {
        // SAFETY: the caller has the features.
        unsafe { Self::clamp_float(x, low, high) }
    }
    /// As [`Registers::cap_float`], of what is not NaN; what rounding saturates by itself is left.
    #[inline(always)]
    unsafe fn cap_number(x: Self::Float, low: Self::Float, high: Self::Float) -> Self::Float {
        // SAFETY: the caller has the features.
        unsafe { Self::cap_float(x, low, high) }
    }

    /// Asks for the cache line of an address, which may be any. Where a target has no such instruction, nothing.
    #[inline(always)]
    fn prefetch(_: *const u8) {}

    /// Asks for so many bytes from an address on, a line after the other.
    #[inline(always)]
    fn prefetch_lines(from: *const u8, bytes: usize) {
        for at in (0..bytes).step_by(CACHE_LINE) {
            Self::prefetch(from.wrapping_add(at));
        }
    }

    /// Asks for the first and the last of so many bytes, which are no more than two lines.
    #[inline(always)]
    fn prefetch_ends(from: *const u8, bytes: usize) {
        Self::prefetch(from);
        Self::prefetch(from.wrapping_add(bytes - 1));
    }
}

/// [`Registers::dot_row`], product by product.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn dot_row_in_turns<R: Registers, const N: usize>(
    acc: &mut [R::Int; N],
    row: *const i16,
    k: usize,
    b: &[R::Pair; N],
) {
    // SAFETY: the caller has the features and grants the pair.
    unsafe {
        let a = R::repeat_pair(row.add(k));
        for n in 0..N {
            acc[n] = R::dot_pairs(acc[n], a, b[n]);
        }
    }
}
