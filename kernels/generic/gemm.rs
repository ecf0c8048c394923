//! The product of many rows and packed panels: a panel is met by all rows, a tile of them at a time.

use core::ops::Range;

use super::crossed;
use super::multiply::{
    Activation, CROSSED, KEPT, Multiply, PREPARED, STORED, comes_up, has_tile, lanes, most_rows, row_unit,
};
use super::registers::{CACHE_LINE, Registers};
use super::start::Start;
use super::store::{Store, WithStore, with_store_of_rows};
use super::strassen::{Halves, strassen};
use crate::args::{Epilogue, GemmArgs};

/// When tiles go over two panels, where a tier has such tiles. Half as many rows read weights twice as often: that gains
/// where a near cache has them, or where there are so many rows that what is left of the last tile does not count.
const PAIRED_DEPTH: usize = 2048;
const PAIRED_ROWS: usize = 48;
/// Values of K beyond which two panels would leave a second-level cache.
const PAIRED_DEPTH_AT_MOST: usize = 8192;

/// Tiles at most that widen a panel while they multiply. Of more, the first one keeps what it widens for the others; a deep
/// panel leaves the first-level cache then.
const WIDENING_TILES: usize = 4;
const WIDENING_TILES_OF_DEEP: usize = 16;
/// Tiles at most that follow each other in one call.
const RUN: usize = 32;
/// Values of K from which a panel is deep.
const DEEP: usize = 4096;

/// Many rows. A panel is prepared once, where the tier does that.
///
/// # Safety
/// The product's features, and arguments that [`crate::KernelSet::gemm`] has checked.
#[inline(always)]
pub(crate) unsafe fn gemm<P: Multiply>(args: &mut GemmArgs<'_>) {
    // SAFETY: the caller has checked the arguments.
    unsafe {
        let column_terms = args.terms;
        let (product, start, epilogue) = Product::new::<P>(args);
        let rows = Rows::<P> { product, start, first: 0, row_terms: &[], column_terms };
        with_store_of_rows::<P::R>(epilogue, rows);
    }
}

/// The arguments of a product that all tiles share.
pub(crate) struct Product<'a, A> {
    pub(crate) a: &'a [A],
    pub(crate) rows: &'a [u32],
    pub(crate) segments: &'a [u32],
    pub(crate) segment_len: usize,
    pub(crate) panels: &'a [u8],
    pub(crate) columns: usize,
}

impl<'a, A: Activation> Product<'a, A> {
    /// The arguments: what the tiles share, what they start from, and what becomes of them.
    ///
    /// # Safety
    /// As [`gemm`].
    #[inline(always)]
    pub(crate) unsafe fn new<'s, P: Multiply<A = A>>(
        args: &'s mut GemmArgs<'a>,
    ) -> (Product<'s, A>, Start<'s>, &'s mut Epilogue<'a>) {
        let product = Product {
            a: A::of(args.a),
            rows: args.rows.as_slice(),
            segments: args.segments.as_slice(),
            segment_len: args.segment_len,
            panels: args.panels,
            columns: args.columns,
        };
        // SAFETY: the caller has checked the arguments.
        let start = unsafe {
            Start::new::<P>(&product, args.bias, args.zero_points, args.row_zero_points, args.sums, &mut *args.scratch)
        };
        (product, start, &mut args.epilogue)
    }

    /// Values of K, padding included.
    pub(crate) fn depth(&self) -> usize {
        self.segments.len() * self.segment_len
    }
}

/// Where a tile lies.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The panel's weights, as stored or prepared.
    pub(crate) weights: *const u8,
    /// The tile's first row.
    pub(crate) row: usize,
    /// The last row of all: rows of the tile beyond it are that one again.
    pub(crate) last: usize,
    /// How many tiles of as many rows follow each other in this call.
    pub(crate) run: usize,
    /// The panel's first column.
    pub(crate) column: usize,
    /// Columns of the panel that are wanted.
    pub(crate) count: usize,
    /// What the accumulators start from, for each padded column of the panel.
    pub(crate) start: *const i32,
    /// Distance from a row's start to the next; 0 where all rows have the same.
    pub(crate) start_stride: usize,
    /// The terms of all rows, of tiles that cross operands.
    pub(crate) row_terms: *const i32,
    /// Where the tile keeps the weights that it widens, if it does.
    pub(crate) keep: *mut i16,
    /// What a tile over two panels asks for while it is multiplied, a line a turn; null for its own weights, ahead.
    pub(crate) next: *const u8,
}

