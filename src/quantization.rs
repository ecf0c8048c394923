//! Quantisation as a value: rule, type, granularity, and what becomes of NaN.

use zeropoint_kernels::args::{DequantizeArgs, QuantizeArgs, Requantize, Values};
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::rules::{DequantizeByRule, FloatRule, Integers, IntegersMut, QuantizeByRule};

use crate::Backend;
use crate::error::{Error, positive, same_length, within};
use crate::granularity::{Granularity, Of, Rows};
use crate::lines::{Lines, filled};
use crate::param::{Param, Scales, ZeroPoints};
use crate::real::Real;

/// How a float becomes an integer: the arithmetic of a runtime, to the bit. The project's `docs/numerics.md` has them
/// in full, and which one is whose.
///
/// ```
/// use zeropoint::QuantizeRule;
///
/// assert_eq!(QuantizeRule::default(), QuantizeRule::Onnx);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuantizeRule {
    /// `clip(rne(f32(x / s)) + z)`, ties to even: ONNX, onnxruntime, the affine form of Paddle's format.
    #[default]
    Onnx,
    /// `clip(rne(f32(x * f32(1 / s))) + z)`: FBGEMM, PyTorch, XNNPACK's conversions.
    Reciprocal,
    /// `rne(clip(f32(f32(x / s) + z)))`: XNNPACK's helper for tests.
    ZeroPointFirst,
    /// `clip(rha(f32(x / s)) + z)`, ties away from zero: TFLite.
    Tflite,
    /// Paddle's kernel with `round_type` 0. The scale is the greatest magnitude, `k = f32(qmax * f32(1 / s))`:
    /// `clip(rne(f32(k * x)))` from `-qmax - 1` to `qmax`, `qmax = 2^(bits - 1) - 1`.
    PaddleEven,
    /// Paddle's kernel with `round_type` 1: `rha(f32(k * min(max(x, -s), s)))`, from `-qmax` to `qmax`.
    PaddleAway,
}

impl QuantizeRule {
    fn is_paddle(self) -> bool {
        matches!(self, Self::PaddleEven | Self::PaddleAway)
    }
}

/// What NaN is quantised to.
///
/// ```
/// use zeropoint::{Backend, NanPolicy, Quantization, elementwise::quantize_with};
///
/// let mut y = [0i8; 1];
/// let zero = Quantization::new(1.0, 5).nan(NanPolicy::Zero);
/// quantize_with(&Backend::best(), &[f32::NAN], &zero, &mut y)?;
/// assert_eq!(y, [0]);
/// # Ok::<(), zeropoint::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NanPolicy {
    /// The least value of the type, as onnxruntime does.
    #[default]
    Lowest,
    /// The integer 0, whatever the zero point, as XNNPACK's reference does.
    Zero,
    /// An error.
    Refuse,
}

/// A rule with its scales and zero points, and how they lie over a tensor.
///
/// ```
/// use zeropoint::{Backend, Granularity, Quantization, Scales, ZeroPoints, elementwise::quantize_with};
///
/// // Two rows of three, a scale for each row, values of four bits.
/// let x = [1.0, -7.6, 100.0, 1.0, 0.25, -0.75];
/// let by_row = Quantization::new(Scales::Each(&[1.0, 0.5]), ZeroPoints::Each(&[0, -1]))
///     .along(Granularity::Axis { shape: &[2, 3], axis: 0 })
///     .bits(4);
/// let mut y = [0i8; 6];
/// quantize_with(&Backend::best(), &x, &by_row, &mut y)?;
/// assert_eq!(y, [1, -8, 7, 1, -1, -3]);
/// # Ok::<(), zeropoint::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quantization<'a> {
    scales: Scales<'a>,
    zero_points: ZeroPoints<'a>,
    rule: QuantizeRule,
    granularity: Granularity<'a>,
    bits: Option<u32>,
    nan: NanPolicy,
}

impl<'a> Quantization<'a> {
    /// By ONNX's rule, one scale and one zero point for all, over all bits of the type.
    pub fn new(scales: impl Into<Scales<'a>>, zero_points: impl Into<ZeroPoints<'a>>) -> Self {
        Self {
            scales: scales.into(),
            zero_points: zero_points.into(),
            rule: QuantizeRule::default(),
            granularity: Granularity::Tensor,
            bits: None,
            nan: NanPolicy::default(),
        }
    }

    /// By another rule.
    pub fn rule(mut self, rule: QuantizeRule) -> Self {
        self.rule = rule;
        self
    }

