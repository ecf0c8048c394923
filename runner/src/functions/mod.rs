//! Functions of elements, by which constants are folded, steps run and tables are made: each has one implementation.
//!
//! Real numbers are f32, and each operation is rounded by itself, in the order that the function's formula states;
//! nothing is fused, and what is no basic operation is libm's, whose bits depend on nothing. Integers wrap. What is not
//! below, above or equal, a NaN, stays one.

mod arithmetic;
mod arrange;
mod binary;
mod choose;
mod compare;
mod lanes;
mod product;
mod reduce;
mod sums;
mod unary;
mod wide;

pub(crate) use arithmetic::{Arithmetic, Ordered, arithmetic, ordered};
pub(crate) use binary::{Pairs, raise};
pub(crate) use choose::{choose, clip};
pub(crate) use lanes::exp;
pub(crate) use product::{DEPTH, Matrix, Panel, add_products, columns, panel_len, product};
pub(crate) use reduce::{extremes, reduce, reduced, strides};
pub(crate) use sums::{ROWS, sums};
pub(crate) use wide::{run_wide, wide};
