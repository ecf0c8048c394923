//! Constants: a `TensorProto` becomes a [`Constant`], or an error before anything is allocated for it.

use super::external::{self, Folder};
use super::proto::TensorProto;
use crate::error::Fault;
use crate::graph::{Constant, Data, Type, shape};

/// A type of ONNX's enumeration.
pub(super) fn type_(code: i32) -> Result<Type, Fault> {
    Ok(match code {
        1 => Type::F32,
        2 => Type::U8,
        3 => Type::I8,
        6 => Type::I32,
        7 => Type::I64,
        0 => return Err(Fault::invalid("has no element type")),
        other => {
            let name = match other {
                4 => "uint16",
                5 => "int16",
                8 => "string",
                9 => "bool",
                10 => "float16",
                11 => "double",
                12 => "uint32",
                13 => "uint64",
                16 => "bfloat16",
                17..=20 => "float8",
                21 => "uint4",
                22 => "int4",
                _ => return Err(Fault::invalid(format!("element type {other} does not exist"))),
            };
            return Err(Fault::unsupported(format!(
                "element type {name}; expected uint8, int8, int32, int64 or float32"
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
    let shape = dims(&proto.dims)?;
    let type_ = type_(proto.data_type)?;
    let bytes = shape::bytes(&shape, type_.size())?;
    if proto.segment.is_some() {
        return Err(Fault::unsupported("a tensor in segments"));
    }
    let data = match proto.data_location {
        0 if proto.external_data.is_empty() => match &proto.raw_data {
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
            from_bytes(&raw, type_, &shape, bytes, "external data")?
        }
        other => return Err(Fault::invalid(format!("data_location {other}, expected 0 (DEFAULT) or 1 (EXTERNAL)"))),
    };
    Constant::new(shape, data)
}

fn from_bytes(raw: &[u8], type_: Type, shape: &[usize], bytes: usize, what: &str) -> Result<Data, Fault> {
    if raw.len() != bytes {
        return Err(Fault::invalid(format!("{type_} {shape:?} needs {bytes} bytes, {what} has {}", raw.len())));
    }
    Ok(match type_ {
        Type::U8 => Data::U8(raw.to_vec()),
        Type::I8 => Data::I8(raw.iter().map(|&byte| byte.cast_signed()).collect()),
        Type::I32 => Data::I32(words(raw, i32::from_le_bytes)),
        Type::I64 => Data::I64(words(raw, i64::from_le_bytes)),
        Type::F32 => Data::F32(words(raw, f32::from_le_bytes)),
    })
}

fn words<const N: usize, T>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|&bytes| word(bytes)).collect()
}

fn from_values(proto: &TensorProto, type_: Type, shape: &[usize]) -> Result<Data, Fault> {
    let (data, others) = match type_ {
        Type::F32 => (Data::F32(proto.float_data.clone()), [proto.int32_data.len(), proto.int64_data.len()]),
        Type::I64 => (Data::I64(proto.int64_data.clone()), [proto.int32_data.len(), proto.float_data.len()]),
        Type::I32 => (Data::I32(proto.int32_data.clone()), [proto.int64_data.len(), proto.float_data.len()]),
        Type::U8 => (Data::U8(narrow(&proto.int32_data, type_)?), [proto.int64_data.len(), proto.float_data.len()]),
        Type::I8 => (Data::I8(narrow(&proto.int32_data, type_)?), [proto.int64_data.len(), proto.float_data.len()]),
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
    fn types_that_are_not_supported_are_told_from_those_that_do_not_exist() {
        assert_eq!(type_(10).unwrap_err().kind, ProblemKind::Unsupported);
        assert_eq!(type_(99).unwrap_err().kind, ProblemKind::Invalid);
    }
}
