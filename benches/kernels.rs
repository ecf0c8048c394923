//! A few of the shapes of `shapes.tsv` on the best tier, or on the one that `ZEROPOINT_ISA` names. `cargo xtask bench`
//! measures all shapes, as shares of the machine's limit; this is for comparing a change with what was there before.
#![allow(missing_docs)] // what criterion's macros define

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zeropoint::elementwise::{dequantize, quantize, requantize};
use zeropoint::{
    AddPlan, Backend, ConvPlan, Filter, GemmPlan, ImagesMut, ImagesRef, Isa, MatMut, MatRef, Output, PackedWeights,
    Param, ProductOptions, Quantized, Requantization, Type, Window,
};

const SHAPES: &str = include_str!("shapes.tsv");
const GEMM: [&str; 4] = ["256x256x256", "128x768x768", "1x4096x4096", "7x29x13"];
const CONV: [&str; 3] = ["56x56x64-64-k3s1p1d1g1", "56x56x64-256-k1s1p0d1g1", "56x56x144-144-k3s1p1d1g144"];
const ELEMENTS: &str = "1048576";

/// The sizes of a shape of the file.
fn sizes<const N: usize>(name: &str) -> [usize; N] {
    let line = SHAPES.lines().find(|line| line.split('\t').nth(1) == Some(name));
    let line = line.unwrap_or_else(|| panic!("no shape {name} in shapes.tsv"));
    let sizes: Vec<usize> = line.split('\t').skip(2).map(|size| size.parse().unwrap()).collect();
    sizes.try_into().unwrap_or_else(|_| panic!("shape {name} has other than {N} sizes"))
}

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

fn to_u8() -> Requantization {
    Requantization::from_multipliers(Param::All(0.001), Type::U8, 128).unwrap()
}

/// Activations with the zero point 128, results of 8 bits.
fn options() -> ProductOptions<'static> {
    ProductOptions::new(Type::U8).zero_point(128).output(Output::Requantized(to_u8()))
}

fn gemm(criterion: &mut Criterion) {
    let backend = backend();
    let mut group = criterion.benchmark_group(format!("gemm/{}", backend.isa()));
    for name in GEMM {
        let [m, k, n] = sizes(name);
        let (a, b) = (bytes(m * k), weights(k * n));
        let packed = PackedWeights::gemm(&backend, MatRef::new(&b, [k, n]).unwrap(), Param::All(0)).unwrap();
        let plan = GemmPlan::new(&packed, m, &options()).unwrap();
        let (mut out, mut scratch) = (vec![0u8; m * n], vec![0; plan.scratch_len()]);
        let a = MatRef::new(&a, [m, k]).unwrap();
        group.throughput(Throughput::Elements(plan.macs()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| plan.run(a, MatMut::new(&mut out, [m, n]).unwrap(), &mut scratch).unwrap());
        });
    }
}

fn conv(criterion: &mut Criterion) {
    let backend = backend();
    let mut group = criterion.benchmark_group(format!("conv/{}", backend.isa()));
    for name in CONV {
        let [height, width, inputs, outputs, kernel, stride, pad, dilation, groups] = sizes(name);
        let (x, w) = (bytes(height * width * inputs), weights(outputs * kernel * kernel * (inputs / groups)));
        let w = ImagesRef::new(&w, [outputs, kernel, kernel, inputs / groups]).unwrap();
        let filter = Filter { groups, dilation: [dilation; 2] };
        let packed = PackedWeights::conv(&backend, w, Param::All(0), filter).unwrap();
        let window = Window { strides: [stride; 2], pads: [pad; 4] };
        let plan = ConvPlan::new(&packed, [1, height, width], window, &options()).unwrap();
        let shape = plan.output_shape();
        let (mut y, mut scratch) = (vec![0u8; shape.iter().product()], vec![0; plan.scratch_len()]);
        let x = ImagesRef::new(&x, [1, height, width, inputs]).unwrap();
        group.throughput(Throughput::Elements(plan.macs()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| plan.run(x, ImagesMut::new(&mut y, shape).unwrap(), &mut scratch).unwrap());
        });
    }
}

/// Measures an operation element by element, which reads and writes so many bytes for each.
fn elementwise(criterion: &mut Criterion, operation: &str, bytes: u64, mut run: impl FnMut()) {
    let [elements] = sizes::<1>(ELEMENTS);
    let mut group = criterion.benchmark_group(format!("{operation}/{}", backend().isa()));
    group.throughput(Throughput::Bytes(bytes * elements as u64));
    group.bench_function(ELEMENTS, |bencher| bencher.iter(&mut run));
}

fn quantizing(criterion: &mut Criterion) {
    let ([elements], backend) = (sizes(ELEMENTS), backend());
    let x: Vec<f32> = bytes(elements).into_iter().map(|byte| f32::from(byte) / 16.0 - 8.0).collect();
    let mut y = vec![0u8; elements];
    elementwise(criterion, "quantize_f32_u8", 5, || quantize(&backend, &x, 0.05, 128, &mut y).unwrap());
}

fn dequantizing(criterion: &mut Criterion) {
    let ([elements], backend) = (sizes(ELEMENTS), backend());
    let (x, mut y) = (bytes(elements), vec![0f32; elements]);
    elementwise(criterion, "dequantize_u8_f32", 5, || dequantize(&backend, &x, 0.05, 128, &mut y).unwrap());
}

fn requantizing(criterion: &mut Criterion) {
    let ([elements], backend, to) = (sizes(ELEMENTS), backend(), to_u8());
    let sums: Vec<i32> = bytes(elements).into_iter().map(|byte| (i32::from(byte) - 128) * 1000).collect();
    let (mut y, shape) = (vec![0u8; elements], [1, elements]);
    elementwise(criterion, "requantize_s32_u8", 5, || {
        requantize(&backend, MatRef::new(&sums, shape).unwrap(), &to, MatMut::new(&mut y, shape).unwrap()).unwrap();
    });
}

fn adding(criterion: &mut Criterion) {
    let [elements] = sizes(ELEMENTS);
    let [a, b, c] = [0.05, 0.03, 0.06].map(|scale| Quantized { type_: Type::U8, scale, zero_point: 128 });
    let plan = AddPlan::new(&backend(), a, b, c).unwrap();
    let (a, mut y) = (bytes(elements), vec![0u8; elements]);
    let b: Vec<u8> = a.iter().rev().copied().collect();
    elementwise(criterion, "add_u8", 3, || plan.run(&a, &b, &mut y).unwrap());
}

criterion_group!(benches, gemm, conv, quantizing, dequantizing, requantizing, adding);
criterion_main!(benches);
