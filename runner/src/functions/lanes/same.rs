//! Whether functions have the same bits.

/// Elements that the functions get at once: no multiple of a vector's, so that loops have remains.
const CHUNK: usize = 4099;

fn compare(ours: fn(&mut [f32]), theirs: fn(f32) -> f32, arguments: impl Iterator<Item = u32>) {
    let mut arguments = arguments.map(f32::from_bits);
    let (mut x, mut y) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    loop {
        x.clear();
        x.extend(arguments.by_ref().take(CHUNK));
        if x.is_empty() {
            return;
        }
        y.clone_from(&x);
        ours(&mut y);
        for (x, y) in x.iter().zip(&y) {
            let expected = theirs(*x);
            assert!(
                y.to_bits() == expected.to_bits() || y.is_nan() && expected.is_nan(),
                "{x:e} ({:#010x}) gives {y:e}, expected {expected:e}",
                x.to_bits()
            );
        }
    }
}

/// Every 4099th argument, all around the given ones and their negatives, and around each power of two.
pub(super) fn sampled(ours: fn(&mut [f32]), theirs: fn(f32) -> f32, ends: &[u32]) {
    compare(ours, theirs, (0..=u32::MAX).step_by(4099));
    for &end in ends {
        for bits in [end, end | super::SIGN] {
            compare(ours, theirs, bits - 2000..bits + 2000);
        }
    }
    for exponent in 0..512u32 {
        compare(ours, theirs, (0..200).map(|at| (exponent << 23).wrapping_add(at).wrapping_sub(100)));
    }
}

/// Every argument.
pub(super) fn everywhere(ours: fn(&mut [f32]), theirs: fn(f32) -> f32) {
    compare(ours, theirs, 0..=u32::MAX);
}
