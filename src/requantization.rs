//! Requantisation as a value: a rule, its multipliers, zero points and a clamp.

use alloc::vec::Vec;
use core::ops::Range;

use zeropoint_kernels::args::Requantize;
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::rules::{Fixed, RequantizeByRule, Scaling};

use crate::element::Type;
use crate::error::{Error, positive, within};
use crate::fixed;
use crate::param::{OwnParam, Param, Scales, ZeroPoints};
use crate::rule::Rule;

/// How 32-bit accumulators become 8 bits. By default `round(clamp(f32(acc) * m, low - z, high - z)) + z`, ties to even,
/// the product rounded to binary32: the rule of onnxruntime and of XNNPACK's `fp32` kernels. A [`Rule`] says otherwise.
///
/// ```
/// use zeropoint::{Requantization, Scales, Type};
///
/// // Scales of both operands and of the result; the multiplier is f32(f32(sa * sb) / sc).
/// let relu = Requantization::from_scales(0.5, Scales::All(0.25), 0.125, Type::U8, 10).unwrap();
/// assert_eq!(relu.output(), Type::U8);
/// assert!(Requantization::from_scales(0.5, Scales::All(0.0), 0.125, Type::U8, 10).is_err());
/// // A scale and a zero point of the result for each column.
/// let (scales, zero_points) = ([0.125, 0.5], [10, 200]);
/// let each = Requantization::from_scales(0.5, Scales::All(0.25), Scales::Each(&scales), Type::U8, &zero_points[..]);
/// assert!(each.is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Requantization {
    source: Source,
    rule: Rule,
    multipliers: Multipliers,
    output: Type,
    zero_points: OwnParam<i32>,
    clamp: (i32, i32),
    /// In real units, as it was given.
    bias: Option<Vec<f32>>,
    /// The bias as the rule adds it.
    addends: OwnParam<f32>,
}

/// What a caller gave to make multipliers of.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    Scales { a: f32, b: OwnParam<f32>, c: OwnParam<f32> },
    Floats(OwnParam<f32>),
    Fixed(OwnParam<Fixed>),
}

/// The multipliers that a rule makes of them.
#[derive(Clone, Debug, PartialEq)]
enum Multipliers {
    Floats(OwnParam<f32>),
    OneDnn { before: f32, by: OwnParam<f32>, after: OwnParam<f32> },
    Fixed(OwnParam<Fixed>),
}

