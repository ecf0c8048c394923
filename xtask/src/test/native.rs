//! All cases on this machine's own CPU.

use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::Result;
use zeropoint::Isa;

use super::summary::{Record, Records};
use crate::progress;

/// Runs all cases on these tiers, and shows an operation a line.
pub(super) fn run(tiers: &[Isa]) -> Result<Records> {
    let operations = zeropoint_check::operations();
    let bar = progress::bar(operations.len() * tiers.len());
    let heads: String = tiers.iter().map(|isa| format!(" {:>12}", isa.name())).collect();
    writeln!(stdout(), "{:<20} {:>7}{heads}", "operation", "cases")?;
    let mut records: Vec<Record> = tiers.iter().map(|&isa| Record::new(isa, None)).collect();
    let mut failures = Vec::new();
    for operation in operations {
        let cases = zeropoint_check::cases(operation);
        let mut cells = String::new();
        for (&isa, record) in tiers.iter().zip(&mut records) {
            bar.set_message(format!("{operation} {isa}"));
            let (before, begin) = (failures.len(), Instant::now());
            failures.extend(cases.iter().filter_map(|case| zeropoint_check::check(isa, case).err()));
            let failed = failures.len() - before;
            record.count(cases.len(), failed);
            record.time += begin.elapsed();
            let cell = if failed == 0 { "equal".into() } else { format!("{failed} failed") };
            cells += &format!(" {cell:>12}");
            bar.inc(1);
        }
        bar.suspend(|| writeln!(stdout(), "{operation:<20} {:>7}{cells}", cases.len()))?;
    }
    bar.finish_and_clear();
    const SHOWN: usize = 20;
    for failure in failures.iter().take(SHOWN) {
        writeln!(stdout(), "{failure}")?;
    }
    if failures.len() > SHOWN {
        writeln!(stdout(), "and {} more", failures.len() - SHOWN)?;
    }
    Ok(records)
}
