//! Element by element, of two operands: add, multiply.

use super::elementwise::{N, ROOM, round};
use super::registers::{Ends, Registers, SPREAD};
use crate::args::{AddArgs, MulArgs, Requantize};
use crate::encode::Reading;

/// See [`crate::KernelSet::add`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn add<R: Registers>(a: &[u8], b: &[u8], y: &mut [u8], args: &AddArgs) {
    let AddArgs { ra, rb, k, readings } = *args;
    // No value of 8 bits is 256 or more.
    let most = 256.0 * (ra + rb) + k.abs();
    // What they are divided by leaves them exact.
    let divides = ra.min(rb) >= f32::MIN_POSITIVE * 65536.0;
    let spreads = R::SPREADS && readings == [Reading::Unsigned; 3] && most < R::ROUNDS_BELOW && divides;
    let full = if spreads { a.len() / spread_step::<R>() * spread_step::<R>() } else { 0 };
    // SAFETY: the caller answers for features and lengths.
    unsafe {
        add_spread::<R>([&a[..full], &b[..full]], &mut y[..full], args);
        by_reading::<R, _>([&a[full..], &b[full..]], &mut y[full..], Sum { ra, rb, k }, readings, most);
    }
}

/// Bytes that are spread at once.
const fn spread_step<R: Registers>() -> usize {
    4 * R::LANES
}

/// Adds whole steps of unsigned bytes, spread: a multiplier of bytes that stay in their place is divided by the place, which
/// changes no bit of a product.
#[inline(always)]
unsafe fn add_spread<R: Registers>([a, b]: [&[u8]; 2], y: &mut [u8], args: &AddArgs) {
    for at in (0..y.len()).step_by(spread_step::<R>()) {
        // SAFETY: a step lies inside all slices, which are equally long; the caller has the features.
        unsafe {
            let (a, b) = (R::load_spread(a.as_ptr().add(at)), R::load_spread(b.as_ptr().add(at)));
            let mut rounded = a;
            for n in 0..4 {
                let sum = Sum { ra: args.ra / SPREAD[n], rb: args.rb / SPREAD[n], k: args.k };
                rounded[n] = R::round(sum.combine::<R>(a[n], b[n]));
            }
            R::store_spread(y.as_mut_ptr().add(at), rounded);
        }
    }
}

/// See [`crate::KernelSet::mul`].
///
/// # Safety
/// The registers' features, and equal lengths.
#[inline(always)]
pub(crate) unsafe fn mul<R: Registers>(a: &[u8], b: &[u8], y: &mut [u8], args: &MulArgs) {
    // No value of 8 bits less its zero point is 256 or more.
    let most = 65536.0 * args.multiplier + args.zero.abs();
    let [za, zb] = args.zero_points;
    let product = Product { za, zb, multiplier: args.multiplier, zero: args.zero };
    // SAFETY: the caller answers for features and lengths.
    unsafe { by_reading::<R, _>([a, b], y, product, args.readings, most) }
}

/// What becomes of two values. The zero point of the result is inside, so that what is rounded is the result itself.
trait Combine: Copy {
    unsafe fn combine<R: Registers>(self, a: R::Int, b: R::Int) -> R::Float;
}

#[derive(Clone, Copy)]
struct Sum {
    ra: f32,
    rb: f32,
    k: f32,
}

impl Combine for Sum {
    #[inline(always)]
    unsafe fn combine<R: Registers>(self, a: R::Int, b: R::Int) -> R::Float {
        // SAFETY: the caller has the features.
        unsafe {
            let of_b = R::fma_float(R::to_float(b), R::splat_float(self.rb), R::splat_float(self.k));
            R::fma_float(R::to_float(a), R::splat_float(self.ra), of_b)
        }
    }
}

#[derive(Clone, Copy)]
struct Product {
    za: i32,
    zb: i32,
    multiplier: f32,
    zero: f32,
}

impl Combine for Product {
    #[inline(always)]
    unsafe fn combine<R: Registers>(self, a: R::Int, b: R::Int) -> R::Float {
        // SAFETY: the caller has the features.
        unsafe {
            let (a, b) = (R::add(a, R::splat(-self.za)), R::add(b, R::splat(-self.zb)));
            let scaled = R::mul_float(R::to_float(R::mul(a, b)), R::splat_float(self.multiplier));
            R::add_float(scaled, R::splat_float(self.zero))
        }
    }
}

/// How operands and result are read. The usual cases are types of their own: bytes are widened by one instruction then.
trait Readings: Copy {
    /// Whether the result's reading is not, or may not be, the unsigned one.
    const MOVED: bool;
    /// The values of an operand.
    unsafe fn load<R: Registers>(self, operand: usize, from: *const u8) -> R::Int;
}

