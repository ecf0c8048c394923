//! Rules of requantising, quantising and dequantising.

use zeropoint::{
    Backend, Error, Granularity, MatMut, MatRef, NanPolicy, Quantization, QuantizeRule, Requantization, Rule, Scales,
    elementwise,
};
use zeropoint_kernels::reference::{self, rules};

use crate::Difference;
use crate::case::{Element, Quantizing, Target};
use crate::product::Int;
use crate::random::Random;

/// A requantisation by a rule, and what it makes of an accumulator: scales, zero points and, where the rule takes one,
/// a bias for each column or the same for all.
pub(crate) struct ByRule {
    rule: Rule,
    element: Element,
    a: f32,
    /// Of the columns, and of the results.
    scales: [Vec<f32>; 2],
    zero_points: Vec<i32>,
    bias: Option<Vec<f32>>,
    clamp: (i32, i32),
    each: bool,
}

impl ByRule {
    /// For accumulators that spread about so far.
    pub(crate) fn draw(random: &mut Random, rule: Rule, element: Element, columns: usize, spread: f32) -> Self {
        let each = random.below(2) == 0;
        let range = element.range();
        let low = random.within(range.0, range.0 + 9);
        let clamp = (low, random.within(range.1 - 9, range.1));
        let takes_bias = matches!(rule, Rule::OneDnnConv | Rule::OneDnnMatMul | Rule::FbgemmX86);
        let is_biased = takes_bias && random.below(2) == 0;
        // Powers of two now and then: ties.
        let a = random.of(&[0.5, 0.25, 0.013_7, 1.0 / 3.0]);
        let mut of_columns = |of: &mut dyn FnMut(&mut Random) -> f32| {
            let first = of(random);
            (0..columns.max(1)).map(|_| if each { of(random) } else { first }).collect::<Vec<_>>()
        };
        let b = of_columns(&mut |random| random.of(&[0.5, 0.125, 0.031_4, 0.007]));
        let c = of_columns(&mut |random| {
            let multiplier = random.of(&[1.0, 0.5, 1.7, 0.003]) * 60.0 / spread;
            0.01 / multiplier
        });
        let bias = of_columns(&mut |random| random.within(-500, 500) as f32 / 700.0);
        let zero = random.of(&[range.0, range.1, 1, 3, 0]);
        let zero_points =
            (0..columns.max(1)).map(|_| if each { random.within(range.0, range.1) } else { zero }).collect();
        Self { rule, element, a, scales: [b, c], zero_points, bias: is_biased.then_some(bias), clamp, each }
    }

    pub(crate) fn requantization(&self, columns: usize) -> Result<Requantization, Error> {
        let type_ = self.element.type_();
        let [b, c] = &self.scales;
        let to = if self.each {
            let (b, c, zero_points) = (&b[..columns], &c[..columns], &self.zero_points[..columns]);
            Requantization::from_scales(self.a, Scales::Each(b), c, type_, zero_points)?
        } else {
            Requantization::from_scales(self.a, Scales::All(b[0]), c[0], type_, self.zero_points[0])?
        };
        let to = to.with_clamp(self.clamp.0, self.clamp.1)?.with_rule(self.rule)?;
        match &self.bias {
            Some(bias) => to.with_real_bias(&bias[..columns]),
            None => Ok(to),
        }
    }

