//! The tile: some rows by some registers of columns, over the whole of K.

use super::crossed::quad;
use super::gemm::{Product, Tile};
use super::multiply::{CROSSED, Multiply, Weights, is_prepared, lanes, row_unit, step};
use super::registers::{CACHE_LINE, Registers};
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

/// A run of tiles of `M` rows by `N` registers of columns: the accumulators never leave their registers before the store.
///
/// # Safety
/// The product's features; the rows, the panel and the columns of the tiles are the product's.
#[inline(always)]
pub(crate) unsafe fn tile<P: Multiply, S: Store<P::R>, const M: usize, const N: usize, const FORM: usize>(
    product: &Product<'_, P::A>,
    at: Tile,
    store: &S,
) {
    let mut first = at.row;
    let end = first + at.run * M;
    while first < end {
        // SAFETY: every row has a segment's length behind each of its segments, the panel has `N` registers of weights for
        // each group of K, and there is something to start from for each of its columns.
        unsafe {
            let mut acc = [[P::R::splat(0); N]; M];
            let offsets = product.rows.as_ptr().add(first);
            // Where zero points are in the operands, all rows have the same start, but for their terms if they are crossed.
            if const { FORM == CROSSED } {
                let mut start = [P::R::splat(0); N];
                for n in 0..N {
                    start[n] = P::R::load(at.start.add(n * lanes::<P>()));
                }
                each_row!(m in M => {
                    let term = P::R::splat(*at.row_terms.add(first + m));
                    for n in 0..N {
                        acc[m][n] = P::R::sub(start[n], term);
                    }
                });
            } else if P::PREPARES || at.start_stride == 0 {
                for n in 0..N {
                    acc[0][n] = P::R::load(at.start.add(n * lanes::<P>()));
                }
                for m in 1..M {
                    acc[m] = acc[0];
                }
            } else {
                each_row!(m in M => {
                    for n in 0..N {
                        acc[m][n] = P::R::load(at.start.add(m * at.start_stride + n * lanes::<P>()));
                    }
                });
            }
            P::exchange(&mut acc);
            // Lines of wide results are asked for now: stores that wait for them would hold up the next tile.
            each_row!(m in M => {
                store.ahead(at.row::<P, N>(first, m, M), at.column, N * lanes::<P>());
            });
            let mut weights = Weights::of_pair::<P, N>(at.weights, product.depth()).keeping(at.keep);
            let mut next = at.next;
            for &segment in product.segments {
                // Read anew for each segment, which a compiler is kept from moving out of the loop: it would hold them on the
                // stack.
                let segment = product.a.as_ptr().add(segment as usize);
                let mut rows = [segment; M];
                each_row!(m in M => {
                    rows[m] = segment.add(offsets.add(at.row::<P, N>(first, m, M) - first).read_volatile() as usize);
                });
                let mut k = 0;
                if const { FORM == CROSSED } {
                    let quads = product.segment_len / quad::<P>();
                    P::cross(&mut acc, &rows, quads, weights);
                    weights = weights.ahead::<P, N, FORM>(2 * quads);
                    k = quads * quad::<P>();
                }
                let turns = product.segment_len / P::TURN * P::TURN;
                while k < turns {
                    if const { !is_prepared(FORM) && P::AHEAD > 0 } {
                        if const { N > P::REGISTERS } && !at.next.is_null() {
                            P::R::prefetch(next);
                            next = next.wrapping_add(CACHE_LINE);
                        } else {
                            weights.prefetch::<P, N>();
                        }
                    }
                    P::turn::<M, N, FORM>(&mut acc, &rows, k, weights);
                    weights = weights.ahead::<P, N, FORM>(P::TURN / P::GROUP);
                    k += P::TURN;
                }
                if P::TURN > P::GROUP {
                    while k < product.segment_len {
                        step::<P, M, N, FORM>(&mut acc, &rows, k, weights);
                        weights = weights.ahead::<P, N, FORM>(1);
                        k += P::GROUP;
                    }
                }
            }
            P::exchange(&mut acc);
            // A copy, or each byte written might change what the next row's store is read from.
            let store = *store;
            if const { S::OF_HALVES } || at.count == N * lanes::<P>() {
                let mut to = store.place(first, at.column);
                each_row!(m in M => {
                    if m > 0 {
                        let is_no_copy = m + row_unit::<P, N>() <= M;
                        to = if is_no_copy { store.below(to) } else { store.place(at.row::<P, N>(first, m, M), at.column) };
                    }
                    store.at_row(at.row::<P, N>(first, m, M)).write(to, at.column, acc[m]);
                });
            } else if const { P::R::MASKS } {
                each_row!(m in M => {
                    let row = at.row::<P, N>(first, m, M);
                    store.at_row(row).write_few(store.place(row, at.column), at.column, at.count, acc[m]);
                });
            } else {
                let acc = acc;
                for m in 0..M {
                    store.store(at.row::<P, N>(first, m, M), at.column, at.count, acc[m]);
                }
            }
        }
        first += M;
    }
}
