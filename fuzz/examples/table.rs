//! Every case of the table on every tier that this CPU has, built with AddressSanitizer: operands are exactly as long
//! as they must be, so whatever reads or writes beside them is found.

use std::process::ExitCode;

use zeropoint::Backend;
use zeropoint_check::{cases, check, operations};

fn main() -> ExitCode {
    for isa in Backend::available() {
        let mut ran = 0;
        for case in operations().iter().flat_map(|operation| cases(operation)) {
            if let Err(failure) = check(isa, &case) {
                eprintln!("{failure}");
                return ExitCode::FAILURE;
            }
            ran += 1;
        }
        println!("{isa}: {ran} cases");
    }
    ExitCode::SUCCESS
}
