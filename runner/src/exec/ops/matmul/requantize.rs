//! Results that are made of sums, rows with a requantisation of their own.

use std::ops::Range;

use zeropoint::{Backend, MatRef, Requantization, ViewMut, elementwise};

use super::super::{Context, Step, param, refused, told};
use super::batch::Batch;
use super::lines::{Along, Lines};
use crate::error::Fault;
use crate::graph::{Element, TensorId, shape};
use crate::passes::MatMul;

/// The parameters of the results.
pub(super) struct Scales {
    pub(super) a: Lines<f32>,
    pub(super) b: Lines<f32>,
    pub(super) y: Lines<f32>,
    pub(super) zero_points: Lines<i32>,
    /// The bounds of the results.
    pub(super) clamp: Option<(i32, i32)>,
}

impl Scales {
    /// The requantisation that all rows of all matrices have, if there is one.
    pub(super) fn single(&self, to: zeropoint::Type) -> Result<Option<Requantization>, Fault> {
        if !self.are_shared() || self.rows_differ() {
            return Ok(None);
        }
        self.of_row([0; 3], 0, to).map(Some)
    }

    fn are_shared(&self) -> bool {
        self.a.is_shared() && self.b.is_shared() && self.y.is_shared() && self.zero_points.is_shared()
    }

    fn rows_differ(&self) -> bool {
        self.a.varies() || self.y.varies_along(Along::Rows) || self.zero_points.varies_along(Along::Rows)
    }

    /// The requantisation of a row of the product, whose matrix is made of two others.
    fn of_row(&self, [a, b, y]: [usize; 3], row: usize, to: zeropoint::Type) -> Result<Requantization, Fault> {
        let (scales, zero_points) = (self.y.row(y, row), self.zero_points.row(y, row));
        let (a, b) = (self.a.at(a, row), param(self.b.matrix(b)));
        let to = Requantization::from_scales(a, b, param(scales), to, param(zero_points)).map_err(refused)?;
        match self.clamp {
            Some((low, high)) => to.with_clamp(low, high).map_err(refused),
            None => Ok(to),
        }
    }
}

/// Rows of a matrix with the requantisation of their sums.
pub(super) struct Piece {
    rows: Range<usize>,
    to: Requantization,
}

/// The pieces of each matrix; of one, where all have the same.
pub(super) struct Pieces(Vec<Vec<Piece>>);

/// The most multipliers that a plan keeps.
const MOST: usize = 1 << 22;

pub(super) fn pieces(shapes: &MatMul, scales: &Scales, to: zeropoint::Type) -> Result<Pieces, Fault> {
    let &MatMul { m, n, .. } = shapes;
    if m == 0 || n == 0 {
        return Ok(Pieces(Vec::new()));
    }
    let matrices = if scales.are_shared() { 1 } else { shape::elements(&shapes.batch)? };
    let bands = if scales.rows_differ() { m } else { 1 };
    let multipliers = matrices.checked_mul(bands).and_then(|rows| rows.checked_mul(n));
    if multipliers.is_none_or(|count| count > MOST) {
        return Err(Fault::too_large(format!(
            "scales of their own for each row of {matrices} matrices {m} x {n}: more than {MOST} multipliers"
        )));
    }
    let of = |index: usize| {
        let (a, b) = shapes.operands(index);
        (0..bands)
            .map(|row| {
                let rows = if bands == 1 { 0..m } else { row..row + 1 };
                Ok(Piece { rows, to: scales.of_row([a, b, index], row, to)? })
            })
            .collect()
    };
    (0..matrices).map(of).collect::<Result<_, Fault>>().map(Pieces)
}

impl Pieces {
    fn of(&self, matrix: usize) -> &[Piece] {
        match self.0.as_slice() {
            [shared] => shared,
            each => each.get(matrix).map_or(&[], Vec::as_slice),
        }
    }
}

/// A batch of products whose sums become 8 bits.
pub(super) struct Requantized<A, B, Y> {
    backend: Backend,
    batch: Batch<A, B, i32>,
    pieces: Pieces,
    y: TensorId,
    type_: std::marker::PhantomData<fn() -> Y>,
}

impl<A, B, Y> Requantized<A, B, Y> {
    pub(super) fn new(backend: Backend, batch: Batch<A, B, i32>, pieces: Pieces, y: TensorId) -> Self {
        Self { backend, batch, pieces, y, type_: std::marker::PhantomData }
    }

    /// Bytes of the sums of a matrix, so many that what is behind them begins at a cache line.
    fn sums_len(&self) -> usize {
        self.batch.elements().saturating_mul(size_of::<i32>()).checked_next_multiple_of(64).unwrap_or(usize::MAX)
    }
}

impl<A, B, Y> Step for Requantized<A, B, Y>
where
    A: Element + zeropoint::Int8 + Into<i32>,
    B: Element + zeropoint::Int8 + Into<i32>,
    Y: Element + zeropoint::Int8,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        let n = self.batch.shapes.n;
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.batch.each(y, scratch, threads, |index, y, scratch| {
                let (sums, rest) = scratch.split_at_mut(self.sums_len());
                let sums = &mut bytemuck::cast_slice_mut::<u8, i32>(sums)[..y.len()];
                self.batch.matrix(memory, index, sums, rest).map_err(told)?;
                for Piece { rows, to } in self.pieces.of(index) {
                    let (first, shape) = (rows.start * n, [rows.len(), n]);
                    let sums = MatRef::new(&sums[first..], shape).map_err(told)?;
                    let y = ViewMut::new(&mut y[first..], shape).map_err(told)?;
                    elementwise::requantize(&self.backend, sums, to, y).map_err(told)?;
                }
                Ok(())
            })
        })
    }

    fn kernel(&self) -> String {
        format!("{}, {}", self.batch.kernel(), self.backend.kernel_name("requantize"))
    }

    fn scratch_len(&self) -> usize {
        self.sums_len().saturating_add(self.batch.scratch_len())
    }
}
