//! `cargo xtask mca`: what the inner loops of the products do in a cycle, by LLVM's models of CPUs.

mod cpus;
mod llvm;
mod pieces;
pub(crate) mod table;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::architecture::Architecture;
use crate::asm::build;
use crate::asm::intended::{self, Tier};
use crate::asm::program::Program;
use crate::asm::{
    check,
    instruction::{Instruction, count},
};
use crate::kernels::Kernels;
use cpus::{CPUS, Cpu};
use llvm::Mca;
use table::{GOAL, Row, Table};

#[derive(Args)]
pub(crate) struct McaCommand {
    /// Only the tiers of these architectures, and write nothing.
    #[arg(long, value_name = "ARCH", num_args = 1.., value_delimiter = ',')]
    arch: Vec<Architecture>,
    /// Only the tiers in this program, library or archive of objects, and write nothing.
    #[arg(long, value_name = "PATH", conflicts_with = "arch")]
    file: Option<PathBuf>,
}

impl McaCommand {
    pub(crate) fn run(&self) -> Result<()> {
        let mca = Mca::find()?;
        let of_all = self.file.is_none() && self.arch.is_empty();
        let arches = if of_all { &[Architecture::X86_64, Architecture::Aarch64] } else { self.arch.as_slice() };
        let built = arches.iter().map(|&arch| build::library(arch));
        let paths: Vec<PathBuf> = self.file.iter().cloned().map(Ok).chain(built).collect::<Result<_>>()?;
        let (mut rows, mut remarks) = (Vec::new(), Vec::new());
        for path in paths {
            let program = Program::read(&path)?;
            for tier in intended::TIERS.iter().filter(|tier| program.operation(tier.isa, "gemm").is_some()) {
                for cpu in CPUS.iter().filter(|cpu| cpu.arch == program.arch && cpu.tiers.contains(&tier.isa)) {
                    rows.extend(
                        on(&mca, &program, tier, cpu).with_context(|| format!("{} on {}", tier.isa, cpu.name))?,
                    );
                }
            }
            let cpus = CPUS.iter().filter(|cpu| cpu.arch == program.arch);
            remarks.extend(cpus.filter_map(|cpu| Some((cpu.name.into(), cpu.remark?.into()))));
        }
        let table = Table { llvm: mca.version, rustc: rustc()?, rows, remarks };
        write!(stdout(), "{}", table.markdown()?)?;
        let below = table.below().count();
        writeln!(stdout(), "\n{below} of {} below the goal of {:.0} %", table.rows.len(), 100.0 * GOAL)?;
        if of_all {
            table.write()?;
            Kernels::write()?;
        }
        Ok(())
    }
}

/// The loops of a tier's largest tile on a CPU: a row, or two where there are loops that widen.
fn on(mca: &Mca, program: &Program, tier: &Tier, cpu: &Cpu) -> Result<Vec<Row>> {
    let tile = program.tile(tier.isa, "gemm")?;
    let product = tier.products.iter().find(|product| product.operation == "gemm").context("no product")?;
    let is_product = |instruction: &Instruction| instruction.is(product.instructions, tier.width);
    let loops = check::largest_loops(program, tier.isa, "gemm");
    let products = tile.rows * tile.columns * 32 / tier.width as usize * product.each;
    ensure!(
        !loops.is_empty() && loops.iter().all(|body| count(body, is_product) == products),
        "the loops are not the intended ones: see `cargo xtask asm --check`"
    );
    let is_widening = |instruction: &Instruction| tier.widening.contains(&instruction.mnemonic.as_str());
    let (widening, others): (Vec<&[Instruction]>, Vec<_>) =
        loops.into_iter().partition(|body| body.iter().any(is_widening));
    let macs = macs_of_product(tier, tile.group);
    let forms = [(false, others), (true, widening)].into_iter().filter(|(_, loops)| !loops.is_empty());
    let row = |(widening, loops): (bool, Vec<&[Instruction]>)| {
        let (peak, of_peak) = pieces::of_peak(tier);
        let mut texts: Vec<String> = loops.iter().map(|body| pieces::of_loop(body)).collect();
        texts.sort();
        texts.dedup();
        texts.push(peak);
        let cycles = mca.cycles(program.arch, cpu.name, &texts)?;
        let (&cycles_of_peak, cycles) = cycles.split_last().context("no figures")?;
        let rates = cycles.iter().map(|cycles| (products * macs) as f64 / cycles);
        Ok(Row {
            kernel: tile.name.clone(),
            widening,
            cpu: cpu.name.into(),
            peak: round((of_peak * macs) as f64 / cycles_of_peak),
            slowest: round(rates.clone().fold(f64::INFINITY, f64::min)),
            fastest: round(rates.fold(0.0, f64::max)),
        })
    };
    forms.map(row).collect()
}

/// Multiply-accumulates of a product instruction: a group of K in each lane of 32 bits.
fn macs_of_product(tier: &Tier, group: usize) -> usize {
    tier.width as usize / 32 * group
}

/// To what is shown, so that the file does not change with the last digits.
fn round(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

/// The compiler's version.
fn rustc() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("--version").output().context("rustc --version")?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(version.split(' ').nth(1).unwrap_or_default().into())
}
