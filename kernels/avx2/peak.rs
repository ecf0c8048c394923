//! The limit of the tier: its product instruction on registers alone.

use core::arch::asm;
use core::arch::x86_64::_mm256_setzero_si256;

/// `vpmaddwd` and `vpaddd` on twelve accumulators. In assembly, since a compiler would compute equal products once.
///
/// # Safety
/// AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn peak(iterations: u64) -> u64 {
    const ACCUMULATORS: usize = 12;
    let operand = _mm256_setzero_si256();
    let mut acc = [_mm256_setzero_si256(); ACCUMULATORS];
    for _ in 0..iterations {
        for acc in &mut acc {
            // SAFETY: arithmetic on registers that are named as operands.
            unsafe {
                asm!(
                    "vpmaddwd {product}, {x}, {x}",
                    "vpaddd {acc}, {acc}, {product}",
                    product = out(ymm_reg) _,
                    x = in(ymm_reg) operand,
                    acc = inout(ymm_reg) *acc,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    }
    core::hint::black_box(acc);
    iterations * ACCUMULATORS as u64 * 16
}
