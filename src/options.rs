//! What a product is told besides its operands: zero points, bias, and what becomes of the accumulators.

use alloc::vec::Vec;

use zeropoint_kernels::args::Requantize;

use crate::element::Type;
use crate::error::{Error, positive, same_length, within};

/// A parameter that is the same for all, or each one's own: per row, per column, per output channel.
///
/// ```
/// use zeropoint::{Scales, ZeroPoints};
///
/// let (per_tensor, per_column) = (ZeroPoints::All(128), ZeroPoints::Each(&[0, 3, -7]));
/// let scales = Scales::Each(&[0.5, 0.25, 1.0]);
/// # let _ = (per_tensor, per_column, scales);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param<'a, T> {
    /// One for all.
    All(T),
    /// One for each.
    Each(&'a [T]),
}

/// Zero points.
pub type ZeroPoints<'a> = Param<'a, i32>;
/// Scales.
pub type Scales<'a> = Param<'a, f32>;

impl<T: Copy> Param<'_, T> {
    /// The values, of which there are `count`.
    pub(crate) fn expand(&self, what: &'static str, count: usize) -> Result<Vec<T>, Error> {
        Ok(match *self {
            Self::All(value) => alloc::vec![value; count],
            Self::Each(values) => {
                same_length(what, count, values.len())?;
                values.to_vec()
            }
        })
    }

    /// The value for an index within the count that was checked.
    pub(crate) fn at(&self, index: usize) -> T {
        match *self {
            Self::All(value) => value,
            Self::Each(values) => values[index],
        }
    }

    /// Checks each value.
    pub(crate) fn check(&self, check: impl Fn(T) -> Result<T, Error>) -> Result<(), Error> {
        match *self {
            Self::All(value) => check(value).map(drop),
            Self::Each(values) => values.iter().try_for_each(|&value| check(value).map(drop)),
        }
    }
}

/// A multiplier for each column or one for all, owned.
#[derive(Clone, Debug, PartialEq)]
enum Multipliers {
    All(f32),
    Each(Vec<f32>),
}

/// How 32-bit accumulators become 8 bits: `round(clamp(f32(acc) * m, low - z, high - z)) + z`, ties to even, the
/// product rounded to binary32. This is the rule of onnxruntime and of XNNPACK's `fp32` kernels.
///
/// ```
/// use zeropoint::{Requantization, Scales, Type};
///
/// // Scales of both operands and of the result; the multiplier is f32(f32(sa * sb) / sc).
/// let relu = Requantization::from_scales(0.5, Scales::All(0.25), 0.125, Type::U8, 10).unwrap();
/// assert_eq!(relu.output(), Type::U8);
/// assert!(Requantization::from_scales(0.5, Scales::All(0.0), 0.125, Type::U8, 10).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Requantization {
    multipliers: Multipliers,
    output: Type,
    zero_point: i32,
    clamp: (i32, i32),
}

impl Requantization {
    /// From the scales of the left operand, of the right one (for all or for each column) and of the result:
    /// `m = f32(f32(a * b) / c)`.
    ///
    /// # Errors
    /// [`Error::Scale`] for a scale that is not finite and above 0, or a multiplier that is not finite;
    /// [`Error::Type`] for an output that is not of 8 bits; [`Error::OutOfRange`] for a zero point outside its type.
    pub fn from_scales(a: f32, b: Scales<'_>, c: f32, output: Type, zero_point: i32) -> Result<Self, Error> {
        positive("scale of the left operand", a)?;
        b.check(|scale| positive("scale of the right operand", scale))?;
        positive("scale of the result", c)?;
        let multiplier = |b: f32| (a * b) / c;
        match b {
            Param::All(b) => Self::new(Multipliers::All(multiplier(b)), output, zero_point),
            Param::Each(b) => {
                Self::new(Multipliers::Each(b.iter().copied().map(multiplier).collect()), output, zero_point)
            }
        }
    }

    /// From ready multipliers.
    ///
    /// # Errors
    /// As [`Requantization::from_scales`]; a multiplier may be 0.
    pub fn from_multipliers(multipliers: Scales<'_>, output: Type, zero_point: i32) -> Result<Self, Error> {
        let multipliers = match multipliers {
            Param::All(all) => Multipliers::All(all),
            Param::Each(each) => Multipliers::Each(each.to_vec()),
        };
        Self::new(multipliers, output, zero_point)
    }

