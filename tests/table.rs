//! Every tier that this CPU has × every case, against the reference.
//!
//! `ZEROPOINT_REQUIRE_ISA=avx2,scalar` makes the absence of a tier a failure. What ran, and what did not, is printed
//! whether the test passes or not: the harness keeps back what `println` writes.

use std::io::{Write, stderr};

use zeropoint::{Backend, Isa, Rule};
use zeropoint_check::{cases, check, operations};

#[test]
fn every_kernel_equals_the_reference() {
    let mut failures = Vec::new();
    for &isa in Isa::ALL {
        if !Backend::available().any(|available| available == isa) {
            writeln!(stderr(), "{isa}: not run, this CPU lacks it").unwrap();
            continue;
        }
        for operation in operations() {
            let cases = cases(operation);
            assert!(!cases.is_empty(), "no cases of {operation}");
            let before = failures.len();
            failures.extend(cases.iter().filter_map(|case| check(isa, case).err()));
            let failed = failures.len() - before;
            writeln!(stderr(), "{isa}: {operation}: {} cases, {failed} failures", cases.len()).unwrap();
        }
    }
    let shown = failures.iter().take(20).map(|failure| format!("{failure}\n")).collect::<String>();
    assert!(failures.is_empty(), "{} failures, the first of them:\n{shown}", failures.len());
}

#[test]
fn required_tiers_are_there() {
    let Ok(required) = std::env::var("ZEROPOINT_REQUIRE_ISA") else { return };
    for name in required.split(',').filter(|name| !name.is_empty()) {
        let isa = name.parse::<Isa>().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(isa.is_available(), "{isa} is required, and this CPU lacks it");
    }
}

/// A sample of what `cargo xtask test --exhaustive` takes all of.
#[test]
fn rules_and_pairs_equal_the_reference() {
    let tiers = Backend::available().collect::<Vec<_>>();
    let mut failures = zeropoint_check::exhaustive::accumulators(&tiers, Rule::ALL, 65_521, &|_| {});
    failures.extend(zeropoint_check::exhaustive::pairs(&tiers, 8, &|| {}));
    let shown = failures.iter().take(20).map(|failure| format!("{failure}\n")).collect::<String>();
    assert!(failures.is_empty(), "{} failures, the first of them:\n{shown}", failures.len());
}
