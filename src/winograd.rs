//! Convolutions of 3 × 3 taps with strides of 1 by Winograd's algorithm: when that pays, how it is cut, and its driver.
//!
//! It takes the taps in an order of its own: a plan, whose sizes tell whether the algorithm pays, makes that copy.

use alloc::sync::Arc;
use core::ops::Range;

use zeropoint_kernels::args::{WinogradArgs, WinogradWeights};
use zeropoint_kernels::encode::{Encoding, Reading};
use zeropoint_kernels::pack::PanelLayout;
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::ImagesMut;
use zeropoint_kernels::winograd::{
    LIMIT, POINTS, SAFE_CHANNELS, TAPS, TILE, Tiles, depth, pack, pack_points, points_len,
};

use crate::band::{Band, Centred, Input};
use crate::blocks::{Blocks, Part};
use crate::element::{Element, Ends};
use crate::error::Error;
use crate::lines::{Lines, zeroed};
use crate::product::{Window3d, into_rows};
use crate::scratch::{carve, reserve};
use crate::weights::{Form, Geometry, Inner, product};

/// A convolution's plan, where Winograd's algorithm computes it.
#[derive(Clone)]
pub(crate) struct Winograd {
    set: &'static KernelSet,
    panels: PanelLayout,
    weights: Arc<Stored>,
    /// Of each padded column.
    bias: Lines<i32>,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Columns of all groups.
    columns: usize,
    /// Channels whose sums are taken together.
    block: usize,
    dilation: [usize; 2],
    /// Columns of the output image.
    width: usize,
    band: Band,
    /// Elements of the band of most rows.
    band_len: usize,
    pub(crate) blocks: Blocks,
}

/// The weights of a plan.
enum Stored {
    /// Taps, and the zero point of each padded column twice.
    Taps { taps: Lines<u8>, zero_points: Lines<i16> },
    /// Transformed.
    Points(Lines<i16>),
}

/// What a plan knows of the convolution.
pub(crate) struct Shape<'a> {
    /// Images, height, width and channels of the input.
    pub(crate) input: [usize; 4],
    /// Images, height, width and channels of the output.
    pub(crate) output: [usize; 4],
    pub(crate) window: Window3d,
    pub(crate) reading: Reading,
    /// The input's zero point, which is one for all; none where each run has its own.
    pub(crate) zero_point: Option<i32>,
    /// Of each padded column, before anything was taken into it.
    pub(crate) bias: &'a [i32],
}

impl Winograd {
    /// The plan, if the tier has the algorithm and it pays.
    pub(crate) fn new(inner: &Inner, shape: &Shape<'_>) -> Option<Self> {
        let Inner { set, geometry, .. } = *inner;
        let panels = set.winograd_panels()?;
        let dilation = geometry.filter.dilation;
        let [images, height, width, columns] = shape.output;
        let (channels, groups) = (geometry.channels, geometry.filter.groups);
        let tiles = Tiles::new([height, width], dilation)?;
        let padded = panels.padded_columns(geometry.columns);
        let fits = inner.packed.form() == Form::Panels
            && (geometry.kernel, geometry.planes) == ([3, 3], 1)
            && shape.window.is_flat()
            && shape.window.strides == [1; 3];
        let whole = groups == 1 || padded == geometry.columns && padded == set.panels().padded_columns(padded);
        if !fits || !whole || images == 0 || columns == 0 {
            return None;
        }
        let (low, high) = shape.reading.range();
        let farthest = shape.zero_point.map_or(high - low, |zero| (zero - low).max(high - zero));
        let block = block(inner, channels, columns, farthest.unsigned_abs())?;
        let units = columns.div_ceil(unit(panels, groups, columns).max(1));
        let blocks = cut(tiles, images, channels * groups, units, panels.width);
        let points = points_len(panels, geometry.columns, channels, block).checked_mul(groups)?;
        let are_stored = points <= STORED_BYTES / size_of::<i16>();
        // How often the weights are transformed for an image.
        let transforms = if are_stored { 0 } else { height.div_ceil(blocks.band.max(1)) };
        if !pays(tiles, transforms, channels, geometry.columns, set.encoding()) {
            return None;
        }
        let weights = if are_stored {
            Stored::points(inner, panels, block, points).ok()?
        } else {
            Stored::taps(inner, panels, padded).ok()?
        };

        let [down, across] = dilation.map(|dilation| TILE * dilation);
        let band = Band::new(&geometry, shape.window, shape.input, width.next_multiple_of(across), 2, false).ok()?;
        let rows = band.rows(blocks.band.min(height).next_multiple_of(down));
        let band_len = product("band of input", &[rows, band.row_len]).ok()?;
        Some(Self {
            set,
            panels,
            weights: Arc::new(weights),
            bias: Lines::from_slice(0, shape.bias),
            groups,
            channels,
            columns,
            block,
            dilation,
            width,
            band,
            band_len,
            blocks,
        })
    }

