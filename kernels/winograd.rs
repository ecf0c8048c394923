//! Winograd's F(4×4, 3×3), exact in integers: how a convolution of 3 × 3 taps falls into tiles, and its weights.
//!
//! A tile is 4 × 4 outputs, which 6 × 6 inputs reach. Along one axis, with the points 0, 1, -1, 2, -2 and infinity:
//!
//! ```text
//! inputs      v0 = 4 d0 - 5 d2 + d4        v1, v2 = (d4 - 4 d2) ± (d3 - 4 d1)      v5 = 4 d1 - 5 d3 + d5
//!                                          v3, v4 = (d4 - d2) ± 2 (d3 - d1)
//! weights     u0 = 6 w0                    u1, u2 = w0 ± w1 + w2                   u5 = 6 w2
//!                                          u3, u4 = w0 ± 2 w1 + 4 w2
//! products    m = v · u, one for each point instead of three for each output
//! outputs     24 y0 = m0 - 4 (m1 + m2) + (m3 + m4)       12 y1 = (m3 - m4) - 2 (m1 - m2)
//!              6 y2 = (m3 + m4) - (m1 + m2)               6 y3 = 2 (m3 - m4) - (m1 - m2) + m5
//! ```
//!
//! and along the other axis the same: 36 products for 16 outputs, which 9 taps would take 144 for.
//!
//! **Why it is exact.** Inputs less their zero point lie within ±255, and each `v` has coefficients of at most 10 in
//! all: 100 · 255 = 25,500 fits 16 bits. Weights likewise, 7 · 7 · 255 = 12,495. Everything behind is modulo 2^32, where
//! sums may wrap. An output comes out as `9 · 2^k · y` with `k` of 2 to 6: times the inverse of 9 and `2^(6-k)` that is
//! `64 y`, and the arithmetic shift by 6 gives `y`, if `|y| < 2^25`: [`LIMIT`]. Where the sum over all channels may be
//! greater, it is made of sums over blocks of channels that are not.

use crate::pack::PanelLayout;

/// Outputs of a tile along an axis.
pub const TILE: usize = 4;
/// Inputs of a tile along an axis.
pub const WINDOW: usize = 6;
/// Products of a tile and a channel.
pub const POINTS: usize = WINDOW * WINDOW;
/// Channels whose transformed weights are made at a time, a row of points after the other: even. With registers of 256 bits, a
/// row stays in a first-level cache.
pub(crate) const STEP: usize = 128;
/// What the magnitude of a sum over a block of channels stays below.
pub const LIMIT: u64 = 1 << 25;
/// Channels of a block whose sums stay below [`LIMIT`] whatever the operands are: 56 · 9 · 255 · 255.
pub const SAFE_CHANNELS: usize = 56;

/// How outputs fall into tiles. With a dilation, a tile's outputs lie as far apart as its taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// Rows and columns of outputs.
    pub(crate) size: [usize; 2],
    /// Distance between taps, down and across.
    pub(crate) dilation: [usize; 2],
}

impl Tiles {
    /// The tiles of rows and columns of outputs, for a dilation down and across; nothing for sizes that nobody has, of
    /// which counts might overflow.
    pub fn new(size: [usize; 2], dilation: [usize; 2]) -> Option<Self> {
        let fits = size.iter().all(|&size| size <= 1 << 14) && dilation.iter().all(|step| (1..=1 << 8).contains(step));
        fits.then_some(Self { size, dilation })
    }

    /// Rows and columns of outputs.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Distance between taps, down and across.
    pub fn dilation(&self) -> [usize; 2] {
        self.dilation
    }

    /// Rows and columns of tiles.
    pub fn grid(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.size[axis].div_ceil(TILE * self.dilation[axis]) * self.dilation[axis])
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let [rows, columns] = self.grid();
        rows * columns
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Rows and columns of inputs that all tiles reach, those of outputs beyond the last among them.
    pub fn reach(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.size[axis].next_multiple_of(TILE * self.dilation[axis]) + 2 * self.dilation[axis])
    }

    /// The first output, row and column, of the tile at a row and a column of tiles; its first input is there too.
    #[inline(always)]
    pub(crate) fn origin(&self, at: [usize; 2]) -> [usize; 2] {
        let [down, across] = self.dilation;
        [at[0] / down * (TILE * down) + at[0] % down, at[1] / across * (TILE * across) + at[1] % across]
    }
}

/// 16-bit elements that matrices of neighbouring points are moved apart by: points that lie a multiple of some KiB
/// apart would crowd into a few sets of the first-level cache. As many bytes for 32-bit ones.
const APART: usize = 32;

/// Elements from one point's matrix of inputs to the next, of tiles and padded channels.
pub(crate) fn input_plane(tiles: usize, channels: usize, width: usize) -> usize {
    tiles.saturating_mul(channels.next_multiple_of(width)).saturating_add(APART)
}

/// Elements from one point's matrix of sums to the next, of tiles and columns of a panel.
pub(crate) fn sums_plane(tiles: usize, width: usize) -> usize {
    tiles.saturating_mul(width).saturating_add(APART / 2)
}

/// Elements from one point's matrix of weights to the next, of the channels of a block and the columns of a panel.
pub(crate) fn weights_plane(channels: usize, width: usize) -> usize {
    channels.saturating_mul(width).saturating_add(APART)
}

/// Channels as they are stored with the weights: pairs.
pub fn depth(channels: usize) -> usize {
    channels.next_multiple_of(2)
}

/// Taps of a kernel.
pub const TAPS: usize = 9;

