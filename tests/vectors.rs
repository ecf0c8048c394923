//! Stored vectors: requantize by the rule of onnxruntime and of XNNPACK's `fp32` kernels, quantize and dequantize by
//! ONNX's, on the reference and on every tier. Floats are bit patterns.

use serde_json::Value as Json;
use zeropoint::elementwise::{dequantize, quantize, requantize};
use zeropoint::*;
use zeropoint_kernels::reference::{self, Value};

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

    fn type_(&self) -> Type {
        if self.0["type"] == "u8" { Type::U8 } else { Type::I8 }
    }

    fn all<T>(&self, key: &str, of: impl Fn(i64) -> T) -> Vec<T> {
        let values = self.0[key].as_array().unwrap_or_else(|| panic!("{key} of {}", self.0));
        values.iter().map(|value| of(value.as_i64().expect("an integer"))).collect()
    }
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

#[test]
fn requantize_as_stored() {
    each(include_str!("data/requantize.json"), |vector| match vector.type_() {
        Type::U8 => requantized::<u8>(vector),
        _ => requantized::<i8>(vector),
    });
}

fn requantized<Q: Int8 + Value + Default>(vector: &Vector<'_>) {
    let (acc, zero) = (vector.all("acc", |value| value as i32), vector.zero_point());
    let expected = vector.all("out", |value| Q::from_value(value as i32));
    let (scales, multiplier) = (["sa", "sb", "sc"].map(|key| vector.float(key)), vector.float("mult"));
    assert_eq!(reference::multiplier(scales[0], scales[1], scales[2]).to_bits(), multiplier.to_bits());
    let found = acc.iter().map(|&acc| Q::from_value(reference::requantize(acc, multiplier, zero, Q::RANGE)));
    assert_eq!(found.collect::<Vec<_>>(), expected, "reference: multiplier {multiplier:e}, zero point {zero}");

    let shape = [1, acc.len()];
    let columns = vec![multiplier; acc.len()];
    let requantizations = [
        Requantization::from_multipliers(Param::All(multiplier), Q::TYPE, zero),
        Requantization::from_multipliers(Param::Each(&columns), Q::TYPE, zero),
        Requantization::from_scales(scales[0], Param::All(scales[1]), scales[2], Q::TYPE, zero),
    ];
    for to in requantizations.map(Result::unwrap) {
        for backend in tiers() {
            let mut found = vec![Q::default(); acc.len()];
            let acc = MatRef::new(&acc, shape).unwrap();
            requantize(&backend, acc, &to, MatMut::new(&mut found, shape).unwrap()).unwrap();
            assert_eq!(found, expected, "{backend:?}: multiplier {multiplier:e}, zero point {zero}");
        }
    }
}

#[test]
fn quantize_as_stored() {
    each(include_str!("data/quantize.json"), |vector| match vector.type_() {
        Type::U8 => quantized::<u8>(vector),
        _ => quantized::<i8>(vector),
    });
}

fn quantized<Q: Int8 + Value + Default>(vector: &Vector<'_>) {
    let (x, scale, zero) = (vector.all("x", float), vector.float("scale"), vector.zero_point());
    let expected = vector.all("out", |value| Q::from_value(value as i32));
    let found = x.iter().map(|&x| Q::from_value(reference::quantize(x, scale, zero, Q::RANGE)));
    assert_eq!(found.collect::<Vec<_>>(), expected, "reference: scale {scale:e}, zero point {zero}");
    for backend in tiers() {
        let mut found = vec![Q::default(); x.len()];
        quantize(&backend, &x, scale, zero, &mut found).unwrap();
        assert_eq!(found, expected, "{backend:?}: scale {scale:e}, zero point {zero}");
    }
}

#[test]
fn dequantize_as_stored() {
    each(include_str!("data/dequantize.json"), |vector| match vector.type_() {
        Type::U8 => dequantized::<u8>(vector),
        _ => dequantized::<i8>(vector),
    });
}

fn dequantized<Q: Int8 + Value>(vector: &Vector<'_>) {
    let (scale, zero) = (vector.float("scale"), vector.zero_point());
    let x = vector.all("x", |value| Q::from_value(value as i32));
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
