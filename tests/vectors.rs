//! Stored vectors: requantize, quantize and dequantize by every rule, on the reference and on every tier. Floats are bit
//! patterns; what a rule leaves undefined is `null`, and only asked for an answer, whatever it is, on every tier the same.

use serde_json::Value as Json;
use zeropoint::elementwise::{dequantize, dequantize_with, quantize, quantize_with, requantize};
use zeropoint::*;
use zeropoint_kernels::reference::{self, Value, rules};

/// A vector of parameters, operands and results.
struct Vector<'a>(&'a Json);

impl Vector<'_> {
    fn integer(&self, key: &str) -> i64 {
        self.0[key].as_i64().unwrap_or_else(|| panic!("{key} of {}", self.0))
    }

    fn float(&self, key: &str) -> f32 {
        f32::from_bits(self.integer(key) as u32)
    }

    fn zero_point(&self) -> i32 {
        self.integer("zp") as i32
    }

    fn bytes<Q: Value>(&self, key: &str) -> Vec<Q> {
        self.all(key, |value| Q::from_value(value as i32))
    }

    fn type_(&self) -> &str {
        self.0["type"].as_str().unwrap()
    }

    fn all<T>(&self, key: &str, of: impl Fn(i64) -> T) -> Vec<T> {
        all(&self.0[key], of)
    }

    /// Results, of which some may be undefined.
    fn some(&self, key: &str) -> Vec<Option<i64>> {
        self.0[key].as_array().unwrap().iter().map(Json::as_i64).collect()
    }
}

fn all<T>(values: &Json, of: impl Fn(i64) -> T) -> Vec<T> {
    values.as_array().unwrap().iter().map(|value| of(value.as_i64().expect("an integer"))).collect()
}

fn each(file: &str, check: impl Fn(&Vector<'_>)) {
    let vectors = serde_json::from_str::<Json>(file).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() > 20, "{} vectors", vectors.len());
    vectors.iter().for_each(|vector| check(&Vector(vector)));
}

fn tiers() -> impl Iterator<Item = Backend> {
    Backend::available().map(|isa| Backend::with_isa(isa).unwrap())
}

fn float(bits: i64) -> f32 {
    f32::from_bits(bits as u32)
}

/// Compares what is defined.
fn same(found: &[i32], expected: &[Option<i64>], what: impl Fn() -> String) {
    assert_eq!(found.len(), expected.len());
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        if let Some(expected) = expected {
            assert_eq!(i64::from(found), *expected, "{}: element {index}", what());
        }
    }
}

#[test]
fn requantize_as_stored() {
    each(include_str!("data/requantize.json"), |vector| match vector.type_() {
        "u8" => requantized::<u8>(vector),
        _ => requantized::<i8>(vector),
    });
}

/// What a rule's results are.
fn expected(vector: &Vector<'_>, rule: Rule) -> Option<Vec<Option<i64>>> {
    let mut expected = vector.some("out");
    if rule != Rule::F32ClipRound {
        let differ = vector.0["differ"][rule.name()].as_array()?;
        for pair in differ.chunks(2) {
            expected[pair[0].as_u64().unwrap() as usize] = pair[1].as_i64();
        }
    }
    Some(expected)
}

