//! The command as a process, and files for it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a process ended, and what it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// The process ended so, or what it said is shown.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    /// It said this on stdout.
    #[track_caller]
    pub(crate) fn says(self, expected: &str) -> Self {
        assert!(self.out.contains(expected), "{expected}: {}{}", self.out, self.err);
        self
    }

    /// It said this on stderr.
    #[track_caller]
    pub(crate) fn complains(self, expected: &str) -> Self {
        assert!(self.err.contains(expected), "{expected}: {}{}", self.out, self.err);
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or("")
    }
}

pub(crate) fn zeropoint(arguments: &[&str]) -> Ended {
    with_environment(arguments, &[])
}

pub(crate) fn with_environment(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_zeropoint"))
        .args(arguments)
        .env_remove("ZEROPOINT_ISA")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The bytes of a file of NumPy.
pub(crate) fn npy_bytes(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    file
}

pub(crate) fn npy(path: &Path, descr: &str, shape: &str, bytes: &[u8]) -> PathBuf {
    std::fs::write(path, npy_bytes(descr, shape, bytes)).unwrap();
    path.to_owned()
}

/// An archive of files of NumPy, compressed.
pub(crate) fn npz(path: &Path, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path.to_owned()
}

/// Little-endian bytes of floats.
pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