impl Requantization {
    /// From the scales of the left operand, of the right one (for all or for each column) and of the result (likewise),
    /// with a zero point of the result (likewise): `m = f32(f32(a * b) / c)`, or what another [`Rule`] makes of them.
    ///
    /// # Errors
    /// [`Error::Scale`] for a scale that is not finite and above 0, or a multiplier that is not finite;
    /// [`Error::Type`] for an output that is not of 8 bits; [`Error::OutOfRange`] for a zero point outside its type;
    /// [`Error::Length`] for scales of columns and of the result of which there are not equally many.
    pub fn from_scales<'a>(
        a: f32,
        b: Scales<'_>,
        c: impl Into<Scales<'a>>,
        output: Type,
        zero_points: impl Into<ZeroPoints<'a>>,
    ) -> Result<Self, Error> {
        let c = c.into();
        positive("scale of the left operand", a)?;
        b.check(|scale| positive("scale of the right operand", scale))?;
        c.check(|scale| positive("scale of the result", scale))?;
        Self::new(Source::Scales { a, b: b.into(), c: c.into() }, Rule::default(), output, zero_points.into())
    }

    /// From ready multipliers, for the rules that take one of binary32.
    ///
    /// # Errors
    /// As [`Requantization::from_scales`]; a multiplier may be 0.
    pub fn from_multipliers<'a>(
        multipliers: Scales<'_>,
        output: Type,
        zero_points: impl Into<ZeroPoints<'a>>,
    ) -> Result<Self, Error> {
        Self::new(Source::Floats(multipliers.into()), Rule::default(), output, zero_points.into())
    }

    /// From ready multipliers `value * 2^(shift - 31)`, as pairs of a value and a shift, for [`Rule::TfliteDouble`] and
    /// [`Rule::TfliteSingle`].
    ///
    /// # Errors
    /// As [`Requantization::from_scales`]; for a value that is neither 0 nor from 2^30 to 2^31 - 1; for a shift that is
    /// not from -31 to 30; for another rule.
    pub fn from_fixed<'a>(
        rule: Rule,
        multipliers: Param<'_, (i32, i32)>,
        output: Type,
        zero_points: impl Into<ZeroPoints<'a>>,
    ) -> Result<Self, Error> {
        let multipliers = OwnParam::from(multipliers).map(|(value, shift)| Fixed { value, shift });
        multipliers.borrow().check(fixed::checked)?;
        Self::new(Source::Fixed(multipliers), rule, output, zero_points.into())
    }

    fn new(source: Source, rule: Rule, output: Type, zero_points: ZeroPoints<'_>) -> Result<Self, Error> {
        let range = output.int8("output type")?.range();
        zero_points.check(|zero| within("zero point of the result", range, zero))?;
        let multipliers = source.multipliers(rule)?;
        let zero_points = zero_points.into();
        Ok(Self {
            source,
            rule,
            multipliers,
            output,
            zero_points,
            clamp: range,
            bias: None,
            addends: OwnParam::All(0.0),
        })
    }

    /// By another rule: multipliers are made anew, by the rule's own recipe.
    ///
    /// # Errors
    /// [`Error::Multiplier`] for a multiplier outside the rule's domain; [`Error::Rule`] where the rule takes no such
    /// multipliers as were given, or no bias in real units.
    pub fn with_rule(mut self, rule: Rule) -> Result<Self, Error> {
        self.multipliers = self.source.multipliers(rule)?;
        self.rule = rule;
        match self.bias.take() {
            Some(bias) => self.with_real_bias(&bias),
            None => Ok(self),
        }
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

    /// Adds a bias in real units, one for each column, where the rule does that: [`Rule::OneDnnConv`],
    /// [`Rule::OneDnnMatMul`], [`Rule::FbgemmX86`]. A bias in units of the accumulators is
    /// [`crate::ProductOptions::bias`].
    ///
    /// # Errors
    /// [`Error::Rule`] for other rules, and for FBGEMM's with ready multipliers, which do not tell the bias's unit;
    /// [`Error::Scale`] for a bias that is not finite.
    pub fn with_real_bias(mut self, bias: &[f32]) -> Result<Self, Error> {
        let what = "bias in real units";
        let own = OwnParam::Each(bias.to_vec());
        let addends = match (self.rule, &self.source) {
            (Rule::OneDnnConv | Rule::OneDnnMatMul, _) => own,
            (Rule::FbgemmX86, Source::Scales { a, b, .. }) => {
                // The quotient is rounded, then the product.
                let units = b.map(|b| 1.0 / (a * b));
                own.zip(what, &units, |bias, unit| bias * unit)?
            }
            (rule, _) => return Err(Error::Rule { what, rule }),
        };
        addends.borrow().check(|got| if got.is_finite() { Ok(got) } else { Err(Error::Scale { what, got }) })?;
        self.bias = Some(bias.to_vec());
        self.addends = addends;
        Ok(self)
    }

    /// The type of the results.
    pub fn output(&self) -> Type {
        self.output
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What a kernel for the default rule needs: its end of a product has one zero point for all columns.
    pub(crate) fn by_default(&self) -> Option<(Scales<'_>, Requantize)> {
        match (self.rule, &self.multipliers, &self.zero_points) {
            (Rule::F32ClipRound, Multipliers::Floats(multipliers), &OwnParam::All(zero_point)) => {
                let reading = self.output.reading().unwrap_or(Reading::Unsigned);
                Some((multipliers.borrow(), Requantize::new(reading, zero_point, self.clamp)))
            }
            _ => None,
        }
    }

    /// What the kernels of rules need, of some columns.
    pub(crate) fn by_rule(&self, columns: Range<usize>) -> RequantizeByRule<'_> {
        let bias = self.addends.columns(columns.clone());
        let scaling = match (&self.multipliers, self.rule) {
            (Multipliers::Floats(by), rule) => {
                let by = by.columns(columns.clone());
                match rule {
                    Rule::F32ZeroPointFirst => Scaling::ZeroPointFirst(by),
                    Rule::F64ZeroPointFirst => Scaling::ZeroPointFirst64(by),
                    Rule::FbgemmX86 => Scaling::Fbgemm { by, bias },
                    Rule::XnnpackRndnu => Scaling::Rndnu(by),
                    Rule::XnnpackRndnuNeon => Scaling::RndnuNeon(by),
                    _ => Scaling::ClipRound(by),
                }
            }
            (Multipliers::OneDnn { before, by, after }, _) => {
                let (by, after) = (by.columns(columns.clone()), after.columns(columns.clone()));
                Scaling::OneDnn { before: *before, by, bias, after }
            }
            (Multipliers::Fixed(by), Rule::TfliteSingle) => Scaling::TfliteSingle(by.columns(columns.clone())),
            (Multipliers::Fixed(by), _) => Scaling::TfliteDouble(by.columns(columns.clone())),
        };
        RequantizeByRule { scaling, zero_points: self.zero_points.columns(columns), clamp: self.clamp }
    }

    /// Checks that what is each column's own is for so many columns.
    pub(crate) fn check_columns(&self, columns: usize) -> Result<(), Error> {
        self.zero_points.check_count("zero points of the result", columns)?;
        self.addends.check_count("bias in real units", columns)?;
        match &self.multipliers {
            Multipliers::Floats(by) => by.check_count("multipliers", columns),
            Multipliers::OneDnn { by, after, .. } => {
                by.check_count("multipliers", columns)?;
                after.check_count("scales of the result", columns)
            }
            Multipliers::Fixed(by) => by.check_count("multipliers", columns),
        }
    }
}

