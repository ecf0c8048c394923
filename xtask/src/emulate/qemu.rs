//! 64-bit Arm CPUs by QEMU's user mode: it runs a program of that architecture on this machine's kernel.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::cache;

/// Where it is in the cache, and the program there.
pub(super) const FOLDER: &str = "qemu-7.2";
pub(super) const PROGRAM: &str = "qemu-aarch64-static";

/// The emulator, if it is installed.
pub(super) fn installed() -> Result<PathBuf> {
    let program = cache::folder()?.join(FOLDER).join(PROGRAM);
    ensure!(program.exists(), "QEMU is not installed: run `cargo xtask emulators --install`");
    Ok(program)
}

/// The words before a program and its arguments.
pub(super) fn runner(model: &str) -> Result<Vec<String>> {
    Ok(vec![installed()?.display().to_string(), "-cpu".into(), model.into()])
}
