//! One level of Strassen's algorithm for large products of centred values: seven products of halves instead of eight.
//!
//! Rows, columns and depth are halved, and blocks of the operands are added before they are multiplied. Nine bits become
//! ten, so a pair of products still fits 32 bits, and everything after that is exact modulo 2^32, whether it wraps on the
//! way or not. Sums of activations are written beside the band, those of weights while a panel is widened, and a tile
//! gives its accumulators to each block of the results that its product is part of.

mod results;

use self::results::{ADD, NOTHING, Results, SET, SUBTRACT};
use crate::encode::Encoding;
use crate::generic::crossed;
use crate::generic::gemm::{Product, Rows};
use crate::generic::multiply::{Activation, Multiply, lanes};
use crate::generic::start::Start;
use crate::generic::store::Store;

/// What halves must have in both: below, sums and updates cost more than the eighth product.
const LEAST: Halves = Halves { rows: 64, columns: 128, depth: 256 };
/// The same where operands are crossed: products take less time then, and sums as much as before.
const LEAST_OF_CROSSED: Halves = Halves { rows: 128, columns: 256, depth: 256 };

/// Values between rows of sums and of results, so that rows of a tile do not crowd into a few sets of the cache.
const APART: usize = 32;

/// Half of the rows, columns and depth that are computed this way; what is beyond twice that is left.
#[derive(Clone, Copy)]
pub(crate) struct Halves {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
}

impl Halves {
    /// How a product is halved, if it is. Halves of the depth are whole groups, those of the columns whole panels.
    pub(crate) fn of(
        encoding: Encoding,
        crosses: bool,
        width: usize,
        [rows, depth, columns]: [usize; 3],
        segments: usize,
    ) -> Option<Self> {
        let halves = Self { rows: rows / 8 * 4, columns: columns / (2 * width) * width, depth: depth / 2 };
        let least = if crosses { LEAST_OF_CROSSED } else { LEAST };
        let large = halves.rows >= least.rows && halves.columns >= least.columns && halves.depth >= least.depth;
        (encoding == Encoding::Centred && segments == 1 && depth.is_multiple_of(4) && large).then_some(halves)
    }

    /// Elements from a row of the results to the next.
    fn stride(&self) -> usize {
        2 * self.columns + APART
    }

    /// Elements of scratch: the offsets of the rows of sums, what accumulators start from, the sums, a panel, the results.
    pub(crate) fn scratch(&self, width: usize) -> Option<usize> {
        let sums = self.rows.checked_mul(self.depth + APART)?.div_ceil(2);
        let panel = self.depth.checked_mul(width)?.div_ceil(2);
        let results = self.rows.checked_mul(2)?.checked_mul(self.stride())?;
        [self.rows, crossed::room(self.rows), self.columns, sums, panel]
            .iter()
            .try_fold(results, |all, &one| all.checked_add(one))
    }
}

/// A block of an operand, or two of them. Blocks are counted by rows: 0 and 1 above, 2 and 3 below.
struct Blocks {
    first: usize,
    other: Option<usize>,
    /// Whether the other is subtracted.
    minus: bool,
}

const fn one(first: usize) -> Blocks {
    Blocks { first, other: None, minus: false }
}
const fn sum(first: usize, other: usize) -> Blocks {
    Blocks { first, other: Some(other), minus: false }
}
const fn difference(first: usize, other: usize) -> Blocks {
    Blocks { first, other: Some(other), minus: true }
}

/// What a product does to the blocks of the results that it is part of. The first product of a block sets it, the last
/// one ends it: so no block is cleared before, and none is read again afterwards.
enum To {
    SetBoth(usize, usize),
    SetAndAdd(usize, usize),
    SetAndSubtract(usize, usize),
    EndAndAdd(usize, usize),
    EndAndSubtract(usize, usize),
    End(usize),
}

