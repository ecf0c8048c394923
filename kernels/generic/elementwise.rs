//! Element by element, of one operand: centre, quantise, dequantise, requantise.
//!
//! Each operation is a step over a few registers. Full steps run in place; what is left of a slice is copied to a
//! buffer and goes through the same step, so that an element's result does not depend on where it stands.

use super::reciprocal::Reciprocal;
use super::registers::{CACHE_LINE, Ends, Registers};
use crate::args::{DequantizeArgs, Multipliers, QuantizeArgs, Requantize};

/// Registers of a step: as many as are written to bytes at once.
pub(crate) const N: usize = 4;
/// Room for the elements of `N` registers.
pub(crate) const ROOM: usize = 64;
/// Bytes from which a stream comes from a far cache or from memory, which give it faster if it is asked for ahead.
const FAR: usize = 1 << 20;

/// Whether the steps of a slice ask for it ahead: a register is a line, or lies within one.
fn is_far<R: Registers, T>(stream: &[T]) -> bool {
    let register = R::LANES * size_of::<T>();
    let is_within = register >= CACHE_LINE || stream.as_ptr().addr().is_multiple_of(register);
    R::STREAM_AHEAD > 0 && size_of_val(stream) >= FAR && is_within
}

/// Asks for what a step further on reads or writes.
#[inline(always)]
fn ask_ahead<R: Registers, T>(step: *const T) {
    R::prefetch_lines(step.cast::<u8>().wrapping_add(R::STREAM_AHEAD), N * R::LANES * size_of::<T>());
}

/// Beyond every result of 8 bits, whatever its zero point.
pub(crate) const BEYOND: f32 = 300.0;

/// See [`crate::KernelSet::center`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn center<R: Registers>(src: &[u8], dst: &mut [i16], flip: u8, zero: i16) {
    let step = 2 * R::LANES;
    if src.len() < step {
        for (to, &from) in dst.iter_mut().zip(src) {
            *to = i16::from(from ^ flip) - zero;
        }
        return;
    }
    let last = src.len() - step;
    let mut at = 0;
    // SAFETY: a full step lies inside both slices, which are equally long.
    unsafe {
        while at < last {
            R::center(src.as_ptr().add(at), dst.as_mut_ptr().add(at), flip, zero);
            at += step;
        }
        // The last step ends where the slices do: what it shares with the one before is the same again.
        R::center(src.as_ptr().add(last), dst.as_mut_ptr().add(last), flip, zero);
    }
}

/// See [`crate::KernelSet::quantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn quantize<R: Registers>(x: &[f32], y: &mut [u8], args: &QuantizeArgs) {
    let ends = Ends::new(&args.to);
    let reciprocal = if R::FUSES { Reciprocal::new(args.scale) } else { None };
    // SAFETY: the caller answers for features and lengths.
    unsafe {
        match (reciprocal, ends.clamp()) {
            (Some(by), false) => quantize_all::<R, _, false>(x, y, by, &ends),
            (Some(by), true) => quantize_all::<R, _, true>(x, y, by, &ends),
            (None, _) => quantize_all::<R, _, true>(x, y, Divisor(args.scale), &ends),
        }
    }
}

/// How a quotient is computed.
trait Quotient: Copy {
    /// A number that is rounded as the quotient is; what is beyond every result, and NaN, in bounds.
    unsafe fn of<R: Registers>(self, x: R::Float) -> R::Float;
}

/// By division.
#[derive(Clone, Copy)]
struct Divisor(f32);

impl Quotient for Divisor {
    #[inline(always)]
    unsafe fn of<R: Registers>(self, x: R::Float) -> R::Float {
        // SAFETY: the caller has the features.
        unsafe {
            let quotient = R::div_float(x, R::splat_float(self.0));
            R::cap_float(quotient, R::splat_float(-BEYOND), R::splat_float(BEYOND))
        }
    }
}

