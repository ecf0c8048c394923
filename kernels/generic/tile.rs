//! The tile: some rows by some registers of columns, over the whole of K.

use super::gemm::{CACHE_LINE, Product, Tile};
use super::multiply::{Multiply, Weights, lanes, step};
use super::registers::Registers;
use super::store::Store;

/// Does something for each row of a tile, one after the other in the text: in a loop that the compiler does not unroll,
/// the accumulators would be in memory.
macro_rules! each_row {
    ($m:ident in $rows:ident => $body:block) => {
        $crate::generic::tile::each_row!($m in $rows => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($m:ident in $rows:ident => $body:block, $($row:literal)*) => {
        $(if const { $row < $rows } {
            let $m = $row;
            $body
        })*
    };
}
pub(crate) use each_row;

/// `M` rows by `N` registers of columns: the accumulators never leave their registers before the store.
///
/// # Safety
/// The product's features; the rows, the panel and the columns of the tile are the product's.
#[inline(always)]
pub(crate) unsafe fn tile<P: Multiply, S: Store<P::R>, const M: usize, const N: usize, const PREPARED: bool>(
    product: &Product<'_, P::A>,
    at: Tile,
    store: &S,
) {
    // SAFETY: every row has a segment's length behind each of its segments, the panel has `N` registers of weights for
    // each group of K, and there is something to start from for each of its columns.
    unsafe {
        let mut acc = [[P::R::splat(0); N]; M];
        let mut starts = [product.a.as_ptr(); M];
        // Where zero points are in the operands, all rows have the same start.
        let stride = if P::PREPARES { 0 } else { at.start_stride };
        each_row!(m in M => {
            for n in 0..N {
                acc[m][n] = P::R::load(at.start.add(m * stride + n * lanes::<P>()));
            }
            starts[m] = starts[m].add(*product.rows.get_unchecked(at.row::<P>(m)) as usize);
        });
        P::exchange(&mut acc);
        // Lines of wide results are asked for now: stores that wait for them would hold up the next tile.
        let bytes = N * lanes::<P>() * size_of::<S::Element>();
        if bytes > CACHE_LINE / 2 {
            each_row!(m in M => {
                store.ahead(store.place(at.row::<P>(m), at.column), bytes);
            });
        }
        let mut weights = Weights(at.weights);
        for &segment in product.segments {
            let mut rows = starts;
            for row in &mut rows {
                *row = row.add(segment as usize);
            }
            let mut k = 0;
            while k + P::TURN <= product.segment_len {
                if const { !PREPARED && P::AHEAD > 0 } {
                    let bytes = N * lanes::<P>() * P::TURN;
                    for line in 0..bytes.div_ceil(CACHE_LINE) {
                        P::R::prefetch(weights.0.wrapping_add(P::AHEAD + line * CACHE_LINE));
                    }
                }
                P::turn::<M, N, PREPARED>(&mut acc, &rows, k, weights);
                weights = weights.ahead::<P, N, PREPARED>(P::TURN / P::GROUP);
                k += P::TURN;
            }
            if P::TURN > P::GROUP {
                while k < product.segment_len {
                    step::<P, M, N, PREPARED>(&mut acc, &rows, k, weights);
                    weights = weights.ahead::<P, N, PREPARED>(1);
                    k += P::GROUP;
                }
            }
        }
        P::exchange(&mut acc);
        // A copy, or each byte written might change what the next row's store is read from.
        let store = *store;
        if at.count == N * lanes::<P>() {
            let mut to = store.place(at.row, at.column);
            each_row!(m in M => {
                if m > 0 {
                    to = if P::ROW_UNIT == 1 { store.below(to) } else { store.place(at.row::<P>(m), at.column) };
                }
                store.at_row(at.row::<P>(m)).write(to, at.column, acc[m]);
            });
        } else if const { P::R::MASKS } {
            each_row!(m in M => {
                let row = at.row::<P>(m);
                store.at_row(row).write_few(store.place(row, at.column), at.column, at.count, acc[m]);
            });
        } else {
            let acc = acc;
            for m in 0..M {
                store.store(at.row::<P>(m), at.column, at.count, acc[m]);
            }
        }
    }
}
