//! The arguments of each operation.

use crate::encode::{Encoding, Reading};
use crate::rules::Fixed;
use crate::view::{FirstOffsets, MatMut, Offsets};
use crate::winograd::Tiles;

/// Requantisation to 8 bits: `round(clamp(f32(acc) * m, low, high)) + zero point`, ties to even.
#[derive(Clone, Copy, Debug)]
pub struct Requantize {
    /// Least value, less the zero point.
    pub low: f32,
    /// Greatest value, less the zero point.
    pub high: f32,
    /// The zero point, as the unsigned reading counts it.
    pub zero_point: i32,
    /// What turns the unsigned reading into the result's.
    pub flip: u8,
}

impl Requantize {
    /// For results of a reading, with a zero point and a clamp in that reading.
    pub fn new(reading: Reading, zero_point: i32, clamp: (i32, i32)) -> Self {
        Self {
            low: (clamp.0 - zero_point) as f32,
            high: (clamp.1 - zero_point) as f32,
            zero_point: reading.as_unsigned(zero_point),
            flip: reading.flip_to_unsigned(),
        }
    }
}

/// Parameters of elements that stand in a row.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a, T> {
    /// One for all.
    All(T),
    /// One for each element, as long as the row.
    Each(&'a [T]),
}

impl<T: Copy + Default> Values<'_, T> {
    /// The one for all, or any where there are others.
    #[inline(always)]
    pub(crate) fn one(&self) -> T {
        if let Self::All(one) = self { *one } else { T::default() }
    }
}

impl<T> Values<'_, T> {
    /// Whether there is one for all.
    #[inline(always)]
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Self::All(_))
    }

    /// Whether they are for a row of so many elements.
    pub(crate) fn fit(&self, len: usize) -> bool {
        match self {
            Self::All(_) => true,
            Self::Each(each) => each.len() == len,
        }
    }
}

/// Multipliers of a requantisation.
pub type Multipliers<'a> = Values<'a, f32>;

/// Magnitude that no accumulator by its multiplier may reach at the end of a product: what is beyond cannot be rounded to
/// an integer of 32 bits, and bounding it would cost an instruction for each result, which no real multiplier needs.
pub const SCALED_BELOW: f32 = 2_147_483_648.0;

/// What becomes of the accumulators of a tile, and where they go. The slices have an entry for each padded column.
#[derive(Debug)]
pub enum Epilogue<'a> {
    /// As they are.
    I32 {
        /// The results.
        out: MatMut<'a, i32>,
    },
    /// Requantised to 8 bits.
    Bytes {
        /// Multiplier of each column: such that every accumulator's product stays below [`SCALED_BELOW`]. For taps of
        /// bytes, in the order of [`crate::pack::TapBlock::joined`].
        multipliers: &'a [f32],
        /// Clamp and zero point.
        requantize: Requantize,
        /// The results.
        out: MatMut<'a, u8>,
    },
    /// `f32(f32(acc) * scale) + bias`, each step rounded.
    F32 {
        /// Scale of each column.
        scales: &'a [f32],
        /// Bias of each column.
        bias: &'a [f32],
        /// The results.
        out: MatMut<'a, f32>,
    },
    /// `f32(f32(acc) * f32(row's scale * column's scale)) + bias`, each step rounded. Only matrix products end so.
    F32Rows {
        /// Scale of each row.
        rows: &'a [f32],
        /// Scale of each column.
        scales: &'a [f32],
        /// Bias of each column.
        bias: &'a [f32],
        /// The results.
        out: MatMut<'a, f32>,
    },
}

