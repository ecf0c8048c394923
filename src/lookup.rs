//! Functions of one quantised value, by a table of 256 results, and a choice between two tensors.

use alloc::boxed::Box;

use zeropoint_kernels::args::{DequantizeArgs, QuantizeArgs, Requantize};
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::view::{MatMut, MatRef};

use crate::Backend;
use crate::element::{Int8, Type};
use crate::elementwise::{Quantized, same_type};
use crate::error::{Error, same_length, same_shape};

/// A function of each value: `y = clip(round(f32(f(f32((x - zx) · sx)) / sy)) + zy)`, ties to even, from a table that is
/// made once. Where `f` gives NaN, `y` is the least value of its type.
///
/// ```
/// use zeropoint::{Backend, LookupPlan, Quantized, Type};
///
/// let q = |scale, zero_point| Quantized { type_: Type::U8, scale, zero_point };
/// let plan = LookupPlan::leaky_relu(&Backend::best(), q(0.5, 10), q(0.5, 10), 0.25).unwrap();
/// let mut y = [0u8; 3];
/// plan.run(&[6u8, 10, 14], &mut y).unwrap();
/// assert_eq!(y, [9, 10, 14]);
/// ```
#[derive(Clone, Debug)]
pub struct LookupPlan {
    backend: Backend,
    types: [Type; 2],
    table: Box<[u8; 256]>,
}

impl LookupPlan {
    /// Plans a function of real values.
    ///
    /// # Errors
    /// For a type that is not of 8 bits, a scale that is not finite and above 0, a zero point outside its type.
    pub fn new(backend: &Backend, x: Quantized, y: Quantized, f: impl Fn(f32) -> f32) -> Result<Self, Error> {
        let (from, to) = x.readings(y)?;
        // All bytes, as the library takes them to real values and back.
        let bytes: [u8; 256] = core::array::from_fn(|byte| byte as u8);
        let (mut real, mut table) = ([0.0; 256], Box::new([0; 256]));
        backend.set.dequantize(&bytes, &mut real, &from.dequantize());
        backend.set.quantize(&real.map(f), &mut *table, &to.quantize());
        Ok(Self { backend: *backend, types: [x.type_, y.type_], table })
    }

    /// Plans the same real values by another scale and zero point, as onnxruntime's QLinearConcat and QLinearWhere compute
    /// them. By the same type, scale and zero point nothing changes, whatever the scale.
    ///
    /// # Errors
    /// As [`LookupPlan::new`].
    pub fn rescale(backend: &Backend, x: Quantized, y: Quantized) -> Result<Self, Error> {
        x.readings(y)?;
        if x == y {
            let table = Box::new(core::array::from_fn(|byte| byte as u8));
            return Ok(Self { backend: *backend, types: [x.type_, y.type_], table });
        }
        Self::new(backend, x, y, |value| value)
    }

    /// Plans `x`, or `f32(alpha · x)` below 0, as onnxruntime's QLinearLeakyRelu computes it.
    ///
    /// # Errors
    /// As [`LookupPlan::new`]; [`Error::Number`] for an alpha that is not finite.
    pub fn leaky_relu(backend: &Backend, x: Quantized, y: Quantized, alpha: f32) -> Result<Self, Error> {
        if !alpha.is_finite() {
            return Err(Error::Number { what: "alpha", expected: "a finite number", got: alpha });
        }
        Self::new(backend, x, y, |value| if value >= 0.0 { value } else { alpha * value })
    }

    /// Plans `f32(1 / f32(1 + expf(-x)))`, with libm's `expf`, whose bits depend on nothing. onnxruntime's QLinearSigmoid
    /// takes another approximation: results may differ by 1.
    ///
    /// # Errors
    /// As [`LookupPlan::new`].
    pub fn sigmoid(backend: &Backend, x: Quantized, y: Quantized) -> Result<Self, Error> {
        Self::new(backend, x, y, |value| 1.0 / (1.0 + libm::expf(-value)))
    }

    /// Plans a table as it stands: `y` is the byte `table[x]`, by the byte of `x`, whatever their types.
    ///
    /// ```
    /// use zeropoint::{Backend, LookupPlan, Type};
    ///
    /// let table = core::array::from_fn(|byte| byte as u8 ^ 0x80);
    /// let plan = LookupPlan::of_table(&Backend::best(), Type::U8, Type::I8, &table).unwrap();
    /// let mut y = [0i8; 3];
    /// plan.run(&[0u8, 128, 255], &mut y).unwrap();
    /// assert_eq!(y, [-128, 0, 127]);
    /// ```
    ///
    /// # Errors
    /// For a type that is not of 8 bits.
    pub fn of_table(backend: &Backend, x: Type, y: Type, table: &[u8; 256]) -> Result<Self, Error> {
        x.int8("type of the input")?;
        y.int8("type of the output")?;
        Ok(Self { backend: *backend, types: [x, y], table: Box::new(*table) })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name("lookup")
    }

