//! The one driver of matrix products and convolutions.
//!
//! A matrix is an image of width 1 whose pixels are its rows. A part of the work is an image, a band of output rows and
//! a range of columns: it hands the band of input that it needs to a kernel, in place or from its scratch. A kernel reads
//! the operand's rows where they lie in the band, at an offset for each output pixel and an offset for each segment of K;
//! so nothing is copied out for a convolution's taps.

mod compute;
mod spread;

use core::ops::Range;

use zeropoint_kernels::args::{Requantize, SCALED_BELOW, TapWeights};
use zeropoint_kernels::encode::{Encoding, Reading};
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::Offsets;

use self::spread::Spread;
use crate::band::Band;
use crate::blocks::{Blocks, Extent, Part, choose};
use crate::element::{Element, Int8, Type};
use crate::error::{Error, positive, same_length, same_shape, within};
use crate::lines::{Lines, filled, none, zeroed};
use crate::options::{Output, ProductOptions};
use crate::param::{Param, Scales};
use crate::parts::Grid;
use crate::requantization::Requantization;
use crate::scratch::reserve;
use crate::weights::{Form, Geometry, product};
use crate::winograd::Winograd;

pub(crate) use self::compute::{Inputs, into_rows};

/// How a window moves over an image.
///
/// ```
/// use zeropoint::Window;
///
/// let stem = Window { strides: [2, 2], pads: [0, 0, 1, 1] }; // one row below and one column on the right
/// assert_eq!(Window::default(), Window { strides: [1, 1], pads: [0; 4] });
/// # let _ = stem;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Distance between outputs, down and across.
    pub strides: [usize; 2],
    /// Rows and columns of padding: top, left, bottom, right.
    pub pads: [usize; 4],
}

impl Default for Window {
    fn default() -> Self {
        Self { strides: [1, 1], pads: [0; 4] }
    }
}

/// How a window moves over a volume.
///
/// ```
/// use zeropoint::{Window, Window3d};
///
/// let window = Window3d { strides: [1, 2, 2], pads: [0, 1, 1, 0, 1, 1] };
/// assert_eq!(Window3d::from(Window { strides: [2, 2], pads: [1; 4] }), window);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window3d {
    /// Distance between outputs: from plane to plane, down and across.
    pub strides: [usize; 3],
    /// Planes, rows and columns of padding: front, top, left, back, bottom, right.
    pub pads: [usize; 6],
}

impl Default for Window3d {
    fn default() -> Self {
        Self { strides: [1; 3], pads: [0; 6] }
    }
}

impl From<Window> for Window3d {
    fn from(Window { strides: [down, across], pads: [top, left, bottom, right] }: Window) -> Self {
        Self { strides: [1, down, across], pads: [0, top, left, 0, bottom, right] }
    }
}

impl Window3d {
    /// Whether it takes every plane by itself.
    pub(crate) fn is_flat(&self) -> bool {
        let [front, _, _, back, ..] = self.pads;
        (self.strides[0], front, back) == (1, 0, 0)
    }
}

/// What is known of the right operand, packed beforehand or at run time, and what is added to each column.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) weights: Weights<'a>,
    /// Of each group's padded columns; for kernels that take bytes, what one zero point of the input comes to is in it.
    pub(crate) bias: &'a [i32],
    /// What multiplies sums that become other types, and what floats add: of each group's padded columns likewise.
    pub(crate) scales: &'a [f32],
    pub(crate) float_bias: &'a [f32],
}

/// Packed weights.
#[derive(Clone, Copy)]
pub(crate) enum Weights<'a> {
    Panels { panels: &'a [u8], zero_points: &'a [i16], sums: &'a [i32], terms: &'a [i32] },
    Taps(TapWeights<'a>),
}