    /// With scales and zero points along an axis, or of blocks.
    pub fn along(mut self, granularity: Granularity<'a>) -> Self {
        self.granularity = granularity;
        self
    }

    /// With values of fewer bits than the type's: from 2 on.
    pub fn bits(mut self, bits: u32) -> Self {
        self.bits = Some(bits);
        self
    }

    /// With another policy for NaN.
    pub fn nan(mut self, nan: NanPolicy) -> Self {
        self.nan = nan;
        self
    }

    /// Least and greatest value of a type with these bits.
    fn range<Q: Integer>(&self) -> Result<(i32, i32), Error> {
        let most = Q::BITS.min(16);
        let bits = self.bits.unwrap_or(Q::BITS);
        if self.bits.is_some() && !(2..=most).contains(&bits) {
            return Err(Error::OutOfRange { what: "bits", expected: (2, most.into()), got: bits.into() });
        }
        let values = 1i64 << bits;
        let (low, high) = if Q::SIGNED { (-values / 2, values / 2 - 1) } else { (0, values - 1) };
        Ok((low as i32, high as i32))
    }

    /// The greatest integer of Paddle's forms.
    fn qmax<Q: Integer>(&self) -> Result<i32, Error> {
        let (low, high) = self.range::<Q>()?;
        if low == 0 || Q::BITS > 16 {
            let expected = "i8 or i16 (Paddle has signed values)";
            return Err(Error::Kind { what: "quantised values", expected, got: Q::NAME });
        }
        Ok(high)
    }

    /// Checks parameters against a tensor of a length and a type.
    fn rows<Q: Integer>(&self, len: usize) -> Result<Rows, Error> {
        let rows = self.granularity.rows(len)?;
        for (what, count) in [("scales", self.scales.count()), ("zero points", self.zero_points.count())] {
            if let Some(got) = count {
                same_length(what, rows.parameters(), got)?;
            }
        }
        let range = if self.rule.is_paddle() { (0, 0) } else { self.range::<Q>()? };
        self.zero_points.check(|zero| within("zero point", range, zero))?;
        self.scales.check(|scale| {
            let is_zero = self.rule.is_paddle() && scale == 0.0;
            if is_zero { Ok(scale) } else { positive("scale", scale) }
        })?;
        Ok(rows)
    }
}

/// Quantises by a [`Quantization`] to `u8`, `i8`, `u16` or `i16`.
///
/// Four bits to a byte come of `i8` or `u8` with [`Quantization::bits`] by [`pack_nibbles`].
///
/// # Errors
/// For different lengths; a shape that is not the tensor's; an axis outside the shape, a block of 0; other numbers of
/// scales or zero points than the granularity has; a scale that is not finite and above 0 (Paddle's may be 0); a zero
/// point outside the bits (Paddle's rules have none); bits that the type has not; NaN where the policy refuses it.
pub fn quantize_with<X: Real, Q: Integer>(
    backend: &Backend,
    x: &[X],
    by: &Quantization<'_>,
    y: &mut [Q],
) -> Result<(), Error> {
    same_length("result", x.len(), y.len())?;
    let rows = by.rows::<Q>(x.len())?;
    if Q::BITS > 16 {
        return Err(Error::Kind { what: "result", expected: "u8, i8, u16 or i16", got: Q::NAME });
    }
    if by.nan == NanPolicy::Refuse && x.iter().any(|x| x.to_f32().is_nan()) {
        return Err(Error::Nan { what: "operand" });
    }
    let clamp = match by.rule {
        QuantizeRule::PaddleEven => (-by.qmax::<Q>()? - 1, by.qmax::<Q>()?),
        QuantizeRule::PaddleAway => (-by.qmax::<Q>()?, by.qmax::<Q>()?),
        _ => by.range::<Q>()?,
    };
    let nan = if by.nan == NanPolicy::Zero { 0 } else { clamp.0 };
    let (rule, scales) = match by.rule {
        QuantizeRule::Onnx => (FloatRule::Division, Own::Same(by.scales)),
        QuantizeRule::Reciprocal => (FloatRule::Multiplication, made(by.scales, |scale| 1.0 / scale)?),
        QuantizeRule::ZeroPointFirst => (FloatRule::ZeroPointFirst, Own::Same(by.scales)),
        QuantizeRule::Tflite => (FloatRule::Away, Own::Same(by.scales)),
        QuantizeRule::PaddleEven | QuantizeRule::PaddleAway => {
            let qmax = by.qmax::<Q>()? as f32;
            let scales = made(by.scales, |scale| qmax * paddle_reciprocal(scale))?;
            let even = by.rule == QuantizeRule::PaddleEven;
            (if even { FloatRule::Multiplication } else { FloatRule::AwayWithin }, scales)
        }
    };
    let scales = scales.borrow();
    let reading = if Q::SIGNED { Reading::Signed } else { Reading::Unsigned };
    let simple = rule == FloatRule::Division && by.nan != NanPolicy::Zero;
    rows.each(|elements, of| {
        X::floats(&x[elements.clone()], |at, x| {
            let start = elements.start + at;
            let of = of.from(at, x.len());
            let y = Q::write(&mut y[start..start + x.len()]);
            match (of, y, simple) {
                (Of::One(index), IntegersMut::Bytes(y), true) => {
                    let to = Requantize::new(reading, by.zero_points.at(index), clamp);
                    backend.set.quantize(x, y, &QuantizeArgs { scale: scales.at(index), to });
                }
                (of, y, _) => {
                    let args = QuantizeByRule {
                        rule,
                        scales: values(scales, &of),
                        within: values(by.scales, &of),
                        zero_points: values(by.zero_points, &of),
                        clamp,
                        nan,
                    };
                    backend.set.rule_quantize(x, y, &args);
                }
            }
        });
    });
    Ok(())
}

