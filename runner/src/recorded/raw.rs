//! Raw elements in a file, and a list that says what lies where.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use half::{bf16, f16};
use serde::Deserialize;

use super::{Found, same_shape};
use crate::graph::{Data, Type, shape};

/// A tensor in the file of elements, which are in C order, little-endian, and of at least a byte each.
#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    offset: u64,
    /// CRC-32 of the elements, eight hexadecimal digits.
    crc32: Option<String>,
}

#[derive(Debug)]
pub(super) struct Raw {
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
    elements: File,
    bytes: u64,
}

impl Raw {
    /// Opens a list and the file of the same name with the extension `bin`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let place = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(place)?;
        let entries: Vec<Entry> =
            serde_json::from_str(&text).with_context(|| format!("{}: is no list of tensors", place()))?;
        let bin = path.with_extension("bin");
        let elements = File::open(&bin).with_context(|| bin.display().to_string())?;
        let metadata = elements.metadata().with_context(|| bin.display().to_string())?;
        ensure!(metadata.is_file(), "{}: is no file", bin.display());
        let mut places = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            ensure!(places.insert(entry.name.clone(), at).is_none(), "{}: {} is there twice", place(), entry.name);
        }
        Ok(Self { entries, places, elements, bytes: metadata.len() })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    pub(super) fn find(&mut self, name: &str, type_: Type, shape: &[usize]) -> Result<Found> {
        let Some(entry) = self.places.get(name).map(|&at| &self.entries[at]) else { return Ok(Found::Nothing) };
        if entry.dtype != type_.name() || !same_shape(&entry.shape, shape) {
            return Ok(Found::Other(format!("{} {:?}", entry.dtype, entry.shape)));
        }
        let length = shape::bytes(shape, type_.size()).map_err(|fault| anyhow!(fault.message))?;
        let end = entry.offset.checked_add(u64::try_from(length)?);
        ensure!(
            end.is_some_and(|end| end <= self.bytes),
            "has {length} bytes from {} on, but the file of elements has {}",
            entry.offset,
            self.bytes
        );
        let mut bytes = vec![0; length];
        self.elements.seek(SeekFrom::Start(entry.offset))?;
        self.elements.read_exact(&mut bytes)?;
        let crc32 = format!("{:08x}", crc32fast::hash(&bytes));
        if let Some(expected) = &entry.crc32 {
            ensure!(*expected == crc32, "its elements have CRC-32 {crc32}, but the list says {expected}");
        }
        Ok(Found::Elements(elements(&bytes, type_)))
    }
}

/// Elements from little-endian bytes.
fn elements(bytes: &[u8], type_: Type) -> Data {
    fn each<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks().0.iter().map(|&bytes| value(bytes)).collect()
    }
    match type_ {
        Type::Bool => Data::Bool(bytes.iter().map(|&byte| u8::from(byte != 0)).collect()),
        Type::U4 => Data::U4(bytes.iter().map(|&byte| byte & 15).collect()),
        Type::I4 => Data::I4(bytes.iter().map(|&byte| byte.cast_signed() << 4 >> 4).collect()),
        Type::U8 => Data::U8(bytes.to_vec()),
        Type::I8 => Data::I8(each(bytes, i8::from_le_bytes)),
        Type::U16 => Data::U16(each(bytes, u16::from_le_bytes)),
        Type::I16 => Data::I16(each(bytes, i16::from_le_bytes)),
        Type::I32 => Data::I32(each(bytes, i32::from_le_bytes)),
        Type::I64 => Data::I64(each(bytes, i64::from_le_bytes)),
        Type::F16 => Data::F16(each(bytes, f16::from_le_bytes)),
        Type::BF16 => Data::BF16(each(bytes, bf16::from_le_bytes)),
        Type::F32 => Data::F32(each(bytes, f32::from_le_bytes)),
    }
}
