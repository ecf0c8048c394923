//! The product of a single row: weights stream by once, several panels side by side.

use super::gemm::{Product, Tile};
use super::multiply::{Int, Multiply, STORED, Weights, lanes};
use super::registers::Registers;
use super::start::Start;
use super::store::{Store, WithStore, with_store_of_rows};
use crate::args::GemmArgs;

/// Panels that are run through side by side, as so many streams.
const STREAMS: usize = 4;

/// One row.
///
/// # Safety
/// As [`super::gemm::gemm`], with one row, and with no zero points where the tier prepares panels.
#[inline(always)]
pub(crate) unsafe fn gemv<P: Multiply>(args: &mut GemmArgs<'_>) {
    // SAFETY: the caller has checked the arguments.
    unsafe {
        let (product, start, epilogue) = Product::new::<P>(args);
        with_store_of_rows::<P::R>(epilogue, Row::<P> { product, start });
    }
}

/// The product of one row.
struct Row<'a, P: Multiply> {
    product: Product<'a, P::A>,
    start: Start<'a>,
}

impl<P: Multiply> WithStore<P::R> for Row<'_, P> {
    #[inline(always)]
    unsafe fn run<S: Store<P::R>>(mut self, store: S) {
        // SAFETY: as for many rows.
        unsafe {
            match P::REGISTERS {
                2 => self.columns::<S, 2>(&store),
                _ => self.columns::<S, 4>(&store),
            }
        }
    }
}

impl<P: Multiply> Row<'_, P> {
    /// All columns, in panels of `N` registers.
    #[inline(always)]
    unsafe fn columns<S: Store<P::R>, const N: usize>(&mut self, store: &S) {
        if const { N != P::REGISTERS } {
            return;
        }
        let width = N * lanes::<P>();
        let depth = self.product.depth();
        let mut column = 0;
        // SAFETY: the panels follow each other, each `width * depth` bytes, as the length of all was checked.
        unsafe {
            while self.product.columns - column >= STREAMS * width {
                self.streams::<S, N>(column, store);
                column += STREAMS * width;
            }
            while column < self.product.columns {
                let weights = self.product.panels.as_ptr().add(column * depth);
                let left = self.product.columns - column;
                let count = left.min(width);
                let at = Tile::new(weights, 0, column, count);
                if left > width / 2 {
                    P::tile::<S, 1, N, STORED>(&self.product, self.start.of_tile::<P, N>(1, at), store);
                } else if N == 4 {
                    P::tile::<S, 1, 2, STORED>(&self.product, self.start.of_tile::<P, 2>(1, at), store);
                } else {
                    P::tile::<S, 1, 1, STORED>(&self.product, self.start.of_tile::<P, 1>(1, at), store);
                }
                column += count;
            }
        }
    }

    /// A row by `STREAMS` panels of `N` registers.
    #[inline(always)]
    unsafe fn streams<S: Store<P::R>, const N: usize>(&mut self, column: usize, store: &S) {
        let width = N * lanes::<P>();
        let depth = self.product.depth();
        // SAFETY: the panels are whole, and the row has a segment's length behind each of its segments.
        unsafe {
            let mut panels = [Weights::new(self.product.panels.as_ptr()); STREAMS];
            for p in 0..STREAMS {
                panels[p].at = panels[p].at.add((column + p * width) * depth);
            }
            // Arrays of their own for the loops that are not unrolled: what these index is in memory, and the
            // accumulators would be there too.
            let mut starts = [[P::R::splat(0); N]; STREAMS];
            for p in 0..STREAMS {
                let column = column + p * width;
                let Tile { start, .. } = self.start.of_tile::<P, N>(1, Tile::new(panels[p].at, 0, column, width));
                for n in 0..N {
                    starts[p][n] = P::R::load(start.add(n * lanes::<P>()));
                }
            }
            let mut acc = starts;
            P::row(&mut acc, &self.product, panels);
            let results = acc;
            for p in 0..STREAMS {
                store.store(0, column + p * width, width, results[p]);
            }
        }
    }
}

/// The first row by `S` panels of `N` registers of columns, over the whole of K.
///
/// # Safety
/// The product's features; the row has a segment's length behind each of its segments, and each panel has weights of `N`
/// registers for each group of K.
#[inline(always)]
pub(crate) unsafe fn row<P: Multiply, const S: usize, const N: usize>(
    acc: &mut [[Int<P>; N]; S],
    product: &Product<'_, P::A>,
    mut panels: [Weights; S],
) {
    // SAFETY: the caller grants the row and the weights.
    unsafe {
        let start = product.a.as_ptr().add(product.rows[0] as usize);
        for &segment in product.segments {
            let row = start.add(segment as usize);
            let mut k = 0;
            while k < product.segment_len {
                let a = P::broadcast(row.add(k));
                for s in 0..S {
                    products::<P, N>(&mut acc[s], a, panels[s]);
                    panels[s] = panels[s].ahead::<P, N, STORED>(1);
                }
                k += P::GROUP;
            }
        }
    }
}

/// A group of K of one row by `N` registers of columns.
///
/// # Safety
/// The product's features; there are weights of `N` registers.
#[inline(always)]
unsafe fn products<P: Multiply, const N: usize>(acc: &mut [Int<P>; N], a: P::Operand, weights: Weights) {
    for n in 0..N {
        // SAFETY: the caller grants the weights.
        unsafe { acc[n] = P::dot(acc[n], a, weights.read::<P, STORED>(n)) };
    }
}
