//! NumPy's files of one array.
//!
//! A file is not trusted: its description is bounded, its sizes are multiplied with care, and memory is taken for elements
//! only as far as there are bytes for them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use crate::graph::{Data, Type, shape};
use crate::rearrange;

/// An array whose elements are still to be read.
pub struct Array<R: Read> {
    file: NpyFile<R>,
    shape: Vec<usize>,
    dtype: String,
    /// The bytes behind the description.
    bytes: u64,
}

/// Opens a file.
pub fn open(path: &Path) -> Result<Array<BufReader<File>>> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(place)?;
    let metadata = file.metadata().with_context(place)?;
    ensure!(metadata.is_file(), "{}: is no file", place());
    Array::new(BufReader::new(file), metadata.len()).with_context(place)
}

/// Reads a file that must have the given type and shape.
pub fn read(path: &Path, type_: Type, expected: &[usize]) -> Result<Data> {
    let array = open(path)?;
    let read = array.expect(type_, expected).and_then(|()| array.read(type_));
    read.with_context(|| path.display().to_string())
}

/// Reads a file of one or several tensors of the given type and shape, one after the other along the first axis: the
/// elements of all, and how many tensors they are.
pub fn read_several(path: &Path, type_: Type, expected: &[usize]) -> Result<(Data, usize)> {
    let array = open(path)?;
    let several = match (array.shape.split_first(), expected.split_first()) {
        (Some((&all, rest)), Some((&one, expected))) if rest == expected && one > 0 && all > 0 => {
            all.is_multiple_of(one).then(|| all / one)
        }
        _ => None,
    };
    let read = match several {
        Some(count) => array.read(type_).map(|data| (data, count)),
        None => array.expect(type_, expected).and_then(|()| array.read(type_)).map(|data| (data, 1)),
    };
    read.with_context(|| path.display().to_string())
}

/// The most bytes that the description of an array has; NumPy writes some hundred.
const MOST_HEADER: usize = 1 << 12;

impl<R: Read> Array<R> {
    /// Reads the description of an array, which with its elements has so many bytes.
    pub fn new(mut reader: R, bytes: u64) -> Result<Self> {
        let description = description(&mut reader)?;
        let header = NpyHeader::from_reader(description.as_slice())?;
        let shape = header.shape().iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let dtype = header.dtype().descr();
        let bytes = bytes.saturating_sub(u64::try_from(description.len())?);
        Ok(Self { file: NpyFile::with_header(header, reader), shape, dtype, bytes })
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type, where it is one that tensors have.
    pub fn type_(&self) -> Option<Type> {
        let DType::Plain(type_) = self.file.dtype() else { return None };
        Some(match (type_.type_char(), type_.num_bytes()?) {
            (TypeChar::Bool, 1) => Type::Bool,
            (TypeChar::Uint, 1) => Type::U8,
            (TypeChar::Int, 1) => Type::I8,
            (TypeChar::Uint, 2) => Type::U16,
            (TypeChar::Int, 2) => Type::I16,
            (TypeChar::Int, 4) => Type::I32,
            (TypeChar::Int, 8) => Type::I64,
            (TypeChar::Float, 2) => Type::F16,
            (TypeChar::Float, 4) => Type::F32,
            _ => return None,
        })
    }

    /// Type and shape for a message, the type as the file has it.
    pub fn describe(&self) -> String {
        format!("{} {:?}", self.dtype, self.shape)
    }

    /// Whether the elements are of the type, or of the one by which NumPy has it.
    pub fn is(&self, type_: Type) -> bool {
        self.type_().is_some_and(|found| found == type_ || (found == type_.storage() && type_ != Type::Bool))
    }

    fn expect(&self, type_: Type, expected: &[usize]) -> Result<()> {
        if self.shape != expected {
            bail!("has shape {:?} (dtype {}), expected {type_} {expected:?}", self.shape, self.dtype);
        }
        Ok(())
    }

    /// Reads the elements, in C order of the shape.
    pub fn read(self, type_: Type) -> Result<Data> {
        ensure!(self.is(type_), "has dtype {}, expected {type_}", self.dtype);
        let Self { file, shape, dtype, bytes } = self;
        ensure!(shape.len() <= shape::MAX_RANK, "has {} axes, expected at most {}", shape.len(), shape::MAX_RANK);
        let needed = shape::bytes(&shape, type_.size()).map_err(|fault| anyhow!(fault.message))?;
        ensure!(
            bytes >= u64::try_from(needed)?,
            "the file has {bytes} bytes of elements, {type_} {shape:?} needs {needed}"
        );
        let reversed = (file.order() == Order::Fortran).then_some(shape);
        let wrong = |error: std::io::Error| anyhow!("{error} (dtype {dtype}, expected {type_})");
        let read = match type_ {
            Type::Bool => values::<bool, _>(file).map(|v| Data::Bool(in_c_order(bytes_of(v), reversed.as_deref()))),
            Type::U4 => values(file).map(|v| Data::U4(in_c_order(v, reversed.as_deref()))),
            Type::I4 => values(file).map(|v| Data::I4(in_c_order(v, reversed.as_deref()))),
            Type::U8 => values(file).map(|v| Data::U8(in_c_order(v, reversed.as_deref()))),
            Type::I8 => values(file).map(|v| Data::I8(in_c_order(v, reversed.as_deref()))),
            Type::U16 => values(file).map(|v| Data::U16(in_c_order(v, reversed.as_deref()))),
            Type::I16 => values(file).map(|v| Data::I16(in_c_order(v, reversed.as_deref()))),
            Type::I32 => values(file).map(|v| Data::I32(in_c_order(v, reversed.as_deref()))),
            Type::I64 => values(file).map(|v| Data::I64(in_c_order(v, reversed.as_deref()))),
            Type::F16 => values(file).map(|v| Data::F16(in_c_order(v, reversed.as_deref()))),
            Type::F32 => values(file).map(|v| Data::F32(in_c_order(v, reversed.as_deref()))),
            Type::BF16 => bail!("{type_} cannot be read from a npy file"),
        };
        let data = read.map_err(wrong)?;
        if let (Type::U4 | Type::I4, Some((least, most))) = (type_, type_.range()) {
            let fits = match &data {
                Data::U4(values) => values.iter().all(|&value| i32::from(value) <= most),
                Data::I4(values) => values.iter().all(|&value| (least..=most).contains(&i32::from(value))),
                _ => true,
            };
            ensure!(fits, "has elements outside {least} to {most}, which {type_} has");
        }
        Ok(data)
    }
}

/// The description, to the first element. Refused are those on which the parser would fail in other ways than by an
/// error: it multiplies the sizes without looking at overflow. All numbers are multiplied here, as where the shape is
/// only the parser knows.
fn description(reader: &mut impl Read) -> Result<Vec<u8>> {
    let short = "is no npy file: it is too short";
    let mut start = vec![0; 8];
    reader.read_exact(&mut start).context(short)?;
    let size = if start[6] == 1 { 2 } else { 4 };
    start.resize(8 + size, 0);
    reader.read_exact(&mut start[8..]).context(short)?;
    let length = start[8..].iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    ensure!(length <= MOST_HEADER, "its header has {length} bytes, expected at most {MOST_HEADER}");
    let mut description = start;
    let from = description.len();
    description.resize(from + length, 0);
    reader.read_exact(&mut description[from..]).context(short)?;

    let numbers = description[from..].split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut product = 1u64;
    for digits in numbers {
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
        product = number
            .and_then(|number| product.checked_mul(number.max(1)))
            .context("its sizes multiply to more than the address space")?;
    }
    Ok(description)
}

/// The elements in the file's order. The vector grows with what is read.
fn values<T: Deserialize, R: Read>(file: NpyFile<R>) -> std::io::Result<Vec<T>> {
    let data =
        file.data::<T>().map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))?;
    data.collect()
}

