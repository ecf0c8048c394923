//! Execution: a [`Plan`] is made once, with all constant weights packed and all memory laid out; a [`Session`] owns the
//! memory and the threads, and runs without allocating.

mod arena;
mod constants;
mod homes;
mod memory;
mod model;
mod ops;
mod parameters;
mod plan;
mod session;
mod shelf;

pub use arena::Activations;
pub use model::Model;
pub use plan::{Limits, Made, Packed, Plan, Row, survey};
#[cfg(feature = "command")]
pub(crate) use session::each_slice;
pub use session::{Observed, Session, TensorRef};
