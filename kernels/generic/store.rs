//! The end of a tile: what its accumulators become, and where they go.

use core::mem::MaybeUninit;

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

/// Room for the widest row of a tile.
const WIDEST: usize = 64;

/// Where a row of a tile is written: in place where all of its columns are wanted, else by way of a buffer.
///
/// No closures here and in the algorithms: one would not get the tier's features, and so none of its instructions
/// inlined.
struct RowOut<T> {
    buffer: [MaybeUninit<T>; WIDEST],
    to: *mut T,
    count: usize,
}

impl<T: Copy> RowOut<T> {
    #[inline(always)]
    fn new(to: *mut T, count: usize) -> Self {
        Self { buffer: [MaybeUninit::uninit(); WIDEST], to, count }
    }

    /// Where `all` elements may be written.
    #[inline(always)]
    fn start(&mut self, all: usize) -> *mut T {
        debug_assert!(all <= WIDEST);
        if self.count == all { self.to } else { self.buffer.as_mut_ptr().cast() }
    }

    /// # Safety
    /// `all` elements were written at the start, and `count` may be written where the row goes.
    #[inline(always)]
    unsafe fn finish(self, all: usize) {
        if self.count != all {
            // SAFETY: `count` is below `all` and so inside the buffer.
            unsafe { core::ptr::copy_nonoverlapping(self.buffer.as_ptr().cast(), self.to, self.count) };
        }
    }
}

impl<R: Registers> Store<R> for Int32 {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row.
        unsafe {
            let mut out = RowOut::new(self.out.add(row * self.stride + column), count);
            let to = out.start(N * R::LANES);
            for n in 0..N {
                R::store(to.add(n * R::LANES), acc[n]);
            }
            out.finish(N * R::LANES);
        }
    }
}

impl<R: Registers> Store<R> for Bytes<'_> {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, mut acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row and the multipliers.
        unsafe {
            for n in 0..N {
                let multiplier = R::load_floats(self.multipliers.as_ptr().add(column + n * R::LANES));
                acc[n] = requantize::<R>(acc[n], multiplier, &self.to);
            }
            let mut out = RowOut::new(self.out.add(row * self.stride + column), count);
            R::store_bytes(out.start(N * R::LANES), acc, self.to.flip);
            out.finish(N * R::LANES);
        }
    }
}

impl<R: Registers> Store<R> for Float32<'_> {
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the columns of the row, the scales and the bias.
        unsafe {
            let mut out = RowOut::new(self.out.add(row * self.stride + column), count);
            let to = out.start(N * R::LANES);
            for n in 0..N {
                let at = column + n * R::LANES;
                let scaled = R::mul_float(R::to_float(acc[n]), R::load_floats(self.scales.as_ptr().add(at)));
                let biased = R::add_float(scaled, R::load_floats(self.bias.as_ptr().add(at)));
                R::store_floats(to.add(n * R::LANES), biased);
            }
            out.finish(N * R::LANES);
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
