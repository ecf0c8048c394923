//! Operands that several tiers have alike: what a tier's product says of them, in terms of its registers.

/// Pairs of centred values, as [`crate::generic::registers::Registers`] has them. A tier adds how weights are
/// widened.
macro_rules! pairs {
    () => {
        type A = i16;
        type Operand = <Self::R as crate::generic::registers::Registers>::Pair;

        const GROUP: usize = 2;

        #[inline(always)]
        unsafe fn broadcast(from: *const i16) -> Self::Operand {
            // SAFETY: the caller grants it.
            unsafe { <Self::R as crate::generic::registers::Registers>::repeat_pair(from) }
        }

        #[inline(always)]
        unsafe fn prepared(from: *const i16) -> Self::Operand {
            // SAFETY: the caller grants it.
            unsafe { <Self::R as crate::generic::registers::Registers>::load_pairs(from) }
        }

        #[inline(always)]
        unsafe fn dot(
            acc: crate::generic::multiply::Int<Self>,
            a: Self::Operand,
            b: Self::Operand,
        ) -> crate::generic::multiply::Int<Self> {
            // SAFETY: the caller grants it.
            unsafe { <Self::R as crate::generic::registers::Registers>::dot_pairs(acc, a, b) }
        }

        #[inline(always)]
        unsafe fn dots<const N: usize>(
            acc: &mut [crate::generic::multiply::Int<Self>; N],
            row: *const i16,
            k: usize,
            b: &[Self::Operand; N],
        ) {
            // SAFETY: the caller grants it.
            unsafe { <Self::R as crate::generic::registers::Registers>::dot_row(acc, row, k, b) }
        }
    };
}
pub(crate) use pairs;

/// Four bytes in each lane, of weights that become unsigned while they are read or stay signed. A tier adds the
/// instruction.
macro_rules! quads {
    (unsigned_weights: $unsigned:expr) => {
        type A = u8;
        type Operand = crate::generic::multiply::Int<Self>;

        const GROUP: usize = 4;
        const WEIGHTS: crate::encode::Reading =
            if $unsigned { crate::encode::Reading::Unsigned } else { crate::encode::Reading::Signed };

        #[inline(always)]
        unsafe fn broadcast(from: *const u8) -> Self::Operand {
            // SAFETY: the caller grants it; the bytes need no alignment.
            unsafe { <Self::R as crate::generic::registers::Registers>::splat(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn weights(from: *const u8) -> Self::Operand {
            // SAFETY: the caller grants it; the bytes need no alignment.
            unsafe {
                let stored = from.cast::<Self::Operand>().read_unaligned();
                if $unsigned { <Self::R as crate::generic::registers::Registers>::flip(stored) } else { stored }
            }
        }
    };
}
pub(crate) use quads;