fn requantized<Q: Int8 + Value + Default>(vector: &Vector<'_>) {
    let (acc, zero) = (vector.all("acc", |value| value as i32), vector.zero_point());
    let ([a, b, c], m) = (["sa", "sb", "sc"].map(|key| vector.float(key)), vector.float("mult"));
    assert_eq!(reference::multiplier(a, b, c).to_bits(), m.to_bits());
    let double = f64::from_bits(vector.integer("m") as u64);
    let pair = |key| (all(&vector.0[key], |value| value as i32)[0], all(&vector.0[key], |value| value as i32)[1]);
    let (in_two, in_one) = (pair("double"), pair("single"));
    assert_eq!(rules::quantize_multiplier(double), in_two);
    assert_eq!(rules::quantize_multiplier_single(double), in_one);

    let scales = rules::Scales { a, b, c };
    let of_scales = Requantization::from_scales(a, Param::All(b), c, Q::TYPE, zero).unwrap();
    // Scales of a column are multiplied in binary64.
    let columns = vec![b; acc.len()];
    let by_column = Requantization::from_scales(a, Param::Each(&columns), c, Q::TYPE, zero).unwrap();
    let multipliers = vec![m; acc.len()];
    for &rule in Rule::ALL {
        let of_rule = |to: &Requantization| to.clone().with_rule(rule);
        let Some(expected) = expected(vector, rule) else {
            assert!(matches!(of_rule(&of_scales), Err(Error::Multiplier { .. })), "{rule}: multiplier {m:e}");
            continue;
        };
        let range = Q::RANGE;
        let reference = |acc: i32| match rule {
            Rule::F32ClipRound => reference::requantize(acc, m, zero, range),
            Rule::F32ZeroPointFirst => rules::f32_zero_point_first(acc, m, zero, range),
            Rule::F64ZeroPointFirst => rules::f64_zero_point_first(acc, m, zero, range),
            Rule::OneDnnConv => rules::onednn_conv(acc, scales, 0.0, zero, range),
            Rule::OneDnnMatMul => rules::onednn_matmul(acc, scales, 0.0, zero, range),
            Rule::FbgemmX86 => rules::fbgemm(acc, m, 0.0, zero, range),
            Rule::TfliteDouble => rules::tflite(rules::multiply_double(acc, in_two), zero, range),
            Rule::TfliteSingle => rules::tflite(rules::multiply_single(acc, in_one), zero, range),
            Rule::XnnpackRndnu => rules::rndnu(acc, m, zero, range),
            Rule::XnnpackRndnuNeon => rules::rndnu_neon(acc, m, zero, range),
            _ => unreachable!("{rule}"),
        };
        let results = acc.iter().map(|&acc| reference(acc)).collect::<Vec<_>>();
        same(&results, &expected, || format!("reference, {rule}: multiplier {m:e}, zero point {zero}"));

        // Where one scale for all has another recipe, it has other results.
        let per_tensor = f64::from_bits(vector.integer("m_per_tensor") as u64);
        let fixed = matches!(rule, Rule::TfliteDouble | Rule::TfliteSingle);
        let mut requantizations = vec![of_rule(&by_column)];
        if !fixed || per_tensor == double {
            requantizations.push(of_rule(&of_scales));
        }
        if fixed {
            let ready = if rule == Rule::TfliteDouble { in_two } else { in_one };
            requantizations.push(Requantization::from_fixed(rule, Param::All(ready), Q::TYPE, zero));
            let each = vec![ready; acc.len()];
            requantizations.push(Requantization::from_fixed(rule, Param::Each(&each), Q::TYPE, zero));
        } else if !matches!(rule, Rule::OneDnnConv | Rule::OneDnnMatMul) {
            let all = Requantization::from_multipliers(Param::All(m), Q::TYPE, zero).unwrap();
            let each = Requantization::from_multipliers(Param::Each(&multipliers), Q::TYPE, zero).unwrap();
            let zeros = vec![zero; acc.len()];
            let zeros = Requantization::from_multipliers(Param::All(m), Q::TYPE, &zeros[..]).unwrap();
            requantizations.extend([of_rule(&all), of_rule(&each), of_rule(&zeros)]);
        }
        let shape = [1, acc.len()];
        for to in requantizations.into_iter().map(Result::unwrap) {
            for backend in tiers() {
                let mut found = vec![Q::default(); acc.len()];
                let acc = MatRef::new(&acc, shape).unwrap();
                requantize(&backend, acc, &to, MatMut::new(&mut found, shape).unwrap()).unwrap();
                let found = found.iter().map(|found| found.value()).collect::<Vec<_>>();
                assert_eq!(found, results, "{backend:?}, {rule}: multiplier {m:e}, zero point {zero}");
            }
        }
    }
}

