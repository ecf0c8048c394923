//! The end of a tile: what its accumulators become, and where they go.

use super::registers::Registers;
use crate::table::{Epilogue, Requantize};

/// Writes a row of a tile. The type, not a value, says what becomes of the accumulators: a run-time choice at the
/// tile's end makes the compiler keep them in memory.
pub(crate) trait Store<R: Registers> {
    /// Writes the first `count` of `N * LANES` accumulators to columns from `column` of a row.
    ///
    /// # Safety
    /// The registers' features; `count` columns from `column` of the row may be written, and the parameters of all
    /// `N * LANES` may be read.
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]);
}

/// As they are.
pub(crate) struct Int32 {
    out: *mut i32,
    stride: usize,
}

/// Requantised to 8 bits.
pub(crate) struct Bytes<'a> {
    out: *mut u8,
    stride: usize,
    multipliers: &'a [f32],
    to: Requantize,
}

/// Scaled to floats.
pub(crate) struct Float32<'a> {
    out: *mut f32,
    stride: usize,
    scales: &'a [f32],
    bias: &'a [f32],
}

/// A function of any [`Store`]: the algorithm that ends in one.
pub(crate) trait WithStore<R: Registers> {
    /// Runs the algorithm.
    ///
    /// # Safety
    /// As the algorithm says.
    unsafe fn run<S: Store<R>>(self, store: S);
}

/// Runs an algorithm with the store of an epilogue.
///
/// # Safety
/// As the algorithm says.
#[inline(always)]
pub(crate) unsafe fn with_store<R: Registers>(epilogue: &mut Epilogue<'_>, algorithm: impl WithStore<R>) {
    // SAFETY: the caller answers for the algorithm.
    unsafe {
        match epilogue {
            Epilogue::I32 { out } => algorithm.run(Int32 { out: out.start(), stride: out.strides()[0] }),
            Epilogue::Bytes { multipliers, requantize, out } => {
                algorithm.run(Bytes { out: out.start(), stride: out.strides()[0], multipliers, to: *requantize })
            }
            Epilogue::F32 { scales, bias, out } => {
                algorithm.run(Float32 { out: out.start(), stride: out.strides()[0], scales, bias });
            }
        }
    }
}

/// Room for the widest row of a tile, of any element type.
const WIDEST: usize = 64;

/// Writes `count` elements by `write`: in place where all are wanted, else by way of a buffer.
///
/// # Safety
/// `count` elements at `to` may be written, and `write` writes `all` elements.
#[inline(always)]
unsafe fn write_row<T: Copy + Default>(to: *mut T, count: usize, all: usize, write: impl FnOnce(*mut T)) {
    if count == all {
        write(to);
    } else {
        let mut buffer = [T::default(); WIDEST];
        debug_assert!(all <= WIDEST);
        write(buffer.as_mut_ptr());
        // SAFETY: the caller grants `count` elements, which is below `all` and so inside the buffer.
        unsafe { core::ptr::copy_nonoverlapping(buffer.as_ptr(), to, count) };
    }
}

impl<R: Registers> Store<R> for Int32 {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row.
        unsafe {
            write_row(self.out.add(row * self.stride + column), count, N * R::LANES, |to| {
                for (index, x) in acc.into_iter().enumerate() {
                    R::store(to.add(index * R::LANES), x);
                }
            });
        }
    }
}

impl<R: Registers> Store<R> for Bytes<'_> {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, mut acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row and the multipliers.
        unsafe {
            for (index, x) in acc.iter_mut().enumerate() {
                let multiplier = R::load_floats(self.multipliers.as_ptr().add(column + index * R::LANES));
                *x = requantize::<R>(*x, multiplier, &self.to);
            }
            write_row(self.out.add(row * self.stride + column), count, N * R::LANES, |to| {
                R::store_bytes(to, acc, self.to.flip);
            });
        }
    }
}

impl<R: Registers> Store<R> for Float32<'_> {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row, the scales and the bias.
        unsafe {
            write_row(self.out.add(row * self.stride + column), count, N * R::LANES, |to| {
                for (index, x) in acc.into_iter().enumerate() {
                    let at = index * R::LANES;
                    let scaled = R::mul_float(R::to_float(x), R::load_floats(self.scales.as_ptr().add(column + at)));
                    let biased = R::add_float(scaled, R::load_floats(self.bias.as_ptr().add(column + at)));
                    R::store_floats(to.add(at), biased);
                }
            });
        }
    }
}

/// Requantises a register to the unsigned reading.
///
/// # Safety
/// The registers' features.
#[inline(always)]
pub(crate) unsafe fn requantize<R: Registers>(acc: R::Int, multiplier: R::Float, to: &Requantize) -> R::Int {
    // SAFETY: the caller has the features.
    unsafe { finish::<R>(R::mul_float(R::to_float(acc), multiplier), to) }
}

/// Clamps, rounds and adds the zero point.
///
/// # Safety
/// The registers' features.
#[inline(always)]
pub(crate) unsafe fn finish<R: Registers>(scaled: R::Float, to: &Requantize) -> R::Int {
    // SAFETY: the caller has the features.
    unsafe {
        let clamped = R::clamp_float(scaled, R::splat_float(to.low), R::splat_float(to.high));
        R::add(R::round(clamped), R::splat(to.zero_point))
    }
}
