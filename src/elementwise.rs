//! Element by element, and pooling: quantize, dequantize, requantize, add, multiply, global average pool.

use zeropoint_kernels::args::{
    AddArgs, DequantizeArgs, IntegerAdd, MulArgs, Multipliers, PoolArgs, QuantizeArgs, Requantize,
};
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::pools::{Averages, Mean, PoolRow, Span};
use zeropoint_kernels::view::{MatMut, MatRef};

use crate::Backend;
use crate::element::{Int8, Type};
use crate::error::{Error, positive, same_length, same_shape, within};
use crate::fixed::quantized;
use crate::param::Param;
use crate::requantization::Requantization;
use crate::rule::Rule;
use crate::runtime::Runtime;
use crate::sum;

pub use crate::quantization::{dequantize_with, pack_nibbles, quantize_with, unpack_nibbles};

/// `y = clip(round(f32(x / scale)) + zero_point)`: division rounded to binary32, ties to even; NaN gives the least value
/// of the type, infinities and what is beyond the type saturate.
///
/// ```
/// use zeropoint::{Backend, elementwise::quantize};
///
/// let mut y = [0u8; 4];
/// quantize(&Backend::best(), &[0.5, 1.5, f32::NAN, 1e30], 1.0, 3, &mut y).unwrap();
/// assert_eq!(y, [3, 5, 0, 255]);
/// ```
///
/// # Errors
/// For different lengths, a scale that is not finite and above 0, a zero point outside the type.
pub fn quantize<Q: Int8>(backend: &Backend, x: &[f32], scale: f32, zero_point: i32, y: &mut [Q]) -> Result<(), Error> {
    same_length("result", x.len(), y.len())?;
    let scale = positive("scale", scale)?;
    let range = Q::READING.range();
    within("zero point", range, zero_point)?;
    let args = QuantizeArgs { scale, to: Requantize::new(Q::READING, zero_point, range) };
    backend.set.quantize(x, bytemuck::cast_slice_mut(y), &args);
    Ok(())
}

/// `y = f32(f32(x - zero_point) * scale)`; the difference is exact.
///
/// ```
/// use zeropoint::{Backend, elementwise::dequantize};
///
/// let mut y = [0.0; 2];
/// dequantize(&Backend::best(), &[127i8, -128], 1.0, -128, &mut y).unwrap();
/// assert_eq!(y, [255.0, 0.0]);
/// ```
///
/// # Errors
/// As [`quantize`].
pub fn dequantize<Q: Int8>(
    backend: &Backend,
    x: &[Q],
    scale: f32,
    zero_point: i32,
    y: &mut [f32],
) -> Result<(), Error> {
    same_length("result", x.len(), y.len())?;
    let scale = positive("scale", scale)?;
    within("zero point", Q::READING.range(), zero_point)?;
    let zero_point = Q::READING.as_unsigned(zero_point);
    let args = DequantizeArgs { scale, zero_point, flip: Q::READING.flip_to_unsigned() };
    backend.set.dequantize(bytemuck::cast_slice(x), y, &args);
    Ok(())
}

