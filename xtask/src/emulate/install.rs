//! `cargo xtask emulators`: fetches the emulators into the cache.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use super::apt::Release;
use super::cpus::{CPUS, Model};
use super::{bochs, build, cache, process, qemu};

#[derive(Args)]
pub(crate) struct Emulators {
    /// Fetch them: Debian's packages by apt-get, and the compiler's target by rustup. Needs no root; what is there stays.
    /// ZEROPOINT_DEBIAN_ARCHIVE names where the packages are, on a system that has others.
    #[arg(long)]
    install: bool,
}

impl Emulators {
    pub(crate) fn run(&self) -> Result<()> {
        if self.install {
            install()?;
        }
        println!("{:<14} {:<10} {:<10} has to choose; has as well", "CPU", "emulator", "state");
        for cpu in CPUS {
            let (emulator, there) = match cpu.model {
                Model::Bochs { .. } => ("Bochs", bochs::installed().is_ok()),
                Model::Qemu { .. } => ("QEMU", qemu::installed().is_ok()),
            };
            let state = if there { "installed" } else { "missing" };
            let tiers: Vec<_> = cpu.tiers.iter().map(|isa| isa.name()).collect();
            println!("{:<14} {emulator:<10} {state:<10} {}", cpu.name, tiers.join(", "));
        }
        Ok(())
    }
}

/// Fetches what is not there.
fn install() -> Result<()> {
    let cache = cache::folder()?;
    fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    install_into(&cache, bochs::FOLDER, install_bochs).context("installing Bochs")?;
    install_into(&cache, qemu::FOLDER, install_qemu).context("installing QEMU")?;
    build::install_target().context("installing the compiler's target for Arm")
}

/// Fills a folder of the cache, which is there whole or not at all.
fn install_into(cache: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = cache.join(name);
    if folder.exists() {
        return Ok(());
    }
    let partial = tempfile::tempdir_in(cache)?;
    fill(partial.path())?;
    fs::rename(partial.keep(), &folder).with_context(|| folder.display().to_string())
}

/// Bochs 3.0, which no older release has (and the next one's Bochs 3.1 does not boot these kernels), with the libraries
/// that it was linked for; and the kernel and the boot loader that it boots. Kernel 6.1 boots in half the time of 6.12.
fn install_bochs(folder: &Path) -> Result<()> {
    let release = Release::new("trixie")?;
    release.unpack_closure(bochs::PACKAGES, folder)?;
    // Libraries of the desktop that its debugger could use come with pictures and pages.
    for unused in ["doc", "fonts", "icons", "locale", "man", "mime", "X11"] {
        let _ = fs::remove_dir_all(folder.join("usr/share").join(unused));
    }
    let release = Release::new("bookworm")?;
    let kernel = tempfile::tempdir()?;
    release.unpack(&release.meant_by("linux-image-cloud-amd64")?, kernel.path())?;
    let mut images = fs::read_dir(kernel.path().join("boot"))?.filter_map(Result::ok).map(|entry| entry.path());
    let is_image = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"));
    let image = images.find(|path| is_image(path)).context("the kernel's package has no kernel")?;
    fs::copy(image, folder.join(bochs::KERNEL))?;
    Ok(())
}

/// QEMU's user mode. One program of the package, which is linked statically, is all that is used.
fn install_qemu(folder: &Path) -> Result<()> {
    let package = tempfile::tempdir()?;
    Release::new("bookworm")?.unpack("qemu-user-static", package.path())?;
    fs::copy(package.path().join("usr/bin").join(qemu::PROGRAM), folder.join(qemu::PROGRAM))?;
    process::output(Command::new(folder.join(qemu::PROGRAM)).arg("--version"))?;
    Ok(())
}
