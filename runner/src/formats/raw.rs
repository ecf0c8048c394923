//! The elements of a tensor as files have them: little-endian, in C order.

use std::borrow::Cow;

use half::{bf16, f16};

use crate::error::Fault;
use crate::graph::{Data, Type, shape};

/// The bytes of a tensor in a file, where two values of 4 bits share one.
#[cfg(feature = "onnx")]
pub(super) fn stored_bytes(type_: Type, shape: &[usize]) -> Result<usize, Fault> {
    let bytes = shape::bytes(shape, type_.size())?;
    Ok(if matches!(type_, Type::U4 | Type::I4) { bytes.div_ceil(2) } else { bytes })
}

pub(super) fn from_bytes<'a>(
    raw: impl Into<Cow<'a, [u8]>>,
    type_: Type,
    shape: &[usize],
    bytes: usize,
    what: &str,
) -> Result<Data, Fault> {
    let raw = raw.into();
    if raw.len() != bytes {
        return Err(Fault::invalid(format!("{type_} {shape:?} needs {bytes} bytes, {what} has {}", raw.len())));
    }
    Ok(match type_ {
        Type::Bool => Data::Bool(conditions(raw.iter().map(|&byte| byte.into()))?),
        Type::U4 => Data::U4(nibbles(&raw, shape)?),
        Type::I4 => Data::I4(nibbles(&raw, shape)?.into_iter().map(signed_nibble).collect()),
        // Bytes that are owned become the constant's.
        Type::U8 => Data::U8(raw.into_owned()),
        Type::I8 => Data::I8(bytemuck::cast_vec(raw.into_owned())),
        Type::U16 => Data::U16(words(&raw, u16::from_le_bytes)),
        Type::I16 => Data::I16(words(&raw, i16::from_le_bytes)),
        Type::F16 => Data::F16(words(&raw, f16::from_le_bytes)),
        Type::BF16 => Data::BF16(words(&raw, bf16::from_le_bytes)),
        Type::I32 => Data::I32(words(&raw, i32::from_le_bytes)),
        Type::I64 => Data::I64(words(&raw, i64::from_le_bytes)),
        Type::F32 => Data::F32(words(&raw, f32::from_le_bytes)),
    })
}

/// Conditions: 0 or 1.
pub(super) fn conditions(values: impl Iterator<Item = i32>) -> Result<Vec<u8>, Fault> {
    let condition = |value| match value {
        0 | 1 => Ok(value as u8),
        _ => Err(Fault::invalid(format!("a bool is {value}, expected 0 or 1"))),
    };
    values.map(condition).collect()
}

/// Values of 4 bits: the first of a byte is in its low half. Where they are odd, the last half says nothing.
fn nibbles(raw: &[u8], shape: &[usize]) -> Result<Vec<u8>, Fault> {
    let mut values: Vec<u8> = raw.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect();
    values.truncate(shape::elements(shape)?);
    Ok(values)
}

/// Four bits in two's complement.
fn signed_nibble(nibble: u8) -> i8 {
    (nibble << 4).cast_signed() >> 4
}

fn words<const N: usize, T>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|&bytes| word(bytes)).collect()
}
