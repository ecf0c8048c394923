//! The figures as they are kept in docs/mca.json, and as docs/kernels.md shows them: who writes that page need not have
//! llvm-mca.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The share of the limit that a loop should reach.
pub(crate) const GOAL: f64 = 0.85;

/// All figures.
#[derive(Serialize, Deserialize)]
pub(crate) struct Table {
    /// LLVM's version.
    pub(crate) llvm: String,
    /// The compiler that made the loops.
    pub(crate) rustc: String,
    pub(crate) rows: Vec<Row>,
    /// CPUs, and what to know of their models.
    pub(crate) remarks: Vec<(String, String)>,
}

/// A kernel on a CPU.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) kernel: String,
    /// Whether it is the loop for few rows, which widens weights on the way.
    pub(crate) widening: bool,
    pub(crate) cpu: String,
    /// Multiply-accumulates in a cycle by the product instruction alone.
    pub(crate) peak: f64,
    /// And by the slowest and the fastest of the loops.
    pub(crate) slowest: f64,
    pub(crate) fastest: f64,
}

impl Row {
    fn share(&self, rate: f64) -> f64 {
        rate / self.peak
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/mca.json")
}

impl Table {
    /// What was written last; nothing if there is no such file.
    pub(crate) fn read() -> Result<Option<Self>> {
        let path = path();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
    }

    pub(crate) fn write(&self) -> Result<()> {
        let path = path();
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// The rows below the goal.
    pub(crate) fn below(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.share(row.slowest) < GOAL)
    }

    /// The table in Markdown.
    pub(crate) fn markdown(&self) -> Result<String> {
        let mut page = String::from(
            "| kernel | CPU | multiply-accumulates a cycle | by products alone | share |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in &self.rows {
            let range = |low: String, high: String| if low == high { low } else { format!("{low}–{high}") };
            let rate = range(format!("{:.1}", row.slowest), format!("{:.1}", row.fastest));
            let share = |rate: f64| format!("{:.0}", 100.0 * row.share(rate));
            let share = range(share(row.slowest), share(row.fastest));
            let form = if row.widening { ", few rows" } else { "" };
            writeln!(page, "| `{}`{form} | {} | {rate} | {:.1} | {share} % |", row.kernel, row.cpu, row.peak)?;
        }
        if !self.remarks.is_empty() {
            page += "\nTo read these figures:\n\n";
        }
        for (cpu, remark) in &self.remarks {
            writeln!(page, "- {cpu}: {remark}.")?;
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_differ_are_ranges() {
        let row =
            |slowest| Row { kernel: "k".into(), widening: false, cpu: "c".into(), peak: 32.0, slowest, fastest: 32.0 };
        let table =
            Table { llvm: "19".into(), rustc: "1".into(), rows: vec![row(32.0), row(16.0)], remarks: Vec::new() };
        let markdown = table.markdown().unwrap();
        assert!(markdown.ends_with("| `k` | c | 32.0 | 32.0 | 100 % |\n| `k` | c | 16.0–32.0 | 32.0 | 50–100 % |\n"));
        assert_eq!(table.below().count(), 1);
    }
}
