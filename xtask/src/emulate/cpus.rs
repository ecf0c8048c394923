//! The emulated CPUs: what each is made of, and which tiers it has to have.

use anyhow::{Result, bail};
use zeropoint::Isa;

/// An emulated CPU.
pub(crate) struct Cpu {
    /// What `--cpu` calls it.
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    /// Names of all tiers that it has, best first: the library has to choose the first.
    tiers: &'static [&'static str],
    /// Names of those whose cases are run. A tier is run where there is little beyond it, and not on every CPU.
    runs: &'static [&'static str],
    /// The same CPU with a feature taken away.
    pub(crate) variants: &'static [Variant],
}

/// What an emulator is told.
pub(crate) enum Model {
    /// A model of Bochs, which features are taken from it, and which are added.
    Bochs { model: &'static str, without: &'static [&'static str], with: &'static [&'static str] },
    /// A model of QEMU's user mode for 64-bit Arm.
    Qemu { model: &'static str },
}

/// A CPU without a feature that it had.
pub(crate) struct Variant {
    /// The feature, as the emulator calls it, and those that it does not have without it.
    pub(crate) without: &'static str,
    /// Names of the tiers that are left, best first.
    tiers: &'static [&'static str],
}

/// From the oldest to the newest. Each has the features of its tiers and, as far as products in 8 bits go, no more: an
/// instruction beyond them ends the run.
pub(crate) const CPUS: &[Cpu] = &[
    Cpu {
        name: "nehalem",
        model: Model::Bochs { model: "corei5_lynnfield_750", without: &[], with: &[] },
        tiers: &["scalar"],
        runs: &["scalar"],
        variants: &[],
    },
    Cpu {
        name: "haswell",
        model: Model::Bochs { model: "corei7_haswell_4770", without: &[], with: &[] },
        tiers: &["avx2", "scalar"],
        runs: &["avx2"],
        variants: &[
            Variant { without: "avx2", tiers: &["scalar"] },
            Variant { without: "avx_fma", tiers: &["scalar"] },
        ],
    },
    Cpu {
        name: "skylake-x",
        model: Model::Bochs { model: "corei7_skylake_x", without: &[], with: &[] },
        tiers: &["avx512", "avx2", "scalar"],
        runs: &["avx512"],
        variants: &[
            // Bochs takes F only with its parts, and VL only with F.
            Variant { without: "avx512,avx512bw,avx512cd,avx512dq", tiers: &["avx2", "scalar"] },
            Variant { without: "avx512bw", tiers: &["avx2", "scalar"] },
            Variant { without: "avx512dq", tiers: &["avx2", "scalar"] },
            Variant { without: "avx_fma", tiers: &["scalar"] },
        ],
    },
    Cpu {
        name: "cascade-lake",
        // Ice Lake less what it has beyond Cascade Lake.
        model: Model::Bochs {
            model: "corei7_icelake_u",
            without: &[
                "avx512vbmi",
                "avx512vbmi2",
                "avx512ifma52",
                "avx512vpopcnt",
                "avx512bitalg",
                "gfni",
                "vaes_vpclmulqdq",
            ],
            with: &[],
        },
        tiers: &["avx512vnni", "avx512", "avx2", "scalar"],
        runs: &["avx512vnni"],
        variants: &[
            Variant { without: "avx512vnni", tiers: &["avx512", "avx2", "scalar"] },
            Variant { without: "avx512bw", tiers: &["avx2", "scalar"] },
            Variant { without: "avx512dq", tiers: &["avx2", "scalar"] },
            Variant { without: "avx_fma", tiers: &["scalar"] },
        ],
    },
    Cpu {
        name: "alder-lake",
        // Arrow Lake less what it has beyond Alder Lake.
        model: Model::Bochs {
            model: "arrow_lake",
            without: &[
                "avx_vnni_int8",
                "avx_vnni_int16",
                "avx_ifma",
                "avx_ne_convert",
                "sha512",
                "sm3",
                "sm4",
                "cmpccxadd",
                "lass",
            ],
            with: &[],
        },
        tiers: &["avxvnni", "avx2", "scalar"],
        runs: &["avxvnni"],
        variants: &[
            Variant { without: "avx_vnni", tiers: &["avx2", "scalar"] },
            Variant { without: "avx_fma", tiers: &["scalar"] },
        ],
    },
    Cpu {
        name: "zen5",
        // Sapphire Rapids less what Zen 5 lacks; vendor and brand are not AMD's.
        model: Model::Bochs {
            model: "sapphire_rapids",
            without: &["amx", "amx_int8", "amx_bf16", "avx512fp16"],
            with: &["avx512vp2intersect"],
        },
        tiers: &["avx512vnni", "avxvnni", "avx512", "avx2", "scalar"],
        runs: &["avx512vnni", "avxvnni"],
        variants: &[
            Variant { without: "avx512vnni", tiers: &["avxvnni", "avx512", "avx2", "scalar"] },
            Variant { without: "avx_vnni", tiers: &["avx512vnni", "avx512", "avx2", "scalar"] },
            Variant { without: "avx512bw", tiers: &["avxvnni", "avx2", "scalar"] },
        ],
    },
    Cpu {
        name: "cortex-a53",
        model: Model::Qemu { model: "cortex-a53" },
        tiers: &["neon", "scalar"],
        runs: &["neon", "scalar"],
        variants: &[],
    },
    Cpu {
        name: "neoverse-n1",
        model: Model::Qemu { model: "neoverse-n1" },
        tiers: &["neon_dotprod", "neon", "scalar"],
        runs: &["neon_dotprod", "neon"],
        variants: &[],
    },
    Cpu {
        name: "max",
        model: Model::Qemu { model: "max" },
        tiers: &["neon_i8mm", "neon_dotprod", "neon", "scalar"],
        runs: &["neon_i8mm", "neon_dotprod", "neon"],
        variants: &[],
    },
];

impl Cpu {
    /// The CPU of a name.
    pub(crate) fn named(name: &str) -> Result<&'static Self> {
        let Some(cpu) = CPUS.iter().find(|cpu| cpu.name == name) else {
            let names: Vec<_> = CPUS.iter().map(|cpu| cpu.name).collect();
            bail!("no emulated CPU is called {name}; there are {}", names.join(", "));
        };
        Ok(cpu)
    }

    /// The tiers that it has, the library's choice first.
    pub(crate) fn tiers(&self) -> Vec<Isa> {
        known(self.tiers)
    }

    /// The tiers whose cases are run.
    pub(crate) fn runs(&self) -> Vec<Isa> {
        known(self.runs)
    }
}

impl Variant {
    /// The tiers that are left, the library's choice first.
    pub(crate) fn tiers(&self) -> Vec<Isa> {
        known(self.tiers)
    }
}

/// Tiers that the library names and does not have yet. To be removed with its three uses when it is empty.
const UNWRITTEN: &[&str] = &["neon", "neon_dotprod", "neon_i8mm"];

/// Whether the library has a tier, on its own architecture.
pub(crate) fn is_written(tier: Isa) -> bool {
    !UNWRITTEN.contains(&tier.name())
}

/// The tiers of these names.
fn known(names: &[&str]) -> Vec<Isa> {
    let tier = |name: &&str| name.parse::<Isa>().unwrap_or_else(|error| panic!("{name} in the table of CPUs: {error}"));
    names.iter().map(tier).filter(|&tier| is_written(tier)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_an_emulated_cpu_that_chooses_it() {
        for &isa in Isa::ALL {
            assert!(
                CPUS.iter().any(|cpu| cpu.tiers()[0] == isa),
                "no emulated CPU chooses {isa}: add one to the table"
            );
        }
    }

    #[test]
    fn every_cpu_has_the_portable_tier_last() {
        let tiers = CPUS.iter().flat_map(|cpu| cpu.variants.iter().map(|variant| variant.tiers).chain([cpu.tiers]));
        tiers.for_each(|tiers| assert_eq!(tiers.last(), Some(&"scalar"), "{tiers:?}"));
    }
}
