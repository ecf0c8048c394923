//! The portable tier: the algorithms over arrays. It is written for speed as far as a compiler's own vectors go, and
//! shares nothing with the reference that judges it.

mod fma;
mod registers;

use crate::generic;
use crate::generic::registers::Registers;
use crate::isa::Isa;
use crate::pack::PanelLayout;
use crate::table::{Kernel, KernelSet};
use registers::Scalar;

generic::instantiate!(Scalar,);

/// The kernels of this tier.
pub(crate) static SET: KernelSet = KernelSet {
    isa: Isa::Scalar,
    panels: PanelLayout { width: 2 * Scalar::LANES, lanes: Scalar::LANES, group: 2 },
    gemm: Kernel { name: "scalar/gemm_i16i8i32_6x16k2", run: gemm },
    gemv: Kernel { name: "scalar/gemv_i16i8i32_1x64k2", run: gemv },
    depthwise_lanes: 2 * Scalar::LANES,
    depthwise_order: Scalar::INTERLEAVED,
    depthwise: Kernel { name: "scalar/depthwise_i16i16i32_4x16k2", run: depthwise },
    center: Kernel { name: "scalar/center_i8i16", run: center },
    quantize: Kernel { name: "scalar/quantize_f32i8", run: quantize },
    dequantize: Kernel { name: "scalar/dequantize_i8f32", run: dequantize },
    requantize: Kernel { name: "scalar/requantize_i32i8", run: requantize },
    add: Kernel { name: "scalar/add_i8i8i8", run: add },
    global_average_pool: Kernel { name: "scalar/global_average_pool_i8i8", run: global_average_pool },
    peak,
};

/// The product on arrays that stay in registers as far as the target has them.
///
/// # Safety
/// None: portable.
unsafe fn peak(iterations: u64) -> u64 {
    use core::hint::black_box;
    const ACCUMULATORS: usize = 4;
    let mut acc = [[0i32; Scalar::LANES]; ACCUMULATORS];
    let y = black_box([5i16; 2 * Scalar::LANES]);
    for _ in 0..iterations {
        let x = black_box([3i16; 2 * Scalar::LANES]);
        for acc in &mut acc {
            // SAFETY: values alone.
            *acc = unsafe { Scalar::dot(*acc, x, y) };
        }
    }
    black_box(acc);
    iterations * (ACCUMULATORS * Scalar::LANES * 2) as u64
}