#[derive(Clone, Copy)]
struct Unsigned;

impl Readings for Unsigned {
    const MOVED: bool = false;

    #[inline(always)]
    unsafe fn load<R: Registers>(self, _: usize, from: *const u8) -> R::Int {
        // SAFETY: the caller grants the bytes.
        unsafe { R::load_bytes(from, 0) }
    }
}

#[derive(Clone, Copy)]
struct Signed;

impl Readings for Signed {
    const MOVED: bool = true;

    #[inline(always)]
    unsafe fn load<R: Registers>(self, _: usize, from: *const u8) -> R::Int {
        // SAFETY: the caller grants the bytes.
        unsafe { R::load_signed_bytes(from) }
    }
}

/// What turns each operand into the unsigned reading, which is more by the same.
#[derive(Clone, Copy)]
struct Flips([u8; 2]);

impl Readings for Flips {
    const MOVED: bool = true;

    #[inline(always)]
    unsafe fn load<R: Registers>(self, operand: usize, from: *const u8) -> R::Int {
        let flip = self.0[operand];
        // SAFETY: the caller grants the bytes.
        unsafe { R::add(R::load_bytes(from, flip), R::splat(-i32::from(flip))) }
    }
}

/// `most`: no result, before it is rounded, has a greater magnitude.
#[inline(always)]
unsafe fn by_reading<R: Registers, C: Combine>(
    operands: [&[u8]; 2],
    y: &mut [u8],
    combine: C,
    readings: [Reading; 3],
    most: f32,
) {
    let of_y = readings[2];
    let ends = Ends::new(&Requantize::new(of_y, 0, of_y.range()));
    let bounded = most < R::ROUNDS_BELOW;
    let flips = Flips([readings[0].flip_to_unsigned(), readings[1].flip_to_unsigned()]);
    // SAFETY: the caller answers for features and lengths.
    unsafe {
        match (readings, bounded) {
            ([Reading::Unsigned, Reading::Unsigned, Reading::Unsigned], true) => {
                all::<R, C, _, true>(operands, y, combine, Unsigned, &ends);
            }
            ([Reading::Signed, Reading::Signed, Reading::Signed], true) => {
                all::<R, C, _, true>(operands, y, combine, Signed, &ends);
            }
            _ => all::<R, C, _, false>(operands, y, combine, flips, &ends),
        }
    }
}

#[inline(always)]
unsafe fn all<R: Registers, C: Combine, F: Readings, const BOUNDED: bool>(
    [a, b]: [&[u8]; 2],
    y: &mut [u8],
    combine: C,
    readings: F,
    ends: &Ends,
) {
    let step = N * R::LANES;
    let full = a.len() / step * step;
    for at in (0..full).step_by(step) {
        // SAFETY: a full step lies inside all slices, which are equally long.
        unsafe {
            let (operands, y) = ([a.as_ptr().add(at), b.as_ptr().add(at)], y.as_mut_ptr().add(at));
            one::<R, C, F, BOUNDED>(operands, y, combine, readings, ends);
        }
    }
    let left = a.len() - full;
    let (mut from_a, mut from_b, mut bytes) = ([0; ROOM], [0; ROOM], [0; ROOM]);
    from_a[..left].copy_from_slice(&a[full..]);
    from_b[..left].copy_from_slice(&b[full..]);
    let operands = [from_a.as_ptr(), from_b.as_ptr()];
    // SAFETY: the buffers have room for a step.
    unsafe { one::<R, C, F, BOUNDED>(operands, bytes.as_mut_ptr(), combine, readings, ends) };
    y[full..].copy_from_slice(&bytes[..left]);
}

/// One step.
#[inline(always)]
unsafe fn one<R: Registers, C: Combine, F: Readings, const BOUNDED: bool>(
    [a, b]: [*const u8; 2],
    y: *mut u8,
    combine: C,
    readings: F,
    ends: &Ends,
) {
    // SAFETY: the caller grants a step at each pointer.
    unsafe {
        let mut rounded = [R::splat(0); N];
        for n in 0..N {
            let at = n * R::LANES;
            let (a, b) = (readings.load::<R>(0, a.add(at)), readings.load::<R>(1, b.add(at)));
            rounded[n] = round::<R, BOUNDED>(combine.combine::<R>(a, b));
        }
        if F::MOVED {
            R::store_saturated::<N, true, false>(y, rounded, ends);
        } else {
            R::store_saturated::<N, false, false>(y, rounded, ends);
        }
    }
}