impl Epilogue<'_> {
    /// Checks the end of what is no matrix product.
    #[inline(always)]
    pub(crate) fn check_windows(&self, rows: usize, columns: usize, padded: usize) {
        assert!(!matches!(self, Self::F32Rows { .. }), "only rows of a matrix have scales");
        self.check(rows, columns, padded);
    }

    #[inline(always)]
    pub(crate) fn check(&self, rows: usize, columns: usize, padded: usize) {
        let (shape, unit) = match self {
            Self::I32 { out } => (out.shape(), out.strides()[1]),
            Self::Bytes { out, multipliers, .. } => {
                assert!(multipliers.len() >= padded, "a multiplier for each padded column");
                (out.shape(), out.strides()[1])
            }
            Self::F32 { out, scales, bias } => {
                assert!(scales.len() >= padded && bias.len() >= padded, "scale and bias for each padded column");
                (out.shape(), out.strides()[1])
            }
            Self::F32Rows { out, rows: of_rows, scales, bias } => {
                assert!(scales.len() >= padded && bias.len() >= padded, "scale and bias for each padded column");
                assert!(of_rows.len() >= rows, "a scale for each row");
                (out.shape(), out.strides()[1])
            }
        };
        // One by one: as an array it would be read back from where its halves were just written, which stalls.
        assert!(shape[0] == rows && shape[1] == columns, "shape of the output");
        assert!(unit == 1 || columns <= 1, "the output's columns stand side by side");
    }
}

/// The activations of a product, as its kernel takes them: [`crate::KernelSet::encoding`].
#[derive(Clone, Copy, Debug)]
pub enum Activations<'a> {
    /// Less their zero points, in 16 bits.
    Centred(&'a [i16]),
    /// As they are, and how they are read.
    Bytes(&'a [u8], Reading),
}

impl<'a> Activations<'a> {
    /// The encoding.
    pub fn encoding(&self) -> Encoding {
        match self {
            Self::Centred(_) => Encoding::Centred,
            Self::Bytes(..) => Encoding::Bytes,
        }
    }

    /// The activations from an index.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn from(self, index: usize) -> Self {
        match self {
            Self::Centred(values) => Self::Centred(&values[index..]),
            Self::Bytes(values, reading) => Self::Bytes(&values[index..], reading),
        }
    }

    /// The values, if they are centred; else none.
    pub fn centred(&self) -> &'a [i16] {
        match self {
            Self::Centred(values) => values,
            Self::Bytes(..) => &[],
        }
    }

    /// The values, if they are bytes; else none.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Centred(_) => &[],
            Self::Bytes(values, _) => values,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Centred(values) => values.len(),
            Self::Bytes(values, _) => values.len(),
        }
    }
}

/// A product: rows of activations by packed panels.
#[derive(Debug)]
pub struct GemmArgs<'a> {
    /// The activations.
    pub a: Activations<'a>,
    /// Where each row begins in `a`.
    pub rows: FirstOffsets<'a>,
    /// Where each segment of K begins, from the row's begin.
    pub segments: &'a Offsets,
    /// Values of a segment: a multiple of the panels' group.
    pub segment_len: usize,
    /// Packed panels of the columns.
    pub panels: &'a [u8],
    /// Zero points of the padded columns, as the signed reading counts them; empty if all are 0.
    pub zero_points: &'a [i16],
    /// Zero points of the rows that are not in the bias yet, in the reading of the bytes; empty if there are none.
    pub row_zero_points: &'a [i32],
    /// The sum of each padded column, less its zero points ([`crate::pack::sums`]); only for `row_zero_points`.
    pub sums: &'a [i32],
    /// The term of each padded column ([`crate::pack::terms`]), where [`crate::KernelSet::takes_terms`]; empty if they are
    /// not known, so that a kernel that needs them sums them up.
    pub terms: &'a [i32],
    /// Columns.
    pub columns: usize,
    /// Added to each accumulator, for each padded column.
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
    /// Room for what the kernel prepares: [`crate::KernelSet::gemm_scratch_len`].
    pub scratch: &'a mut [i32],
}

