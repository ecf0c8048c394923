//! Transposed convolutions of images, which are volumes of one plane.

use zeropoint_kernels::view::{ImagesMut, ImagesRef};

use super::{TransposedConv3dPlan, TransposedParts, TransposedWeights, TransposedWindow3d};
use crate::element::{Element, Int8};
use crate::error::{Error, same_shape};
use crate::options::ProductOptions;
use crate::parts::OutputPart;

/// The output of a transposed convolution, beside its strides.
///
/// ```
/// use zeropoint::TransposedWindow;
///
/// let window = TransposedWindow { pads: [1; 4], output_padding: [1, 1] }; // twice the size, by 3 x 3 taps and strides of 2
/// # let _ = window;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransposedWindow {
    /// Rows and columns that the output lacks: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Rows and columns that it has more, below and on the right.
    pub output_padding: [usize; 2],
}

/// `y[i · stride + t · dilation - pad] += (x[i] - zx) · (w[t] - zw)` for each input `i` and tap `t`, beginning with the bias,
/// and then `f`: a 2-D transposed convolution with constant weights, for a size of image. A 1-D one is one of images of
/// height 1 ([`crate::View::as_rows`]), by weights of height 1.
///
/// Along each axis the output has `(input - 1) · stride + (kernel - 1) · dilation + 1 + output_padding - pads` places, none
/// where that is negative or there is no input. An output that no input reaches is `f(bias)`. Input and output are views
/// whose axes are image, row, column, channel, in any order in memory ([`ImagesRef::nchw`]). The sum is exact modulo 2^32;
/// `f` is the [`crate::Output`] of the options.
///
/// ```
/// use zeropoint::*;
///
/// // One channel in, one out: a kernel of one row and three columns, and a stride of two columns.
/// let w = ImagesRef::new(&[1i8, 10, 100], [1, 1, 3, 1])?;
/// let weights = TransposedWeights::new(&Backend::best(), w, ZeroPoints::All(0), Filter::default(), [1, 2])?;
/// let window = TransposedWindow { pads: [0, 1, 0, 0], output_padding: [0, 0] };
/// let plan = TransposedConvPlan::new(&weights, [1, 1, 2], window, &ProductOptions::new(Type::U8))?;
/// assert_eq!(plan.output_shape(), [1, 1, 4, 1]);
/// let (x, mut y) = ([1u8, 2], [0i32; 4]);
/// let (x, out) = (ImagesRef::new(&x, [1, 1, 2, 1])?, ImagesMut::new(&mut y, [1, 1, 4, 1])?);
/// plan.run(x, out, &mut vec![0; plan.scratch_len()])?;
/// assert_eq!(y, [10, 100 + 2, 20, 200]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct TransposedConvPlan {
    plan: TransposedConv3dPlan,
}

impl TransposedConvPlan {
    /// Plans transposed convolutions of `images` of a height and a width, in that order, with these weights.
    ///
    /// # Errors
    /// As [`TransposedConv3dPlan::new`]; for weights of several planes.
    pub fn new(
        weights: &TransposedWeights,
        [images, height, width]: [usize; 3],
        window: TransposedWindow,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        if (weights.kernel[0], weights.strides[0]) != (1, 1) {
            let got = alloc::format!("{} planes, {} apart", weights.kernel[0], weights.strides[0]);
            let expected = "1 planes, 1 apart".into();
            return Err(Error::Shape { what: "weights of a 2-D transposed convolution", expected, got });
        }
        let TransposedWindow { pads: [top, left, bottom, right], output_padding: [down, across] } = window;
        let window = TransposedWindow3d { pads: [0, top, left, 0, bottom, right], output_padding: [0, down, across] };
        Ok(Self { plan: TransposedConv3dPlan::new(weights, [images, 1, height, width], window, options)? })
    }

    /// Images, rows, columns and channels of the output.
    pub fn output_shape(&self) -> [usize; 4] {
        without_plane(self.plan.output)
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    /// How many parts the work has, whatever the machine.
    pub fn parts(&self) -> usize {
        self.plan.parts()
    }

    /// Bytes of copies of the weights that the plan keeps beside the packed ones: see [`crate::ConvPlan::copied_bytes`].
    pub fn copied_bytes(&self) -> usize {
        self.plan.copied_bytes()
    }

    /// Multiply-accumulates of a run, those of padding included.
    pub fn macs(&self) -> u64 {
        self.plan.macs()
    }

    /// The name of the kernel that computes most of it; empty where there are no outputs.
    pub fn kernel(&self) -> &'static str {
        self.plan.kernel()
    }

    fn check<A, O>(&self, x: &ImagesRef<'_, A>, y: &ImagesMut<'_, O>) -> Result<(), Error> {
        same_shape("input", without_plane(self.plan.input), x.shape())?;
        same_shape("output", self.output_shape(), y.shape())
    }

    /// Computes all of `y`.
    ///
    /// # Errors
    /// For a type, shape or scratch length other than the plan's; nothing is written then.
    pub fn run<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        y: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&x, &y)?;
        self.plan.run(x.as_volumes(), y.into_volumes(), scratch)
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a type or shape other than the plan's.
    pub fn split<'a, O: Element>(&'a self, y: ImagesMut<'a, O>) -> Result<TransposedParts<'a, O>, Error> {
        same_shape("output", self.output_shape(), y.shape())?;
        self.plan.split(y.into_volumes())
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`TransposedConvPlan::run`]; for a part of another plan's output.
    pub fn run_part<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        same_shape("input", without_plane(self.plan.input), x.shape())?;
        self.plan.run_part(x.as_volumes(), part, scratch)
    }

    /// Computes all of `y` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`TransposedConvPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`TransposedConvPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        y: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&x, &y)?;
        self.plan.run_rayon(x.as_volumes(), y.into_volumes(), scratch)
    }
}

impl core::fmt::Debug for TransposedConvPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.plan.fmt(f)
    }
}

fn without_plane([images, _, height, width, channels]: [usize; 5]) -> [usize; 4] {
    [images, height, width, channels]
}