/// Requantizes accumulators by a [`Requantization`], whose multipliers are for all or for each column.
///
/// ```
/// use zeropoint::{Backend, MatMut, MatRef, Requantization, Scales, Type, elementwise::requantize};
///
/// let to = Requantization::from_multipliers(Scales::All(0.5), Type::I8, 1).unwrap();
/// let mut y = [0i8; 3];
/// requantize(&Backend::best(), MatRef::new(&[1, 3, -400], [1, 3]).unwrap(), &to, MatMut::new(&mut y, [1, 3]).unwrap())
///     .unwrap();
/// assert_eq!(y, [1, 3, -128]);
/// ```
///
/// # Errors
/// For different shapes, another output type, a wrong number of multipliers, columns that do not stand side by side.
pub fn requantize<Q: Int8>(
    backend: &Backend,
    acc: MatRef<'_, i32>,
    to: &Requantization,
    y: MatMut<'_, Q>,
) -> Result<(), Error> {
    same_shape("result", acc.shape(), y.shape())?;
    if Q::TYPE != to.output() {
        let expected = if to.output() == Type::U8 { "u8" } else { "i8" };
        return Err(Error::Type { what: "result", expected, got: Q::TYPE });
    }
    let [rows, columns] = acc.shape();
    for (what, stride) in [("stride of the accumulators", acc.strides()[1]), ("stride of the result", y.strides()[1])] {
        if columns > 1 && stride != 1 {
            return Err(Error::OutOfRange { what, expected: (1, 1), got: stride as i64 });
        }
    }
    to.check_columns(columns)?;
    let mut y = y.bytes();
    let Some((multipliers, end)) = to.by_default() else {
        backend.set.rule_requantize(acc, y, &to.by_rule(0..columns));
        return Ok(());
    };
    let multipliers = match multipliers {
        Param::All(all) => Multipliers::All(all),
        Param::Each(each) => Multipliers::Each(each),
    };
    for row in 0..if columns == 0 { 0 } else { rows } {
        let from = &acc.data()[row * acc.strides()[0]..][..columns];
        if let Some(to_row) = y.row(row) {
            backend.set.requantize(from, to_row, multipliers, &end);
        }
    }
    Ok(())
}

/// What a quantized tensor is: `real = scale * (value - zero_point)`.
///
/// ```
/// let pixels = zeropoint::Quantized { type_: zeropoint::Type::U8, scale: 1.0 / 255.0, zero_point: 0 };
/// # let _ = pixels;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantized {
    /// `u8` or `i8`.
    pub type_: Type,
    /// Finite and above 0.
    pub scale: f32,
    /// A value of the type.
    pub zero_point: i32,
}

impl Quantized {
    pub(crate) fn check(&self, [type_, scale, zero_point]: [&'static str; 3]) -> Result<(), Error> {
        let reading = self.type_.int8(type_)?;
        positive(scale, self.scale)?;
        within(zero_point, reading.range(), self.zero_point).map(drop)
    }
}

/// Whether two operands and a result, called what it is, have the types of a plan and one length.
fn same_operands<A: Int8, B: Int8, C: Int8>(
    types: [Type; 3],
    result: &'static str,
    a: &[A],
    b: &[B],
    c: &[C],
) -> Result<(), Error> {
    same_type::<A>("a", types[0])?;
    same_type::<B>("b", types[1])?;
    same_type::<C>(result, types[2])?;
    same_length("b", a.len(), b.len())?;
    same_length(result, a.len(), c.len())
}

pub(crate) fn same_type<Q: Int8>(what: &'static str, expected: Type) -> Result<(), Error> {
    if Q::TYPE == expected {
        return Ok(());
    }
    Err(Error::Type { what, expected: if expected == Type::U8 { "u8" } else { "i8" }, got: Q::TYPE })
}

/// The sum of two quantized tensors.
///
/// | [`Runtime`] | sum |
/// |---|---|
/// | [`Onnxruntime`](Runtime::Onnxruntime) | QLinearAdd on x86: `ra = f32(sa/sc)`, `rb = f32(sb/sc)`, `k = f32(zc - fma(ra, za, f32(rb*zb)))`, `c = clip(round(fma(a, ra, fma(b, rb, k))))`, ties to even. The three fused steps round once each, on every tier. |
/// | [`Tflite`](Runtime::Tflite) | `t = 2·max(sa, sb)`; `(a - za)·2^20` by `sa/t`, and likewise of `b`; their sum by `t/(2^20·sc)`: each a fixed-point multiplier in two roundings, ties away from zero |
/// | [`Xnnpack`](Runtime::Xnnpack) | multipliers `round((sa/sc)·2^shift)`, of which the greater has 21 bits: `((a - za)·ma + (b - zb)·mb + 2^(shift - 1)) >> shift`, ties up |
///
/// ```
/// use zeropoint::{AddPlan, Backend, Quantized, Type};
///
/// let q = |scale| Quantized { type_: Type::I8, scale, zero_point: 0 };
/// let plan = AddPlan::new(&Backend::best(), q(0.5), q(0.25), q(0.5)).unwrap();
/// let mut c = [0i8; 2];
/// plan.run(&[1i8, 100], &[2i8, 100], &mut c).unwrap();
/// assert_eq!(c, [2, 127]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AddPlan {
    backend: Backend,
    types: [Type; 3],
    sum: Sum,
}

