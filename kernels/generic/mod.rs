//! The algorithms, each once, over the traits that a tier implements for its registers and its product instruction.
//!
//! Everything here is `inline(always)` and carries no target feature: a tier instantiates it in functions that do, and
//! the whole of an algorithm is compiled there for that tier.

#![allow(clippy::needless_range_loop, reason = "loops over registers count several arrays at once")]

pub(crate) mod binary;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has it"))]
pub(crate) mod byte_taps;
pub(crate) mod crossed;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod gemv;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has it"))]
pub(crate) mod grouped;
pub(crate) mod lookup;
pub(crate) mod multiply;
pub(crate) mod operands;
pub(crate) mod peak;
pub(crate) mod pool;
pub(crate) mod reciprocal;
pub(crate) mod registers;
pub(crate) mod row;
pub(crate) mod rule_add;
pub(crate) mod rule_quantize;
pub(crate) mod rule_requantize;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has it"))]
pub(crate) mod sliding;
pub(crate) mod softmax;
pub(crate) mod start;
pub(crate) mod store;
pub(crate) mod strassen;
pub(crate) mod tier;
pub(crate) mod tile;
pub(crate) mod window_pool;
pub(crate) mod windows;
pub(crate) mod winograd;
