//! What can be wrong with a call, in the caller's words.

use alloc::string::String;
use core::fmt;

use zeropoint_kernels::isa::Isa;
use zeropoint_kernels::view::ViewError;

use crate::element::Type;
use crate::rule::Rule;

/// Why a call was refused. Nothing has been written then.
///
/// ```
/// use zeropoint::{Backend, elementwise::quantize};
///
/// let error = quantize(&Backend::best(), &[1.0], -0.5, 0, &mut [0u8]).unwrap_err();
/// assert_eq!(error.to_string(), "scale: a finite number above 0 expected, -0.5 given");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A slice has another length than it must have.
    Length {
        /// The argument.
        what: &'static str,
        /// The length it must have, or at least must have for scratch.
        expected: usize,
        /// Its length.
        got: usize,
    },
    /// An argument has another shape than it must have.
    Shape {
        /// The argument.
        what: &'static str,
        /// The shape it must have.
        expected: String,
        /// Its shape.
        got: String,
    },
    /// An operand has another element type than the plan was made for.
    Type {
        /// The argument.
        what: &'static str,
        /// What was expected.
        expected: &'static str,
        /// Its type.
        got: Type,
    },
    /// A zero point, or a bound of a clamp, is no value of its type.
    OutOfRange {
        /// The argument.
        what: &'static str,
        /// The range of its type, or what the argument may be.
        expected: (i64, i64),
        /// The value.
        got: i64,
    },
    /// A scale, or a multiplier made of scales, is not a finite number above 0.
    Scale {
        /// The argument.
        what: &'static str,
        /// The value.
        got: f32,
    },
    /// A number is none of those that the argument may be.
    Number {
        /// The argument.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// The number.
        got: f32,
    },
    /// An operand has another type than it may have.
    Kind {
        /// The argument.
        what: &'static str,
        /// What was expected.
        expected: &'static str,
        /// Its type.
        got: &'static str,
    },
    /// There is a NaN, and the policy refuses it.
    Nan {
        /// The argument.
        what: &'static str,
    },
    /// A multiplier is outside the domain of its rule.
    Multiplier {
        /// The rule.
        rule: Rule,
        /// The least of the domain, and the least above it.
        expected: (f64, f64),
        /// The multiplier.
        got: f64,
    },
    /// A rule that takes no such argument.
    Rule {
        /// The argument.
        what: &'static str,
        /// The rule.
        rule: Rule,
    },
    /// The sizes multiply to more than can be addressed or allocated.
    SizeOverflow {
        /// What would be so large.
        what: &'static str,
    },
    /// A part index beyond the plan's parts.
    Part {
        /// How many parts the plan has.
        expected: usize,
        /// The index.
        got: usize,
    },
    /// Memory and a shape do not make a view.
    View(ViewError),
    /// The tier is not to be had on this CPU, or in this build.
    IsaUnavailable {
        /// The tier demanded.
        isa: Isa,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, expected, got } => write!(f, "{what}: {expected} elements expected, {got} given"),
            Self::Shape { what, expected, got } => write!(f, "{what}: shape {expected} expected, {got} given"),
            Self::Type { what, expected, got } => write!(f, "{what}: {expected} expected, {got} given"),
            Self::OutOfRange { what, expected: (low, high), got } => {
                write!(f, "{what}: a value from {low} to {high} expected, {got} given")
            }
            Self::Scale { what, got } => write!(f, "{what}: a finite number above 0 expected, {got} given"),
            Self::Number { what, expected, got } => write!(f, "{what}: {expected} expected, {got} given"),
            Self::Kind { what, expected, got } => write!(f, "{what}: {expected} expected, {got} given"),
            Self::Nan { what } => write!(f, "{what}: numbers expected, NaN given"),
            Self::Multiplier { rule, expected: (low, high), got } => {
                write!(f, "multiplier: from {low:e} to below {high:e} expected by the rule {rule}, {got:e} given")
            }
            Self::Rule { what, rule } => write!(f, "{what}: the rule {rule} takes none"),
            Self::SizeOverflow { what } => write!(f, "{what}: the sizes multiply to more than can be addressed"),
            Self::Part { expected, got } => write!(f, "part: an index below {expected} expected, {got} given"),
            Self::View(error) => error.fmt(f),
            Self::IsaUnavailable { isa } => {
                write!(f, "this CPU does not run the tier {isa}; it has")?;
                crate::Backend::available().try_for_each(|isa| write!(f, " {isa}"))
            }
        }
    }
}

impl core::error::Error for Error {}

impl From<ViewError> for Error {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

/// Checks a shape.
#[inline]
pub(crate) fn same_shape<const R: usize>(
    what: &'static str,
    expected: [usize; R],
    got: [usize; R],
) -> Result<(), Error> {
    // One by one: as an array it would be read back from where its halves were just written, which stalls.
    let same = expected.iter().zip(&got).all(|(expected, got)| expected == got);
    if same { Ok(()) } else { Err(other_shape(what, expected, got)) }
}

#[cold]
fn other_shape<const R: usize>(what: &'static str, expected: [usize; R], got: [usize; R]) -> Error {
    Error::Shape { what, expected: alloc::format!("{expected:?}"), got: alloc::format!("{got:?}") }
}

/// Checks a length.
pub(crate) fn same_length(what: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Length { what, expected, got }) }
}

/// Checks a scale.
pub(crate) fn positive(what: &'static str, got: f32) -> Result<f32, Error> {
    if got.is_finite() && got > 0.0 { Ok(got) } else { Err(Error::Scale { what, got }) }
}

/// Checks a value against the range of its type.
pub(crate) fn within(what: &'static str, (low, high): (i32, i32), got: i32) -> Result<i32, Error> {
    if (low..=high).contains(&got) {
        return Ok(got);
    }
    Err(Error::OutOfRange { what, expected: (low.into(), high.into()), got: got.into() })
}
