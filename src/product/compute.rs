//! Running a product: part by part, from the caller's operands to the kernel's arguments.

use core::ops::Range;

use zeropoint_kernels::args::{Activations, DepthwiseArgs, GemmArgs, SlidingArgs, SlidingWindows, TapWeights};
use zeropoint_kernels::encode::Encoding;
use zeropoint_kernels::view::{FirstOffsets, ImagesMut, ImagesRef, MatMut, MatRef};

use super::{Operand, Product, Weights};
use crate::band::{Bytes, Cells, Centred, Input};
use crate::blocks::Part;
use crate::element::{Element, Ends, Int8};
use crate::error::{Error, same_shape};
use crate::param::{Param, ZeroPoints};
use crate::parts::OutputParts;
use crate::requantization::Requantization;
use crate::scratch::carve;

/// What a run reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a, A> {
    pub(crate) a: ImagesRef<'a, A>,
    pub(crate) zero_points: ZeroPoints<'a>,
    /// Zero points of the channels: see [`crate::band::Input`].
    pub(crate) channels: &'a [i32],
    /// Scales of the rows; empty if they have none.
    pub(crate) row_scales: &'a [f32],
    pub(crate) operand: Operand<'a>,
}

impl Product {
    /// All parts, one after the other.
    #[inline]
    pub(crate) fn run<A: Int8, O: Element>(
        &self,
        inputs: Inputs<'_, A>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check::<A, O>(inputs.a.shape(), scratch.len())?;
        same_shape("output", self.output, out.shape())?;
        if let Some(whole) = &self.whole {
            self.run_at(whole, inputs, out, scratch);
            return Ok(());
        }
        for (part, out) in OutputParts::new(self.grid(), out).located() {
            self.run_at(&part, inputs, out, scratch);
        }
        Ok(())
    }

    /// Whether [`Product::run_rows`] computes it: rows side by side, and nothing else to look at.
    #[inline]
    pub(crate) fn takes_rows<A, O>(&self, a: &MatRef<'_, A>, out: &MatMut<'_, O>) -> bool {
        self.rows_alone && a.strides() == [self.band.row_len, 1] && out.strides()[1] == 1
    }

    /// All of a matrix product, checked, by the shortest way to its kernel: [`Product::compute`] without images, bands and
    /// parts, whose arguments alone take longer than a small product.
    #[inline]
    pub(crate) fn run_rows<A: Int8, O: Element>(
        &self,
        a: &MatRef<'_, A>,
        zero: i32,
        weights: Weights<'_>,
        out: MatMut<'_, O>,
        mut scratch: &mut [u8],
    ) {
        let Weights::Panels { panels, zero_points, sums, terms } = weights else { return };
        let band: &mut [u8] = carve(&mut scratch, self.buffers.band);
        let room: &mut [i32] = carve(&mut scratch, self.buffers.room / size_of::<i32>());
        let a: &[u8] = bytemuck::cast_slice(a.data());
        let values = self.output[1] * self.band.row_len;
        let a = match self.encoding {
            Encoding::Centred => {
                let band = bytemuck::cast_slice_mut(band);
                Centred { set: self.set, reading: A::READING }.write(&a[..values], &mut band[..values], zero);
                Activations::Centred(band)
            }
            Encoding::Bytes if self.band.in_place && self.flip() == 0 => Activations::Bytes(a, self.reading),
            Encoding::Bytes => {
                Bytes { flip: self.flip() }.write(&a[..values], &mut band[..values], zero);
                Activations::Bytes(band, self.reading)
            }
        };
        let rows = self.rows.first(self.output[1]);
        let left = Left { a, rows, zero_points: &[], row_scales: &self.row_scales };
        let operand = self.operand(weights);
        let panels = Panels { all: panels, depth: self.segment_len, zero_points, sums, terms, operand };
        self.panels(left, panels, 0, out, room);
    }

    /// One part, checked: `out` is its part of the output.
    #[inline(always)]
    pub(crate) fn run_at<A: Int8, O: Element>(
        &self,
        part: &Part,
        inputs: Inputs<'_, A>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) {
        // Without output there is no band either, in which the groups of channels would have their places.
        if out.shape().contains(&0) {
            return;
        }
        match &self.sums_first {
            Some(to) => self.compute_sums_first(to, part, inputs, out, scratch),
            None => self.compute(part, inputs, out, scratch),
        }
    }

