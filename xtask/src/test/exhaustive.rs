//! All operands there are, on this machine's own CPU.

use std::io::{Write, stdout};

use anyhow::{Result, ensure};
use zeropoint::{Isa, Rule};
use zeropoint_check::exhaustive;

use crate::progress;

/// Sets of scales that pairs of bytes are added and multiplied by.
const SETS: u64 = 100;

/// Every `stride`th accumulator by these rules, or without any by every rule, and then all pairs of bytes too.
pub(super) fn run(tiers: &[Isa], rules: &[Rule], stride: u64) -> Result<()> {
    let names = tiers.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    let chosen = if rules.is_empty() { Rule::ALL } else { rules };
    let bar = progress::bar(chosen.len() * exhaustive::MULTIPLIERS);
    let mut failures = exhaustive::accumulators(tiers, chosen, stride, &|rule| {
        bar.set_message(rule.name());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let of = if stride == 1 { "all accumulators".to_owned() } else { format!("every {stride}th accumulator") };
    let by = match rules {
        [] => format!("{} rules", chosen.len()),
        rules => rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", "),
    };
    writeln!(stdout(), "{of} by {by} on {names}: {} failures", failures.len())?;

    if rules.is_empty() {
        let bar = progress::bar(SETS as usize);
        let pairs = exhaustive::pairs(tiers, SETS, &|| bar.inc(1));
        bar.finish_and_clear();
        writeln!(stdout(), "all pairs of bytes by {SETS} sets of scales on {names}: {} failures", pairs.len())?;
        failures.extend(pairs);
    }
    failures.iter().try_for_each(|failure| writeln!(stdout(), "{failure}"))?;
    ensure!(failures.is_empty(), "{} failures", failures.len());
    Ok(())
}

/// The rule of a name.
pub(super) fn named(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.iter().copied().find(|rule| rule.name() == name);
    let names = || Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(" ");
    found.ok_or_else(|| format!("`{name}`: unknown rule; the rules are {}", names()))
}
