//! The limit of a tier: its product instruction on registers alone.

/// Makes `peak`: assembly for one accumulator `{acc}` with operands `{x}`, on as many accumulators as hide its latency.
/// In assembly, since a compiler would compute equal products once.
macro_rules! peak {
    (
        $(#[$feature:meta])?
        $class:ident, $zero:expr;
        accumulators: $accumulators:literal;
        macs: $macs:literal;
        $($line:literal),+ $(; $operand:ident = $direction:ident($operand_class:ident) _)?
    ) => {
        /// # Safety
        /// The features of the tier.
        $(#[$feature])?
        pub(super) unsafe fn peak(iterations: u64) -> u64 {
            const ACCUMULATORS: usize = $accumulators;
            let x = $zero;
            let mut acc = [$zero; ACCUMULATORS];
            for _ in 0..iterations {
                for acc in &mut acc {
                    // SAFETY: arithmetic on registers that are named as operands.
                    unsafe {
                        core::arch::asm!(
                            $($line,)+
                            $($operand = $direction($operand_class) _,)?
                            x = in($class) x,
                            acc = inout($class) *acc,
                            options(pure, nomem, nostack, preserves_flags),
                        );
                    }
                }
            }
            core::hint::black_box(acc);
            iterations * ACCUMULATORS as u64 * $macs
        }
    };
}
pub(crate) use peak;