    /// A part's sums, and of them its results.
    fn compute_sums_first<A: Int8, O: Element>(
        &self,
        to: &Requantization,
        part: &Part,
        inputs: Inputs<'_, A>,
        out: ImagesMut<'_, O>,
        mut scratch: &mut [u8],
    ) {
        let [_, height, width, channels] = out.shape();
        let sums: &mut [i32] = carve(&mut scratch, height * width * channels);
        let Ok(view) = ImagesMut::new(&mut *sums, [1, height, width, channels]) else { return };
        self.compute(part, inputs, view, &mut *scratch);
        let to = to.by_rule(self.range_columns(part.units.clone()));
        let Ok(sums) = MatRef::new(&*sums, [height * width, channels]) else { return };
        into_rows(out, scratch, |rows| {
            if let Some(bytes) = O::bytes(rows) {
                self.set.rule_requantize(sums, bytes, &to);
            }
        });
    }

    /// A part. All of a call down to the kernel is one function: a small product takes no longer than handing its
    /// arguments from one to the next.
    #[inline(always)]
    fn compute<A: Int8, O: Element>(
        &self,
        part: &Part,
        inputs: Inputs<'_, A>,
        out: ImagesMut<'_, O>,
        mut scratch: &mut [u8],
    ) {
        let Inputs { a, zero_points, channels, row_scales, operand } = inputs;
        let (image, outputs, bytes) = (part.image, &part.rows, a.bytes());
        let input = Input { a: &bytes, zero_points, channels };
        if let Some(winograd) = &self.winograd {
            let columns = self.range_columns(part.units.clone());
            let ends = self.ends(operand, columns.start, &[]);
            winograd.run_part(part, columns, (input, A::READING), ends, out, scratch);
            return;
        }
        if let Some(columns) = self.sliding {
            self.slide(columns, part, inputs, out, scratch);
            return;
        }
        let band: &mut [u8] = carve(&mut scratch, self.buffers.band);
        let room: &mut [i32] = carve(&mut scratch, self.buffers.room / size_of::<i32>());
        let a = match self.encoding {
            Encoding::Centred => {
                let band = bytemuck::cast_slice_mut(band);
                let cells = Centred { set: self.set, reading: A::READING };
                self.band.write(image, outputs, input, cells, band);
                Activations::Centred(band)
            }
            Encoding::Bytes => {
                let flip = self.flip();
                let place = if flip == 0 { self.band.in_place(image, outputs, &bytes) } else { None };
                let band = place.unwrap_or_else(|| {
                    self.band.write(image, outputs, input, Bytes { flip }, band);
                    band
                });
                Activations::Bytes(band, self.reading)
            }
        };
        let rows = self.rows.first(outputs.len() * self.output[2]);
        let zero_points = match (self.encoding, zero_points) {
            (Encoding::Bytes, Param::Each(each)) => &each[image * self.input[1]..][outputs.clone()],
            _ => &[],
        };
        let row_scales = if row_scales.is_empty() { &[] } else { &row_scales[outputs.clone()] };
        let left = Left { a, rows, zero_points, row_scales };
        into_rows(out, scratch, |out| self.columns(left, part.units.clone(), operand, out, room));
    }

    /// A part of a depthwise convolution whose windows share columns, over the input where it lies if that can be, else
    /// over a band of it.
    fn slide<A: Int8, O: Element>(
        &self,
        columns: usize,
        part: &Part,
        inputs: Inputs<'_, A>,
        out: ImagesMut<'_, O>,
        mut scratch: &mut [u8],
    ) {
        let Inputs { a, zero_points, channels, operand, .. } = inputs;
        let Weights::Taps(TapWeights::Bytes(weights)) = operand.weights else { return };
        let band: &mut [u8] = carve(&mut scratch, self.buffers.band);
        let (image, outputs, bytes, flip) = (part.image, &part.rows, a.bytes(), self.flip());
        let beyond = self.padded - self.columns;
        let place = if flip == 0 { self.band.lines_in_place(image, outputs, &bytes, beyond) } else { None };
        let (lines, padding): (_, &[u8]) = match (place, zero_points) {
            (Some(lines), Param::All(zero)) if channels.is_empty() => {
                let padding = &mut band[..self.band.row_len + beyond];
                padding.fill(zero as u8);
                (lines, padding)
            }
            _ => {
                let input = Input { a: &bytes, zero_points, channels };
                self.band.write(image, outputs, input, Bytes { flip }, band);
                (self.band.lines(outputs.len(), band), band)
            }
        };
        let dilation = self.geometry.filter.dilation;
        into_rows(out, scratch, |out| {
            self.set.sliding(SlidingArgs {
                windows: SlidingWindows {
                    a: lines.a,
                    lines: lines.count,
                    line_len: lines.len,
                    line_end: lines.end,
                    padding,
                    first: lines.first,
                    rows: outputs.len(),
                    down: lines.down,
                    apart: dilation[0],
                    width: self.output[2],
                    columns,
                    pitch: dilation[1] * self.columns,
                    start: lines.start,
                    weights,
                    channels: self.columns,
                    bias: operand.bias,
                },
                epilogue: O::epilogue(out, self.ends(operand, 0, &[])),
            });
        });
    }

