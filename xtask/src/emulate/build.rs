//! Building for another CPU: one file each, linked statically, that needs nothing of the system where it runs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::process;
use crate::architecture::Architecture;

/// The profile in Cargo.toml.
const PROFILE: &str = "emulated";

/// The programs that run on an emulated CPU.
pub(crate) const CHECK: &str = "zeropoint-check";
pub(crate) const RUNNER: &str = "zeropoint";
/// The tests inside the kernels: of single instructions, among others.
pub(crate) const KERNELS: &str = "zeropoint-kernels-tests";

/// Adds the target for Arm to the compiler, if it lacks it.
pub(super) fn install_target() -> Result<()> {
    let target = Architecture::Aarch64.target();
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let library = process::output(Command::new(compiler).args(["--print", "target-libdir", "--target", target]))?;
    if !Path::new(library.trim()).exists() {
        process::output(Command::new("rustup").args(["target", "add", target]))?;
    }
    Ok(())
}

/// Where the programs are that were built for an architecture.
pub(crate) struct Programs {
    pub(crate) check: PathBuf,
    pub(crate) runner: PathBuf,
    pub(crate) kernels: PathBuf,
}

/// Builds the programs.
pub(crate) fn build(architecture: Architecture) -> Result<Programs> {
    let programs = ["--package", "zeropoint-check", "--bin", CHECK, "--package", "zeropoint-runner", "--bin", RUNNER];
    cargo("build", architecture, &programs)?;
    let tests =
        ["--package", "zeropoint-kernels", "--lib", "--features", "std", "--no-run", "--message-format", "json"];
    let messages = cargo("test", architecture, &tests)?;
    // Cargo gives tests a name that it alone knows.
    let kernels = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    let kernels = kernels.context("expected cargo to name the tests that it built, and it named none")?;
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = folder.join(architecture.target()).join(PROFILE);
    Ok(Programs { check: folder.join(CHECK), runner: folder.join(RUNNER), kernels })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a command of cargo's for an architecture, and gives what it wrote.
fn cargo(command: &str, architecture: Architecture, arguments: &[&str]) -> Result<String> {
    let target = architecture.target();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--quiet", "--profile", PROFILE, "--target", target]).args(arguments).current_dir(root());
    // Flags of the caller's are for this machine's CPU, not for an emulated one.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    process::output(&mut cargo).with_context(|| {
        format!("building for {target}; `cargo xtask emulators --install` fetches what the compiler needs for it")
    })
}
