//! The emulated CPUs: what each is made of, and which tiers it has to have.

use anyhow::{Result, bail};
use zeropoint::Isa::{self, Avx2, Avx512, Avx512Vnni, AvxVnni, Neon, NeonDotprod, NeonI8mm, Scalar};

/// An emulated CPU.
pub(crate) struct Cpu {
    /// What `--cpu` calls it.
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    /// All tiers that it has, best first: the library has to choose the first.
    pub(crate) tiers: &'static [Isa],
    /// Those whose cases are run. A tier is run where there is little beyond it, and not on every CPU.
    pub(crate) runs: &'static [Isa],
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
    /// The tiers that are left, best first.
    pub(crate) tiers: &'static [Isa],
}

/// From the oldest to the newest. Each has the features of its tiers and, as far as products in 8 bits go, no more: an
/// instruction beyond them ends the run.
pub(crate) const CPUS: &[Cpu] = &[
    Cpu {
        name: "nehalem",
        model: Model::Bochs { model: "corei5_lynnfield_750", without: &[], with: &[] },
        tiers: &[Scalar],
        runs: &[Scalar],
        variants: &[],
    },
    Cpu {
        name: "haswell",
        model: Model::Bochs { model: "corei7_haswell_4770", without: &[], with: &[] },
        tiers: &[Avx2, Scalar],
        runs: &[Avx2],
        variants: &[Variant { without: "avx2", tiers: &[Scalar] }, Variant { without: "avx_fma", tiers: &[Scalar] }],
    },
    Cpu {
        name: "skylake-x",
        model: Model::Bochs { model: "corei7_skylake_x", without: &[], with: &[] },
        tiers: &[Avx512, Avx2, Scalar],
        runs: &[Avx512],
        variants: &[
            // Bochs takes F only with its parts, and VL only with F.
            Variant { without: "avx512,avx512bw,avx512cd,avx512dq", tiers: &[Avx2, Scalar] },
            Variant { without: "avx512bw", tiers: &[Avx2, Scalar] },
            Variant { without: "avx512dq", tiers: &[Avx2, Scalar] },
            Variant { without: "avx_fma", tiers: &[Scalar] },
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
        tiers: &[Avx512Vnni, Avx512, Avx2, Scalar],
        runs: &[Avx512Vnni],
        variants: &[
            Variant { without: "avx512vnni", tiers: &[Avx512, Avx2, Scalar] },
            Variant { without: "avx512bw", tiers: &[Avx2, Scalar] },
            Variant { without: "avx512dq", tiers: &[Avx2, Scalar] },
            Variant { without: "avx_fma", tiers: &[Scalar] },
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
        tiers: &[AvxVnni, Avx2, Scalar],
        runs: &[AvxVnni],
        variants: &[
            Variant { without: "avx_vnni", tiers: &[Avx2, Scalar] },
            Variant { without: "avx_fma", tiers: &[Scalar] },
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
        tiers: &[Avx512Vnni, AvxVnni, Avx512, Avx2, Scalar],
        // Both of its best tiers run where there is nothing beyond them.
        runs: &[],
        variants: &[
            Variant { without: "avx512vnni", tiers: &[AvxVnni, Avx512, Avx2, Scalar] },
            Variant { without: "avx_vnni", tiers: &[Avx512Vnni, Avx512, Avx2, Scalar] },
            Variant { without: "avx512bw", tiers: &[AvxVnni, Avx2, Scalar] },
        ],
    },
    Cpu {
        name: "cortex-a53",
        model: Model::Qemu { model: "cortex-a53" },
        tiers: &[Neon, Scalar],
        runs: &[Neon, Scalar],
        variants: &[],
    },
    Cpu {
        name: "neoverse-n1",
        model: Model::Qemu { model: "neoverse-n1" },
        tiers: &[NeonDotprod, Neon, Scalar],
        runs: &[NeonDotprod, Neon],
        variants: &[],
    },
    Cpu {
        name: "max",
        model: Model::Qemu { model: "max" },
        tiers: &[NeonI8mm, NeonDotprod, Neon, Scalar],
        runs: &[NeonI8mm, NeonDotprod, Neon],
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_an_emulated_cpu_that_chooses_it() {
        for &isa in Isa::ALL {
            assert!(CPUS.iter().any(|cpu| cpu.tiers[0] == isa), "no emulated CPU chooses {isa}: add one to the table");
        }
    }

    #[test]
    fn every_cpu_has_the_portable_tier_last() {
        let tiers = CPUS.iter().flat_map(|cpu| cpu.variants.iter().map(|variant| variant.tiers).chain([cpu.tiers]));
        tiers.for_each(|tiers| assert_eq!(tiers.last(), Some(&Scalar), "{tiers:?}"));
    }
}