#[test]
fn steps_in_fixed_point() {
    let steps = serde_json::from_str::<Json>(include_str!("data/fixed_point.json")).unwrap();
    let each = |key: &str| steps[key].as_array().unwrap().clone();
    for step in each("srdhm") {
        let [a, b, out] = all(&step, |value| value as i32)[..] else { panic!("{step}") };
        assert_eq!(rules::srdhm(a, b), out, "{a} by {b}");
    }
    for step in each("rounding_divide_by_pot") {
        let [x, exponent, out] = all(&step, |value| value as i32)[..] else { panic!("{step}") };
        assert_eq!(rules::rounding_divide_by_pot(x, exponent as u32), out, "{x} by 2^{exponent}");
    }
    for step in each("quantize_multiplier") {
        let multiplier = f64::from_bits(step[0].as_u64().unwrap());
        let pair = |index: usize| {
            let pair = all(&step[index], |value| value as i32);
            (pair[0], pair[1])
        };
        assert_eq!(rules::quantize_multiplier(multiplier), pair(1), "{multiplier:e}");
        assert_eq!(rules::quantize_multiplier_single(multiplier), pair(2), "{multiplier:e}, one rounding");
    }
    for step in each("multiply_by_quantized_multiplier") {
        let value = |index: usize| step[index].as_i64().map(|value| value as i32);
        let (Some(x), Some(q), Some(shift)) = (value(0), value(1), value(2)) else { panic!("{step}") };
        if let Some(out) = value(3) {
            assert_eq!(rules::multiply_double(x, (q, shift)), out, "{x} by {q}, {shift} in two roundings");
        }
        if let Some(out) = value(4) {
            assert_eq!(rules::multiply_single(x, (q, shift)), out, "{x} by {q}, {shift} in one rounding");
        }
    }
}

const QUANTIZE_RULES: [(&str, QuantizeRule); 4] = [
    ("onnx", QuantizeRule::Onnx),
    ("reciprocal", QuantizeRule::Reciprocal),
    ("zp_first", QuantizeRule::ZeroPointFirst),
    ("tflite", QuantizeRule::Tflite),
];

#[test]
fn quantize_as_stored() {
    each(include_str!("data/quantize.json"), |vector| match vector.type_() {
        "u8" => {
            quantized::<u8>(vector, 8, (0, 255));
            by_default::<u8>(vector);
        }
        "s8" => {
            quantized::<i8>(vector, 8, (-128, 127));
            by_default::<i8>(vector);
        }
        "u4" => quantized::<u8>(vector, 4, (0, 15)),
        "s4" => quantized::<i8>(vector, 4, (-8, 7)),
        "u16" => quantized::<u16>(vector, 16, (0, 65535)),
        "s16" => quantized::<i16>(vector, 16, (-32768, 32767)),
        other => panic!("{other}"),
    });
}

fn quantized<Q: Integer + Into<i32> + Default>(vector: &Vector<'_>, bits: u32, (low, high): (i32, i32)) {
    let (x, scale, zero) = (vector.all("x", float), vector.float("scale"), vector.zero_point());
    let range = rules::Range { low, high, nan: low };
    for (name, rule) in QUANTIZE_RULES {
        let reference = match rule {
            QuantizeRule::Reciprocal => rules::quantize_reciprocal,
            QuantizeRule::ZeroPointFirst => rules::quantize_zero_point_first,
            QuantizeRule::Tflite => rules::quantize_tflite,
            _ => rules::quantize_division,
        };
        let results = x.iter().map(|&x| reference(x, scale, zero, range)).collect::<Vec<_>>();
        let expected = all_some(&vector.0["out"][name]);
        same(&results, &expected, || format!("reference, {name}: scale {scale:e}, zero point {zero}"));
        let (scales, zeros) = (vec![scale; x.len()], vec![zero; x.len()]);
        let one = Quantization::new(scale, zero);
        let shape = [x.len()];
        let each = Quantization::new(&scales[..], &zeros[..]).along(Granularity::Axis { shape: &shape, axis: 0 });
        for backend in tiers() {
            for by in [one, each] {
                let mut found = vec![Q::default(); x.len()];
                quantize_with(&backend, &x, &by.rule(rule).bits(bits), &mut found).unwrap();
                let found = found.into_iter().map(Into::into).collect::<Vec<i32>>();
                assert_eq!(found, results, "{backend:?}, {name}: scale {scale:e}, zero point {zero}");
            }
        }
    }
}

