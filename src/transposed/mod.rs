//! Transposed convolutions with constant weights.
//!
//! Outputs that leave the same rests by the strides have the same taps, and are an ordinary convolution of stride 1 by
//! those: a plan has one for each such phase, which writes every stride-th output of each axis. No tap is computed that
//! adds nothing, no sums are kept in memory, and the ends of products serve as they are; a product followed by adding up
//! its columns would write and read all sums of 32 bits, and requantise them in a pass of its own.

mod axis;
mod images;
mod weights;

use alloc::vec::Vec;

use zeropoint_kernels::view::{Phases, VolumesMut, VolumesRef};

use self::axis::{Crop, outputs};
pub use self::images::{TransposedConvPlan, TransposedWindow};
use self::weights::PHASES;
pub use self::weights::TransposedWeights;
use crate::conv3d::{Conv3dPlan, VolumeParts};
use crate::element::{Element, Int8};
use crate::error::{Error, same_shape};
use crate::options::ProductOptions;
use crate::parts::OutputPart;
use crate::product::Window3d;
use crate::weights::product;

/// The output of a transposed convolution of volumes, beside its strides.
///
/// ```
/// use zeropoint::TransposedWindow3d;
///
/// let window = TransposedWindow3d { pads: [1; 6], output_padding: [0, 1, 1] };
/// # let _ = window;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransposedWindow3d {
    /// Planes, rows and columns that the output lacks: front, top, left, back, bottom, right.
    pub pads: [usize; 6],
    /// Planes, rows and columns that it has more, behind, below and on the right.
    pub output_padding: [usize; 3],
}

/// `y[i · stride + t · dilation - pad] += (x[i] - zx) · (w[t] - zw)` for each input `i` and tap `t`, beginning with the bias,
/// and then `f`: a 3-D transposed convolution with constant weights, for a size of volume.
///
/// Along each axis the output has `(input - 1) · stride + (kernel - 1) · dilation + 1 + output_padding - pads` places, none
/// where that is negative or there is no input. An output that no input reaches is `f(bias)`. Input and output are views
/// whose axes are volume, plane, row, column, channel, in any order in memory. The sum is exact modulo 2^32; `f` is the
/// [`crate::Output`] of the options.
///
/// ```
/// use zeropoint::*;
///
/// // One channel in, one out: a kernel of two planes, and strides of two planes.
/// let w = VolumesRef::new(&[1i8, 10], [1, 2, 1, 1, 1])?;
/// let backend = Backend::best();
/// let weights = TransposedWeights::new_3d(&backend, w, ZeroPoints::All(0), Filter3d::default(), [2, 1, 1])?;
/// let window = TransposedWindow3d { output_padding: [1, 0, 0], ..Default::default() };
/// let plan = TransposedConv3dPlan::new(&weights, [1, 2, 1, 1], window, &ProductOptions::new(Type::U8))?;
/// assert_eq!(plan.output_shape(), [1, 5, 1, 1, 1]);
/// let (x, mut y) = ([3u8, 4], [0i32; 5]);
/// let (x, out) = (VolumesRef::new(&x, [1, 2, 1, 1, 1])?, VolumesMut::new(&mut y, [1, 5, 1, 1, 1])?);
/// plan.run(x, out, &mut vec![0; plan.scratch_len()])?;
/// assert_eq!(y, [3, 30, 4, 40, 0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct TransposedConv3dPlan {
    input: [usize; 5],
    output: [usize; 5],
    /// By how many outputs those of a phase lie apart.
    steps: [usize; 3],
    /// Of each phase that has outputs, the last axis' fastest.
    phases: Vec<PhasePlan>,
    scratch_len: usize,
}

/// A phase: an ordinary convolution of a part of the input.
#[derive(Clone)]
struct PhasePlan {
    crops: [Crop; 3],
    plan: Conv3dPlan,
}

