//! The limit of the tier: its product instruction on registers alone.

use core::arch::x86_64::*;
use core::hint::black_box;

/// `vpmaddwd` and `vpaddd` on twelve accumulators.
///
/// # Safety
/// AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn peak(iterations: u64) -> u64 {
    const ACCUMULATORS: usize = 12;
    let (x, y) = (_mm256_set1_epi16(black_box(3)), _mm256_set1_epi16(black_box(5)));
    let mut acc = [_mm256_setzero_si256(); ACCUMULATORS];
    let (mut x, y) = (x, y);
    for _ in 0..iterations {
        // SAFETY: an empty instruction list: it only keeps the compiler from computing the products once for all.
        unsafe { core::arch::asm!("/* {0} */", inout(ymm_reg) x, options(nomem, nostack, preserves_flags)) };
        for acc in &mut acc {
            *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(x, y));
            // SAFETY: likewise.
            unsafe { core::arch::asm!("/* {0} */", inout(ymm_reg) * acc, options(nomem, nostack, preserves_flags)) };
        }
    }
    black_box(acc);
    iterations * ACCUMULATORS as u64 * 16
}