    /// The kernel that computes it.
    pub(crate) fn kernel(&self) -> &'static str {
        self.set.kernel_name("winograd")
    }

    /// Bytes of the weights.
    pub(crate) fn weights_bytes(&self) -> usize {
        match &*self.weights {
            Stored::Taps { taps, .. } => size_of_val(taps.as_slice()),
            Stored::Points(points) => size_of_val(points.as_slice()),
        }
    }

    /// Output columns of a unit that cuts do not divide.
    pub(crate) fn unit_columns(&self) -> usize {
        unit(self.panels, self.groups, self.columns)
    }

    /// Rows of outputs that cuts do not divide: those of a tile.
    pub(crate) fn step(&self) -> usize {
        TILE * self.dilation[0]
    }

    /// The tiles of some rows of outputs.
    fn tiles(&self, rows: usize) -> Option<Tiles> {
        Tiles::new([rows, self.width], self.dilation)
    }

    /// Bytes of the buffers that a part needs: band, transformed inputs and weights, sums, output of an element's size to stage.
    fn buffers(&self, element: usize) -> [usize; 5] {
        let rows = self.blocks.band.min(self.blocks.height);
        let [inputs, points, sums] = self
            .tiles(rows)
            .map_or([0; 3], |tiles| self.set.winograd_scratch_len(tiles, self.groups, self.channels, self.block));
        [
            (self.band_len + self.set.slack()) * size_of::<i16>(),
            inputs * size_of::<i16>(),
            match &*self.weights {
                Stored::Taps { .. } => points * size_of::<i16>(),
                Stored::Points(_) => 0,
            },
            sums * size_of::<i32>(),
            self.outputs() * element,
        ]
    }

    /// Outputs of the largest part.
    pub(crate) fn outputs(&self) -> usize {
        let rows = self.blocks.band.min(self.blocks.height);
        rows * self.width * (self.blocks.range * self.unit_columns()).min(self.columns)
    }

    /// Bytes of scratch that a part needs, for outputs of an element's size.
    pub(crate) fn scratch_len(&self, element: usize) -> usize {
        let reserved = self.buffers(element).map(|bytes| reserve(bytes).unwrap_or(usize::MAX));
        reserved.into_iter().fold(0, usize::saturating_add)
    }

    /// Computes a part: some rows of an image, some columns. `ends` are those of the columns.
    pub(crate) fn run_part<O: Element>(
        &self,
        part: &Part,
        columns: Range<usize>,
        (input, reading): (Input<'_>, Reading),
        ends: Ends<'_>,
        out: ImagesMut<'_, O>,
        mut scratch: &mut [u8],
    ) {
        let Some(tiles) = self.tiles(part.rows.len()) else { return };
        let [band, inputs, points, sums, _] = self.buffers(size_of::<O>());
        let band: &mut [i16] = carve(&mut scratch, band / size_of::<i16>());
        let inputs: &mut [i16] = carve(&mut scratch, inputs / size_of::<i16>());
        let points: &mut [i16] = carve(&mut scratch, points / size_of::<i16>());
        let sums: &mut [i32] = carve(&mut scratch, sums / size_of::<i32>());
        // Tiles beyond the last row read padding there.
        let rows = part.rows.start..part.rows.start + part.rows.len().next_multiple_of(self.step());
        self.band.write(part.image, &rows, input, Centred { set: self.set, reading }, band);
        let padded = self.panels.padded_columns(columns.len());
        let weights = match &*self.weights {
            Stored::Taps { taps, zero_points } => {
                let row = TAPS * depth(self.channels);
                let taps = &taps[columns.start * row..][..padded * row];
                WinogradWeights::Taps { taps, zero_points: &zero_points[2 * columns.start..], room: points }
            }
            Stored::Points(stored) => {
                // A range begins with a panel; groups are all in it.
                let len = |columns: usize| points_len(self.panels, columns, self.channels, self.block);
                let of_range = len(columns.len() / self.groups) * self.groups;
                WinogradWeights::Points(&stored[len(columns.start)..][..of_range])
            }
        };
        into_rows(out, scratch, |out| {
            self.set.winograd(WinogradArgs {
                a: band,
                row_len: self.band.row_len,
                groups: self.groups,
                channels: self.channels,
                tiles,
                weights,
                block: self.block,
                columns: columns.len() / self.groups,
                bias: &self.bias[columns.start..],
                epilogue: O::epilogue(out, ends),
                inputs,
                sums,
            });
        });
    }
}

