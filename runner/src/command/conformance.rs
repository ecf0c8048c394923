//! `zeropoint conformance`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use flate2::read::GzDecoder;
use serde::Serialize;
use tar::Archive;
use tempfile::TempDir;
use zeropoint::Backend;

use super::Ending;
use super::options::{Preparing, Tiers};
use crate::conformance::{self, Case, Outcome, Tally};

#[derive(Args)]
pub(super) struct Conformance {
    /// A folder, or one in an archive (.tar.gz); every case in it and below is run.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    preparing: Preparing,
    /// Write the outcome of each case on each tier to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What is written of a case on a tier.
#[derive(Serialize)]
struct Row<'a> {
    case: &'a str,
    tier: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    special: bool,
}

impl Conformance {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let unpacked = unpacked(&self.folder)?;
        let cases = conformance::find(unpacked.as_ref().map_or(&self.folder, |folder| folder.path()))?;
        let mut results = Vec::new();
        let (mut counted, mut special) = (Tally::default(), Tally::default());
        for case in &cases {
            let outcomes = conformance::run(case, &backends, &self.preparing.options());
            let tally = if case.special { &mut special } else { &mut counted };
            outcomes.iter().for_each(|outcome| tally.add(outcome));
            tell(out, case, &backends, &outcomes)?;
            results.push((case, outcomes));
        }
        if let Some(path) = &self.json {
            let rows: Vec<Row<'_>> = results
                .iter()
                .flat_map(|(case, outcomes)| {
                    backends.iter().zip(outcomes).map(|(tier, outcome)| row(case, tier, outcome))
                })
                .collect();
            let place = || path.display().to_string();
            let mut file = BufWriter::new(File::create(path).with_context(place)?);
            serde_json::to_writer_pretty(&mut file, &rows)?;
            file.flush().with_context(place)?;
        }
        if special != Tally::default() {
            let Tally { passed, failed, unsupported } = special;
            writeln!(out, "special, not counted: {passed} equal, {failed} different, {unsupported} unsupported")?;
        }
        let Tally { passed, failed, unsupported } = counted;
        writeln!(out, "{passed} passed, {failed} failed, {unsupported} unsupported")?;
        Ok(if failed == 0 { Ending::Equal } else { Ending::Different })
    }
}

/// What an archive holds, in a folder that lasts as long as the value; nothing for what is no archive.
fn unpacked(path: &Path) -> Result<Option<TempDir>> {
    if !path.is_file() {
        return Ok(None);
    }
    let place = || format!("{}: is no archive of cases", path.display());
    std::fs::create_dir_all(std::env::temp_dir())?;
    let folder = tempfile::tempdir()?;
    // It leaves out what would lie outside the folder.
    Archive::new(GzDecoder::new(File::open(path).with_context(place)?)).unpack(folder.path()).with_context(place)?;
    Ok(Some(folder))
}

/// A line for each outcome that is not as it should be; one for all tiers where they agree.
fn tell(out: &mut impl Write, case: &Case, backends: &[Backend], outcomes: &[Outcome]) -> Result<()> {
    let agree = outcomes.windows(2).all(|pair| pair[0] == pair[1]);
    let told = if agree { 1 } else { outcomes.len() };
    for (backend, outcome) in backends.iter().zip(outcomes).take(told) {
        let Some(reason) = reason(outcome) else { continue };
        let special = if case.special { "special, not counted: " } else { "" };
        let tier = if agree { String::new() } else { format!(" on tier {}", backend.isa()) };
        writeln!(out, "{special}{} {}{tier}: {reason}", word(outcome), case.name)?;
    }
    Ok(())
}

fn row<'a>(case: &'a Case, backend: &Backend, outcome: &'a Outcome) -> Row<'a> {
    Row {
        case: &case.name,
        tier: backend.isa().to_string(),
        outcome: word(outcome),
        reason: reason(outcome),
        special: case.special,
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Unsupported(_) => "unsupported",
    }
}

fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed(reason) | Outcome::Unsupported(reason) => Some(reason),
    }
}