impl PhasePlan {
    /// The part of the input.
    fn input<'a, A>(&self, x: &VolumesRef<'a, A>) -> Result<VolumesRef<'a, A>, Error> {
        let (mut shape, strides) = (x.shape(), x.strides());
        let mut start = 0;
        for (axis, crop) in self.crops.iter().enumerate() {
            shape[axis + 1] = crop.len;
            start += crop.start * strides[axis + 1];
        }
        let data = if shape.contains(&0) { &[] } else { &x.data()[start..] };
        Ok(VolumesRef::with_strides(data, shape, strides)?)
    }
}

impl TransposedConv3dPlan {
    /// Plans transposed convolutions of `volumes` of some planes, rows and columns, in that order, with these weights.
    ///
    /// # Errors
    /// For options whose parameters do not fit the channels, zero points outside their type or for each row, and sizes that
    /// cannot be addressed.
    pub fn new(
        weights: &TransposedWeights,
        volumes: [usize; 4],
        window: TransposedWindow3d,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        let [count, input @ ..] = volumes;
        let TransposedWeights { kernel, strides, dilation, .. } = *weights;
        let TransposedWindow3d { pads, output_padding } = window;
        let mut sizes = [0; 3];
        for axis in 0..3 {
            let [before, after, more] = [pads[axis], pads[axis + 3], output_padding[axis]];
            let window = [kernel[axis], strides[axis], dilation[axis]];
            sizes[axis] = outputs(input[axis], window, [before, after, more])?;
        }
        // A plan without outputs still checks its options, and knows its channels.
        let probe = weights.phase([0; 3]).weights;
        let probe = Conv3dPlan::new(probe, [count, 0, 0, 0], Window3d::default(), options)?;
        let [channels, outputs] = probe.channels();
        product("sizes of the product", &[count, input[0], input[1], input[2], channels.max(1)])?;
        product("sizes of the product", &[count, sizes[0], sizes[1], sizes[2], outputs.max(1)])?;
        let input = [count, input[0], input[1], input[2], channels];
        let output = [count, sizes[0], sizes[1], sizes[2], outputs];
        let steps: [usize; 3] = core::array::from_fn(|axis| strides[axis].min(sizes[axis].max(1)));
        let too_many = Error::SizeOverflow { what: "phases of the transposed convolution" };
        let all = steps.iter().try_fold(1usize, |all, &step| all.checked_mul(step)).filter(|&all| all <= PHASES);
        let all = if sizes.contains(&0) { 0 } else { all.ok_or(too_many)? };
        let mut phases = Vec::new();
        for index in 0..all {
            let first = [index / (steps[1] * steps[2]), index / steps[2] % steps[1], index % steps[2]];
            // Counted from the corner of the padding.
            let places: [usize; 3] = core::array::from_fn(|axis| first[axis] + pads[axis]);
            let phase = weights.phase(core::array::from_fn(|axis| places[axis] % strides[axis]));
            let crops: [Crop; 3] = core::array::from_fn(|axis| {
                let outputs = (sizes[axis] - first[axis]).div_ceil(strides[axis]);
                Crop::new(input[axis + 1], phase.taps[axis], strides[axis], dilation[axis], places[axis], outputs)
            });
            let window = Window3d {
                strides: [1; 3],
                pads: core::array::from_fn(|at| if at < 3 { crops[at].before } else { crops[at - 3].after }),
            };
            let [planes, rows, columns] = crops.map(|crop| crop.len);
            let plan = Conv3dPlan::new(phase.weights, [count, planes, rows, columns], window, options)?;
            phases.push(PhasePlan { crops, plan });
        }
        let scratch_len = phases.iter().map(|phase| phase.plan.scratch_len()).max().unwrap_or(0);
        Ok(Self { input, output, steps, phases, scratch_len })
    }

    /// Volumes, planes, rows, columns and channels of the output.
    pub fn output_shape(&self) -> [usize; 5] {
        self.output
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// How many parts the work has, whatever the machine.
    pub fn parts(&self) -> usize {
        self.phases.iter().map(|phase| phase.plan.parts()).sum()
    }

    /// Bytes of copies of the weights that the plan keeps beside the packed ones: see [`crate::ConvPlan::copied_bytes`].
    pub fn copied_bytes(&self) -> usize {
        self.phases.iter().map(|phase| phase.plan.copied_bytes()).sum()
    }

    /// Multiply-accumulates of a run, those of padding included.
    pub fn macs(&self) -> u64 {
        self.phases.iter().map(|phase| phase.plan.macs()).sum()
    }

    /// The name of the kernel that computes most of it; empty where there are no outputs.
    pub fn kernel(&self) -> &'static str {
        self.phases.iter().max_by_key(|phase| phase.plan.macs()).map_or("", |phase| phase.plan.kernel())
    }

