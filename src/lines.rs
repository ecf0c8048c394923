//! Buffers of a plan's own, which begin at cache lines: no register's worth of them lies in two.

use aligned_vec::AVec;

use crate::error::Error;

/// A vector that begins at a cache line.
pub(crate) type Lines<T> = AVec<T>;

/// No elements.
pub(crate) fn none<T>() -> Lines<T> {
    AVec::new(0)
}

/// As many elements of a value, or an error where there is no memory for them.
pub(crate) fn filled<T: Clone>(what: &'static str, len: usize, value: T) -> Result<Lines<T>, Error> {
    let mut lines = none();
    lines.try_reserve_exact(len).map_err(|_| Error::SizeOverflow { what })?;
    lines.resize(len, value);
    Ok(lines)
}

/// As many zeros, or an error where there is no memory for them.
pub(crate) fn zeroed<T: bytemuck::Zeroable + Clone>(what: &'static str, len: usize) -> Result<Lines<T>, Error> {
    filled(what, len, T::zeroed())
}