/// A product that was checked and cut: everything but the operands.
#[derive(Clone)]
pub(crate) struct Product {
    set: &'static KernelSet,
    geometry: Geometry,
    /// Images, height, width and channels of the input.
    input: [usize; 4],
    /// Images, height, width and channels of the output.
    output: [usize; 4],
    input_type: Type,
    output_type: Type,
    encoding: Encoding,
    /// How kernels read the bytes of the input: taps of bytes are for unsigned ones alone.
    reading: Reading,
    band: Band,
    /// Elements for the band of most rows.
    band_len: usize,
    segments: Offsets,
    segment_len: usize,
    /// Rows of the operand: where each output pixel of a band begins in it.
    rows: Offsets,
    blocks: Blocks,
    /// How many threads can share it.
    #[cfg(feature = "rayon")]
    pub(crate) threads: usize,
    /// The part that is all of the work, where there is one.
    whole: Option<Part>,
    /// Whether it is a matrix product of one part whose rows a kernel takes as a matrix has them: see [`Product::run_rows`].
    rows_alone: bool,
    /// Bytes of the buffers that a part needs, and of the scratch that they are carved from.
    buffers: Buffers,
    scratch_len: usize,
    /// What computes it instead of all this, where that pays.
    winograd: Option<Winograd>,
    form: Form,
    /// By how many columns of taps windows of 3 x 3 on bytes move, where they share columns.
    sliding: Option<usize>,
    /// Columns of a group, and of its padded form.
    columns: usize,
    padded: usize,
    pub(crate) bias: Lines<i32>,
    scales: Lines<f32>,
    float_bias: Lines<f32>,
    /// Scales of the rows; empty if they have none.
    pub(crate) row_scales: Lines<f32>,
    requantize: Requantize,
    /// What results of 8 bits are computed by of sums that are written first: where a kernel's end has no such rule, or
    /// a multiplier is too large for it.
    sums_first: Option<Requantization>,
    macs: u64,
}

