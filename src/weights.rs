//! Constant weights, packed once for a tier and shared by plans.

use alloc::sync::Arc;
use alloc::vec::Vec;

use zeropoint_kernels::encode::{Encoding, Reading};
use zeropoint_kernels::pack::{self, Row, Source};
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::{ImagesRef, MatRef, VolumesRef};

use crate::Backend;
use crate::element::Int8;
use crate::error::{Error, within};
use crate::groups::Groups;
use crate::lines::{Lines, none, zeroed};
use crate::param::ZeroPoints;
use crate::taps::Taps;

/// What of a convolution's geometry belongs to its weights.
///
/// ```
/// use zeropoint::Filter;
///
/// assert_eq!(Filter::default(), Filter { groups: 1, dilation: [1, 1] });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Groups: each takes its share of the input channels to its share of the output channels.
    pub groups: usize,
    /// Distance between taps, down and across.
    pub dilation: [usize; 2],
}

impl Default for Filter {
    fn default() -> Self {
        Self { groups: 1, dilation: [1, 1] }
    }
}

/// What of a 3-D convolution's geometry belongs to its weights.
///
/// ```
/// use zeropoint::Filter3d;
///
/// assert_eq!(Filter3d::default(), Filter3d { groups: 1, dilation: [1, 1, 1] });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter3d {
    /// Groups: each takes its share of the input channels to its share of the output channels.
    pub groups: usize,
    /// Distance between taps: from plane to plane, down and across.
    pub dilation: [usize; 3],
}

impl Default for Filter3d {
    fn default() -> Self {
        Self { groups: 1, dilation: [1, 1, 1] }
    }
}

/// The right operand of products, or the weights of convolutions: packed once for a tier, shared by any number of
/// plans. Cloning shares.
///
/// Packed weights take one byte a value, columns and rows padded as the tier's panels need it (on AVX2 to 8 and 2), and
/// as many times more as groups of few output channels are merged to fill half a panel, or channels padded to two or four
/// registers where groups of four or eight channels have a kernel of their own; those of a depthwise convolution
/// up to two bytes a value, taps padded to 2 or 4 and channels to two or four registers, windows of 3 x 3 twice where they
/// are taps of bytes; and a few bytes a column, for zero points and for sums of weights and of their products.
///
/// ```
/// use zeropoint::{Backend, MatRef, PackedWeights, ZeroPoints};
///
/// let b = [1i8, -2, 3, -4, 5, -6]; // K = 3 rows, N = 2 columns
/// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&b, [3, 2]).unwrap(), ZeroPoints::All(0)).unwrap();
/// assert_eq!(weights.own_bytes(), 6);
/// ```
#[derive(Clone, Debug)]
pub struct PackedWeights {
    pub(crate) inner: Arc<Inner>,
}

/// The geometry of weights, as the packer and the plans need it.
///
/// Groups of so few output channels that several fit a register are merged: to one whose weights are zero points wherever
/// output and input are of different groups. That takes as many products as each group would with the register's other
/// lanes idle, and the walk over rows and taps once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Kernel height and width. The rows of all planes are counted, one plane after the other.
    pub(crate) kernel: [usize; 2],
    /// Planes of the kernel: 1, but for volumes.
    pub(crate) planes: usize,
    /// Distance between its planes in the input.
    pub(crate) planes_apart: usize,
    /// Input channels of a group.
    pub(crate) channels: usize,
    /// Output channels of a group.
    pub(crate) columns: usize,
    /// With the groups after merging.
    pub(crate) filter: Filter,
    /// How many of the caller's groups each is.
    pub(crate) merged: usize,
}

impl Geometry {
    /// With as many groups merged as fit some columns.
    fn merge(self, columns: usize) -> Self {
        let groups = self.filter.groups;
        let most = columns.checked_div(self.columns).unwrap_or(1).clamp(1, groups);
        let merged = (1..=most).rev().find(|&merged| groups.is_multiple_of(merged)).unwrap_or(1);
        Self {
            channels: self.channels * merged,
            columns: self.columns * merged,
            filter: Filter { groups: groups / merged, ..self.filter },
            merged,
            ..self
        }
    }

    /// Height and width of a plane of the kernel.
    pub(crate) fn plane_kernel(&self) -> [usize; 2] {
        [self.kernel[0] / self.planes.max(1), self.kernel[1]]
    }

    /// The caller's groups.
    pub(crate) fn groups(&self) -> usize {
        self.filter.groups * self.merged
    }

    /// Whether each channel has taps of its own and nothing else.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.channels == 1 && self.columns == 1 && self.filter.groups > 1
    }

    /// Whether the taps of a kernel row and their channels are neighbours in the input, so that they are one segment.
    pub(crate) fn rows_are_segments(&self) -> bool {
        self.filter.groups == 1 && self.filter.dilation[1] == 1
    }

    /// Segments of K, and values of one.
    pub(crate) fn segments(&self) -> (usize, usize) {
        let [height, width] = self.kernel;
        if self.rows_are_segments() { (height, width * self.channels) } else { (height * width, self.channels) }
    }
}

