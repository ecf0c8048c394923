//! The file system that the emulated machine boots with: an archive in cpio's format `newc`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use cpio::newc::{Builder, trailer};

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// Writes an archive of a folder's files, a shell, and the script that the kernel starts.
pub(super) fn write(to: &Path, folder: &Path, shell: &Path, script: &str) -> Result<()> {
    let mut archive = BufWriter::new(File::create(to)?);
    for name in ["bin", "dev", "proc", "sys", "tmp"] {
        Builder::new(name).mode(DIRECTORY).write(&mut archive, 0).finish()?;
    }
    let mut add = |name: &str, contents: &[u8]| -> Result<()> {
        let size = u32::try_from(contents.len()).with_context(|| format!("{name} is too big"))?;
        let mut file = Builder::new(name).mode(PROGRAM).write(&mut archive, size);
        file.write_all(contents)?;
        file.finish()?;
        Ok(())
    };
    add("bin/busybox", &fs::read(shell).with_context(|| shell.display().to_string())?)?;
    add("init", script.as_bytes())?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        add(&entry.file_name().to_string_lossy(), &fs::read(entry.path())?)?;
    }
    trailer(&mut archive)?.flush()?;
    Ok(())
}
