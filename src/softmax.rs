//! Softmax of quantised values.

use alloc::boxed::Box;

use zeropoint_kernels::args::SoftmaxArgs;

use crate::Backend;
use crate::element::{Int8, Type};
use crate::elementwise::{Quantized, same_type};
use crate::error::{Error, same_length};

/// The softmax of rows of `n` values, as onnxruntime's QLinearSoftmax computes it:
///
/// ```text
/// u = max(0, f64(f32(ln(f32(MAX / f32(n))))) - 5) / f64(sx)     MAX is the greatest f32
/// e = f32(exp(f64(x - greatest x of the row + u) · f64(sx)))
/// y = clip(round(f64(f64(e · floor(1 / f64(sy))) / Σe)) + zy)
/// ```
///
/// with ties to even, the sum in order and in f32, and libm's `exp` and `log`. The zero point of `x` does not matter.
///
/// ```
/// use zeropoint::{Backend, Quantized, SoftmaxPlan, Type};
///
/// let q = |scale| Quantized { type_: Type::U8, scale, zero_point: 0 };
/// let plan = SoftmaxPlan::new(&Backend::best(), 2, q(0.1), q(1.0 / 256.0)).unwrap();
/// let mut y = [0u8; 4];
/// plan.run(&[7u8, 7, 0, 255], &mut y).unwrap(); // two rows
/// assert_eq!(y, [128, 128, 0, 255]);
/// ```
#[derive(Clone, Debug)]
pub struct SoftmaxPlan {
    backend: Backend,
    row: usize,
    types: [Type; 2],
    exponentials: Box<[f32; 256]>,
    scale: f64,
    flip: u8,
    zero_point: i32,
    clamp: (i32, i32),
}

impl SoftmaxPlan {
    /// Plans the softmax of rows of so many values.
    ///
    /// # Errors
    /// For rows of no values, or of more than 2^24, whose sum would be no sum any more; for a type that is not of 8 bits,
    /// a scale that is not finite and above 0, a zero point outside its type.
    pub fn new(backend: &Backend, row: usize, x: Quantized, y: Quantized) -> Result<Self, Error> {
        let (from, to) = x.readings(y)?;
        if row == 0 || row > 1 << 24 {
            return Err(Error::OutOfRange { what: "row", expected: (1, 1 << 24), got: row as i64 });
        }
        // All exponentials together leave f32 some room.
        let share = f32::MAX / row as f32;
        let room = f64::from(libm::log(share.into()) as f32) - 5.0;
        let scale = f64::from(from.scale);
        let up = room / scale;
        let exponential = |index: usize| libm::exp((index as f64 - 255.0 + up) * scale) as f32;
        Ok(Self {
            backend: *backend,
            row,
            types: [x.type_, y.type_],
            exponentials: Box::new(core::array::from_fn(exponential)),
            scale: libm::floor(1.0 / f64::from(to.scale)),
            flip: from.reading.flip_to_unsigned(),
            zero_point: to.zero_point,
            clamp: to.reading.range(),
        })
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name("softmax")
    }

    /// Computes rows that follow each other.
    ///
    /// # Errors
    /// For different lengths, or one that is no multiple of the row's, and types other than the plan's.
    pub fn run<X: Int8, Y: Int8>(&self, x: &[X], y: &mut [Y]) -> Result<(), Error> {
        same_type::<X>("input", self.types[0])?;
        same_type::<Y>("output", self.types[1])?;
        same_length("input", x.len().next_multiple_of(self.row), x.len())?;
        same_length("output", x.len(), y.len())?;
        let args = SoftmaxArgs {
            exponentials: &self.exponentials,
            scale: self.scale,
            flip: self.flip,
            zero_point: self.zero_point,
            clamp: self.clamp,
        };
        for (x, y) in x.chunks_exact(self.row).zip(y.chunks_exact_mut(self.row)) {
            self.backend.set.softmax(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), &args);
        }
        Ok(())
    }
}
