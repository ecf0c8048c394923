//! Tensors whose bytes lie in a file beside the model.
//!
//! The location comes from whoever made the model, so it may not lead out of the model's folder: not by a `..`, not as
//! an absolute path, not through a symbolic link. All of it is checked before anything is opened.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use super::proto::StringStringEntryProto;
use crate::error::Fault;

/// The folder of a model, and how many bytes may still be read from its files: any number of tensors may name the same
/// bytes, so that the files' sizes are no bound.
pub(super) struct Folder<'a> {
    path: Option<&'a Path>,
    left: u64,
}

impl<'a> Folder<'a> {
    pub(super) fn new(path: Option<&'a Path>) -> Self {
        Self { path, left: 16 << 30 }
    }
}

/// Reads the `bytes` bytes of a tensor.
pub(super) fn read(
    entries: &[StringStringEntryProto],
    bytes: usize,
    folder: &mut Folder<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut location = None;
    let mut offset = 0;
    for StringStringEntryProto { key, value } in entries {
        let number =
            || value.parse::<u64>().map_err(|_| Fault::invalid(format!("external data: {key} is \"{value}\"")));
        match key.as_str() {
            "location" => location = Some(value.as_str()),
            "offset" => offset = number()?,
            "length" => {
                let length = number()?;
                if u64::try_from(bytes) != Ok(length) {
                    return Err(Fault::invalid(format!("external data: length {length}, expected {bytes}")));
                }
            }
            _ => {}
        }
    }
    let location = location.ok_or_else(|| Fault::invalid("external data without a location"))?;
    let path = folder.path.ok_or_else(|| Fault::unsupported("external data of a model that is no file"))?;

    let relative = Path::new(location);
    let plain = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    if location.contains('\\') || !relative.components().all(plain) {
        return Err(outside(location));
    }
    let failed = |error: std::io::Error| Fault::invalid(format!("external data \"{location}\": {error}"));
    let inside = path.canonicalize().map_err(failed)?;
    let path = inside.join(relative).canonicalize().map_err(failed)?;
    if !path.starts_with(&inside) {
        return Err(outside(location));
    }
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Fault::invalid(format!("external data \"{location}\" is no file")));
    }
    let end = u64::try_from(bytes).ok().and_then(|bytes| offset.checked_add(bytes));
    if end.is_none_or(|end| end > metadata.len()) {
        return Err(Fault::invalid(format!(
            "external data \"{location}\": {bytes} bytes at offset {offset}, but the file has {}",
            metadata.len()
        )));
    }
    let wanted = u64::try_from(bytes).unwrap_or(u64::MAX);
    let too_large =
        || Fault::too_large(format!("external data \"{location}\": {bytes} more bytes than fit the memory"));
    folder.left = folder.left.checked_sub(wanted).ok_or_else(too_large)?;

    let mut file = File::open(&path).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut raw = Vec::new();
    raw.try_reserve_exact(bytes).map_err(|_| too_large())?;
    file.take(wanted).read_to_end(&mut raw).map_err(failed)?;
    Ok(raw)
}

fn outside(location: &str) -> Fault {
    Fault::invalid(format!("external data \"{location}\" has to be inside the model's folder"))
}
