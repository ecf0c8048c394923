//! What depthwise convolutions have in common: windows of taps, and the walk over their pixels.

use super::registers::Registers;
use super::store::Store;
use crate::args::DepthwiseArgs;

/// The windows of a depthwise convolution, over activations and weights of a form.
pub(crate) struct Windows<'a, A, W> {
    pub(crate) a: &'a [A],
    pub(crate) rows: &'a [u32],
    pub(crate) taps: &'a [u32],
    pub(crate) weights: &'a [W],
    pub(crate) channels: usize,
    pub(crate) bias: &'a [i32],
}

impl<'a, A, W> Windows<'a, A, W> {
    /// The windows of the arguments, with activations and weights in their form.
    pub(crate) fn new(args: &DepthwiseArgs<'a>, a: &'a [A], weights: &'a [W]) -> Self {
        let taps = args.taps.as_slice();
        Self { a, rows: args.rows.as_slice(), taps, weights, channels: args.channels, bias: args.bias }
    }

    /// Where the windows of `P` pixels begin.
    ///
    /// # Safety
    /// There are as many pixels from `row`.
    #[inline(always)]
    pub(crate) unsafe fn starts<const P: usize>(&self, row: usize) -> [*const A; P] {
        let mut starts = [self.a.as_ptr(); P];
        for p in 0..P {
            // SAFETY: the caller grants the pixels, and every window lies inside the activations.
            unsafe { starts[p] = starts[p].add(*self.rows.get_unchecked(row + p) as usize) };
        }
        starts
    }
}

/// A computation of some pixels at once.
pub(crate) trait Pixels<R: Registers> {
    /// Computes all channels of `P` pixels from `row`.
    ///
    /// # Safety
    /// The registers' features, and as many pixels of checked arguments.
    unsafe fn pixels<S: Store<R>, const P: usize>(&self, row: usize, store: &S);
}

/// Computes `count` pixels, `P` at once and the rest one by one: input and output are walked once, in order.
///
/// # Safety
/// As [`Pixels::pixels`].
#[inline(always)]
pub(crate) unsafe fn walk<R: Registers, W: Pixels<R>, S: Store<R>, const P: usize>(
    windows: &W,
    count: usize,
    store: &S,
) {
    let mut row = 0;
    // SAFETY: the caller grants `count` pixels.
    unsafe {
        while count - row >= P {
            windows.pixels::<S, P>(row, store);
            row += P;
        }
        while row < count {
            windows.pixels::<S, 1>(row, store);
            row += 1;
        }
    }
}