#[derive(Debug)]
pub(crate) enum Packed {
    /// Panels of each group after the other.
    Panels(Lines<u8>),
    /// Pairs of taps, for centred activations.
    Pairs(Lines<i16>),
    /// Taps of 8 bits, for unsigned bytes, as [`KernelSet::tap_layout`] says.
    Bytes(Lines<i8>),
    /// Of groups of few channels, for unsigned bytes, as [`KernelSet::group_layout`] says.
    Groups(Lines<i8>),
}

/// In which form weights are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Panels,
    Pairs,
    Bytes,
    Groups,
}

impl Packed {
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Panels(_) => Form::Panels,
            Self::Pairs(_) => Form::Pairs,
            Self::Bytes(_) => Form::Bytes,
            Self::Groups(_) => Form::Groups,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) set: &'static KernelSet,
    pub(crate) geometry: Geometry,
    pub(crate) packed: Packed,
    /// Of each group's padded columns, as the signed reading counts them; empty if all are 0.
    pub(crate) zero_points: Vec<i16>,
    /// The sum of each group's padded columns, less their zero points; only where a kernel takes bytes. For taps
    /// of bytes and groups of few channels in the order of joined sums.
    pub(crate) sums: Lines<i32>,
    /// The term of each group's padded columns; only where a kernel crosses operands.
    pub(crate) terms: Lines<i32>,
    own_bytes: usize,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PackedWeights").field("isa", &self.set.isa()).field("geometry", &self.geometry).finish()
    }
}

impl Inner {
    /// The taps of an output channel and an input channel of its group as they are stored, of a kernel of 3 × 3 taps.
    pub(crate) fn taps(&self, column: usize, channel: usize) -> [u8; 9] {
        let mut taps = [0; 9];
        let Packed::Panels(panels) = &self.packed else { return taps };
        let layout = self.set.panels();
        let (count, len) = self.geometry.segments();
        let len = len.next_multiple_of(layout.group);
        let columns = self.geometry.columns;
        let places = layout.column(column % columns, columns, count * len);
        let panels = &panels[column / columns * layout.padded_columns(columns) * count * len..];
        for (index, tap) in taps.iter_mut().enumerate() {
            // A segment is a kernel row, or a tap.
            let k = if count == 3 { index / 3 * len + index % 3 * self.geometry.channels } else { index * len };
            *tap = panels[places.at(k + channel)];
        }
        taps
    }
}

impl PackedWeights {
    /// Packs the right operand of matrix products: K rows by N columns, with one zero point or one for each column.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a zero point outside the type, [`Error::Length`] for a wrong number of them,
    /// [`Error::SizeOverflow`].
    pub fn gemm<B: Int8>(backend: &Backend, b: MatRef<'_, B>, zero_points: ZeroPoints<'_>) -> Result<Self, Error> {
        let ([rows, columns], [row, column]) = (b.shape(), b.strides());
        let view = ImagesRef::with_strides(b.data(), [columns, 1, 1, rows], [column, 0, 0, row])?;
        Self::conv(backend, view, zero_points, Filter::default())
    }

    /// Packs the weights of a convolution, whose axes are output channel, kernel row, kernel column, input channel of
    /// the group ([`ImagesRef::nchw`] gives that view of ONNX's order), with one zero point or one for each output
    /// channel.
    ///
    /// # Errors
    /// As [`PackedWeights::gemm`]; [`Error::OutOfRange`] for groups that do not divide the output channels, and for a
    /// dilation of 0.
    pub fn conv<B: Int8>(
        backend: &Backend,
        weights: ImagesRef<'_, B>,
        zero_points: ZeroPoints<'_>,
        filter: Filter,
    ) -> Result<Self, Error> {
        Self::planes(backend, weights, zero_points, filter, [1, 1])
    }

