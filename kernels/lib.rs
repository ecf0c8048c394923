//! The kernels of zeropoint: all of its unsafe code and all of its SIMD.
//!
//! A tier is a folder with the tier's name. Beside the tiers stand what they share: the views, the table's types, the
//! packers, and `generic`, the algorithms over small traits. [`mod@reference`] is the oracle that every kernel equals.
//!
//! # How to add a tier
//! 1. A variant in [`Isa`] with its name, its features and its detection.
//! 2. A folder here: its registers, its product, and in `mod.rs` the table that `tier!` makes of them.
//! 3. A line in [`TIERS`]. Tests, benches, fuzzing and the documentation's table take it from there.
//!
//! # How to add a kernel
//! 1. An algorithm in `generic` over a trait, or a function in the tier's folder; the function that the table points
//!    to carries the tier's `target_feature`s.
//! 2. Its name and pointer in the tier's `SET`. A new operation needs a field in [`table::KernelSet`], an argument
//!    struct whose checks make the call safe, and its formula in [`mod@reference`].
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod args;
pub mod encode;
pub mod isa;
pub mod pack;
pub mod pools;
pub mod reference;
pub mod rules;
pub mod table;
pub mod view;
pub mod winograd;

mod generic;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon_dotprod;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon_i8mm;
mod scalar;

pub use isa::Isa;
pub use table::KernelSet;

/// The tiers of this build, in order of preference.
pub static TIERS: &[&KernelSet] = &[
    #[cfg(target_arch = "x86_64")]
    &avx512vnni::SET,
    #[cfg(target_arch = "x86_64")]
    &avxvnni::SET,
    #[cfg(target_arch = "x86_64")]
    &avx512::SET,
    #[cfg(target_arch = "x86_64")]
    &avx2::SET,
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    &neon_i8mm::SET,
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    &neon_dotprod::SET,
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    &neon::SET,
    &scalar::SET,
];

/// The kernels of a tier, if this build has it and this CPU runs it.
pub fn tier(isa: Isa) -> Option<&'static KernelSet> {
    TIERS.iter().copied().find(|set| set.isa() == isa && isa.is_available())
}

/// The kernels of the first tier in order of preference that this CPU runs.
pub fn best() -> &'static KernelSet {
    tier(Isa::best()).unwrap_or(&scalar::SET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_of_this_architecture_is_a_tier() {
        let of_build = Isa::ALL.iter().filter(|isa| isa.runs_on(isa::Arch::BUILD, |_| true));
        assert!(of_build.eq(TIERS.iter().map(|set| set.isa()).collect::<alloc::vec::Vec<_>>().iter()));
    }

    #[test]
    fn names_of_kernels_are_what_the_table_says() {
        for set in TIERS {
            let kernels = set.kernels();
            for kernel in &kernels {
                assert!(kernel.name.contains(&alloc::format!("/{}_", kernel.operation)), "{}", kernel.name);
            }
            let panels = set.panels();
            let tile = alloc::format!("_{}x{}k{}", set.rows, panels.width, panels.group);
            assert!(set.gemm.name.ends_with(&tile), "{} {tile}", set.gemm.name);
        }
    }
}
