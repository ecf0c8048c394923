//! Executes quantised networks on zeropoint's kernels, bit for bit the same on every CPU.
//!
//! A file becomes a [`graph::Graph`] ([`formats`] knows only the graph), [`passes`] give every tensor its type, shape
//! and memory layout, [`exec::Plan`] packs the weights and lays out the memory, and an [`exec::Session`] runs without
//! allocating.
//!
//! ```no_run
//! use zeropoint_runner::exec::{Limits, Plan, Session};
//! use zeropoint_runner::{formats::onnx, passes};
//!
//! let mut graph = onnx::load("model.onnx".as_ref())?;
//! passes::prepare(&mut graph, &passes::Options::default())?;
//! let plan = Plan::new(&graph, &zeropoint::Backend::best(), Limits::default())?;
//! let mut session = Session::new(plan, 1)?;
//! session.input_mut::<f32>(0)?.fill(0.5);
//! session.run()?;
//! println!("{:?}", session.output(0)?);
//! # Ok::<(), zeropoint_runner::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod error;
pub mod exec;
pub mod formats;
pub mod graph;
pub mod passes;

mod convert;
mod einsum;
mod functions;
mod gathering;
mod picks;
mod rearrange;
mod scaling;

#[cfg(feature = "command")]
pub mod command;
#[cfg(feature = "command")]
pub mod conformance;
#[cfg(feature = "command")]
pub mod deviation;
#[cfg(feature = "command")]
pub mod golden;
#[cfg(feature = "command")]
pub mod npy;
#[cfg(feature = "command")]
pub mod preprocess;
#[cfg(feature = "command")]
pub mod recorded;
#[cfg(feature = "command")]
pub mod trace;

pub use error::{Error, Fault, Problem, ProblemKind, Problems};
