//! What the accumulators of a product start from: the bias, and the zero points that are not in the product.

use super::gemm::{Product, Tile};
use super::multiply::{Multiply, lanes};
use super::registers::Registers;
use crate::encode::Reading;

/// The starts of a product's tiles, and the room for what is prepared.
pub(crate) struct Start<'a> {
    bias: &'a [i32],
    /// Zero points of the padded columns as the signed reading counts them; empty if all are 0.
    zero_points: &'a [i16],
    /// Zero points of the rows; empty if there are none beside the bias.
    row_zero_points: &'a [i32],
    /// The sum of each padded column, less its zero points.
    sums: &'a [i32],
    /// The sum of each row; empty where no column has a zero point as the kernel reads it.
    row_sums: &'a [i32],
    /// Room for a prepared panel, or for the starts of a tile.
    room: &'a mut [i32],
}

impl<'a> Start<'a> {
    /// Sums the rows, where a zero point of the weights needs it.
    ///
    /// # Safety
    /// As [`super::gemm::gemm`].
    #[inline(always)]
    pub(crate) unsafe fn new<P: Multiply>(
        product: &Product<'_, P::A>,
        bias: &'a [i32],
        zero_points: &'a [i16],
        row_zero_points: &'a [i32],
        sums: &'a [i32],
        scratch: &'a mut [i32],
    ) -> Self {
        if P::PREPARES {
            return Self { bias, zero_points, row_zero_points: &[], sums: &[], row_sums: &[], room: scratch };
        }
        let (row_sums, room) = scratch.split_at_mut(product.rows.len());
        let needed = !zero_points.is_empty() || P::WEIGHTS == Reading::Unsigned;
        if needed {
            for (sum, &row) in row_sums.iter_mut().zip(product.rows) {
                // SAFETY: the caller has checked the rows and segments.
                *sum = unsafe { row_sum::<P>(product, row as usize) };
            }
        }
        Self { bias, zero_points, row_zero_points, sums, row_sums: if needed { row_sums } else { &[] }, room }
    }

    /// The bias alone, for columns whose panels are prepared otherwise.
    pub(crate) fn of_bias(bias: &'a [i32]) -> Self {
        Self { bias, zero_points: &[], row_zero_points: &[], sums: &[], row_sums: &[], room: &mut [] }
    }

    /// The bias and the zero points of all columns, and the room.
    pub(crate) fn parts(&mut self) -> (&[i32], &[i16], &mut [i32]) {
        (self.bias, self.zero_points, self.room)
    }

    /// Whether a column has a zero point as a signed value.
    pub(crate) fn has_zero_points(&self) -> bool {
        !self.zero_points.is_empty()
    }

    /// Whether all rows start from the same.
    #[inline(always)]
    pub(crate) fn is_common<P: Multiply>(&self) -> bool {
        P::PREPARES || (self.row_sums.is_empty() && self.row_zero_points.is_empty())
    }