/// The seven products: blocks of the left, of the right, and of the results.
const PRODUCTS: [(Blocks, Blocks, To); 7] = [
    (sum(0, 3), sum(0, 3), To::SetBoth(0, 3)),
    (one(0), difference(1, 3), To::SetAndAdd(1, 3)),
    (sum(0, 1), one(3), To::EndAndSubtract(1, 0)),
    (sum(2, 3), one(0), To::SetAndSubtract(2, 3)),
    (one(3), difference(2, 0), To::EndAndAdd(2, 0)),
    (difference(2, 0), sum(0, 1), To::End(3)),
    (difference(1, 3), sum(2, 3), To::End(0)),
];

/// Computes the halves of a product, and gives each row of them to a store.
///
/// # Safety
/// As [`crate::generic::gemm::gemm`]; the room has [`Halves::scratch`] elements, and bias and zero points are those of the
/// columns.
#[inline(always)]
pub(crate) unsafe fn strassen<P: Multiply, S: Store<P::R>, const N: usize>(
    product: &Product<'_, P::A>,
    halves: Halves,
    bias: &[i32],
    zero_points: &[i16],
    room: &mut [i32],
    store: &S,
) {
    let Halves { rows, columns, depth } = halves;
    let width = N * lanes::<P>();
    let (offsets, room) = room.split_at_mut(rows);
    let (terms, room) = room.split_at_mut(crossed::room(rows));
    let (zeros, room) = room.split_at_mut(columns);
    let (sums, room) = room.split_at_mut((rows * (depth + APART)).div_ceil(2));
    let (panel, room) = room.split_at_mut((depth * width).div_ceil(2));
    zeros.fill(0);
    for (row, offset) in offsets.iter_mut().enumerate() {
        *offset = (row * (depth + APART)) as i32;
    }
    // Not in the output: its rows are often a power of two apart, where those of two blocks crowd into a few sets.
    let results = Results { room: room.as_mut_ptr(), halves, bias: bias.as_ptr() };
    // SAFETY: all blocks lie inside the operands, which the caller has checked, the results or the room.
    unsafe {
        for (left, right, to) in &PRODUCTS {
            let segment = [product.segments[0] + ((left.first % 2) * depth) as u32];
            let left = match left.other {
                None => Product {
                    a: product.a,
                    rows: &product.rows[left.first / 2 * rows..][..rows],
                    segments: &segment,
                    segment_len: depth,
                    panels: product.panels,
                    columns,
                },
                Some(_) => {
                    add_rows(product, left, halves, sums.as_mut_ptr().cast());
                    Product {
                        a: P::A::of(crate::args::Activations::Centred(core::slice::from_raw_parts(
                            sums.as_ptr().cast(),
                            2 * sums.len(),
                        ))),
                        rows: core::slice::from_raw_parts(offsets.as_ptr().cast(), rows),
                        segments: &[0],
                        segment_len: depth,
                        panels: product.panels,
                        columns,
                    }
                }
            };
            let row_terms = if P::CROSSED_ROWS > 0 {
                crossed::row_terms::<P>(&left, &mut terms[..rows]);
                &terms[..rows]
            } else {
                &[]
            };
            let mut part =
                Rows::<P> { product: left, start: Start::of_bias(zeros), first: 0, row_terms, column_terms: &[] };
            for column in (0..columns).step_by(width) {
                prepare::<P, N>(product, right, halves, column, zero_points, panel.as_mut_ptr().cast());
                // The tiles ask for what stands behind a panel of their depth.
                let next = block::<P>(product, right.first, halves, column + width).wrapping_sub(depth * width);
                let weights = panel.as_ptr().cast();
                macro_rules! run {
                    ($store:expr) => {
                        part.all::<_, N>(weights, next, column, &$store)
                    };
                }
                match *to {
                    To::SetBoth(first, other) => run!(results.first::<SET>(first, other)),
                    To::SetAndAdd(first, other) => run!(results.first::<ADD>(first, other)),
                    To::SetAndSubtract(first, other) => run!(results.first::<SUBTRACT>(first, other)),
                    To::EndAndAdd(first, other) => run!(results.last::<_, _, ADD>(first, other, *store)),
                    To::EndAndSubtract(first, other) => run!(results.last::<_, _, SUBTRACT>(first, other, *store)),
                    To::End(first) => run!(results.last::<_, _, NOTHING>(first, first, *store)),
                }
            }
        }
    }
}