#[derive(Clone, Copy, Debug)]
enum Sum {
    Fused(AddArgs),
    Integer(IntegerAdd),
}

impl AddPlan {
    /// Plans `c = a + b`.
    ///
    /// # Errors
    /// For a type that is not of 8 bits, a scale that is not finite and above 0, a ratio of scales of 1e36 or more,
    /// a zero point outside its type.
    pub fn new(backend: &Backend, a: Quantized, b: Quantized, c: Quantized) -> Result<Self, Error> {
        Self::of_runtime(backend, Runtime::Onnxruntime, a, b, c)
    }

    /// Plans `c = a + b` as a runtime computes it.
    ///
    /// # Errors
    /// As [`AddPlan::new`]; for TFLite, twice the greater scale of 2^20 times that of the sum or more; for XNNPACK, a ratio
    /// of the scale of `a` or `b` to that of the sum that is not from 2^-10 to below 2^8.
    pub fn of_runtime(
        backend: &Backend,
        runtime: Runtime,
        a: Quantized,
        b: Quantized,
        c: Quantized,
    ) -> Result<Self, Error> {
        a.check(["type of a", "scale of a", "zero point of a"])?;
        b.check(["type of b", "scale of b", "zero point of b"])?;
        c.check(["type of the sum", "scale of the sum", "zero point of the sum"])?;
        let types = [a, b, c].map(|quantized| quantized.type_);
        let readings = [types[0].int8("type of a")?, types[1].int8("type of b")?, types[2].int8("type of the sum")?];
        let integer =
            |sum| Sum::Integer(IntegerAdd { sum, zero_point: c.zero_point, clamp: readings[2].range(), readings });
        let sum = match runtime {
            Runtime::Onnxruntime => Sum::Fused(Self::fused([a, b, c], readings)?),
            Runtime::Tflite => integer(sum::tflite(a, b, c)?),
            Runtime::Xnnpack => integer(sum::xnnpack(a, b, c)?),
        };
        Ok(Self { backend: *backend, types, sum })
    }

    fn fused([a, b, c]: [Quantized; 3], readings: [Reading; 3]) -> Result<AddArgs, Error> {
        let (ra, rb) = (a.scale / c.scale, b.scale / c.scale);
        let zeros = [a, b, c].map(|quantized| quantized.zero_point as f32);
        let k = zeros[2] - libm::fmaf(ra, zeros[0], rb * zeros[1]);
        for (what, got) in [("ratio of the scales of a and the sum", ra), ("ratio of the scales of b and the sum", rb)]
        {
            // Below this no product overflows, so no two infinities meet: the sum may be infinite, but is a number.
            if got >= 1e36 {
                return Err(Error::Scale { what, got });
            }
        }
        Ok(AddArgs { ra, rb, k, readings })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name(match self.sum {
            Sum::Fused(_) => "add",
            Sum::Integer(_) => "rule_add",
        })
    }

    /// Adds.
    ///
    /// # Errors
    /// For different lengths, and types other than the plan's.
    pub fn run<A: Int8, B: Int8, C: Int8>(&self, a: &[A], b: &[B], c: &mut [C]) -> Result<(), Error> {
        same_operands(self.types, "sum", a, b, c)?;
        let (a, b) = (bytemuck::cast_slice(a), bytemuck::cast_slice(b));
        let c = bytemuck::cast_slice_mut(c);
        match &self.sum {
            Sum::Fused(args) => self.backend.set.add(a, b, c, args),
            Sum::Integer(args) => self.backend.set.rule_add(a, b, c, args),
        }
        Ok(())
    }
}