impl Source {
    /// The multipliers that a rule makes of it.
    fn multipliers(&self, rule: Rule) -> Result<Multipliers, Error> {
        match (rule, self) {
            (Rule::TfliteDouble | Rule::TfliteSingle, Self::Scales { a, b, c }) => {
                let (&a, per_tensor) = (a, matches!((b, c), (OwnParam::All(_), OwnParam::All(_))));
                // TFLite multiplies one scale for all in binary32.
                let of = |b: f32, c: f32| {
                    let product = if per_tensor { f64::from(a * b) } else { f64::from(a) * f64::from(b) };
                    fixed::quantized(product / f64::from(c), rule)
                };
                Ok(Multipliers::Fixed(b.zip(SCALES, c, of)?.transposed()?))
            }
            (Rule::TfliteDouble | Rule::TfliteSingle, Self::Fixed(fixed)) => Ok(Multipliers::Fixed(fixed.clone())),
            (Rule::OneDnnConv | Rule::OneDnnMatMul, Self::Scales { a, b, c }) => {
                let (before, by) = match rule {
                    Rule::OneDnnConv => (1.0, b.map(|b| a * b)),
                    _ => (*a, b.clone()),
                };
                let after = c.map(|c| 1.0 / c);
                for factors in [&by, &after] {
                    factors.borrow().check(finite)?;
                }
                Ok(Multipliers::OneDnn { before, by, after })
            }
            (_, Self::Fixed(_)) => Err(Error::Rule { what: "multipliers in fixed point", rule }),
            (Rule::TfliteDouble | Rule::TfliteSingle | Rule::OneDnnConv | Rule::OneDnnMatMul, Self::Floats(_)) => {
                Err(Error::Rule { what: "ready multipliers", rule })
            }
            (_, Self::Scales { a, b, c }) => {
                let multipliers = b.zip(SCALES, c, |b, c| (a * b) / c)?;
                Self::floats(multipliers, rule)
            }
            (_, Self::Floats(multipliers)) => Self::floats(multipliers.clone(), rule),
        }
    }

    /// Multipliers of binary32 in a rule's domain.
    fn floats(multipliers: OwnParam<f32>, rule: Rule) -> Result<Multipliers, Error> {
        multipliers.borrow().check(finite)?;
        if matches!(rule, Rule::XnnpackRndnu | Rule::XnnpackRndnuNeon) {
            let (low, high) = (1.0 / 4_294_967_296.0, 256.0);
            multipliers.borrow().check(|got| {
                if (low..high).contains(&got) {
                    return Ok(got);
                }
                Err(Error::Multiplier { rule, expected: (low.into(), high.into()), got: got.into() })
            })?;
        }
        Ok(Multipliers::Floats(multipliers))
    }
}

const SCALES: &str = "scales of the result";

fn finite(got: f32) -> Result<f32, Error> {
    if got.is_finite() && got >= 0.0 { Ok(got) } else { Err(Error::Scale { what: "multiplier", got }) }
}