/// The weights of a depthwise convolution, as its kernel takes them.
#[derive(Clone, Copy, Debug)]
pub enum TapWeights<'a> {
    /// For centred activations: blocks of channels ([`crate::KernelSet::depthwise_lanes`]), in a block pairs of taps, in a pair
    /// channels in the order of [`crate::KernelSet::depthwise_order`], in a channel the two taps.
    Pairs(&'a [i16]),
    /// For unsigned bytes, packed as [`crate::KernelSet::tap_layout`] says.
    Bytes(&'a [i8]),
    /// For unsigned bytes in groups, whose outputs are as many as their channels.
    Groups {
        /// Blocks of channels ([`crate::KernelSet::group_layout`]); in a block taps; in a tap, for each fourth of a group's
        /// outputs, four outputs; in an output, for each of the block's groups, a weight for each channel.
        weights: &'a [i8],
        /// Channels of a group: 4 or 8.
        width: usize,
    },
}

impl<'a> TapWeights<'a> {
    pub(crate) fn pairs(self) -> &'a [i16] {
        match self {
            Self::Pairs(pairs) => pairs,
            Self::Bytes(_) | Self::Groups { .. } => &[],
        }
    }

    pub(crate) fn bytes(self) -> &'a [i8] {
        match self {
            Self::Pairs(_) | Self::Groups { .. } => &[],
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A depthwise convolution: each channel by its own taps; or one in groups, of which each has few channels.
#[derive(Debug)]
pub struct DepthwiseArgs<'a> {
    /// The activations: centred for pairs of taps, else unsigned bytes.
    pub a: Activations<'a>,
    /// Where each output pixel's window begins in `a`.
    pub rows: FirstOffsets<'a>,
    /// Where each tap lies, from the window's begin: an even number, the last one without weight where it was added.
    pub taps: &'a Offsets,
    /// Packed weights.
    pub weights: TapWeights<'a>,
    /// Channels.
    pub channels: usize,
    /// Added to each accumulator, for each padded channel; for taps of bytes in the order of
    /// [`crate::pack::TapBlock::joined`].
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
}

/// A depthwise convolution of unsigned bytes by windows of 3 × 3 that share columns.
#[derive(Debug)]
pub struct SlidingArgs<'a> {
    /// What is computed.
    pub windows: SlidingWindows<'a>,
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
}

/// Windows of 3 × 3 that share columns. Lines of the input that lie outside, and a row's first and last column, may be
/// padding.
#[derive(Clone, Copy, Debug)]
pub struct SlidingWindows<'a> {
    /// Lines of the input. Pixels follow each other.
    pub a: &'a [u8],
    /// How many lines.
    pub lines: usize,
    /// Elements from a line to the next.
    pub line_len: usize,
    /// Elements of a line that are the input's: columns behind them are padding, as those before the line are.
    pub line_end: usize,
    /// What a line of padding holds: as many elements as a line's columns reach over.
    pub padding: &'a [u8],
    /// The line of the first row's first taps, which may be outside.
    pub first: isize,
    /// Rows of outputs.
    pub rows: usize,
    /// Lines from one row of outputs to the next.
    pub down: usize,
    /// Lines from one tap to the next.
    pub apart: usize,
    /// Outputs of a row.
    pub width: usize,
    /// By how many columns of taps windows move from one output to the next: 1 or 2.
    pub columns: usize,
    /// Elements from one column of taps to the next.
    pub pitch: usize,
    /// Where the first output's first column begins in a line: below 0 if it is padding.
    pub start: isize,
    /// Packed weights, as [`crate::KernelSet::tap_layout`] says.
    pub weights: &'a [i8],
    /// Channels.
    pub channels: usize,
    /// Added to each accumulator, for each padded channel in the order of [`crate::pack::TapBlock::joined`].
    pub bias: &'a [i32],
}

