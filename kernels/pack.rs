//! Packing of weights, by the layout that a kernel declares.
//!
//! A product's weights are a matrix of K rows and N columns. K falls into segments of equal length (one for a matrix,
//! one a kernel row or tap for a convolution), and each segment is padded to a multiple of the kernel's group.
//!
//! Packed panels: columns in panels of the kernel's width, the last one of half the width where that is enough; in a panel,
//! groups of K; in a group, columns; in a column, the group's values side by side.
//!
//! **The tail.** Where K is padded, and in columns beyond N, the stored value is the column's zero point, which is 0
//! once centred: whatever the activations hold there adds nothing.

use core::ops::Range;

use crate::encode::Reading;

/// The layout of packed panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelLayout {
    /// Columns of a panel.
    pub width: usize,
    /// Columns that the last panel may have: half of the width, or all.
    pub half: usize,
    /// Values of K that are multiplied by one instruction.
    pub group: usize,
}

impl PanelLayout {
    /// Columns, padding included, that are stored for `columns`.
    #[inline]
    pub fn padded_columns(&self, columns: usize) -> usize {
        // By a mask: a small call would wait for a division.
        debug_assert!(self.half.is_power_of_two());
        (columns + (self.half - 1)) & !(self.half - 1)
    }

    /// Whether values of K are whole groups.
    #[inline]
    pub(crate) fn are_groups(&self, values: usize) -> bool {
        debug_assert!(self.group.is_power_of_two());
        values & (self.group - 1) == 0
    }

    /// The width of the panel that begins at a column of `columns`.
    pub fn width_at(&self, column: usize, columns: usize) -> usize {
        self.width.min(self.padded_columns(columns - column))
    }
}

/// Where a column's values stand in packed panels.
#[derive(Clone, Copy)]
pub struct Column {
    first: usize,
    /// Bytes from one group of K to the next.
    step: usize,
    /// What a value of K is shifted right by to give its group; groups are powers of two.
    shift: u32,
}

impl PanelLayout {
    /// The places of a column of `columns`, over a padded depth.
    pub fn column(&self, column: usize, columns: usize, depth: usize) -> Column {
        let first = column / self.width * self.width;
        let step = self.width_at(first, columns) * self.group;
        Column { first: first * depth + (column - first) * self.group, step, shift: self.group.trailing_zeros() }
    }
}

impl Column {
    /// The index of a value of K.
    pub fn at(&self, k: usize) -> usize {
        let group = k >> self.shift;
        self.first + group * self.step + (k - (group << self.shift))
    }
}

/// How weights of depthwise convolutions of bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapPacking {
    /// In pairs of taps, each of a high and a low digit: `16 * high + low`, of magnitudes up to 8, such that no window of
    /// any bytes sums up to more than 16 bits in either, in the order of taps.
    Digits,
    /// In quads of taps, as they are.
    Quads,
}

impl TapPacking {
    /// Taps of a unit, which are multiplied at once.
    pub const fn unit(self) -> usize {
        match self {
            Self::Digits => 2,
            Self::Quads => 4,
        }
    }

    /// Layers of a unit: both digits, or one.
    pub const fn layers(self) -> usize {
        match self {
            Self::Digits => 2,
            Self::Quads => 1,
        }
    }
}

/// The layout of packed weights of depthwise convolutions of bytes: blocks of channels; in a block once or twice units of
/// taps; in a unit layers; in a layer channels in an order; in a channel the unit's taps.
///
/// The taps go down the columns of a window. Windows of 3 × 3 have theirs twice, each column of four: their second form is
/// for the four rows from one above.
#[derive(Clone, Copy, Debug)]
pub struct TapLayout {
    /// Digits or quads.
    pub packing: TapPacking,
    /// A block.
    pub block: TapBlock,
    /// A smaller block, which is the last one where it has enough channels.
    pub half: Option<TapBlock>,
}

/// The order of a block's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapBlock {
    /// The channel at each place of a layer.
    pub order: &'static [u8],
    /// The channel at each place of the bias, and of multipliers to bytes.
    pub joined: &'static [u8],
}

impl TapBlock {
    /// Channels of the block.
    pub fn lanes(&self) -> usize {
        self.order.len()
    }
}

impl TapLayout {
    /// How many channels are not of a half block.
    pub fn whole(&self, channels: usize) -> usize {
        let rest = channels % self.block.lanes();
        match self.half {
            Some(half) if (1..=half.lanes()).contains(&rest) => channels - rest,
            _ => channels,
        }
    }

    /// The blocks of so many channels, each with its first channel.
    pub fn blocks(&self, channels: usize) -> impl Iterator<Item = (usize, TapBlock)> {
        let whole = self.whole(channels);
        let half = self.half.filter(|_| whole < channels).map(|half| (whole, half));
        (0..whole).step_by(self.block.lanes()).map(|first| (first, self.block)).chain(half)
    }

    /// The channel at each place of biases and sums, those behind the last channel too: as many as are padded.
    pub fn joined(&self, channels: usize) -> impl Iterator<Item = usize> {
        let places = |block: TapBlock| block.joined.iter().copied().map(usize::from);
        self.blocks(channels).flat_map(move |(first, block)| places(block).map(move |channel| first + channel))
    }

    /// Channels with those that fill the last block.
    pub fn padded(&self, channels: usize) -> usize {
        let whole = self.whole(channels);
        let half = self.half.filter(|_| whole < channels).map_or(0, |half| half.lanes());
        whole.next_multiple_of(self.block.lanes()) + half
    }

