//! The command `zeropoint`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    zeropoint_runner::command::main()
}
