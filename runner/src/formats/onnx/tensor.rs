//! Constants: a `TensorProto` becomes a [`Constant`], or an error before anything is allocated for it.

use std::borrow::Cow;

use half::{bf16, f16};

use super::external::{self, Folder};
use super::proto::TensorProto;
use crate::error::Fault;
use crate::formats::raw::{conditions, from_bytes, stored_bytes};
use crate::graph::{Constant, Data, Type, shape};

/// A type of ONNX's enumeration.
pub(super) fn type_(code: i32) -> Result<Type, Fault> {
    Ok(match code {
        1 => Type::F32,
        2 => Type::U8,
        3 => Type::I8,
        4 => Type::U16,
        5 => Type::I16,
        6 => Type::I32,
        7 => Type::I64,
        10 => Type::F16,
        16 => Type::BF16,
        9 => Type::Bool,
        21 => Type::U4,
        22 => Type::I4,
        0 => return Err(Fault::invalid("has no element type")),
        other => {
            let name = match other {
                8 => "string",
                11 => "double",
                12 => "uint32",
                13 => "uint64",
                14 | 15 => "complex",
                17..=20 | 24 => "float8",
                23 => "float4",
                25 => "uint2",
                26 => "int2",
                _ => return Err(Fault::invalid(format!("element type {other} does not exist"))),
            };
            return Err(Fault::unsupported(format!(
                "element type {name}; expected bool, uint4, int4, uint8, int8, uint16, int16, int32, int64, float16, \
                 bfloat16 or float32"
            )));
        }
    })
}

/// The sizes, none negative and their product within the address space.
pub(super) fn dims(dims: &[i64]) -> Result<Vec<usize>, Fault> {
    if dims.len() > shape::MAX_RANK {
        return Err(Fault::unsupported(format!("has {} axes, expected at most {}", dims.len(), shape::MAX_RANK)));
    }
    dims.iter()
        .map(|&size| match usize::try_from(size) {
            Ok(size) => Ok(size),
            Err(_) if size < 0 => Err(Fault::invalid(format!("a size of {size} in {dims:?}"))),
            Err(_) => Err(Fault::overflow(format!("the size {size} in {dims:?} is more than the address space"))),
        })
        .collect()
}

pub(super) fn constant(proto: &TensorProto, folder: &mut Folder<'_>) -> Result<Constant, Fault> {
    of(proto, proto.raw_data.as_deref().map(Cow::Borrowed), folder)
}

/// A constant whose bytes were taken out of the message, and become the constant's where they can.
pub(super) fn taken(proto: &TensorProto, raw: Option<Vec<u8>>, folder: &mut Folder<'_>) -> Result<Constant, Fault> {
    of(proto, raw.map(Cow::Owned), folder)
}

fn of(proto: &TensorProto, raw: Option<Cow<'_, [u8]>>, folder: &mut Folder<'_>) -> Result<Constant, Fault> {
    let shape = dims(&proto.dims)?;
    let type_ = type_(proto.data_type)?;
    let bytes = stored_bytes(type_, &shape)?;
    if proto.segment.is_some() {
        return Err(Fault::unsupported("a tensor in segments"));
    }
    let data = match proto.data_location {
        0 if proto.external_data.is_empty() => match raw {
            Some(raw) => {
                if !(proto.float_data.is_empty() && proto.int32_data.is_empty() && proto.int64_data.is_empty()) {
                    return Err(Fault::invalid("has both raw_data and typed values"));
                }
                from_bytes(raw, type_, &shape, bytes, "raw_data")?
            }
            None => from_values(proto, type_, &shape)?,
        },
        0 => return Err(Fault::invalid("names external data, but its data_location is DEFAULT")),
        1 => {
            let raw = external::read(&proto.external_data, bytes, folder)?;
            from_bytes(raw, type_, &shape, bytes, "external data")?
        }
        other => return Err(Fault::invalid(format!("data_location {other}, expected 0 (DEFAULT) or 1 (EXTERNAL)"))),
    };
    Constant::new(shape, data)
}

fn from_values(proto: &TensorProto, type_: Type, shape: &[usize]) -> Result<Data, Fault> {
    let words = &proto.int32_data;
    let data = match type_ {
        Type::F32 => Data::F32(proto.float_data.clone()),
        Type::I64 => Data::I64(proto.int64_data.clone()),
        Type::I32 => Data::I32(words.clone()),
        Type::Bool => Data::Bool(conditions(words.iter().copied())?),
        Type::U8 => Data::U8(narrow(words, type_)?),
        Type::I8 => Data::I8(narrow(words, type_)?),
        Type::U16 => Data::U16(narrow(words, type_)?),
        Type::I16 => Data::I16(narrow(words, type_)?),
        // Bit patterns.
        Type::F16 => Data::F16(narrow(words, type_)?.into_iter().map(f16::from_bits).collect()),
        Type::BF16 => Data::BF16(narrow(words, type_)?.into_iter().map(bf16::from_bits).collect()),
        Type::U4 | Type::I4 => {
            let bytes: Vec<u8> = words.iter().map(|word| word.to_le_bytes()[0]).collect();
            from_bytes(bytes, type_, shape, stored_bytes(type_, shape)?, "int32_data")?
        }
    };
    let others = match type_ {
        Type::F32 => [words.len(), proto.int64_data.len()],
        Type::I64 => [words.len(), proto.float_data.len()],
        _ => [proto.int64_data.len(), proto.float_data.len()],
    };
    if others != [0, 0] {
        return Err(Fault::invalid(format!("{type_} {shape:?} has values of another type")));
    }
    Ok(data)
}

