//! Products of matrices of f32 in one order: the terms of a sum are rounded and added one by one, from the first to the
//! last, to 0. Nothing is fused. Sums of a tile stay in registers, each in a lane of its own.

use super::wide::{Shaped, lanes, shaped};

/// Terms whose left factors are brought together at a time.
const TOGETHER: usize = 64;
/// Terms that are added before the next columns' turn comes: a panel of them stays in the second cache.
pub(crate) const DEPTH: usize = 512;

/// A matrix somewhere in memory.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    /// What a step to the next row is, and to the next column.
    pub(crate) steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// The part from a row and a column on.
    pub(crate) fn from(self, row: usize, column: usize) -> Self {
        let first = row * self.steps[0] + column * self.steps[1];
        Self { values: self.values.get(first..).unwrap_or(&[]), ..self }
    }
}

/// Some columns of the right operand, side by side, row after row.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) values: &'a [f32],
    /// What a step to the next row is.
    pub(crate) step: usize,
    /// The columns that count; up to [`columns`] of them are there.
    pub(crate) width: usize,
}

/// The columns of a panel.
pub(crate) fn columns() -> usize {
    match lanes() {
        16 => 64,
        8 => 16,
        _ => 8,
    }
}

/// Adds the products of `depth` terms to a panel's columns of all rows of `y`, which are `step` apart; the first ones are
/// put there.
pub(crate) fn add_products(a: Matrix<'_>, depth: usize, panel: Panel<'_>, y: &mut [f32], step: usize, first: bool) {
    shaped(Bands { a, depth, panel, y, step, first });
}

struct Bands<'a> {
    a: Matrix<'a>,
    depth: usize,
    panel: Panel<'a>,
    y: &'a mut [f32],
    step: usize,
    first: bool,
}

impl Shaped for Bands<'_> {
    #[inline(always)]
    fn run<const LANES: usize>(self) {
        // As wide as `columns` has it; of few columns more rows, so that there are sums enough to add to while others wait for theirs.
        match (LANES, self.panel.width) {
            (16, ..=16) => self.bands::<8, 16>(),
            (16, ..=32) => self.bands::<8, 32>(),
            (16, _) => self.bands::<4, 64>(),
            (8, ..=8) => self.bands::<8, 8>(),
            (8, _) => self.bands::<4, 16>(),
            _ => self.bands::<4, 8>(),
        }
    }
}

impl Bands<'_> {
    /// In tiles of so many rows and columns.
    #[inline(always)]
    fn bands<const ROWS: usize, const COLUMNS: usize>(mut self) {
        let rows = (self.y.len() + self.step - self.panel.width) / self.step;
        let bands = rows / ROWS * ROWS;
        for row in (0..bands).step_by(ROWS) {
            self.tile::<ROWS, COLUMNS>(row);
        }
        for row in bands..rows {
            self.tile::<1, COLUMNS>(row);
        }
    }

    #[inline(always)]
    fn tile<const ROWS: usize, const COLUMNS: usize>(&mut self, row: usize) {
        let Self { panel: Panel { values, step: below, width }, step, .. } = *self;
        let mut sums = [[0.0; COLUMNS]; ROWS];
        if !self.first {
            for (at, sums) in sums.iter_mut().enumerate() {
                sums[..width].copy_from_slice(&self.y[(row + at) * step..][..width]);
            }
        }
        let a = self.a.from(row, 0);
        let [down, across] = a.steps;
        if across == 1 {
            let rows = std::array::from_fn(|at| &a.values[at * down..][..self.depth]);
            sums = added(sums, rows, values, below);
        } else {
            for first in (0..self.depth).step_by(TOGETHER) {
                let depth = TOGETHER.min(self.depth - first);
                let mut rows = [[0.0; TOGETHER]; ROWS];
                for (at, to) in rows.iter_mut().enumerate() {
                    let from = a.from(at, first).values.iter().step_by(across);
                    to[..depth].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
                let rows = std::array::from_fn(|at| &rows[at][..depth]);
                sums = added(sums, rows, &values[first * below..], below);
            }
        }
        for (at, sums) in sums.iter().enumerate() {
            self.y[(row + at) * step..][..width].copy_from_slice(&sums[..width]);
        }
    }
}

