//! Weights of transposed convolutions: those of each phase, packed as an ordinary convolution's.

use alloc::vec::Vec;

use zeropoint_kernels::view::{ImagesRef, VolumesRef};

use super::axis::{Taps, phases};
use crate::Backend;
use crate::element::Int8;
use crate::error::Error;
use crate::param::ZeroPoints;
use crate::weights::{Filter, Filter3d, PackedWeights, product};

/// Phases that weights or plans have at most: more of them are no convolution that anybody computes.
pub(super) const PHASES: usize = 1 << 16;

/// The weights of transposed convolutions: packed once for a tier and for strides, shared by any number of plans.
///
/// ```
/// use zeropoint::{Backend, Filter, ImagesRef, TransposedWeights, ZeroPoints};
///
/// // One channel in, one out: a kernel of one row and three columns.
/// let w = ImagesRef::new(&[1i8, 10, 100], [1, 1, 3, 1]).unwrap();
/// let weights = TransposedWeights::new(&Backend::best(), w, ZeroPoints::All(0), Filter::default(), [1, 2]).unwrap();
/// assert_eq!(weights.own_bytes(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct TransposedWeights {
    pub(super) kernel: [usize; 3],
    pub(super) strides: [usize; 3],
    pub(super) dilation: [usize; 3],
    /// The phases of each axis that have taps.
    axes: [Vec<Taps>; 3],
    /// Of each choice of such phases, the last axis' fastest.
    packed: Vec<PackedWeights>,
    /// A tap that adds nothing, for outputs that no tap reaches.
    none: PackedWeights,
    own_bytes: usize,
}

/// A phase of all three axes.
pub(super) struct Phase<'a> {
    /// Its taps along each axis; where an axis has none, the phase has none.
    pub(super) taps: [Option<Taps>; 3],
    pub(super) weights: &'a PackedWeights,
}

impl TransposedWeights {
    /// Packs weights whose axes are input channel, kernel row, kernel column, output channel of the group
    /// ([`ImagesRef::nchw`] gives that view of ONNX's order), with one zero point or one for each output channel, for
    /// strides down and across.
    ///
    /// # Errors
    /// As [`PackedWeights::conv`]; [`Error::OutOfRange`] for groups that do not divide the input channels, a stride of 0, a
    /// kernel of no taps.
    pub fn new<B: Int8>(
        backend: &Backend,
        weights: ImagesRef<'_, B>,
        zero_points: ZeroPoints<'_>,
        filter: Filter,
        strides: [usize; 2],
    ) -> Result<Self, Error> {
        let Filter { groups, dilation: [down, across] } = filter;
        let filter = Filter3d { groups, dilation: [1, down, across] };
        Self::new_3d(backend, weights.as_volumes(), zero_points, filter, [1, strides[0], strides[1]])
    }

