//! The product of centred rows and packed panels, with its path for a single row.

use super::registers::Registers;
use super::store::{Store, WithStore, with_store};
use crate::table::{Epilogue, GemmArgs};

/// Rows of a tile at most: with two registers of columns, twelve accumulators, two operands and a broadcast.
const ROWS: usize = 6;

/// Bytes of a cache line.
const CACHE_LINE: usize = 64;

/// Panels that the path for a single row runs through side by side, as so many streams.
const STREAMS: usize = 4;

/// Many rows: a panel is widened and centred once, then met by all rows, a tile of them at a time.
///
/// # Safety
/// The registers' features, and arguments that [`crate::KernelSet::gemm`] has checked.
#[inline(always)]
pub(crate) unsafe fn gemm<R: Registers>(args: &mut GemmArgs<'_>) {
    let (product, epilogue) = Product::new(args);
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<R>(epilogue, product) }
}

/// One row: weights are widened while they stream by, several panels at once.
///
/// # Safety
/// As [`gemm`], with one row and no zero points.
#[inline(always)]
pub(crate) unsafe fn gemv<R: Registers>(args: &mut GemmArgs<'_>) {
    let (product, epilogue) = Product::new(args);
    // SAFETY: the caller has checked the arguments.
    unsafe { with_store::<R>(epilogue, Row(product)) }
}

/// Where a tile lies.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The panel, as it is stored.
    panel: *const u8,
    /// The tile's first row.
    row: usize,
    /// The panel's first column.
    column: usize,
    /// Columns of the panel that are wanted.
    count: usize,
}

/// The arguments without the epilogue.
pub(crate) struct Product<'a> {
    a: &'a [i16],
    rows: &'a [u32],
    segments: &'a [u32],
    segment_len: usize,
    panels: &'a [u8],
    zero_points: &'a [i16],
    columns: usize,
    bias: &'a [i32],
    scratch: &'a mut [i16],
}

impl<'a> Product<'a> {
    fn new<'s>(args: &'s mut GemmArgs<'a>) -> (Product<'s>, &'s mut Epilogue<'a>) {
        let product = Product {
            a: args.a,
            rows: args.rows,
            segments: args.segments.as_slice(),
            segment_len: args.segment_len,
            panels: args.panels,
            zero_points: args.zero_points,
            columns: args.columns,
            bias: args.bias,
            scratch: args.scratch,
        };
        (product, &mut args.epilogue)
    }
}

/// A product of one row.
struct Row<'a>(Product<'a>);

impl<R: Registers> WithStore<R> for Product<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        let depth = self.segments.len() * self.segment_len;
        // A panel that few rows meet is widened in the tile; its zero points need it widened beforehand.
        let widen = self.rows.len() > ROWS || !self.zero_points.is_empty();
        let mut panel = self.panels.as_ptr();
        let mut column = 0;
        // SAFETY: the panels follow each other, each `width * depth` bytes, as the length of all was checked.
        unsafe {
            while column < self.columns {
                let left = self.columns - column;
                let registers = if left > R::LANES { 2 } else { 1 };
                if widen {
                    let to = self.scratch.as_mut_ptr();
                    let zero_points = self.zero_points.get(column..).unwrap_or(&[]);
                    if registers == 2 {
                        widen_panel::<R, 2>(panel, to, depth, zero_points);
                    } else {
                        widen_panel::<R, 1>(panel, to, depth, zero_points);
                    }
                }
                let count = left.min(registers * R::LANES);
                match (registers, widen) {
                    (2, true) => self.tiles::<R, S, 2, true>(Tile { panel, row: 0, column, count }, &store),
                    (1, true) => self.tiles::<R, S, 1, true>(Tile { panel, row: 0, column, count }, &store),
                    (2, false) => self.tiles::<R, S, 2, false>(Tile { panel, row: 0, column, count }, &store),
                    _ => self.tiles::<R, S, 1, false>(Tile { panel, row: 0, column, count }, &store),
                }
                panel = panel.add(registers * R::LANES * depth);
                column += count;
            }
        }
    }
}

