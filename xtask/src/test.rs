//! `cargo xtask test`: every tier against the reference.

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

        print!("{:<20} {:>7}", "operation", "cases");
        tiers.iter().for_each(|isa| print!(" {:>12}", isa.name()));
        println!();
        let mut failures = Vec::new();
        let mut ran = 0;
        for operation in operations {
            let cases = zeropoint_check::cases(operation);
            let mut cells = Vec::new();
            for &isa in &tiers {
                bar.set_message(format!("{operation} {isa}"));
                let before = failures.len();
                failures.extend(cases.iter().filter_map(|case| zeropoint_check::check(isa, case).err()));
                ran += cases.len();
                cells.push(match failures.len() - before {
                    0 => "equal".into(),
                    failed => format!("{failed} failed"),
                });
                bar.inc(1);
            }
            bar.suspend(|| {
                print!("{operation:<20} {:>7}", cases.len());
                cells.iter().for_each(|cell| print!(" {cell:>12}"));
                println!();
            });
        }
        bar.finish_and_clear();
        if !not_run.is_empty() {
            println!("not run, for this CPU lacks them: {}", not_run.join(", "));
        }
        const SHOWN: usize = 20;
        failures.iter().take(SHOWN).for_each(|failure| println!("{failure}"));
        if failures.len() > SHOWN {
            println!("and {} more", failures.len() - SHOWN);
        }
        if !failures.is_empty() {
            bail!("{} of {ran} cases failed", failures.len());
        }
        Ok(())
    }
}
