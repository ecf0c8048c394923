//! The products: for each point, tiles by channels times channels by output channels.

use super::Band;
use crate::generic::registers::Registers;
use crate::generic::tile::each_row;

/// Products of pairs of 16 bits, in a function with a tier's features.
///
/// # Safety
/// The method needs the features.
pub(crate) trait Products {
    /// The registers.
    type R: Registers;

    /// Tiles of the greatest block that stays in registers.
    const ROWS: usize;

    /// [`blocks`], in a function of its own: inlined, it would share its registers with the loops around it.
    unsafe fn blocks<const M: usize, const N: usize, const MORE: bool>(
        inputs: *const i16,
        row: usize,
        weights: *const i16,
        depth: usize,
        sums: *mut i32,
        count: usize,
    );
}

/// All tiles of a point by a panel of `N` registers, beside what is in the sums if they are `MORE`, in blocks as equal as their number allows.
///
/// # Safety
/// The products' features; each tile has the depth's channels, the panel is of that depth, and there is room for sums.
#[inline(always)]
pub(super) unsafe fn point<P: Products, const N: usize, const MORE: bool>(
    inputs: *const i16,
    band: &Band,
    weights: *const i16,
    depth: usize,
    sums: *mut i32,
) {
    let tiles = band.tiles.count();
    let blocks = tiles.div_ceil(P::ROWS);
    let (least, more) = (tiles / blocks, tiles % blocks);
    let mut first = 0;
    for (rows, count) in [(least + 1, more), (least, blocks - more)] {
        macro_rules! of_rows {
            ($($m:literal)*) => {
                match rows {
                    $($m if const { $m <= P::ROWS } => {
                        let (from, to) = (inputs.add(first * band.row), sums.add(first * N * P::R::LANES));
                        P::blocks::<$m, N, MORE>(from, band.row, weights, depth, to, count);
                    })*
                    _ => {}
                }
            };
        }
        if count > 0 {
            // SAFETY: the tiles are the band's.
            unsafe { of_rows!(1 2 3 4 5 6 7 8 9 10 11 12) };
        }
        first += rows * count;
    }
}

/// Blocks of `M` tiles, `row` elements apart, by `N` registers of output channels, over a depth of whole pairs; beside what
/// is in the sums if they are `MORE`.
///
/// # Safety
/// The registers' features; inputs, weights and room for the sums of all blocks.
#[inline(always)]
pub(crate) unsafe fn blocks<R: Registers, const M: usize, const N: usize, const MORE: bool>(
    inputs: *const i16,
    row: usize,
    weights: *const i16,
    depth: usize,
    sums: *mut i32,
    count: usize,
) {
    for block in 0..count {
        // SAFETY: the caller grants all of it.
        unsafe {
            let (inputs, sums) = (inputs.add(block * M * row), sums.add(block * M * N * R::LANES));
            let mut weights = weights;
            let mut acc = [[R::splat(0); N]; M];
            let mut rows = [inputs; M];
            each_row!(m in M => {
                rows[m] = inputs.add(m * row);
                for n in 0..N {
                    if MORE {
                        acc[m][n] = R::load(sums.add((m * N + n) * R::LANES));
                    }
                }
            });
            let mut k = 0;
            while k < depth {
                let mut b = [R::load_pairs(weights); N];
                for n in 1..N {
                    b[n] = R::load_pairs(weights.add(n * 2 * R::LANES));
                }
                for m in 0..M {
                    R::dot_row(&mut acc[m], rows[m], k, &b);
                }
                weights = weights.add(N * 2 * R::LANES);
                k += 2;
            }
            each_row!(m in M => {
                for n in 0..N {
                    R::store(sums.add((m * N + n) * R::LANES), acc[m][n]);
                }
            });
        }
    }
}
