//! Arithmetic on shapes that cannot overflow.

use crate::error::Fault;

/// The most axes that a tensor may have.
pub const MAX_RANK: usize = 8;

/// The product of the sizes.
pub fn elements(shape: &[usize]) -> Result<usize, Fault> {
    // A zero anywhere makes an empty tensor, but sizes beside it that overflow are still a trap for whoever multiplies
    // in another order.
    shape
        .iter()
        .filter(|&&size| size != 0)
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .map(|product| if shape.contains(&0) { 0 } else { product })
        .ok_or_else(|| overflow(shape))
}

/// The bytes of a tensor; at most `isize::MAX`, as any allocation is.
pub fn bytes(shape: &[usize], element: usize) -> Result<usize, Fault> {
    elements(shape)?.checked_mul(element).filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(|| overflow(shape))
}

fn overflow(shape: &[usize]) -> Fault {
    Fault::overflow(format!("the sizes {shape:?} multiply to more than the address space"))
}

/// The index of an axis that may count from the end, in `0..rank`.
pub fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    index(axis, rank).ok_or_else(|| Fault::invalid(format!("axis {axis} is outside -{rank}..{rank}")))
}

/// Where an index leads among so many, if anywhere; a negative one counts from the end.
pub(crate) fn index(index: i64, size: usize) -> Option<usize> {
    let from_end = || size.checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
    let found = if index < 0 { from_end() } else { usize::try_from(index).ok() };
    found.filter(|&found| found < size)
}

/// The shape that two broadcast to, as NumPy does it.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (a, b) if a == b => Ok(a),
            (1, size) | (size, 1) => Ok(size),
            _ => Err(Fault::invalid(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect()
}

/// Distances in elements between neighbours along each axis of a dense array in C order.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
    }
    strides
}

/// The index along each axis of an element in C order.
#[cfg(feature = "command")]
pub(crate) fn position(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &size) in index.iter_mut().zip(shape).rev() {
        *index = at % size.max(1);
        at /= size.max(1);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProblemKind;

    #[test]
    fn products_that_wrap_are_errors() {
        for shape in [&[usize::MAX, 2][..], &[1 << 32, 1 << 32], &[1 << 32, 0, 1 << 32]] {
            assert_eq!(elements(shape).unwrap_err().kind, ProblemKind::SizeOverflow, "{shape:?}");
        }
        assert_eq!(bytes(&[usize::MAX / 2], 4).unwrap_err().kind, ProblemKind::SizeOverflow);
        assert_eq!(bytes(&[usize::MAX / 4], 4).unwrap_err().kind, ProblemKind::SizeOverflow);
        assert_eq!(bytes(&[3, 0, 5], 8), Ok(0));
        assert_eq!(bytes(&[], 4), Ok(4));
    }

    #[test]
    fn axes_count_from_both_ends() {
        assert_eq!(axis(-1, 3), Ok(2));
        assert_eq!(axis(2, 3), Ok(2));
        for bad in [3, -4, i64::MIN, i64::MAX] {
            assert!(axis(bad, 3).is_err(), "{bad}");
        }
        assert!(axis(0, 0).is_err());
    }

    #[test]
    fn shapes_broadcast_as_numpys() {
        assert_eq!(broadcast(&[1, 1000], &[1000]), Ok(vec![1, 1000]));
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]), Ok(vec![2, 3, 4]));
        assert_eq!(broadcast(&[], &[0]), Ok(vec![0]));
        assert!(broadcast(&[2], &[3]).is_err());
        assert!(broadcast(&[0], &[3]).is_err());
    }
}
