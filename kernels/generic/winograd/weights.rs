//! The weights' part of the transform: the taps of a panel, one register of pairs of channels at a time.

use crate::generic::registers::Registers;
use crate::winograd::{TAPS, WINDOW};

/// Transforms the taps of some channels, an even number, by `N` registers of columns, into a row of points: all of them
/// at once would leave the first-level cache, which costs more than to widen the taps for each row.
///
/// # Safety
/// The registers' features; the taps are there, zero points of the columns, and room for the points of a row.
#[inline(always)]
pub(super) unsafe fn transform<R: Registers, const N: usize>(
    y: usize,
    taps: *const u8,
    zero_points: *const i16,
    channels: usize,
    to: *mut i16,
    plane: usize,
) {
    // SAFETY: the caller grants it.
    unsafe {
        match y {
            0 => points::<R, N, 0>(taps, zero_points, channels, to, plane),
            1 => points::<R, N, 1>(taps, zero_points, channels, to, plane),
            2 => points::<R, N, 2>(taps, zero_points, channels, to, plane),
            3 => points::<R, N, 3>(taps, zero_points, channels, to, plane),
            4 => points::<R, N, 4>(taps, zero_points, channels, to, plane),
            _ => points::<R, N, 5>(taps, zero_points, channels, to, plane),
        }
    }
}

/// [`transform`] for a row that the compiler knows, so that it leaves out what others need.
#[inline(always)]
unsafe fn points<R: Registers, const N: usize, const Y: usize>(
    mut taps: *const u8,
    zero_points: *const i16,
    channels: usize,
    to: *mut i16,
    plane: usize,
) {
    let register = 2 * R::LANES;
    let taps_of_pair = TAPS * N * register;
    // SAFETY: the caller grants the zero points; a pair's taps of a register, and its place in the first point's matrix.
    unsafe {
        // What columns of zero points come to: it is subtracted once, as the transform is linear.
        let mut zeros = [R::load_words(zero_points); N];
        for n in 0..N {
            zeros[n] = along::<R>([R::load_words(zero_points.add(n * register)); 3])[Y];
        }
        for pair in 0..channels / 2 {
            if Y == 0 {
                // The next step's taps come out of a farther cache while this one's products are computed.
                R::prefetch_lines(taps.wrapping_add(channels / 2 * taps_of_pair), taps_of_pair);
            }
            for n in 0..N {
                pairs::<R, N, Y>(taps.add(n * register), zeros[n], to.add((pair * N + n) * register), plane);
            }
            taps = taps.wrapping_add(taps_of_pair);
        }
    }
}

/// Transforms a register of pairs: along the columns of taps, less what their zero points come to, then along the row of
/// points.
#[inline(always)]
unsafe fn pairs<R: Registers, const N: usize, const Y: usize>(
    taps: *const u8,
    zeros: R::Words,
    to: *mut i16,
    plane: usize,
) {
    let tap = N * 2 * R::LANES;
    // SAFETY: the caller grants taps and points.
    unsafe {
        let points = along::<R>([
            R::sub_words(column::<R>(taps, tap)[Y], zeros),
            R::sub_words(column::<R>(taps.add(tap), tap)[Y], zeros),
            R::sub_words(column::<R>(taps.add(2 * tap), tap)[Y], zeros),
        ]);
        for x in 0..WINDOW {
            R::store_words(to.add(x * plane), points[x]);
        }
    }
}

/// The transform along a column of taps.
#[inline(always)]
unsafe fn column<R: Registers>(taps: *const u8, tap: usize) -> [R::Words; WINDOW] {
    // SAFETY: the caller grants the taps.
    unsafe { along::<R>([R::widen(taps), R::widen(taps.add(3 * tap)), R::widen(taps.add(6 * tap))]) }
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
