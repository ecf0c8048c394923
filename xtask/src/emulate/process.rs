//! Running other programs: quietly, with what they said in the error, and no longer than they may.

use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a program that has to succeed, and gives what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", line(command)))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{} ended with {}:\n{}", line(command), output.status, tail(&String::from_utf8_lossy(&said)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How a program ended that was given a time.
pub(crate) struct Ended {
    /// Both of its outputs, in the order in which they were written.
    pub(crate) said: String,
    /// Nothing if its time was over first.
    pub(crate) status: Option<ExitStatus>,
}

/// Runs a program for so long at most.
pub(crate) fn within(limit: Duration, command: &mut Command) -> Result<Ended> {
    // A file takes both outputs in order, and never fills as a pipe does that nobody reads meanwhile.
    let mut file = tempfile::tempfile().context("a temporary file")?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", line(command)))?;
    let status = wait(&mut child, limit)?;
    file.rewind()?;
    let mut said = Vec::new();
    file.read_to_end(&mut said)?;
    Ok(Ended { said: String::from_utf8_lossy(&said).into_owned(), status })
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The exit status as a shell counts it: 128 and the signal's number where one ended the program.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    const LINES: usize = 20;
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// A command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
