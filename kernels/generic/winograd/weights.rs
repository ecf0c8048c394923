//! The weights' part of the transform: the taps of a panel, one register of pairs of channels at a time.

use crate::generic::registers::Registers;
use crate::winograd::{TAPS, WINDOW};

/// Transforms the taps of some channels, an even number, by `N` registers of columns.
///
/// # Safety
/// The registers' features; the taps are there, zero points of the columns, and room for all points.
#[inline(always)]
pub(super) unsafe fn transform<R: Registers, const N: usize>(
    mut taps: *const u8,
    zero_points: *const i16,
    channels: usize,
    to: *mut i16,
    plane: usize,
) {
    let register = 2 * R::LANES;
    for pair in 0..channels / 2 {
        // The next step's taps come out of a farther cache while this one's products are computed.
        let taps_of_pair = TAPS * N * register;
        R::prefetch_lines(taps.wrapping_add(channels / 2 * taps_of_pair), taps_of_pair);
        for n in 0..N {
            // SAFETY: the pair's taps of a register, and its place in the first point's matrix.
            unsafe {
                let zeros = R::load_words(zero_points.add(n * register));
                pairs::<R, N>(taps.add(n * register), zeros, to.add((pair * N + n) * register), plane);
            }
        }
        taps = taps.wrapping_add(taps_of_pair);
    }
}

/// Transforms a register of pairs: along the rows of taps, then along the columns.
#[inline(always)]
unsafe fn pairs<R: Registers, const N: usize>(taps: *const u8, zeros: R::Words, to: *mut i16, plane: usize) {
    let tap = N * 2 * R::LANES;
    // SAFETY: the caller grants taps and points.
    unsafe {
        let rows = [
            row::<R>(taps, zeros, tap),
            row::<R>(taps.add(3 * tap), zeros, tap),
            row::<R>(taps.add(6 * tap), zeros, tap),
        ];
        for x in 0..WINDOW {
            let points = along::<R>([rows[0][x], rows[1][x], rows[2][x]]);
            for y in 0..WINDOW {
                R::store_words(to.add((y * WINDOW + x) * plane), points[y]);
            }
        }
    }
}

/// The transform along a row of taps, less their zero points.
#[inline(always)]
unsafe fn row<R: Registers>(taps: *const u8, zeros: R::Words, tap: usize) -> [R::Words; WINDOW] {
    // SAFETY: the caller grants the taps.
    unsafe {
        along::<R>([
            R::sub_words(R::widen(taps), zeros),
            R::sub_words(R::widen(taps.add(tap)), zeros),
            R::sub_words(R::widen(taps.add(2 * tap)), zeros),
        ])
    }
}

/// The transform along an axis, by sums and differences alone.
#[inline(always)]
unsafe fn along<R: Registers>(w: [R::Words; 3]) -> [R::Words; WINDOW] {
    // SAFETY: the caller has the features.
    unsafe {
        let twice = [R::add_words(w[0], w[0]), R::add_words(w[1], w[1]), R::add_words(w[2], w[2])];
        let (near, last) = (R::add_words(w[0], w[2]), R::add_words(twice[2], twice[2]));
        let far = R::add_words(w[0], last);
        [
            R::add_words(R::add_words(twice[0], twice[0]), twice[0]),
            R::add_words(near, w[1]),
            R::sub_words(near, w[1]),
            R::add_words(far, twice[1]),
            R::sub_words(far, twice[1]),
            R::add_words(last, twice[2]),
        ]
    }
}
