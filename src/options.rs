//! What a product is told besides its operands: zero points, bias, and what becomes of the accumulators.

use crate::element::Type;
use crate::param::{Param, Scales, ZeroPoints};
use crate::requantization::Requantization;

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
    /// `f32`, by scales and a bias that come with each run: see [`crate::RunParameters`]. Only of plans that are
    /// [`ProductOptions::dynamic`].
    F32,
    /// `f32`, of a matrix product whose rows have scales: `f32(f32(acc) * f32(row * column)) + bias`, each step rounded to
    /// binary32.
    DequantizedRows {
        /// Scale for each row of the left operand.
        rows: &'a [f32],
        /// Scale of the right operand, for all or for each column.
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
            Self::F32 | Self::Dequantized { .. } | Self::DequantizedRows { .. } => Type::F32,
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
    pub(crate) channel_zero_points: Option<&'a [i32]>,
    pub(crate) bias: Option<&'a [i32]>,
    pub(crate) output: Output<'a>,
    pub(crate) dynamic: bool,
}

impl<'a> ProductOptions<'a> {
    /// For a left operand (activations) of this type, with zero point 0, no bias and results of 32 bits.
    pub fn new(input: Type) -> Self {
        Self {
            input,
            zero_points: Param::All(0),
            channel_zero_points: None,
            bias: None,
            output: Output::I32,
            dynamic: false,
        }
    }

    /// The zero point of the left operand.
    pub fn zero_point(self, zero_point: i32) -> Self {
        self.zero_points(Param::All(zero_point))
    }

    /// The zero points of the left operand: one for all, or in a matrix product one for each row.
    pub fn zero_points(self, zero_points: ZeroPoints<'a>) -> Self {
        Self { zero_points, channel_zero_points: None, dynamic: false, ..self }
    }

    /// A zero point for each input channel of a convolution, those of all groups, or for each of the K columns of a matrix
    /// product's left operand; instead of others. A padded position holds its channel's, so that it adds nothing.
    ///
    /// ```
    /// use zeropoint::*;
    ///
    /// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&[1i8, 10], [2, 1])?, ZeroPoints::All(0))?;
    /// let options = ProductOptions::new(Type::U8).channel_zero_points(&[128, 3]);
    /// let plan = GemmPlan::new(&weights, 1, &options)?;
    /// let (a, mut out) = ([130u8, 4], [0i32]);
    /// plan.run(MatRef::new(&a, [1, 2])?, MatMut::new(&mut out, [1, 1])?, &mut vec![0; plan.scratch_len()])?;
    /// assert_eq!(out, [(130 - 128) + 10 * (4 - 3)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn channel_zero_points(self, zero_points: &'a [i32]) -> Self {
        Self { zero_points: Param::All(0), channel_zero_points: Some(zero_points), dynamic: false, ..self }
    }

    /// The zero point of the left operand, and the scales of results that are floats, come with each run, of a
    /// [`crate::GemmPlan`] or a [`crate::ConvPlan`]: see [`crate::RunParameters`].
    pub fn dynamic(self) -> Self {
        Self { dynamic: true, ..self.zero_point(0) }
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
