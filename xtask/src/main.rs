//! The project's own commands, `cargo xtask …`.
#![forbid(unsafe_code)]

mod bench;
mod kernels;
mod progress;
mod tiers;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures rates and their share of this machine's limit.
    Bench(bench::Bench),
    /// Lists the tiers, the CPU features that each needs, and whether this CPU has them.
    Tiers,
    /// Writes docs/kernels.md, the table of the tiers' kernels.
    Kernels(kernels::Kernels),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Bench(bench) => bench.run()?,
        Command::Tiers => tiers::run(),
        Command::Kernels(kernels) => kernels.run()?,
    }
    Ok(())
}
