//! CPUs that this machine is not: programs are built for them, and run on an emulated one.

mod apt;
mod bochs;
mod build;
mod cache;
mod cpus;
mod initramfs;
mod install;
mod job;
mod process;
mod qemu;

use anyhow::{Result, bail};

use crate::architecture::Architecture;
pub(crate) use build::{CHECK, KERNELS, RUNNER, build};
pub(crate) use cpus::{CPUS, Cpu, Model, Variant};
pub(crate) use install::Emulators;
pub(crate) use job::{Job, Outcome};
pub(crate) use process::tail;

impl Cpu {
    pub(crate) fn architecture(&self) -> Architecture {
        match self.model {
            Model::Bochs { .. } => Architecture::X86_64,
            Model::Qemu { .. } => Architecture::Aarch64,
        }
    }

    /// Whether its emulator is installed.
    pub(crate) fn ready(&self) -> Result<()> {
        match self.model {
            Model::Bochs { .. } => bochs::installed().map(drop),
            Model::Qemu { .. } => qemu::installed().map(drop),
        }
    }

    /// Runs a job on it, without a feature if one is named.
    pub(crate) fn run(&self, job: &Job, lacking: Option<&str>) -> Result<Vec<Outcome>> {
        match (&self.model, lacking) {
            (Model::Bochs { model, without, with }, lacking) => {
                let without: Vec<&str> = without.iter().copied().chain(lacking).collect();
                bochs::run(job, model, &without, with)
            }
            (Model::Qemu { model }, None) => job.run_behind(&qemu::runner(model)?),
            (Model::Qemu { .. }, Some(_)) => {
                bail!("QEMU's user mode takes no feature away: expected a CPU that Bochs emulates, got {}", self.name)
            }
        }
    }
}