    /// Takes some of the room.
    pub(crate) fn take(&mut self, len: usize) -> &'a mut [i32] {
        self.room.split_off_mut(..len).unwrap_or(&mut [])
    }

    /// The room for a prepared panel.
    pub(crate) fn room(&mut self) -> *mut i16 {
        self.room.as_mut_ptr().cast()
    }

    /// Prepares a panel of `N` registers of columns, and gives where it is.
    ///
    /// # Safety
    /// The product's features; the panel is the one at the column and has the depth, a multiple of the group.
    #[inline(always)]
    pub(crate) unsafe fn prepare<P: Multiply, const N: usize>(
        &mut self,
        panel: *const u8,
        column: usize,
        depth: usize,
    ) -> *const u8 {
        let register = lanes::<P>() * P::GROUP;
        let to = self.room();
        // Each column's zero point as often as a group has values.
        let mut zeros = [[0i16; 64]; N];
        let zero_points = self.zero_points.get(column..).unwrap_or(&[]);
        let slots = zeros.iter_mut().flat_map(|zeros| zeros[..register].chunks_exact_mut(P::GROUP));
        for (slot, &zero) in slots.zip(zero_points) {
            slot.fill(zero);
        }
        // SAFETY: panel and room have `N` registers for each group of K; a register fits the buffer of zero points.
        unsafe {
            for k in 0..depth / P::GROUP {
                for n in 0..N {
                    let at = (k * N + n) * register;
                    P::prepare(panel.add(at), to.add(at), zeros[n].as_ptr());
                }
            }
        }
        to.cast_const().cast()
    }

    /// A tile of some rows with its starts: the bias itself, or what was written to the room.
    ///
    /// # Safety
    /// The product's features; the tile is the product's.
    #[inline(always)]
    pub(crate) unsafe fn of_tile<P: Multiply, const N: usize>(&mut self, rows: usize, at: Tile) -> Tile {
        // SAFETY: there is a bias for each padded column.
        let bias = unsafe { self.bias.as_ptr().add(at.column) };
        if self.is_common::<P>() {
            return Tile { start: bias, start_stride: 0, ..at };
        }
        let start_stride = N * lanes::<P>();
        // SAFETY: there is a sum and a zero point for each padded column where there are any; the room is for the
        // largest tile.
        unsafe {
            for n in 0..N {
                let column = at.column + n * lanes::<P>();
                let mut zeros = [if P::WEIGHTS == Reading::Unsigned { 128 } else { 0 }; 16];
                for (zero, &stored) in
                    zeros[..lanes::<P>()].iter_mut().zip(self.zero_points.get(column..).unwrap_or(&[]))
                {
                    *zero += i32::from(stored);
                }
                let zeros = P::R::load(zeros.as_ptr());
                let bias = P::R::load(bias.add(n * lanes::<P>()));
                for m in 0..rows {
                    let row = at.row::<P, N>(at.row, m, rows);
                    let mut start = bias;
                    if let Some(sum) = self.row_sums.get(row) {
                        start = P::R::add(start, P::R::mul(P::R::splat(sum.wrapping_neg()), zeros));
                    }
                    if let Some(zero) = self.row_zero_points.get(row) {
                        let sums = P::R::load(self.sums.as_ptr().add(column));
                        start = P::R::add(start, P::R::mul(P::R::splat(-zero), sums));
                    }
                    P::R::store(self.room.as_mut_ptr().add(m * start_stride + n * lanes::<P>()), start);
                }
            }
        }
        Tile { start: self.room.as_ptr(), start_stride, ..at }
    }
}

/// The sum of a row's values over all segments, by products with ones: whole registers, then single groups.
///
/// # Safety
/// The product's features; the row has a segment's length behind each of its segments.
#[inline(always)]
unsafe fn row_sum<P: Multiply>(product: &Product<'_, P::A>, row: usize) -> i32 {
    const { assert!(P::PREPARES || size_of::<P::A>() == 1 && size_of::<P::Operand>() <= 64) };
    // What an operand holds: a lane may take up more than one of its groups.
    let register = size_of::<P::Operand>();
    // Weights of 1, as they are stored.
    let stored = [1 ^ P::WEIGHTS.flip_to_signed(); 64];
    // SAFETY: only values of the segments are read; a register of sums fits the buffer.
    unsafe {
        let ones = P::weights(stored.as_ptr());
        let mut wide = P::R::splat(0);
        let mut single = P::R::splat(0);
        for &segment in product.segments {
            let from = product.a.as_ptr().add(row + segment as usize);
            let mut k = 0;
            while k + register <= product.segment_len {
                wide = P::dot(wide, from.add(k).cast::<P::Operand>().read_unaligned(), ones);
                k += register;
            }
            while k < product.segment_len {
                single = P::dot(single, P::broadcast(from.add(k)), ones);
                k += P::GROUP;
            }
        }
        // Every lane of the single groups' sum is the same, every lane of the other has a share.
        let (mut shares, mut sums) = ([0; 16], [0; 16]);
        P::R::store(shares.as_mut_ptr(), wide);
        P::R::store(sums.as_mut_ptr(), single);
        shares[..lanes::<P>()].iter().fold(sums[0], |sum, &share| sum.wrapping_add(share))
    }
}
