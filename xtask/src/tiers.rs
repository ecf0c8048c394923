//! `cargo xtask tiers`

use zeropoint::{Arch, Backend, Isa};

/// Prints each tier with the CPU features that it needs and whether this CPU runs it.
pub(crate) fn run() {
    let best = Backend::best().isa();
    let needs = |isa: Isa| if isa.features().is_empty() { "nothing".into() } else { isa.features().join(" ") };
    let width = Isa::ALL.iter().map(|&isa| needs(isa).len()).max().unwrap_or(0);
    println!("{:<12}  {:<width$}  this CPU", "tier", "needs");
    for &isa in Isa::ALL {
        let has = match (isa.is_available(), isa == best) {
            (true, true) => "has it, and takes it",
            (true, false) => "has it",
            _ if isa.arch() == Arch::BUILD => "lacks it",
            _ => "is of another architecture",
        };
        println!("{:<12}  {:<width$}  {has}", isa.name(), needs(isa));
    }
}
