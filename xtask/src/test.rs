//! `cargo xtask test`: every tier against the reference.

use std::io::{Write, stdout};

use anyhow::{Context, Result, bail};
use clap::Args;
use zeropoint::Isa;

use crate::progress;

#[derive(Args)]
pub(crate) struct Test {
    /// The tiers; without it, all that this CPU has.
    #[arg(long, value_name = "TIER", num_args = 1.., value_delimiter = ',')]
    isa: Vec<Isa>,
}

impl Test {
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(&isa) = self.isa.iter().find(|isa| !isa.is_available()) {
            return Err(zeropoint::Error::IsaUnavailable { isa }).context("nothing was run");
        }
        let tiers: Vec<Isa> = match self.isa.as_slice() {
            [] => Isa::ALL.iter().copied().filter(|isa| isa.is_available()).collect(),
            demanded => Isa::ALL.iter().copied().filter(|isa| demanded.contains(isa)).collect(),
        };
        let not_run: Vec<&str> = Isa::ALL.iter().filter(|isa| !isa.is_available()).map(|isa| isa.name()).collect();
        let operations = zeropoint_check::operations();
        let bar = progress::bar(operations.len() * tiers.len());

        let heads: String = tiers.iter().map(|isa| format!(" {:>12}", isa.name())).collect();
        writeln!(stdout(), "{:<20} {:>7}{heads}", "operation", "cases")?;
        let mut failures = Vec::new();
        let mut ran = 0;
        for operation in operations {
            let cases = zeropoint_check::cases(operation);
            let mut cells = String::new();
            for &isa in &tiers {
                bar.set_message(format!("{operation} {isa}"));
                let before = failures.len();
                failures.extend(cases.iter().filter_map(|case| zeropoint_check::check(isa, case).err()));
                ran += cases.len();
                let cell = match failures.len() - before {
                    0 => "equal".into(),
                    failed => format!("{failed} failed"),
                };
                cells += &format!(" {cell:>12}");
                bar.inc(1);
            }
            bar.suspend(|| writeln!(stdout(), "{operation:<20} {:>7}{cells}", cases.len()))?;
        }
        bar.finish_and_clear();
        if !not_run.is_empty() {
            writeln!(stdout(), "not run, for this CPU lacks them: {}", not_run.join(", "))?;
        }
        const SHOWN: usize = 20;
        for failure in failures.iter().take(SHOWN) {
            writeln!(stdout(), "{failure}")?;
        }
        if failures.len() > SHOWN {
            writeln!(stdout(), "and {} more", failures.len() - SHOWN)?;
        }
        if !failures.is_empty() {
            bail!("{} of {ran} cases failed", failures.len());
        }
        Ok(())
    }
}