/// Dequantises by a [`Quantization`]: `f32(f32(x - z) * s)`, the difference of 32-bit integers modulo 2^32; by Paddle's
/// rules `f32(f32(x * s) / qmax)`. To `f16` and `bf16` the result is rounded once more, ties to even.
///
/// # Errors
/// As [`quantize_with`].
pub fn dequantize_with<Q: Integer, Y: Real>(
    backend: &Backend,
    x: &[Q],
    by: &Quantization<'_>,
    y: &mut [Y],
) -> Result<(), Error> {
    same_length("result", x.len(), y.len())?;
    let rows = by.rows::<Q>(x.len())?;
    let divisor = if by.rule.is_paddle() { by.qmax::<Q>()? as f32 } else { 1.0 };
    rows.each(|elements, of| {
        Y::results(&mut y[elements.clone()], |at, y| {
            let start = elements.start + at;
            let of = of.from(at, y.len());
            match (&of, Q::read(&x[start..start + y.len()])) {
                (&Of::One(index), Integers::Bytes(x, reading)) if divisor == 1.0 => {
                    let zero_point = reading.as_unsigned(by.zero_points.at(index));
                    let (scale, flip) = (by.scales.at(index), reading.flip_to_unsigned());
                    backend.set.dequantize(x, y, &DequantizeArgs { scale, zero_point, flip });
                }
                (of, x) => {
                    let (scales, zero_points) = (values(by.scales, of), values(by.zero_points, of));
                    backend.set.rule_dequantize(x, y, &DequantizeByRule { scales, zero_points, divisor });
                }
            }
        });
    });
    Ok(())
}

/// Paddle's reciprocal of a greatest magnitude.
fn paddle_reciprocal(scale: f32) -> f32 {
    if scale > 1e-30 { 1.0 / scale } else { 1.0 / (scale + 1e-6) }
}

/// Scales as they are, or what was made of them.
enum Own<'a> {
    Same(Scales<'a>),
    All(f32),
    Each(Lines<f32>),
}

impl Own<'_> {
    fn borrow(&self) -> Scales<'_> {
        match self {
            Self::Same(scales) => *scales,
            Self::All(all) => Param::All(*all),
            Self::Each(each) => Param::Each(each),
        }
    }
}

fn made(scales: Scales<'_>, of: impl Fn(f32) -> f32) -> Result<Own<'static>, Error> {
    Ok(match scales {
        Param::All(all) => Own::All(of(all)),
        Param::Each(each) => {
            let mut made = filled("scales", each.len(), 0.0)?;
            made.iter_mut().zip(each).for_each(|(to, &scale)| *to = of(scale));
            Own::Each(made)
        }
    })
}

/// The parameters of a run of elements.
fn values<'a, T: Copy>(param: Param<'a, T>, of: &Of) -> Values<'a, T> {
    match (param, of) {
        (Param::All(all), _) => Values::All(all),
        (Param::Each(each), Of::One(index)) => Values::All(each[*index]),
        (Param::Each(each), Of::Each(range)) => Values::Each(&each[range.clone()]),
    }
}