impl Product {
    pub(crate) fn new(
        set: &'static KernelSet,
        geometry: Geometry,
        form: Form,
        [images, height, width]: [usize; 3],
        window: Window3d,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        let Geometry { planes, planes_apart, filter, .. } = geometry;
        let [kernel_height, kernel_width] = geometry.plane_kernel();
        let what = "sizes of the product";
        let reading = options.input.int8("input type")?;
        options.zero_points.check(|zero| within("zero point of the input", reading.range(), zero))?;
        let channels = product(what, &[geometry.channels, filter.groups])?;
        let outputs = product(what, &[geometry.columns, filter.groups])?;
        let flat = window.is_flat() && planes == 1;
        let extents = [
            (images, planes, planes_apart, window.strides[0], window.pads[0], window.pads[3]),
            (height, kernel_height, filter.dilation[0], window.strides[1], window.pads[1], window.pads[4]),
            (width, kernel_width, filter.dilation[1], window.strides[2], window.pads[2], window.pads[5]),
        ];
        // Images are no axis of a window.
        let mut sizes = [images, 0, 0];
        let axes = sizes.iter_mut().zip(extents).skip(usize::from(flat));
        for (size, (input, kernel, dilation, stride, before, after)) in axes {
            *size = output_size(input, kernel, dilation, stride, before, after)?;
        }
        let [out_images, out_height, out_width] = sizes;
        product(what, &[images, height, width, channels.max(1)])?;
        product(what, &[out_images, out_height, out_width, outputs.max(1)])?;

        let (segments, values) = geometry.segments();
        // Taps have places of their own, and all channels are computed at once.
        let by_taps = form != Form::Panels;
        let encoding = match form {
            Form::Panels => set.encoding(),
            Form::Pairs => Encoding::Centred,
            Form::Bytes | Form::Groups => Encoding::Bytes,
        };
        // Channels with those that fill the last block.
        let layout = match form {
            Form::Bytes => set.tap_layout(),
            Form::Groups => set.group_layout(),
            Form::Panels | Form::Pairs => None,
        };
        let whole_blocks =
            layout.map_or(outputs.next_multiple_of(set.depthwise_lanes()), |layout| layout.padded(outputs));
        let depth = product(what, &[segments, values])?;
        let products = [out_images, out_height, out_width, outputs, depth]
            .iter()
            .try_fold(1u64, |macs, &size| macs.checked_mul(size as u64))
            .ok_or(Error::SizeOverflow { what })?;
        let panels = set.panels();
        let units = match (by_taps, filter.groups) {
            (true, _) => usize::from(outputs > 0),
            (false, 1) => outputs.div_ceil(panels.width),
            (false, groups) => groups,
        };
        let input = [images, height, width, channels];
        let element = match encoding {
            Encoding::Centred => 2,
            Encoding::Bytes => 1,
        };
        let segment_len = values.next_multiple_of(panels.group);
        let mut band = Band::new(
            &geometry,
            window,
            input,
            out_width,
            element,
            segment_len != values || by_taps && whole_blocks != outputs,
        )?;
        let row_bytes = product("band of input", &[planes, band.stride, band.row_len, element])?;
        let sizes = [out_height.saturating_mul(out_width), depth, outputs];
        let halved = !by_taps && filter.groups == 1 && set.is_halved(sizes, segments);
        let macs = products / geometry.merged as u64;
        // Of few channels to a group a kernel computes a fraction of what it does of many, in the same time.
        let unit = if filter.groups == 1 { panels.width } else { geometry.columns };
        let slower = if by_taps { 4 } else { panels.width / geometry.columns.clamp(panels.half, panels.width) };
        let work = products.saturating_mul(slower as u64);
        let extent = Extent {
            images: out_images,
            height: out_height,
            width: out_width,
            row_bytes,
            units,
            unit,
            work,
            encoding,
            halved,
        };
        let blocks = choose(extent);
        band.plane_len = product("band of input", &[band.rows(blocks.band.min(out_height)), band.row_len])?;
        let band_len = product("band of input", &[planes, band.plane_len])?;

        let too_large = || Error::SizeOverflow { what: "band of input" };
        let rows = (0..blocks.band.min(out_height)).flat_map(|y| {
            (0..out_width).map(move |x| y * band.stride * band.row_len + x * window.strides[2] * channels)
        });
        let rows = Offsets::new(rows).ok_or_else(too_large)?;
        // Where there is no output the window may be of any size, and nothing is read at its taps.
        let [down, across] = if sizes.contains(&0) { [0; 2] } else { filter.dilation };
        // Rows of taps are those of all planes.
        let [tap_rows, _] = geometry.kernel;
        let tap = |y: usize, x: usize| {
            let (plane, y) = (y / kernel_height, y % kernel_height);
            plane * band.plane_len + y * down * band.row_len + x * across * channels
        };
        let taps = (0..tap_rows).flat_map(|y| (0..kernel_width).map(move |x| tap(y, x)));
        let segments = if let (Form::Bytes, Some(layout)) = (form, layout) {
            // Taps that are added have no weight: down a column they are its last again, at the end the window's first.
            let rows = layout.column(tap_rows);
            let column = |x: usize| (0..rows).map(move |y| (y.min(tap_rows.saturating_sub(1)), x));
            let taps = (0..kernel_width).flat_map(column).map(|(y, x)| tap(y, x));
            let added = layout.taps(geometry.kernel) - rows * kernel_width;
            Offsets::new(taps.chain(core::iter::repeat_n(0, added)))
        } else if form == Form::Pairs {
            // An odd tap is paired with the window's first, which then has no weight.
            Offsets::new(taps.chain((depth % 2 == 1).then_some(0)))
        } else if geometry.rows_are_segments() {
            Offsets::new((0..tap_rows).map(|y| tap(y, 0)))
        } else {
            Offsets::new(taps)
        };
        let segments = segments.ok_or_else(too_large)?;

        let (columns, padded, groups) = if by_taps {
            (outputs, whole_blocks, 1)
        } else {
            (geometry.columns, panels.padded_columns(geometry.columns), filter.groups)
        };
        let spread = Spread { columns, padded, groups, order: None };
        let joined = Spread { order: layout, ..spread };
        let bias = match options.bias {
            Some(bias) => joined.copy("bias", bias)?,
            None => zeroed("bias", padded * groups)?,
        };
        let mut sums_first = None;
        let (scales, float_bias, requantize) = match &options.output {
            Output::I32 => (none(), none(), None),
            Output::F32 if options.dynamic => (none(), none(), None),
            Output::F32 => {
                return Err(Error::Kind {
                    what: "output",
                    expected: "one with scales, in a plan that is not dynamic,",
                    got: "F32",
                });
            }
            Output::Requantized(to) => {
                to.check_columns(outputs)?;
                let largest = bias.iter().map(|bias| bias.unsigned_abs()).max().unwrap_or(0);
                match to.by_default() {
                    Some((multipliers, end)) if fits(depth, largest, multipliers) => {
                        (joined.scales("multipliers", multipliers)?, none(), Some(end))
                    }
                    _ => {
                        sums_first = Some(to.clone());
                        (none(), none(), None)
                    }
                }
            }
            Output::Dequantized { scales, bias } | Output::DequantizedRows { scales, bias, .. } => {
                scales.check(|scale| positive("scale of the output", scale))?;
                let bias = match bias {
                    Some(bias) => spread.copy("bias in real units", bias)?,
                    // Adding -0 leaves every sum as it is, that of -0 too.
                    None => filled("bias in real units", padded * groups, -0.0)?,
                };
                (spread.scales("scales of the output", *scales)?, bias, None)
            }
        };
        let row_scales = match options.output {
            Output::DequantizedRows { rows, .. } => {
                same_length("scales of the rows", height, rows.len())?;
                rows.iter().try_for_each(|&scale| positive("scale of a row", scale).map(drop))?;
                Lines::from_slice(0, rows)
            }
            _ => none(),
        };
        let sliding = match window.strides {
            _ if form != Form::Bytes || (geometry.kernel, planes) != ([3, 3], 1) || sizes.contains(&0) => None,
            _ if !window.is_flat() => None,
            [_, down, across] if [down, across] == filter.dilation => Some(1),
            [_, _, across] if across == 2 * filter.dilation[1] => Some(2),
            _ => None,
        };
        let mut product = Self {
            set,
            geometry,
            input,
            output: [out_images, out_height, out_width, outputs],
            input_type: options.input,
            reading: if layout.is_some() { Reading::Unsigned } else { reading },
            output_type: options.output.element(),
            encoding,
            band,
            band_len,
            segments,
            segment_len,
            rows,
            blocks,
            #[cfg(feature = "rayon")]
            threads: extent.threads(),
            whole: (blocks.parts() == 1).then(|| blocks.part(0)),
            rows_alone: false,
            buffers: Buffers::default(),
            scratch_len: 0,
            winograd: None,
            form,
            sliding,
            columns,
            padded,
            bias,
            scales,
            float_bias,
            row_scales,
            requantize: requantize.unwrap_or(Requantize::new(Reading::Unsigned, 0, (0, 0))),
            sums_first,
            macs,
        };
        product.buffers = product.buffers();
        let Buffers { band, room, staged, sums } = product.buffers;
        let reserved = [band, room, staged, sums].map(|bytes| reserve(bytes).unwrap_or(usize::MAX));
        product.scratch_len = reserved.into_iter().fold(0, usize::saturating_add);
        let is_matrix = (geometry.kernel, planes, filter.groups) == ([1, 1], 1, 1) && width == 1 && images == 1;
        product.rows_alone = product.whole.is_some()
            && is_matrix
            && window == Window3d::default()
            && !by_taps
            && product.sums_first.is_none()
            && product.band.row_len == channels
            && !product.output.contains(&0);
        Ok(product)
    }