impl Quotient for Reciprocal {
    #[inline(always)]
    unsafe fn of<R: Registers>(self, x: R::Float) -> R::Float {
        // Bounded before, so that no infinities meet.
        // SAFETY: the caller has the features.
        unsafe {
            let x = R::cap_float(x, R::splat_float(-self.beyond), R::splat_float(self.beyond));
            R::fma_float(x, R::splat_float(self.high), R::mul_float(x, R::splat_float(self.low)))
        }
    }
}

#[inline(always)]
unsafe fn quantize_all<R: Registers, Q: Quotient, const CLAMPED: bool>(x: &[f32], y: &mut [u8], by: Q, ends: &Ends) {
    let (step, is_far) = (N * R::LANES, is_far::<R, _>(x));
    let full = x.len() / step * step;
    for at in (0..full).step_by(step) {
        if is_far {
            ask_ahead::<R, _>(x.as_ptr().wrapping_add(at));
        }
        // SAFETY: a full step lies inside both slices.
        unsafe { quantize_step::<R, Q, CLAMPED>(x.as_ptr().add(at), y.as_mut_ptr().add(at), by, ends) };
    }
    let left = x.len() - full;
    let (mut from, mut to) = ([0.0; ROOM], [0; ROOM]);
    from[..left].copy_from_slice(&x[full..]);
    // SAFETY: the buffers have room for a step.
    unsafe { quantize_step::<R, Q, CLAMPED>(from.as_ptr(), to.as_mut_ptr(), by, ends) };
    y[full..].copy_from_slice(&to[..left]);
}

#[inline(always)]
unsafe fn quantize_step<R: Registers, Q: Quotient, const CLAMPED: bool>(x: *const f32, y: *mut u8, by: Q, ends: &Ends) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let mut quantized = [R::splat(0); N];
        for n in 0..N {
            quantized[n] = R::round(by.of::<R>(R::load_floats(x.add(n * R::LANES))));
        }
        R::store_saturated::<N, true, CLAMPED>(y, quantized, ends);
    }
}

/// See [`crate::KernelSet::dequantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn dequantize<R: Registers>(x: &[u8], y: &mut [f32], args: &DequantizeArgs) {
    // SAFETY: the caller answers for features and lengths.
    unsafe {
        if args.flip == 0 {
            dequantize_all::<R, false>(x, y, args);
        } else {
            dequantize_all::<R, true>(x, y, args);
        }
    }
}

#[inline(always)]
unsafe fn dequantize_all<R: Registers, const SIGNED: bool>(x: &[u8], y: &mut [f32], args: &DequantizeArgs) {
    let step = N * R::LANES;
    // Lines that are written by halves are not asked for: that lost a tenth.
    let is_far = R::LANES * size_of::<f32>() >= CACHE_LINE && is_far::<R, _>(y);
    let full = x.len() / step * step;
    for at in (0..full).step_by(step) {
        if is_far {
            ask_ahead::<R, _>(y.as_ptr().wrapping_add(at));
        }
        // SAFETY: a full step lies inside both slices.
        unsafe { dequantize_step::<R, SIGNED>(x.as_ptr().add(at), y.as_mut_ptr().add(at), args) };
    }
    let left = x.len() - full;
    let (mut from, mut to) = ([0; ROOM], [0.0; ROOM]);
    from[..left].copy_from_slice(&x[full..]);
    // SAFETY: the buffers have room for a step.
    unsafe { dequantize_step::<R, SIGNED>(from.as_ptr(), to.as_mut_ptr(), args) };
    y[full..].copy_from_slice(&to[..left]);
}

#[inline(always)]
unsafe fn dequantize_step<R: Registers, const SIGNED: bool>(x: *const u8, y: *mut f32, args: &DequantizeArgs) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let scale = R::splat_float(args.scale);
        let zero_point = args.zero_point - i32::from(args.flip);
        for n in 0..N {
            let from = x.add(n * R::LANES);
            let value = if SIGNED { R::load_signed_bytes(from) } else { R::load_bytes(from, 0) };
            let difference = R::to_float(R::add(value, R::splat(-zero_point)));
            R::store_floats(y.add(n * R::LANES), R::mul_float(difference, scale));
        }
    }
}

