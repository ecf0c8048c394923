//! The instruction sets that tiers are written for, and the only place where the CPU is asked for them.

use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU32, Ordering};

/// An instruction set: a tier's name, and exactly the CPU features that the tier needs.
///
/// Instruction sets are no ladder: AVX-VNNI and AVX-512 without VNNI stand beside each other. So there is no order on
/// them; [`Isa::ALL`] has the order of preference.
///
/// ```
/// use zeropoint_kernels::Isa;
///
/// assert_eq!("avx2".parse(), Ok(Isa::Avx2));
/// assert_eq!(Isa::Avx2.features(), ["avx2", "fma"]);
/// assert!(Isa::Scalar.is_available());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Portable Rust; every CPU has it.
    Scalar,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX2, FMA and AVX-VNNI: dot products of bytes on 256 bits, without AVX-512.
    AvxVnni,
    /// x86-64 with AVX-512: its parts F, BW, DQ and VL.
    Avx512,
    /// x86-64 with AVX-512 as above and its VNNI: dot products of bytes on 512 bits.
    Avx512Vnni,
    /// 64-bit Arm as it has been from the first.
    Neon,
    /// 64-bit Arm with FEAT_DotProd: dot products of four bytes.
    NeonDotprod,
    /// 64-bit Arm with FEAT_I8MM: products of 2 × 8 by 8 × 2 bytes.
    NeonI8mm,
}

/// The architecture whose CPUs can have an instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arch {
    /// Every one.
    Any,
    /// x86-64.
    X86_64,
    /// 64-bit Arm, little-endian.
    Aarch64,
}

impl Arch {
    /// What this code was compiled for; [`Arch::Any`] where no tier but the portable one is.
    pub const BUILD: Self = if cfg!(target_arch = "x86_64") {
        Self::X86_64
    } else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
        Self::Aarch64
    } else {
        Self::Any
    };
}

impl Isa {
    /// All instruction sets in order of preference, whether this build and this CPU have them or not.
    pub const ALL: &'static [Self] = &[
        Self::Avx512Vnni,
        Self::AvxVnni,
        Self::Avx512,
        Self::Avx2,
        Self::NeonI8mm,
        Self::NeonDotprod,
        Self::Neon,
        Self::Scalar,
    ];

    /// The name that commands, tables and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512vnni",
            Self::Neon => "neon",
            Self::NeonDotprod => "neon_dotprod",
            Self::NeonI8mm => "neon_i8mm",
        }
    }

    /// The architecture whose CPUs can have it.
    pub const fn arch(self) -> Arch {
        match self {
            Self::Scalar => Arch::Any,
            Self::Avx2 | Self::AvxVnni | Self::Avx512 | Self::Avx512Vnni => Arch::X86_64,
            Self::Neon | Self::NeonDotprod | Self::NeonI8mm => Arch::Aarch64,
        }
    }

    /// The CPU features that the tier needs, by their names in `target_feature`; each tier enables exactly these.
    ///
    /// Enabling AVX-512 lets a compiler use AVX2 and FMA as well, so these are needed by name: a hypervisor may hide them.
    pub const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Scalar => &[],
            Self::Avx2 => &["avx2", "fma"],
            Self::AvxVnni => &["avx2", "fma", "avxvnni"],
            Self::Avx512 => &["avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"],
            Self::Avx512Vnni => &["avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni"],
            Self::Neon => &["neon"],
            Self::NeonDotprod => &["neon", "dotprod"],
            Self::NeonI8mm => &["neon", "i8mm"],
        }
    }

    /// Whether a CPU of an architecture that has some features runs the tier's instructions.
    pub fn runs_on(self, arch: Arch, has: impl Fn(&str) -> bool) -> bool {
        matches!(self.arch(), Arch::Any) || (self.arch() == arch && self.features().iter().all(|feature| has(feature)))
    }

    /// The first tier in order of preference that such a CPU runs. [`Isa::Scalar`] runs on every one.
    ///
    /// ```
    /// use zeropoint_kernels::isa::{Arch, Isa};
    ///
    /// assert_eq!(Isa::choose(Arch::X86_64, |feature| ["avx2", "fma"].contains(&feature)), Isa::Avx2);
    /// assert_eq!(Isa::choose(Arch::X86_64, |_| false), Isa::Scalar);
    /// ```
    pub fn choose(arch: Arch, has: impl Fn(&str) -> bool) -> Self {
        Self::ALL.iter().copied().find(|isa| isa.runs_on(arch, &has)).unwrap_or(Self::Scalar)
    }

    /// Whether this CPU and its operating system run the tier's instructions.
    #[inline]
    pub fn is_available(self) -> bool {
        available() & self.bit() != 0
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The tier that [`Isa::choose`] takes on this CPU.
    pub fn best() -> Self {
        Self::choose(Arch::BUILD, detected)
    }
}

/// The instruction sets of this CPU, a bit each: looked up once, since every call of a kernel asks.
#[inline]
fn available() -> u32 {
    match AVAILABLE.load(Ordering::Relaxed) {
        // Not looked up yet: the portable one is always there.
        0 => look_up(),
        bits => bits,
    }
}

