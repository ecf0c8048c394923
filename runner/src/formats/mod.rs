//! Readers of files. A format knows the graph, and nothing of passes or execution.

#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "paddle")]
pub mod paddle;

#[cfg(any(feature = "onnx", feature = "paddle"))]
mod raw;
#[cfg(feature = "onnx")]
mod source;

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Problems};
use crate::graph::Graph;

/// The most bytes that the file of a network may have: those of a protobuf message.
#[cfg(any(feature = "onnx", feature = "paddle"))]
const MOST_BYTES: u64 = (1 << 31) - 1;

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Onnx,
    Paddle,
}

/// Reads a model of any format, and gives an error that lists everything wrong with it if anything is.
pub fn load(path: &Path) -> Result<Graph, Error> {
    let (graph, problems) = open(path)?;
    problems.into_result()?;
    Ok(graph)
}

/// Reads a model of any format as far as it can be understood, and says what cannot. Folders and files that are called
/// `.pdmodel` or `.json` are Paddle's, those called `.onnx` ONNX's; what others are, their first byte tells.
pub fn open(path: &Path) -> Result<(Graph, Problems), Error> {
    match format(path)? {
        #[cfg(feature = "onnx")]
        Format::Onnx => onnx::open(path),
        #[cfg(feature = "paddle")]
        Format::Paddle => paddle::open(path),
        #[cfg(not(all(feature = "onnx", feature = "paddle")))]
        other => Err(refuse(path, format!("is of format {other:?}, which this build does not read"))),
    }
}

fn format(path: &Path) -> Result<Format, Error> {
    if path.is_dir() {
        return Ok(Format::Paddle);
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => return Ok(Format::Onnx),
        Some("pdmodel" | "json") => return Ok(Format::Paddle),
        _ => {}
    }
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut first = [0];
    let length = std::fs::File::open(path).and_then(|mut file| file.read(&mut first)).map_err(read)?;
    // A program begins with its first block, or the brace of the newer form; a model of ONNX with its version.
    Ok(if length == 1 && matches!(first[0], b'\n' | b'{') { Format::Paddle } else { Format::Onnx })
}

/// The bytes of a file that has at most so many.
#[cfg(feature = "paddle")]
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(read)?;
    if !metadata.is_file() {
        return Err(refuse(path, "is no file".into()));
    }
    if metadata.len() > most {
        return Err(refuse(path, format!("has {} bytes; a model has at most {most}", metadata.len())));
    }
    std::fs::read(path).map_err(read)
}

fn refuse(path: &Path, message: String) -> Error {
    Error::Read { path: path.to_owned(), source: std::io::Error::new(std::io::ErrorKind::InvalidInput, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_format() {
        for (name, expected) in [
            ("a.onnx", Format::Onnx),
            ("a.pdmodel", Format::Paddle),
            ("b/a.json", Format::Paddle),
            (".", Format::Paddle),
        ] {
            assert_eq!(format(Path::new(name)).unwrap(), expected, "{name}");
        }
        assert!(format(Path::new("no/such/file")).is_err());
    }
}
