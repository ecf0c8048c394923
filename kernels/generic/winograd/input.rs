//! The inputs' part of the transform: 16-bit values of some channels, one tile at a time.

use super::Band;
use crate::generic::registers::Registers;
use crate::winograd::WINDOW;

/// Transforms all tiles.
///
/// # Safety
/// The registers' features; there are a register's channels behind each pixel that a tile reaches, and room for them
/// behind each tile of each point.
#[inline(always)]
pub(super) unsafe fn transform<R: Registers>(a: *const i16, row_len: usize, band: &Band, to: *mut i16) {
    let [rows, columns] = band.tiles.grid();
    let [down, across] = [band.tiles.dilation[0] * row_len, band.tiles.dilation[1] * band.channels];
    let mut tile = to;
    for row in 0..rows {
        for column in 0..columns {
            let [y, x] = band.tiles.origin([row, column]);
            // SAFETY: the tile's first pixel, its channels, and its place in the first point's matrix.
            unsafe {
                let from = a.add(y * row_len + x * band.channels);
                for channel in (0..band.channels).step_by(2 * R::LANES) {
                    channels::<R>(from.add(channel), [down, across], tile.add(channel), band.plane);
                }
                tile = tile.wrapping_add(band.row);
            }
        }
    }
}

/// Transforms a register of channels of a tile: along its rows, then along its columns.
#[inline(always)]
unsafe fn channels<R: Registers>(from: *const i16, [down, across]: [usize; 2], to: *mut i16, plane: usize) {
    // SAFETY: the caller grants the tile's pixels and its points.
    unsafe {
        let rows = [
            row::<R>(from, across),
            row::<R>(from.add(down), across),
            row::<R>(from.add(2 * down), across),
            row::<R>(from.add(3 * down), across),
            row::<R>(from.add(4 * down), across),
            row::<R>(from.add(5 * down), across),
        ];
        for x in 0..WINDOW {
            let points = along::<R>([rows[0][x], rows[1][x], rows[2][x], rows[3][x], rows[4][x], rows[5][x]]);
            for y in 0..WINDOW {
                R::store_words(to.add((y * WINDOW + x) * plane), points[y]);
            }
        }
    }
}

/// The transform along a row of pixels.
#[inline(always)]
unsafe fn row<R: Registers>(from: *const i16, across: usize) -> [R::Words; WINDOW] {
    // SAFETY: the caller grants the pixels.
    unsafe {
        along::<R>([
            R::load_words(from),
            R::load_words(from.add(across)),
            R::load_words(from.add(2 * across)),
            R::load_words(from.add(3 * across)),
            R::load_words(from.add(4 * across)),
            R::load_words(from.add(5 * across)),
        ])
    }
}

/// The transform along an axis, by sums and differences alone.
#[inline(always)]
unsafe fn along<R: Registers>(d: [R::Words; WINDOW]) -> [R::Words; WINDOW] {
    // SAFETY: the caller has the features.
    unsafe {
        let even = R::sub_words(d[4], d[2]);
        let odd = twice::<R>(R::sub_words(d[3], d[1]));
        let (far_even, far_odd) = (R::sub_words(d[4], four::<R>(d[2])), R::sub_words(d[3], four::<R>(d[1])));
        [
            R::add_words(four::<R>(R::sub_words(d[0], d[2])), even),
            R::add_words(far_even, far_odd),
            R::sub_words(far_even, far_odd),
            R::add_words(even, odd),
            R::sub_words(even, odd),
            R::sub_words(R::sub_words(d[5], d[3]), twice::<R>(odd)),
        ]
    }
}

#[inline(always)]
unsafe fn twice<R: Registers>(x: R::Words) -> R::Words {
    // SAFETY: the caller has the features.
    unsafe { R::add_words(x, x) }
}

#[inline(always)]
unsafe fn four<R: Registers>(x: R::Words) -> R::Words {
    // SAFETY: the caller has the features.
    unsafe { twice::<R>(twice::<R>(x)) }
}
