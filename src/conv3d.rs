//! Convolutions of volumes with constant weights.
//!
//! The planes of a volume are images, and so are those of its output. Each output plane reads the bands of several input
//! planes, copied one after the other, in which the rows of all planes of a kernel are rows of taps: everything else is
//! the 2-D convolution, with its kernels and its parts.

use zeropoint_kernels::view::{ImagesMut, VolumesMut, VolumesRef};

use crate::conv::no_rows;
use crate::dynamic::no_dynamic;
use crate::element::{Element, Int8};
use crate::error::{Error, same_shape};
use crate::options::ProductOptions;
use crate::parts::{OutputPart, OutputParts};
use crate::plan::Plan;
use crate::product::Window3d;
use crate::weights::{PackedWeights, product};

/// `y = f(bias + Σ (x - zx) · (w - zw))` over the taps of a window and the input channels of a group: a 3-D convolution
/// with constant weights, for a size of volume.
///
/// Ordinary, pointwise, strided, dilated, grouped and depthwise, with pads of their own on each side. Padded positions hold
/// the input's zero point, so that they add nothing. Input and output are views whose axes are volume, plane, row, column,
/// channel; NDHWC is the native order in memory, and any other is taken too ([`VolumesRef::ncdhw`]). The sum is exact
/// modulo 2^32; `f` is the [`crate::Output`] of the options.
///
/// ```
/// use zeropoint::{
///     Backend, Conv3dPlan, Filter3d, PackedWeights, ProductOptions, Type, VolumesMut, VolumesRef, Window3d, ZeroPoints,
/// };
///
/// // One channel in, one out: a kernel of two planes of one tap, over a volume of three planes of 1 x 2.
/// let w = VolumesRef::new(&[1i8, 10], [1, 2, 1, 1, 1]).unwrap();
/// let weights = PackedWeights::conv3d(&Backend::best(), w, ZeroPoints::All(0), Filter3d::default()).unwrap();
/// let options = ProductOptions::new(Type::U8);
/// let plan = Conv3dPlan::new(&weights, [1, 3, 1, 2], Window3d::default(), &options).unwrap();
/// assert_eq!(plan.output_shape(), [1, 2, 1, 2, 1]);
/// let (mut y, mut scratch) = ([0i32; 4], vec![0; plan.scratch_len()]);
/// let x = VolumesRef::new(&[1u8, 2, 3, 4, 5, 6], [1, 3, 1, 2, 1]).unwrap();
/// plan.run(x, VolumesMut::new(&mut y, [1, 2, 1, 2, 1]).unwrap(), &mut scratch).unwrap();
/// assert_eq!(y, [1 + 30, 2 + 40, 3 + 50, 4 + 60]);
/// ```
#[derive(Clone)]
pub struct Conv3dPlan {
    volumes: usize,
    /// Of one volume, whose planes are its images.
    plan: Plan,
}

impl Conv3dPlan {
    /// Plans convolutions of `volumes` of some planes, rows and columns, in that order, with these weights.
    ///
    /// # Errors
    /// As [`crate::ConvPlan::new`].
    pub fn new(
        weights: &PackedWeights,
        [volumes, planes, height, width]: [usize; 4],
        window: Window3d,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        no_rows(options)?;
        no_dynamic(options)?;
        let plan = Plan::new(weights, [planes, height, width], window, options)?;
        for [planes, height, width, channels] in [plan.product.input_shape(), plan.product.output_shape()] {
            product("sizes of the product", &[volumes, planes, height, width, channels.max(1)])?;
        }
        plan.product.parts().checked_mul(volumes).ok_or(Error::SizeOverflow { what: "sizes of the product" })?;
        Ok(Self { volumes, plan })
    }

    /// Volumes, planes, rows and columns and channels of the output. A window larger than the padded volume gives none.
    pub fn output_shape(&self) -> [usize; 5] {
        self.volumes_of(self.plan.product.output_shape())
    }

    fn volumes_of(&self, [planes, height, width, channels]: [usize; 4]) -> [usize; 5] {
        [self.volumes, planes, height, width, channels]
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    /// How many parts the work has, whatever the machine.
    pub fn parts(&self) -> usize {
        self.plan.product.parts() * self.volumes
    }

    /// Bytes of copies of the weights that the plan keeps beside the packed ones: see [`crate::ConvPlan::copied_bytes`].
    pub fn copied_bytes(&self) -> usize {
        self.plan.product.winograd().map_or(0, |winograd| winograd.weights_bytes())
    }

    /// Multiply-accumulates of a run, those of padding included.
    pub fn macs(&self) -> u64 {
        self.plan.product.macs().saturating_mul(self.volumes as u64)
    }

    /// The name of the kernel that computes it.
    pub fn kernel(&self) -> &'static str {
        self.plan.kernel()
    }

