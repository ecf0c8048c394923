//! The outputs' part of the transform: 32-bit sums of a panel of output channels, one tile at a time.

use super::Band;
use crate::generic::registers::Registers;
use crate::generic::store::Store;
use crate::winograd::{TILE, WINDOW};

/// The sums of all points: those of the first point and tile, and elements from one point to the next.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) at: *const i32,
    pub(super) plane: usize,
}

/// What outputs start from: the bias, or for each pixel what earlier blocks of channels made.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) at: *const i32,
    /// Elements from one pixel to the next; 0 where all have the same.
    pub(super) stride: usize,
}

/// The inverse of 9 modulo 2^32.
const NINTH: i32 = 954_437_177;

/// Powers of two in what the rows of the transform come to: 24 y0, 12 y1, 6 y2, 6 y3.
const POWERS: [i32; TILE] = [3, 2, 1, 1];

/// By how much the outputs are moved up at last, each of them alike: no two rows have more powers of two.
const UP: i32 = 6;

/// Transforms all tiles, and writes `count` of the `N` registers' columns from a column.
///
/// # Safety
/// The registers' features; there are sums of each point and tile, a start for each pixel and column, and the store
/// has the pixels as rows, and the columns.
#[inline(always)]
pub(super) unsafe fn transform<R: Registers, S: Store<R>, const N: usize>(
    mut sums: Sums,
    band: &Band,
    start: Start,
    column: usize,
    count: usize,
    store: &S,
) {
    // A copy, or each byte written might change what is read.
    let store = *store;
    let [rows, columns] = band.tiles.grid();
    for row in 0..rows {
        for column_of_tiles in 0..columns {
            let origin = band.tiles.origin([row, column_of_tiles]);
            // SAFETY: the tile is the band's.
            unsafe {
                tile::<R, S, N>(sums, band, origin, start, column, count, store);
                sums.at = sums.at.wrapping_add(N * R::LANES);
            }
        }
    }
}

/// A tile: along its columns, then along its rows, whose outputs lie within the image.
#[inline(always)]
unsafe fn tile<R: Registers, S: Store<R>, const N: usize>(
    sums: Sums,
    band: &Band,
    [top, left]: [usize; 2],
    start: Start,
    column: usize,
    count: usize,
    store: S,
) {
    let ([height, width], [down, across]) = (band.tiles.size, band.tiles.dilation);
    // SAFETY: the caller grants the sums, the starts and the pixels within the size.
    unsafe {
        let columns = [
            points::<R, N>(sums, 0),
            points::<R, N>(sums, 1),
            points::<R, N>(sums, 2),
            points::<R, N>(sums, 3),
            points::<R, N>(sums, 4),
            points::<R, N>(sums, 5),
        ];
        for i in 0..TILE {
            let y = top + i * down;
            if y >= height {
                break;
            }
            let mut outputs = [[R::splat(0); N]; TILE];
            for n in 0..N {
                let line = along::<R>([
                    columns[0][n][i],
                    columns[1][n][i],
                    columns[2][n][i],
                    columns[3][n][i],
                    columns[4][n][i],
                    columns[5][n][i],
                ]);
                for j in 0..TILE {
                    let inverse = R::splat(NINTH.wrapping_mul(1 << (UP - POWERS[i] - POWERS[j])));
                    outputs[j][n] = R::shift_right::<UP>(R::mul(line[j], inverse));
                }
            }
            for j in 0..TILE {
                let x = left + j * across;
                if x < width {
                    let pixel = y * width + x;
                    let from = start.at.add(pixel * start.stride);
                    let mut acc = outputs[j];
                    for n in 0..N {
                        acc[n] = R::add(acc[n], R::load(from.add(n * R::LANES)));
                    }
                    if count == N * R::LANES {
                        store.write(store.place(pixel, column), column, acc);
                    } else {
                        store.store(pixel, column, count, acc);
                    }
                }
            }
        }
    }
}

/// The transform along a column of points, of each register.
#[inline(always)]
unsafe fn points<R: Registers, const N: usize>(sums: Sums, x: usize) -> [[R::Int; TILE]; N] {
    // SAFETY: the caller grants the sums.
    unsafe {
        let mut columns = [[R::splat(0); TILE]; N];
        for n in 0..N {
            let from = sums.at.add(x * sums.plane + n * R::LANES);
            columns[n] = along::<R>([
                R::load(from),
                R::load(from.add(WINDOW * sums.plane)),
                R::load(from.add(2 * WINDOW * sums.plane)),
                R::load(from.add(3 * WINDOW * sums.plane)),
                R::load(from.add(4 * WINDOW * sums.plane)),
                R::load(from.add(5 * WINDOW * sums.plane)),
            ]);
        }
        columns
    }
}

/// The transform along an axis, by sums and differences alone.
#[inline(always)]
unsafe fn along<R: Registers>(m: [R::Int; WINDOW]) -> [R::Int; TILE] {
    // SAFETY: the caller has the features.
    unsafe {
        let (near_sum, near) = (R::add(m[1], m[2]), R::sub(m[1], m[2]));
        let (far_sum, far) = (R::add(m[3], m[4]), R::sub(m[3], m[4]));
        let twice = R::add(near_sum, near_sum);
        [
            R::sub(R::add(m[0], far_sum), R::add(twice, twice)),
            R::sub(far, R::add(near, near)),
            R::sub(far_sum, near_sum),
            R::add(R::sub(R::add(far, far), near), m[5]),
        ]
    }
}
