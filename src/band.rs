//! The band of input that a part of the work reads: centred, copied, or where it is.
//!
//! A band is some rows of an image, padding included, or of several planes of a volume one after the other. Where a kernel takes bytes and no padding is needed, it reads the
//! caller's own memory; else the rows are written to the part's scratch, with zeros (as bytes: zero points) for padding.

use core::ops::Range;

use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::ImagesRef;

use crate::error::Error;
use crate::param::{Param, ZeroPoints};
use crate::product::Window3d;
use crate::weights::{Geometry, product};

/// Rows of a tile that lie a multiple of this many elements apart crowd into a few sets of the first-level cache: as
/// bytes they are in place then, so that moving them apart must gain what the copy costs.
const fn crowded(element: usize) -> usize {
    if element == 1 { 2048 } else { 512 }
}

/// Bytes by which such rows are moved apart.
const APART: usize = 64;

/// Where a band's rows lie.
#[derive(Clone, Copy)]
pub(crate) struct Band {
    /// Images, height, width and channels of the input.
    input: [usize; 4],
    /// Rows and columns of padding before the input.
    before: [usize; 2],
    /// Input rows from one output row to the next.
    down: usize,
    /// Input rows that an output row reaches over.
    reach: usize,
    /// Columns, padding included.
    width: usize,
    /// Elements from one row to the next.
    pub(crate) row_len: usize,
    /// Input rows from one of the band to the next: more than 1 where a kernel of one row strides over the others.
    step: usize,
    /// Rows of the band from one output row to the next.
    pub(crate) stride: usize,
    /// Whether rows that need no padding have the same places in a dense input.
    pub(crate) in_place: bool,
    /// Whether of an output row's columns of taps no more than the first and the last are padding.
    one_outside: bool,
    planes: Planes,
    /// Elements of the band from one plane of taps to the next.
    pub(crate) plane_len: usize,
}

/// The planes that an output plane reaches over.
#[derive(Clone, Copy)]
struct Planes {
    /// Planes of taps.
    taps: usize,
    /// Planes from one of taps to the next.
    apart: usize,
    /// Planes from one output plane's first to the next one's.
    stride: usize,
    /// Planes of padding before the input.
    before: usize,
    /// Whether every output plane is of one input plane, the one in its own place: images.
    are_images: bool,
}

/// What a band is written from.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) a: &'a ImagesRef<'a, u8>,
    pub(crate) zero_points: ZeroPoints<'a>,
    /// Zero points of the channels, if they have some: what padded positions hold. The other positions keep them.
    pub(crate) channels: &'a [i32],
}

/// Lines of input that windows slide over.
pub(crate) struct InputLines<'a> {
    pub(crate) a: &'a [u8],
    pub(crate) count: usize,
    /// Elements from one to the next.
    pub(crate) len: usize,
    /// Elements of one that are there.
    pub(crate) end: usize,
    /// The line of the first outputs' first taps.
    pub(crate) first: isize,
    /// Lines from one row of outputs to the next.
    pub(crate) down: usize,
    /// Where the first output's first tap lies in a line.
    pub(crate) start: isize,
}

/// How many inputs some outputs of an axis reach over.
fn reach(outputs: usize, stride: usize, kernel: usize, dilation: usize) -> usize {
    // Sizes that passed `output_size` stay below the padded input.
    if outputs == 0 { 0 } else { (outputs - 1) * stride + (kernel.max(1) - 1) * dilation + 1 }
}

impl Band {
    /// For elements of a size, an output's width, and segments that are padded or not.
    pub(crate) fn new(
        geometry: &Geometry,
        window: Window3d,
        input: [usize; 4],
        out_width: usize,
        element: usize,
        padded_segments: bool,
    ) -> Result<Self, Error> {
        let [_, _, width, channels] = input;
        let [kernel_height, kernel_width] = geometry.plane_kernel();
        let [front, top, left, _, _, right] = window.pads;
        let [_, down, across] = window.strides;
        let bytes = element == 1;
        // A kernel of one row needs no more rows than it has outputs; in place all are there.
        let (step, stride) = if kernel_height == 1 && !bytes { (down, 1) } else { (1, down) };
        let band_width = reach(out_width, across, kernel_width, geometry.filter.dilation[1]);
        let unpadded = bytes && left == 0 && right == 0;
        let row_values = product("band of input", &[if unpadded { width } else { band_width }, channels])?;
        let crowded = out_width <= 1 && row_values > 0 && row_values.is_multiple_of(crowded(element));
        Ok(Self {
            input,
            before: [top, left],
            down,
            reach: reach(1, 0, kernel_height, geometry.filter.dilation[0]),
            width: band_width,
            row_len: if crowded { row_values + APART / element } else { row_values },
            step,
            stride,
            in_place: unpadded && !crowded && !padded_segments,
            one_outside: {
                let (dilation, reach) = (geometry.filter.dilation[1], band_width);
                left <= dilation && reach.saturating_sub(dilation) <= left.saturating_add(width)
            },
            planes: Planes {
                taps: geometry.planes,
                apart: geometry.planes_apart,
                stride: window.strides[0],
                before: front,
                are_images: geometry.planes == 1 && window.is_flat(),
            },
            plane_len: 0,
        })
    }