    pub(crate) fn value(&self, acc: i32, column: usize) -> i32 {
        let at = if self.each { column } else { 0 };
        let (a, b, c) = (self.a, self.scales[0][at], self.scales[1][at]);
        let (scales, m) = (rules::Scales { a, b, c }, reference::multiplier(a, b, c));
        let (zero, clamp) = (self.zero_points[at], self.clamp);
        let bias = self.bias.as_ref().map_or(0.0, |bias| bias[column]);
        let product = if self.each { f64::from(a) * f64::from(b) } else { f64::from(a * b) };
        let double = product / f64::from(c);
        match self.rule {
            Rule::F32ClipRound => reference::requantize(acc, m, zero, clamp),
            Rule::F32ZeroPointFirst => rules::f32_zero_point_first(acc, m, zero, clamp),
            Rule::F64ZeroPointFirst => rules::f64_zero_point_first(acc, m, zero, clamp),
            Rule::OneDnnConv => rules::onednn_conv(acc, scales, bias, zero, clamp),
            Rule::OneDnnMatMul => rules::onednn_matmul(acc, scales, bias, zero, clamp),
            Rule::FbgemmX86 => {
                let unit = 1.0 / (a * b);
                rules::fbgemm(acc, m, bias * unit, zero, clamp)
            }
            Rule::TfliteDouble => {
                rules::tflite(rules::multiply_double(acc, rules::quantize_multiplier(double)), zero, clamp)
            }
            Rule::TfliteSingle => {
                rules::tflite(rules::multiply_single(acc, rules::quantize_multiplier_single(double)), zero, clamp)
            }
            Rule::XnnpackRndnu => rules::rndnu(acc, m, zero, clamp),
            Rule::XnnpackRndnuNeon => rules::rndnu_neon(acc, m, zero, clamp),
            other => panic!("no reference of {other}"),
        }
    }
}

pub(crate) fn requantize(
    backend: &Backend,
    columns: usize,
    element: Element,
    rule: Rule,
    seed: u64,
) -> Result<(), Difference> {
    fn of<Q: Int>(backend: &Backend, acc: &[i32], by: &ByRule) -> Result<(), String> {
        let shape = [1, acc.len()];
        let to = by.requantization(acc.len()).map_err(|error| error.to_string())?;
        let mut y = vec![Q::from_value(1); acc.len()];
        let (from, into) = (MatRef::new(acc, shape).unwrap(), MatMut::new(&mut y, shape).unwrap());
        elementwise::requantize(backend, from, &to, into).map_err(|error| error.to_string())?;
        equal(&y, acc.iter().enumerate().map(|(at, &acc)| Q::from_value(by.value(acc, at))))
    }
    let random = &mut Random::new(seed);
    let spread = random.of(&[300.0, 40_000.0, 3e6]);
    let by = ByRule::draw(random, rule, element, columns, spread);
    let most = spread as i32;
    let acc = (0..columns)
        .map(|_| match random.below(4) {
            0 => random.of(&[i32::MIN, i32::MAX, 0, -1, 1, 1 << 24, (1 << 24) + 1]),
            1 => random.bits() as i32,
            _ => random.within(-most, most),
        })
        .collect::<Vec<_>>();
    match element {
        Element::U8 => of::<u8>(backend, &acc, &by),
        Element::I8 => of::<i8>(backend, &acc, &by),
    }
    .map_err(|what| (backend.kernel_name("rule_requantize").to_owned(), format!("{rule}: {what}")))
}

/// The first difference.
fn equal<T: PartialEq + std::fmt::Debug>(
    found: &[T],
    expected: impl ExactSizeIterator<Item = T>,
) -> Result<(), String> {
    assert_eq!(found.len(), expected.len());
    let differ = found.iter().zip(expected).enumerate().find(|(_, (found, expected))| *found != expected);
    differ.map_or(Ok(()), |(at, (found, expected))| Err(format!("element {at}: {found:?} instead of {expected:?}")))
}

/// A tensor of three axes, its parameters along the middle one: quantised, or dequantised again.
pub(crate) fn quantize(backend: &Backend, case: &Quantizing, back: bool) -> Result<(), Difference> {
    match case.target {
        Target::U8 => quantized::<u8>(backend, case, back),
        Target::I8 => quantized::<i8>(backend, case, back),
        Target::U16 => quantized::<u16>(backend, case, back),
        Target::I16 => quantized::<i16>(backend, case, back),
    }
    .map_err(|what| {
        let operation = if back { "rule_dequantize" } else { "rule_quantize" };
        (backend.kernel_name(operation).to_owned(), what)
    })
}

