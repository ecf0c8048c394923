//! What is run on an emulated CPU: programs, one after the other, in a folder with the files that they read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::process;

/// Programs to run, and the folder that holds them and their files.
pub(crate) struct Job {
    folder: TempDir,
    pub(super) commands: Vec<Vec<String>>,
    /// The time that all of them together may take.
    pub(super) limit: Duration,
}

/// How a program of a job ended.
pub(crate) struct Outcome {
    /// What it said.
    pub(crate) said: String,
    /// Its exit status; nothing if it did not end.
    pub(crate) code: Option<i32>,
}

impl Job {
    pub(crate) fn new(limit: Duration) -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir().context("a temporary folder")?, commands: Vec::new(), limit })
    }

    /// Brings a file along. Programs run in the folder where it is then.
    pub(crate) fn add(&self, file: &Path) -> Result<()> {
        let name = file.file_name().and_then(|name| name.to_str());
        self.add_as(name.with_context(|| format!("{} is no file", file.display()))?, file)
    }

    /// Brings a file along under another name.
    pub(crate) fn add_as(&self, name: &str, file: &Path) -> Result<()> {
        fs::copy(file, self.folder.path().join(name)).with_context(|| file.display().to_string())?;
        Ok(())
    }

    /// Runs a program that was brought along, with arguments.
    pub(crate) fn then(&mut self, program: &str, arguments: &[&str]) {
        self.commands.push([program].iter().chain(arguments).map(|&word| word.into()).collect());
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the programs here, behind the words of a runner.
    pub(crate) fn run_behind(&self, runner: &[String]) -> Result<Vec<Outcome>> {
        let begin = Instant::now();
        self.commands
            .iter()
            .map(|command| {
                let program: PathBuf = self.folder.path().join(&command[0]);
                let mut words = runner.iter().map(AsRef::as_ref).chain([program.as_os_str()]);
                let mut behind = Command::new(words.next().context("a runner without a name")?);
                behind.args(words).args(&command[1..]).current_dir(self.folder.path());
                let ended = process::within(self.limit.saturating_sub(begin.elapsed()), &mut behind)?;
                Ok(Outcome { said: ended.said, code: ended.status.map(process::code) })
            })
            .collect()
    }
}
