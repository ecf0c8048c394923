//! `cargo xtask count`: the instructions of a call at telling shapes. Unlike times they are the same on every machine,
//! whatever else it does, so a kernel that got longer is found where times cannot tell.

mod calls;
mod record;
mod valgrind;

use std::io::{Write, stdout};

use anyhow::{Result, bail, ensure};
use clap::Args;
use zeropoint::Isa;

use self::record::Record;

/// The tiers that valgrind's CPU has. It is no other than this machine's, less AVX-512.
const TIERS: [Isa; 2] = [Isa::Avx2, Isa::Scalar];

#[derive(Args)]
pub(crate) struct Count {
    /// Write nothing; fail if a call takes more instructions than benches/instructions.json says, by over 2 %.
    #[arg(long)]
    check: bool,
    /// Make the calls of a tier, for valgrind to count.
    #[arg(long, value_name = "TIER", hide = true, conflicts_with = "check")]
    calls: Option<Isa>,
}

impl Count {
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(isa) = self.calls {
            return calls::make(isa);
        }
        let mut record = Record::new();
        for isa in TIERS {
            if isa.is_available() {
                let names = calls::names(isa)?;
                let counts = valgrind::count(isa, names.len())?;
                record.add(isa.name(), names.into_iter().zip(counts));
            } else {
                // What was recorded of it elsewhere would be lost.
                ensure!(self.check, "this CPU lacks {isa}, whose counts belong in the file");
                writeln!(stdout(), "{isa}: this CPU lacks it")?;
            }
        }
        if !self.check {
            write!(stdout(), "{}", record.text())?;
            return record.write();
        }
        let changes = record.against(&Record::read()?);
        for line in &changes.fewer {
            writeln!(stdout(), "{line}")?;
        }
        if !changes.fewer.is_empty() {
            writeln!(stdout(), "fewer, or new: `cargo xtask count` writes it down")?;
        }
        if !changes.more.is_empty() {
            bail!(
                "more instructions than benches/instructions.json has:\n{}\n{}if that is meant, `cargo xtask count` \
                 writes it down",
                changes.more.join("\n"),
                changes.compilers
            );
        }
        writeln!(stdout(), "{} counts, none higher than recorded", record.len())?;
        Ok(())
    }
}