    /// Rows of the band of some output rows.
    pub(crate) fn rows(&self, outputs: usize) -> usize {
        if outputs == 0 { 0 } else { (outputs - 1) * self.stride + self.reach }
    }

    /// The band of some output rows where it is in the input, if it can be read there as it is.
    pub(crate) fn in_place<'a>(&self, image: usize, outputs: &Range<usize>, a: &ImagesRef<'a, u8>) -> Option<&'a [u8]> {
        let [_, height, width, channels] = self.input;
        let [_, row, pixel, channel] = a.strides();
        let dense = row == self.row_len
            && (pixel == channels || width <= 1)
            && (channel == 1 || channels <= 1)
            && self.in_place
            && self.planes.are_images;
        let first = (outputs.start * self.down).checked_sub(self.before[0])?;
        let inside = first + self.rows(outputs.len()) <= height;
        (dense && inside && !outputs.is_empty()).then(|| &a.data()[image * a.strides()[0] + first * row..])
    }

    /// The lines of an image where they are, for some output rows, if windows can slide over them there and read some
    /// elements beyond the last pixel.
    pub(crate) fn lines_in_place<'a>(
        &self,
        image: usize,
        outputs: &Range<usize>,
        a: &ImagesRef<'a, u8>,
        beyond: usize,
    ) -> Option<InputLines<'a>> {
        let [_, height, width, channels] = self.input;
        let [_, row, pixel, channel] = a.strides();
        let dense = (pixel == channels || width <= 1) && (channel == 1 || channels <= 1);
        let [top, left] = self.before.map(|size| size as isize);
        let first = (outputs.start * self.down) as isize - top;
        // Lines up to the last that the outputs reach; behind them others may be.
        let count = height.min((first + self.rows(outputs.len()) as isize).max(1) as usize);
        let a = a.data().get(image * a.strides()[0]..)?;
        let there = count > 0 && (count - 1) * row + width * channels + beyond <= a.len();
        (dense && self.one_outside && there).then_some(InputLines {
            a,
            count,
            len: row,
            end: width * channels,
            first,
            down: self.down,
            start: -left * channels as isize,
        })
    }

    /// The lines of a band that was written for some output rows.
    pub(crate) fn lines<'a>(&self, outputs: usize, band: &'a [u8]) -> InputLines<'a> {
        InputLines {
            a: band,
            count: self.rows(outputs),
            len: self.row_len,
            end: self.row_len,
            first: 0,
            down: self.stride,
            start: 0,
        }
    }

    /// Whether rows follow each other without a gap, both in the band and in the input.
    fn continuous(&self, a: &ImagesRef<'_, u8>) -> bool {
        let [_, _, width, channels] = self.input;
        let [_, row, pixel, channel] = a.strides();
        self.step == 1
            && self.before[1] == 0
            && self.width == width
            && self.row_len == width * channels
            && row == self.row_len
            && (pixel == channels || width == 1)
            && (channel == 1 || channels == 1)
    }

    /// Writes the band of some output rows of an image, or of a volume's output plane.
    #[inline]
    pub(crate) fn write<C: Cells>(
        &self,
        image: usize,
        outputs: &Range<usize>,
        input: Input<'_>,
        cells: C,
        band: &mut [C::Cell],
    ) {
        let Input { a, zero_points, channels } = input;
        if channels.is_empty() {
            self.write_planes(image, outputs, a, zero_points, &cells, band);
        } else {
            let cells = ByChannel { cells, zero_points: channels };
            self.write_planes(image, outputs, a, zero_points, &cells, band);
        }
    }

    #[inline]
    fn write_planes<C: Cells>(
        &self,
        image: usize,
        outputs: &Range<usize>,
        a: &ImagesRef<'_, u8>,
        zero_points: ZeroPoints<'_>,
        cells: &C,
        band: &mut [C::Cell],
    ) {
        if self.planes.are_images {
            self.write_plane(image, outputs, a, zero_points, cells, band);
            return;
        }
        if self.plane_len == 0 {
            return;
        }
        let Planes { taps, apart, stride, before, .. } = self.planes;
        for (tap, band) in band.chunks_mut(self.plane_len).take(taps).enumerate() {
            match (image * stride + tap * apart).checked_sub(before).filter(|&plane| plane < self.input[0]) {
                Some(plane) => self.write_plane(plane, outputs, a, zero_points, cells, band),
                // A convolution has no zero points of rows.
                None => {
                    let values = self.width * self.input[3];
                    band.chunks_mut(self.row_len).for_each(|row| cells.pad(zero_points.at(0), &mut row[..values]));
                }
            }
        }
    }

    fn write_plane<C: Cells>(
        &self,
        image: usize,
        outputs: &Range<usize>,
        a: &ImagesRef<'_, u8>,
        zero_points: ZeroPoints<'_>,
        cells: &C,
        band: &mut [C::Cell],
    ) {
        let [_, height, width, channels] = self.input;
        let [top, left] = self.before;
        let row_values = self.width * channels;
        if row_values == 0 || outputs.is_empty() {
            return;
        }
        let before = left.min(self.width);
        let count = width.min(self.width - before);
        // Where the band's first row lies in the input, counted from the top of the padding.
        let first = outputs.start * self.down;
        if let (Param::All(zero), true) = (zero_points, self.continuous(a)) {
            // Short rows one by one would cost more than their values.
            let rows = self.rows(outputs.len());
            if let Some(first) = first.checked_sub(top).filter(|&first| first + rows <= height) {
                let values = &a.data()[image * a.strides()[0] + first * row_values..][..rows * row_values];
                cells.write(values, &mut band[..values.len()], zero);
                return;
            }
        }
        for (index, row) in band.chunks_exact_mut(self.row_len).take(self.rows(outputs.len())).enumerate() {
            let row = &mut row[..row_values];
            let y = (first + index * self.step).checked_sub(top).filter(|&y| y < height);
            let zero = match zero_points {
                Param::All(zero) => zero,
                Param::Each(each) => y.map_or(0, |y| each[image * height + y]),
            };
            let (Some(y), true) = (y, count > 0) else {
                cells.pad(zero, row);
                continue;
            };
            let (padding, rest) = row.split_at_mut(before * channels);
            let (values, after) = rest.split_at_mut(count * channels);
            cells.pad(zero, padding);
            cells.pad(zero, after);
            let start = image * a.strides()[0] + y * a.strides()[1];
            write_row(&a.data()[start..], [a.strides()[2], a.strides()[3]], channels, zero, cells, values);
        }
        // What lies behind the band is read with weights that add nothing; it must only be there.
    }
}

