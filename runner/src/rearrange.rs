//! Moving elements about, for constants while planning and for activations while running. Nothing here allocates.

use crate::functions::wide;
use crate::graph::shape::MAX_RANK;

/// Writes `to`, which is in C order of `shape`, from the elements of `from` at the given distances along each axis.
/// A distance of 0 repeats. The caller has made sure that every element exists.
pub(crate) fn copy_strided<T: Copy>(from: &[T], shape: &[usize], strides: &[usize], to: &mut [T]) {
    debug_assert!(shape.len() <= MAX_RANK && shape.len() == strides.len());
    if to.is_empty() {
        return;
    }
    match (shape, strides) {
        ([], _) => to.copy_from_slice(&from[..1]),
        (&[ref outer @ .., rows, width], &[ref outer_strides @ .., 1, step]) if step > 1 => {
            let mut outer = Odometer::new(outer);
            for block in to.chunks_exact_mut(rows * width) {
                turn(&from[outer.offset(outer_strides)..], step, width, block);
                outer.advance();
            }
        }
        (&[ref outer @ .., width], &[ref outer_strides @ .., step]) => {
            copy_rows(from, outer, outer_strides, step, width, to);
        }
        _ => {}
    }
}

/// Writes rows of `width` elements, each of which lie `step` apart; where a row begins, the outer axes tell.
fn copy_rows<T: Copy>(from: &[T], outer: &[usize], strides: &[usize], step: usize, width: usize, to: &mut [T]) {
    let mut index = [0usize; MAX_RANK];
    let mut offset = 0;
    for row in to.chunks_exact_mut(width) {
        match step {
            1 => row.copy_from_slice(&from[offset..offset + width]),
            0 => row.fill(from[offset]),
            _ => row.iter_mut().zip(from[offset..].iter().step_by(step)).for_each(|(to, &from)| *to = from),
        }
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < outer[axis] {
                break;
            }
            offset -= strides[axis] * outer[axis];
            index[axis] = 0;
        }
    }
}

/// Writes rows of `width` elements that lie `step` apart in `from`, where the elements of neighbouring rows are
/// neighbours: planes become pixels.
pub(crate) fn turn<T: Copy>(from: &[T], step: usize, width: usize, to: &mut [T]) {
    /// Rows at a time: what is written stays in the first cache.
    const ROWS: usize = 64;
    match width {
        0 => {}
        2 => interleave::<T, 2>(from, step, to),
        3 => interleave::<T, 3>(from, step, to),
        4 => interleave::<T, 4>(from, step, to),
        _ => {
            for (block, to) in to.chunks_mut(ROWS * width).enumerate() {
                let rows = to.len() / width;
                for column in 0..width {
                    let from = &from[block * ROWS + column * step..][..rows];
                    to[column..].iter_mut().step_by(width).zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }
}

/// [`turn`] for rows of so few elements that each is written as one.
fn interleave<T: Copy, const WIDTH: usize>(from: &[T], step: usize, to: &mut [T]) {
    let (rows, _) = to.as_chunks_mut::<WIDTH>();
    let columns: [&[T]; WIDTH] = std::array::from_fn(|column| &from[column * step..][..rows.len()]);
    wide!(for (row, to) in rows.iter_mut().enumerate() {
        for column in 0..WIDTH {
            to[column] = columns[column][row];
        }
    });
}

/// Indices along some axes, the last of which runs fastest.
pub(crate) struct Odometer<'a> {
    shape: &'a [usize],
    index: [usize; MAX_RANK],
}

impl<'a> Odometer<'a> {
    pub(crate) fn new(shape: &'a [usize]) -> Self {
        Self { shape, index: [0; MAX_RANK] }
    }

    /// The distance of the element from the first, by the distances along each axis.
    pub(crate) fn offset(&self, strides: &[usize]) -> usize {
        self.shape.iter().zip(&self.index).zip(strides).map(|((_, index), stride)| index * stride).sum()
    }

    /// Where it stands.
    pub(crate) fn index(&self) -> &[usize] {
        &self.index[..self.shape.len()]
    }

    pub(crate) fn advance(&mut self) {
        for axis in (0..self.shape.len()).rev() {
            self.index[axis] += 1;
            if self.index[axis] < self.shape[axis] {
                break;
            }
            self.index[axis] = 0;
        }
    }
}

/// Copies `from`, rows of `width`, into columns `at` to `at + width` of `to`, rows of `row`.
pub(crate) fn place_columns<T: Copy>(from: &[T], width: usize, at: usize, row: usize, to: &mut [T]) {
    if width == 0 {
        return;
    }
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(row)) {
        to[at..at + width].copy_from_slice(from);
    }
}

/// Copies columns `at` to `at + width` of `from`, rows of `row`, into `to`, rows of `width`.
pub(crate) fn take_columns<T: Copy>(from: &[T], row: usize, at: usize, width: usize, to: &mut [T]) {
    if width == 0 {
        return;
    }
    for (from, to) in from.chunks_exact(row).zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&from[at..at + width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_permute_and_repeat() {
        let from: Vec<u8> = (0..6).collect();
        let mut to = [0; 6];
        copy_strided(&from, &[3, 2], &[1, 3], &mut to);
        assert_eq!(to, [0, 3, 1, 4, 2, 5]);
        let mut to = [9; 6];
        copy_strided(&from[..2], &[3, 2], &[0, 1], &mut to);
        assert_eq!(to, [0, 1, 0, 1, 0, 1]);
        let mut to = [9; 6];
        copy_strided(&from[..3], &[3, 2], &[1, 0], &mut to);
        assert_eq!(to, [0, 0, 1, 1, 2, 2]);
        let mut to = [9; 1];
        copy_strided(&from[4..5], &[], &[], &mut to);
        assert_eq!(to, [4]);
        let mut to = [0; 24];
        let from: Vec<u8> = (0..24).collect();
        // [2, 3, 4] to [4, 2, 3].
        copy_strided(&from, &[4, 2, 3], &[1, 12, 4], &mut to);
        assert_eq!(to[..8], [0, 4, 8, 12, 16, 20, 1, 5]);
    }

    /// Of few columns, which have loops of their own, and of more rows than are taken at a time.
    #[test]
    fn planes_become_pixels() {
        for (images, rows, width) in [(1, 5, 1), (2, 7, 2), (2, 130, 3), (1, 9, 4), (3, 131, 5), (1, 1, 9), (2, 64, 6)]
        {
            let from: Vec<u16> = (0..(images * rows * width) as u16).collect();
            let mut to = vec![0; from.len()];
            copy_strided(&from, &[images, rows, width], &[rows * width, 1, rows], &mut to);
            for (at, &value) in to.iter().enumerate() {
                let (image, row, column) = (at / (rows * width), at / width % rows, at % width);
                assert_eq!(usize::from(value), image * rows * width + column * rows + row, "{rows} x {width}");
            }
        }
    }

    #[test]
    fn places_and_takes() {
        let mut to = [0; 10];
        place_columns(&[1, 2, 3, 4], 2, 3, 5, &mut to);
        assert_eq!(to, [0, 0, 0, 1, 2, 0, 0, 0, 3, 4]);
        let mut back = [0; 4];
        take_columns(&to, 5, 3, 2, &mut back);
        assert_eq!(back, [1, 2, 3, 4]);
    }
}