    /// Taps down a column of a window of some height, those without weight included.
    pub fn column(&self, height: usize) -> usize {
        match self.packing {
            TapPacking::Quads if height != 3 => height,
            _ => height.next_multiple_of(self.packing.unit()),
        }
    }

    /// Taps of a window of some height and width, those without weight included.
    pub fn taps(&self, [height, width]: [usize; 2]) -> usize {
        (width * self.column(height)).next_multiple_of(self.packing.unit())
    }
}

/// Where packed values come from: rows of K and columns of a matrix in memory.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The bytes; the value of row `k` and column `n` stands at `row(k) + n * column_stride`.
    pub data: &'a [u8],
    /// Distance between columns.
    pub column_stride: usize,
    /// How the bytes are read.
    pub reading: Reading,
}

/// A row of K in a source.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it begins.
    pub at: usize,
    /// The columns that have a value in it. The others hold their zero point, which adds nothing.
    pub columns: Range<usize>,
}

/// Packs columns of a matrix into `packed`, which has `depth` bytes for each padded column. `rows(k)` is row `k` of the
/// source, or nothing where K is padded; the depth is a multiple of the group. Stored is the signed reading.
///
/// # Panics
/// If a length does not fit.
#[inline(always)]
pub fn panels(
    layout: PanelLayout,
    source: Source<'_>,
    rows: impl Fn(usize) -> Option<Row>,
    depth: usize,
    columns: Range<usize>,
    zero_points: impl Fn(usize) -> i8,
    packed: &mut [u8],
) {
    let PanelLayout { width, group, .. } = layout;
    let flip = source.reading.flip_to_signed();
    let count = columns.len();
    assert_eq!(packed.len(), depth * layout.padded_columns(count), "packed length");
    let mut rest = packed;
    for first in (0..count).step_by(width) {
        let panel_width = layout.width_at(first, count);
        let (panel, tail) = rest.split_at_mut(panel_width * depth);
        rest = tail;
        for (index, slot) in panel.chunks_exact_mut(panel_width * group).enumerate() {
            for within in 0..group {
                let row = rows(index * group + within);
                for lane in 0..panel_width {
                    let column = columns.start + first + lane;
                    let byte = match &row {
                        Some(row) if row.columns.contains(&column) => {
                            source.data[row.at + column * source.column_stride] ^ flip
                        }
                        _ if column < columns.end => zero_points(column) as u8,
                        _ => 0,
                    };
                    slot[lane * group + within] = byte;
                }
            }
        }
    }
}

/// The sum of each padded column of packed panels, less its zero points: `Σ (b - zb)`. `zero_points` are those of
/// [`panels`], or empty if all are 0.
///
/// # Panics
/// If the lengths do not fit.
#[inline(always)]
pub fn sums(layout: PanelLayout, packed: &[u8], depth: usize, zero_points: &[i16], sums: &mut [i32]) {
    let PanelLayout { width, group, .. } = layout;
    assert_eq!(packed.len(), depth * sums.len(), "packed length");
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = zero_points.get(index).map_or(0, |&zero| -(depth as i32).wrapping_mul(i32::from(zero)));
    }
    if depth == 0 {
        return;
    }
    let mut rest = packed;
    for sums in sums.chunks_mut(width) {
        let (panel, tail) = rest.split_at(sums.len() * depth);
        rest = tail;
        for groups in panel.chunks_exact(sums.len() * group) {
            for (sum, values) in sums.iter_mut().zip(groups.chunks_exact(group)) {
                *sum = values.iter().fold(*sum, |sum, &value| sum.wrapping_add(i32::from(value as i8)));
            }
        }
    }
}

/// The term of each padded column of packed panels, where operands are crossed: over the quads of each segment,
/// `Σ (b₁ b₃ + b₂ b₄)`, values less their zero points. A quad is two groups; a group that is left of a segment is in none.
/// `zero_points` are those of [`panels`], or empty if all are 0.
///
/// # Panics
/// If the lengths do not fit.
#[inline(always)]
pub fn terms(layout: PanelLayout, packed: &[u8], segment_len: usize, zero_points: &[i16], terms: &mut [i32]) {
    let PanelLayout { width, group, .. } = layout;
    terms.fill(0);
    let depth = packed.len().checked_div(terms.len()).unwrap_or(0);
    assert!(packed.len() == depth * terms.len() && depth.is_multiple_of(segment_len.max(1)), "packed length");
    let mut rest = packed;
    for (index, terms) in terms.chunks_mut(width).enumerate() {
        let (panel, tail) = rest.split_at(terms.len() * depth);
        rest = tail;
        let groups = terms.len() * group;
        let quads = panel.chunks_exact((terms.len() * segment_len).max(1)).flat_map(|one| one.chunks_exact(2 * groups));
        for (first, second) in quads.map(|quad| quad.split_at(groups)) {
            let values = first.chunks_exact(group).zip(second.chunks_exact(group));
            for (lane, (term, (first, second))) in terms.iter_mut().zip(values).enumerate() {
                let zero = zero_points.get(index * width + lane).map_or(0, |&zero| i32::from(zero));
                for (&one, &other) in first.iter().zip(second) {
                    let product = (i32::from(one as i8) - zero) * (i32::from(other as i8) - zero);
                    *term = term.wrapping_add(product);
                }
            }
        }
    }
}