fn by_default<Q: Int8 + Value + Default>(vector: &Vector<'_>) {
    let (x, scale, zero) = (vector.all("x", float), vector.float("scale"), vector.zero_point());
    let expected = all_some(&vector.0["out"]["onnx"]);
    let results = x.iter().map(|&x| reference::quantize(x, scale, zero, Q::RANGE)).collect::<Vec<_>>();
    same(&results, &expected, || format!("reference: scale {scale:e}, zero point {zero}"));
    for backend in tiers() {
        let mut found = vec![Q::default(); x.len()];
        quantize(&backend, &x, scale, zero, &mut found).unwrap();
        let found = found.iter().map(|found| found.value()).collect::<Vec<_>>();
        assert_eq!(found, results, "{backend:?}: scale {scale:e}, zero point {zero}");
    }
}

fn all_some(values: &Json) -> Vec<Option<i64>> {
    values.as_array().unwrap().iter().map(Json::as_i64).collect()
}

#[test]
fn dequantize_as_stored() {
    each(include_str!("data/dequantize.json"), |vector| match vector.type_() {
        "u8" => {
            dequantized::<u8>(vector, 8);
            dequantized_by_default::<u8>(vector);
        }
        "s8" => {
            dequantized::<i8>(vector, 8);
            dequantized_by_default::<i8>(vector);
        }
        "u4" => dequantized::<u8>(vector, 4),
        "s4" => dequantized::<i8>(vector, 4),
        "u16" => dequantized::<u16>(vector, 16),
        "s16" => dequantized::<i16>(vector, 16),
        "s32" => dequantized::<i32>(vector, 32),
        other => panic!("{other}"),
    });
}

fn dequantized<Q: Integer + TryFrom<i64>>(vector: &Vector<'_>, bits: u32) {
    let (scale, zero) = (vector.float("scale"), vector.zero_point());
    let x = vector.all("x", |value| value);
    let narrow = |&x: &i64| Q::try_from(x).unwrap_or_else(|_| panic!("{x} of {bits} bits"));
    let values = x.iter().map(narrow).collect::<Vec<_>>();
    let by = Quantization::new(scale, zero);
    let by = if bits < 8 { by.bits(bits) } else { by };
    for backend in tiers() {
        let mut found = vec![0.0f32; x.len()];
        let result = dequantize_with(&backend, &values, &by, &mut found);
        if !(scale.is_finite() && scale > 0.0) {
            assert!(matches!(result, Err(Error::Scale { what: "scale", .. })), "{result:?}");
            continue;
        }
        result.unwrap();
        for ((found, expected), x) in found.iter().zip(vector.some("out")).zip(&x) {
            let expected = expected.map(|bits| bits as u32);
            assert_eq!(Some(found.to_bits()), expected, "{backend:?}: {x}, scale {scale:e}, zero point {zero}");
        }
    }
}

fn dequantized_by_default<Q: Int8 + Value>(vector: &Vector<'_>) {
    let (scale, zero) = (vector.float("scale"), vector.zero_point());
    if !scale.is_finite() {
        return;
    }
    let x = vector.bytes::<Q>("x");
    let expected = vector.all("out", |bits| bits as u32);
    let found = x.iter().map(|x| reference::dequantize(x.value(), scale, zero).to_bits()).collect::<Vec<_>>();
    assert_eq!(found, expected, "reference: scale {scale:e}, zero point {zero}");
    for backend in tiers() {
        let mut found = vec![0.0; x.len()];
        dequantize(&backend, &x, scale, zero, &mut found).unwrap();
        let found = found.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(found, expected, "{backend:?}: scale {scale:e}, zero point {zero}");
    }
}

