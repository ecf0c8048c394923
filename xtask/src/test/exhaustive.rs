//! All operands there are, on this machine's own CPU.

use std::io::{Write, stdout};

use anyhow::{Result, ensure};
use zeropoint::{Isa, Rule};
use zeropoint_check::exhaustive;

use crate::progress;

/// Sets of scales that pairs of bytes are added and multiplied by.
const SETS: u64 = 100;

/// Every `stride`th accumulator by every rule, and all pairs of bytes.
pub(super) fn run(tiers: &[Isa], stride: u64) -> Result<()> {
    let names = tiers.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    let bar = progress::bar(Rule::ALL.len() * 10);
    let mut failures = exhaustive::accumulators(tiers, stride, &|rule| {
        bar.set_message(rule.name());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let of = if stride == 1 { "all accumulators".to_owned() } else { format!("every {stride}th accumulator") };
    writeln!(stdout(), "{of} by {} rules on {names}: {} failures", Rule::ALL.len(), failures.len())?;

    let bar = progress::bar(SETS as usize);
    let pairs = exhaustive::pairs(tiers, SETS, &|| bar.inc(1));
    bar.finish_and_clear();
    writeln!(stdout(), "all pairs of bytes by {SETS} sets of scales on {names}: {} failures", pairs.len())?;
    failures.extend(pairs);
    failures.iter().try_for_each(|failure| writeln!(stdout(), "{failure}"))?;
    ensure!(failures.is_empty(), "{} failures", failures.len());
    Ok(())
}
