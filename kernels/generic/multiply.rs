//! What the products ask of a tier: its product instruction, and the operands in the form that it takes.

use super::gemm::{Product, Tile};
use super::registers::Registers;
use super::store::Store;
use crate::args::Activations;
use crate::encode::{Encoding, Reading};
use crate::pack::PanelLayout;

/// An element of the activations: `i16` centred, `u8` as it is.
pub(crate) trait Activation: Copy + 'static {
    /// What it makes of them.
    const ENCODING: Encoding;

    /// The activations of a product; none if they have another encoding.
    fn of(a: Activations<'_>) -> &[Self];
}

impl Activation for i16 {
    const ENCODING: Encoding = Encoding::Centred;

    fn of(a: Activations<'_>) -> &[Self] {
        a.centred()
    }
}

impl Activation for u8 {
    const ENCODING: Encoding = Encoding::Bytes;

    fn of(a: Activations<'_>) -> &[Self] {
        a.bytes()
    }
}

/// [`Multiply::AHEAD`] on x86-64, as measured on an Emerald Rapids.
#[cfg(target_arch = "x86_64")]
pub(crate) const EIGHT_KIB_AHEAD: usize = 8 << 10;

/// A product instruction: each 32-bit lane takes up the dot product of `GROUP` values of K.
///
/// # Safety
/// All methods need the tier's CPU features. Those with a pointer read as many elements as their text says.
pub(crate) trait Multiply: Sized {
    /// The registers of the accumulators.
    type R: Registers;
    /// An element of the activations.
    type A: Activation;
    /// A register of either operand.
    type Operand: Copy;

    /// Values of K in one product.
    const GROUP: usize;
    /// Rows of the largest tile.
    const ROWS: usize;
    /// The rows of a tile are a multiple of it, but that a single row is a tile; a row too few is computed twice.
    const ROW_UNIT: usize = 1;
    /// Registers of columns in a whole panel. The last panel may have half of them.
    const REGISTERS: usize;
    /// Rows of the largest tile over two whole panels side by side; 0 for no such tiles.
    const ROWS_OF_PAIRS: usize = 0;
    /// Rows of a tile that crosses operands ([`super::crossed`]); 0 for no such tiles.
    const CROSSED_ROWS: usize = 0;
    /// Values of K in a turn of the inner loop.
    const TURN: usize = Self::GROUP;
    /// Whether a panel is prepared once for many rows: widened to 16 bits, less its zero points. If not, it is
    /// multiplied as it is stored, and zero points are in what the accumulators start from.
    const PREPARES: bool = matches!(Self::A::ENCODING, Encoding::Centred);
    /// How far ahead a panel is asked for that is multiplied as it is stored: it is a stream, of which one alone does not
    /// keep a memory busy. 0 for no asking.
    const AHEAD: usize = 0;
    /// How the instruction reads weights; stored is the signed reading.
    const WEIGHTS: Reading = Reading::Signed;

    /// Repeats `GROUP` activations in each lane.
    unsafe fn broadcast(from: *const Self::A) -> Self::Operand;
    /// Reads `LANES` groups of weights as they are stored.
    unsafe fn weights(from: *const u8) -> Self::Operand;
    /// Reads `LANES` groups of prepared weights, which lie in memory as in the operand.
    unsafe fn prepared(from: *const i16) -> Self::Operand {
        // SAFETY: a tier that prepares nothing has no such weights.
        unsafe { Self::weights(from.cast()) }
    }
    /// Writes `LANES` groups of prepared weights: those stored, less zero points that are held likewise.
    unsafe fn prepare(_from: *const u8, _to: *mut i16, _zero_points: *const i16) {}
    /// Writes the sum of two registers of weights, or their difference, less zero points: those of the sum.
    unsafe fn prepare_two<const MINUS: bool>(x: *const u8, y: *const u8, to: *mut i16, zero_points: *const i16) {
        for i in 0..lanes::<Self>() * Self::GROUP {
            // SAFETY: the caller grants registers of values.
            unsafe {
                let (x, y) = (i16::from(*x.add(i) as i8), i16::from(*y.add(i) as i8));
                *to.add(i) = if MINUS { x - y } else { x + y } - *zero_points.add(i);
            }
        }
    }
    /// `acc` and the dot product of activations and weights in each lane, wrapping.
    unsafe fn dot(acc: Int<Self>, a: Self::Operand, b: Self::Operand) -> Int<Self>;
    /// [`Multiply::dot`] of a row's group at `k` and the weights of each register of columns.
    #[inline(always)]
    unsafe fn dots<const N: usize>(acc: &mut [Int<Self>; N], row: *const Self::A, k: usize, b: &[Self::Operand; N]) {
        // SAFETY: the caller has the features and grants the group.
        unsafe {
            let a = Self::broadcast(row.add(k));
            for n in 0..N {
                acc[n] = Self::dot(acc[n], a, b[n]);
            }
        }
    }