    fn phases_of<'a, O>(&self, y: VolumesMut<'a, O>) -> Phases<'a, O, 5> {
        let [planes, rows, columns] = self.steps;
        y.phases([1, planes, rows, columns, 1])
    }

    fn check<A, O>(&self, x: &VolumesRef<'_, A>, y: &VolumesMut<'_, O>, scratch: usize) -> Result<(), Error> {
        same_shape("input", self.input, x.shape())?;
        same_shape("output", self.output, y.shape())?;
        let expected = self.scratch_len;
        if scratch < expected { Err(Error::Length { what: "scratch", expected, got: scratch }) } else { Ok(()) }
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
        self.check(&x, &y, scratch.len())?;
        // Phases differ in nothing that is refused.
        self.phases
            .iter()
            .zip(self.phases_of(y))
            .try_for_each(|(phase, y)| phase.plan.run(phase.input(&x)?, y, scratch))
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a type or shape other than the plan's.
    pub fn split<'a, O: Element>(&'a self, y: VolumesMut<'a, O>) -> Result<TransposedParts<'a, O>, Error> {
        same_shape("output", self.output, y.shape())?;
        if let Some(phase) = self.phases.first() {
            phase.plan.check_output::<O>()?;
        }
        Ok(TransposedParts { plans: self.phases.iter(), phases: self.phases_of(y), first: 0, next: 0, parts: None })
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`TransposedConv3dPlan::run`]; for a part of another plan's output.
    pub fn run_part<A: Int8, O: Element>(
        &self,
        x: VolumesRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        same_shape("input", self.input, x.shape())?;
        let mut first = 0;
        for phase in &self.phases {
            let next = first + phase.plan.parts();
            if part.index() < next {
                return phase.plan.run_part(phase.input(&x)?, part.of_part(first), scratch);
            }
            first = next;
        }
        Err(Error::Part { expected: first, got: part.index() })
    }

    /// Computes all of `y` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`TransposedConv3dPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`TransposedConv3dPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon<A: Int8, O: Element>(
        &self,
        x: VolumesRef<'_, A>,
        y: VolumesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&x, &y, scratch.len())?;
        let mut phases = self.phases.iter().zip(self.phases_of(y));
        phases.try_for_each(|(phase, y)| phase.plan.run_rayon(phase.input(&x)?, y, scratch))
    }
}

impl core::fmt::Debug for TransposedConv3dPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TransposedConv3dPlan {{ {}, {} phases }}", self.kernel(), self.phases.len())
    }
}

/// The parts of the output of a transposed convolution, in order: an iterator. See [`OutputPart`], whose example hands such
/// parts to threads.
#[derive(Debug)]
pub struct TransposedParts<'a, O> {
    plans: core::slice::Iter<'a, PhasePlan>,
    phases: Phases<'a, O, 5>,
    /// The index of the first part of the phase at hand, and of the next one's.
    first: usize,
    next: usize,
    /// What is left of it.
    parts: Option<VolumeParts<'a, O>>,
}

impl<'a, O: Element> Iterator for TransposedParts<'a, O> {
    type Item = OutputPart<'a, O>;

    fn next(&mut self) -> Option<OutputPart<'a, O>> {
        loop {
            if let Some(part) = self.parts.as_mut().and_then(Iterator::next) {
                return Some(part.in_whole(self.first));
            }
            let (phase, y) = (self.plans.next()?, self.phases.next()?);
            self.first = self.next;
            self.next += phase.plan.parts();
            self.parts = phase.plan.split(y).ok();
        }
    }
}

impl core::fmt::Debug for PhasePlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.plan.fmt(f)
    }
}
