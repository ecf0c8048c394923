//! The algorithms, each once, over the trait that a tier implements for its registers.
//!
//! Everything here is `inline(always)` and carries no target feature: a tier instantiates it in functions that do, and
//! the whole of an algorithm is compiled there for that tier.

#![allow(clippy::needless_range_loop, reason = "loops over registers count several arrays at once")]

pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod pool;
pub(crate) mod registers;
pub(crate) mod store;

/// Makes a tier's functions: each algorithm over the tier's registers, in a function with the tier's features.
macro_rules! instantiate {
    ($registers:ty, $(#[$feature:meta])?) => {
        $(#[$feature])?
        unsafe fn gemm(args: &mut crate::table::GemmArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::gemm::gemm::<$registers>(args) }
        }

        $(#[$feature])?
        unsafe fn gemv(args: &mut crate::table::GemmArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::gemm::gemv::<$registers>(args) }
        }

        $(#[$feature])?
        unsafe fn depthwise(args: &mut crate::table::DepthwiseArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::depthwise::depthwise::<$registers>(args) }
        }

        $(#[$feature])?
        unsafe fn center(src: &[u8], dst: &mut [i16], flip: u8, zero: i16) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::center::<$registers>(src, dst, flip, zero) }
        }

        $(#[$feature])?
        unsafe fn quantize(x: &[f32], y: &mut [u8], args: &crate::table::QuantizeArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::quantize::<$registers>(x, y, args) }
        }

        $(#[$feature])?
        unsafe fn dequantize(x: &[u8], y: &mut [f32], args: &crate::table::DequantizeArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::dequantize::<$registers>(x, y, args) }
        }

        $(#[$feature])?
        unsafe fn requantize(
            acc: &[i32],
            y: &mut [u8],
            multipliers: crate::table::Multipliers<'_>,
            to: &crate::table::Requantize,
        ) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::requantize_row::<$registers>(acc, y, multipliers, to) }
        }

        $(#[$feature])?
        unsafe fn add(a: &[u8], b: &[u8], y: &mut [u8], args: &crate::table::AddArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::add::<$registers>(a, b, y, args) }
        }

        $(#[$feature])?
        unsafe fn global_average_pool(args: &mut crate::table::PoolArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::pool::global_average_pool::<$registers>(args) }
        }
    };
}
pub(crate) use instantiate;