    fn new(multipliers: Multipliers, output: Type, zero_point: i32) -> Result<Self, Error> {
        let range = output.int8("output type")?.range();
        within("zero point of the result", range, zero_point)?;
        let check = |got: f32| {
            if got.is_finite() && got >= 0.0 { Ok(()) } else { Err(Error::Scale { what: "multiplier", got }) }
        };
        match &multipliers {
            Multipliers::All(all) => check(*all)?,
            Multipliers::Each(each) => each.iter().copied().try_for_each(check)?,
        }
        Ok(Self { multipliers, output, zero_point, clamp: range })
    }

    /// Clamps the results to `low..=high`, integers of the output's type: a fused ReLU is `low = zero point`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a bound outside the type, or bounds in the wrong order.
    pub fn with_clamp(mut self, low: i32, high: i32) -> Result<Self, Error> {
        let range = self.output.int8("output type")?.range();
        within("lower bound of the clamp", range, low)?;
        within("upper bound of the clamp", (low, range.1), high)?;
        self.clamp = (low, high);
        Ok(self)
    }

    /// The type of the results.
    pub fn output(&self) -> Type {
        self.output
    }

    pub(crate) fn kernel(&self) -> Requantize {
        let reading = self.output.reading().unwrap_or(zeropoint_kernels::encode::Reading::Unsigned);
        Requantize::new(reading, self.zero_point, self.clamp)
    }

    pub(crate) fn multipliers(&self) -> Scales<'_> {
        match &self.multipliers {
            Multipliers::All(all) => Param::All(*all),
            Multipliers::Each(each) => Param::Each(each),
        }
    }
}

/// What becomes of a product's accumulators.
///
/// ```
/// use zeropoint::{Output, Requantization, Scales, Type};
///
/// let to = Requantization::from_scales(0.02, Scales::Each(&[0.1, 0.3]), 0.05, Type::I8, -128).unwrap();
/// let relu6 = Output::Requantized(to.with_clamp(-128, -8).unwrap());
/// let real = Output::Dequantized { scales: Scales::All(0.002), bias: Some(&[1.5, -0.5]) };
/// # let _ = (relu6, real);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Output<'a> {
    /// `i32`, as they are: exact modulo 2^32.
    #[default]
    I32,
    /// `u8` or `i8`.
    Requantized(Requantization),
    /// `f32`: `f32(f32(acc) * scale) + bias`, each step rounded to binary32.
    Dequantized {
        /// Scale, for all or for each column: the product of both operands' scales.
        scales: Scales<'a>,
        /// Bias for each column, in real units.
        bias: Option<&'a [f32]>,
    },
}

impl Output<'_> {
    pub(crate) fn element(&self) -> Type {
        match self {
            Self::I32 => Type::I32,
            Self::Requantized(requantization) => requantization.output(),
            Self::Dequantized { .. } => Type::F32,
        }
    }
}

/// What a product is told besides its operands.
///
/// ```
/// use zeropoint::{Output, ProductOptions, Scales, Type};
///
/// let options = ProductOptions::new(Type::U8)
///     .zero_point(128)
///     .bias(&[1, 2, 3])
///     .output(Output::Dequantized { scales: Scales::All(0.5), bias: None });
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct ProductOptions<'a> {
    pub(crate) input: Type,
    pub(crate) zero_points: ZeroPoints<'a>,
    pub(crate) bias: Option<&'a [i32]>,
    pub(crate) output: Output<'a>,
}

impl<'a> ProductOptions<'a> {
    /// For a left operand (activations) of this type, with zero point 0, no bias and results of 32 bits.
    pub fn new(input: Type) -> Self {
        Self { input, zero_points: Param::All(0), bias: None, output: Output::I32 }
    }

    /// The zero point of the left operand.
    pub fn zero_point(self, zero_point: i32) -> Self {
        self.zero_points(Param::All(zero_point))
    }

    /// The zero points of the left operand: one for all, or in a matrix product one for each row.
    pub fn zero_points(mut self, zero_points: ZeroPoints<'a>) -> Self {
        self.zero_points = zero_points;
        self
    }

    /// Added to the accumulators of each column before anything else.
    pub fn bias(mut self, bias: &'a [i32]) -> Self {
        self.bias = Some(bias);
        self
    }

    /// What becomes of the accumulators.
    pub fn output(mut self, output: Output<'a>) -> Self {
        self.output = output;
        self
    }
}
