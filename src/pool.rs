//! Pools over windows of images.

use alloc::vec::Vec;
use core::ops::Range;

use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::pools::{Averages, Mean, PoolRow, Span};
use zeropoint_kernels::view::{ImagesMut, ImagesRef};

use crate::Backend;
use crate::element::{Int8, Type};
use crate::elementwise::{Quantized, same_type};
use crate::error::{Error, same_shape, within};
use crate::runtime::Runtime;

/// The windows of a pool.
///
/// ```
/// use zeropoint::Pooling;
///
/// let pooling = Pooling { strides: [2, 2], pads: [1, 1, 1, 1], ..Pooling::new([3, 3]) };
/// assert_eq!(pooling.output([8, 8]), Some([4, 4]));
/// let whole = Pooling { ceil_mode: true, ..pooling };
/// assert_eq!(whole.output([8, 8]), Some([5, 5]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Distance between windows, down and across.
    pub strides: [usize; 2],
    /// Distance between the taps of a window, down and across.
    pub dilation: [usize; 2],
    /// Rows and columns of padding: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Whether a last window counts that leaves the padded image, as long as it begins before the padding at the end.
    pub ceil_mode: bool,
}

impl Pooling {
    /// Windows of so many rows and columns, next to each other's begin, without padding.
    pub const fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, strides: [1, 1], dilation: [1, 1], pads: [0; 4], ceil_mode: false }
    }

    /// Rows and columns of the output for an image; nothing where sizes overflow, or the kernel, a stride or a dilation
    /// is 0. An image that a window does not fit has no output.
    pub fn output(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |axis: usize| {
            let (size, before) = (image[axis], self.pads[axis]);
            let (stride, dilation) = (self.strides[axis], self.dilation[axis]);
            if stride == 0 || dilation == 0 {
                return None;
            }
            let window = self.kernel[axis].checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
            let padded = size.checked_add(before)?.checked_add(self.pads[axis + 2])?;
            let Some(room) = padded.checked_sub(window) else { return Some(0) };
            if !self.ceil_mode {
                return Some(room / stride + 1);
            }
            let last = room.div_ceil(stride);
            Some(if last.checked_mul(stride)? >= size + before { last } else { last + 1 })
        };
        Some([axis(0)?, axis(1)?])
    }
}

/// Windows over images of one size.
#[derive(Clone, Debug)]
struct Windows {
    pooling: Pooling,
    image: [usize; 2],
    output: [usize; 2],
    channels: usize,
    /// The columns under the windows of a row.
    columns: Vec<Span>,
}

impl Windows {
    fn new(image: [usize; 2], channels: usize, pooling: Pooling) -> Result<Self, Error> {
        /// As many values of 8 bits as add up to less than 2^31.
        const TAPS: usize = 1 << 23;
        const OUTPUTS: usize = 1 << 24;
        let limit = |what, most: usize, got: usize| match got {
            got if got <= most => Ok(()),
            _ => Err(Error::OutOfRange { what, expected: (1, most as i64), got: saturated(got) }),
        };
        for (what, [down, across]) in
            [("kernel", pooling.kernel), ("strides", pooling.strides), ("dilation", pooling.dilation)]
        {
            if down == 0 || across == 0 {
                return Err(Error::OutOfRange { what, expected: (1, i64::MAX), got: 0 });
            }
        }
        let output = pooling.output(image).ok_or(Error::SizeOverflow { what: "windows" })?;
        limit("taps of a window", TAPS, pooling.kernel[0].saturating_mul(pooling.kernel[1]))?;
        limit("columns of the output", OUTPUTS, output[1])?;
        let [.., width] = image;
        let span = |column: usize| {
            let begin = column * pooling.strides[1];
            Span::of(begin, pooling.pads[1], pooling.kernel[1], pooling.dilation[1], width)
        };
        Ok(Self { pooling, image, output, channels, columns: (0..output[1]).map(span).collect() })
    }

    fn rows(&self, row: usize) -> Span {
        let Pooling { kernel, strides, dilation, pads, .. } = self.pooling;
        Span::of(row * strides[0], pads[0], kernel[0], dilation[0], self.image[0])
    }

