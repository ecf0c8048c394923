//! Which instructions are meant to stand in the inner loops of each tier, as data.
//!
//! The portable tier has no line: what becomes of its arrays is the compiler's business.

use zeropoint_kernels::Isa;
use zeropoint_kernels::isa::Arch;

/// What a tier's loops are made of.
pub(crate) struct Tier {
    pub(crate) isa: Isa,
    /// Bits of its registers.
    pub(crate) width: u32,
    /// Its products: gemm, gemv, depthwise.
    pub(crate) products: &'static [Product],
    /// What tells loops that widen weights on the way: tiles of few rows do, before others it is done once.
    pub(crate) widening: &'static [&'static str],
    /// A tier's limit: lines of assembly on an accumulator, operands, and a product on its way.
    pub(crate) peak: &'static [&'static str],
}

/// A product.
pub(crate) struct Product {
    pub(crate) operation: &'static str,
    /// Any of these is the instruction.
    pub(crate) instructions: &'static [&'static str],
    /// How many in a turn of the loop for each register of the tile.
    pub(crate) each: usize,
    /// Accesses of the stack that are borne in a turn of the largest tile's loop.
    pub(crate) stack: usize,
}

const fn product(operation: &'static str, instructions: &'static [&'static str]) -> Product {
    Product { operation, instructions, each: 1, stack: 0 }
}

impl Product {
    const fn each(self, each: usize) -> Self {
        Self { each, ..self }
    }

    const fn stack(self, stack: usize) -> Self {
        Self { stack, ..self }
    }
}

/// Twelve rows, weights, a counter and its limit are 15 addresses and numbers, for all the general registers there are
/// but one; where the store has a frame on the stack that is aligned for 512 bits, the base pointer is taken as well,
/// and two rows' addresses are read again: beside 24 products, of which a CPU computes two a cycle at most, these loads
/// have room.
const ROWS_ON_STACK: usize = 2;

pub(crate) const TIERS: &[Tier] = &[
    Tier {
        isa: Isa::Avx2,
        width: 256,
        products: &[
            product("gemm", &["vpmaddwd"]).each(2),
            product("gemv", &["vpmaddwd"]),
            product("depthwise", &["vpmaddwd"]),
        ],
        widening: &["vpmovsxbw"],
        peak: &["vpmaddwd ymm{product}, ymm{x}, ymm{y}", "vpaddd ymm{acc}, ymm{acc}, ymm{product}"],
    },
    Tier {
        isa: Isa::AvxVnni,
        width: 256,
        products: &[
            product("gemm", &["{vex} vpdpbusd"]),
            product("gemv", &["{vex} vpdpbusd"]),
            product("depthwise", &["{vex} vpdpwssd"]),
        ],
        widening: &[],
        peak: &["{vex} vpdpbusd ymm{acc}, ymm{x}, ymm{y}"],
    },
    Tier {
        isa: Isa::Avx512,
        width: 512,
        products: &[
            product("gemm", &["vpmaddwd"]).stack(ROWS_ON_STACK),
            product("gemv", &["vpmaddwd"]),
            product("depthwise", &["vpmaddwd"]),
        ],
        widening: &["vpmovsxbw"],
        peak: &["vpmaddwd zmm{product}, zmm{x}, zmm{y}", "vpaddd zmm{acc}, zmm{acc}, zmm{product}"],
    },
    Tier {
        isa: Isa::Avx512Vnni,
        width: 512,
        products: &[
            product("gemm", &["vpdpbusd"]).stack(ROWS_ON_STACK),
            product("gemv", &["vpdpbusd"]),
            product("depthwise", &["vpdpwssd"]),
        ],
        widening: &[],
        peak: &["vpdpbusd zmm{acc}, zmm{x}, zmm{y}"],
    },
    Tier {
        isa: Isa::Neon,
        width: 128,
        products: &[
            product("gemm", &["smull", "smull2", "umull", "umull2"]),
            product("gemv", &["smull", "smull2", "umull", "umull2"]),
            product("depthwise", &["smlal", "smlal2"]).each(2),
        ],
        widening: &[],
        peak: &["smull v{product}.8h, v{x}.8b, v{y}.8b", "sadalp v{acc}.4s, v{product}.8h"],
    },
    Tier {
        isa: Isa::NeonDotprod,
        width: 128,
        products: &[
            product("gemm", &["sdot", "udot"]).each(2),
            product("gemv", &["sdot", "udot"]),
            product("depthwise", &["smlal", "smlal2"]).each(2),
        ],
        widening: &[],
        peak: &["sdot v{acc}.4s, v{x}.16b, v{y}.16b"],
    },
    Tier {
        isa: Isa::NeonI8mm,
        width: 128,
        products: &[
            product("gemm", &["smmla", "usmmla"]),
            product("gemv", &["smmla", "usmmla"]),
            product("depthwise", &["smlal", "smlal2"]).each(2),
        ],
        widening: &[],
        peak: &["smmla v{acc}.4s, v{x}.16b, v{y}.16b"],
    },
];

/// An operation element by element: the step that its formula cannot do without, and how many of them at least in a turn
/// of its loop. They are as wide as the tier's registers.
pub(crate) struct Step {
    pub(crate) operation: &'static str,
    pub(crate) instructions: &'static [&'static str],
    pub(crate) least: usize,
}