    /// Packs the weights of a 3-D convolution, whose axes are output channel, kernel plane, kernel row, kernel column,
    /// input channel of the group ([`VolumesRef::ncdhw`] gives that view of ONNX's order), with one zero point or one for
    /// each output channel.
    ///
    /// # Errors
    /// As [`PackedWeights::conv`].
    pub fn conv3d<B: Int8>(
        backend: &Backend,
        weights: VolumesRef<'_, B>,
        zero_points: ZeroPoints<'_>,
        filter: Filter3d,
    ) -> Result<Self, Error> {
        let [outputs, planes, height, width, channels] = weights.shape();
        let [output, plane, row, column, channel] = weights.strides();
        let [apart, dilation @ ..] = filter.dilation;
        let filter = Filter { groups: filter.groups, dilation };
        // Rows of all planes, one after the other.
        let rows = product("packed weights", &[planes, height])?;
        let shape = [outputs, rows, width, channels];
        let are_rows = planes <= 1 || height <= 1 || Some(plane) == row.checked_mul(height);
        if are_rows || shape.contains(&0) {
            let row = if height == 1 && planes > 1 { plane } else { row };
            let view = ImagesRef::with_strides(weights.data(), shape, [output, row, column, channel])?;
            return Self::planes(backend, view, zero_points, filter, [planes, apart]);
        }
        let len = product("packed weights", &shape)?;
        let mut dense = Vec::new();
        dense.try_reserve_exact(len).map_err(|_| Error::SizeOverflow { what: "packed weights" })?;
        for index in 0..len {
            let (rest, channel) = (index / channels, index % channels);
            let (rest, column) = (rest / width, rest % width);
            let (output, row) = (rest / rows, rest % rows);
            dense.push(weights.at([output, row / height, row % height, column, channel]));
        }
        Self::planes(backend, ImagesRef::new(&dense, shape)?, zero_points, filter, [planes, apart])
    }