impl SlidingWindows<'_> {
    /// Where the last output's last column begins in a line.
    fn last(&self) -> Option<isize> {
        let columns = self.width.checked_sub(1)?.checked_mul(self.columns)?.checked_add(2)?;
        self.start.checked_add(isize::try_from(columns.checked_mul(self.pitch)?).ok()?)
    }

    /// Whether a row's first column and its last are padding.
    pub(crate) fn ends(&self) -> [bool; 2] {
        let last = self.last().unwrap_or(isize::MAX);
        [self.start < 0, last.saturating_add(self.channels as isize) > self.line_end as isize]
    }

    /// Whether everything that a kernel reads is there, for channels padded to blocks.
    pub(crate) fn fits(&self, padded: usize) -> bool {
        let (Some(last), Ok(pitch)) = (self.last(), isize::try_from(self.pitch)) else { return false };
        let [left, right] = self.ends();
        // Padding is a row's first column or its last, no others.
        let first = if left { self.start.checked_add(pitch) } else { Some(self.start) };
        let Some(first) = first else { return false };
        let last = if right { last - pitch } else { last };
        let (Ok(_), Ok(last)) = (usize::try_from(first), usize::try_from(last)) else { return false };
        let Some(reach) = last.checked_add(padded) else { return false };
        let inside = last.checked_add(self.channels).is_some_and(|end| end <= self.line_end);
        let lines =
            self.lines.checked_sub(1).map_or(Some(0), |lines| lines.checked_mul(self.line_len)?.checked_add(reach));
        let rows = self.rows.checked_mul(self.down).and_then(|rows| rows.checked_add(self.apart.checked_mul(2)?));
        inside
            && reach.max(padded) <= self.padding.len()
            && lines.is_some_and(|end| end <= self.a.len())
            && rows.is_some_and(|rows| isize::try_from(rows).is_ok_and(|rows| self.first.checked_add(rows).is_some()))
    }
}

/// The weights of a convolution by Winograd's algorithm.
#[derive(Debug)]
pub enum WinogradWeights<'a> {
    /// Taps, which the kernel transforms.
    Taps {
        /// Packed taps of the columns, of each group: [`crate::winograd::pack`].
        taps: &'a [u8],
        /// The zero point of each padded column, as the signed reading counts it, twice.
        zero_points: &'a [i16],
        /// Room for what they become: [`crate::KernelSet::winograd_scratch_len`].
        room: &'a mut [i16],
    },
    /// What they become, of each group: [`crate::winograd::pack_points`].
    Points(&'a [i16]),
}

/// A convolution of 3 × 3 taps with strides of 1, by Winograd's algorithm.
#[derive(Debug)]
pub struct WinogradArgs<'a> {
    /// A band of the activations, centred within ±255, padding included: as many rows and pixels as the tiles reach.
    pub a: &'a [i16],
    /// Elements from one row of `a` to the next. Pixels follow each other.
    pub row_len: usize,
    /// Groups: if several, their columns are whole registers.
    pub groups: usize,
    /// Input channels of a group.
    pub channels: usize,
    /// The outputs, and how they fall into tiles.
    pub tiles: Tiles,
    /// The weights of the columns.
    pub weights: WinogradWeights<'a>,
    /// Input channels of a block: even. Sums over a block stay below [`crate::winograd::LIMIT`].
    pub block: usize,
    /// Columns of a group: output channels.
    pub columns: usize,
    /// Added to each accumulator, for each padded column.
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
    /// Room for the inputs' transform, and for sums: [`crate::KernelSet::winograd_scratch_len`].
    pub inputs: &'a mut [i16],
    /// Likewise.
    pub sums: &'a mut [i32],
}

/// `clip(round(x / scale) + zero point)`, ties to even, NaN to the lower bound.
#[derive(Clone, Copy, Debug)]
pub struct QuantizeArgs {
    /// The scale.
    pub scale: f32,
    /// Clamp, zero point and reading.
    pub to: Requantize,
}

/// `f32(x - zero point) * scale`.
#[derive(Clone, Copy, Debug)]
pub struct DequantizeArgs {
    /// The scale.
    pub scale: f32,
    /// The zero point, as the unsigned reading counts it.
    pub zero_point: i32,
    /// What turns the operand's bytes into the unsigned reading.
    pub flip: u8,
}

