//! Carving a caller's scratch into aligned buffers.

/// Buffers begin at cache lines.
const ALIGN: usize = 64;

/// Bytes that a buffer of `bytes` takes, wherever the scratch begins; nothing if that overflows.
pub(crate) fn reserve(bytes: usize) -> Option<usize> {
    bytes.checked_add(2 * ALIGN)
}

/// Cuts a buffer of `len` elements off the scratch, which [`reserve`] made long enough.
#[inline(always)]
pub(crate) fn carve<'a, T: bytemuck::Pod>(scratch: &mut &'a mut [u8], len: usize) -> &'a mut [T] {
    let skip = scratch.as_ptr().addr().wrapping_neg() % ALIGN;
    let (_, rest) = core::mem::take(scratch).split_at_mut(skip);
    let (buffer, rest) = rest.split_at_mut(len * size_of::<T>());
    *scratch = rest;
    bytemuck::cast_slice_mut(buffer)
}
