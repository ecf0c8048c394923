//! Exact int8 on every CPU: matrix products and convolutions with zero points, quantize, dequantize, requantize.
//!
//! A result is a function of the inputs, bit for bit: not of the CPU, the tier, the number of threads, how the work is
//! split, the alignment or the order in memory. Every kernel equals a scalar reference, and none saturates on the way.
//!
//! ```
//! use zeropoint::*;
//!
//! let backend = Backend::best(); // the CPU's best tier; Backend::with_isa demands one
//! let b = [1i8, -2, 3, 40, 5, -60]; // weights: K = 3 rows, N = 2 columns
//! let weights = PackedWeights::gemm(&backend, MatRef::new(&b, [3, 2])?, ZeroPoints::All(0))?;
//! let to = Requantization::from_scales(0.5, Scales::All(0.25), 0.25, Type::U8, 10)?;
//! let options = ProductOptions::new(Type::U8).zero_point(128).bias(&[4, -4]).output(Output::Requantized(to));
//! let plan = GemmPlan::new(&weights, 1, &options)?;
//! let (a, mut c) = ([130u8, 127, 129], [0u8; 2]); // M = 1 row
//! plan.run(MatRef::new(&a, [1, 3])?, MatMut::new(&mut c, [1, 2])?, &mut vec![0; plan.scratch_len()])?;
//! assert_eq!(c, [14, 0]); // 0.5 * (4 + 2 - 3 + 5) + 10, and 0.5 * (-4 - 4 - 40 - 60) + 10, clipped
//! # Ok::<(), Error>(())
//! ```
//!
//! Weights are packed once ([`PackedWeights`]) and shared by plans ([`GemmPlan`], [`ConvPlan`]), which check everything
//! that can be checked before the first run. A run checks types, shapes and the scratch's length; behind that nothing
//! allocates, spawns or fails. Memory and threads are the caller's: a plan says how much scratch a thread needs, and
//! its output splits into parts ([`OutputPart`]). The feature `rayon` adds `run_rayon` for those who want neither.
//!
//! Sums are 32 bits and wrap: they are exact whenever the true sum fits. Floats are IEEE binary32 in the default
//! environment: rounding to nearest, subnormals kept.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod backend;
mod band;
mod blocks;
mod channels;
mod conv;
mod conv3d;
mod dynamic;
mod element;
pub mod elementwise;
mod error;
mod fixed;
mod gemm;
mod granularity;
mod groups;
mod linear;
mod lines;
mod lookup;
mod matmul;
mod options;
mod param;
mod parts;
mod plan;
mod pool;
mod product;
mod quantization;
mod real;
mod requantization;
mod rule;
mod runtime;
mod scratch;
mod softmax;
mod sum;
mod taps;
#[cfg(feature = "rayon")]
mod threads;
mod transposed;
mod weights;
mod winograd;

pub use backend::Backend;
pub use conv::ConvPlan;
pub use conv3d::{Conv3dPlan, VolumeParts};
pub use dynamic::RunParameters;
pub use element::{Element, Int8, Type};
pub use elementwise::{AddPlan, GlobalAveragePoolPlan, MulPlan, Quantized};
pub use error::Error;
pub use gemm::GemmPlan;
pub use granularity::Granularity;
pub use linear::LinearPlan;
pub use lookup::{LookupPlan, WherePlan};
pub use matmul::MatMulPlan;
pub use options::{Output, ProductOptions};
pub use param::{Param, Scales, ZeroPoints};
pub use parts::{OutputPart, OutputParts};
pub use pool::{AveragePoolPlan, MaxPoolPlan, Pooling};
pub use product::{Window, Window3d};
pub use quantization::{Integer, NanPolicy, Quantization, QuantizeRule};
pub use real::Real;
pub use requantization::Requantization;
pub use rule::Rule;
pub use runtime::Runtime;
pub use softmax::SoftmaxPlan;
pub use transposed::{
    TransposedConv3dPlan, TransposedConvPlan, TransposedParts, TransposedWeights, TransposedWindow, TransposedWindow3d,
};
pub use weights::{Filter, Filter3d, PackedWeights};
pub use zeropoint_kernels::isa::{Arch, Isa, UnknownIsa};
pub use zeropoint_kernels::view::{
    ImagesMut, ImagesRef, MatMut, MatRef, View, ViewError, ViewMut, VolumesMut, VolumesRef,
};
