//! The tile: some rows by some registers of columns, over the whole of K.

use super::gemm::{Product, Tile};
use super::multiply::{Multiply, Weights, lanes, step};
use super::registers::Registers;
use super::store::Store;

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
        for m in 0..M {
            for n in 0..N {
                acc[m][n] = P::R::load(at.start.add(m * at.start_stride + n * lanes::<P>()));
            }
            starts[m] = starts[m].add(*product.rows.get_unchecked(at.row(m)) as usize);
        }
        let mut weights = Weights(at.weights);
        for &segment in product.segments {
            let mut rows = starts;
            for row in &mut rows {
                *row = row.add(segment as usize);
            }
            let mut k = 0;
            while k + P::TURN <= product.segment_len {
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
        for m in 0..M {
            store.store(at.row(m), at.column, at.count, acc[m]);
        }
    }
}