/// Sums and the products of a tile's rows, which are of one length, with those of a panel. Nothing in the loop can fail, so
/// that the sums stay in registers.
#[inline(always)]
fn added<const ROWS: usize, const COLUMNS: usize>(
    mut sums: [[f32; COLUMNS]; ROWS],
    rows: [&[f32]; ROWS],
    panel: &[f32],
    below: usize,
) -> [[f32; COLUMNS]; ROWS] {
    let depth = rows[0].len();
    let rows = rows.map(|row| &row[..depth]);
    for (term, b) in (0..depth).zip(panel.chunks(below)) {
        let Some(b) = b.first_chunk::<COLUMNS>() else { break };
        for (row, sums) in rows.iter().zip(&mut sums) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum += row[term] * b;
            }
        }
    }
    sums
}

/// The elements that [`product`] needs besides, for so many terms.
pub(crate) fn panel_len(depth: usize) -> usize {
    depth.min(DEPTH) * columns()
}

/// Some rows of a product of so many columns and terms.
pub(crate) fn product(a: Matrix<'_>, b: Matrix<'_>, [n, k]: [usize; 2], y: &mut [f32], scratch: &mut [f32]) {
    /// From so many rows on it pays to bring neighbours together.
    const MANY: usize = 16;
    if k == 0 || n == 0 {
        return y.fill(0.0);
    }
    let columns = columns();
    for column in (0..n).step_by(columns) {
        let width = columns.min(n - column);
        for term in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - term);
            let (a, b) = (a.from(0, term), b.from(term, column));
            let in_place = b.steps[1] == 1 && width == columns && y.len() < MANY * n;
            let panel = if in_place {
                Panel { values: b.values, step: b.steps[0], width }
            } else {
                pack(b, [depth, width], columns, scratch);
                Panel { values: scratch, step: columns, width }
            };
            add_products(a, depth, panel, &mut y[column..], n, term == 0);
        }
    }
}

/// Brings the first rows and columns of a matrix together, in rows of so many elements.
fn pack(b: Matrix<'_>, [depth, width]: [usize; 2], columns: usize, to: &mut [f32]) {
    /// Rows that are written at a time, so that they stay in the first cache.
    const TOGETHER: usize = 16;
    let [down, across] = b.steps;
    if across == 1 {
        for (row, to) in to.chunks_exact_mut(columns).take(depth).enumerate() {
            to[..width].copy_from_slice(&b.values[row * down..][..width]);
            to[width..].fill(0.0);
        }
        return;
    }
    for (first, to) in to[..depth * columns].chunks_mut(TOGETHER * columns).enumerate() {
        for column in 0..columns {
            let to = to[column..].iter_mut().step_by(columns);
            if column < width {
                let from = &b.values[first * TOGETHER * down + column * across..];
                to.zip(from.iter().step_by(down)).for_each(|(to, from)| *to = *from);
            } else {
                to.for_each(|to| *to = 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_in_order_whatever_the_shape() {
        for (m, n, k) in [
            (1, 1, 1),
            (1, 70, 3),
            (3, 64, 5),
            (4, 65, 33),
            (5, 7, 0),
            (9, 16, 17),
            (17, 129, 40),
            (2, 3, 1100),
            (18, 66, 513),
            (21, 24, 70),
            (13, 33, 9),
        ] {
            // Neither matrix, one or both transposed.
            for (of_a, of_b) in [([k, 1], [n, 1]), ([1, m], [n, 1]), ([k, 1], [1, k]), ([1, m], [1, k])] {
                let a: Vec<f32> = (0..m * k).map(|at| 0.1 + (at * 7 % 31) as f32 / 3.0).collect();
                let b: Vec<f32> = (0..k * n).map(|at| 0.7 - (at * 5 % 37) as f32 / 7.0).collect();
                let mut y = vec![7.0; m * n];
                let mut scratch = vec![f32::NAN; panel_len(k)];
                let (a, b) = (Matrix { values: &a, steps: of_a }, Matrix { values: &b, steps: of_b });
                product(a, b, [n, k], &mut y, &mut scratch);
                for (at, y) in y.into_iter().enumerate() {
                    let (row, column) = (at / n, at % n);
                    let mut sum = 0f32;
                    for term in 0..k {
                        sum += a.from(row, term).values[0] * b.from(term, column).values[0];
                    }
                    assert_eq!(y.to_bits(), sum.to_bits(), "{m} {n} {k}, {row} {column}");
                }
            }
        }
    }
}
