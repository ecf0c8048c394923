//! AVX2 and FMA. Operands are centred in 16 bits and multiplied by `vpmaddwd`, which cannot saturate: a pair of
//! products of nine-bit values is far below 2^31. `vpmaddubsw`, which takes bytes, would clip at 2^15.

mod peak;
mod registers;

use crate::generic;
use crate::generic::registers::Registers;
use crate::isa::Isa;
use crate::pack::PanelLayout;
use crate::table::{Kernel, KernelSet};
use registers::Avx2;

generic::instantiate!(Avx2, #[target_feature(enable = "avx2,fma")]);

/// The kernels of this tier.
pub(crate) static SET: KernelSet = KernelSet {
    isa: Isa::Avx2,
    panels: PanelLayout { width: 2 * Avx2::LANES, lanes: Avx2::LANES, group: 2 },
    gemm: Kernel { name: "avx2/gemm_i16i8i32_6x16k2", run: gemm },
    gemv: Kernel { name: "avx2/gemv_i16i8i32_1x64k2", run: gemv },
    depthwise_lanes: 2 * Avx2::LANES,
    depthwise_order: Avx2::INTERLEAVED,
    depthwise: Kernel { name: "avx2/depthwise_i16i16i32_4x16k2", run: depthwise },
    center: Kernel { name: "avx2/center_i8i16", run: center },
    quantize: Kernel { name: "avx2/quantize_f32i8", run: quantize },
    dequantize: Kernel { name: "avx2/dequantize_i8f32", run: dequantize },
    requantize: Kernel { name: "avx2/requantize_i32i8", run: requantize },
    add: Kernel { name: "avx2/add_i8i8i8", run: add },
    global_average_pool: Kernel { name: "avx2/global_average_pool_i8i8", run: global_average_pool },
    peak: peak::peak,
};
