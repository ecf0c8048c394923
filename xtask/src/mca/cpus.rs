//! The CPUs that LLVM has a model of, each with the tiers that it runs.

use zeropoint_kernels::Isa;
use zeropoint_kernels::isa::Arch;

/// A CPU, as LLVM calls it.
pub(super) struct Cpu {
    pub(super) name: &'static str,
    pub(super) arch: Arch,
    pub(super) tiers: &'static [Isa],
    /// What to know of the model, or of the core, to read its figures.
    pub(super) remark: Option<&'static str>,
}

const fn cpu(name: &'static str, arch: Arch, tiers: &'static [Isa]) -> Cpu {
    Cpu { name, arch, tiers, remark: None }
}

impl Cpu {
    const fn remark(self, remark: &'static str) -> Self {
        Self { remark: Some(remark), ..self }
    }
}

/// Of the models of Skylake and Ice Lake with AVX-512.
const LOADS: &str = "a load of 512 bits, or one that repeats, takes a vector port besides, and 512-bit additions have \
    three ports; on the CPU, as published measurements have it, loads take none, and \
    additions have the two that products have, which makes the limit 32 multiply-accumulates a cycle for `vpmaddwd` and its addition";
/// Of the models of Zen.
const REPEATS: &str = "a load that repeats takes a vector pipe, and `vpdpbusd` on 512 bits has half of its \
    rate; on the CPU neither is so: on a Zen 4 `cargo xtask bench` measures 88 % of the limit at 1024 x 1024 x 1024 \
    for avx2, 94 % for avx512 and 92 % for avx512vnni";
/// Of cores that keep to the order.
const ORDER: &str = "the core keeps to the order of the instructions, and the compiler orders them for cores that do \
    not: loads, and the wait for what they bring, add to the time of the products";

/// Only CPUs whose own model LLVM 19 has. Others borrow one (Cortex-A76, A78 and X1 that of the A57, Apple's M1 that of
/// the cores of 2013), and figures of those would be of another machine.
pub(super) const CPUS: &[Cpu] = &[
    cpu("haswell", Arch::X86_64, &[Isa::Avx2]),
    cpu("skylake-avx512", Arch::X86_64, &[Isa::Avx2, Isa::Avx512]).remark(LOADS),
    cpu("icelake-server", Arch::X86_64, &[Isa::Avx2, Isa::Avx512, Isa::Avx512Vnni]).remark(LOADS),
    cpu("sapphirerapids", Arch::X86_64, &[Isa::Avx2, Isa::AvxVnni, Isa::Avx512, Isa::Avx512Vnni]),
    cpu("alderlake", Arch::X86_64, &[Isa::Avx2, Isa::AvxVnni]),
    cpu("znver3", Arch::X86_64, &[Isa::Avx2]).remark(REPEATS),
    cpu("znver4", Arch::X86_64, &[Isa::Avx2, Isa::Avx512, Isa::Avx512Vnni]).remark(REPEATS),
    cpu("cortex-a53", Arch::Aarch64, &[Isa::Neon]).remark(ORDER),
    cpu("cortex-a55", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod]).remark(ORDER),
    cpu("cortex-a510", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod, Isa::NeonI8mm]).remark(ORDER),
    cpu("neoverse-n1", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod]),
    cpu("neoverse-n2", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod, Isa::NeonI8mm]),
    cpu("neoverse-v1", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod, Isa::NeonI8mm]),
    cpu("neoverse-v2", Arch::Aarch64, &[Isa::Neon, Isa::NeonDotprod, Isa::NeonI8mm]),
];
