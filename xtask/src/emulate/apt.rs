//! Debian's packages, unpacked into a folder and not installed: it takes no root, changes nothing on the machine, and
//! gives the same versions everywhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::process;

/// Names an archive of Debian's packages, for machines whose own sources have none.
const ARCHIVE: &str = "ZEROPOINT_DEBIAN_ARCHIVE";
const KEYS: &str = "usr/share/keyrings/debian-archive-keyring.gpg";

/// A release of Debian, with an apt that knows nothing but it.
pub(crate) struct Release {
    folder: TempDir,
}

impl Release {
    /// The release of a name, with its lists of packages fetched.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let there = Command::new("apt-get").arg("--version").stdout(Stdio::null()).status();
        ensure!(
            there.is_ok_and(|status| status.success()),
            "the emulators are Debian's packages, and there is no apt-get here to fetch them; on another system, name a \
             program that runs others on such a CPU in ZEROPOINT_EMULATOR"
        );
        let release = Self { folder: tempfile::tempdir().context("a temporary folder")? };
        for folder in ["lists/partial", "cache/archives/partial", "keys"] {
            fs::create_dir_all(release.path(folder))?;
        }
        // No package is installed, as far as this apt knows: whatever one needs is fetched along with it.
        fs::write(release.path("status"), "")?;
        let line = format!("deb [arch=amd64 signed-by={}] {} {name} main\n", release.keys()?.display(), mirror()?);
        fs::write(release.path("sources.list"), line)?;
        process::output(release.apt("apt-get").arg("update")).context("the lists of Debian's packages")?;
        Ok(release)
    }

    /// Unpacks packages and all that they need.
    pub(crate) fn unpack_closure(&self, packages: &[&str], to: &Path) -> Result<()> {
        process::output(self.apt("apt-get").args(["install", "--yes", "--download-only"]).args(packages))?;
        for entry in fs::read_dir(self.path("cache/archives"))? {
            let package = entry?.path();
            if package.extension().is_some_and(|extension| extension == "deb") {
                process::output(Command::new("dpkg-deb").arg("-x").arg(package).arg(to))?;
            }
        }
        Ok(())
    }

    /// Unpacks a package alone.
    pub(crate) fn unpack(&self, package: &str, to: &Path) -> Result<()> {
        process::output(Command::new("dpkg-deb").arg("-x").arg(self.download(package)?).arg(to))?;
        Ok(())
    }

    /// The package that a package without contents stands for, such as the newest kernel's.
    pub(crate) fn meant_by(&self, package: &str) -> Result<String> {
        let depends = process::output(self.apt("apt-cache").args(["depends", package]))?;
        let first = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
        first.map(str::to_owned).with_context(|| format!("{package} stands for no other package:\n{depends}"))
    }

    fn download(&self, package: &str) -> Result<PathBuf> {
        let to = self.path(package);
        fs::create_dir(&to)?;
        download(self.apt("apt-get").args(["download", package]), &to)
    }

    /// The archive's keys: the machine's, or from the package that its own apt knows.
    fn keys(&self) -> Result<PathBuf> {
        let here = Path::new("/").join(KEYS);
        if here.exists() {
            return Ok(here);
        }
        let folder = self.path("keys");
        let package = download(Command::new("apt-get").args(["download", "debian-archive-keyring"]), &folder)
            .context("the keys of Debian's archive; run `apt-get update` and try again")?;
        process::output(Command::new("dpkg-deb").arg("-x").arg(package).arg(&folder))?;
        Ok(folder.join(KEYS))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folders = [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::State::lists", "lists"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", "cache"),
        ];
        for (option, folder) in folders {
            command.arg("-o").arg(format!("{option}={}", self.path(folder).display()));
        }
        let options = [
            "Dir::Etc::sourceparts=-",
            "Dir::Etc::preferences=-",
            "Dir::Etc::preferencesparts=-",
            "APT::Architecture=amd64",
            "APT::Architectures=amd64",
            "APT::Install-Recommends=false",
            // The folder belongs to whoever runs this, not to apt's own user.
            "APT::Sandbox::User=root",
            // The locks are for the machine's packages, which this leaves alone.
            "Debug::NoLocking=true",
            "Acquire::Retries=3",
            "quiet=2",
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a command of apt that writes a package into its working folder.
fn download(command: &mut Command, folder: &Path) -> Result<PathBuf> {
    process::output(command.current_dir(folder))?;
    let package = fs::read_dir(folder)?.next().context("apt-get download wrote no file")??;
    Ok(package.path())
}

/// Where Debian's packages come from: where the caller says, or where this machine has its own from, if it is a Debian.
fn mirror() -> Result<String> {
    if let Ok(archive) = env::var(ARCHIVE) {
        return Ok(archive);
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| system.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim_matches('"'));
    let own = match (value("ID="), value("VERSION_CODENAME=")) {
        (Some("debian"), Some(release)) => {
            let format = ["indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"];
            let targets = process::output(Command::new("apt-get").args(format))?;
            let mut sites = targets.lines().filter_map(|line| line.split_once(' '));
            sites.find(|(of, _)| *of == release).map(|(_, site)| site.to_owned())
        }
        _ => None,
    };
    own.with_context(|| {
        format!(
            "the emulators are Debian's packages, and this system's are others: name an archive of them in {ARCHIVE}"
        )
    })
}