    /// Lets Winograd's algorithm compute it, cut in its own way.
    pub(crate) fn set_winograd(&mut self, winograd: Winograd) {
        self.blocks = winograd.blocks;
        self.whole = (self.blocks.parts() == 1).then(|| self.blocks.part(0));
        let sums = if self.sums_first.is_some() { winograd.outputs() * size_of::<i32>() } else { 0 };
        self.buffers = Buffers { sums, ..Buffers::default() };
        self.scratch_len =
            winograd.scratch_len(self.output_type.size()).saturating_add(reserve(sums).unwrap_or(usize::MAX));
        self.winograd = Some(winograd);
    }

    pub(crate) fn winograd(&self) -> Option<&Winograd> {
        self.winograd.as_ref()
    }

    /// How the bytes of the input become those that kernels read.
    fn flip(&self) -> u8 {
        let input = if self.input_type == Type::I8 { Reading::Signed } else { Reading::Unsigned };
        input.flip_to_unsigned() ^ self.reading.flip_to_unsigned()
    }

    /// Weights, with what the plan has of their columns.
    #[inline]
    pub(crate) fn operand<'a>(&'a self, weights: Weights<'a>) -> Operand<'a> {
        Operand { weights, bias: &self.bias, scales: &self.scales, float_bias: &self.float_bias }
    }