impl Product<'_> {
    /// All rows by one panel, in tiles as equal as their number allows: a last tile of one row would cost as much as
    /// one of three.
    #[inline(always)]
    unsafe fn tiles<R: Registers, S: Store<R>, const N: usize, const WIDE: bool>(&self, first: Tile, store: &S) {
        let tiles = self.rows.len().div_ceil(ROWS);
        let (least, more) = (self.rows.len() / tiles, self.rows.len() % tiles);
        let mut at = first;
        // The next panel comes out of a farther cache while this one is multiplied: a share of it before each tile.
        let bytes = self.segments.len() * self.segment_len * N * R::LANES;
        let share = bytes.div_ceil(tiles);
        for tile in 0..tiles {
            let rows = least + usize::from(tile < more);
            if WIDE {
                for ahead in (tile * share..((tile + 1) * share).min(bytes)).step_by(CACHE_LINE) {
                    R::prefetch(first.panel.wrapping_add(bytes + ahead));
                }
            }
            // SAFETY: the rows, the panel and the columns were checked by the caller.
            unsafe {
                match rows {
                    6 => R::tile::<S, 6, N, WIDE>(self, at, store),
                    5 => R::tile::<S, 5, N, WIDE>(self, at, store),
                    4 => R::tile::<S, 4, N, WIDE>(self, at, store),
                    3 => R::tile::<S, 3, N, WIDE>(self, at, store),
                    2 => R::tile::<S, 2, N, WIDE>(self, at, store),
                    _ => R::tile::<S, 1, N, WIDE>(self, at, store),
                }
            }
            at.row += rows;
        }
    }

    /// `M` rows by `N` registers of columns, over the whole of K: the accumulators never leave their registers before
    /// the store.
    #[inline(always)]
    pub(crate) unsafe fn tile<R: Registers, S: Store<R>, const M: usize, const N: usize, const WIDE: bool>(
        &self,
        Tile { panel, row, column, count }: Tile,
        store: &S,
    ) {
        let mut at = 0;
        // SAFETY: every row has a segment's length behind each of its segments, the panel has `N` registers of pairs
        // for each pair of K, and bias has an entry for each padded column.
        unsafe {
            let mut bias = [R::splat(0); N];
            for n in 0..N {
                bias[n] = R::load(self.bias.as_ptr().add(column + n * R::LANES));
            }
            let mut acc = [bias; M];
            let mut starts = [self.a.as_ptr(); M];
            for m in 0..M {
                starts[m] = starts[m].add(*self.rows.get_unchecked(row + m) as usize);
            }
            for &segment in self.segments {
                let mut rows = starts;
                for row in &mut rows {
                    *row = row.add(segment as usize);
                }
                let mut k = 0;
                // Two pairs a turn, since the counting costs as much as a row.
                while k + 2 < self.segment_len {
                    self.step::<R, M, N, WIDE>(&mut acc, &rows, k, panel, at);
                    self.step::<R, M, N, WIDE>(&mut acc, &rows, k + 2, panel, at + N * 2 * R::LANES);
                    at += 2 * N * 2 * R::LANES;
                    k += 4;
                }
                if k < self.segment_len {
                    self.step::<R, M, N, WIDE>(&mut acc, &rows, k, panel, at);
                    at += N * 2 * R::LANES;
                }
            }
            for m in 0..M {
                store.store(row + m, column, count, acc[m]);
            }
        }
    }
}

impl Product<'_> {
    /// A tile's products of one pair of K.
    #[inline(always)]
    unsafe fn step<R: Registers, const M: usize, const N: usize, const WIDE: bool>(
        &self,
        acc: &mut [[R::Int; N]; M],
        rows: &[*const i16; M],
        k: usize,
        panel: *const u8,
        at: usize,
    ) {
        // SAFETY: as the tile's.
        unsafe {
            let mut b = [R::broadcast_pair(rows[0].add(k)); N];
            for n in 0..N {
                let pair = at + n * 2 * R::LANES;
                b[n] =
                    if WIDE { R::load_pairs(self.scratch.as_ptr().add(pair)) } else { R::widen_pairs(panel.add(pair)) };
            }
            for m in 0..M {
                let a = R::broadcast_pair(rows[m].add(k));
                for n in 0..N {
                    acc[m][n] = R::dot(acc[m][n], a, b[n]);
                }
            }
        }
    }
}