/// Packs the weights `taps(output channel, input channel)`, which stand for the signed reading, into `packed`. That has
/// [`TAPS`] bytes for each padded column and each channel of the [`depth`], and is zeroed. The channel that makes the
/// depth even holds `zero_point(output channel)`, which adds nothing.
///
/// Packed: panels of columns; in a panel, pairs of channels; in a pair, taps; in a tap, columns; in a column, the two
/// channels' values side by side.
///
/// # Panics
/// If a length does not fit.
pub fn pack(
    layout: PanelLayout,
    taps: impl Fn(usize, usize) -> [u8; TAPS],
    zero_point: impl Fn(usize) -> i16,
    columns: usize,
    channels: usize,
    packed: &mut [u8],
) {
    let depth = depth(channels);
    assert_eq!(packed.len(), TAPS * layout.padded_columns(columns) * depth, "packed length");
    let mut rest = packed;
    for first in (0..columns).step_by(layout.width) {
        let width = layout.width_at(first, columns);
        let (panel, tail) = rest.split_at_mut(TAPS * width * depth);
        rest = tail;
        for lane in 0..width.min(columns - first) {
            let padding = [zero_point(first + lane) as u8; TAPS];
            for (index, pair) in panel.chunks_exact_mut(TAPS * width * 2).enumerate() {
                for within in 0..2 {
                    let channel = index * 2 + within;
                    let values = if channel < channels { taps(first + lane, channel) } else { padding };
                    for (tap, value) in pair.chunks_exact_mut(width * 2).zip(values) {
                        tap[lane * 2 + within] = value;
                    }
                }
            }
        }
    }
}

/// The steps in which the channels of a depth are summed up: the first channel of each, and how many they are. A block of
/// channels begins with a step.
pub(crate) fn steps(depth: usize, block: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..depth).step_by(block.max(1)).flat_map(move |first| {
        let end = (first + block).min(depth);
        (first..end).step_by(STEP).map(move |step| (step, STEP.min(end - step)))
    })
}

/// Elements of the transformed weights of some columns, of so many channels in blocks: those of [`pack_points`].
pub fn points_len(layout: PanelLayout, columns: usize, channels: usize, block: usize) -> usize {
    let panel = |width: usize| {
        steps(depth(channels), block).fold(0, |len: usize, (_, channels)| {
            len.saturating_add(weights_plane(channels, width).saturating_mul(POINTS))
        })
    };
    let whole = columns / layout.width;
    let rest =
        if columns.is_multiple_of(layout.width) { 0 } else { panel(layout.width_at(whole * layout.width, columns)) };
    panel(layout.width).saturating_mul(whole).saturating_add(rest)
}

/// Packs the transform of weights into `packed`, which has [`points_len`] elements and is zeroed; `taps(output channel,
/// input channel)` are the weights less their zero points.
///
/// Packed: panels of columns; in a panel, steps of channels; in a step, points, a few elements apart; in a point, pairs of
/// channels; in a pair, columns; in a column, the two channels' values side by side.
///
/// # Panics
/// If a length does not fit.
pub fn pack_points(
    layout: PanelLayout,
    taps: impl Fn(usize, usize) -> [i16; TAPS],
    columns: usize,
    channels: usize,
    block: usize,
    packed: &mut [i16],
) {
    assert_eq!(packed.len(), points_len(layout, columns, channels, block), "packed length");
    let mut rest = packed;
    for first in (0..columns).step_by(layout.width) {
        let width = layout.width_at(first, columns);
        for (begin, len) in steps(depth(channels), block) {
            let plane = weights_plane(len, width);
            let (step, tail) = rest.split_at_mut(POINTS * plane);
            rest = tail;
            for lane in 0..width.min(columns - first) {
                for index in 0..len.min(channels - begin) {
                    let points = transformed(taps(first + lane, begin + index));
                    let at = (index / 2 * width + lane) * 2 + index % 2;
                    for (point, plane) in points.into_iter().zip(step.chunks_exact_mut(plane)) {
                        plane[at] = point;
                    }
                }
            }
        }
    }
}

/// The transform of a channel's taps, along the rows and then along the columns: at most 12,495, which fits.
fn transformed(taps: [i16; TAPS]) -> [i16; POINTS] {
    let along = |[a, b, c]: [i16; 3]| [6 * a, a + b + c, a - b + c, a + 2 * b + 4 * c, a - 2 * b + 4 * c, 6 * c];
    let rows = [0, 3, 6].map(|row| along([taps[row], taps[row + 1], taps[row + 2]]));
    let columns: [[i16; WINDOW]; WINDOW] = core::array::from_fn(|x| along([rows[0][x], rows[1][x], rows[2][x]]));
    core::array::from_fn(|point| columns[point % WINDOW][point / WINDOW])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_output_once() {
        for (size, dilation) in
            [([1, 1], [1, 1]), ([4, 9], [1, 1]), ([13, 6], [2, 3]), ([0, 5], [1, 2]), ([2, 8], [3, 1])]
        {
            let tiles = Tiles::new(size, dilation).unwrap();
            let ([rows, columns], reach) = (tiles.grid(), tiles.reach());
            let mut seen = alloc::vec![0; size[0] * size[1]];
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let [y, x] = tiles.origin([row, column]);
                assert!(y + 5 * dilation[0] < reach[0] && x + 5 * dilation[1] < reach[1], "{tiles:?}");
                for (i, j) in (0..TILE).flat_map(|i| (0..TILE).map(move |j| (i, j))) {
                    let [y, x] = [y + i * dilation[0], x + j * dilation[1]];
                    if y < size[0] && x < size[1] {
                        seen[y * size[1] + x] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{tiles:?}");
        }
    }

    #[test]
    fn a_block_of_safe_channels_is_within_the_limit() {
        assert!((SAFE_CHANNELS * 9 * 255 * 255) as u64 <= LIMIT);
    }
}
