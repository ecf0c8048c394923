//! The command: a file for each subcommand.

mod accuracy;
mod answer;
mod bench;
mod compare;
mod conformance;
mod cpu;
mod info;
mod inputs;
mod options;
mod passes;
mod random;
mod run;
mod shapes;
mod timing;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Runs quantised networks, bit for bit the same on every CPU.
#[derive(Parser)]
#[command(name = "zeropoint", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a network on a picture or on tensors; print the answer and the time.
    Run(run::Run),
    /// Time a network.
    Bench(bench::Bench),
    /// Compare the tensors of a run, or of every operator alone, with somebody else's.
    Compare(compare::Compare),
    /// Run all conformance cases below a folder, and compare what they make with what they should.
    Conformance(conformance::Conformance),
    /// Show a network's operators, shapes, weights and kernels, and what of it is not supported.
    Info(info::Info),
    /// Run networks on every tier, with several numbers of threads, fused and not; say what is equal to what.
    Verify(verify::Verify),
}

/// How a command that did its work ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// As it should.
    Equal,
    /// With something that differs from what it should be.
    Different,
}

impl Ending {
    /// How both ended.
    fn and(self, other: Self) -> Self {
        if self == Self::Equal { other } else { self }
    }
}

/// What the shell sees of a difference.
const DIFFERENT: u8 = 1;
/// What the shell sees of bad input.
const BAD_INPUT: u8 = 2;
/// What the shell sees of a program whose reader has gone: 128 and the number of SIGPIPE.
const PIPE_CLOSED: u8 = 141;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    let ending = match cli.command {
        Command::Run(run) => run.run(&mut out),
        Command::Bench(bench) => bench.run(&mut out),
        Command::Compare(compare) => compare.run(&mut out),
        Command::Conformance(conformance) => conformance.run(&mut out),
        Command::Info(info) => info.run(&mut out),
        Command::Verify(verify) => verify.run(&mut out),
    };
    let ending: Result<Ending> = ending.and_then(|ending| Ok(out.flush().map(|()| ending)?));
    match ending {
        Ok(Ending::Equal) => ExitCode::SUCCESS,
        Ok(Ending::Different) => DIFFERENT.into(),
        Err(error) if closed(&error) => PIPE_CLOSED.into(),
        Err(error) => {
            // Where stderr is closed as well, the exit code is all that is left to say it.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            BAD_INPUT.into()
        }
    }
}

fn closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
