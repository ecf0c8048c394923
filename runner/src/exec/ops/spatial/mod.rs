//! Operators on one to three spatial axes, in the order of the shape: convolutions and pools of floats, and pools of
//! integers that the library has no plan for. Each file states the one order in which its operators are computed.

mod average;
mod convolution;
mod global;
mod max;
mod patches;
mod quantized_average;
mod windows;

use rayon::prelude::*;

pub(super) use self::average::average_pool;
pub(super) use self::convolution::{convolution, transposed};
pub(super) use self::global::{global_average_pool, global_max_pool};
pub(super) use self::max::max_pool;
pub(super) use self::quantized_average::quantized_average_pool;
use super::super::parameters::Operands;
use super::{Context, Step};

/// Calls `body` with each plane of `y`, of so many elements, and its index.
fn each_plane<T: Send>(threads: usize, y: &mut [T], size: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    if size == 0 {
        return;
    }
    if threads == 1 {
        y.chunks_exact_mut(size).enumerate().for_each(|(index, y)| body(index, y));
    } else {
        y.par_chunks_exact_mut(size).enumerate().for_each(|(index, y)| body(index, y));
    }
}