    /// Whether results are floats.
    pub(crate) fn is_real(&self) -> bool {
        self.output_type == Type::F32
    }

    /// Writes what each column has to the places of the padded columns; as many as there are.
    pub(crate) fn spread_to(&self, from: Param<'_, f32>, to: &mut [f32]) {
        match from {
            Param::All(all) => to.fill(all),
            Param::Each(each) if self.columns > 0 => {
                for (to, from) in to.chunks_exact_mut(self.padded).zip(each.chunks_exact(self.columns)) {
                    let (to, rest) = to.split_at_mut(self.columns);
                    to.copy_from_slice(from);
                    rest.fill(0.0);
                }
            }
            Param::Each(_) => to.fill(0.0),
        }
    }

    /// Takes what one zero point of all of the input comes to into the bias, by the sums of the padded columns.
    pub(crate) fn compensate(&mut self, zero_point: i32, sums: &[i32]) {
        let moved = zero_point + i32::from(self.flip());
        compensate(&mut self.bias, moved, sums);
    }

    pub(crate) fn input_shape(&self) -> [usize; 4] {
        self.input
    }

    pub(crate) fn output_shape(&self) -> [usize; 4] {
        self.output
    }

    pub(crate) fn macs(&self) -> u64 {
        self.macs
    }

    /// The kernel that computes it. Weights with zero points are prepared beforehand where a kernel takes centred
    /// values, which one row does not do.
    pub(crate) fn kernel(&self, zero_points: bool) -> &'static str {
        if let Some(winograd) = &self.winograd {
            return winograd.kernel();
        }
        let rows = self.rows.len();
        self.set.kernel_name(match (self.form, rows) {
            (Form::Pairs, _) => "depthwise",
            (Form::Bytes, _) if self.sliding.is_some() => "sliding",
            (Form::Bytes, _) => "byte_taps",
            (Form::Groups, _) => "grouped",
            (Form::Panels, 1) if !zero_points || self.encoding == Encoding::Bytes => "gemv",
            _ => "gemm",
        })
    }

    pub(crate) fn parts(&self) -> usize {
        self.blocks.parts()
    }

    /// Bytes of the buffers that a part needs.
    fn buffers(&self) -> Buffers {
        let depth = if self.form != Form::Panels { 0 } else { self.segments.len() * self.segment_len };
        let columns = self.range_columns(0..self.blocks.range.min(self.blocks.units)).len();
        let band = self.band_len + self.set.slack();
        let outputs = self.rows.len() * columns;
        Buffers {
            band: match self.encoding {
                Encoding::Centred => band * size_of::<i16>(),
                Encoding::Bytes => band,
            },
            room: self
                .set
                .gemm_scratch_len([self.rows.len(), depth, columns], self.segments.len())
                .saturating_mul(size_of::<i32>()),
            staged: outputs * self.output_type.size(),
            sums: if self.sums_first.is_some() { outputs * size_of::<i32>() } else { 0 },
        }
    }

    /// Bytes of scratch that a part needs.
    pub(crate) fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// Output columns of a unit that cuts do not divide: a panel, a group, or all channels of a depthwise convolution.
    fn unit_columns(&self) -> usize {
        if let Some(winograd) = &self.winograd {
            return winograd.unit_columns();
        }
        if self.form == Form::Panels && self.geometry.filter.groups == 1 {
            self.set.panels().width
        } else {
            self.columns
        }
    }

    /// The output columns of a range of units.
    #[inline]
    fn range_columns(&self, units: Range<usize>) -> Range<usize> {
        let width = self.unit_columns();
        let end = self.output[3];
        (units.start * width).min(end)..(units.end * width).min(end)
    }

    /// Checks what a run is given.
    #[inline]
    pub(crate) fn check<A: Int8, O: Element>(&self, shape: [usize; 4], scratch: usize) -> Result<(), Error> {
        self.check_types::<A, O>()?;
        same_shape("input", self.input, shape)?;
        self.check_scratch(scratch)
    }

    #[inline]
    pub(crate) fn check_types<A: Int8, O: Element>(&self) -> Result<(), Error> {
        if A::TYPE != self.input_type {
            return Err(Error::Type { what: "input", expected: name(self.input_type), got: A::TYPE });
        }
        self.check_output::<O>()
    }

    #[inline]
    pub(crate) fn check_scratch(&self, scratch: usize) -> Result<(), Error> {
        let expected = self.scratch_len;
        if scratch < expected { Err(Error::Length { what: "scratch", expected, got: scratch }) } else { Ok(()) }
    }

    pub(crate) fn check_output<O: Element>(&self) -> Result<(), Error> {
        if O::TYPE != self.output_type {
            return Err(Error::Type { what: "output", expected: name(self.output_type), got: O::TYPE });
        }
        Ok(())
    }

    /// How the output is cut into parts.
    pub(crate) fn grid(&self) -> Grid {
        Grid { blocks: self.blocks, unit: self.unit_columns() }
    }

    /// The part of an index below [`Product::parts`].
    pub(crate) fn part(&self, index: usize) -> Part {
        self.blocks.part(index)
    }

    /// The shape of a part of the output.
    pub(crate) fn part_shape(&self, index: usize) -> Result<[usize; 4], Error> {
        if index >= self.parts() {
            return Err(Error::Part { expected: self.parts(), got: index });
        }
        let part = self.blocks.part(index);
        Ok([1, part.rows.len(), self.output[2], self.range_columns(part.units).len()])
    }
}