/// Widens a panel of `N` registers of columns to 16 bits, without its zero points.
#[inline(always)]
unsafe fn widen_panel<R: Registers, const N: usize>(panel: *const u8, to: *mut i16, depth: usize, zero_points: &[i16]) {
    let pairs = 2 * R::LANES;
    // Each column's zero point twice, once for each value of its pairs.
    let mut zeros = [[0i16; 64]; N];
    for (slot, &zero) in zeros.iter_mut().flat_map(|zeros| zeros[..pairs].chunks_exact_mut(2)).zip(zero_points) {
        slot.fill(zero);
    }
    // SAFETY: panel and scratch have `N` registers of pairs for each pair of K; a register of pairs fits the buffer of
    // zero points.
    unsafe {
        let mut zero = [R::load_pairs(zeros[0].as_ptr()); N];
        for n in 0..N {
            zero[n] = R::load_pairs(zeros[n].as_ptr());
        }
        for k in 0..depth / 2 {
            for n in 0..N {
                let at = (k * N + n) * pairs;
                R::store_pairs(to.add(at), R::sub_pairs(R::widen_pairs(panel.add(at)), zero[n]));
            }
        }
    }
}

impl<R: Registers> WithStore<R> for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Store<R>>(self, store: S) {
        let product = self.0;
        let depth = product.segments.len() * product.segment_len;
        let width = 2 * R::LANES;
        let mut column = 0;
        // SAFETY: as for many rows.
        unsafe {
            while product.columns - column >= STREAMS * width {
                product.streams::<R, S>(column, depth, &store);
                column += STREAMS * width;
            }
            while column < product.columns {
                let panel = product.panels.as_ptr().add(column * depth);
                let left = product.columns - column;
                if left > R::LANES {
                    R::tile::<S, 1, 2, false>(&product, Tile { panel, row: 0, column, count: left.min(width) }, &store);
                } else {
                    R::tile::<S, 1, 1, false>(&product, Tile { panel, row: 0, column, count: left }, &store);
                }
                column += width.min(left);
            }
        }
    }
}

impl Product<'_> {
    /// A row by `STREAMS` panels of two registers.
    #[inline(always)]
    unsafe fn streams<R: Registers, S: Store<R>>(&self, column: usize, depth: usize, store: &S) {
        let width = 2 * R::LANES;
        // SAFETY: the panels are whole, and the row has a segment's length behind each of its segments.
        unsafe {
            let mut panels = [self.panels.as_ptr(); STREAMS];
            let mut acc = [[R::splat(0); 2]; STREAMS];
            for p in 0..STREAMS {
                panels[p] = panels[p].add((column + p * width) * depth);
                for n in 0..2 {
                    acc[p][n] = R::load(self.bias.as_ptr().add(column + p * width + n * R::LANES));
                }
            }
            let start = self.a.as_ptr().add(self.rows[0] as usize);
            let mut at = 0;
            for &segment in self.segments {
                let row = start.add(segment as usize);
                let mut k = 0;
                while k < self.segment_len {
                    let a = R::broadcast_pair(row.add(k));
                    for p in 0..STREAMS {
                        for n in 0..2 {
                            let b = R::widen_pairs(panels[p].add(at + n * 2 * R::LANES));
                            acc[p][n] = R::dot(acc[p][n], a, b);
                        }
                    }
                    at += 2 * width;
                    k += 2;
                }
            }
            for p in 0..STREAMS {
                store.store(0, column + p * width, width, acc[p]);
            }
        }
    }
}
