//! Sums of rows.

/// Rows that are added up side by side. A sum in a stated order is a chain of additions, each of which waits for the one
/// before it; with this many chains a CPU has something to do meanwhile.
pub(crate) const ROWS: usize = 8;

/// The sums of the terms of up to [`ROWS`] rows of so many elements, each from the first to the last, to 0. The function
/// gets a row's number and an element.
#[inline(always)]
pub(crate) fn sums(x: &[f32], width: usize, term: impl Fn(usize, f32) -> f32) -> [f32; ROWS] {
    joined(x, width, [0.0; ROWS], |row, sum, x| sum + term(row, x))
}

/// What comes of up to [`ROWS`] rows of so many elements, joined one by one to a first one.
#[inline(always)]
pub(super) fn joined<T: Copy>(
    x: &[T],
    width: usize,
    mut joined: [T; ROWS],
    join: impl Fn(usize, T, T) -> T,
) -> [T; ROWS] {
    if width == 0 {
        return joined;
    }
    if x.len() == ROWS * width {
        // All rows at one place, then at the next. Each part is a row of its own to the compiler.
        let (ab, cd) = x.split_at(4 * width);
        let ([a, b, c, d], [e, f, g, h]) = (quarters(ab, width), quarters(cd, width));
        for at in 0..width {
            let x = [a[at], b[at], c[at], d[at], e[at], f[at], g[at], h[at]];
            joined = std::array::from_fn(|row| join(row, joined[row], x[row]));
        }
    } else {
        for (row, (joined, x)) in joined.iter_mut().zip(x.chunks_exact(width)).enumerate() {
            *joined = x.iter().fold(*joined, |joined, &x| join(row, joined, x));
        }
    }
    joined
}

/// Four rows of so many elements.
#[inline(always)]
fn quarters<T>(x: &[T], width: usize) -> [&[T]; 4] {
    let (low, high) = x.split_at(2 * width);
    let ((a, b), (c, d)) = (low.split_at(width), high.split_at(width));
    [a, b, c, &d[..width]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_added_up_in_its_order() {
        // A sum from 2^24 on loses each 1 that it gets singly.
        let many = 16_777_216.0;
        let x = [many, 1.0, 1.0, 1.0, 1.0, many, many, 1.0, -many, 1.0, 2.0, 3.0].repeat(2);
        let expected = [many, many + 2.0, 0.0, 6.0, many, many + 2.0, 0.0, 6.0];
        for rows in 0..=ROWS {
            let mut of = [0.0; ROWS];
            of[..rows].copy_from_slice(&expected[..rows]);
            assert_eq!(sums(&x[..3 * rows], 3, |_, x| x), of, "{rows} rows");
        }
        let x = [[10.0, 0.0].as_slice(), &[1.0; 14]].concat();
        assert_eq!(sums(&x, 2, |row, x| x * (row + 1) as f32), [10.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
        assert_eq!(sums(&[], 0, |_, x| x), [0.0; ROWS]);
    }
}