/// What [`available`] keeps.
static AVAILABLE: AtomicU32 = AtomicU32::new(0);

#[cold]
fn look_up() -> u32 {
    let bits = Isa::ALL.iter().filter(|isa| isa.runs_on(Arch::BUILD, detected)).map(|isa| isa.bit()).sum();
    AVAILABLE.store(bits, Ordering::Relaxed);
    bits
}

/// Asks for features at run time with std, and the compilation target without it.
macro_rules! detect {
    ($feature:ident, $detected:ident, [$($name:tt),*]) => {
        match $feature {
            $(
                #[cfg(feature = "std")]
                $name => std::arch::$detected!($name),
                #[cfg(not(feature = "std"))]
                $name => cfg!(target_feature = $name),
            )*
            _ => false,
        }
    };
}

/// Whether this CPU has a feature that some tier needs.
#[cfg(target_arch = "x86_64")]
fn detected(feature: &str) -> bool {
    detect!(
        feature,
        is_x86_feature_detected,
        ["avx2", "fma", "avxvnni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni"]
    )
}

/// Whether this CPU has a feature that some tier needs.
#[cfg(target_arch = "aarch64")]
fn detected(feature: &str) -> bool {
    detect!(feature, is_aarch64_feature_detected, ["neon", "dotprod", "i8mm"])
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected(_: &str) -> bool {
    false
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no tier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownIsa;

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown tier; the tiers are")?;
        Isa::ALL.iter().try_for_each(|isa| write!(f, " {isa}"))
    }
}

impl core::error::Error for UnknownIsa {}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Self::ALL.iter().copied().find(|isa| isa.name() == name).ok_or(UnknownIsa)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const AVX512: [&str; 6] = ["avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"];

    fn x86(features: &[&str]) -> Isa {
        Isa::choose(Arch::X86_64, |feature| features.contains(&feature))
    }

    /// The choice on a CPU that has some features, all of them but one, and one more.
    fn without(features: &[&str], feature: &str) -> Isa {
        x86(&features.iter().copied().filter(|&other| other != feature).collect::<Vec<_>>())
    }

    fn with(features: &[&str], more: &[&'static str]) -> Vec<&'static str> {
        Isa::ALL
            .iter()
            .flat_map(|isa| isa.features())
            .copied()
            .filter(|feature| features.contains(feature) || more.contains(feature))
            .collect()
    }

    #[test]
    fn each_cpu_gets_its_tier() {
        assert_eq!(x86(&[]), Isa::Scalar);
        assert_eq!(x86(&["avx2", "fma"]), Isa::Avx2);
        assert_eq!(x86(&["avx2", "fma", "avxvnni"]), Isa::AvxVnni);
        assert_eq!(x86(&AVX512), Isa::Avx512);
        assert_eq!(x86(&with(&AVX512, &["avx512vnni"])), Isa::Avx512Vnni);
        assert_eq!(x86(&with(&AVX512, &["avx512vnni", "avxvnni"])), Isa::Avx512Vnni);
        let arm = |features: &[&str]| Isa::choose(Arch::Aarch64, |feature| features.contains(&feature));
        assert_eq!(arm(&["neon"]), Isa::Neon);
        assert_eq!(arm(&["neon", "dotprod"]), Isa::NeonDotprod);
        assert_eq!(arm(&["neon", "dotprod", "i8mm"]), Isa::NeonI8mm);
        assert_eq!(arm(&["neon", "i8mm"]), Isa::NeonI8mm);
        assert_eq!(arm(&[]), Isa::Scalar);
    }

    #[test]
    fn a_feature_less_is_another_tier() {
        for feature in ["avx2", "fma"] {
            assert_eq!(without(&["avx2", "fma"], feature), Isa::Scalar);
            assert_eq!(without(&["avx2", "fma", "avxvnni"], feature), Isa::Scalar);
            assert_eq!(without(&AVX512, feature), Isa::Scalar);
            assert_eq!(without(&with(&AVX512, &["avx512vnni"]), feature), Isa::Scalar);
        }
        assert_eq!(without(&["avx2", "fma", "avxvnni"], "avxvnni"), Isa::Avx2);
        for feature in &AVX512[2..] {
            assert_eq!(without(&AVX512, feature), Isa::Avx2);
            assert_eq!(without(&with(&AVX512, &["avx512vnni"]), feature), Isa::Avx2);
            assert_eq!(without(&with(&AVX512, &["avx512vnni", "avxvnni"]), feature), Isa::AvxVnni);
        }
        assert_eq!(without(&with(&AVX512, &["avx512vnni"]), "avx512vnni"), Isa::Avx512);
        assert_eq!(without(&with(&AVX512, &["avx512vnni", "avxvnni"]), "avx512vnni"), Isa::AvxVnni);
    }

    #[test]
    fn features_of_another_architecture_count_for_nothing() {
        assert_eq!(Isa::choose(Arch::Any, |_| true), Isa::Scalar);
        assert_eq!(Isa::choose(Arch::Aarch64, |_| true), Isa::NeonI8mm);
        assert_eq!(Isa::choose(Arch::X86_64, |_| true), Isa::Avx512Vnni);
    }
}