/// Takes what one zero point of all of the input comes to into the bias, by the sums of each group's padded columns.
/// There are none where kernels take centred values, and nothing to do.
pub(crate) fn compensate(bias: &mut [i32], zero_point: i32, sums: &[i32]) {
    for (bias, sum) in bias.iter_mut().zip(sums) {
        *bias = bias.wrapping_sub(zero_point.wrapping_mul(*sum));
    }
}

/// Bytes of the buffers that a part needs.
#[derive(Clone, Copy, Default)]
struct Buffers {
    /// The band of input.
    band: usize,
    /// What the kernel prepares.
    room: usize,
    /// Output that a kernel cannot write where it belongs.
    staged: usize,
    /// Sums of which the output is computed.
    sums: usize,
}

/// Whether no sum by its multiplier reaches what the end of a kernel cannot round: sums of a depth of products of values
/// that are at most 255 from their zero points, and a bias of at most some magnitude.
fn fits(depth: usize, bias: u32, multipliers: Scales<'_>) -> bool {
    let sum = (depth as f64 * f64::from(255 * 255) + f64::from(bias)).min(f64::from(SCALED_BELOW));
    let largest = match multipliers {
        Param::All(all) => all,
        Param::Each(each) => each.iter().copied().fold(0.0, f32::max),
    };
    // Sum and product are rounded to floats, each by less than one part in 2^23.
    sum * f64::from(largest) * (1.0 + 1.0 / f64::from(1 << 20)) < f64::from(SCALED_BELOW)
}

fn name(element: Type) -> &'static str {
    match element {
        Type::U8 => "u8",
        Type::I8 => "i8",
        Type::I32 => "i32",
        Type::F32 => "f32",
    }
}

/// Outputs along an axis: `(input + before + after - ((kernel - 1) * dilation + 1)) / stride + 1`, 0 where the window
/// is larger than the padded input.
fn output_size(
    input: usize,
    kernel: usize,
    dilation: usize,
    stride: usize,
    before: usize,
    after: usize,
) -> Result<usize, Error> {
    if stride == 0 {
        return Err(Error::OutOfRange { what: "stride", expected: (1, i64::MAX), got: 0 });
    }
    if kernel == 0 {
        return Err(Error::OutOfRange { what: "kernel size", expected: (1, i64::MAX), got: 0 });
    }
    let overflow = || Error::SizeOverflow { what: "padded input" };
    let padded = input.checked_add(before).and_then(|size| size.checked_add(after)).ok_or_else(overflow)?;
    let window = (kernel - 1).checked_mul(dilation).and_then(|reach| reach.checked_add(1)).ok_or_else(overflow)?;
    // Beyond this no band could be addressed.
    if padded > 1 << 31 {
        return Err(overflow());
    }
    Ok(if window > padded { 0 } else { (padded - window) / stride + 1 })
}