impl Tile {
    /// The first tile of a panel, of rows up to a last one; it has no start yet.
    pub(crate) fn new(weights: *const u8, last: usize, column: usize, count: usize) -> Self {
        let (start, row_terms) = (core::ptr::null(), core::ptr::null());
        let (keep, next) = (core::ptr::null_mut(), core::ptr::null());
        Self { weights, row: 0, last, run: 1, column, count, start, start_stride: 0, row_terms, keep, next }
    }

    /// The `m`-th row of the `rows` of a tile from a first one, of which no more than a unit less one are beyond the last.
    #[inline(always)]
    pub(crate) fn row<P: Multiply, const N: usize>(&self, first: usize, m: usize, rows: usize) -> usize {
        if m + row_unit::<P, N>() <= rows { first + m } else { (first + m).min(self.last) }
    }
}

/// The product of rows.
pub(crate) struct Rows<'a, P: Multiply> {
    pub(crate) product: Product<'a, P::A>,
    pub(crate) start: Start<'a>,
    /// The first row.
    pub(crate) first: usize,
    /// The terms of the rows, where operands are crossed.
    pub(crate) row_terms: &'a [i32],
    /// Those of all padded columns; empty if they are not known.
    pub(crate) column_terms: &'a [i32],
}

impl<P: Multiply> WithStore<P::R> for Rows<'_, P> {
    #[inline(always)]
    unsafe fn run<S: Store<P::R>>(mut self, store: S) {
        let Product { rows, segments, columns, .. } = self.product;
        let depth = self.product.depth();
        // SAFETY: halves are of the product, and the room for them was checked.
        unsafe {
            if const { P::PREPARES && P::REGISTERS == 2 } {
                let width = 2 * lanes::<P>();
                let sizes = [rows.len(), depth, columns];
                if let Some(halves) = Halves::of(P::A::ENCODING, P::CROSSED_ROWS > 0, width, sizes, segments.len()) {
                    let (bias, zero_points, room) = self.start.parts();
                    strassen::<P, S, 2>(&self.product, halves, bias, zero_points, room, &store);
                    // What is left: columns on the right, and rows below.
                    self.columns(2 * halves.columns..columns, &store);
                    self.first = 2 * halves.rows;
                    if self.first < rows.len() {
                        self.columns(0..2 * halves.columns, &store);
                    }
                    return;
                }
            }
            self.sum_up_terms();
            self.columns(0..columns, &store);
        }
    }
}