    /// Channels of input and output.
    pub(crate) fn channels(&self) -> [usize; 2] {
        [self.plan.product.input_shape()[3], self.plan.product.output_shape()[3]]
    }

    pub(crate) fn check_output<O: Element>(&self) -> Result<(), Error> {
        self.plan.product.check_output::<O>()
    }

    fn check<A, O>(&self, x: &VolumesRef<'_, A>, y: &VolumesMut<'_, O>) -> Result<(), Error> {
        same_shape("input", self.volumes_of(self.plan.product.input_shape()), x.shape())?;
        same_shape("output", self.output_shape(), y.shape())
    }

    /// Computes all of `y`.
    ///
    /// # Errors
    /// For a type, shape or scratch length other than the plan's; nothing is written then.
    pub fn run<A: Int8, O: Element>(
        &self,
        x: VolumesRef<'_, A>,
        y: VolumesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&x, &y)?;
        for (index, y) in Volumes(Some(y)).enumerate() {
            self.plan.run(x.planes(index), y, scratch)?;
        }
        Ok(())
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a type or shape other than the plan's.
    pub fn split<'a, O: Element>(&'a self, y: VolumesMut<'a, O>) -> Result<VolumeParts<'a, O>, Error> {
        self.plan.product.check_output::<O>()?;
        same_shape("output", self.output_shape(), y.shape())?;
        Ok(VolumeParts { plan: self, first: 0, parts: None, left: Volumes(Some(y)) })
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`Conv3dPlan::run`]; for a part of another plan's output.
    pub fn run_part<A: Int8, O: Element>(
        &self,
        x: VolumesRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        same_shape("input", self.volumes_of(self.plan.product.input_shape()), x.shape())?;
        if part.index() >= self.parts() {
            return Err(Error::Part { expected: self.parts(), got: part.index() });
        }
        let each = self.plan.product.parts();
        let volume = part.index() / each;
        self.plan.run_part(x.planes(volume), part.of_part(volume * each), scratch)
    }

    /// Computes all of `y` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`Conv3dPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`Conv3dPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon<A: Int8, O: Element>(
        &self,
        x: VolumesRef<'_, A>,
        y: VolumesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&x, &y)?;
        for (index, y) in Volumes(Some(y)).enumerate() {
            self.plan.run_rayon(x.planes(index), y, scratch)?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for Conv3dPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Conv3dPlan {{ {}, {} parts }}", self.kernel(), self.parts())
    }
}

/// The volumes of a view, each as the images that its planes are.
#[derive(Debug)]
struct Volumes<'a, O>(Option<VolumesMut<'a, O>>);

impl<'a, O> Iterator for Volumes<'a, O> {
    type Item = ImagesMut<'a, O>;

    fn next(&mut self) -> Option<ImagesMut<'a, O>> {
        let left = self.0.take().filter(|left| left.shape()[0] > 0)?;
        let (first, rest) = left.split_at(0, 1);
        self.0 = Some(rest);
        Some(first.into_planes())
    }
}

/// The parts of the output of a [`Conv3dPlan`], in order: an iterator. See [`OutputPart`], whose example hands such parts
/// to threads.
#[derive(Debug)]
pub struct VolumeParts<'a, O> {
    plan: &'a Conv3dPlan,
    /// The index of the first part of the volume at hand.
    first: usize,
    /// What is left of it.
    parts: Option<OutputParts<'a, O>>,
    left: Volumes<'a, O>,
}

impl<'a, O> Iterator for VolumeParts<'a, O> {
    type Item = OutputPart<'a, O>;

    fn next(&mut self) -> Option<OutputPart<'a, O>> {
        let product = &self.plan.plan.product;
        loop {
            if let Some(parts) = &mut self.parts {
                if let Some(part) = parts.next() {
                    return Some(part.in_whole(self.first));
                }
                self.first += product.parts();
            }
            self.parts = Some(OutputParts::new(product.grid(), self.left.next()?));
        }
    }
}
