//! All operands there are, where there are few enough: accumulators by every rule, pairs of bytes.

use rayon::prelude::*;
use zeropoint::{
    AddPlan, Backend, Error, Isa, MatMut, MatRef, MulPlan, Quantized, Requantization, Rule, Scales, Type, elementwise,
};
use zeropoint_kernels::reference::{self, Affine, rules};

use crate::Failure;
use crate::random::Random;

/// Scales whose multipliers make ties, are near 1, subnormal, the largest, or as any.
const SCALES: [[f32; 3]; 10] = [
    [0.5, 0.25, 0.25],
    [0.5, 0.007_812_5, 1.0],
    [1.0, 1.0, 1.0],
    [0.999_999_94, 1.0, 1.0],
    [1.000_000_1, 1.0, 1.0],
    [1e-20, 1e-22, 1.0],
    [1e19, 3e19, 1.0],
    [255.999_98, 1.0, 1.0],
    [0.023_529_412, 0.003_8, 0.019_110_054],
    [1.0 / 3.0, 1.0 / 7.0, 1e4],
];

/// Accumulators that are computed at once.
const BLOCK: u64 = 1 << 16;

/// Requantises every `stride`th of all accumulators by each rule with ten multipliers, on these tiers, and compares with
/// the reference. `done` is called for each rule and multiplier.
pub fn accumulators(tiers: &[Isa], stride: u64, done: &(dyn Fn(Rule) + Sync)) -> Vec<Failure> {
    let mut failures = Vec::new();
    for &rule in Rule::ALL {
        for (index, scales) in SCALES.into_iter().enumerate() {
            let (zero_point, range) = (3 + index as i32 * 7, (0, 255));
            let to = Requantization::from_scales(scales[0], Scales::All(scales[1]), scales[2], Type::U8, zero_point)
                .and_then(|to| to.with_rule(rule));
            let to = match to {
                Ok(to) => to,
                // A multiplier that the rule has no answer for.
                Err(Error::Multiplier { .. }) => continue,
                Err(error) => panic!("{rule} of {scales:?}: {error}"),
            };
            let of = answer(rule, scales);
            let case = || format!("{rule} of scales {scales:?}, zero point {zero_point}");
            let blocks = (1u64 << 32).div_ceil(stride).div_ceil(BLOCK);
            let failed = (0..blocks).into_par_iter().find_map_any(|block| {
                let count = BLOCK.min((1u64 << 32).div_ceil(stride) - block * BLOCK);
                let acc = (0..count).map(|at| ((block * BLOCK + at) * stride) as u32 as i32).collect::<Vec<_>>();
                let expected = acc.iter().map(|&acc| of(acc, zero_point, range) as u8).collect::<Vec<_>>();
                tiers.iter().find_map(|&isa| {
                    let backend = Backend::with_isa(isa).expect("a tier of this CPU");
                    let (shape, mut found) = ([1, acc.len()], vec![0u8; acc.len()]);
                    let view = MatMut::new(&mut found, shape).expect("a row");
                    let result = elementwise::requantize(&backend, MatRef::new(&acc, shape).expect("a row"), &to, view);
                    let kernel = if rule == Rule::default() { "requantize" } else { "rule_requantize" };
                    let failure = |what| Failure { kernel: backend.kernel_name(kernel).to_owned(), case: case(), what };
                    if let Err(error) = result {
                        return Some(failure(error.to_string()));
                    }
                    let at = found.iter().zip(&expected).position(|(found, expected)| found != expected)?;
                    Some(failure(format!("{} gives {}, expected {}", acc[at], found[at], expected[at])))
                })
            });
            failures.extend(failed);
            done(rule);
        }
    }
    failures
}

/// The reference of a rule.
type Answer = Box<dyn Fn(i32, i32, (i32, i32)) -> i32 + Sync>;