fn bytes_of(values: Vec<bool>) -> Vec<u8> {
    values.into_iter().map(u8::from).collect()
}

/// Elements in C order, from such whose first axis runs fastest if a shape is given.
fn in_c_order<T: Copy>(values: Vec<T>, reversed: Option<&[usize]>) -> Vec<T> {
    let Some(shape) = reversed else { return values };
    let Some(&first) = values.first() else { return values };
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[..axis].iter().product()).collect();
    let mut ordered = vec![first; values.len()];
    rearrange::copy_strided(&values, shape, &strides, &mut ordered);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, fortran: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(bytes);
        file
    }

    fn parsed(file: &[u8], type_: Type) -> Result<Data> {
        Array::new(file, u64::try_from(file.len()).unwrap()).and_then(|array| array.read(type_))
    }

    #[test]
    fn either_order_is_read() {
        let c = file("|u1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 6]);
        let fortran = file("|u1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6]);
        for file in [c, fortran] {
            assert_eq!(parsed(&file, Type::U8).unwrap(), Data::U8(vec![1, 2, 3, 4, 5, 6]));
        }
        let cube = file("|i1", "True", "(2, 1, 2)", &[1, 2, 3, 4]);
        assert_eq!(parsed(&cube, Type::I8).unwrap(), Data::I8(vec![1, 3, 2, 4]));
    }

    #[test]
    fn types_are_the_files_own() {
        let big = file(">i2", "False", "(2,)", &[1, 2, 255, 254]);
        assert_eq!(parsed(&big, Type::I16).unwrap(), Data::I16(vec![258, -2]));
        assert_eq!(parsed(&file("|b1", "False", "(2,)", &[0, 1]), Type::Bool).unwrap(), Data::Bool(vec![0, 1]));
        assert_eq!(parsed(&file("|u1", "False", "(2,)", &[0, 15]), Type::U4).unwrap(), Data::U4(vec![0, 15]));
        let half = file("<f2", "False", "()", &[0, 0x3c]);
        assert_eq!(parsed(&half, Type::F16).unwrap(), Data::F16(vec![half::f16::ONE]));
        let wrong = [
            (file("<f8", "False", "(1,)", &[0; 8]), Type::F32, "has dtype '<f8', expected float32"),
            (file("|u1", "False", "(1,)", &[16]), Type::U4, "outside 0 to 15"),
            (file("|u1", "False", "(1,)", &[1]), Type::Bool, "expected bool"),
            (file("|u1", "False", "(3,)", &[1, 2]), Type::U8, "has 2 bytes of elements, uint8 [3] needs 3"),
            (file("<i4", "False", "(4294967296, 4294967296)", &[]), Type::I32, "more than the address space"),
            (file("|u1", "False", "(1,1,1,1,1,1,1,1,1)", &[1]), Type::U8, "has 9 axes, expected at most 8"),
            (b"\x93NUMPY\x01\x00\x40\x00{".to_vec(), Type::U8, "too short"),
        ];
        for (file, type_, expected) in wrong {
            let error = format!("{:#}", parsed(&file, type_).unwrap_err());
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
