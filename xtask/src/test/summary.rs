//! What ran where, and how it went.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zeropoint::Isa;

/// The cases of a tier on a CPU.
pub(super) struct Record {
    pub(super) tier: Isa,
    /// The emulated CPU; nothing for this machine's own.
    pub(super) cpu: Option<&'static str>,
    pub(super) cases: usize,
    pub(super) failures: usize,
    pub(super) time: Duration,
}

pub(super) type Records = Vec<Record>;

impl Record {
    pub(super) fn new(tier: Isa, cpu: Option<&'static str>) -> Self {
        Self { tier, cpu, cases: 0, failures: 0, time: Duration::ZERO }
    }

    pub(super) fn count(&mut self, cases: usize, failures: usize) {
        self.cases += cases;
        self.failures += failures;
    }

    fn json(&self) -> Value {
        json!({
            "tier": self.tier.name(),
            "cpu": self.cpu.unwrap_or("native"),
            "cases": self.cases,
            "failures": self.failures,
            "seconds": (self.time.as_secs_f64() * 10.0).round() / 10.0,
        })
    }
}

/// Prints a line for each tier: what ran on this machine's CPU, and what on emulated ones.
pub(super) fn print(records: &[Record]) -> Result<()> {
    let heads = ["tier", "native cases", "failures", "emulated cases", "failures"];
    writeln!(stdout(), "{:<13} {:>12} {:>9} {:>15} {:>9}  on", heads[0], heads[1], heads[2], heads[3], heads[4])?;
    for &tier in Isa::ALL {
        let (emulated, native): (Vec<_>, Vec<_>) =
            records.iter().filter(|record| record.tier == tier).partition(|record| record.cpu.is_some());
        let cells = |records: &[&Record]| match records {
            [] => ["–".into(), "–".into()],
            records => [
                records.iter().map(|record| record.cases).sum::<usize>().to_string(),
                records.iter().map(|record| record.failures).sum::<usize>().to_string(),
            ],
        };
        let ([cases, failures], [elsewhere, failed]) = (cells(&native), cells(&emulated));
        let cpus: Vec<_> = emulated.iter().filter_map(|record| record.cpu).collect();
        let cpus = cpus.join(", ");
        let line = format!("{:<13} {cases:>12} {failures:>9} {elsewhere:>15} {failed:>9}  {cpus}", tier.name());
        writeln!(stdout(), "{}", line.trim_end())?;
    }
    Ok(())
}

/// Tiers that ran nowhere.
pub(super) fn missing(records: &[Record]) -> Vec<&'static str> {
    let ran = |tier| records.iter().any(|record| record.tier == tier && record.cases > 0);
    Isa::ALL.iter().filter(|&&tier| !ran(tier)).map(|tier| tier.name()).collect()
}

/// Writes the records as an array.
pub(super) fn write(records: &[Record], path: &Path) -> Result<()> {
    let records = records.iter().map(Record::json).collect::<Vec<_>>();
    fs::write(path, serde_json::to_string_pretty(&records)? + "\n").with_context(|| path.display().to_string())
}
