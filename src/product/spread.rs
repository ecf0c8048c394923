//! Parameters of columns, as kernels read them: of the padded columns of groups, in an order of theirs.

use zeropoint_kernels::pack::TapLayout;

use crate::error::{Error, same_length};
use crate::lines::{Lines, filled};
use crate::param::{Param, Scales};

/// Parameters of columns, spread to the padded columns of groups.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    pub(super) columns: usize,
    pub(super) padded: usize,
    pub(super) groups: usize,
    /// The blocks of columns whose order is not the columns' own.
    pub(super) order: Option<TapLayout>,
}

impl Spread {
    pub(super) fn copy<T: Copy + Default>(&self, what: &'static str, values: &[T]) -> Result<Lines<T>, Error> {
        same_length(what, self.columns * self.groups, values.len())?;
        let mut spread = filled(what, self.padded * self.groups, T::default())?;
        if self.columns > 0 {
            for (to, from) in spread.chunks_exact_mut(self.padded).zip(values.chunks_exact(self.columns)) {
                match self.order {
                    None => to[..self.columns].copy_from_slice(from),
                    Some(layout) => {
                        for (to, column) in to.iter_mut().zip(layout.joined(self.columns)) {
                            if let Some(&value) = from.get(column) {
                                *to = value;
                            }
                        }
                    }
                }
            }
        }
        Ok(spread)
    }

    pub(super) fn scales(&self, what: &'static str, scales: Scales<'_>) -> Result<Lines<f32>, Error> {
        match scales {
            Param::All(all) => filled(what, self.padded * self.groups, all),
            Param::Each(each) => self.copy(what, each),
        }
    }
}
