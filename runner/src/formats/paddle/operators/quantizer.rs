//! Quantisers, whose scales are greatest absolute values.
//!
//! In the graph a quantiser makes integers; in Paddle floats of whole numbers. A quantiser that only observes copies: it
//! is there to carry a scale.

use super::super::builder::Call;
use super::super::program::{Attribute, Operator};
use crate::error::Fault;
use crate::graph::op::AbsMax;
use crate::graph::{Data, Op, TensorId, Type, shape};

/// Whether an operator makes integers of floats.
pub(in super::super) fn quantises(operator: &Operator) -> bool {
    let observes = |(name, value): &(String, Attribute)| name == "only_observer" && *value == Attribute::Bool(true);
    operator.name == "quantize_linear" && !operator.attributes.iter().any(observes)
}

/// What both directions say.
struct Quantizer {
    /// The greatest absolute values.
    scales: Vec<f32>,
    axis: i64,
    bits: u32,
}

impl Quantizer {
    /// The greatest integer.
    fn greatest(&self) -> f32 {
        ((1u32 << (self.bits - 1)) - 1) as f32
    }

    /// The scales as ONNX has them: what one step is worth.
    fn steps(&self) -> Vec<f32> {
        self.scales.iter().map(|scale| scale / self.greatest()).collect()
    }
}

/// What a quantiser says; nothing where it only observes, and its result is its operand.
fn quantizer(call: &mut Call<'_, '_>) -> Result<Option<Quantizer>, Fault> {
    // What training collected.
    call.ignore(&["InAccum", "InState"]);
    if call.flag("only_observer", false)? {
        call.ignore(&["Scale", "ZeroPoint"]);
        return Ok(None);
    }
    if !call.flag("is_test", true)? {
        return Err(Fault::unsupported("attribute is_test is false: a program for training"));
    }
    let length = call.int("bit_length")?.unwrap_or(8);
    let bits = u32::try_from(length).ok().filter(|bits| (2..=8).contains(bits));
    let bits = bits.ok_or_else(|| Fault::unsupported(format!("attribute bit_length is {length}, expected 2 to 8")))?;
    match call.int("round_type")?.unwrap_or(0) {
        0 => {}
        other => return Err(Fault::unsupported(format!("attribute round_type is {other}, expected 0, ties to even"))),
    }
    let axis = call.int("quant_axis")?.unwrap_or(-1);
    let scales = scales(call)?;
    let found = Quantizer { scales, axis, bits };
    range(call, &found)?;
    zero_points(call)?;
    Ok(Some(found))
}

fn scales(call: &mut Call<'_, '_>) -> Result<Vec<f32>, Fault> {
    let id = call.input("Scale")?;
    let name = call.tensor_name(id);
    let constant = call.constant(id).ok_or_else(|| {
        Fault::unsupported(format!("its scale \"{name}\" is only known at run time, expected a parameter"))
    })?;
    let Data::F32(scales) = constant.data() else {
        return Err(Fault::invalid(format!("its scale \"{name}\" is {}, expected float32", constant.type_())));
    };
    match scales.iter().find(|scale| !(**scale > 0.0 && scale.is_finite())) {
        Some(scale) => {
            Err(Fault::invalid(format!("its scale \"{name}\" is {scale}, expected a finite number above 0")))
        }
        None if scales.is_empty() => Err(Fault::invalid(format!("its scale \"{name}\" is empty"))),
        None => Ok(scales.clone()),
    }
}

/// The newer form states the range as well: all integers of the bits, with or without the least.
fn range(call: &mut Call<'_, '_>, quantizer: &Quantizer) -> Result<(), Fault> {
    let (least, greatest) = (call.int("qmin")?, call.int("qmax")?);
    let most = i64::from((1u32 << (quantizer.bits - 1)) - 1);
    // The default of 8 bits stays where there are fewer.
    let fits = |value: Option<i64>, fitting: &[i64]| value.is_none_or(|value| fitting.contains(&value));
    if fits(least, &[-most - 1, -most, -128, -127]) && fits(greatest, &[most, 127]) {
        return Ok(());
    }
    Err(Fault::unsupported(format!(
        "attributes qmin and qmax are {least:?} and {greatest:?}, expected {} and {most}",
        -most - 1
    )))
}