fn answer(rule: Rule, [a, b, c]: [f32; 3]) -> Answer {
    let (scales, m) = (rules::Scales { a, b, c }, reference::multiplier(a, b, c));
    let double = f64::from(a * b) / f64::from(c);
    match rule {
        Rule::F32ClipRound => Box::new(move |acc, zero, range| reference::requantize(acc, m, zero, range)),
        Rule::F32ZeroPointFirst => Box::new(move |acc, zero, range| rules::f32_zero_point_first(acc, m, zero, range)),
        Rule::F64ZeroPointFirst => Box::new(move |acc, zero, range| rules::f64_zero_point_first(acc, m, zero, range)),
        Rule::OneDnnConv => Box::new(move |acc, zero, range| rules::onednn_conv(acc, scales, 0.0, zero, range)),
        Rule::OneDnnMatMul => Box::new(move |acc, zero, range| rules::onednn_matmul(acc, scales, 0.0, zero, range)),
        Rule::FbgemmX86 => Box::new(move |acc, zero, range| rules::fbgemm(acc, m, 0.0, zero, range)),
        Rule::TfliteDouble => {
            let fixed = rules::quantize_multiplier(double);
            Box::new(move |acc, zero, range| rules::tflite(rules::multiply_double(acc, fixed), zero, range))
        }
        Rule::TfliteSingle => {
            let fixed = rules::quantize_multiplier_single(double);
            Box::new(move |acc, zero, range| rules::tflite(rules::multiply_single(acc, fixed), zero, range))
        }
        Rule::XnnpackRndnu => Box::new(move |acc, zero, range| rules::rndnu(acc, m, zero, range)),
        Rule::XnnpackRndnuNeon => Box::new(move |acc, zero, range| rules::rndnu_neon(acc, m, zero, range)),
        other => panic!("no reference of {other}"),
    }
}

/// Adds and multiplies all pairs of bytes by so many sets of scales and zero points, on these tiers, and compares with
/// the reference.
pub fn pairs(tiers: &[Isa], sets: u64, done: &(dyn Fn() + Sync)) -> Vec<Failure> {
    let a = (0..=u16::MAX).map(|pair| pair as u8).collect::<Vec<_>>();
    let b = (0..=u16::MAX).map(|pair| (pair >> 8) as u8).collect::<Vec<_>>();
    (0..sets)
        .into_par_iter()
        .flat_map_iter(|seed| {
            let random = &mut Random::new(seed);
            let affine: [Affine; 3] = std::array::from_fn(|_| {
                let scale = random.of(&[1.0, 0.5, 0.25, 0.1, 0.05]) * random.of(&[1.0, 0.37, 1.3, 0.999]);
                Affine { scale, zero_point: random.within(0, 255) }
            });
            let [qa, qb, qc] =
                affine.map(|of| Quantized { type_: Type::U8, scale: of.scale, zero_point: of.zero_point });
            let failures = tiers.iter().flat_map(|&isa| {
                let backend = Backend::with_isa(isa).expect("a tier of this CPU");
                let mut found = [vec![0u8; a.len()], vec![0u8; a.len()]];
                let sums = AddPlan::new(&backend, qa, qb, qc).and_then(|plan| plan.run(&a, &b, &mut found[0]));
                let products = MulPlan::new(&backend, qa, qb, qc).and_then(|plan| plan.run(&a, &b, &mut found[1]));
                let of: [(_, _, fn(_, _, _, _) -> i32); 2] =
                    [("add", sums, reference::add), ("mul", products, reference::mul)];
                let judge = |(index, (operation, result, reference)): (usize, (_, Result<(), Error>, _))| {
                    let reference: fn(_, _, _, _) -> i32 = reference;
                    let kernel = backend.kernel_name(operation).to_owned();
                    let failure =
                        |what| Failure { kernel: kernel.clone(), case: format!("all pairs by {affine:?}"), what };
                    if let Err(error) = result {
                        return Some(failure(error.to_string()));
                    }
                    let expected = |at: usize| {
                        let (a, b) = ((i32::from(a[at]), affine[0]), (i32::from(b[at]), affine[1]));
                        reference(a, b, affine[2], (0, 255))
                    };
                    let at = (0..a.len()).find(|&at| i32::from(found[index][at]) != expected(at))?;
                    let text = format!("{} and {} give {}, expected {}", a[at], b[at], found[index][at], expected(at));
                    Some(failure(text))
                };
                of.into_iter().enumerate().filter_map(judge).collect::<Vec<_>>()
            });
            let failures = failures.collect::<Vec<_>>();
            done();
            failures
        })
        .collect()
}
