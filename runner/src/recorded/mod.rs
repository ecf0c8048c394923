//! Tensors by their names that somebody else recorded: an archive of NumPy's arrays (`.npz`), one array (`.npy`), or raw
//! elements (`.bin`) with a list of them (`.json`) beside.
//!
//! A tensor is read when it is asked for, and only if it has the type and the shape that are expected: so whatever a file
//! promises, no more memory is taken than the network's own tensor has.

mod raw;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

use self::raw::Raw;
use crate::graph::{Data, Type};
use crate::npy::{self, Array};

/// A file of tensors.
#[derive(Debug)]
pub struct Recorded {
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The archive, and for each array its name and its place.
    Archive(Box<ZipArchive<BufReader<File>>>, Vec<(String, usize)>),
    One(String),
    Raw(Raw),
}

/// A tensor that was looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The file has none of the name.
    Nothing,
    /// It has one of another type or shape.
    Other(String),
    /// Its elements, in C order.
    Elements(Data),
}

impl Recorded {
    /// Opens a file. An array that stands alone has the name that is given, or else the file's.
    pub fn open(path: &Path, name: Option<&str>) -> Result<Self> {
        let place = || path.display().to_string();
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase()).unwrap_or_default();
        let source = match extension.to_str() {
            Some("npz") => archive(path).with_context(place)?,
            Some("npy") => {
                npy::open(path)?;
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                Source::One(name.unwrap_or(&stem).to_owned())
            }
            Some("json") => Source::Raw(Raw::open(path)?),
            _ => bail!("{}: expected a file .npz, .npy or .json", place()),
        };
        Ok(Self { path: path.to_owned(), source })
    }

    /// The names of the tensors, in the order of the file.
    pub fn names(&self) -> Vec<&str> {
        match &self.source {
            Source::Archive(_, arrays) => arrays.iter().map(|(name, _)| name.as_str()).collect(),
            Source::One(name) => vec![name],
            Source::Raw(raw) => raw.names().collect(),
        }
    }

    /// Whether the file has a tensor of the name.
    pub fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    /// Calls the only array by another name, where the file has one array alone.
    pub fn rename(&mut self, to: &str) {
        if let Source::One(name) = &mut self.source {
            to.clone_into(name);
        }
    }

    /// Whether the file is one array without a name of its own.
    pub fn is_single(&self) -> bool {
        matches!(self.source, Source::One(_))
    }

    /// The tensor of a name, if it has the type and the shape.
    pub fn find(&mut self, name: &str, type_: Type, shape: &[usize]) -> Result<Found> {
        let place = || format!("{}: {name}", self.path.display());
        match &mut self.source {
            Source::Archive(zip, arrays) => {
                let Some(&(_, at)) = arrays.iter().find(|(other, _)| other == name) else {
                    return Ok(Found::Nothing);
                };
                let mut entry = zip.by_index(at).with_context(place)?;
                let size = entry.size();
                let array = Array::new(&mut entry, size);
                let found = array.and_then(|array| matching(array, type_, shape)).with_context(place)?;
                // The checksum is compared at the end of the entry.
                if let Found::Elements(_) = found {
                    let behind = entry.read(&mut [0]).with_context(place)?;
                    ensure!(behind == 0, "{}: there are bytes behind its elements", place());
                }
                Ok(found)
            }
            Source::One(own) if own == name => {
                npy::open(&self.path).and_then(|array| matching(array, type_, shape)).with_context(place)
            }
            Source::One(_) => Ok(Found::Nothing),
            Source::Raw(raw) => raw.find(name, type_, shape).with_context(place),
        }
    }
}

fn archive(path: &Path) -> Result<Source> {
    let file = File::open(path)?;
    ensure!(file.metadata()?.is_file(), "is no file");
    let zip = ZipArchive::new(BufReader::new(file)).context("is no npz file")?;
    let mut arrays: Vec<(String, usize)> = Vec::new();
    for at in 0..zip.len() {
        if let Some(name) = zip.name_for_index(at).and_then(npyz::npz::array_name_from_file_name) {
            arrays.push((name.to_owned(), at));
        }
    }
    ensure!(!arrays.is_empty(), "is an archive without arrays (.npy)");
    Ok(Source::Archive(Box::new(zip), arrays))
}

/// Whether shapes are equal. NumPy easily makes an array of one element of a scalar.
fn same_shape(found: &[usize], expected: &[usize]) -> bool {
    found == expected || matches!((found, expected), ([1], []) | ([], [1]))
}

fn matching<R: Read>(array: Array<R>, type_: Type, shape: &[usize]) -> Result<Found> {
    if !same_shape(array.shape(), shape) || !array.is(type_) {
        return Ok(Found::Other(array.describe()));
    }
    array.read(type_).map(Found::Elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_may_be_a_scalar() {
        assert!(same_shape(&[1], &[]) && same_shape(&[], &[1]) && same_shape(&[2, 3], &[2, 3]));
        assert!(!same_shape(&[1, 1], &[1]) && !same_shape(&[3, 2], &[2, 3]) && !same_shape(&[0], &[]));
    }
}