    /// Looks up each element.
    ///
    /// # Errors
    /// For different lengths, and types other than the plan's.
    pub fn run<X: Int8, Y: Int8>(&self, x: &[X], y: &mut [Y]) -> Result<(), Error> {
        self.check_types::<X, Y>()?;
        same_length("output", x.len(), y.len())?;
        self.backend.set.lookup(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), &self.table);
        Ok(())
    }

    /// Looks up each element of a matrix, whose columns stand side by side: a part of a concatenation.
    ///
    /// # Errors
    /// For different shapes, types other than the plan's, and columns apart from each other.
    pub fn run_matrix<X: Int8, Y: Int8>(&self, x: MatRef<'_, X>, y: MatMut<'_, Y>) -> Result<(), Error> {
        self.check_types::<X, Y>()?;
        same_shape("output", x.shape(), y.shape())?;
        let [rows, columns] = x.shape();
        for (what, stride) in [("stride of the input", x.strides()[1]), ("stride of the output", y.strides()[1])] {
            if columns > 1 && stride != 1 {
                return Err(Error::OutOfRange { what, expected: (1, 1), got: stride as i64 });
            }
        }
        let (x, mut y) = (x.bytes(), y.bytes());
        for row in 0..if columns == 0 { 0 } else { rows } {
            if let Some(to) = y.row(row) {
                self.backend.set.lookup(&x.data()[row * x.strides()[0]..][..columns], to, &self.table);
            }
        }
        Ok(())
    }

    fn check_types<X: Int8, Y: Int8>(&self) -> Result<(), Error> {
        same_type::<X>("input", self.types[0])?;
        same_type::<Y>("output", self.types[1])
    }
}

/// Scale and zero point of values of a reading.
#[derive(Clone, Copy)]
pub(crate) struct Parameters {
    pub(crate) reading: Reading,
    pub(crate) scale: f32,
    pub(crate) zero_point: i32,
}

impl Parameters {
    fn dequantize(self) -> DequantizeArgs {
        let Self { reading, scale, zero_point } = self;
        DequantizeArgs { scale, zero_point: reading.as_unsigned(zero_point), flip: reading.flip_to_unsigned() }
    }

    fn quantize(self) -> QuantizeArgs {
        let Self { reading, scale, zero_point } = self;
        QuantizeArgs { scale, to: Requantize::new(reading, zero_point, reading.range()) }
    }
}

impl Quantized {
    /// An input and an output, checked.
    pub(crate) fn readings(self, output: Self) -> Result<(Parameters, Parameters), Error> {
        self.check(["type of the input", "scale of the input", "zero point of the input"])?;
        output.check(["type of the output", "scale of the output", "zero point of the output"])?;
        Ok((self.parameters("type of the input")?, output.parameters("type of the output")?))
    }

    fn parameters(self, type_: &'static str) -> Result<Parameters, Error> {
        Ok(Parameters { reading: self.type_.int8(type_)?, scale: self.scale, zero_point: self.zero_point })
    }
}

/// `z = x` where a condition is not 0, and `y` elsewhere, each by the scale and zero point of `z`, as onnxruntime's
/// QLinearWhere computes it: [`LookupPlan::rescale`] of the one that is chosen.
///
/// ```
/// use zeropoint::{Backend, Quantized, Type, WherePlan};
///
/// let q = |scale| Quantized { type_: Type::I8, scale, zero_point: 0 };
/// let plan = WherePlan::new(&Backend::best(), q(1.0), q(0.5), q(1.0)).unwrap();
/// let mut z = [0i8; 2];
/// plan.run(&[1, 0], &[5i8, 5], &[6i8, 6], &mut z).unwrap();
/// assert_eq!(z, [5, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct WherePlan {
    x: LookupPlan,
    y: LookupPlan,
}

impl WherePlan {
    /// Plans the choice between `x` and `y`.
    ///
    /// # Errors
    /// As [`LookupPlan::new`].
    pub fn new(backend: &Backend, x: Quantized, y: Quantized, z: Quantized) -> Result<Self, Error> {
        x.check(["type of x", "scale of x", "zero point of x"])?;
        y.check(["type of y", "scale of y", "zero point of y"])?;
        z.check(["type of z", "scale of z", "zero point of z"])?;
        Ok(Self { x: LookupPlan::rescale(backend, x, z)?, y: LookupPlan::rescale(backend, y, z)? })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.x.backend.kernel_name("select")
    }

    /// Chooses.
    ///
    /// # Errors
    /// For different lengths, and types other than the plan's.
    pub fn run<X: Int8, Y: Int8, Z: Int8>(&self, condition: &[u8], x: &[X], y: &[Y], z: &mut [Z]) -> Result<(), Error> {
        same_type::<X>("x", self.x.types[0])?;
        same_type::<Y>("y", self.y.types[0])?;
        same_type::<Z>("z", self.x.types[1])?;
        for (what, got) in [("condition", condition.len()), ("x", x.len()), ("y", y.len())] {
            same_length(what, z.len(), got)?;
        }
        let operands = [bytemuck::cast_slice(x), bytemuck::cast_slice(y)];
        let tables = [&*self.x.table, &*self.y.table];
        self.x.backend.set.select(condition, operands, bytemuck::cast_slice_mut(z), tables);
        Ok(())
    }
}