/// An integer type of quantised values: `u8`, `i8`, `u16`, `i16`; `i32` to dequantise.
pub trait Integer: Copy + bytemuck::Pod + sealed::Sealed {
    /// Its name.
    #[doc(hidden)]
    const NAME: &'static str;
    /// Its bits.
    #[doc(hidden)]
    const BITS: u32;
    /// Whether it has negative values.
    #[doc(hidden)]
    const SIGNED: bool;

    /// Values as kernels read them.
    #[doc(hidden)]
    fn read(values: &[Self]) -> Integers<'_>;
    /// Values as kernels write them; of 32 bits none.
    #[doc(hidden)]
    fn write(values: &mut [Self]) -> IntegersMut<'_>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($type:ident, $signed:literal, $from:expr, $to:expr;)*) => {$(
        impl sealed::Sealed for $type {}

        impl Integer for $type {
            const NAME: &'static str = stringify!($type);
            const BITS: u32 = $type::BITS;
            const SIGNED: bool = $signed;

            fn read(values: &[Self]) -> Integers<'_> {
                $from(values)
            }

            fn write(values: &mut [Self]) -> IntegersMut<'_> {
                $to(values)
            }
        }
    )*};
}
integers! {
    u8, false, |values| Integers::Bytes(values, Reading::Unsigned), IntegersMut::Bytes;
    i8, true, |values| Integers::Bytes(bytemuck::cast_slice(values), Reading::Signed), of_bytes;
    u16, false, |values| Integers::Words(values, Reading::Unsigned), IntegersMut::Words;
    i16, true, |values| Integers::Words(bytemuck::cast_slice(values), Reading::Signed), of_words;
    i32, true, Integers::Longs, nothing;
}

fn of_bytes(values: &mut [i8]) -> IntegersMut<'_> {
    IntegersMut::Bytes(bytemuck::cast_slice_mut(values))
}

fn of_words(values: &mut [i16]) -> IntegersMut<'_> {
    IntegersMut::Words(bytemuck::cast_slice_mut(values))
}

/// Nothing is quantised to 32 bits.
fn nothing(_: &mut [i32]) -> IntegersMut<'_> {
    IntegersMut::Bytes(&mut [])
}

/// Packs values of four bits, two to a byte, the first in the low half; of an odd number, the last high half is 0.
///
/// ```
/// let mut packed = [0; 2];
/// zeropoint::elementwise::pack_nibbles(&[1i8, -1, 7], &mut packed)?;
/// assert_eq!(packed, [0xf1, 0x07]);
/// let mut values = [0i8; 3];
/// zeropoint::elementwise::unpack_nibbles(&packed, &mut values)?;
/// assert_eq!(values, [1, -1, 7]);
/// # Ok::<(), zeropoint::Error>(())
/// ```
///
/// # Errors
/// For a result of another length than half of the values', rounded up; for a value that has more than four bits.
pub fn pack_nibbles<Q: crate::Int8>(values: &[Q], packed: &mut [u8]) -> Result<(), Error> {
    same_length("packed values", values.len().div_ceil(2), packed.len())?;
    let (low, high) = nibble_range::<Q>();
    for value in values {
        let value = Q::READING.value(bytemuck::cast(*value));
        within("value of four bits", (low, high), value)?;
    }
    for (to, pair) in packed.iter_mut().zip(values.chunks(2)) {
        let half = |index: usize| pair.get(index).map_or(0, |&value| bytemuck::cast::<Q, u8>(value) & 0xf);
        *to = half(0) | half(1) << 4;
    }
    Ok(())
}

fn nibble_range<Q: crate::Int8>() -> (i32, i32) {
    if Q::READING == Reading::Signed { (-8, 7) } else { (0, 15) }
}

/// The values of [`pack_nibbles`].
///
/// # Errors
/// For packed values of another length.
pub fn unpack_nibbles<Q: crate::Int8>(packed: &[u8], values: &mut [Q]) -> Result<(), Error> {
    same_length("packed values", values.len().div_ceil(2), packed.len())?;
    for (index, value) in values.iter_mut().enumerate() {
        let half = packed[index / 2] >> (index % 2 * 4) & 0xf;
        // The top bit of a signed value is its sign.
        let is_negative = Q::READING == Reading::Signed && half & 8 != 0;
        *value = bytemuck::cast(if is_negative { half | 0xf0 } else { half });
    }
    Ok(())
}