impl Stored {
    /// Taps in the kernel's order.
    fn taps(inner: &Inner, panels: PanelLayout, padded: usize) -> Result<Self, Error> {
        let Geometry { channels, columns, filter, .. } = inner.geometry;
        let len = product("weights", &[TAPS, padded, depth(channels)])?;
        let mut packed = zeroed("weights", product("weights", &[len, filter.groups])?)?;
        for (group, packed) in packed.chunks_exact_mut(len.max(1)).enumerate() {
            let first = group * columns;
            let taps = |column: usize, channel: usize| inner.taps(first + column, channel);
            pack(panels, taps, |column| zero_point(inner, first + column), columns, channels, packed);
        }
        let mut zero_points = zeroed("zero points", 2 * padded * filter.groups)?;
        for (index, zero) in zero_points.iter_mut().enumerate() {
            *zero = zero_point(inner, index / 2);
        }
        Ok(Self::Taps { taps: packed, zero_points })
    }

    /// Transformed, `len` elements in all.
    fn points(inner: &Inner, panels: PanelLayout, block: usize, len: usize) -> Result<Self, Error> {
        let Geometry { channels, columns, filter, .. } = inner.geometry;
        let mut packed = zeroed("weights", len)?;
        for (group, packed) in packed.chunks_exact_mut((len / filter.groups).max(1)).enumerate() {
            let taps = |column: usize, channel: usize| {
                let column = group * columns + column;
                inner.taps(column, channel).map(|tap| i16::from(tap as i8) - zero_point(inner, column))
            };
            pack_points(panels, taps, columns, channels, block, packed);
        }
        Ok(Self::Points(packed))
    }
}

/// The zero point of a padded column, as the signed reading counts it.
fn zero_point(inner: &Inner, column: usize) -> i16 {
    inner.zero_points.get(column).copied().unwrap_or(0)
}

/// Transformed weights that a plan keeps at most: so few that what other layers leave of a cache has them. They are eight
/// times the taps, and to read more from afar takes longer than to transform them.
const STORED_BYTES: usize = 384 << 10;

/// Channels that go into one sum: as many as the weights and inputs at most so far from their zero point allow.
fn block(inner: &Inner, channels: usize, columns: usize, farthest: u32) -> Option<usize> {
    let mut magnitudes = zeroed::<u32>("weights", product("weights", &[columns, channels]).ok()?).ok()?;
    for (index, magnitude) in magnitudes.iter_mut().enumerate() {
        let zero = inner.zero_points.get(index / channels).copied().unwrap_or(0);
        let taps = inner.taps(index / channels, index % channels);
        *magnitude = taps.iter().map(|&tap| u32::from((i16::from(tap as i8) - zero).unsigned_abs())).sum();
    }
    let within = |block: usize| {
        magnitudes.chunks_exact(channels).flat_map(|column| column.chunks(block)).all(|channels| {
            channels.iter().map(|&magnitude| u64::from(magnitude)).sum::<u64>() * u64::from(farthest) < LIMIT
        })
    };
    (1..).map(|count| depth(channels.div_ceil(count))).find(|&block| block <= SAFE_CHANNELS || within(block))
}

/// Whether Winograd's algorithm is faster than the product, with weights that are transformed so many times for an image.
///
/// A tile costs 36 products of its channels by its columns, its inputs' transform as much as the products of some
/// columns, its outputs' as much as those of some channels, and the weights' as much as all of some tiles; the product
/// costs 9 for each output.
fn pays(tiles: Tiles, transforms: usize, channels: usize, columns: usize, encoding: Encoding) -> bool {
    const LEAST: usize = 8;
    if channels < LEAST || columns < LEAST {
        return false;
    }
    let costs = match encoding {
        Encoding::Centred => Costs { input_columns: 6, output_channels: 12, weights_tiles: 3, percent: 100 },
        // Instructions that sum up what they multiply: a product of 16 bits is one instead of two, beside which the
        // transforms weigh more, and one of bytes is as fast as two of 16 bits.
        Encoding::Bytes => Costs { input_columns: 8, output_channels: 16, weights_tiles: 6, percent: 208 },
    };
    let count = (tiles.count() + costs.weights_tiles * transforms) as u128;
    let (channels, columns) = (channels as u128, columns as u128);
    let tile = channels * columns + costs.input_columns * channels + costs.output_channels * columns;
    count * POINTS as u128 * tile * costs.percent < tiles.outputs() as u128 * 9 * channels * columns * 100
}

/// What the parts of the algorithm cost.
struct Costs {
    /// Columns whose products take as long as the transform of inputs.
    input_columns: u128,
    /// Channels whose products take as long as the transform of outputs.
    output_channels: u128,
    /// Tiles that take as long as a transform of weights.
    weights_tiles: usize,
    /// Time of a multiply-accumulate in hundredths of the product's.
    percent: u128,
}

