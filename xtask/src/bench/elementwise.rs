//! Operations element by element, checked on all elements.

use std::ops::Range;

use aligned_vec::AVec;
use anyhow::{Result, ensure};
use rayon::ThreadPool;
use zeropoint::elementwise::{dequantize, quantize, requantize};
use zeropoint::{AddPlan, Backend, Error, MatMut, MatRef, MulPlan, Param, Quantized, Requantization, Type};
use zeropoint_kernels::reference::{self, Affine};

use super::random::{Random, buffer};
use super::work::Work;

const ZERO: i32 = 128;
const SCALE: f32 = 0.05;
const SCALES: [f32; 3] = [0.05, 0.03, 0.06];
const MULTIPLIER: f32 = 0.004;

/// Operands of all operations.
pub(crate) struct Operands {
    real: AVec<f32>,
    sums: AVec<i32>,
    bytes: [AVec<u8>; 2],
}

impl Operands {
    pub(super) fn new(elements: usize) -> Self {
        let mut random = Random::new(1);
        Self {
            real: random.f32(elements),
            sums: random.i32(elements),
            bytes: [random.u8(elements), random.u8(elements)],
        }
    }
}

/// Cuts the operands and the result in a piece for each thread, and runs the operation on each; on one thread, on all
/// of it as it is. An operation works on a range of its operands and the part of the result that belongs to it.
fn pieces<Y: Send>(
    pool: &ThreadPool,
    y: &mut [Y],
    run: impl Fn(Range<usize>, &mut [Y]) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let threads = pool.current_num_threads();
    if threads == 1 {
        return run(0..y.len(), y);
    }
    let piece = y.len().div_ceil(threads).max(1);
    let mut results = vec![Ok(()); threads];
    pool.scope(|scope| {
        for (index, (y, result)) in y.chunks_mut(piece).zip(&mut results).enumerate() {
            let run = &run;
            scope.spawn(move |_| *result = run(index * piece..index * piece + y.len(), y));
        }
    });
    results.into_iter().collect()
}

/// The work of an operation, after checking it; `expected` is the reference's result for an element.
fn work<'a, Y: Copy + Default + PartialEq + Send + 'a>(
    (kernel, bytes): (&'static str, usize),
    elements: usize,
    pool: &'a ThreadPool,
    run: impl Fn(Range<usize>, &mut [Y]) -> Result<(), Error> + Send + Sync + 'a,
    expected: impl Fn(usize) -> Y,
) -> Result<Work<'a>> {
    let mut y = buffer::<Y>(elements);
    pieces(pool, &mut y, &run)?;
    for (index, got) in y.iter().enumerate() {
        ensure!(expected(index) == *got, "{kernel} differs from the reference in element {index}");
    }
    let run = Box::new(move || pieces(pool, &mut y, &run).expect("the same arguments as in the check"));
    Ok(Work { run, amount: (bytes * elements) as f64, kernel, output: None })
}

/// The operations that rows name.
pub(super) const OPERATIONS: [&str; 5] =
    ["quantize_f32_u8", "dequantize_u8_f32", "requantize_s32_u8", "add_u8", "mul_u8"];

/// Bytes that an operation reads and writes for an element.
pub(super) fn bytes(operation: &str) -> usize {
    if matches!(operation, "add_u8" | "mul_u8") { 3 } else { 5 }
}

/// The work of one of [`OPERATIONS`].
pub(super) fn make<'a>(
    operation: &str,
    backend: Backend,
    operands: &'a Operands,
    pool: &'a ThreadPool,
) -> Result<Work<'a>> {
    let Operands { real, sums, bytes: [a, b] } = operands;
    let (elements, bytes, range) = (real.len(), bytes(operation), (0, 255));
    match operation {
        "quantize_f32_u8" => work(
            (backend.kernel_name("quantize"), bytes),
            elements,
            pool,
            move |at, y: &mut [u8]| quantize(&backend, &real[at], SCALE, ZERO, y),
            |i| reference::quantize(real[i], SCALE, ZERO, range) as u8,
        ),
        "dequantize_u8_f32" => work(
            (backend.kernel_name("dequantize"), bytes),
            elements,
            pool,
            move |at, y: &mut [f32]| dequantize(&backend, &a[at], SCALE, ZERO, y),
            |i| reference::dequantize(a[i].into(), SCALE, ZERO),
        ),
        "requantize_s32_u8" => {
            let to = Requantization::from_multipliers(Param::All(MULTIPLIER), Type::U8, ZERO)?;
            let run = move |at: Range<usize>, y: &mut [u8]| {
                let shape = [1, y.len()];
                requantize(&backend, MatRef::new(&sums[at], shape)?, &to, MatMut::new(y, shape)?)
            };
            let expected = |i: usize| reference::requantize(sums[i], MULTIPLIER, ZERO, range) as u8;
            work((backend.kernel_name("requantize"), bytes), elements, pool, run, expected)
        }
        "mul_u8" => {
            let [sa, sb, sc] = SCALES.map(|scale| Quantized { type_: Type::U8, scale, zero_point: ZERO });
            let plan = MulPlan::new(&backend, sa, sb, sc)?;
            let [ra, rb, rc] = SCALES.map(|scale| Affine { scale, zero_point: ZERO });
            let run = move |at: Range<usize>, y: &mut [u8]| plan.run(&a[at.clone()], &b[at], y);
            let expected = |i: usize| reference::mul((a[i].into(), ra), (b[i].into(), rb), rc, range) as u8;
            work((plan.kernel(), bytes), elements, pool, run, expected)
        }
        _ => {
            let [sa, sb, sc] = SCALES.map(|scale| Quantized { type_: Type::U8, scale, zero_point: ZERO });
            let plan = AddPlan::new(&backend, sa, sb, sc)?;
            let [ra, rb, rc] = SCALES.map(|scale| Affine { scale, zero_point: ZERO });
            let run = move |at: Range<usize>, y: &mut [u8]| plan.run(&a[at.clone()], &b[at], y);
            let expected = |i: usize| reference::add((a[i].into(), ra), (b[i].into(), rb), rc, range) as u8;
            work((plan.kernel(), bytes), elements, pool, run, expected)
        }
    }
}