#[test]
fn paddle_as_stored() {
    let file = serde_json::from_str::<Json>(include_str!("data/paddle.json")).unwrap();
    let of = |key: &str| file[key].as_array().unwrap().clone();
    let rounding = [("round_type_0", QuantizeRule::PaddleEven), ("round_type_1", QuantizeRule::PaddleAway)];
    let bits_of = |vector: &Vector<'_>| (vector.integer("qmax") as u32 + 1).ilog2() + 1;
    for vector in of("quantize") {
        let vector = Vector(&vector);
        let (x, scale, qmax) = (vector.all("x", float), vector.float("scale"), vector.integer("qmax") as i32);
        for (name, rule) in rounding {
            let reference = match rule {
                QuantizeRule::PaddleEven => rules::quantize_paddle_even,
                _ => rules::quantize_paddle_away,
            };
            let lowest = if rule == QuantizeRule::PaddleEven { -qmax - 1 } else { -qmax };
            let results = x.iter().map(|&x| reference(x, scale, qmax, lowest)).collect::<Vec<_>>();
            same(&results, &vector.some(name), || format!("reference, {name}: scale {scale:e}, greatest {qmax}"));
            for backend in tiers() {
                let mut found = vec![0i8; x.len()];
                let by = Quantization::new(scale, 0).rule(rule).bits(bits_of(&vector));
                quantize_with(&backend, &x, &by, &mut found).unwrap();
                let found = found.into_iter().map(i32::from).collect::<Vec<_>>();
                assert_eq!(found, results, "{backend:?}, {name}: scale {scale:e}, greatest {qmax}");
            }
        }
    }
    for vector in of("dequantize") {
        let vector = Vector(&vector);
        let (x, scale, qmax) = (vector.bytes::<i8>("x"), vector.float("scale"), vector.integer("qmax") as i32);
        let results = x.iter().map(|&x| rules::dequantize_paddle(x.into(), scale, qmax)).collect::<Vec<_>>();
        // A subnormal scale is kept here, where Paddle took it for 0.
        let is_kept = scale.is_subnormal();
        for ((result, expected), x) in results.iter().zip(vector.some("out")).zip(&x) {
            assert!(is_kept || expected == Some(result.to_bits().into()), "reference: {x}, scale {scale:e}, {qmax}");
        }
        let by = Quantization::new(scale, 0).rule(QuantizeRule::PaddleEven).bits(bits_of(&vector));
        for backend in tiers() {
            let mut found = vec![0.0f32; x.len()];
            dequantize_with(&backend, &x, &by, &mut found).unwrap();
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&found), bits(&results), "{backend:?}: scale {scale:e}, greatest {qmax}");
        }
    }
    for vector in of("per_channel") {
        let vector = Vector(&vector);
        let (x, scales) = (vector.all("x", float), vector.all("scale", float));
        let shape = vector.all("shape", |size| size as usize);
        let axis = vector.integer("axis") as isize;
        for (name, rule) in rounding {
            for axis in [axis, axis - shape.len() as isize] {
                let by = Quantization::new(&scales[..], 0)
                    .rule(rule)
                    .bits(bits_of(&vector))
                    .along(Granularity::Axis { shape: &shape, axis });
                for backend in tiers() {
                    let mut found = vec![0i8; x.len()];
                    quantize_with(&backend, &x, &by, &mut found).unwrap();
                    assert_eq!(found, vector.bytes::<i8>(name), "{backend:?}, {name}");
                    if rule == QuantizeRule::PaddleEven {
                        let mut back = vec![0.0f32; x.len()];
                        dequantize_with(&backend, &found, &by, &mut back).unwrap();
                        let back = back.into_iter().map(f32::to_bits).collect::<Vec<_>>();
                        assert_eq!(back, vector.all("dequantized_round_type_0", |bits| bits as u32), "{backend:?}");
                    }
                }
            }
        }
    }
}
