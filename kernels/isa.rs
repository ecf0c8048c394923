//! The instruction sets that tiers are written for, and the only place where the CPU is asked for them.

use core::fmt;
use core::str::FromStr;

/// An instruction set: a tier's name, and exactly the CPU features that the tier needs.
///
/// Instruction sets are no ladder, so there is no order on them; [`crate::TIERS`] has the order of preference.
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
}

impl Isa {
    /// All instruction sets, whether this build and this CPU have them or not.
    pub const ALL: &'static [Self] = &[Self::Avx2, Self::Scalar];

    /// The name that commands, tables and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
        }
    }

    /// The CPU features that the tier needs, by their names in `target_feature`; each tier enables exactly these.
    pub const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Scalar => &[],
            Self::Avx2 => &["avx2", "fma"],
        }
    }

    /// Whether this CPU and its operating system run the tier's instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Avx2 => avx2(),
        }
    }
}

/// Asks for a feature at run time with std, and the compilation target without it.
#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($feature:tt) => {{
        #[cfg(feature = "std")]
        let has = std::arch::is_x86_feature_detected!($feature);
        #[cfg(not(feature = "std"))]
        let has = cfg!(target_feature = $feature);
        has
    }};
}

#[cfg(target_arch = "x86_64")]
fn avx2() -> bool {
    has!("avx2") && has!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn avx2() -> bool {
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
