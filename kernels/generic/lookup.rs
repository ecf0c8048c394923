//! Tables of 256 results, one for each byte.

/// See [`crate::KernelSet::lookup`]: lengths are equal.
#[inline(always)]
pub(crate) fn lookup(x: &[u8], y: &mut [u8], table: &[u8; 256]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = table[usize::from(x)];
    }
}

/// See [`crate::KernelSet::select`]: lengths are equal.
#[inline(always)]
pub(crate) fn select(condition: &[u8], [x, y]: [&[u8]; 2], z: &mut [u8], [of_x, of_y]: [&[u8; 256]; 2]) {
    for (((z, &condition), &x), &y) in z.iter_mut().zip(condition).zip(x).zip(y) {
        // Both are looked up: a branch on what is drawn at random would cost more.
        let (x, y) = (of_x[usize::from(x)], of_y[usize::from(y)]);
        *z = if condition != 0 { x } else { y };
    }
}
