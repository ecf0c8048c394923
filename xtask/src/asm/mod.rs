//! `cargo xtask asm`: the inner loops of the kernels, from the built program's symbols and code; and the check that they
//! are what they are meant to be.

mod arm;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod instruction;
pub(crate) mod intended;
pub(crate) mod loops;
pub(crate) mod program;
mod x86;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use zeropoint_kernels::Isa;

use crate::architecture::Architecture;
use check::{Row, calls, products};
use instruction::{Instruction, count};
use loops::innermost;
use program::{Function, Program, operations};

#[derive(Args)]
pub(crate) struct Asm {
    /// The kernel, as docs/kernels.md names it, or the beginning of its name; without it, the products of all tiers.
    #[arg(conflicts_with = "check")]
    kernel: Option<String>,
    /// How many loops of a kernel; without it three, and one where all tiers are shown.
    #[arg(long, value_name = "N")]
    loops: Option<usize>,
    /// Print a table of the kernels' inner loops, and fail if one is not what it is meant to be.
    #[arg(long)]
    check: bool,
    /// Look into the library built for an architecture, and not into this very program, which the kernels are in.
    #[arg(long)]
    arch: Option<Architecture>,
    /// Look into this program, library or archive of objects.
    #[arg(long, value_name = "PATH", conflicts_with = "arch")]
    file: Option<PathBuf>,
}

impl Asm {
    pub(crate) fn run(&self) -> Result<()> {
        let program = Program::read(&self.path()?)?;
        match &self.kernel {
            _ if self.check => report(&check::all(&program)?),
            Some(kernel) => {
                let (isa, operation) = parse(kernel)?;
                show(&program, isa, operation, self.loops.unwrap_or(3))
            }
            None => {
                let has = |isa: Isa| program.operation(isa, "gemm").is_some();
                for tier in intended::TIERS.iter().filter(|tier| has(tier.isa)) {
                    for product in tier.products {
                        show(&program, tier.isa, product.operation, self.loops.unwrap_or(1))?;
                        writeln!(stdout())?;
                    }
                }
                Ok(())
            }
        }
    }

    fn path(&self) -> Result<PathBuf> {
        match (&self.file, self.arch) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(arch)) => build::library(arch),
            _ => std::env::current_exe().context("the path of this program"),
        }
    }
}

/// Tier and operation of a kernel: of the operations that the name begins with, the longest.
fn parse(name: &str) -> Result<(Isa, &'static str)> {
    let parts = name.split_once('/').and_then(|(tier, rest)| {
        let operation = operations().filter(|operation| rest.starts_with(operation)).max_by_key(|name| name.len())?;
        Some((tier.parse().ok()?, operation))
    });
    parts.with_context(|| {
        let tiers: Vec<&str> = Isa::ALL.iter().map(|isa| isa.name()).collect();
        let operations: Vec<&str> = operations().collect();
        format!("expected TIER/OPERATION, of {} and {}; and this is `{name}`", tiers.join(", "), operations.join(", "))
    })
}

/// Prints loops of a kernel: those that multiply first; then the longest.
fn show(program: &Program, isa: Isa, operation: &str, shown: usize) -> Result<()> {
    let Some(function) = program.operation(isa, operation) else {
        bail!("{isa}/{operation} is not in this program: other architectures have it, or none");
    };
    let mut functions: Vec<&Function> = vec![function];
    if operation == "gemm" {
        functions.extend(program.tile_functions(isa));
    }
    let mut loops: Vec<&[Instruction]> = functions.iter().flat_map(|function| innermost(&function.body)).collect();
    writeln!(stdout(), "{isa}/{operation}: {} functions, {} innermost loops", functions.len(), loops.len())?;
    loops.sort_by_key(|body| std::cmp::Reverse((products(body), body.len())));
    for (index, body) in loops.iter().take(shown).enumerate() {
        writeln!(
            stdout(),
            "\nloop {}: {} instructions, {} products, {} stack accesses, {} calls",
            index + 1,
            body.len(),
            products(body),
            count(body, |instruction| instruction.on_stack),
            calls(body)
        )?;
        for Instruction { address, text, .. } in *body {
            writeln!(stdout(), "  {address:x}  {text}")?;
        }
    }
    Ok(())
}

/// Prints what was found, and fails if something is wrong.
fn report(rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        bail!("expected kernels of a tier with intended instructions, and there are none in this program");
    }
    let mut out = stdout().lock();
    writeln!(
        out,
        "{:<40} {:>5} {:>12}  {:<22} {:>5} {:>5}",
        "kernel", "loops", "instructions", "intended", "stack", "calls"
    )?;
    for row in rows {
        let intended = format!("{} {} ({})", row.intended, row.instruction, row.width);
        writeln!(
            out,
            "{:<40} {:>5} {:>12}  {intended:<22} {:>5} {:>5}",
            row.kernel, row.loops, row.length, row.stack, row.calls
        )?;
    }
    let wrong: Vec<String> =
        rows.iter().flat_map(|row| row.wrong.iter().map(|wrong| format!("{}: {wrong}", row.kernel))).collect();
    if !wrong.is_empty() {
        bail!("the loops are not what they are meant to be\n  {}", wrong.join("\n  "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_operation_is_the_kernels() {
        assert_eq!(parse("scalar/gemm").unwrap(), (Isa::Scalar, "gemm"));
        for set in zeropoint_kernels::TIERS {
            for kernel in set.kernels() {
                assert_eq!(parse(kernel.name).unwrap(), (set.isa(), kernel.operation));
            }
        }
        assert!(parse("scalar/nothing").is_err());
        assert!(parse("gemm").is_err());
    }
}
