//! NumPy's files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use npyz::{DType, Deserialize, NpyFile, Order};

use crate::graph::{Data, Type, shape};

/// Reads a file that must have the given type and shape.
pub fn read(path: &Path, type_: Type, expected: &[usize]) -> Result<Data> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(place)?;
    let metadata = file.metadata().with_context(place)?;
    ensure!(metadata.is_file(), "{}: is no file", place());
    let mut reader = BufReader::new(file);
    check_header(&mut reader).with_context(place)?;
    let npy = NpyFile::new(reader).with_context(place)?;

    let found: Vec<usize> = npy.shape().iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
    let dtype = npy.dtype().descr();
    if found != expected {
        bail!("{}: has shape {found:?} (dtype {dtype}), expected {type_} {expected:?}", place());
    }
    ensure!(matches!(npy.dtype(), DType::Plain(_)), "{}: has dtype {dtype}, expected {type_}", place());
    let bytes = shape::bytes(expected, type_.size()).map_err(|fault| anyhow!("{}: {}", place(), fault.message))?;
    // Before memory is taken for what the header promises.
    let most = u64::try_from(bytes).unwrap_or(u64::MAX);
    ensure!(
        metadata.len() >= most,
        "{}: the file has {} bytes, {type_} {expected:?} needs {bytes}",
        place(),
        metadata.len()
    );
    if npy.order() == Order::Fortran && expected.iter().filter(|&&size| size > 1).count() > 1 {
        bail!("{}: is in Fortran order, expected C order", place());
    }
    let wrong = |error: std::io::Error| anyhow!("{}: {error} (dtype {dtype}, expected {type_})", place());
    Ok(match type_ {
        Type::U8 => Data::U8(values(npy).map_err(wrong)?),
        Type::I8 => Data::I8(values(npy).map_err(wrong)?),
        Type::U16 => Data::U16(values(npy).map_err(wrong)?),
        Type::I16 => Data::I16(values(npy).map_err(wrong)?),
        Type::I32 => Data::I32(values(npy).map_err(wrong)?),
        Type::I64 => Data::I64(values(npy).map_err(wrong)?),
        Type::F32 => Data::F32(values(npy).map_err(wrong)?),
        Type::Bool | Type::U4 | Type::I4 | Type::F16 | Type::BF16 => {
            bail!("{}: {type_} cannot be read from a npy file", place())
        }
    })
}

/// The most bytes that the description of an array has; NumPy writes some hundred.
const MOST_HEADER: usize = 1 << 12;

/// Refuses descriptions on which the parser would fail in other ways than by an error: it multiplies the sizes without
/// looking at overflow. All numbers are multiplied here, as where the shape is only the parser knows.
fn check_header(reader: &mut (impl Read + Seek)) -> Result<()> {
    let mut fixed = [0; 12];
    reader.read_exact(&mut fixed).context("is no npy file: it is too short")?;
    let (start, length) = match fixed[6] {
        1 => (10, usize::from(u16::from_le_bytes([fixed[8], fixed[9]]))),
        _ => {
            let length = u32::from_le_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
            (12, usize::try_from(length).unwrap_or(usize::MAX))
        }
    };
    ensure!(length <= MOST_HEADER, "its header has {length} bytes, expected at most {MOST_HEADER}");
    let mut text = Vec::new();
    reader.seek(SeekFrom::Start(start))?;
    reader.by_ref().take(u64::try_from(length)?).read_to_end(&mut text)?;
    reader.rewind()?;

    let numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut product = 1u64;
    for digits in numbers {
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
        product = number
            .and_then(|number| product.checked_mul(number.max(1)))
            .context("its sizes multiply to more than the address space")?;
    }
    Ok(())
}

fn values<T: Deserialize>(npy: NpyFile<BufReader<File>>) -> std::io::Result<Vec<T>> {
    let data =
        npy.data::<T>().map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))?;
    data.collect()
}
