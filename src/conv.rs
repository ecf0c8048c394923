//! Convolutions with constant weights.

#[cfg(doc)]
use zeropoint_kernels::view::View;
use zeropoint_kernels::view::{ImagesMut, ImagesRef};

use crate::dynamic::RunParameters;
use crate::element::{Element, Int8};
use crate::error::Error;
use crate::options::{Output, ProductOptions};
use crate::param::Param;
use crate::parts::{OutputPart, OutputParts};
use crate::plan::{Plan, plan_facts};
use crate::product::Window;
use crate::weights::PackedWeights;

/// `y = f(bias + Σ (x - zx) · (w - zw))` over the taps of a window and the input channels of a group: a 2-D convolution
/// with constant weights, for a size of image. A 1-D convolution is one of images of height 1 ([`View::as_rows`]), by
/// weights of height 1.
///
/// Ordinary, pointwise, strided, dilated, grouped and depthwise. Padded positions hold the input's zero point, so that
/// they add nothing. Input and output are views whose axes are image, row, column, channel; NHWC is the native order in
/// memory, and any other is taken too ([`ImagesRef::nchw`]). The sum is exact modulo 2^32; `f` is the
/// [`crate::Output`] of the options.
///
/// ```
/// use zeropoint::{Backend, ConvPlan, Filter, ImagesMut, ImagesRef, PackedWeights, ProductOptions, Type, Window, ZeroPoints};
///
/// // One channel in, one out: a kernel of one row and three columns, over an image of one row.
/// let w = ImagesRef::new(&[1i8, 1, 1], [1, 1, 3, 1]).unwrap();
/// let weights = PackedWeights::conv(&Backend::best(), w, ZeroPoints::All(0), Filter { groups: 1, dilation: [1, 2] }).unwrap();
/// let plan = ConvPlan::new(&weights, [1, 1, 5], Window::default(), &ProductOptions::new(Type::U8)).unwrap();
/// assert_eq!(plan.output_shape(), [1, 1, 1, 1]);
/// let (mut y, mut scratch) = ([0i32], vec![0; plan.scratch_len()]);
/// let x = ImagesRef::new(&[1u8, 2, 3, 4, 5], [1, 1, 5, 1]).unwrap();
/// plan.run(x, ImagesMut::new(&mut y, [1, 1, 1, 1]).unwrap(), &mut scratch).unwrap();
/// assert_eq!(y, [1 + 3 + 5]);
/// ```
#[derive(Clone)]
pub struct ConvPlan {
    plan: Plan,
}

impl ConvPlan {
    /// Plans convolutions of `images` of a height and a width, in that order, with these weights.
    ///
    /// # Errors
    /// For weights of several planes, a stride of 0, options whose parameters do not fit the output channels, zero points outside their type or
    /// for each row, and sizes that cannot be addressed.
    pub fn new(
        weights: &PackedWeights,
        images: [usize; 3],
        window: Window,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        no_rows(options)?;
        let planes = weights.inner.geometry.planes;
        if planes != 1 {
            let got = alloc::format!("{planes} planes");
            return Err(Error::Shape { what: "weights of a 2-D convolution", expected: "1 plane".into(), got });
        }
        Ok(Self { plan: Plan::new(weights, images, window, options)? })
    }

    /// Images, rows, columns and channels of the output. A window larger than the padded image gives no rows.
    pub fn output_shape(&self) -> [usize; 4] {
        self.plan.product.output_shape()
    }

    /// Bytes of a copy of the weights that the plan keeps beside the packed ones, where its kernel takes them in an order
    /// of its own, or transformed (at most 384 KiB then); else 0. Clones of the plan share it.
    pub fn copied_bytes(&self) -> usize {
        self.plan.product.winograd().map_or(0, |winograd| winograd.weights_bytes())
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
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
        self.plan.run(x, y, scratch)
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a type or shape other than the plan's.
    pub fn split<'a, O: Element>(&self, y: ImagesMut<'a, O>) -> Result<OutputParts<'a, O>, Error> {
        self.plan.split(y)
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`ConvPlan::run`]; for a part of another plan's output.
    pub fn run_part<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_part(x, part, scratch)
    }

    /// Computes all of `y` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`ConvPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`ConvPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        y: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_rayon(x, y, scratch)
    }

    /// Computes all of `y` by parameters that come with the run, of a plan that was made with
    /// [`ProductOptions::dynamic`].
    ///
    /// # Errors
    /// For a type, shape or scratch length other than the plan's, a zero point outside the type, scales or a bias that do
    /// not fit the columns, and a plan that has parameters of its own; nothing is written then.
    pub fn run_dynamic<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        y: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_dynamic(x, by, y, scratch)
    }

    /// Computes one part of the output by parameters that come with the run, the same ones for each part. Each part running
    /// at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`ConvPlan::run_dynamic`]; for a part of another plan's output.
    pub fn run_part_dynamic<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_part_dynamic(x, by, part, scratch)
    }

    /// Computes all of `y` by parameters that come with the run, on the threads of the current rayon pool, as many as the
    /// scratch has room for: [`ConvPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`ConvPlan::run_dynamic`].
    #[cfg(feature = "rayon")]
    pub fn run_dynamic_rayon<A: Int8, O: Element>(
        &self,
        x: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        y: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_dynamic_rayon(x, by, y, scratch)
    }
}

plan_facts!(ConvPlan);

/// Refuses parameters of rows, which a convolution does not have.
pub(crate) fn no_rows(options: &ProductOptions<'_>) -> Result<(), Error> {
    match options.zero_points {
        Param::All(_) => {}
        Param::Each(each) => {
            return Err(Error::Length { what: "zero points of a convolution's input", expected: 1, got: each.len() });
        }
    }
    match options.output {
        Output::DequantizedRows { rows, .. } => {
            Err(Error::Length { what: "scales of a convolution's rows", expected: 0, got: rows.len() })
        }
        _ => Ok(()),
    }
}
