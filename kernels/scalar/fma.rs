//! A fused multiply-add for CPUs that have none.

/// `x * y + z`, rounded once to nearest, ties to even.
///
/// The product is exact in 53 bits. Their sum with `z` is made to round to odd: where it is not exact, its last bit is
/// set, so that it can be no tie of the rounding to 24 bits that follows and lies on the right side of each.
#[inline(always)]
pub(super) fn fma(x: f32, y: f32, z: f32) -> f32 {
    let (product, z) = (f64::from(x) * f64::from(y), f64::from(z));
    let sum = product + z;
    // What the sum lost, exactly (Knuth's two-sum).
    let back = sum - product;
    let lost = (product - (sum - back)) + (z - back);
    let bits = sum.to_bits();
    let odd = if lost != 0.0 && bits & 1 == 0 && sum.is_finite() {
        // Towards what was lost: a larger magnitude if it has the sign of the sum.
        if (lost > 0.0) == (sum > 0.0) { bits + 1 } else { bits - 1 }
    } else {
        bits
    };
    f64::from_bits(odd) as f32
}

#[cfg(test)]
mod tests {
    use super::fma;

    #[test]
    fn equals_the_fused_form() {
        // A multiplicative generator is enough to reach all exponents and many near ties.
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        for _ in 0..2_000_000 {
            let (x, y, z) = (f32::from_bits(next()), f32::from_bits(next()), f32::from_bits(next()));
            let (ours, fused) = (fma(x, y, z), libm::fmaf(x, y, z));
            assert!(ours.to_bits() == fused.to_bits() || (ours.is_nan() && fused.is_nan()), "{x:e} * {y:e} + {z:e}");
        }
        for _ in 0..2_000_000 {
            // As the addition of quantised values has them: a small integer, a ratio, a sum of like size.
            let x = (next() % 511) as f32 - 255.0;
            let y = (next() % 0x1_0000) as f32 / 16384.0 * (1.0 + (next() % 64) as f32 / 8_388_608.0);
            let z = ((next() % 0x2000) as f32 - 4096.0) / 8.0 * (1.0 + (next() % 64) as f32 / 8_388_608.0);
            assert_eq!(fma(x, y, z).to_bits(), libm::fmaf(x, y, z).to_bits(), "{x:e} * {y:e} + {z:e}");
        }
    }
}