const fn step(operation: &'static str, least: usize, instructions: &'static [&'static str]) -> Step {
    Step { operation, instructions, least }
}

const X86_64: &[Step] = &[
    step("center", 1, &["vpsubw"]),
    step("quantize", 4, &["vfmadd132ps", "vfmadd213ps", "vfmadd231ps"]),
    step("dequantize", 4, &["vmulps"]),
    step("requantize", 4, &["vmulps"]),
    step("add", 8, &["vfmadd132ps", "vfmadd213ps", "vfmadd231ps"]),
    step("mul", 4, &["vpmulld"]),
    step("global_average_pool", 4, &["vpaddd"]),
];

const AARCH64: &[Step] = &[
    step("center", 1, &["sub", "usubl", "usubw"]),
    step("quantize", 4, &["fmla"]),
    step("dequantize", 4, &["fmul"]),
    step("requantize", 4, &["fmul"]),
    step("add", 8, &["fmla"]),
    step("mul", 4, &["mul"]),
    step("global_average_pool", 4, &["add", "uaddw", "uaddw2"]),
];

/// The steps of an architecture.
pub(crate) fn steps(arch: Arch) -> &'static [Step] {
    match arch {
        Arch::X86_64 => X86_64,
        Arch::Aarch64 => AARCH64,
        _ => &[],
    }
}

/// Operations whose loops are of several kinds, so that no number of products tells which is which: those of products, and
/// those that a compiler vectorises. They are not judged.
#[cfg(test)]
const SEVERAL_KINDS: &[&str] = &[
    "winograd",
    "byte_taps",
    "sliding",
    "grouped",
    "rule_requantize",
    "rule_quantize",
    "rule_dequantize",
    "rule_add",
    "max_pool",
    "average_pool",
    "lookup",
    "select",
    "softmax",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_but_the_portable_one_is_told_what_is_intended() {
        for set in zeropoint_kernels::TIERS.iter().filter(|set| set.isa() != Isa::Scalar) {
            let tier = TIERS.iter().find(|tier| tier.isa == set.isa());
            let tier = tier.unwrap_or_else(|| panic!("{} has no line among the intended loops", set.isa()));
            let steps = steps(set.isa().arch());
            for kernel in set.kernels() {
                let is_product = tier.products.iter().any(|product| product.operation == kernel.operation);
                let is_step = steps.iter().any(|step| step.operation == kernel.operation);
                let of_several = SEVERAL_KINDS.contains(&kernel.operation);
                assert!(is_product || is_step || of_several, "nothing says what {} is made of", kernel.name);
            }
        }
    }
}
