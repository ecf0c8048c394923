//! The bytes of a file as a decoder wants them, a piece at a time: so they are never all in memory beside what becomes of
//! them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use prost::bytes::Buf;

use super::refuse;
use crate::error::Error;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// A file that is being read. Where that fails it ends, and says why in the end.
pub(super) struct Source {
    file: File,
    /// Bytes that are not read yet.
    left: usize,
    piece: Vec<u8>,
    /// How many bytes of the piece are used up.
    used: usize,
    failure: Option<io::Error>,
}

impl Source {
    /// Opens a file of so many bytes at most.
    pub(super) fn open(path: &Path, most: u64) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        if !metadata.is_file() {
            return Err(refuse(path, "is no file".into()));
        }
        let length = usize::try_from(metadata.len()).ok().filter(|_| metadata.len() <= most);
        let Some(left) = length else {
            return Err(refuse(path, format!("has {} bytes; a model has at most {most}", metadata.len())));
        };
        let mut source = Self { file, left, piece: Vec::new(), used: 0, failure: None };
        source.next();
        Ok(source)
    }

    /// Why the file ended early, if it did.
    pub(super) fn failure(self) -> Option<io::Error> {
        self.failure
    }

    /// Reads the next piece.
    fn next(&mut self) {
        self.piece.resize(self.left.min(PIECE), 0);
        self.used = 0;
        match self.file.read_exact(&mut self.piece) {
            Ok(()) => self.left -= self.piece.len(),
            Err(error) => {
                self.failure = Some(error);
                self.left = 0;
                self.piece.clear();
            }
        }
    }
}

impl Buf for Source {
    fn remaining(&self) -> usize {
        self.left + self.chunk().len()
    }

    fn chunk(&self) -> &[u8] {
        self.piece.get(self.used..).unwrap_or_default()
    }

    fn advance(&mut self, mut count: usize) {
        loop {
            let here = count.min(self.chunk().len());
            self.used += here;
            count -= here;
            if self.chunk().is_empty() && self.left > 0 {
                self.next();
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            let mut source = Source::open(&path, u64::MAX).unwrap();
            assert_eq!(source.remaining(), length);
            // In steps that do not fit the pieces.
            let mut read = Vec::new();
            while source.remaining() > 0 {
                let mut step = vec![0; source.remaining().min(10_007)];
                source.copy_to_slice(&mut step);
                read.extend(step);
            }
            assert!(read == bytes && source.failure().is_none(), "{length}");
            let mut source = Source::open(&path, u64::MAX).unwrap();
            source.advance(length);
            assert_eq!(source.remaining(), 0);
        }
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_one_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, vec![1; 3 * PIECE]).unwrap();
        let mut source = Source::open(&path, u64::MAX).unwrap();
        std::fs::write(&path, [1]).unwrap();
        source.advance(2 * PIECE);
        assert_eq!(source.remaining(), 0);
        assert!(source.failure().is_some());
        assert!(Source::open(&path, 0).is_err());
        assert!(Source::open(folder.path(), u64::MAX).is_err());
    }
}
