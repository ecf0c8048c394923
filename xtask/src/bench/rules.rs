//! What a rule costs beside the default one: in a product, and by itself as a share of a copy of as many bytes.

use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::Result;
use zeropoint::elementwise::{dequantize_with, quantize_with, requantize};
use zeropoint::{
    Backend, GemmPlan, MatMut, MatRef, Output, PackedWeights, ProductOptions, Quantization, QuantizeRule,
    Requantization, Rule, Scales, Type, ZeroPoints,
};

use super::random::{Random, buffer};

/// M, K, N of the product.
const SIZES: [usize; 3] = [128, 768, 768];
/// Elements of a row.
const ELEMENTS: usize = 1 << 20;
/// Each time is the least of so many, measured in turns.
const ROUNDS: usize = 15;

/// Something to time.
type Run<'a> = Box<dyn FnMut() -> Result<(), zeropoint::Error> + 'a>;

/// The least seconds of each.
fn seconds(runs: &mut [Run<'_>]) -> Result<Vec<f64>> {
    let mut least = vec![f64::INFINITY; runs.len()];
    for round in 0..ROUNDS {
        for (run, least) in runs.iter_mut().zip(&mut least) {
            let begin = Instant::now();
            run()?;
            // The first round warms up.
            if round > 0 {
                *least = least.min(begin.elapsed().as_secs_f64());
            }
        }
    }
    Ok(least)
}

/// Prints the tables of a tier.
pub(super) fn print(backend: &Backend) -> Result<()> {
    let mut random = Random::new(1);
    requantizing(backend, &mut random)?;
    quantizing(backend, &mut random)
}

fn requantizing(backend: &Backend, random: &mut Random) -> Result<()> {
    let [m, k, n] = SIZES;
    let (a, b, acc) = (random.u8(m * k), random.i8(k * n), random.i32(ELEMENTS));
    let weights = PackedWeights::gemm(backend, MatRef::new(&b, [k, n])?, ZeroPoints::All(0))?;
    let scales = vec![0.01; n];
    let by = |rule, scales: Scales<'_>| {
        Requantization::from_scales(0.02, scales, 4.0, Type::U8, 3).and_then(|to| to.with_rule(rule))
    };
    let (mut products, mut rows): (Vec<Run<'_>>, Vec<Run<'_>>) = (Vec::new(), Vec::new());
    for &rule in Rule::ALL {
        let output = Output::Requantized(by(rule, Scales::Each(&scales))?);
        let plan = GemmPlan::new(&weights, m, &ProductOptions::new(Type::U8).zero_point(128).output(output))?;
        let (mut scratch, mut out) = (buffer::<u8>(plan.scratch_len()), buffer::<u8>(m * n));
        let a = &a;
        products
            .push(Box::new(move || plan.run(MatRef::new(a, [m, k])?, MatMut::new(&mut out, [m, n])?, &mut scratch)));
        let (to, shape) = (by(rule, Scales::All(0.01))?, [1, ELEMENTS]);
        let (backend, acc, mut y) = (*backend, &acc, buffer::<u8>(ELEMENTS));
        rows.push(Box::new(move || requantize(&backend, MatRef::new(acc, shape)?, &to, MatMut::new(&mut y, shape)?)));
    }
    rows.push(copy(ELEMENTS * 5 / 2));
    let (products, rows) = (seconds(&mut products)?, seconds(&mut rows)?);
    writeln!(stdout(), "{}: {m}x{k}x{n} requantized; {ELEMENTS} accumulators", backend.isa())?;
    writeln!(stdout(), "{:<20} {:>8} {:>16} {:>10}", "rule", "GMAC/s", "of default's", "of a copy")?;
    let copy = rows.last().copied().unwrap_or(f64::NAN);
    for ((rule, product), row) in Rule::ALL.iter().zip(&products).zip(&rows) {
        let rate = (m * k * n) as f64 / product / 1e9;
        writeln!(stdout(), "{rule:<20} {rate:>8.1} {:>14.2} x {:>10.2}", product / products[0], copy / row)?;
    }
    Ok(())
}

fn quantizing(backend: &Backend, random: &mut Random) -> Result<()> {
    const RULES: [QuantizeRule; 6] = [
        QuantizeRule::Onnx,
        QuantizeRule::Reciprocal,
        QuantizeRule::ZeroPointFirst,
        QuantizeRule::Tflite,
        QuantizeRule::PaddleEven,
        QuantizeRule::PaddleAway,
    ];
    let x = random.f32(ELEMENTS);
    let mut runs: Vec<Run<'_>> = Vec::new();
    for rule in RULES {
        let (by, backend, x) = (Quantization::new(0.05, 0).rule(rule), *backend, &x);
        let (mut bytes, mut words) = (buffer::<i8>(ELEMENTS), buffer::<i16>(ELEMENTS));
        runs.push(Box::new(move || quantize_with(&backend, x, &by, &mut bytes)));
        runs.push(Box::new(move || quantize_with(&backend, x, &by, &mut words)));
        let (bytes, mut back) = (buffer::<i8>(ELEMENTS), buffer::<f32>(ELEMENTS));
        runs.push(Box::new(move || dequantize_with(&backend, &bytes, &by, &mut back)));
    }
    runs.push(copy(ELEMENTS * 5 / 2));
    runs.push(copy(ELEMENTS * 6 / 2));
    let seconds = seconds(&mut runs)?;
    let [.., five, six] = seconds[..] else { return Ok(()) };
    writeln!(stdout(), "{:<20} {:>8} {:>8} {:>8}", "of a copy", "to i8", "to i16", "from i8")?;
    for (rule, seconds) in RULES.iter().zip(seconds.chunks(3)) {
        let [bytes, words, back] = seconds else { continue };
        let rule = format!("{rule:?}");
        writeln!(stdout(), "{rule:<20} {:>8.2} {:>8.2} {:>8.2}", five / bytes, six / words, five / back)?;
    }
    Ok(())
}

/// A copy that reads and writes so many bytes each.
fn copy(bytes: usize) -> Run<'static> {
    let (from, mut to) = (buffer::<u8>(bytes), buffer::<u8>(bytes));
    Box::new(move || {
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
        Ok(())
    })
}
