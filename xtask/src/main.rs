//! The project's own commands, `cargo xtask …`.
#![forbid(unsafe_code)]

mod architecture;
mod asm;
mod bench;
mod count;
mod emulate;
mod kernels;
mod mca;
mod progress;
mod test;
mod tiers;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

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
    /// Counts the instructions of a call at telling shapes, or checks that they did not rise.
    Count(count::Count),
    /// Compares every kernel with the reference, here and on emulated CPUs.
    Test(test::Test),
    /// Lists the emulated CPUs and the tiers that each has, and installs the emulators.
    Emulators(emulate::Emulators),
    /// Lists the tiers, the CPU features that each needs, and whether this CPU has them.
    Tiers,
    /// Writes docs/kernels.md, the table of the tiers' kernels.
    Kernels(kernels::Kernels),
    /// Disassembles the inner loops of the kernels, or checks that they are what they are meant to be.
    Asm(asm::Asm),
    /// Says what the inner loops of the products do in a cycle, by LLVM's models of CPUs.
    Mca(mca::McaCommand),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(bench) => bench.run(),
        Command::Count(count) => count.run(),
        Command::Test(test) => test.run(),
        Command::Emulators(emulators) => emulators.run(),
        Command::Tiers => {
            tiers::run();
            Ok(())
        }
        Command::Kernels(kernels) => kernels.run(),
        Command::Asm(asm) => asm.run(),
        Command::Mca(mca) => mca.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads on, as in `| head`.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
