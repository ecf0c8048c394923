//! A run as a file: a line of JSON for the machine, and one for each row.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::machine::Machine;
use super::row::Row;

/// A run.
pub(super) struct Recorded {
    pub(super) machine: Machine,
    pub(super) rows: Vec<Row>,
}

impl Recorded {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.lines()?).with_context(|| path.display().to_string())
    }

    fn lines(&self) -> Result<String> {
        let mut lines = format!("{}\n", json!({ "meta": self.machine }));
        for row in &self.rows {
            lines += &serde_json::to_string(row)?;
            lines.push('\n');
        }
        Ok(lines)
    }

    fn parse(text: &str) -> Result<Self> {
        let (mut machine, mut rows) = (None, Vec::new());
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let of_line = || format!("line {}", index + 1);
            let mut line: Value = serde_json::from_str(line).with_context(of_line)?;
            match line.get_mut("meta") {
                Some(meta) => machine = Some(serde_json::from_value(meta.take()).with_context(of_line)?),
                None => rows.push(serde_json::from_value(line).with_context(of_line)?),
            }
        }
        Ok(Self { machine: machine.context("no line says which machine it is of")?, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{machine, row};
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let recorded = Recorded { machine: machine::example("a"), rows: vec![row::example("1x2x3", 4.5)] };
        let read = Recorded::parse(&recorded.lines().unwrap()).unwrap();
        assert_eq!((read.machine, read.rows), (recorded.machine, recorded.rows));
    }

    #[test]
    fn a_file_without_a_machine_is_an_error() {
        assert!(Recorded::parse("").is_err());
        assert_eq!(Recorded::parse("\n{}").err().unwrap().to_string(), "line 2");
    }
}
