//! The kernels' library, built for an architecture. Kernels are looked at in its objects: nothing is linked, so it takes
//! no linker for another architecture, only the compiler's target.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::architecture::Architecture;

/// Builds the library as it is built for use, and gives its path.
pub(crate) fn library(arch: Architecture) -> Result<PathBuf> {
    let target = arch.target();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--package", "zeropoint-kernels", "--features", "std"]);
    cargo.args(["--target", target, "--message-format", "json-render-diagnostics"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
    let output = cargo.output().context("cargo did not start")?;
    ensure!(
        output.status.success(),
        "building zeropoint-kernels for {target} failed; if the compiler lacks the target: `rustup target add {target}`"
    );
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut files = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "zeropoint_kernels" && message["reason"] == "compiler-artifact";
        let files = message["filenames"].as_array().filter(|_| is_it)?;
        files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".rlib")).map(PathBuf::from)
    });
    files.next_back().context("expected cargo to name the library that it built, and it named none")
}
