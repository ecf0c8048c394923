//! The proof that quantisation by a reciprocal is quantisation by division: see *Quantize* in `docs/numerics.md`.
//!
//! Every scale of a binade, at every step between two results, on the floats around it. The tests that are ignored take
//! all of them: `cargo test --release --test reciprocal -- --ignored`.

use zeropoint::elementwise::quantize;
use zeropoint::{Backend, Isa};
use zeropoint_kernels::reference;

/// Floats around a step: it lies between the first and the last.
const AROUND: usize = 5;

fn backends() -> impl Iterator<Item = Backend> {
    Backend::available().map(|isa: Isa| Backend::with_isa(isa).unwrap())
}

/// Quantises the floats around all steps of a scale, and compares with the division.
fn steps_of(backend: &Backend, scale: f32) {
    let (mut x, mut y) = ([0.0f32; 255 * AROUND], [0u8; 255 * AROUND]);
    for step in 0..255u32 {
        let middle = ((step as f32 + 0.5) * scale).to_bits();
        for n in 0..AROUND as u32 {
            x[step as usize * AROUND + n as usize] = f32::from_bits(middle + n - AROUND as u32 / 2);
        }
    }
    quantize(backend, &x, scale, 0, &mut y).unwrap();
    /// Adding it rounds a small float to an integer in the sum's low bits, ties to even.
    const TO_INTEGER: f32 = 12_582_912.0;
    for (x, (step, y)) in x.chunks_exact(AROUND).zip(y.chunks_exact(AROUND).enumerate()) {
        let divided: [u8; AROUND] = std::array::from_fn(|n| (x[n] / scale + TO_INTEGER).to_bits() as u8);
        assert!(divided == *y, "{x:?} by {scale:e}: {divided:?} expected, {y:?} computed");
        let ends = [divided[0], divided[AROUND - 1]].map(usize::from);
        assert!(ends == [step, step + 1], "the step {step} of {scale:e} is not among {x:?}");
    }
}

/// Scales of one binade: `1 + n / 2^23` for every `stride`th `n`.
fn steps(stride: usize) {
    for backend in backends() {
        for mantissa in (0..1 << 23).step_by(stride) {
            steps_of(&backend, f32::from_bits(1.0f32.to_bits() | mantissa));
        }
    }
}

#[test]
fn some_scales_at_every_step() {
    steps(8209);
}

#[test]
#[ignore = "a minute"]
fn every_scale_at_every_step() {
    steps(1);
}

/// Floats from everywhere, every `stride`th of them all, by scales of all sizes: where the reciprocal is used, its limits,
/// and where it is not.
fn floats(stride: usize) {
    // 2^-64 and the float below it, 2^64 and the one above, among others.
    let scales = [
        1.0,
        0.05,
        1.0 / 255.0,
        0.018_658_448,
        0.002_148_548_6,
        f32::from_bits(0x3fff_ffff),
        f32::from_bits(0x1f80_0000),
        f32::from_bits(0x1f7f_ffff),
        f32::from_bits(0x5f80_0000),
        f32::from_bits(0x5f80_0001),
        1e-38,
        1e-42,
        1e30,
        f32::MAX,
    ];
    for backend in backends() {
        for (index, scale) in scales.into_iter().enumerate() {
            let zero_point = [0, 128, 255, 7][index % 4];
            for start in (0..1u64 << 32).step_by(stride * 4096) {
                let x: Vec<f32> =
                    (start..1 << 32).step_by(stride).take(4096).map(|bits| f32::from_bits(bits as u32)).collect();
                let mut y = vec![0u8; x.len()];
                quantize(&backend, &x, scale, zero_point, &mut y).unwrap();
                for (x, y) in x.iter().zip(y) {
                    let expected = reference::quantize(*x, scale, zero_point, (0, 255));
                    assert_eq!(expected, y.into(), "{x:e} by {scale:e}");
                }
            }
        }
    }
}

#[test]
fn some_floats() {
    floats(1_000_003);
}

#[test]
#[ignore = "many minutes"]
fn every_float() {
    floats(1);
}