    /// A turn of the inner loop: `TURN` values of K from `k`, by weights from `weights`.
    #[inline(always)]
    unsafe fn turn<const M: usize, const N: usize, const FORM: usize>(
        acc: &mut [[Int<Self>; N]; M],
        rows: &[*const Self::A; M],
        k: usize,
        weights: Weights,
    ) {
        for group in 0..Self::TURN / Self::GROUP {
            // SAFETY: the caller grants the values of the turn.
            unsafe {
                let weights = weights.ahead::<Self, N, FORM>(group);
                step::<Self, M, N, FORM>(acc, rows, k + group * Self::GROUP, weights);
            }
        }
    }

    /// Adds to the terms of four rows ([`super::crossed`]) those of some quads of each.
    #[inline(always)]
    unsafe fn add_terms(_rows: [*const Self::A; 4], _quads: usize, _terms: &mut [i32; 4]) {
        const { assert!(Self::CROSSED_ROWS == 0, "a tier with crossed tiles says how") };
    }

    /// Some quads of each row by prepared weights, crossed.
    #[inline(always)]
    unsafe fn cross<const M: usize, const N: usize>(
        _acc: &mut [[Int<Self>; N]; M],
        _rows: &[*const Self::A; M],
        _quads: usize,
        _weights: Weights,
    ) {
        const { assert!(Self::CROSSED_ROWS == 0, "a tier with crossed tiles says how") };
    }

    /// Accumulators of rows as those of the turns, or those as rows: the same, unless the instruction's results lie
    /// otherwise. A tier where they do has turns of one group.
    #[inline(always)]
    unsafe fn exchange<const M: usize, const N: usize>(_acc: &mut [[Int<Self>; N]; M]) {}

    /// The products of a single row by `S` panels side by side: [`super::gemv::row`], unless the instruction is for more
    /// rows than one.
    #[inline(always)]
    unsafe fn row<const S: usize, const N: usize>(
        acc: &mut [[Int<Self>; N]; S],
        product: &Product<'_, Self::A>,
        panels: [Weights; S],
    ) {
        // SAFETY: the caller grants the row and the weights.
        unsafe { super::gemv::row::<Self, S, N>(acc, product, panels) }
    }

    /// Computes a run of tiles: [`super::tile::tile`] in a function of its own, with the tier's features. Inlined into the
    /// loops around it, it would share their registers, and the compiler then keeps addresses on the stack in the inner
    /// loop.
    unsafe fn tile<S: Store<Self::R>, const M: usize, const N: usize, const FORM: usize>(
        product: &Product<'_, Self::A>,
        at: Tile,
        store: &S,
    );
}

/// Accumulators of a product.
pub(crate) type Int<P> = <<P as Multiply>::R as Registers>::Int;

/// Lanes of a product's registers.
pub(crate) const fn lanes<P: Multiply>() -> usize {
    P::R::LANES
}

/// The rows of the largest tile of `N` registers of columns by weights of a form.
pub(crate) const fn most_rows<P: Multiply, const N: usize, const FORM: usize>() -> usize {
    if FORM == CROSSED {
        P::CROSSED_ROWS
    } else if N > P::REGISTERS {
        P::ROWS_OF_PAIRS
    } else {
        P::ROWS
    }
}

/// What the rows of a tile of `N` registers of columns are a multiple of: see [`Multiply::ROW_UNIT`]. Tiles over two
/// panels have few rows, so that each number of them is compiled.
pub(crate) const fn row_unit<P: Multiply, const N: usize>() -> usize {
    if N > P::REGISTERS { 1 } else { P::ROW_UNIT }
}

/// Whether tiles of some rows by `N` registers of columns, and weights of a form, are compiled.
pub(crate) const fn has_tile<P: Multiply, const N: usize, const FORM: usize>(rows: usize) -> bool {
    let most = most_rows::<P, N, FORM>();
    rows <= most && (FORM != CROSSED || rows == most) && (rows.is_multiple_of(row_unit::<P, N>()) || rows == 1)
}

/// A form of weights: as they are stored.
pub(crate) const STORED: usize = 0;
/// A form of weights: as they are stored, and what is widened while it is read is kept, as prepared weights.
pub(crate) const KEPT: usize = 1;
/// A form of weights: prepared.
pub(crate) const PREPARED: usize = 2;
/// A form of weights: prepared, and multiplied crossed.
pub(crate) const CROSSED: usize = 3;

/// Whether weights of a form are prepared.
pub(crate) const fn is_prepared(form: usize) -> bool {
    matches!(form, PREPARED | CROSSED)
}

