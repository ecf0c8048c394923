//! What a comparison with somebody else's tensors found.

use std::collections::HashSet;
use std::io::Write;

use anyhow::{Result, ensure};

use super::super::Ending;
use crate::deviation::{Deviation, Tolerance, deviation};
use crate::exec::TensorRef;
use crate::graph::Type;
use crate::recorded::{Found, Recorded};

/// A tensor that was compared.
struct Row {
    name: String,
    by: String,
    described: String,
    outcome: Outcome,
}

enum Outcome {
    Compared(Deviation),
    /// Why it cannot be compared.
    Other(String),
}

pub(super) struct Report {
    tolerance: Tolerance,
    rows: Vec<Row>,
    /// What is made and not in the file.
    missing: usize,
    /// The file's tensors that were compared, or taken as inputs.
    seen: HashSet<String>,
    /// Those of which a float operator leaves the last bits open.
    open: HashSet<String>,
}

impl Report {
    pub(super) fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, rows: Vec::new(), missing: 0, seen: HashSet::new(), open: HashSet::new() }
    }

    /// A tensor is an input, and not made.
    pub(super) fn given(&mut self, name: &str) {
        self.seen.insert(name.to_owned());
    }

    /// A tensor lies below a float operator whose rounding its definition leaves open.
    pub(super) fn open(&mut self, name: &str) {
        self.open.insert(name.to_owned());
    }

    /// Compares a tensor that was made, in C order of its shape, with what the file has.
    pub(super) fn take(
        &mut self,
        name: &str,
        by: &str,
        (type_, shape): (Type, &[usize]),
        values: TensorRef<'_>,
        found: Found,
    ) {
        let outcome = match found {
            Found::Nothing => {
                self.missing += 1;
                return;
            }
            Found::Other(other) => Outcome::Other(format!("the file has {other}")),
            Found::Elements(data) => match deviation(values, TensorRef::from(&data), shape, self.tolerance) {
                Some(deviation) => Outcome::Compared(deviation),
                None => Outcome::Other("the file has elements of another type".into()),
            },
        };
        self.push(name, by, format!("{type_} {shape:?}"), outcome);
    }

    /// A tensor cannot be compared.
    pub(super) fn refuse(&mut self, name: &str, by: &str, described: String, reason: String) {
        self.push(name, by, described, Outcome::Other(reason));
    }

    fn push(&mut self, name: &str, by: &str, described: String, outcome: Outcome) {
        self.seen.insert(name.to_owned());
        self.rows.push(Row { name: name.to_owned(), by: by.to_owned(), described, outcome });
    }

    /// Shows everything; the last line is a verdict.
    pub(super) fn finish(self, out: &mut impl Write, recorded: &Recorded) -> Result<Ending> {
        let names = recorded.names();
        ensure!(!self.rows.is_empty(), "none of the file's {} tensors is one that is made here", names.len());
        let widest = |get: &dyn Fn(&Row) -> usize| self.rows.iter().map(get).max().unwrap_or(0);
        let (name, by) = (widest(&|row| row.name.len()), widest(&|row| row.by.len()));
        let described = widest(&|row| row.described.len());
        let (mut equal, mut near, mut differing, mut open) = (0usize, 0usize, 0usize, 0usize);
        for row in &self.rows {
            let told = match &row.outcome {
                Outcome::Compared(deviation) => {
                    let counted = match (deviation.is_none(), deviation.greatest > 0.0) {
                        (true, false) => &mut equal,
                        (true, true) => &mut near,
                        (false, _) => &mut differing,
                    };
                    *counted += 1;
                    let mut told = deviation.to_string();
                    if !deviation.is_none() && self.open.contains(&row.name) {
                        open += 1;
                        told += " (below a float operator whose rounding is left open)";
                    }
                    told
                }
                Outcome::Other(reason) => {
                    differing += 1;
                    reason.clone()
                }
            };
            writeln!(out, "{:<name$}  {:<by$}  {:<described$}  {told}", row.name, row.by, row.described)?;
        }
        if self.missing > 0 {
            writeln!(out, "{} tensors that are made are not in the file", self.missing)?;
        }
        let unmade: Vec<&str> = names.into_iter().filter(|&name| !self.seen.contains(name)).collect();
        if !unmade.is_empty() {
            writeln!(out, "{} tensors of the file are not made: {}", unmade.len(), unmade.join(", "))?;
        }
        let verdict = if differing == 0 { "EQUAL" } else { "DIFFERS" };
        let near = if near == 0 { String::new() } else { format!("{near} within the tolerance, ") };
        let open = if open == 0 { String::new() } else { format!(" ({open} of them below open float operators)") };
        writeln!(out, "{verdict}: {equal} tensors equal, {near}{differing} not{open}")?;
        Ok(if differing == 0 { Ending::Equal } else { Ending::Different })
    }
}
