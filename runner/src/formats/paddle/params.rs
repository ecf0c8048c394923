//! The file of parameters: values one after the other, in the order of their names, which the program has.

use std::io::Read;

use prost::Message;

use super::program::sizes;
use super::proto::TensorDesc;
use super::types;
use crate::error::Fault;
use crate::formats::raw;
use crate::graph::{Constant, shape};

/// The most bytes that a description has; Paddle writes less than a hundred.
const MOST_DESCRIPTION: u64 = 1 << 12;

/// Reads values one by one. Nothing is allocated for a size before the file is known to have so many bytes.
pub(super) struct Parameters<R> {
    from: R,
    left: u64,
}

impl<R: Read> Parameters<R> {
    /// Of a file with so many bytes.
    pub(super) fn new(from: R, length: u64) -> Self {
        Self { from, left: length }
    }

    /// The next value. After an error it is not known where the one behind it starts.
    pub(super) fn next(&mut self) -> Result<Constant, Fault> {
        self.version("the value")?;
        let levels = u64::from_le_bytes(self.array("the number of levels of its lengths")?);
        for _ in 0..levels {
            let bytes = u64::from_le_bytes(self.array("the size of a level of its lengths")?);
            self.skip(bytes, "a level of its lengths")?;
        }
        self.version("the tensor")?;
        let length = i32::from_le_bytes(self.array("the size of its description")?);
        let length = u64::try_from(length).ok().filter(|&length| length <= MOST_DESCRIPTION).ok_or_else(|| {
            Fault::invalid(format!("its description has {length} bytes, expected 0 to {MOST_DESCRIPTION}"))
        })?;
        let description = self.bytes(length, "its description")?;
        let description = TensorDesc::decode(description.as_slice())
            .map_err(|error| Fault::invalid(format!("its description is broken: {error}")))?;
        let type_ = types::of_code(description.data_type.into())?;
        let shape = sizes(&description.dims)?;
        let bytes = shape::bytes(&shape, type_.size())?;
        let data = self.bytes(u64::try_from(bytes).unwrap_or(u64::MAX), &format!("{type_} {shape:?}"))?;
        Constant::new(shape.clone(), raw::from_bytes(data, type_, &shape, bytes, "the file")?)
    }

    /// How many bytes there are still.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    fn version(&mut self, what: &str) -> Result<(), Fault> {
        match u32::from_le_bytes(self.array(&format!("the version of {what}"))?) {
            0 => Ok(()),
            other => Err(Fault::invalid(format!("version {other} of {what}, expected 0"))),
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Fault> {
        self.take(N as u64, what)?;
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|error| failed(what, &error))?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: u64, what: &str) -> Result<Vec<u8>, Fault> {
        self.take(length, what)?;
        let memory = || Fault::too_large(format!("{what}: {length} bytes do not fit the memory"));
        let size = usize::try_from(length).map_err(|_| memory())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| memory())?;
        bytes.resize(size, 0);
        self.from.read_exact(&mut bytes).map_err(|error| failed(what, &error))?;
        Ok(bytes)
    }

    fn skip(&mut self, length: u64, what: &str) -> Result<(), Fault> {
        self.take(length, what)?;
        let skipped = std::io::copy(&mut self.from.by_ref().take(length), &mut std::io::sink());
        match skipped {
            Ok(skipped) if skipped == length => Ok(()),
            Ok(skipped) => Err(Fault::invalid(format!("{what}: the file ended after {skipped} of {length} bytes"))),
            Err(error) => Err(failed(what, &error)),
        }
    }

    fn take(&mut self, length: u64, what: &str) -> Result<(), Fault> {
        let short = || Fault::invalid(format!("{what} needs {length} bytes, the file has {} more", self.left));
        self.left = self.left.checked_sub(length).ok_or_else(short)?;
        Ok(())
    }
}

fn failed(what: &str, error: &std::io::Error) -> Fault {
    Fault::invalid(format!("{what}: {error}"))
}
