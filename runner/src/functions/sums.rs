//! Sums of rows.

/// Rows that are added up side by side. A sum in a stated order is a chain of additions, each of which waits for the one
/// before it; with this many chains a CPU has something to do meanwhile.
pub(crate) const ROWS: usize = 4;

/// The sums of the terms of up to [`ROWS`] rows of so many elements, each from the first to the last, to 0. The function
/// gets a row's number and an element.
pub(crate) fn sums(x: &[f32], width: usize, term: impl Fn(usize, f32) -> f32) -> [f32; ROWS] {
    let mut sums = [0.0; ROWS];
    if x.len() == ROWS * width {
        let (low, high) = x.split_at(2 * width);
        let ((a, b), (c, d)) = (low.split_at(width), high.split_at(width));
        for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
            sums = [sums[0] + term(0, *a), sums[1] + term(1, *b), sums[2] + term(2, *c), sums[3] + term(3, *d)];
        }
    } else if width > 0 {
        for (row, (sum, x)) in sums.iter_mut().zip(x.chunks_exact(width)).enumerate() {
            *sum = x.iter().fold(0.0, |sum, &x| sum + term(row, x));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_added_up_in_its_order() {
        // A sum from 2^24 on loses each 1 that it gets singly.
        let many = 16_777_216.0;
        let x = [many, 1.0, 1.0, 1.0, 1.0, many, many, 1.0, -many, 1.0, 2.0, 3.0];
        let expected = [many, many + 2.0, 0.0, 6.0];
        for rows in 0..=ROWS {
            let mut of = [0.0; ROWS];
            of[..rows].copy_from_slice(&expected[..rows]);
            assert_eq!(sums(&x[..3 * rows], 3, |_, x| x), of, "{rows} rows");
        }
        let x = [10.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(sums(&x, 2, |row, x| x * (row + 1) as f32), [10.0, 4.0, 6.0, 8.0]);
        assert_eq!(sums(&[], 0, |_, x| x), [0.0; ROWS]);
    }
}
