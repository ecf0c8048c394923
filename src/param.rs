//! Parameters that are the same for all, or each one's own.

use alloc::vec::Vec;
use core::ops::Range;

use zeropoint_kernels::args::Values;

use crate::error::{Error, same_length};

/// A parameter that is the same for all, or each one's own: per row, per column, per output channel.
///
/// ```
/// use zeropoint::{Scales, ZeroPoints};
///
/// let (per_tensor, per_column) = (ZeroPoints::All(128), ZeroPoints::Each(&[0, 3, -7]));
/// let scales = Scales::Each(&[0.5, 0.25, 1.0]);
/// # let _ = (per_tensor, per_column, scales);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param<'a, T> {
    /// One for all.
    All(T),
    /// One for each.
    Each(&'a [T]),
}

impl<T> From<T> for Param<'_, T> {
    fn from(value: T) -> Self {
        Self::All(value)
    }
}

impl<'a, T> From<&'a [T]> for Param<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self::Each(values)
    }
}

/// Zero points.
pub type ZeroPoints<'a> = Param<'a, i32>;
/// Scales.
pub type Scales<'a> = Param<'a, f32>;

impl<T: Copy> Param<'_, T> {
    /// The values, of which there are `count`.
    pub(crate) fn expand(&self, what: &'static str, count: usize) -> Result<Vec<T>, Error> {
        Ok(match *self {
            Self::All(value) => alloc::vec![value; count],
            Self::Each(values) => {
                same_length(what, count, values.len())?;
                values.to_vec()
            }
        })
    }

    /// How many there are, if each has its own.
    pub(crate) fn count(&self) -> Option<usize> {
        match self {
            Self::All(_) => None,
            Self::Each(each) => Some(each.len()),
        }
    }

    /// The value for an index within the count that was checked.
    pub(crate) fn at(&self, index: usize) -> T {
        match *self {
            Self::All(value) => value,
            Self::Each(values) => values[index],
        }
    }

    /// Checks each value.
    pub(crate) fn check(&self, check: impl Fn(T) -> Result<T, Error>) -> Result<(), Error> {
        match *self {
            Self::All(value) => check(value).map(drop),
            Self::Each(values) => values.iter().try_for_each(|&value| check(value).map(drop)),
        }
    }
}

/// A parameter, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OwnParam<T> {
    All(T),
    Each(Vec<T>),
}

impl<T: Copy> From<Param<'_, T>> for OwnParam<T> {
    fn from(param: Param<'_, T>) -> Self {
        match param {
            Param::All(all) => Self::All(all),
            Param::Each(each) => Self::Each(each.to_vec()),
        }
    }
}

impl<T: Copy> OwnParam<T> {
    pub(crate) fn borrow(&self) -> Param<'_, T> {
        match self {
            Self::All(all) => Param::All(*all),
            Self::Each(each) => Param::Each(each),
        }
    }

    /// Those of some columns, as kernels take them.
    pub(crate) fn columns(&self, range: Range<usize>) -> Values<'_, T> {
        match self {
            Self::All(all) => Values::All(*all),
            Self::Each(each) => Values::Each(&each[range]),
        }
    }

    /// What a function makes of each.
    pub(crate) fn map<U>(&self, of: impl Fn(T) -> U) -> OwnParam<U> {
        match self {
            Self::All(all) => OwnParam::All(of(*all)),
            Self::Each(each) => OwnParam::Each(each.iter().copied().map(of).collect()),
        }
    }

    /// What a function makes of each of these and those. If both are each one's own they are equally many.
    pub(crate) fn zip<U: Copy, V>(
        &self,
        what: &'static str,
        others: &OwnParam<U>,
        of: impl Fn(T, U) -> V,
    ) -> Result<OwnParam<V>, Error> {
        Ok(match (self, others) {
            (Self::All(one), _) => others.map(|other| of(*one, other)),
            (_, OwnParam::All(other)) => self.map(|one| of(one, *other)),
            (Self::Each(each), OwnParam::Each(others)) => {
                same_length(what, each.len(), others.len())?;
                OwnParam::Each(each.iter().zip(others).map(|(&one, &other)| of(one, other)).collect())
            }
        })
    }

    /// Checks that those that are each one's own are so many.
    pub(crate) fn check_count(&self, what: &'static str, count: usize) -> Result<(), Error> {
        match self {
            Self::All(_) => Ok(()),
            Self::Each(each) => same_length(what, count, each.len()),
        }
    }
}

impl<T> OwnParam<Result<T, Error>> {
    /// The values, or the first error.
    pub(crate) fn transposed(self) -> Result<OwnParam<T>, Error> {
        Ok(match self {
            Self::All(all) => OwnParam::All(all?),
            Self::Each(each) => OwnParam::Each(each.into_iter().collect::<Result<_, _>>()?),
        })
    }
}
