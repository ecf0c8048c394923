//! Tensors that the program says.

use half::{bf16, f16};

use super::super::builder::Call;
use super::super::program::sizes;
use crate::error::Fault;
use crate::graph::{Data, Op, Type, shape};

/// One value, repeated.
pub(super) fn fill(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let shape = sizes(&call.ints("shape")?.unwrap_or_default())?;
    let type_ = call.type_("dtype")?.unwrap_or(Type::F32);
    // The text is exact where the number is not.
    let text = call.text("str_value")?.unwrap_or_default();
    let value = match text.parse::<f64>() {
        Ok(value) => value,
        Err(_) if text.is_empty() => call.float("value")?.unwrap_or(0.0).into(),
        Err(_) => return Err(Fault::invalid(format!("attribute str_value is \"{text}\", expected a number"))),
    };
    let elements = shape::elements(&shape)?;
    call.spend(elements)?;
    let data = filled(type_, value, elements)?;
    call.make_constant(shape, data, "Out")
}

fn filled(type_: Type, value: f64, elements: usize) -> Result<Data, Fault> {
    let whole = || {
        // The numbers of f64 that i64 has, but for its greatest.
        let fits = value.fract() == 0.0 && value.abs() < 9.2e18;
        if fits { Ok(value as i64) } else { Err(Fault::invalid(format!("the value {value} is no {type_}"))) }
    };
    fn narrow<T: TryFrom<i64> + Clone>(value: i64, type_: Type, elements: usize) -> Result<Vec<T>, Fault> {
        let value = T::try_from(value).map_err(|_| Fault::invalid(format!("the value {value} is no {type_}")))?;
        Ok(vec![value; elements])
    }
    Ok(match type_ {
        Type::F32 => Data::F32(vec![value as f32; elements]),
        Type::F16 => Data::F16(vec![f16::from_f64(value); elements]),
        Type::BF16 => Data::BF16(vec![bf16::from_f64(value); elements]),
        Type::Bool => Data::Bool(vec![u8::from(value != 0.0); elements]),
        Type::U4 | Type::U8 => Data::U8(narrow(whole()?, type_, elements)?),
        Type::I4 | Type::I8 => Data::I8(narrow(whole()?, type_, elements)?),
        Type::U16 => Data::U16(narrow(whole()?, type_, elements)?),
        Type::I16 => Data::I16(narrow(whole()?, type_, elements)?),
        Type::I32 => Data::I32(narrow(whole()?, type_, elements)?),
        Type::I64 => Data::I64(vec![whole()?; elements]),
    })
}

/// Integers, one by one.
pub(super) fn integers(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let values = call.ints("value")?.unwrap_or_default();
    call.make_constant(vec![values.len()], Data::I64(values), "Out")
}

pub(super) fn shape(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("Input")?;
    let sizes = call.node(Op::Shape { start: 0, end: None }, &[x]);
    call.make(Op::Cast { to: Type::I32 }, &[sizes], "Out").map(drop)
}
