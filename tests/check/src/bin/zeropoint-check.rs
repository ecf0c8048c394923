//! What runs on an emulated CPU: whether it has the tiers that it should have, which one the library chooses, and the
//! telling cases on each.
//!
//! It is small, links nothing and reads no file, so that it runs wherever a kernel boots. Its last lines are a
//! [`Report`] for each tier.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::process::ExitCode;

use zeropoint::{Backend, Isa};
use zeropoint_check::{Report, check, operations, telling_cases};

const USAGE: &str = "usage: zeropoint-check [TIERS [--run TIERS]]

TIERS are names with commas between. The first are those that this CPU has, and no others, beginning with the one that
the library has to choose; the second are those whose cases are run. Without any, says what there is.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (expected, run) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            println!("{}", here());
            return ExitCode::SUCCESS;
        }
        [expected] => (tiers(expected), Ok(Vec::new())),
        [expected, "--run", run] => (tiers(expected), tiers(run)),
        _ => return refuse(USAGE),
    };
    let (expected, run) = match (expected, run) {
        (Ok(expected), Ok(run)) => (expected, run),
        (Err(error), _) | (_, Err(error)) => return refuse(&error),
    };

    let mut right = choice(&expected);
    let reports: Vec<Report> = run.into_iter().map(report).collect();
    right &= reports.iter().all(|report| report.failures == 0);
    reports.iter().for_each(|report| println!("{report}"));
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tiers(names: &str) -> Result<Vec<Isa>, String> {
    names.split(',').map(|name| name.parse().map_err(|error| format!("{name}: {error}"))).collect()
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

/// The tiers of this CPU, in words.
fn here() -> String {
    let has: Vec<&str> = Backend::available().map(Isa::name).collect();
    format!("has {}; chosen: {}", has.join(", "), Backend::best().isa())
}

/// Whether the CPU has the expected tiers, and the library chooses the first of them.
fn choice(expected: &[Isa]) -> bool {
    let (has, best): (Vec<Isa>, Isa) = (Backend::available().collect(), Backend::best().isa());
    println!("{}", here());
    let same = Isa::ALL.iter().all(|isa| has.contains(isa) == expected.contains(isa));
    if !same {
        println!("WRONG: expected the tiers {expected:?}");
    }
    if Some(&best) != expected.first() {
        println!("WRONG: expected the choice of {}", expected[0]);
    }
    same && Some(&best) == expected.first()
}

/// Runs the telling cases on a tier, and looks whether they reached all of its kernels.
fn report(isa: Isa) -> Report {
    const SHOWN: usize = 5;
    let mut report = Report { tier: isa.to_string(), cases: 0, failures: 0 };
    let mut reached = BTreeSet::new();
    for operation in operations() {
        // Printed first: an instruction that the CPU lacks ends the program here.
        print!("{isa} {operation}:");
        flush();
        let cases = telling_cases(operation);
        let failures = cases.iter().filter_map(|case| check(isa, case).map(|kernel| reached.insert(kernel)).err());
        let failures: Vec<_> = failures.collect();
        println!(" {} cases, {} failures", cases.len(), failures.len());
        failures.iter().take(SHOWN).for_each(|failure| println!("{failure}"));
        report.cases += cases.len();
        report.failures += failures.len();
    }
    for missed in kernels(isa).filter(|name| !reached.contains(name)) {
        println!("no case was for {missed}");
        report.failures += 1;
    }
    report
}

/// The kernels that cases are for. `center` has none: it is the first step of each product.
fn kernels(isa: Isa) -> impl Iterator<Item = &'static str> {
    let kernels = Backend::with_isa(isa).map(|backend| backend.kernels()).unwrap_or_default();
    kernels.into_iter().filter(|kernel| kernel.operation != "center").map(|kernel| kernel.name)
}

fn flush() {
    use std::io::Write;
    // Whoever listens no more has lost nothing but the place.
    let _ = std::io::stdout().flush();
}