    /// Calls the kernel for the columns of a range of units: once, or once a group.
    #[inline(always)]
    fn columns<O: Element>(
        &self,
        left: Left<'_>,
        units: Range<usize>,
        operand: Operand<'_>,
        mut out: MatMut<'_, O>,
        scratch: &mut [i32],
    ) {
        match operand.weights {
            Weights::Taps(weights) => self.set.depthwise(DepthwiseArgs {
                a: left.a,
                rows: left.rows,
                taps: &self.segments,
                weights,
                channels: self.columns,
                bias: operand.bias,
                epilogue: O::epilogue(out, self.ends(operand, 0, &[])),
            }),
            Weights::Panels { panels, zero_points, sums, terms } => {
                let depth = self.segments.len() * self.segment_len;
                let panels = Panels { all: panels, depth, zero_points, sums, terms, operand };
                if self.geometry.filter.groups == 1 {
                    let first = self.range_columns(units).start;
                    self.panels(left, panels, first, out, scratch);
                    return;
                }
                for (at, group) in units.enumerate() {
                    let left = Left { a: left.a.from(group * self.geometry.channels), ..left };
                    let out = out.reborrow().range(1, at * self.columns, (at + 1) * self.columns);
                    self.panels(left, panels, group * self.padded, out, &mut *scratch);
                }
            }
        }
    }

    /// Calls the kernel for the columns of `out`, the first of which is a padded column.
    #[inline(always)]
    fn panels<O: Element>(
        &self,
        left: Left<'_>,
        panels: Panels<'_>,
        first: usize,
        out: MatMut<'_, O>,
        scratch: &mut [i32],
    ) {
        let columns = out.shape()[1];
        let stored = self.set.panels().padded_columns(columns);
        self.set.gemm(GemmArgs {
            a: left.a,
            rows: left.rows,
            segments: &self.segments,
            segment_len: self.segment_len,
            panels: &panels.all[first * panels.depth..(first + stored) * panels.depth],
            zero_points: panels.zero_points.get(first..).unwrap_or(&[]),
            row_zero_points: left.zero_points,
            sums: panels.sums.get(first..).unwrap_or(&[]),
            terms: panels.terms.get(first..).unwrap_or(&[]),
            columns,
            bias: &panels.operand.bias[first..],
            epilogue: O::epilogue(out, self.ends(panels.operand, first, left.row_scales)),
            scratch,
        });
    }

    #[inline]
    fn ends<'a>(&self, operand: Operand<'a>, first: usize, row_scales: &'a [f32]) -> Ends<'a> {
        Ends {
            row_scales,
            scales: operand.scales.get(first..).unwrap_or(&[]),
            bias: operand.float_bias.get(first..).unwrap_or(&[]),
            requantize: self.requantize,
        }
    }
}

/// The packed columns of all groups, and what belongs to them.
#[derive(Clone, Copy)]
struct Panels<'a> {
    all: &'a [u8],
    /// Values of K, padding included.
    depth: usize,
    zero_points: &'a [i16],
    sums: &'a [i32],
    terms: &'a [i32],
    operand: Operand<'a>,
}

/// The left operand of a part.
#[derive(Clone, Copy)]
struct Left<'a> {
    a: Activations<'a>,
    rows: FirstOffsets<'a>,
    /// Of each row, where they are not in the bias.
    zero_points: &'a [i32],
    row_scales: &'a [f32],
}

/// Computes the pixels of a part as rows of a matrix that a kernel can write, columns side by side: in place, or staged
/// at the scratch's begin and copied.
#[inline(always)]
pub(crate) fn into_rows<O: Element>(
    out: ImagesMut<'_, O>,
    mut scratch: &mut [u8],
    compute: impl FnOnce(MatMut<'_, O>),
) {
    let rows = if out.strides()[3] != 1 && out.shape()[3] > 1 { Err(out) } else { out.into_pixels() };
    let mut out = match rows {
        Ok(rows) => return compute(rows),
        Err(out) => out,
    };
    let [_, height, width, channels] = out.shape();
    let staged: &mut [O] = carve(&mut scratch, height * width * channels);
    let Ok(rows) = MatMut::new(&mut *staged, [height * width, channels]) else { return };
    compute(rows);
    if out.strides()[3] == 1 {
        for (y, staged) in staged.chunks_exact(width * channels).enumerate() {
            let Ok(mut pixels) = out.reborrow().range(1, y, y + 1).into_pixels() else { return };
            for (x, staged) in staged.chunks_exact(channels).enumerate() {
                if let Some(pixel) = pixels.row(x) {
                    pixel.copy_from_slice(staged);
                }
            }
        }
        return;
    }
    for (index, &value) in staged.iter().enumerate() {
        let (pixel, channel) = (index / channels, index % channels);
        out.set([0, pixel / width, pixel % width, channel], value);
    }
}
