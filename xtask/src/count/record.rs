//! benches/instructions.json: the counts that were.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// By how much a count may rise: compilers differ by that much in what is no loop.
const TOLERANCE: f64 = 0.02;

/// Counts by tier and shape.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Record {
    rustc: String,
    tiers: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What differs from a record.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) more: Vec<String>,
    /// And counts of what was not there.
    pub(super) fewer: Vec<String>,
    /// A line, if the compilers differ.
    pub(super) compilers: String,
}

impl Record {
    pub(super) fn new() -> Self {
        Self { rustc: rustc(), tiers: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, tier: &str, counts: impl Iterator<Item = (String, u64)>) {
        self.tiers.insert(tier.into(), counts.map(|(name, count)| (name, round(count))).collect());
    }

    pub(super) fn len(&self) -> usize {
        self.tiers.values().map(BTreeMap::len).sum()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (tier, counts) in &self.tiers {
            for (name, count) in counts {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{tier:<8} {name:<40} {count:>14}");
            }
        }
        text
    }

    pub(super) fn read() -> Result<Self> {
        let path = path();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    pub(super) fn write(&self) -> Result<()> {
        let path = path();
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n").with_context(|| path.display().to_string())
    }

    /// What differs from an earlier record by more than the tolerance.
    pub(super) fn against(&self, before: &Self) -> Changes {
        let mut changes = Changes::default();
        for (tier, counts) in &self.tiers {
            for (name, &count) in counts {
                let Some(&before) = before.tiers.get(tier).and_then(|counts| counts.get(name)) else {
                    changes.fewer.push(format!("{tier} {name}: {count}, not recorded"));
                    continue;
                };
                let ratio = count as f64 / before as f64;
                let line = format!("{tier} {name}: {before} → {count} ({:+.1} %)", 100.0 * (ratio - 1.0));
                if ratio > 1.0 + TOLERANCE {
                    changes.more.push(line);
                } else if ratio < 1.0 - TOLERANCE {
                    changes.fewer.push(line);
                }
            }
        }
        if self.rustc != before.rustc {
            changes.compilers = format!("recorded with {}, counted with {}\n", before.rustc, self.rustc);
        }
        changes
    }
}

/// To four digits, so that the file does not change with each build.
fn round(count: u64) -> u64 {
    let digits = count.checked_ilog10().unwrap_or(0);
    let unit = 10u64.pow(digits.saturating_sub(3));
    (count + unit / 2) / unit * unit
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/instructions.json")
}

/// The compiler's version.
fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output().ok();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(counts: &[(&str, u64)]) -> Record {
        let mut record = Record { rustc: "rustc 1".into(), tiers: BTreeMap::new() };
        record.add("avx2", counts.iter().map(|&(name, count)| (name.to_owned(), count)));
        record
    }

    #[test]
    fn counts_are_rounded_to_four_digits() {
        assert_eq!([0, 7, 12_345, 123_456_789].map(round), [0, 7, 12_350, 123_500_000]);
    }

    #[test]
    fn a_rise_beyond_the_tolerance_is_named() {
        let before = record(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let now = record(&[("a", 1019), ("b", 1030), ("c", 900), ("d", 1)]);
        let changes = now.against(&before);
        assert_eq!(changes.more, ["avx2 b: 1000 → 1030 (+3.0 %)"]);
        assert_eq!(changes.fewer, ["avx2 c: 1000 → 900 (-10.0 %)", "avx2 d: 1, not recorded"]);
        assert!(changes.compilers.is_empty());
    }

    #[test]
    fn what_is_written_is_read() {
        let record = record(&[("a", 1000)]);
        let text = serde_json::to_string_pretty(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
