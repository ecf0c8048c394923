//! A few shapes of the best tier, or of the one that `ZEROPOINT_ISA` names. `cargo xtask bench` measures all shapes, as
//! shares of the machine's limit; this is for comparing a change with what was there before.
#![allow(missing_docs)] // what criterion's macros define

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zeropoint::elementwise::quantize;
use zeropoint::{
    Backend, ConvPlan, Filter, GemmPlan, ImagesMut, ImagesRef, Isa, MatMut, MatRef, Output, PackedWeights, Param,
    ProductOptions, Requantization, Type, Window,
};

fn backend() -> Backend {
    match std::env::var("ZEROPOINT_ISA") {
        Ok(name) if !name.is_empty() => {
            let isa: Isa = name.parse().unwrap_or_else(|error| panic!("ZEROPOINT_ISA={name}: {error}"));
            Backend::with_isa(isa).unwrap_or_else(|error| panic!("ZEROPOINT_ISA={name}: {error}"))
        }
        _ => Backend::best(),
    }
}

/// Bytes without a pattern that a kernel could be quick on.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| byte()).collect()
}

fn weights(count: usize) -> Vec<i8> {
    bytes(count).into_iter().map(u8::cast_signed).collect()
}

/// Activations with the zero point 128, results of 8 bits.
fn options() -> ProductOptions<'static> {
    let to = Requantization::from_multipliers(Param::All(0.001), Type::U8, 128).unwrap();
    ProductOptions::new(Type::U8).zero_point(128).output(Output::Requantized(to))
}

fn gemm(criterion: &mut Criterion) {
    let backend = backend();
    let mut group = criterion.benchmark_group(format!("gemm/{}", backend.isa()));
    for [m, k, n] in [[256, 256, 256], [128, 768, 768], [1, 4096, 4096], [7, 29, 13]] {
        let (a, b) = (bytes(m * k), weights(k * n));
        let packed = PackedWeights::gemm(&backend, MatRef::new(&b, [k, n]).unwrap(), Param::All(0)).unwrap();
        let plan = GemmPlan::new(&packed, m, &options()).unwrap();
        let (mut out, mut scratch) = (vec![0u8; m * n], vec![0; plan.scratch_len()]);
        let a = MatRef::new(&a, [m, k]).unwrap();
        group.throughput(Throughput::Elements(plan.macs()));
        group.bench_function(format!("{m}x{k}x{n}"), |bencher| {
            bencher.iter(|| plan.run(a, MatMut::new(&mut out, [m, n]).unwrap(), &mut scratch).unwrap());
        });
    }
}

fn conv(criterion: &mut Criterion) {
    let backend = backend();
    let mut group = criterion.benchmark_group(format!("conv/{}", backend.isa()));
    for (size, channels, kernel, groups) in [(56, 64, 3, 1), (14, 256, 1, 1), (56, 144, 3, 144)] {
        let (x, w) = (bytes(size * size * channels), weights(channels * kernel * kernel * (channels / groups)));
        let w = ImagesRef::new(&w, [channels, kernel, kernel, channels / groups]).unwrap();
        let packed = PackedWeights::conv(&backend, w, Param::All(0), Filter { groups, dilation: [1, 1] }).unwrap();
        let window = Window { strides: [1, 1], pads: [kernel / 2; 4] };
        let plan = ConvPlan::new(&packed, [1, size, size], window, &options()).unwrap();
        let shape = plan.output_shape();
        let (mut y, mut scratch) = (vec![0u8; shape.iter().product()], vec![0; plan.scratch_len()]);
        let x = ImagesRef::new(&x, [1, size, size, channels]).unwrap();
        group.throughput(Throughput::Elements(plan.macs()));
        group.bench_function(format!("{size}x{size}x{channels}-k{kernel}g{groups}"), |bencher| {
            bencher.iter(|| plan.run(x, ImagesMut::new(&mut y, shape).unwrap(), &mut scratch).unwrap());
        });
    }
}

fn elementwise(criterion: &mut Criterion) {
    const ELEMENTS: usize = 1 << 20;
    let backend = backend();
    let x: Vec<f32> = bytes(ELEMENTS).into_iter().map(|byte| f32::from(byte) / 16.0 - 8.0).collect();
    let mut y = vec![0u8; ELEMENTS];
    let mut group = criterion.benchmark_group(format!("quantize/{}", backend.isa()));
    group.throughput(Throughput::Bytes(5 * ELEMENTS as u64));
    group.bench_function("f32_u8", |bencher| {
        bencher.iter(|| quantize(&backend, &x, 0.05, 128, &mut y).unwrap());
    });
}

criterion_group!(benches, gemm, conv, elementwise);
criterion_main!(benches);