    /// Packs kernels of some planes, which lie at a distance in the input.
    fn planes<B: Int8>(
        backend: &Backend,
        weights: ImagesRef<'_, B>,
        zero_points: ZeroPoints<'_>,
        filter: Filter,
        [planes, planes_apart]: [usize; 2],
    ) -> Result<Self, Error> {
        let [outputs, height, width, channels] = weights.shape();
        let Filter { groups, dilation } = filter;
        if groups == 0 || outputs % groups != 0 {
            return Err(Error::OutOfRange { what: "groups", expected: (1, outputs as i64), got: groups as i64 });
        }
        if dilation.contains(&0) || planes_apart == 0 {
            return Err(Error::OutOfRange { what: "dilation", expected: (1, i64::MAX), got: 0 });
        }
        // Before anything is allocated or computed of them; a view of stride 0, or of no elements, has any size.
        product("packed weights", &weights.shape().map(|size| size.max(1)))?;
        zero_points.check(|zero| within("zero point of the weights", B::READING.range(), zero))?;
        let zero_points = zero_points.expand("zero points of the weights", outputs)?;
        let geometry = Geometry {
            kernel: [height, width],
            planes,
            planes_apart,
            channels,
            columns: outputs / groups,
            filter,
            merged: 1,
        };
        let bytes = Bytes { view: weights.bytes(), reading: B::READING, zero_points: &zero_points };
        let set = backend.set;
        let own_bytes = outputs * height * width * channels;
        let inner = |geometry, packed, sums| Inner {
            set,
            geometry,
            packed,
            zero_points: Vec::new(),
            sums,
            terms: none(),
            own_bytes,
        };
        let inner = if geometry.is_depthwise() {
            let (packed, sums) = Taps::of(&bytes).pack(set)?;
            inner(geometry, packed, sums)
        } else if let Some(groups) = Groups::of(&bytes, &geometry, set) {
            let (packed, sums) = groups.pack()?;
            inner(geometry, Packed::Groups(packed), sums)
        } else {
            let geometry = geometry.merge(set.panels().half);
            let panels = bytes.panels(set, &geometry)?;
            let zero_points = bytes.stored_zero_points(set, &geometry);
            let sums = sums(set, &geometry, &panels, &zero_points)?;
            let terms = terms(set, &geometry, &panels, &zero_points)?;
            Inner { zero_points, terms, ..inner(geometry, Packed::Panels(panels), sums) }
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Bytes that the packed form takes.
    pub fn packed_bytes(&self) -> usize {
        let packed = match &self.inner.packed {
            Packed::Panels(panels) => panels.len(),
            Packed::Pairs(pairs) => size_of_val(pairs.as_slice()),
            Packed::Bytes(bytes) | Packed::Groups(bytes) => bytes.len(),
        };
        let Inner { zero_points, sums, terms, .. } = &*self.inner;
        packed + size_of_val(zero_points.as_slice()) + size_of_val(sums.as_slice()) + size_of_val(terms.as_slice())
    }

    /// Bytes that the weights had before: one a value.
    pub fn own_bytes(&self) -> usize {
        self.inner.own_bytes
    }

    /// Whether these are a depthwise convolution's: stored in pairs of taps of 16 bits, or as taps of bytes.
    pub fn is_depthwise(&self) -> bool {
        matches!(self.inner.packed.form(), Form::Pairs | Form::Bytes)
    }

    /// The tier that these weights are packed for.
    pub fn backend(&self) -> Backend {
        Backend { set: self.inner.set }
    }
}

/// The sums of each group's padded columns, for kernels that take bytes.
fn sums(set: &KernelSet, geometry: &Geometry, panels: &[u8], zero_points: &[i16]) -> Result<Lines<i32>, Error> {
    if set.encoding() == Encoding::Centred {
        return Ok(none());
    }
    of_columns(set, geometry, panels, zero_points, |packed, depth, zero_points, sums| {
        pack::sums(set.panels(), packed, depth, zero_points, sums);
    })
}

/// The terms of each group's padded columns, for kernels that cross operands.
fn terms(set: &KernelSet, geometry: &Geometry, panels: &[u8], zero_points: &[i16]) -> Result<Lines<i32>, Error> {
    let (count, len) = geometry.segments();
    let len = len.next_multiple_of(set.panels().group);
    if !set.takes_terms([count * len, geometry.columns]) {
        return Ok(none());
    }
    of_columns(set, geometry, panels, zero_points, |packed, _, zero_points, terms| {
        pack::terms(set.panels(), packed, len, zero_points, terms);
    })
}

/// A value of each padded column of all groups, by a function of a group's panels, depth, zero points and values.
fn of_columns(
    set: &KernelSet,
    geometry: &Geometry,
    panels: &[u8],
    zero_points: &[i16],
    of_group: impl Fn(&[u8], usize, &[i16], &mut [i32]),
) -> Result<Lines<i32>, Error> {
    let padded = set.panels().padded_columns(geometry.columns);
    let groups = geometry.filter.groups;
    let mut values = zeroed("sums of the weights", padded * groups)?;
    let depth = panels.len().checked_div(padded * groups).unwrap_or(0);
    for group in 0..groups {
        let columns = group * padded..(group + 1) * padded;
        let packed = &panels[columns.start * depth..columns.end * depth];
        let zero_points = zero_points.get(columns.clone()).unwrap_or(&[]);
        of_group(packed, depth, zero_points, &mut values[columns]);
    }
    Ok(values)
}

/// Weights before packing.
pub(crate) struct Bytes<'a> {
    pub(crate) view: ImagesRef<'a, u8>,
    pub(crate) reading: Reading,
    pub(crate) zero_points: &'a [i32],
}

impl Bytes<'_> {
    fn panels(&self, set: &KernelSet, geometry: &Geometry) -> Result<Lines<u8>, Error> {
        let layout = set.panels();
        let (count, len) = geometry.segments();
        let padded_len = len.next_multiple_of(layout.group);
        let per_group = product("packed weights", &[layout.padded_columns(geometry.columns), count, padded_len])?;
        let total = product("packed weights", &[per_group, geometry.filter.groups])?;
        let mut packed = zeroed("packed weights", total)?;
        if total == 0 {
            return Ok(packed);
        }
        let [output, down, across, channel] = self.view.strides();
        let width = geometry.kernel[1];
        // Channels and columns of a group that was merged.
        let [own_channels, own_columns] = [geometry.channels, geometry.columns].map(|size| size / geometry.merged);
        let source = Source { data: self.view.data(), column_stride: output, reading: self.reading };
        for (group, packed) in packed.chunks_exact_mut(per_group).enumerate() {
            let columns = group * geometry.columns..(group + 1) * geometry.columns;
            let row = |k: usize| {
                let (segment, at) = (k / padded_len, k % padded_len);
                // A segment is a kernel row of taps and channels, or a tap of channels.
                let (y, x, c) = if geometry.rows_are_segments() {
                    (segment, at / geometry.channels, at % geometry.channels)
                } else {
                    (segment / width, segment % width, at)
                };
                let first = columns.start + c / own_channels * own_columns;
                (at < len).then(|| Row {
                    at: y * down + x * across + c % own_channels * channel,
                    columns: first..first + own_columns,
                })
            };
            let zero = |column: usize| self.reading.as_signed(self.zero_points[column]) as i8;
            pack::panels(layout, source, row, count * padded_len, columns.clone(), zero, packed);
        }
        Ok(packed)
    }

    fn stored_zero_points(&self, set: &KernelSet, geometry: &Geometry) -> Vec<i16> {
        let stored = |&zero: &i32| self.reading.as_signed(zero) as i16;
        if self.zero_points.iter().all(|zero| stored(zero) == 0) {
            return Vec::new();
        }
        let padded = set.panels().padded_columns(geometry.columns);
        self.zero_points
            .chunks_exact(geometry.columns.max(1))
            .flat_map(|group| {
                group.iter().map(stored).chain(core::iter::repeat_n(0, padded - geometry.columns)).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A product of sizes that fits 2^31, beyond which no tensor of this library goes in one dimension of its tables.
pub(crate) fn product(what: &'static str, sizes: &[usize]) -> Result<usize, Error> {
    sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&product| product <= 1 << 31)
        .ok_or(Error::SizeOverflow { what })
}