impl<P: Multiply> Rows<'_, P> {
    /// Sums up the terms of the rows, where operands are crossed.
    #[inline(always)]
    unsafe fn sum_up_terms(&mut self) {
        let Product { rows, columns, .. } = self.product;
        let knows_terms = !self.column_terms.is_empty();
        if P::CROSSED_ROWS > 0 && crossed::pays([rows.len(), self.product.depth(), columns], knows_terms) {
            let terms = &mut self.start.take(crossed::room(rows.len()))[..rows.len()];
            // SAFETY: the product is the caller's.
            unsafe { crossed::row_terms::<P>(&self.product, terms) };
            self.row_terms = terms;
        }
    }

    /// Rows from the first by a range of columns, which begins with a panel.
    #[inline(always)]
    unsafe fn columns<S: Store<P::R>>(&mut self, range: Range<usize>, store: &S) {
        let depth = self.product.depth();
        let mut column = range.start;
        let mut panel = self.product.panels.as_ptr().wrapping_add(column * depth);
        // SAFETY: the panels follow each other, each `width * depth` bytes, as the length of all was checked.
        unsafe {
            while column < range.end {
                let left = range.end - column;
                let of_pair = 2 * P::REGISTERS * lanes::<P>();
                if left >= of_pair && self.pairs(depth) {
                    self.panel::<S, 4>(panel, column, store);
                    panel = panel.add(of_pair * depth);
                    column += of_pair;
                    continue;
                }
                let registers = if left > P::REGISTERS / 2 * lanes::<P>() { P::REGISTERS } else { P::REGISTERS / 2 };
                let width = registers * lanes::<P>();
                match registers {
                    1 => self.panel::<S, 1>(panel, column, store),
                    2 => self.panel::<S, 2>(panel, column, store),
                    _ => self.panel::<S, 4>(panel, column, store),
                }
                panel = panel.add(width * depth);
                column += width.min(left);
            }
        }
    }

    /// Whether tiles go over two panels.
    fn pairs(&self, depth: usize) -> bool {
        let rows = self.product.rows.len();
        let pays = depth <= PAIRED_DEPTH || rows >= PAIRED_ROWS && depth <= PAIRED_DEPTH_AT_MOST;
        P::ROWS_OF_PAIRS > 0 && (pays || rows <= P::ROWS_OF_PAIRS)
    }

    /// Rows from the first by one panel, or by two.
    #[inline(always)]
    unsafe fn panel<S: Store<P::R>, const N: usize>(&mut self, panel: *const u8, column: usize, store: &S) {
        let is_pair = const { N == 2 * P::REGISTERS && P::ROWS_OF_PAIRS > 0 };
        if const { N != P::REGISTERS && N * 2 != P::REGISTERS } && !is_pair {
            return;
        }
        let count = (self.product.columns - column).min(N * lanes::<P>());
        let last = self.product.rows.len() - 1;
        let at = Tile { row: self.first, ..Tile::new(panel, last, column, count) };
        // SAFETY: the panel is the one at the column; where the tier prepares panels, there is room for one.
        unsafe {
            if P::PREPARES {
                let depth = self.product.depth();
                let tiles = if depth < DEEP { WIDENING_TILES } else { WIDENING_TILES_OF_DEEP };
                if self.start.has_zero_points() {
                    let weights = self.start.prepare::<P, N>(panel, column, depth);
                    self.prepared::<S, N>(Tile { weights, ..at }, panel, store);
                    return;
                }
                let is_crossed = self.is_crossed::<N>();
                if is_crossed || self.product.rows.len() - self.first > tiles * P::ROWS {
                    let at = Tile { keep: self.start.room(), ..at };
                    if is_crossed {
                        self.crossed::<S, N, KEPT>(at, panel, store);
                    } else {
                        self.tiles::<S, N, KEPT>(at, panel, store);
                    }
                    return;
                }
            }
            self.tiles::<S, N, STORED>(at, panel, store);
        }
    }

    /// Rows by a prepared panel.
    ///
    /// # Safety
    /// The product's features; rows, weights and columns are the product's.
    #[inline(always)]
    unsafe fn prepared<S: Store<P::R>, const N: usize>(&mut self, at: Tile, panel: *const u8, store: &S) {
        // SAFETY: the caller grants it.
        unsafe {
            if self.is_crossed::<N>() {
                self.crossed::<S, N, PREPARED>(at, panel, store);
            } else {
                self.tiles::<S, N, PREPARED>(at, panel, store);
            }
        }
    }

    /// All rows by prepared weights of whole panels. While they are multiplied, the panel behind another is asked for.
    ///
    /// # Safety
    /// The product's features; rows, weights and columns are the product's.
    #[inline(always)]
    pub(crate) unsafe fn all<S: Store<P::R>, const N: usize>(
        &mut self,
        weights: *const u8,
        panel: *const u8,
        column: usize,
        store: &S,
    ) {
        let at = Tile::new(weights, self.product.rows.len() - 1, column, N * lanes::<P>());
        // SAFETY: the caller grants it.
        unsafe { self.prepared::<S, N>(at, panel, store) }
    }

    /// Whether operands of a panel of `N` registers are crossed.
    #[inline(always)]
    fn is_crossed<const N: usize>(&self) -> bool {
        P::CROSSED_ROWS > 0 && N == P::REGISTERS && !self.row_terms.is_empty()
    }

    /// Rows by a panel, crossed. Those that are no whole tiles are the first tile's, which multiplies as others do, and keeps
    /// weights that it widens.
    #[inline(always)]
    unsafe fn crossed<S: Store<P::R>, const N: usize, const FORM: usize>(
        &mut self,
        mut at: Tile,
        panel: *const u8,
        store: &S,
    ) {
        let left = (self.product.rows.len() - at.row) % P::CROSSED_ROWS;
        let is_more = (left > 0 || FORM == KEPT) && left + P::CROSSED_ROWS <= P::ROWS;
        let plain = if is_more { left + P::CROSSED_ROWS } else { left };
        // SAFETY: the rows, the panel and the columns are the product's; the first tile has kept all of the panel.
        unsafe {
            let first = self.start.of_tile::<P, N>(plain, at);
            if plain > 0 {
                self.tile::<S, N, FORM>(plain, first, store);
                at.row += plain;
            }
            if FORM == KEPT {
                at.weights = at.keep.cast_const().cast();
            }
            let terms = match self.column_terms.get(at.column) {
                Some(terms) => crossed::packed_terms::<P, N>(terms),
                None => crossed::column_terms::<P, N>(&self.product, at.weights.cast()),
            };
            let start = crossed::start::<P, N>(first.start, terms);
            let (start, row_terms) = ((&raw const start).cast(), self.row_terms.as_ptr());
            self.tiles::<S, N, CROSSED>(Tile { start, row_terms, ..at }, panel, store);
        }
    }

    /// Rows by one panel, in tiles as equal as their number allows: a last tile of one row would cost as much as
    /// one of three.
    #[inline(always)]
    unsafe fn tiles<S: Store<P::R>, const N: usize, const FORM: usize>(
        &mut self,
        mut at: Tile,
        panel: *const u8,
        store: &S,
    ) {
        let unit = const { row_unit::<P, N>() };
        let units = (self.product.rows.len() - at.row).div_ceil(unit);
        let tiles = units.div_ceil(const { most_rows::<P, N, FORM>() / row_unit::<P, N>() });
        let (least, more) = (units / tiles, units % tiles);
        // The next panel comes out of a farther cache while this one is multiplied: a share of it before each tile.
        let bytes = self.product.depth() * N * lanes::<P>();
        let share = bytes.div_ceil(tiles);
        // A tile over two panels asks for a line a turn, which is one of so many that a turn reads: as many tiles ask for all.
        let lines = const { N * lanes::<P>() * P::TURN / CACHE_LINE };
        let asks = const { N > P::REGISTERS } && tiles >= lines;
        let mut tile = 0;
        while tile < tiles {
            // It keeps weights, asks for lines of its own, or starts from what is written for its rows.
            let is_alone = (FORM == KEPT && tile == 0) || (asks && tile < lines) || !self.start.is_common::<P>();
            at.run = if is_alone { 1 } else { RUN.min(if tile < more { more } else { tiles } - tile) };
            if FORM != STORED {
                let first = (tile * share).min(bytes);
                P::R::prefetch_lines(panel.wrapping_add(bytes + first), (at.run * share).min(bytes - first));
            }
            if asks {
                let ahead = bytes + tile * (bytes / lines);
                at.next = if tile < lines { panel.wrapping_add(ahead) } else { panel };
            }
            let rows = if at.last == at.row { 1 } else { (least + usize::from(tile < more)) * unit };
            // SAFETY: the rows, the panel and the columns are the product's.
            unsafe {
                let at = if const { FORM == CROSSED } { at } else { self.start.of_tile::<P, N>(rows, at) };
                if const { FORM != KEPT } || tile == 0 {
                    self.tile::<S, N, FORM>(rows, at, store);
                } else {
                    self.tile::<S, N, PREPARED>(rows, Tile { weights: at.keep.cast_const().cast(), ..at }, store);
                }
            }
            at.row += at.run * rows;
            tile += at.run;
        }
    }

    /// A run of tiles of some rows, by the function that is compiled for so many.
    #[inline(always)]
    unsafe fn tile<S: Store<P::R>, const N: usize, const FORM: usize>(&self, rows: usize, at: Tile, store: &S) {
        macro_rules! of_rows {
            ($($m:literal)*) => {
                $(if const { has_tile::<P, N, FORM>($m) && comes_up::<P>(S::OF_HALVES, FORM, $m) }
                    && rows == $m
                {
                    // SAFETY: the caller grants the tiles.
                    unsafe { P::tile::<S, $m, N, FORM>(&self.product, at, store) };
                })*
            };
        }
        of_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }
}
