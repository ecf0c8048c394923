//! The product on arrays that stay in registers as far as the target has them.

use core::hint::black_box;

use super::product::Pairs;
use super::registers::L;
use crate::generic::multiply::Multiply;

/// # Safety
/// None: portable.
pub(super) unsafe fn peak(iterations: u64) -> u64 {
    const ACCUMULATORS: usize = 4;
    let mut acc = [[0i32; L]; ACCUMULATORS];
    let y = black_box([5i16; 2 * L]);
    for _ in 0..iterations {
        let x = black_box([3i16; 2 * L]);
        for acc in &mut acc {
            // SAFETY: values alone.
            *acc = unsafe { Pairs::dot(*acc, x, y) };
        }
    }
    black_box(acc);
    iterations * (ACCUMULATORS * L * 2) as u64
}
