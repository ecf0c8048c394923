//! Element by element: centre, quantise, dequantise, requantise, add.

use super::registers::Registers;
use super::store::{finish, requantize};
use crate::table::{AddArgs, DequantizeArgs, Multipliers, QuantizeArgs, Requantize};

/// Registers that are written to bytes at once.
const N: usize = 4;
/// Room for the elements of `N` registers.
const ROOM: usize = 64;

/// Runs `step(index)` for each full step of `len`, and says how many elements are left.
#[inline(always)]
fn full_steps(len: usize, step: usize, mut run: impl FnMut(usize)) -> usize {
    let full = len / step;
    for index in 0..full {
        run(index * step);
    }
    len - full * step
}

/// See [`crate::KernelSet::center`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn center<R: Registers>(src: &[u8], dst: &mut [i16], flip: u8, zero: i16) {
    let step = 2 * R::LANES;
    let to = dst.as_mut_ptr();
    // SAFETY: a full step lies inside both slices.
    let left = full_steps(src.len(), step, |at| unsafe { R::center(src.as_ptr().add(at), to.add(at), flip, zero) });
    let done = src.len() - left;
    for (to, &from) in dst[done..].iter_mut().zip(&src[done..]) {
        *to = i16::from(from ^ flip) - zero;
    }
}

/// See [`crate::KernelSet::quantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn quantize<R: Registers>(x: &[f32], y: &mut [u8], args: &QuantizeArgs) {
    let step = N * R::LANES;
    // SAFETY: a full step lies inside what `from` and `to` point to.
    let run = |from: *const f32, to: *mut u8| unsafe {
        let scale = R::splat_float(args.scale);
        let quantized = core::array::from_fn::<_, N, _>(|n| {
            finish::<R>(R::div_float(R::load_floats(from.add(n * R::LANES)), scale), &args.to)
        });
        R::store_bytes(to, quantized, args.to.flip);
    };
    let to = y.as_mut_ptr();
    // SAFETY: a full step lies inside both slices.
    let left = full_steps(x.len(), step, |at| unsafe { run(x.as_ptr().add(at), to.add(at)) });
    let done = x.len() - left;
    let (mut from, mut bytes) = ([0.0; ROOM], [0; ROOM]);
    from[..left].copy_from_slice(&x[done..]);
    run(from.as_ptr(), bytes.as_mut_ptr());
    y[done..].copy_from_slice(&bytes[..left]);
}

/// See [`crate::KernelSet::dequantize`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn dequantize<R: Registers>(x: &[u8], y: &mut [f32], args: &DequantizeArgs) {
    // Flipping a byte of the signed reading gives the unsigned one, 128 more: subtract that with the zero point.
    let step = R::LANES;
    // SAFETY: a full step lies inside what `from` and `to` point to.
    let run = |from: *const u8, to: *mut f32| unsafe {
        let x = R::add(R::load_bytes(from, args.flip), R::splat(-args.zero_point));
        R::store_floats(to, R::mul_float(R::to_float(x), R::splat_float(args.scale)));
    };
    let to = y.as_mut_ptr();
    // SAFETY: a full step lies inside both slices.
    let left = full_steps(x.len(), step, |at| unsafe { run(x.as_ptr().add(at), to.add(at)) });
    let done = x.len() - left;
    let (mut from, mut floats) = ([0; ROOM], [0.0; ROOM]);
    from[..left].copy_from_slice(&x[done..]);
    run(from.as_ptr(), floats.as_mut_ptr());
    y[done..].copy_from_slice(&floats[..left]);
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
    // SAFETY: a full step lies inside what the pointers point to.
    let run = |from: *const i32, each: Option<*const f32>, out: *mut u8| unsafe {
        let bytes = core::array::from_fn::<_, N, _>(|n| {
            let multiplier = match (each, multipliers) {
                (Some(each), _) => R::load_floats(each.add(n * R::LANES)),
                (None, Multipliers::All(all)) => R::splat_float(all),
                (None, Multipliers::Each(_)) => R::splat_float(0.0),
            };
            requantize::<R>(R::load(from.add(n * R::LANES)), multiplier, to)
        });
        R::store_bytes(out, bytes, to.flip);
    };
    let each = match multipliers {
        Multipliers::All(_) => None,
        Multipliers::Each(each) => Some(each),
    };
    let out = y.as_mut_ptr();
    // SAFETY: a full step lies inside all slices, which are equally long.
    let left = full_steps(acc.len(), step, |at| unsafe {
        run(acc.as_ptr().add(at), each.map(|each| each.as_ptr().add(at)), out.add(at));
    });
    let done = acc.len() - left;
    let (mut from, mut floats, mut bytes) = ([0; ROOM], [0.0; ROOM], [0; ROOM]);
    from[..left].copy_from_slice(&acc[done..]);
    if let Some(each) = each {
        floats[..left].copy_from_slice(&each[done..]);
    }
    run(from.as_ptr(), each.map(|_| floats.as_ptr()), bytes.as_mut_ptr());
    y[done..].copy_from_slice(&bytes[..left]);
}

/// See [`crate::KernelSet::add`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn add<R: Registers>(a: &[u8], b: &[u8], y: &mut [u8], args: &AddArgs) {
    let step = N * R::LANES;
    let [of_a, of_b, of_y] = args.readings;
    let flips = [of_a, of_b].map(|reading| reading.flip_to_unsigned());
    let moved = [of_a, of_b].map(|reading| -i32::from(reading.flip_to_unsigned()));
    let (low, high) = of_y.range();
    // The zero point is inside the sum, so what is rounded is the value itself.
    let to = Requantize::new(of_y, 0, (low, high));
    // SAFETY: a full step lies inside what the pointers point to.
    let run = |a: *const u8, b: *const u8, out: *mut u8| unsafe {
        let (ra, rb, k) = (R::splat_float(args.ra), R::splat_float(args.rb), R::splat_float(args.k));
        let value = |from: *const u8, operand: usize| {
            R::to_float(R::add(R::load_bytes(from, flips[operand]), R::splat(moved[operand])))
        };
        let bytes = core::array::from_fn::<_, N, _>(|n| {
            let at = n * R::LANES;
            let inner = R::fma_float(value(b.add(at), 1), rb, k);
            finish::<R>(R::fma_float(value(a.add(at), 0), ra, inner), &to)
        });
        R::store_bytes(out, bytes, to.flip);
    };
    let out = y.as_mut_ptr();
    // SAFETY: a full step lies inside all slices, which are equally long.
    let left = full_steps(a.len(), step, |at| unsafe { run(a.as_ptr().add(at), b.as_ptr().add(at), out.add(at)) });
    let done = a.len() - left;
    let (mut of_a, mut of_b, mut bytes) = ([0; ROOM], [0; ROOM], [0; ROOM]);
    of_a[..left].copy_from_slice(&a[done..]);
    of_b[..left].copy_from_slice(&b[done..]);
    run(of_a.as_ptr(), of_b.as_ptr(), bytes.as_mut_ptr());
    y[done..].copy_from_slice(&bytes[..left]);
}