/// Paddle's kernels do not look at zero points, so that one that is not 0 says something that is not done.
fn zero_points(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let Some(id) = call.raw("ZeroPoint")? else { return Ok(()) };
    let name = call.tensor_name(id);
    let constant = call.constant(id).ok_or_else(|| {
        Fault::unsupported(format!("its zero point \"{name}\" is only known at run time, expected a parameter"))
    })?;
    let nonzero = match (constant.integers(), constant.floats()) {
        (Some(values), _) => values.iter().any(|&value| value != 0),
        (None, Some(values)) => values.iter().any(|&value| value != 0.0),
        (None, None) => true,
    };
    if nonzero {
        return Err(Fault::unsupported(format!("its zero point \"{name}\" is not 0, which Paddle's kernels ignore")));
    }
    Ok(())
}

pub(super) fn quantize(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let Some(quantizer) = quantizer(call)? else { return observe(call) };
    let x = call.input("X")?;
    let &[value] = quantizer.scales.as_slice() else {
        let (count, axis) = (quantizer.scales.len(), quantizer.axis);
        return Err(Fault::unsupported(format!("{count} scales along axis {axis} of activations, expected one")));
    };
    let [scale, zero_point] = step(call, &quantizer)?;
    let abs_max = Some(AbsMax { value, bits: quantizer.bits });
    let op = Op::QuantizeLinear { axis: 1, block: 0, to: Some(Type::I8), abs_max };
    call.make(op, &[x, scale, zero_point], "Y").map(drop)
}

pub(super) fn dequantize(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let Some(quantizer) = quantizer(call)? else { return observe(call) };
    let x = call.raw("X")?.ok_or_else(|| Fault::invalid("slot X is empty"))?;
    if call.is_quantised(x) {
        if quantizer.scales.len() != 1 {
            let count = quantizer.scales.len();
            return Err(Fault::unsupported(format!("{count} scales of activations, expected one")));
        }
        let [scale, zero_point] = step(call, &quantizer)?;
        let op = Op::DequantizeLinear { axis: 1, block: 0, to: None };
        return call.make(op, &[x, scale, zero_point], "Y").map(drop);
    }
    let weights = weights(call, x)?;
    let shape = call.constant(weights).map(|constant| constant.shape().to_vec()).unwrap_or_default();
    let count = quantizer.scales.len();
    let (axis, expected) = match quantizer.axis {
        // One scale for all.
        -1 => (0, 1),
        axis => {
            let at = shape::axis(axis, shape.len()).map_err(|fault| {
                Fault::invalid(format!("attribute quant_axis: {} of weights {shape:?}", fault.message))
            })?;
            (i64::try_from(at).unwrap_or(i64::MAX), shape[at])
        }
    };
    if count != expected {
        let axis = quantizer.axis;
        return Err(Fault::invalid(format!(
            "attribute quant_axis is {axis} of weights {shape:?}: {count} scales, expected {expected}"
        )));
    }
    let steps = quantizer.steps();
    let scale_shape = if quantizer.axis == -1 { vec![] } else { vec![count] };
    let scale = call.value(scale_shape, Data::F32(steps))?;
    call.make(Op::DequantizeLinear { axis, block: 0, to: None }, &[weights, scale], "Y").map(drop)
}

/// Weights of 8 bits; older writers store their whole numbers as floats.
fn weights(call: &mut Call<'_, '_>, x: TensorId) -> Result<TensorId, Fault> {
    let name = call.tensor_name(x);
    let Some(constant) = call.constant(x) else {
        return Err(Fault::unsupported(format!(
            "dequantises \"{name}\", which no quantiser made and which is no parameter"
        )));
    };
    match constant.data() {
        Data::I8(_) => Ok(x),
        Data::F32(values) => {
            let whole = |&value: &f32| {
                let fits = value.fract() == 0.0 && (-128.0..=127.0).contains(&value);
                if fits { Some(value as i8) } else { None }
            };
            let values: Option<Vec<i8>> = values.iter().map(whole).collect();
            let values = values
                .ok_or_else(|| Fault::invalid(format!("dequantises \"{name}\", which is not of whole numbers")))?;
            let shape = constant.shape().to_vec();
            call.spend(values.len())?;
            call.value(shape, Data::I8(values))
        }
        other => Err(Fault::unsupported(format!("dequantises \"{name}\" of {}, expected int8", other.type_()))),
    }
}

/// The scale of one step, and the zero point.
fn step(call: &mut Call<'_, '_>, quantizer: &Quantizer) -> Result<[TensorId; 2], Fault> {
    let step = quantizer.steps().first().copied().unwrap_or(1.0);
    Ok([call.scalar(step)?, call.value(vec![], Data::I8(vec![0]))?])
}

fn observe(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.same(x, "Y")
}
