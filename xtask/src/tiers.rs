//! `cargo xtask tiers`

use zeropoint::{Backend, Isa};

/// Prints each tier with the CPU features that it needs and whether this CPU runs it.
pub(crate) fn run() {
    let best = Backend::best().isa();
    println!("{:<12} {:<28} this CPU", "tier", "needs");
    for &isa in Isa::ALL {
        let needs = if isa.features().is_empty() { "nothing".into() } else { isa.features().join(", ") };
        let has = match (isa.is_available(), isa == best) {
            (true, true) => "has it, and takes it",
            (true, false) => "has it",
            _ => "lacks it",
        };
        println!("{:<12} {needs:<28} {has}", isa.name());
    }
}