/// The product of two quantized tensors, as onnxruntime's QLinearMul defines it: `m = f32(f32(sa·sb)/sc)`,
/// `c = clip(round(f32(f32((a - za)(b - zb) · m) + zc)))`, ties to even.
///
/// ```
/// use zeropoint::{Backend, MulPlan, Quantized, Type};
///
/// let q = |scale| Quantized { type_: Type::I8, scale, zero_point: 0 };
/// let plan = MulPlan::new(&Backend::best(), q(0.5), q(0.25), q(0.5)).unwrap();
/// let mut c = [0i8; 2];
/// plan.run(&[10i8, 100], &[2i8, -100], &mut c).unwrap();
/// assert_eq!(c, [5, -128]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MulPlan {
    backend: Backend,
    types: [Type; 3],
    args: MulArgs,
}

impl MulPlan {
    /// Plans `c = a * b`.
    ///
    /// # Errors
    /// For a type that is not of 8 bits, a scale that is not finite and above 0, scales whose multiplier is not finite,
    /// a zero point outside its type.
    pub fn new(backend: &Backend, a: Quantized, b: Quantized, c: Quantized) -> Result<Self, Error> {
        a.check(["type of a", "scale of a", "zero point of a"])?;
        b.check(["type of b", "scale of b", "zero point of b"])?;
        c.check(["type of the product", "scale of the product", "zero point of the product"])?;
        let product = a.scale * b.scale;
        let multiplier = product / c.scale;
        if !multiplier.is_finite() {
            return Err(Error::Scale { what: "multiplier", got: multiplier });
        }
        let types = [a, b, c].map(|quantized| quantized.type_);
        let readings =
            [types[0].int8("type of a")?, types[1].int8("type of b")?, types[2].int8("type of the product")?];
        let zero_points = [a.zero_point, b.zero_point];
        Ok(Self {
            backend: *backend,
            types,
            args: MulArgs { zero_points, multiplier, zero: c.zero_point as f32, readings },
        })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name("mul")
    }

    /// Multiplies.
    ///
    /// # Errors
    /// For different lengths, and types other than the plan's.
    pub fn run<A: Int8, B: Int8, C: Int8>(&self, a: &[A], b: &[B], c: &mut [C]) -> Result<(), Error> {
        same_operands(self.types, "product", a, b, c)?;
        let (a, b) = (bytemuck::cast_slice(a), bytemuck::cast_slice(b));
        self.backend.set.mul(a, b, bytemuck::cast_slice_mut(c), &self.args);
        Ok(())
    }
}

/// The mean of each channel over all pixels of an image: `acc = Σx - n·zx`, and
///
/// | [`Runtime`] | mean |
/// |---|---|
/// | [`Onnxruntime`](Runtime::Onnxruntime) | `m = f32(sx / f32(sy·n))`, then the default rule of [`Requantization`] |
/// | [`Xnnpack`](Runtime::Xnnpack) | the same with `m = f32(f32(sx / sy) / f32(n))` |
/// | [`Tflite`](Runtime::Tflite) | `acc` by the fixed-point multiplier `f64(sx / sy)` in two roundings, then divided by `n`, each with ties away from zero |
///
/// ```
/// use zeropoint::{Backend, GlobalAveragePoolPlan, MatRef, Quantized, Type};
///
/// let q = Quantized { type_: Type::U8, scale: 1.0, zero_point: 0 };
/// let plan = GlobalAveragePoolPlan::new(&Backend::best(), 2, 3, q, q).unwrap();
/// let mut y = [0u8; 3];
/// plan.run(MatRef::new(&[1u8, 2, 3, 3, 5, 7], [2, 3]).unwrap(), &mut y).unwrap();
/// assert_eq!(y, [2, 4, 5]); // 3.5 ties to 4
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GlobalAveragePoolPlan {
    backend: Backend,
    shape: [usize; 2],
    types: [Type; 2],
    mean: MeanOf,
}

#[derive(Clone, Copy, Debug)]
enum MeanOf {
    Scaled { zero: i32, multiplier: f32, to: Requantize },
    Fixed(Averages),
}

