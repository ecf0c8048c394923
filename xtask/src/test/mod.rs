//! `cargo xtask test`: every tier against the reference, on this machine's CPU and on emulated ones.

mod emulated;
mod exhaustive;
mod native;
mod suite;
mod summary;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use zeropoint::{Isa, Rule};

use crate::emulate::{CPUS, Cpu};
use summary::{Record, Records};

#[derive(Args)]
#[command(after_help = "\
Emulated CPUs: nehalem, haswell, skylake-x, cascade-lake, alder-lake, zen5 (x86-64), cortex-a53, neoverse-n1, max (Arm). \
`cargo xtask emulators --install` fetches the emulators, and lists the tiers that each has to have.

With ZEROPOINT_EMULATOR, --cpu runs the programs by a runner of yours, such as another emulator or a script that takes \
them to a real machine: it is called with a program, which is linked statically, and its arguments, in the folder that \
has the program and the files that it reads. Standard output and the exit status have to come back. For example \
ZEROPOINT_EMULATOR='sde64 -skx --'.")]
pub(crate) struct Test {
    /// The tiers; without it, all that this CPU has.
    #[arg(long, value_name = "TIER", num_args = 1.., value_delimiter = ',', conflicts_with_all = ["cpu", "all_cpus"])]
    isa: Vec<Isa>,
    /// Runs the telling cases, and a network, on this emulated CPU: it has the features of its tiers and no more.
    #[arg(long, value_name = "CPU", value_delimiter = ',', value_parser = Cpu::named, conflicts_with = "all_cpus")]
    cpu: Vec<&'static Cpu>,
    /// Looks at nothing but which tier the library chooses where the CPU lacks this feature (Bochs' name of it).
    #[arg(long, value_name = "FEATURE", requires = "cpu")]
    without: Option<String>,
    /// Runs all cases on this machine's CPU, and the telling ones on all emulated CPUs. A tier that ran nowhere is an
    /// error.
    #[arg(long)]
    all_cpus: bool,
    /// Instead of the cases: all 2^32 accumulators by every rule of requantising with fourteen multipliers, and all pairs
    /// of bytes by additions and multiplications with a hundred sets of scales. Takes most of an hour of processor time.
    #[arg(long, conflicts_with_all = ["cpu", "all_cpus", "json"])]
    exhaustive: bool,
    /// With --exhaustive, every so manieth accumulator alone.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "exhaustive", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    stride: u64,
    /// With --exhaustive, this rule alone, of requantising, or these, and no pairs of bytes.
    #[arg(long, value_name = "RULE", requires = "exhaustive", value_parser = exhaustive::named)]
    rule: Vec<Rule>,
    /// Writes what ran where to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Test {
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(feature) = &self.without {
            return self.cpu.iter().try_for_each(|cpu| emulated::choice(cpu, feature));
        }
        if self.exhaustive {
            exhaustive::run(&self.native_tiers()?, &self.rule, self.stride)?;
            return self.tell_what_was_not_run();
        }
        let mut wrong = Vec::new();
        let records = if self.all_cpus {
            let mut records = native::run(&available())?;
            writeln!(stdout())?;
            records.extend(emulated::run(&CPUS.iter().collect::<Vec<_>>(), &mut wrong)?);
            records
        } else if !self.cpu.is_empty() {
            emulated::run(&self.cpu, &mut wrong)?
        } else {
            native::run(&self.native_tiers()?)?
        };
        if self.all_cpus || !self.cpu.is_empty() {
            writeln!(stdout())?;
            summary::print(&records)?;
        } else {
            self.tell_what_was_not_run()?;
        }
        if let Some(path) = &self.json {
            summary::write(&records, path)?;
        }
        if self.all_cpus {
            let missing = summary::missing(&records);
            ensure!(missing.is_empty(), "no CPU ran the tiers {}", missing.join(", "));
        }
        verdict(&records, &wrong)
    }

    /// The tiers to run on this machine's CPU.
    fn native_tiers(&self) -> Result<Vec<Isa>> {
        if let Some(&isa) = self.isa.iter().find(|isa| !isa.is_available()) {
            return Err(zeropoint::Error::IsaUnavailable { isa }).context("nothing was run");
        }
        Ok(match self.isa.as_slice() {
            [] => available(),
            demanded => Isa::ALL.iter().copied().filter(|isa| demanded.contains(isa)).collect(),
        })
    }

    fn tell_what_was_not_run(&self) -> Result<()> {
        let lacking: Vec<&str> = Isa::ALL.iter().filter(|isa| !isa.is_available()).map(|isa| isa.name()).collect();
        if !lacking.is_empty() {
            writeln!(stdout(), "not run, for this CPU lacks them: {}; see --cpu", lacking.join(", "))?;
        }
        Ok(())
    }
}

fn available() -> Vec<Isa> {
    Isa::ALL.iter().copied().filter(|isa| isa.is_available()).collect()
}

/// An error for cases that failed, and for all else that went wrong.
fn verdict(records: &Records, wrong: &[String]) -> Result<()> {
    let sum = |of: fn(&Record) -> usize| records.iter().map(of).sum::<usize>();
    let (cases, failures) = (sum(|record| record.cases), sum(|record| record.failures));
    match (failures, wrong) {
        (0, []) => Ok(()),
        (0, wrong) => bail!("{}", wrong.join("; ")),
        (failures, []) => bail!("{failures} of {cases} cases failed"),
        (failures, wrong) => bail!("{failures} of {cases} cases failed; {}", wrong.join("; ")),
    }
}
