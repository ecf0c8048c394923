//! Building for another CPU: one file each, linked statically, that needs nothing of the system where it runs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::process;

/// What an emulated CPU's programs are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    X86,
    Arm,
}

/// The profile in Cargo.toml.
const PROFILE: &str = "emulated";

/// The programs that run on an emulated CPU.
pub(crate) const CHECK: &str = "zeropoint-check";
pub(crate) const RUNNER: &str = "zeropoint";

impl Architecture {
    /// The compiler's target. For Arm it is the one whose libraries and linker come with the compiler, so that no C
    /// compiler for Arm is needed.
    fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-gnu",
            Self::Arm => "aarch64-unknown-linux-musl",
        }
    }
}

/// Adds the target for Arm to the compiler, if it lacks it.
pub(super) fn install_target() -> Result<()> {
    let target = Architecture::Arm.target();
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let library = process::output(Command::new(compiler).args(["--print", "target-libdir", "--target", target]))?;
    if !Path::new(library.trim()).exists() {
        process::output(Command::new("rustup").args(["target", "add", target]))?;
    }
    Ok(())
}

/// Builds the check program and the runner, and gives the folder where they are.
pub(crate) fn build(architecture: Architecture) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = architecture.target();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--profile", PROFILE, "--target", target]).current_dir(&root);
    cargo.args(["--package", "zeropoint-check", "--bin", CHECK, "--package", "zeropoint-runner", "--bin", RUNNER]);
    // Flags of the caller's are for this machine's CPU, not for an emulated one.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    process::output(&mut cargo).with_context(|| {
        format!("building for {target}; `cargo xtask emulators --install` fetches what the compiler needs for it")
    })?;
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(folder.join(target).join(PROFILE))
}
