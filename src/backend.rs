//! The choice of a tier.

use alloc::vec::Vec;

use zeropoint_kernels::isa::Isa;
use zeropoint_kernels::table::{KernelInfo, KernelSet};

use crate::Error;

/// The kernels of one tier. Plans and packed weights keep the one they were made for.
///
/// ```
/// use zeropoint::{Backend, Isa};
///
/// let best = Backend::best();
/// assert!(Backend::available().any(|isa| isa == best.isa()));
/// let portable = Backend::with_isa(Isa::Scalar).unwrap();
/// assert_eq!(portable.isa().name(), "scalar");
/// ```
#[derive(Clone, Copy)]
pub struct Backend {
    pub(crate) set: &'static KernelSet,
}

impl Backend {
    /// The first tier in order of preference that this CPU runs.
    pub fn best() -> Self {
        Self { set: zeropoint_kernels::best() }
    }

    /// The tier demanded.
    ///
    /// # Errors
    /// [`Error::IsaUnavailable`] where this CPU, or this build, lacks it; there is no falling back.
    pub fn with_isa(isa: Isa) -> Result<Self, Error> {
        zeropoint_kernels::tier(isa).map(|set| Self { set }).ok_or(Error::IsaUnavailable { isa })
    }

    /// The tiers that this CPU runs, in order of preference.
    pub fn available() -> impl Iterator<Item = Isa> {
        zeropoint_kernels::TIERS.iter().map(|set| set.isa()).filter(|isa| isa.is_available())
    }

    /// The tier's instruction set.
    pub fn isa(&self) -> Isa {
        self.set.isa()
    }

    /// The tier's kernels, by operation.
    pub fn kernels(&self) -> Vec<KernelInfo> {
        self.set.kernels()
    }

    /// The name of the tier's kernel for an operation of [`Backend::kernels`]; empty for another word.
    pub fn kernel_name(&self, operation: &str) -> &'static str {
        self.set.kernel_name(operation)
    }
}

impl core::fmt::Debug for Backend {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Backend").field(&self.isa()).finish()
    }
}
