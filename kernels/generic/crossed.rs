//! Products of quads of K by one multiplication of pairs instead of two.
//!
//! `(a1 + b3) (a3 + b1) + (a2 + b4) (a4 + b2)` is the dot product of two quads, and `a1 a3 + a2 a4`, which is of the row
//! alone, and `b1 b3 + b2 b4`, which is of the column alone (S. Winograd, A New Algorithm for Inner Product, 1968). These
//! terms are summed up once, and accumulators start less both. A sum of two nine-bit values, or of two sums of such values,
//! fits 16 bits; all the rest is exact modulo 2^32.
//!
//! There are as many operations as before, but half of the multiplications became additions: that gains where a CPU adds on
//! more pipes than it multiplies on.

use super::gemm::Product;
use super::multiply::{Int, Multiply, lanes};
use super::registers::{CACHE_LINE, Registers};

/// Values of K in a quad.
pub(crate) const fn quad<P: Multiply>() -> usize {
    2 * P::GROUP
}

/// Rows from which crossed products gain, where the terms of the columns are known, and where they are still to be summed up,
/// which takes as long as the products of nearly two rows.
const ROWS: usize = 16;
const ROWS_WITHOUT_TERMS: usize = 32;

/// Whether crossed products gain more than they cost. Terms of rows are shared by the columns, terms of columns by the rows.
pub(crate) const fn pays([rows, depth, columns]: [usize; 3], knows_terms: bool) -> bool {
    rows >= if knows_terms { ROWS } else { ROWS_WITHOUT_TERMS } && pays_with_rows([depth, columns])
}

/// Whether they do with enough rows. A tile has fewer rows than others, so that it takes many weights for its begin and end
/// not to count, and reads a panel more often, which must not leave the nearer caches.
pub(crate) const fn pays_with_rows([depth, columns]: [usize; 2]) -> bool {
    depth >= 64 && depth < 4096 && columns >= 64 && depth.saturating_mul(columns) >= 1 << 14
}

/// Elements of scratch for the terms of rows: whole cache lines, so that what lies behind is aligned.
pub(crate) const fn room(rows: usize) -> usize {
    rows.next_multiple_of(CACHE_LINE / size_of::<i32>())
}

/// Writes the term of each row, over the quads of all segments.
///
/// # Safety
/// The product's features, and the rows and segments of a product.
#[inline(always)]
pub(crate) unsafe fn row_terms<P: Multiply>(product: &Product<'_, P::A>, terms: &mut [i32]) {
    let quads = product.segment_len / quad::<P>();
    for (rows, terms) in product.rows.chunks(4).zip(terms.chunks_mut(4)) {
        let mut sums = [0; 4];
        for &segment in product.segments {
            // SAFETY: every row has a segment's length behind each of its segments.
            unsafe {
                let segment = product.a.as_ptr().add(segment as usize);
                // Of fewer rows, the last one some more times.
                let mut from = [segment; 4];
                for m in 0..4 {
                    from[m] = segment.add(*rows.get_unchecked(m.min(rows.len() - 1)) as usize);
                }
                P::add_terms(from, quads, &mut sums);
            }
        }
        terms.copy_from_slice(&sums[..rows.len()]);
    }
}

/// What accumulators start from: the bias less the terms of the columns.
///
/// # Safety
/// The product's features; bias and terms of `N` registers of columns.
#[inline(always)]
pub(crate) unsafe fn start<P: Multiply, const N: usize>(bias: *const i32, terms: [Int<P>; N]) -> [Int<P>; N] {
    let mut start = terms;
    for n in 0..N {
        // SAFETY: the caller grants the bias.
        unsafe { start[n] = P::R::sub(P::R::load(bias.add(n * lanes::<P>())), terms[n]) };
    }
    start
}

/// The terms of the columns that were summed up when they were packed ([`crate::pack::terms`]).
///
/// # Safety
/// The product's features; terms of `N` registers of columns.
#[inline(always)]
pub(crate) unsafe fn packed_terms<P: Multiply, const N: usize>(packed: *const i32) -> [Int<P>; N] {
    // SAFETY: the caller grants the terms.
    unsafe {
        let mut terms = [P::R::splat(0); N];
        for n in 0..N {
            terms[n] = P::R::load(packed.add(n * lanes::<P>()));
        }
        terms
    }
}

/// The terms of the columns of a prepared panel.
///
/// # Safety
/// The product's features; the panel has `N` registers of columns for each group of the product's K.
#[inline(always)]
pub(crate) unsafe fn column_terms<P: Multiply, const N: usize>(
    product: &Product<'_, P::A>,
    panel: *const i16,
) -> [Int<P>; N] {
    let register = const { lanes::<P>() * P::GROUP };
    // SAFETY: the caller grants the panel.
    unsafe {
        let mut terms = [P::R::splat(0); N];
        let mut at = panel;
        for _ in product.segments {
            let mut left = product.segment_len;
            while left >= quad::<P>() {
                for n in 0..N {
                    let pairs = P::prepared(at.add(n * register));
                    terms[n] = P::dot(terms[n], pairs, P::prepared(at.add((N + n) * register)));
                }
                at = at.add(2 * N * register);
                left -= quad::<P>();
            }
            at = at.add(left / P::GROUP * N * register);
        }
        terms
    }
}
