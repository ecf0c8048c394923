//! Functions of elements, in the one order that `functions` states. Operands have the shape of the result and its memory
//! order, or one element.

mod binary;
mod choose;
mod classify;
mod clip;
mod unary;

pub(super) use binary::{binary, compare};
pub(super) use choose::lower as choose;
pub(super) use classify::lower as classify;
pub(super) use clip::lower as clip;
pub(super) use unary::lower as unary;