/// Writes a row of pixels that lie at some strides.
fn write_row<C: Cells>(
    from: &[u8],
    [pixel, channel]: [usize; 2],
    channels: usize,
    zero: i32,
    cells: &C,
    to: &mut [C::Cell],
) {
    let pixels = to.len() / channels;
    if channel == 1 || channels == 1 {
        if pixel == channels || pixels == 1 {
            cells.write(&from[..to.len()], to, zero);
        } else {
            for (x, to) in to.chunks_exact_mut(channels).enumerate() {
                cells.write(&from[x * pixel..][..channels], to, zero);
            }
        }
        return;
    }
    // Channels apart, as in NCHW: along a channel, where neighbours in memory are.
    for c in 0..channels {
        for x in 0..pixels {
            to[x * channels + c] = cells.cell(from[x * pixel + c * channel], zero);
        }
    }
}

/// What a band is made of.
pub(crate) trait Cells {
    /// An element.
    type Cell: Copy;
    /// Writes what padded positions hold, of whole pixels.
    fn pad(&self, zero: i32, to: &mut [Self::Cell]);
    /// The element of a byte.
    fn cell(&self, byte: u8, zero: i32) -> Self::Cell;
    /// The elements of neighbouring bytes.
    fn write(&self, from: &[u8], to: &mut [Self::Cell], zero: i32);
}

/// Cells of which a padded one holds the zero point of its channel; all others are read with a zero point of 0.
struct ByChannel<'a, C> {
    cells: C,
    zero_points: &'a [i32],
}

impl<C: Cells> Cells for ByChannel<'_, C> {
    type Cell = C::Cell;

    fn pad(&self, zero: i32, to: &mut [C::Cell]) {
        for pixel in to.chunks_exact_mut(self.zero_points.len()) {
            for (cell, &of_channel) in pixel.iter_mut().zip(self.zero_points) {
                *cell = self.cells.cell(of_channel as u8, zero);
            }
        }
    }

    fn cell(&self, byte: u8, zero: i32) -> C::Cell {
        self.cells.cell(byte, zero)
    }

    fn write(&self, from: &[u8], to: &mut [C::Cell], zero: i32) {
        self.cells.write(from, to, zero);
    }
}

/// Values less their zero point, in 16 bits.
pub(crate) struct Centred {
    pub(crate) set: &'static KernelSet,
    pub(crate) reading: Reading,
}

impl Cells for Centred {
    type Cell = i16;

    fn pad(&self, _: i32, to: &mut [i16]) {
        to.fill(0);
    }

    fn cell(&self, byte: u8, zero: i32) -> i16 {
        (self.reading.value(byte) - zero) as i16
    }

    fn write(&self, from: &[u8], to: &mut [i16], zero: i32) {
        self.set.center(from, to, self.reading.flip_to_unsigned(), self.reading.as_unsigned(zero) as i16);
    }
}

/// Bytes, each combined with a number by exclusive or.
pub(crate) struct Bytes {
    pub(crate) flip: u8,
}

impl Cells for Bytes {
    type Cell = u8;

    fn pad(&self, zero: i32, to: &mut [u8]) {
        to.fill(zero as u8 ^ self.flip);
    }

    fn cell(&self, byte: u8, _: i32) -> u8 {
        byte ^ self.flip
    }

    fn write(&self, from: &[u8], to: &mut [u8], _: i32) {
        if self.flip == 0 {
            to.copy_from_slice(from);
            return;
        }
        for (to, from) in to.iter_mut().zip(from) {
            *to = from ^ self.flip;
        }
    }
}