impl GlobalAveragePoolPlan {
    /// Plans the means of `channels` over `pixels`.
    ///
    /// # Errors
    /// For no pixels, or more than 2^23, whose sum might not fit 32 bits; for types that are not of 8 bits, scales that
    /// are not finite and above 0 or whose ratio is not finite, zero points outside their type.
    pub fn new(backend: &Backend, pixels: usize, channels: usize, x: Quantized, y: Quantized) -> Result<Self, Error> {
        Self::of_runtime(backend, Runtime::Onnxruntime, [pixels, channels], x, y)
    }

    /// Plans the means of `[pixels, channels]` as a runtime computes them.
    ///
    /// # Errors
    /// As [`GlobalAveragePoolPlan::new`].
    pub fn of_runtime(
        backend: &Backend,
        runtime: Runtime,
        [pixels, channels]: [usize; 2],
        x: Quantized,
        y: Quantized,
    ) -> Result<Self, Error> {
        x.check(["type of the input", "scale of the input", "zero point of the input"])?;
        y.check(["type of the output", "scale of the output", "zero point of the output"])?;
        if pixels == 0 || pixels > 1 << 23 {
            return Err(Error::OutOfRange { what: "pixels", expected: (1, 1 << 23), got: pixels as i64 });
        }
        let ratio = x.scale / y.scale;
        let multiplier = match runtime {
            Runtime::Onnxruntime => x.scale / (y.scale * pixels as f32),
            Runtime::Xnnpack => ratio / pixels as f32,
            Runtime::Tflite => ratio,
        };
        if !multiplier.is_finite() {
            return Err(Error::Scale { what: "multiplier", got: multiplier });
        }
        let (from, to) = (x.type_.int8("type of the input")?, y.type_.int8("type of the output")?);
        let mean = match runtime {
            Runtime::Tflite => {
                let by = quantized(f64::from(x.scale) / f64::from(y.scale), Rule::TfliteDouble)?;
                MeanOf::Fixed(Averages {
                    mean: Mean::Fixed { zero: x.zero_point, by },
                    count: None,
                    zero_point: y.zero_point,
                    clamp: to.range(),
                    reading: from,
                })
            }
            Runtime::Onnxruntime | Runtime::Xnnpack => MeanOf::Scaled {
                zero: from.as_unsigned(x.zero_point) * pixels as i32,
                multiplier,
                to: Requantize::new(to, y.zero_point, to.range()),
            },
        };
        Ok(Self { backend: *backend, shape: [pixels, channels], types: [x.type_, y.type_], mean })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name(match self.mean {
            MeanOf::Scaled { .. } => "global_average_pool",
            MeanOf::Fixed(_) => "average_pool",
        })
    }

    /// Pools: `x` is pixels × channels, whose channels stand side by side.
    ///
    /// # Errors
    /// For shapes and types other than the plan's, and channels apart from each other.
    pub fn run<X: Int8, Y: Int8>(&self, x: MatRef<'_, X>, y: &mut [Y]) -> Result<(), Error> {
        same_type::<X>("input", self.types[0])?;
        same_type::<Y>("output", self.types[1])?;
        same_shape("input", self.shape, x.shape())?;
        same_length("output", self.shape[1], y.len())?;
        let [stride, channel] = x.strides();
        if channel != 1 && self.shape[1] > 1 {
            return Err(Error::OutOfRange { what: "stride of the channels", expected: (1, 1), got: channel as i64 });
        }
        if self.shape[1] == 0 {
            return Ok(());
        }
        let [pixels, channels] = self.shape;
        let (x, y) = (x.bytes().data(), bytemuck::cast_slice_mut(y));
        match self.mean {
            MeanOf::Scaled { zero, multiplier, to } => self.backend.set.global_average_pool(PoolArgs {
                x,
                pixels,
                stride,
                flip: X::READING.flip_to_unsigned(),
                zero,
                multiplier,
                to,
                y,
            }),
            // One window over a row of all pixels.
            MeanOf::Fixed(averages) => {
                let row = PoolRow {
                    x,
                    strides: [0, stride],
                    dilation: [1, 1],
                    rows: Span { first: 0, count: 1 },
                    columns: &[Span { first: 0, count: pixels }],
                    y: MatMut::new(y, [1, channels])?,
                };
                self.backend.set.average_pool(row, &averages);
            }
        }
        Ok(())
    }
}
