//! Element by element: centre, quantise, dequantise, requantise, add.
//!
//! Each operation is a step over a few registers. Full steps run in place; what is left of a slice is copied to a
//! buffer and goes through the same step, so that an element's result does not depend on where it stands.

use super::registers::Registers;
use super::store::{finish, requantize};
use crate::table::{AddArgs, DequantizeArgs, Multipliers, QuantizeArgs, Requantize};

/// Registers that are written to bytes at once.
const N: usize = 4;
/// Room for the elements of `N` registers.
const ROOM: usize = 64;

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
    let step = N * R::LANES;
    let full = x.len() / step * step;
    for at in (0..full).step_by(step) {
        // SAFETY: a full step lies inside both slices.
        unsafe { quantize_step::<R>(x.as_ptr().add(at), y.as_mut_ptr().add(at), args) };
    }
    let left = x.len() - full;
    let (mut from, mut to) = ([0.0; ROOM], [0; ROOM]);
    from[..left].copy_from_slice(&x[full..]);
    // SAFETY: the buffers have room for a step.
    unsafe { quantize_step::<R>(from.as_ptr(), to.as_mut_ptr(), args) };
    y[full..].copy_from_slice(&to[..left]);
}

#[inline(always)]
unsafe fn quantize_step<R: Registers>(x: *const f32, y: *mut u8, args: &QuantizeArgs) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let scale = R::splat_float(args.scale);
        let mut quantized = [R::splat(0); N];
        for n in 0..N {
            quantized[n] = finish::<R>(R::div_float(R::load_floats(x.add(n * R::LANES)), scale), &args.to);
        }
        R::store_bytes(y, quantized, args.to.flip);
    }
}

/// See [`crate::KernelSet::dequantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn dequantize<R: Registers>(x: &[u8], y: &mut [f32], args: &DequantizeArgs) {
    let step = R::LANES;
    let full = x.len() / step * step;
    for at in (0..full).step_by(step) {
        // SAFETY: a full step lies inside both slices.
        unsafe { dequantize_step::<R>(x.as_ptr().add(at), y.as_mut_ptr().add(at), args) };
    }
    let left = x.len() - full;
    let (mut from, mut to) = ([0; ROOM], [0.0; ROOM]);
    from[..left].copy_from_slice(&x[full..]);
    // SAFETY: the buffers have room for a step.
    unsafe { dequantize_step::<R>(from.as_ptr(), to.as_mut_ptr(), args) };
    y[full..].copy_from_slice(&to[..left]);
}

#[inline(always)]
unsafe fn dequantize_step<R: Registers>(x: *const u8, y: *mut f32, args: &DequantizeArgs) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let difference = R::add(R::load_bytes(x, args.flip), R::splat(-args.zero_point));
        R::store_floats(y, R::mul_float(R::to_float(difference), R::splat_float(args.scale)));
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
    let step = N * R::LANES;
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
        // SAFETY: a full step lies inside all slices, which are equally long.
        unsafe {
            requantize_step::<R>(acc.as_ptr().add(at), each.add(at * stride), y.as_mut_ptr().add(at), to);
        }
    }
    let left = acc.len() - full;
    from[..left].copy_from_slice(&acc[full..]);
    if let Multipliers::Each(each) = multipliers {
        all[..left].copy_from_slice(&each[full..]);
    }
    // SAFETY: the buffers have room for a step.
    unsafe { requantize_step::<R>(from.as_ptr(), all.as_ptr(), bytes.as_mut_ptr(), to) };
    y[full..].copy_from_slice(&bytes[..left]);
}

#[inline(always)]
unsafe fn requantize_step<R: Registers>(acc: *const i32, multipliers: *const f32, y: *mut u8, to: &Requantize) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let mut bytes = [R::splat(0); N];
        for n in 0..N {
            let at = n * R::LANES;
            bytes[n] = requantize::<R>(R::load(acc.add(at)), R::load_floats(multipliers.add(at)), to);
        }
        R::store_bytes(y, bytes, to.flip);
    }
}

/// See [`crate::KernelSet::add`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn add<R: Registers>(a: &[u8], b: &[u8], y: &mut [u8], args: &AddArgs) {
    let step = N * R::LANES;
    let full = a.len() / step * step;
    let of_y = args.readings[2];
    // The zero point is inside the sum, so what is rounded is the value itself.
    let to = Requantize::new(of_y, 0, of_y.range());
    for at in (0..full).step_by(step) {
        // SAFETY: a full step lies inside all slices, which are equally long.
        unsafe { add_step::<R>(a.as_ptr().add(at), b.as_ptr().add(at), y.as_mut_ptr().add(at), args, &to) };
    }
    let left = a.len() - full;
    let (mut from_a, mut from_b, mut bytes) = ([0; ROOM], [0; ROOM], [0; ROOM]);
    from_a[..left].copy_from_slice(&a[full..]);
    from_b[..left].copy_from_slice(&b[full..]);
    // SAFETY: the buffers have room for a step.
    unsafe { add_step::<R>(from_a.as_ptr(), from_b.as_ptr(), bytes.as_mut_ptr(), args, &to) };
    y[full..].copy_from_slice(&bytes[..left]);
}

#[inline(always)]
unsafe fn add_step<R: Registers>(a: *const u8, b: *const u8, y: *mut u8, args: &AddArgs, to: &Requantize) {
    let [flip_a, flip_b] = [args.readings[0].flip_to_unsigned(), args.readings[1].flip_to_unsigned()];
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let (ra, rb, k) = (R::splat_float(args.ra), R::splat_float(args.rb), R::splat_float(args.k));
        // The unsigned reading of a signed value is as much more as the flip.
        let (moved_a, moved_b) = (R::splat(-i32::from(flip_a)), R::splat(-i32::from(flip_b)));
        let mut bytes = [R::splat(0); N];
        for n in 0..N {
            let at = n * R::LANES;
            let value_a = R::to_float(R::add(R::load_bytes(a.add(at), flip_a), moved_a));
            let value_b = R::to_float(R::add(R::load_bytes(b.add(at), flip_b), moved_b));
            bytes[n] = finish::<R>(R::fma_float(value_a, ra, R::fma_float(value_b, rb, k)), to);
        }
        R::store_bytes(y, bytes, to.flip);
    }
}