/// Whether tiles of some rows, by weights of a form, come up; `of_halves` are those of halved products.
pub(crate) const fn comes_up<P: Multiply>(of_halves: bool, form: usize, rows: usize) -> bool {
    // The first of five tiles or more has nearly as many rows as the largest, and so has each of those that share 64 rows or
    // more, unless tiles are so small that every size may come.
    let is_large = 5 * rows >= 4 * P::ROWS || P::ROWS < 5 * P::ROW_UNIT;
    let crosses = P::CROSSED_ROWS > 0;
    match form {
        // Halves have whole crossed tiles.
        CROSSED => true,
        _ if of_halves => is_large && !crosses,
        // The first tile before crossed ones: see `Rows::crossed`.
        KEPT if crosses => rows + 1 >= P::CROSSED_ROWS,
        KEPT => is_large,
        _ => true,
    }
}

/// Where weights are read: bytes as stored, or 16 bits prepared.
#[derive(Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) at: *const u8,
    /// Where those are kept that are widened while they are read.
    keep: *mut i16,
    /// Bytes from a panel to the next, for tiles over two.
    apart: usize,
}

impl Weights {
    /// Those of one panel.
    pub(crate) const fn new(at: *const u8) -> Self {
        Self { at, keep: core::ptr::null_mut(), apart: 0 }
    }

    /// Those of a panel of a depth and of the one behind it, where `N` registers are more than one has.
    pub(crate) const fn of_pair<P: Multiply, const N: usize>(at: *const u8, depth: usize) -> Self {
        Self { apart: if N > P::REGISTERS { P::REGISTERS * lanes::<P>() * depth } else { 0 }, ..Self::new(at) }
    }

    /// Those, and where they are kept if they are.
    pub(crate) const fn keeping(self, keep: *mut i16) -> Self {
        Self { keep, ..self }
    }

    /// The weights of `N` registers of columns, some groups of K ahead.
    ///
    /// # Safety
    /// They are there, or one group behind the last.
    #[inline(always)]
    pub(crate) unsafe fn ahead<P: Multiply, const N: usize, const FORM: usize>(self, groups: usize) -> Self {
        let of_panel = if N > P::REGISTERS { P::REGISTERS } else { N };
        // SAFETY: the caller grants it.
        unsafe {
            let registers = groups * of_panel;
            let keep = if FORM == KEPT { self.keep.add(registers * lanes::<P>() * P::GROUP) } else { self.keep };
            Self { at: self.at.add(registers * Self::register::<P, FORM>()), keep, ..self }
        }
    }

    /// The `n`-th register of a group: one of the next panel where `n` is more than a panel has.
    ///
    /// # Safety
    /// It is there.
    #[inline(always)]
    pub(crate) unsafe fn read<P: Multiply, const FORM: usize>(self, n: usize) -> P::Operand {
        // SAFETY: the caller grants it.
        unsafe {
            let (panel, n) = self.panel_of::<P>(n);
            let from = panel.add(n * Self::register::<P, FORM>());
            let weights = if is_prepared(FORM) { P::prepared(from.cast()) } else { P::weights(from) };
            if FORM == KEPT {
                self.keep.add(n * lanes::<P>() * P::GROUP).cast::<P::Operand>().write_unaligned(weights);
            }
            weights
        }
    }

    /// Asks for the weights of a turn, as far ahead as the tier says.
    #[inline(always)]
    pub(crate) fn prefetch<P: Multiply, const N: usize>(self) {
        let bytes = N.min(P::REGISTERS) * lanes::<P>() * P::TURN;
        for first in (0..N).step_by(P::REGISTERS) {
            let (panel, _) = self.panel_of::<P>(first);
            P::R::prefetch_lines(panel.wrapping_add(P::AHEAD), bytes);
        }
    }

    /// Where the panel of the `n`-th register begins, and which of its registers it is.
    #[inline(always)]
    fn panel_of<P: Multiply>(self, n: usize) -> (*const u8, usize) {
        if n < P::REGISTERS { (self.at, n) } else { (self.at.wrapping_add(self.apart), n - P::REGISTERS) }
    }

    /// Bytes of a register's weights.
    const fn register<P: Multiply, const FORM: usize>() -> usize {
        lanes::<P>() * P::GROUP * if is_prepared(FORM) { 2 } else { 1 }
    }
}

/// The products of one group of K: `M` rows by `N` registers of columns.
///
/// # Safety
/// The product's features; each row has a group at `k`, and there are weights of `N` registers.
#[inline(always)]
pub(crate) unsafe fn step<P: Multiply, const M: usize, const N: usize, const FORM: usize>(
    acc: &mut [[Int<P>; N]; M],
    rows: &[*const P::A; M],
    k: usize,
    weights: Weights,
) {
    // SAFETY: the caller grants the values.
    unsafe {
        let mut b = [weights.read::<P, FORM>(0); N];
        for n in 1..N {
            b[n] = weights.read::<P, FORM>(n);
        }
        for m in 0..M {
            P::dots(&mut acc[m], rows[m], k, &b);
        }
    }
}

/// The layout of a product's panels.
pub(crate) const fn panels<P: Multiply>() -> PanelLayout {
    let width = P::REGISTERS * lanes::<P>();
    PanelLayout { width, half: width / 2, group: P::GROUP }
}
