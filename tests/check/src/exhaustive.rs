//! All operands there are, where there are few enough: accumulators by every rule, pairs of bytes.

use rayon::prelude::*;
use zeropoint::{
    AddPlan, Backend, Error, Isa, MatMut, MatRef, MulPlan, Quantized, Requantization, Rule, Scales, Type, elementwise,
};
use zeropoint_kernels::reference::{self, Affine, rules};

use crate::Failure;
use crate::random::Random;

/// Scales whose multipliers make ties, are near 1, subnormal, the largest, or as any; and those where a rule takes a
/// shorter way: the largest below one quarter and below one half, one that drops as few bits there and makes ties, and
/// the least in fixed point.
const SCALES: [[f32; 3]; 14] = [
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
    [0.249_999_99, 1.0, 1.0],
    [0.499_999_97, 1.0, 1.0],
    [0.5, 0.25, 1.0],
    [1.0 / 65_536.0, 1.0 / 65_536.0, 1.0],
];

/// Multipliers that each rule is run with.
pub const MULTIPLIERS: usize = SCALES.len();

/// Accumulators that are computed at once: they and their results stay in the nearest cache.
const BLOCK: usize = 1 << 13;

/// What a thread computes a block in.
struct Block {
    acc: Vec<i32>,
    expected: Vec<u8>,
    found: Vec<u8>,
}

impl Block {
    fn new() -> Self {
        Self { acc: vec![0; BLOCK], expected: vec![0; BLOCK], found: vec![0; BLOCK] }
    }
}

/// Requantises every `stride`th of all accumulators by each of these rules with [`MULTIPLIERS`] multipliers, on
/// these tiers, and compares with the reference. `done` is called for each rule and multiplier.
pub fn accumulators(tiers: &[Isa], rules: &[Rule], stride: u64, done: &(dyn Fn(Rule) + Sync)) -> Vec<Failure> {
    let backends = tiers.iter().map(|&isa| Backend::with_isa(isa).expect("a tier of this CPU")).collect::<Vec<_>>();
    let mut failures = Vec::new();
    for &rule in rules {
        for (index, scales) in SCALES.into_iter().enumerate() {
            let zero_point = 3 + index as i32 * 7;
            let to = Requantization::from_scales(scales[0], Scales::All(scales[1]), scales[2], Type::U8, zero_point)
                .and_then(|to| to.with_rule(rule));
            let to = match to {
                Ok(to) => to,
                // A multiplier that the rule has no answer for.
                Err(Error::Multiplier { .. }) => continue,
                Err(error) => panic!("{rule} of {scales:?}: {error}"),
            };
            let answer = answer(rule, scales, zero_point);
            let case = || format!("{rule} of scales {scales:?}, zero point {zero_point}");
            let all = (1u64 << 32).div_ceil(stride);
            let of_block = |block: &mut Block, index: u64| {
                let first = index * BLOCK as u64;
                let len = (BLOCK as u64).min(all - first) as usize;
                let (acc, expected) = (&mut block.acc[..len], &mut block.expected[..len]);
                let mut next = (first * stride) as i32;
                for acc in acc.iter_mut() {
                    *acc = next;
                    next = next.wrapping_add(stride as i32);
                }
                answer(acc, expected);
                backends.iter().find_map(|backend| {
                    let (shape, found) = ([1, len], &mut block.found[..len]);
                    found.fill(0);
                    let view = MatMut::new(found, shape).expect("a row");
                    let result = elementwise::requantize(backend, MatRef::new(acc, shape).expect("a row"), &to, view);
                    let kernel = if rule == Rule::default() { "requantize" } else { "rule_requantize" };
                    let failure = |what| Failure { kernel: backend.kernel_name(kernel).to_owned(), case: case(), what };
                    if let Err(error) = result {
                        return Some(failure(error.to_string()));
                    }
                    if found == expected {
                        return None;
                    }
                    let at = found.iter().zip(expected.iter()).position(|(found, expected)| found != expected)?;
                    Some(failure(format!("{} gives {}, expected {}", acc[at], found[at], expected[at])))
                })
            };
            let blocks = (0..all.div_ceil(BLOCK as u64)).into_par_iter();
            failures.extend(blocks.map_init(Block::new, of_block).find_map_any(|failure| failure));
            done(rule);
        }
    }
    failures
}

/// The reference of a rule, for a block of accumulators: a call for each would take longer than most rules.
type Answer = Box<dyn Fn(&[i32], &mut [u8]) + Sync>;

fn each(of: impl Fn(i32) -> i32 + Sync + 'static) -> Answer {
    Box::new(move |acc, results| {
        for (&acc, result) in acc.iter().zip(results) {
            *result = of(acc) as u8;
        }
    })
}

/// The reference of a rule, to all of u8.
fn answer(rule: Rule, [a, b, c]: [f32; 3], zero: i32) -> Answer {
    let (scales, m, range) = (rules::Scales { a, b, c }, reference::multiplier(a, b, c), (0, 255));
    let double = f64::from(a * b) / f64::from(c);
    match rule {
        Rule::F32ClipRound => each(move |acc| reference::requantize(acc, m, zero, range)),
        Rule::F32ZeroPointFirst => each(move |acc| rules::f32_zero_point_first(acc, m, zero, range)),
        Rule::F64ZeroPointFirst => each(move |acc| rules::f64_zero_point_first(acc, m, zero, range)),
        Rule::OneDnnConv => each(move |acc| rules::onednn_conv(acc, scales, 0.0, zero, range)),
        Rule::OneDnnMatMul => each(move |acc| rules::onednn_matmul(acc, scales, 0.0, zero, range)),
        Rule::FbgemmX86 => each(move |acc| rules::fbgemm(acc, m, 0.0, zero, range)),
        Rule::TfliteDouble => {
            let fixed = rules::quantize_multiplier(double);
            each(move |acc| rules::tflite(rules::multiply_double(acc, fixed), zero, range))
        }
        Rule::TfliteSingle => {
            let fixed = rules::quantize_multiplier_single(double);
            each(move |acc| rules::tflite(rules::multiply_single(acc, fixed), zero, range))
        }
        Rule::XnnpackRndnu => each(move |acc| rules::rndnu(acc, m, zero, range)),
        Rule::XnnpackRndnuNeon => each(move |acc| rules::rndnu_neon(acc, m, zero, range)),
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
