//! NumPy's files.

use std::fs::File;
use std::io::BufReader;
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
    let npy = NpyFile::new(BufReader::new(file)).with_context(place)?;

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
        Type::I32 => Data::I32(values(npy).map_err(wrong)?),
        Type::I64 => Data::I64(values(npy).map_err(wrong)?),
        Type::F32 => Data::F32(values(npy).map_err(wrong)?),
    })
}

fn values<T: Deserialize>(npy: NpyFile<BufReader<File>>) -> std::io::Result<Vec<T>> {
    let data =
        npy.data::<T>().map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))?;
    data.collect()
}