/// What the transformed inputs of a band and their sums may take, so that they stay in a second-level cache.
const TILES_BYTES: usize = 330 << 10;
/// Tiles that a band has where there are as many: each band reads all weights again.
const BAND_TILES: usize = 24;
/// Parts at most that are made only to have work to hand out.
const PARTS: usize = 4;
/// Columns that a range keeps likewise: each range transforms its inputs again.
const RANGE_COLUMNS: usize = 128;

/// Output columns of a unit that cuts do not divide: a panel, or all groups.
fn unit(panels: PanelLayout, groups: usize, columns: usize) -> usize {
    if groups == 1 { panels.width } else { columns }
}

/// Cuts into bands of whole tiles, then into ranges of columns so that several threads have work.
fn cut(tiles: Tiles, images: usize, channels: usize, units: usize, width: usize) -> Blocks {
    let [rows, columns] = tiles.grid();
    let [height, step] = [tiles.size()[0], TILE * tiles.dilation()[0]];
    let steps = height.div_ceil(step);
    // Tiles of as few rows as can be cut.
    let least = (rows / steps.max(1) * columns).max(1);
    // Of a tile: its inputs, and its sums with a panel.
    let tile = POINTS * (channels * size_of::<i16>() + width * size_of::<i32>());
    let fits = (TILES_BYTES / least.saturating_mul(tile)).max(BAND_TILES.div_ceil(least)).max(1);
    let band = steps.div_ceil(steps.div_ceil(fits).max(1)).max(1);
    // As many bands for each of two threads, if smaller ones give that.
    let is_shared = |&band: &usize| {
        let bands = steps.div_ceil(band);
        bands <= 1 || (images * bands).is_multiple_of(2)
    };
    let band = (1..=band).rev().find(is_shared).unwrap_or(band);
    let bands = steps.div_ceil(band).max(1);
    let ranges = PARTS.div_ceil(images * bands).min(units / RANGE_COLUMNS.div_ceil(width)).max(1);
    Blocks { images, height, units, band: band * step, range: units.div_ceil(ranges).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(size: [usize; 2], dilation: usize) -> Tiles {
        Tiles::new(size, [dilation; 2]).unwrap()
    }

    /// Both are among the cases that every tier is checked with.
    #[test]
    fn few_weights_are_kept_transformed() {
        let panels = PanelLayout { width: 16, half: 8, group: 2 };
        let bytes = |columns, channels| points_len(panels, columns, channels, 56) * size_of::<i16>();
        assert!(bytes(36, 48) <= STORED_BYTES && bytes(130, 144) > STORED_BYTES);
        assert!(bytes(64, 64) <= STORED_BYTES && bytes(128, 128) > STORED_BYTES);
    }

    #[test]
    fn it_pays_where_tiles_are_full_and_channels_are_many() {
        for (size, channels) in [(56, 64), (28, 128), (14, 256), (7, 512)] {
            assert!(pays(tiles([size; 2], 1), 1, channels, channels, Encoding::Centred), "{size}");
        }
        assert!(pays(tiles([28, 28], 2), 1, 128, 128, Encoding::Centred));
        for (size, channels) in [([1, 1], 512), ([3, 3], 512), ([1, 100], 64), ([56, 56], 3), ([0, 56], 64)] {
            assert!(!pays(tiles(size, 1), 1, channels, 64, Encoding::Centred), "{size:?}");
        }
        // Bytes are multiplied twice as fast, which only many full tiles make up for.
        for (size, dilation, transforms, channels, expected) in [
            (56, 1, 0, 64, true),
            (28, 1, 0, 128, true),
            (28, 2, 0, 128, true),
            (14, 1, 1, 256, false),
            (7, 1, 1, 512, false),
            (28, 1, 1, 128, true),
            (28, 2, 2, 128, true),
            (14, 2, 1, 256, false),
        ] {
            let pays = pays(tiles([size; 2], dilation), transforms, channels, channels, Encoding::Bytes);
            assert_eq!(pays, expected, "{size}, dilation {dilation}");
        }
        assert!(!pays(tiles([8, 8], 200), 1, 64, 64, Encoding::Centred));
    }

    #[test]
    fn bands_are_of_whole_tiles_and_parts_several() {
        for (size, dilation, channels) in [(56, 1, 64), (28, 1, 128), (14, 1, 256), (7, 1, 512), (28, 2, 128)] {
            let blocks = cut(tiles([size; 2], dilation), 1, channels, channels / 16, 16);
            assert_eq!(blocks.band % (TILE * dilation), 0, "{blocks:?}");
            assert!(blocks.parts() >= 2 && blocks.parts().is_multiple_of(2), "{blocks:?}");
        }
    }
}