/// Writes the sum or the difference of two blocks of the activations.
#[inline(always)]
unsafe fn add_rows<A>(product: &Product<'_, A>, blocks: &Blocks, halves: Halves, to: *mut i16) {
    let Halves { rows, depth, .. } = halves;
    let other = blocks.other.unwrap_or(blocks.first);
    let a = product.a.as_ptr().cast::<i16>();
    // SAFETY: the rows and both halves of their segment lie inside the activations, and the room is for all sums.
    unsafe {
        let a = a.add(product.segments[0] as usize);
        for row in 0..rows {
            let x = a.add(product.rows[blocks.first / 2 * rows + row] as usize + blocks.first % 2 * depth);
            let y = a.add(product.rows[other / 2 * rows + row] as usize + other % 2 * depth);
            let to = to.add(row * (depth + APART));
            let (x, y) = (core::slice::from_raw_parts(x, depth), core::slice::from_raw_parts(y, depth));
            let to = core::slice::from_raw_parts_mut(to, depth);
            if blocks.minus {
                for k in 0..depth {
                    to[k] = x[k].wrapping_sub(y[k]);
                }
            } else {
                for k in 0..depth {
                    to[k] = x[k].wrapping_add(y[k]);
                }
            }
        }
    }
}

/// Where the panel at a column of a block of the weights begins.
#[inline(always)]
fn block<P: Multiply>(product: &Product<'_, P::A>, index: usize, halves: Halves, column: usize) -> *const u8 {
    let width = P::REGISTERS * lanes::<P>();
    let column = column + index % 2 * halves.columns;
    product.panels.as_ptr().wrapping_add(column * product.depth() + index / 2 * halves.depth * width)
}

/// Widens a panel of a block of the weights, or of the sum or the difference of two, less the zero points.
#[inline(always)]
unsafe fn prepare<P: Multiply, const N: usize>(
    product: &Product<'_, P::A>,
    blocks: &Blocks,
    halves: Halves,
    column: usize,
    zero_points: &[i16],
    to: *mut i16,
) {
    let group = N * lanes::<P>() * P::GROUP;
    let sign = if blocks.minus { -1 } else { 1 };
    let mut zeros = [0i16; 256];
    if !zero_points.is_empty() {
        for (slot, zero) in zeros[..group].iter_mut().enumerate() {
            let column = column + slot / P::GROUP;
            *zero = zero_points.get(column + blocks.first % 2 * halves.columns).copied().unwrap_or(0);
            if let Some(other) = blocks.other {
                *zero += sign * zero_points.get(column + other % 2 * halves.columns).copied().unwrap_or(0);
            }
        }
    }
    let x = block::<P>(product, blocks.first, halves, column);
    // SAFETY: both blocks have a panel of the depth at the column, and the room is for one of 16 bits.
    unsafe {
        for k in 0..halves.depth / P::GROUP {
            let (x, to) = (x.add(k * group), to.add(k * group));
            match blocks.other {
                None => {
                    for n in 0..N {
                        let at = n * lanes::<P>() * P::GROUP;
                        P::prepare(x.add(at), to.add(at), zeros.as_ptr().add(at));
                    }
                }
                Some(other) => {
                    let y = block::<P>(product, other, halves, column).add(k * group);
                    for n in 0..N {
                        let at = n * lanes::<P>() * P::GROUP;
                        let zeros = zeros.as_ptr().add(at);
                        if blocks.minus {
                            P::prepare_two::<true>(x.add(at), y.add(at), to.add(at), zeros);
                        } else {
                            P::prepare_two::<false>(x.add(at), y.add(at), to.add(at), zeros);
                        }
                    }
                }
            }
        }
    }
}