fn narrow<T: TryFrom<i32>>(values: &[i32], type_: Type) -> Result<Vec<T>, Fault> {
    values
        .iter()
        .map(|&value| T::try_from(value).map_err(|_| Fault::invalid(format!("the value {value} is no {type_}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProblemKind;

    fn raw(dims: &[i64], data_type: i32, bytes: usize) -> TensorProto {
        TensorProto { dims: dims.to_vec(), data_type, raw_data: Some(vec![0; bytes]), ..TensorProto::default() }
    }

    #[test]
    fn raw_data_has_the_length_of_the_dims() {
        assert!(constant(&raw(&[4], 3, 4), &mut Folder::new(None)).is_ok());
        for bytes in [3, 5, 0] {
            let fault = constant(&raw(&[4], 3, bytes), &mut Folder::new(None)).unwrap_err();
            assert_eq!(fault.kind, ProblemKind::Invalid);
            assert_eq!(fault.message, format!("int8 [4] needs 4 bytes, raw_data has {bytes}"));
        }
    }

    #[test]
    fn products_that_wrap_are_refused_before_allocation() {
        for dims in [&[i64::MAX, 2][..], &[1 << 32, 1 << 32], &[1 << 62, 4]] {
            let fault = constant(&raw(dims, 3, 0), &mut Folder::new(None)).unwrap_err();
            assert_eq!(fault.kind, ProblemKind::SizeOverflow, "{dims:?}");
        }
        // 2^64 − 4 as a signed number.
        assert_eq!(constant(&raw(&[-4], 3, 0), &mut Folder::new(None)).unwrap_err().message, "a size of -4 in [-4]");
    }

    #[test]
    fn typed_values_fit_their_type() {
        let proto = TensorProto { dims: vec![1], data_type: 2, int32_data: vec![256], ..TensorProto::default() };
        assert_eq!(constant(&proto, &mut Folder::new(None)).unwrap_err().message, "the value 256 is no uint8");
        let proto = TensorProto { dims: vec![2], data_type: 3, int32_data: vec![-128, 127], ..TensorProto::default() };
        assert_eq!(constant(&proto, &mut Folder::new(None)).unwrap().data(), &Data::I8(vec![-128, 127]));
    }

    #[test]
    fn two_values_of_4_bits_share_a_byte() {
        let of = |dims: &[i64], data_type, raw: &[u8]| {
            let proto =
                TensorProto { dims: dims.to_vec(), data_type, raw_data: Some(raw.to_vec()), ..TensorProto::default() };
            constant(&proto, &mut Folder::new(None)).map(|constant| constant.data().clone())
        };
        // The low half first; the last half byte of an odd number of values is not looked at.
        assert_eq!(of(&[3], 21, &[0x2f, 0xf7]), Ok(Data::U4(vec![15, 2, 7])));
        assert_eq!(of(&[2, 2], 22, &[0x78, 0x0f]), Ok(Data::I4(vec![-8, 7, -1, 0])));
        assert_eq!(of(&[0], 22, &[]), Ok(Data::I4(vec![])));
        for (dims, bytes) in [([4], 1), ([4], 3), ([5], 2), ([5], 4)] {
            let fault = of(&dims, 22, &vec![0; bytes]).unwrap_err();
            let needed = if dims == [4] { 2 } else { 3 };
            assert_eq!(fault.message, format!("int4 {dims:?} needs {needed} bytes, raw_data has {bytes}"));
        }
        let words = TensorProto { dims: vec![3], data_type: 21, int32_data: vec![0x2f, 7], ..TensorProto::default() };
        let words = constant(&words, &mut Folder::new(None)).unwrap();
        assert_eq!(words.data(), &Data::U4(vec![15, 2, 7]));
    }

    #[test]
    fn half_floats_are_bits_in_either_form() {
        let bits =
            TensorProto { dims: vec![2], data_type: 10, int32_data: vec![0x3c00, 0xc000], ..TensorProto::default() };
        let expected = Data::F16(vec![f16::ONE, f16::from_f32(-2.0)]);
        assert_eq!(constant(&bits, &mut Folder::new(None)).unwrap().data(), &expected);
        let raw =
            TensorProto { dims: vec![1], data_type: 16, raw_data: Some(vec![0x80, 0x3f]), ..TensorProto::default() };
        assert_eq!(constant(&raw, &mut Folder::new(None)).unwrap().data(), &Data::BF16(vec![bf16::ONE]));
    }

    #[test]
    fn types_that_are_not_supported_are_told_from_those_that_do_not_exist() {
        assert_eq!(type_(11).unwrap_err().kind, ProblemKind::Unsupported);
        assert_eq!(type_(99).unwrap_err().kind, ProblemKind::Invalid);
    }
}