/// See [`crate::KernelSet::requantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn requantize_row<R: Registers>(
    acc: &[i32],
    y: &mut [u8],
    multipliers: Multipliers<'_>,
    to: &Requantize,
) {
    let ends = Ends::new(to);
    // 2^31 is the greatest magnitude of an accumulator.
    let bounded = matches!(multipliers, Multipliers::All(one) if one >= 0.0 && one * 2_147_483_648.0 < R::ROUNDS_BELOW);
    // SAFETY: the caller answers for features and lengths.
    unsafe {
        match (bounded, ends.clamp()) {
            (true, false) => requantize_all::<R, true, false>(acc, y, multipliers, &ends),
            (true, true) => requantize_all::<R, true, true>(acc, y, multipliers, &ends),
            (false, _) => requantize_all::<R, false, true>(acc, y, multipliers, &ends),
        }
    }
}

#[inline(always)]
unsafe fn requantize_all<R: Registers, const BOUNDED: bool, const CLAMPED: bool>(
    acc: &[i32],
    y: &mut [u8],
    multipliers: Multipliers<'_>,
    ends: &Ends,
) {
    let (step, is_far) = (N * R::LANES, is_far::<R, _>(acc));
    let full = acc.len() / step * step;
    let (mut all, mut from, mut bytes) = ([0.0; ROOM], [0; ROOM], [0; ROOM]);
    // One multiplier for all is a row of equal ones that does not move.
    let (each, stride) = match multipliers {
        Multipliers::All(one) => {
            all.fill(one);
            (all.as_ptr(), 0)
        }
        Multipliers::Each(each) => (each.as_ptr(), 1),
    };
    for at in (0..full).step_by(step) {
        if is_far {
            ask_ahead::<R, _>(acc.as_ptr().wrapping_add(at));
        }
        // SAFETY: a full step lies inside all slices, which are equally long.
        unsafe {
            let (acc, each, y) = (acc.as_ptr().add(at), each.add(at * stride), y.as_mut_ptr().add(at));
            requantize_step::<R, BOUNDED, CLAMPED>(acc, each, y, ends);
        }
    }
    let left = acc.len() - full;
    from[..left].copy_from_slice(&acc[full..]);
    if let Multipliers::Each(each) = multipliers {
        all[..left].copy_from_slice(&each[full..]);
    }
    // SAFETY: the buffers have room for a step.
    unsafe { requantize_step::<R, BOUNDED, CLAMPED>(from.as_ptr(), all.as_ptr(), bytes.as_mut_ptr(), ends) };
    y[full..].copy_from_slice(&bytes[..left]);
}

#[inline(always)]
unsafe fn requantize_step<R: Registers, const BOUNDED: bool, const CLAMPED: bool>(
    acc: *const i32,
    multipliers: *const f32,
    y: *mut u8,
    ends: &Ends,
) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let mut rounded = [R::splat(0); N];
        for n in 0..N {
            let at = n * R::LANES;
            let scaled = R::mul_float(R::to_float(R::load(acc.add(at))), R::load_floats(multipliers.add(at)));
            rounded[n] = round::<R, BOUNDED>(scaled);
        }
        R::store_saturated::<N, true, CLAMPED>(y, rounded, ends);
    }
}

/// Rounds a number, which may be infinite unless it is known to be `BOUNDED` as rounding needs it.
#[inline(always)]
pub(crate) unsafe fn round<R: Registers, const BOUNDED: bool>(x: R::Float) -> R::Int {
    // SAFETY: the caller has the features.
    unsafe { R::round(if BOUNDED { x } else { R::cap_number(x, R::splat_float(-BEYOND), R::splat_float(BEYOND)) }) }
}