/// `clip(round(fma(a, ra, fma(b, rb, k))))`: an addition of quantised values as onnxruntime computes it.
#[derive(Clone, Copy, Debug)]
pub struct AddArgs {
    /// Scale of `a` by the result's.
    pub ra: f32,
    /// Scale of `b` by the result's.
    pub rb: f32,
    /// What the zero points come to.
    pub k: f32,
    /// Readings of `a`, `b` and the result.
    pub readings: [Reading; 3],
}

/// `clip(round(f32(f32((a - za)(b - zb)) * multiplier) + zero))`, every step rounded: a multiplication of quantised values
/// as onnxruntime computes it.
#[derive(Clone, Copy, Debug)]
pub struct MulArgs {
    /// Zero points of `a` and `b`, each in its reading.
    pub zero_points: [i32; 2],
    /// The product of their scales by the result's.
    pub multiplier: f32,
    /// Zero point of the result, in its reading.
    pub zero: f32,
    /// Readings of `a`, `b` and the result.
    pub readings: [Reading; 3],
}

/// The mean of each channel over all pixels, requantised.
#[derive(Debug)]
pub struct PoolArgs<'a> {
    /// The pixels; the rows stand `stride` bytes apart.
    pub x: &'a [u8],
    /// How many pixels.
    pub pixels: usize,
    /// Bytes from a pixel to the next.
    pub stride: usize,
    /// What turns the operand's bytes into the unsigned reading.
    pub flip: u8,
    /// Zero point of `x` times the number of pixels, as the unsigned reading counts it.
    pub zero: i32,
    /// `sx / (sy * pixels)`.
    pub multiplier: f32,
    /// To the result.
    pub to: Requantize,
    /// A byte for each channel.
    pub y: &'a mut [u8],
}

/// A softmax of rows of quantised values: `clip(rne(f64(f64(e * scale) / sum)) + zero_point)`, where `sum` is that of the
/// row's exponentials in binary32, in order.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxArgs<'a> {
    /// The exponential of what is less than the row's greatest value by 255, 254 and so on to 0; the last one is above 0.
    pub exponentials: &'a [f32; 256],
    /// The greatest integer that the reciprocal of the result's scale is not less than.
    pub scale: f64,
    /// What turns the operand's bytes into the unsigned reading.
    pub flip: u8,
    /// Zero point of the result, in its reading.
    pub zero_point: i32,
    /// Least and greatest result, in its reading.
    pub clamp: (i32, i32),
}

/// An addition of quantised values in integers.
#[derive(Clone, Copy, Debug)]
pub struct IntegerAdd {
    /// The rule.
    pub sum: IntegerSum,
    /// Zero point of the result, in its reading.
    pub zero_point: i32,
    /// Least and greatest result, in its reading.
    pub clamp: (i32, i32),
    /// Readings of `a`, `b` and the result.
    pub readings: [Reading; 3],
}

/// What becomes of two values.
#[derive(Clone, Copy, Debug)]
pub enum IntegerSum {
    /// As TFLite: `(x - zero_point) * 2^20` of each by a multiplier, and their sum by a third.
    Tflite {
        /// Zero points of `a` and `b`, each in its reading.
        zero_points: [i32; 2],
        /// Multipliers of `a` and `b`, of 1/2 at most.
        by: [Fixed; 2],
        /// The multiplier of the sum, less than 1.
        to: Fixed,
    },
    /// As XNNPACK: `(bias + a * by[0] + b * by[1]) >> shift`.
    Xnnpack {
        /// Half of what is shifted out, less the zero points times their multipliers.
        bias: i32,
        /// Multipliers of `a` and `b`, at most 2^21.
        by: [i32; 2],
        /// Bits, from 13 to 30.
        shift: u32,
    },
}