    /// Calls `pool` for each row of windows, and for each channel alone where channels do not stand side by side.
    fn for_each<X: Int8, Y: Int8>(
        &self,
        x: ImagesRef<'_, X>,
        rows: Range<usize>,
        mut y: ImagesMut<'_, Y>,
        pool: impl Fn(PoolRow<'_>),
    ) -> Result<(), Error> {
        let images = x.shape()[0];
        same_shape("input", [images, self.image[0], self.image[1], self.channels], x.shape())?;
        if rows.end > self.output[0] {
            let expected = (0, saturated(self.output[0]));
            return Err(Error::OutOfRange { what: "end of the rows", expected, got: saturated(rows.end) });
        }
        same_shape("output", [images, rows.len(), self.output[1], self.channels], y.shape())?;
        if y.shape().contains(&0) {
            return Ok(());
        }
        // Without pixels, every window lies in the padding.
        let empty = x.shape().contains(&0);
        let (x, [image_stride, down, across, channel_stride]) = (x.bytes(), x.strides());
        let adjacent = self.channels == 1 || (channel_stride == 1 && y.strides()[3] == 1);
        let (calls, channels) = if adjacent { (1, self.channels) } else { (self.channels, 1) };
        for image in 0..images {
            for row in 0..rows.len() {
                for channel in (0..calls).map(|call| call * channels) {
                    let of_row = y.reborrow().range(0, image, image + 1).range(1, row, row + 1);
                    let of_row = of_row.range(3, channel, channel + channels);
                    let Ok(of_row) = of_row.into_pixels() else { continue };
                    pool(PoolRow {
                        x: if empty { &[] } else { &x.data()[image * image_stride + channel * channel_stride..] },
                        strides: [down, across],
                        dilation: self.pooling.dilation,
                        rows: self.rows(rows.start + row),
                        columns: &self.columns,
                        y: of_row.bytes(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn saturated(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The greatest value of each channel under each window. Padding takes no part; a window that lies wholly in it has the
/// least value of the type.
///
/// Images have the axes image, row, column, channel, whatever their order in memory; channels that stand side by side are
/// taken together.
///
/// ```
/// use zeropoint::{Backend, ImagesMut, ImagesRef, MaxPoolPlan, Pooling, Type};
///
/// let plan = MaxPoolPlan::new(&Backend::best(), [2, 3], 1, Pooling::new([2, 2]), Type::I8).unwrap();
/// let mut y = [0i8; 2];
/// let x = ImagesRef::new(&[-5i8, -3, 7, 1, -9, -2], [1, 2, 3, 1]).unwrap();
/// plan.run(x, ImagesMut::new(&mut y, [1, 1, 2, 1]).unwrap()).unwrap();
/// assert_eq!(y, [1, 7]);
/// ```
#[derive(Clone, Debug)]
pub struct MaxPoolPlan {
    backend: Backend,
    type_: Type,
    reading: Reading,
    windows: Windows,
}

impl MaxPoolPlan {
    /// Plans pools of images of so many rows and columns.
    ///
    /// # Errors
    /// For a kernel, stride or dilation of 0, windows of more than 2^23 taps, more than 2^24 columns of windows, sizes that
    /// overflow, and a type that is not of 8 bits.
    pub fn new(
        backend: &Backend,
        image: [usize; 2],
        channels: usize,
        pooling: Pooling,
        type_: Type,
    ) -> Result<Self, Error> {
        let reading = type_.int8("type")?;
        Ok(Self { backend: *backend, type_, reading, windows: Windows::new(image, channels, pooling)? })
    }

    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.windows.output
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name("max_pool")
    }

    /// Pools any number of images.
    ///
    /// # Errors
    /// For shapes and a type other than the plan's.
    pub fn run<X: Int8>(&self, x: ImagesRef<'_, X>, y: ImagesMut<'_, X>) -> Result<(), Error> {
        self.run_rows(x, 0..self.windows.output[0], y)
    }

    /// Computes some rows of each image's output, which `y` holds: a part for one thread.
    ///
    /// # Errors
    /// As [`MaxPoolPlan::run`].
    pub fn run_rows<X: Int8>(&self, x: ImagesRef<'_, X>, rows: Range<usize>, y: ImagesMut<'_, X>) -> Result<(), Error> {
        same_type::<X>("input", self.type_)?;
        self.windows.for_each(x, rows, y, |row| self.backend.set.max_pool(row, self.reading))
    }
}

/// The mean of each channel under each window. `n` is how many positions lie inside the image, or with
/// `count_include_pad` all taps of the window: padding stands for the real value 0. A window that lies wholly in the
/// padding has the real value 0.
///
/// | [`Runtime`] | mean |
/// |---|---|
/// | [`Onnxruntime`](Runtime::Onnxruntime) | `v = f32(Σ f32(f32(x - zx) · sx) / n)`, the sum in f32 and in the order of the window, row by row; `y = clip(round(f32(f32(v / sy) + zy)))`, ties to even |
/// | [`Tflite`](Runtime::Tflite) | `Σ x / n`, ties away from zero: input and output have one scale and one zero point |
/// | [`Xnnpack`](Runtime::Xnnpack) | `acc = Σ(x - zx)`, `m = f32(f32(sx / sy) / f32(n))`, then the default rule of [`Requantization`](crate::Requantization) |
///
/// Images are as in [`MaxPoolPlan`].
///
/// ```
/// use zeropoint::{AveragePoolPlan, Backend, ImagesMut, ImagesRef, Pooling, Quantized, Runtime, Type};
///
/// let q = Quantized { type_: Type::U8, scale: 1.0, zero_point: 0 };
/// let pooling = Pooling { pads: [0, 1, 0, 1], ..Pooling::new([1, 2]) };
/// let x = ImagesRef::new(&[1u8, 2, 4], [1, 1, 3, 1]).unwrap();
/// let means = |runtime, count_include_pad| {
///     let plan =
///         AveragePoolPlan::new(&Backend::best(), [1, 3], 1, pooling, [q, q], runtime, count_include_pad).unwrap();
///     let mut y = [0u8; 4];
///     plan.run(x, ImagesMut::new(&mut y, [1, 1, 4, 1]).unwrap()).unwrap();
///     y
/// };
/// assert_eq!(means(Runtime::Onnxruntime, false), [1, 2, 3, 4]); // 1.5 ties to 2
/// assert_eq!(means(Runtime::Onnxruntime, true), [0, 2, 3, 2]); // 0.5 ties to 0
/// assert_eq!(means(Runtime::Tflite, true), [1, 2, 3, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct AveragePoolPlan {
    backend: Backend,
    types: [Type; 2],
    averages: Averages,
    windows: Windows,
}

impl AveragePoolPlan {
    /// Plans pools of images of so many rows and columns, `[x, y]` being what input and output are.
    ///
    /// # Errors
    /// As [`MaxPoolPlan::new`]; for scales that are not finite and above 0, a scale of the input so large that a sum might
    /// not be finite, a ratio of scales that is not finite, zero points outside their type; for TFLite, an output of
    /// another type, scale or zero point than the input.
    pub fn new(
        backend: &Backend,
        image: [usize; 2],
        channels: usize,
        pooling: Pooling,
        [x, y]: [Quantized; 2],
        runtime: Runtime,
        count_include_pad: bool,
    ) -> Result<Self, Error> {
        let (from, to) = x.readings(y)?;
        let windows = Windows::new(image, channels, pooling)?;
        let [rows, columns] = pooling.kernel;
        let taps = rows * columns;
        let mean = match runtime {
            Runtime::Onnxruntime => {
                if !(x.scale * 256.0 * taps as f32).is_finite() {
                    return Err(Error::Number {
                        what: "scale of the input",
                        expected: "a finite sum of any window",
                        got: x.scale,
                    });
                }
                Mean::Real { scale: x.scale, zero: x.zero_point, to: y.scale }
            }
            Runtime::Tflite => {
                check_same(x, y)?;
                Mean::Integer
            }
            Runtime::Xnnpack => {
                let ratio = x.scale / y.scale;
                if !ratio.is_finite() {
                    return Err(Error::Scale { what: "ratio of the scales", got: ratio });
                }
                Mean::Ratio { zero: x.zero_point, ratio }
            }
        };
        let averages = Averages {
            mean,
            count: count_include_pad.then_some(taps as i32),
            zero_point: y.zero_point,
            clamp: to.reading.range(),
            reading: from.reading,
        };
        Ok(Self { backend: *backend, types: [x.type_, y.type_], averages, windows })
    }

    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.windows.output
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.backend.kernel_name("average_pool")
    }

    /// Pools any number of images.
    ///
    /// # Errors
    /// For shapes and types other than the plan's.
    pub fn run<X: Int8, Y: Int8>(&self, x: ImagesRef<'_, X>, y: ImagesMut<'_, Y>) -> Result<(), Error> {
        self.run_rows(x, 0..self.windows.output[0], y)
    }

    /// Computes some rows of each image's output, which `y` holds: a part for one thread.
    ///
    /// # Errors
    /// As [`AveragePoolPlan::run`].
    pub fn run_rows<X: Int8, Y: Int8>(
        &self,
        x: ImagesRef<'_, X>,
        rows: Range<usize>,
        y: ImagesMut<'_, Y>,
    ) -> Result<(), Error> {
        same_type::<X>("input", self.types[0])?;
        same_type::<Y>("output", self.types[1])?;
        self.windows.for_each(x, rows, y, |row| self.backend.set.average_pool(row, &self.averages))
    }
}

/// TFLite's average pool moves values and scales nothing.
fn check_same(x: Quantized, y: Quantized) -> Result<(), Error> {
    if y.type_ != x.type_ {
        let expected = if x.type_ == Type::U8 { "u8" } else { "i8" };
        return Err(Error::Type { what: "type of the output", expected, got: y.type_ });
    }
    if y.scale != x.scale {
        return Err(Error::Number { what: "scale of the output", expected: "that of the input", got: y.scale });
    }
    within("zero point of the output", (x.zero_point, x.zero_point), y.zero_point).map(drop)
}
