//! Results that are made of sums piece by piece, each by a requantisation of its own.

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
}

impl Scales {
    /// Scales of `a`, of `b` and of `y` and its zero point, where one requantisation has them all.
    pub(super) fn single(&self) -> Option<(f32, &[f32], f32, i32)> {
        if !self.are_shared() {
            return None;
        }
        match (self.a.matrix(0), self.y.matrix(0), self.zero_points.matrix(0)) {
            (&[a], &[y], &[zero_point]) => Some((a, self.b.matrix(0), y, zero_point)),
            _ => None,
        }
    }

    fn are_shared(&self) -> bool {
        self.a.is_shared() && self.b.is_shared() && self.y.is_shared() && self.zero_points.is_shared()
    }
}

/// A part of a matrix with the requantisation of its sums.
pub(super) struct Piece {
    rows: Range<usize>,
    columns: Range<usize>,
    to: Requantization,
}

/// The pieces of each matrix; of one, where all have the same.
pub(super) struct Pieces(Vec<Vec<Piece>>);

/// The most pieces that a plan keeps.
const MOST: usize = 1 << 20;

/// The ranges that a range of lines falls into.
fn ranges(count: usize, apart: bool) -> Vec<Range<usize>> {
    if apart { (0..count).map(|line| line..line + 1).collect() } else { std::iter::once(0..count).collect() }
}

pub(super) fn pieces(shapes: &MatMul, scales: &Scales, to: zeropoint::Type) -> Result<Pieces, Fault> {
    let &MatMul { m, n, .. } = shapes;
    let Scales { a, b, y, zero_points } = scales;
    let rows_differ = a.varies(Along::Rows) || y.varies(Along::Rows) || zero_points.varies(Along::Rows);
    let columns_differ = b.varies(Along::Columns) || y.varies(Along::Columns);
    let zeros_differ = zero_points.varies(Along::Columns);
    let matrices = if scales.are_shared() { 1 } else { shape::elements(&shapes.batch)? };
    let bands = if rows_differ { m } else { 1 };
    let each = if zeros_differ { n } else { 1 };
    let values = if zeros_differ || !columns_differ { 1 } else { n };
    let counts =
        [bands, each, matrices, values].into_iter().try_fold(1usize, |product, count| product.checked_mul(count));
    if counts.is_none_or(|count| count > MOST) {
        return Err(Fault::too_large(format!(
            "{matrices} matrices {m} x {n} with scales and zero points of their own for rows and columns: more than \
             {MOST} multipliers"
        )));
    }
    let of = |index: usize| {
        let (left, right) = shapes.operands(index);
        let mut pieces = Vec::new();
        for rows in ranges(m, rows_differ) {
            for columns in ranges(n, zeros_differ) {
                let (row, first) = (rows.start, columns.start);
                let multiplier = |column: usize| {
                    let product = a.at(left, row, 0) * b.at(right, 0, column);
                    product / y.at(index, row, column)
                };
                let own = if columns_differ { columns.clone() } else { first..columns.end.min(first + 1) };
                let multipliers: Vec<f32> = own.map(multiplier).collect();
                let zero_point = zero_points.at(index, row, first);
                let to = Requantization::from_multipliers(param(&multipliers), to, zero_point).map_err(refused)?;
                pieces.push(Piece { rows: rows.clone(), columns, to });
            }
        }
        Ok(pieces)
    };
    if m == 0 || n == 0 {
        return Ok(Pieces(Vec::new()));
    }
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
    A: Element + zeropoint::Int8,
    B: Element + zeropoint::Int8,
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
                for Piece { rows, columns, to } in self.pieces.of(index) {
                    let first = rows.start * n + columns.start;
                    let (shape, strides) = ([rows.len(), columns.len()], [n, 1]);
                    let sums = MatRef::with_strides(&sums[first..], shape, strides).map_err(told)?;
                    let y = ViewMut::with_strides(&mut y[first..], shape, strides).map_err(told)?;
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
