//! Loops over elements. Where there are several operands, one of a single element stands for as many as are needed.

use super::wide::wide;

/// `function` is `#[inline(always)]` where it is large and worth wide registers.
pub(super) fn map<A: Copy, Y>(a: &[A], y: &mut [Y], function: impl Fn(A) -> Y) {
    wide!(for (y, &a) in y.iter_mut().zip(a) {
        *y = function(a);
    });
}

/// Likewise.
pub(super) fn zip<A: Copy, B: Copy, Y>(a: &[A], b: &[B], y: &mut [Y], function: impl Fn(A, B) -> Y) {
    match (a, b) {
        (&[a], b) if b.len() == y.len() => map(b, y, move |b| function(a, b)),
        (a, &[b]) => map(a, y, move |a| function(a, b)),
        (a, b) => wide!(for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
            *y = function(a, b);
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_stands_for_all() {
        let sub = |a: i32, b: i32| a - b;
        let mut y = [0; 3];
        zip(&[10], &[1, 2, 3], &mut y, sub);
        assert_eq!(y, [9, 8, 7]);
        zip(&[1, 2, 3], &[10], &mut y, sub);
        assert_eq!(y, [-9, -8, -7]);
        zip(&[5, 6, 7], &[1, 2, 3], &mut y, sub);
        assert_eq!(y, [4, 4, 4]);
        let mut y = [0];
        zip(&[5], &[3], &mut y, sub);
        assert_eq!(y, [2]);
        zip(&[5], &[], &mut [], sub);
        zip(&[], &[5], &mut [], sub);
    }
}