    /// Packs weights whose axes are input channel, kernel plane, kernel row, kernel column, output channel of the group
    /// ([`VolumesRef::ncdhw`] gives that view of ONNX's order); else as [`TransposedWeights::new`].
    ///
    /// # Errors
    /// As there.
    pub fn new_3d<B: Int8>(
        backend: &Backend,
        weights: VolumesRef<'_, B>,
        zero_points: ZeroPoints<'_>,
        filter: Filter3d,
        strides: [usize; 3],
    ) -> Result<Self, Error> {
        let [channels, kernel @ .., per_group] = weights.shape();
        let Filter3d { groups, dilation } = filter;
        let what = "packed weights";
        if groups == 0 || channels % groups != 0 {
            return Err(Error::OutOfRange { what: "groups", expected: (1, channels as i64), got: groups as i64 });
        }
        for (what, sizes) in [("stride", strides), ("kernel size", kernel), ("dilation", dilation)] {
            if sizes.contains(&0) {
                return Err(Error::OutOfRange { what, expected: (1, i64::MAX), got: 0 });
            }
        }
        let outputs = product(what, &[per_group, groups])?;
        let own_bytes = product(what, &[channels, kernel[0], kernel[1], kernel[2], per_group])?;
        product(what, &kernel).and_then(|taps| product(what, &[taps, outputs.max(1), (channels / groups).max(1)]))?;
        let most = kernel.iter().zip(strides).map(|(&kernel, stride)| kernel.min(stride)).product::<usize>();
        if most > PHASES {
            return Err(Error::SizeOverflow { what: "phases of the transposed convolution" });
        }
        let axes: [Vec<Taps>; 3] = core::array::from_fn(|axis| phases(kernel[axis], strides[axis], dilation[axis]));

        let channels = channels / groups;
        let mut packed = Vec::new();
        let mut values: Vec<B> = Vec::new();
        for planes in &axes[0] {
            for rows in &axes[1] {
                for columns in &axes[2] {
                    let taps = [planes, rows, columns];
                    values.clear();
                    for output in 0..outputs {
                        let (group, within) = (output / per_group, output % per_group);
                        for [plane, row, column] in reversed(taps) {
                            let at = |channel| [group * channels + channel, plane, row, column, within];
                            values.extend((0..channels).map(|channel| weights.at(at(channel))));
                        }
                    }
                    let shape = [outputs, planes.count, rows.count, columns.count, channels];
                    let filter = Filter3d { groups, dilation: taps.map(|taps| taps.apart) };
                    let view = VolumesRef::new(&values, shape)?;
                    packed.push(PackedWeights::conv3d(backend, view, zero_points, filter)?);
                }
            }
        }
        // What is stored as the zero point is a weight of 0.
        let zero_points_of = zero_points.expand("zero points of the weights", outputs)?;
        values.clear();
        values.extend(
            zero_points_of.iter().flat_map(|&zero| core::iter::repeat_n(bytemuck::cast::<u8, B>(zero as u8), channels)),
        );
        let view = VolumesRef::new(&values, [outputs, 1, 1, 1, channels])?;
        let filter = Filter3d { groups, ..Filter3d::default() };
        let none = PackedWeights::conv3d(backend, view, zero_points, filter)?;
        Ok(Self { kernel, strides, dilation, axes, packed, none, own_bytes })
    }

    /// The phase whose outputs leave these rests by the strides, counted from the corner of the padding.
    pub(super) fn phase(&self, rests: [usize; 3]) -> Phase<'_> {
        let index = |axis: usize| self.axes[axis].iter().position(|taps| taps.rest == rests[axis]);
        let [planes, rows, columns] = [index(0), index(1), index(2)];
        let weights = match (planes, rows, columns) {
            (Some(plane), Some(row), Some(column)) => {
                &self.packed[(plane * self.axes[1].len() + row) * self.axes[2].len() + column]
            }
            _ => return Phase { taps: [None; 3], weights: &self.none },
        };
        let taps = |axis: usize, index: Option<usize>| index.map(|index| self.axes[axis][index]);
        Phase { taps: [taps(0, planes), taps(1, rows), taps(2, columns)], weights }
    }

    /// Bytes that the packed form takes, of all phases.
    pub fn packed_bytes(&self) -> usize {
        self.packed.iter().map(PackedWeights::packed_bytes).sum::<usize>() + self.none.packed_bytes()
    }

    /// Bytes that the weights had before: one a value.
    pub fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    /// The tier that these weights are packed for.
    pub fn backend(&self) -> Backend {
        self.none.backend()
    }
}

/// The taps of a phase in the order of the inputs that they meet: the last first.
fn reversed([planes, rows, columns]: [&Taps; 3]) -> impl Iterator<Item = [usize; 3]> {
    let axis = |taps: &Taps| {
        (0..taps.count).rev().map({
            let Taps { first, step, .. } = *taps;
            move |index| first + index * step
        })
    };
    let (planes, rows, columns) = (axis(planes), axis(rows), axis(columns));
    planes.flat_map(move |plane| {
        let columns = columns.clone();
        rows.clone().flat_map(move |row| columns.clone().map(move |column| [plane, row, column]))
    })
}