fn quantized<Q: zeropoint::Integer + Into<i32> + TryFrom<i32> + PartialEq + std::fmt::Debug>(
    backend: &Backend,
    case: &Quantizing,
    back: bool,
) -> Result<(), String> {
    let Quantizing { shape, block, bits, rule, nan, .. } = *case;
    let random = &mut Random::new(case.seed);
    let is_paddle = matches!(rule, QuantizeRule::PaddleEven | QuantizeRule::PaddleAway);
    let signed = matches!(case.target, Target::I8 | Target::I16);
    let (low, high) = if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };

    let [outer, axis, inner] = shape;
    let parameters = match block {
        None => axis,
        Some(block) => outer * axis.div_ceil(block) * inner,
    };
    let scales = (0..parameters).map(|_| random.of(&[0.5, 0.037, 1.0, 3e-5, 1e20])).collect::<Vec<_>>();
    let zeros = (0..parameters).map(|_| if is_paddle { 0 } else { random.within(low, high) }).collect::<Vec<_>>();
    let of = |at: usize| {
        let (row, index, column) = (at / (axis * inner), at / inner % axis, at % inner);
        match block {
            None => index,
            Some(block) => (row * axis.div_ceil(block) + index / block) * inner + column,
        }
    };
    let x = (0..outer * axis * inner)
        .map(|at| match random.below(8) {
            0 => random.of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-42]),
            1 => f32::from_bits(random.bits() as u32),
            2..5 => {
                let tie = (random.within(-300, 300) as f32 + 0.5) * scales[of(at)];
                random.of(&[tie, tie.next_up(), tie.next_down()])
            }
            _ => random.within(-70_000, 70_000) as f32 * scales[of(at)],
        })
        .collect::<Vec<_>>();
    let of_nan = match (nan, rule) {
        (NanPolicy::Zero, _) => 0,
        (_, QuantizeRule::PaddleAway) => -high,
        _ => low,
    };
    let range = rules::Range { low, high, nan: of_nan };
    let expected = |at: usize| {
        let (x, scale, zero) = (x[at], scales[of(at)], zeros[of(at)]);
        let value = match rule {
            QuantizeRule::Reciprocal => rules::quantize_reciprocal(x, scale, zero, range),
            QuantizeRule::ZeroPointFirst => rules::quantize_zero_point_first(x, scale, zero, range),
            QuantizeRule::Tflite => rules::quantize_tflite(x, scale, zero, range),
            QuantizeRule::PaddleEven => rules::quantize_paddle_even(x, scale, high, of_nan),
            QuantizeRule::PaddleAway => rules::quantize_paddle_away(x, scale, high, of_nan),
            _ => rules::quantize_division(x, scale, zero, range),
        };
        Q::try_from(value).unwrap_or_else(|_| panic!("{value} in {bits} bits"))
    };
    let granularity = match block {
        None => Granularity::Axis { shape: &shape, axis: 1 },
        Some(block) => Granularity::Blocks { shape: &shape, axis: -2, block },
    };
    let by = Quantization::new(&scales[..], &zeros[..]).rule(rule).along(granularity).bits(bits).nan(nan);
    let Ok(one) = Q::try_from(1) else { return Err("no 1".into()) };
    let expected = (0..x.len()).map(expected);
    if !back {
        let mut y = vec![one; x.len()];
        elementwise::quantize_with(backend, &x, &by, &mut y).map_err(|error| error.to_string())?;
        return equal(&y, expected);
    }
    let values = expected.collect::<Vec<_>>();
    let mut y = vec![7.0f32; x.len()];
    elementwise::dequantize_with(backend, &values, &by, &mut y).map_err(|error| error.to_string())?;
    let real = |at: usize| {
        let (value, scale, zero) = (values[at].into(), scales[of(at)], zeros[of(at)]);
        let value =
            if is_paddle { rules::dequantize_paddle(value, scale, high) } else { (value - zero) as f32 * scale };
        value.to_bits()
    };
    let bits = y.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    equal(&bits, (0..x.len()).map(real))
}
