//! What a tier offers: names, layouts and pointers, the arguments of each operation, and the safe calls.
//!
//! The safe calls check what the pointers need and are the only callers of the pointers. A call is big, a band of rows
//! by a range of panels, so a check costs nothing that can be measured.

use alloc::vec::Vec;

use crate::encode::{Encoding, Reading};
use crate::generic::strassen::Halves;
use crate::isa::Isa;
use crate::pack::{PanelLayout, TapLayout};
use crate::view::{MatMut, Offsets};
use crate::winograd::{POINTS, STEP, TAPS, Tiles, depth, input_plane, sums_plane, weights_plane};

/// A named function of a tier. The pointer is called by the safe calls of [`KernelSet`] alone.
#[derive(Clone, Copy)]
pub(crate) struct Kernel<F> {
    pub(crate) name: &'static str,
    pub(crate) run: F,
}

/// The kernels of a tier. One is only handed out for a CPU that has the tier's features ([`crate::tier`]), or for
/// looking at names ([`crate::TIERS`]): the safe calls refuse to run where the features are missing.
#[allow(clippy::type_complexity, reason = "each pointer's type is written where the operation stands, and only there")]
pub struct KernelSet {
    pub(crate) isa: Isa,
    /// How `gemm` and `gemv` take their activations.
    pub(crate) encoding: Encoding,
    /// Columns and grouping of the panels that `gemm` and `gemv` multiply.
    pub(crate) panels: PanelLayout,
    /// Rows of the largest tile of `gemm`.
    pub(crate) rows: usize,
    pub(crate) gemm: Kernel<unsafe fn(&mut GemmArgs<'_>)>,
    pub(crate) gemv: Kernel<unsafe fn(&mut GemmArgs<'_>)>,
    /// Channels of a block of depthwise weights.
    pub(crate) depthwise_lanes: usize,
    /// The channel of a block at each position of its packed weights.
    pub(crate) depthwise_order: &'static [u8],
    pub(crate) depthwise: Kernel<unsafe fn(&mut DepthwiseArgs<'_>)>,
    /// Convolution by Winograd's algorithm and the layout of its weights, where that gains on the product.
    pub(crate) winograd: Option<(Kernel<unsafe fn(&mut WinogradArgs<'_>)>, PanelLayout)>,
    /// Depthwise convolution of bytes and the layout of its weights, where the tier has that.
    pub(crate) byte_taps: Option<(Kernel<unsafe fn(&mut DepthwiseArgs<'_>)>, TapLayout)>,
    pub(crate) center: Kernel<unsafe fn(&[u8], &mut [i16], u8, i16)>,
    pub(crate) quantize: Kernel<unsafe fn(&[f32], &mut [u8], &QuantizeArgs)>,
    pub(crate) dequantize: Kernel<unsafe fn(&[u8], &mut [f32], &DequantizeArgs)>,
    pub(crate) requantize: Kernel<unsafe fn(&[i32], &mut [u8], Multipliers<'_>, &Requantize)>,
    pub(crate) add: Kernel<unsafe fn(&[u8], &[u8], &mut [u8], &AddArgs)>,
    pub(crate) mul: Kernel<unsafe fn(&[u8], &[u8], &mut [u8], &MulArgs)>,
    pub(crate) global_average_pool: Kernel<unsafe fn(&mut PoolArgs<'_>)>,
    pub(crate) peak: unsafe fn(u64) -> u64,
}

/// Name and operation of a kernel, for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelInfo {
    /// What it computes.
    pub operation: &'static str,
    /// Tier, operation, types of both operands and the accumulator, tile, grouping along K.
    pub name: &'static str,
}

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

/// Multipliers of a requantisation.
#[derive(Clone, Copy, Debug)]
pub enum Multipliers<'a> {
    /// One for all.
    All(f32),
    /// One for each element, as long as the row.
    Each(&'a [f32]),
}

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
        /// bytes, in the order of [`TapLayout::joined`].
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
}

impl Epilogue<'_> {
    #[inline(always)]
    fn check(&self, rows: usize, columns: usize, padded: usize) {
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
        };
        // One by one: as an array it would be read back from where its halves were just written, which stalls.
        assert!(shape[0] == rows && shape[1] == columns, "shape of the output");
        assert!(unit == 1 || columns <= 1, "the output's columns stand side by side");
    }
}

/// The activations of a product, as its kernel takes them: [`KernelSet::encoding`].
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

    fn len(&self) -> usize {
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
    pub rows: &'a [u32],
    /// The greatest of `rows`.
    pub rows_max: usize,
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
    /// Columns.
    pub columns: usize,
    /// Added to each accumulator, for each padded column.
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
    /// Room for what the kernel prepares: [`KernelSet::gemm_scratch_len`].
    pub scratch: &'a mut [i32],
}

/// The weights of a depthwise convolution, as its kernel takes them.
#[derive(Clone, Copy, Debug)]
pub enum TapWeights<'a> {
    /// For centred activations: blocks of channels ([`KernelSet::depthwise_lanes`]), in a block pairs of taps, in a pair
    /// channels in the order of [`KernelSet::depthwise_order`], in a channel the two taps.
    Pairs(&'a [i16]),
    /// For unsigned bytes, packed as [`KernelSet::tap_layout`] says.
    Bytes(&'a [i8]),
}

impl<'a> TapWeights<'a> {
    pub(crate) fn pairs(self) -> &'a [i16] {
        match self {
            Self::Pairs(pairs) => pairs,
            Self::Bytes(_) => &[],
        }
    }

    pub(crate) fn bytes(self) -> &'a [i8] {
        match self {
            Self::Pairs(_) => &[],
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// How windows move from a pixel to the next of a row.
#[derive(Clone, Copy, Debug)]
pub struct Slide {
    /// Pixels of a row.
    pub width: usize,
    /// By how many columns of taps: 1 or 2. By one they also move by one row of taps from a row to the next.
    pub columns: usize,
}

impl Slide {
    /// Whether windows of three columns of four taps move so.
    fn fits(self, rows: &[u32], taps: &[u32]) -> bool {
        let pitch = taps[4].wrapping_sub(taps[0]);
        let columns = taps[..8].iter().zip(&taps[4..]).all(|(&tap, &next)| next.wrapping_sub(tap) == pitch);
        let step = pitch.wrapping_mul(self.columns as u32);
        // All differences at once: stopping at the first would take longer.
        let moves = |row: &[u32]| {
            row.iter().zip(&row[1..]).fold(0, |off, (at, next)| off | (next.wrapping_sub(*at) ^ step)) == 0
        };
        let whole = self.width > 0 && rows.len().is_multiple_of(self.width);
        whole && (self.columns == 1 || self.columns == 2) && columns && rows.chunks_exact(self.width).all(moves)
    }
}

/// A depthwise convolution: each channel by its own taps.
#[derive(Debug)]
pub struct DepthwiseArgs<'a> {
    /// The activations: centred for pairs, else unsigned bytes.
    pub a: Activations<'a>,
    /// Where each output pixel's window begins in `a`.
    pub rows: &'a [u32],
    /// The greatest of `rows`.
    pub rows_max: usize,
    /// Where each tap lies, from the window's begin: an even number, the last one without weight where it was added.
    pub taps: &'a Offsets,
    /// For windows of 3 x 3 on bytes: how they move, where columns of taps are shared.
    pub sliding: Option<Slide>,
    /// Packed weights.
    pub weights: TapWeights<'a>,
    /// Channels.
    pub channels: usize,
    /// Added to each accumulator, for each padded channel; for taps of bytes in the order of
    /// [`TapLayout::joined`].
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
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
    /// Packed taps of the columns, of each group: [`crate::winograd::pack`].
    pub weights: &'a [u8],
    /// The zero point of each padded column, as the signed reading counts it, twice.
    pub zero_points: &'a [i16],
    /// Input channels of a block: even. Sums over a block stay below [`crate::winograd::LIMIT`].
    pub block: usize,
    /// Columns of a group: output channels.
    pub columns: usize,
    /// Added to each accumulator, for each padded column.
    pub bias: &'a [i32],
    /// What becomes of the accumulators.
    pub epilogue: Epilogue<'a>,
    /// Room for the inputs' transform, the weights' and sums: [`KernelSet::winograd_scratch_len`].
    pub inputs: &'a mut [i16],
    /// Likewise.
    pub points: &'a mut [i16],
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

impl KernelSet {
    /// The instruction set that the kernels are for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// All kernels, by operation.
    pub fn kernels(&self) -> Vec<KernelInfo> {
        [
            ("gemm", self.gemm.name),
            ("gemv", self.gemv.name),
            ("depthwise", self.depthwise.name),
            ("center", self.center.name),
            ("quantize", self.quantize.name),
            ("dequantize", self.dequantize.name),
            ("requantize", self.requantize.name),
            ("add", self.add.name),
            ("mul", self.mul.name),
            ("global_average_pool", self.global_average_pool.name),
        ]
        .into_iter()
        .chain(self.winograd.iter().map(|(kernel, _)| ("winograd", kernel.name)))
        .chain(self.byte_taps.iter().map(|(kernel, _)| ("depthwise_bytes", kernel.name)))
        .map(|(operation, name)| KernelInfo { operation, name })
        .collect()
    }

    /// The name of the kernel of an operation of [`KernelSet::kernels`]; empty for another word.
    pub fn kernel_name(&self, operation: &str) -> &'static str {
        self.kernels().iter().find(|kernel| kernel.operation == operation).map_or("", |kernel| kernel.name)
    }

    /// The layout of packed weights.
    pub fn panels(&self) -> PanelLayout {
        self.panels
    }

    /// Channels of a block of depthwise weights.
    pub fn depthwise_lanes(&self) -> usize {
        self.depthwise_lanes
    }

    /// The channel of a block at each position of its packed weights.
    pub fn depthwise_order(&self) -> &'static [u8] {
        self.depthwise_order
    }

    /// The layout of the weights of depthwise convolutions of bytes, if the tier has a kernel for them.
    pub fn tap_layout(&self) -> Option<TapLayout> {
        self.byte_taps.map(|(_, layout)| layout)
    }

    /// How products take their activations. Depthwise convolution by pairs takes them centred on
    /// every tier.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Elements of scratch that a product needs, of rows by depth by columns, with a number of segments: for a panel of 16
    /// bits, or for all that a large product by halves takes; or for the sums of the rows and what the accumulators of a
    /// tile start from.
    pub fn gemm_scratch_len(&self, sizes: [usize; 3], segments: usize) -> usize {
        let [rows, depth, _] = sizes;
        match self.encoding {
            Encoding::Centred => {
                let panel = (self.panels.width * depth).div_ceil(2);
                let halves = self.halves(sizes, segments);
                let halved = halves.map(|halves| halves.scratch(self.panels.width).unwrap_or(usize::MAX));
                panel.max(halved.unwrap_or(0))
            }
            Encoding::Bytes => rows + self.rows * self.panels.width,
        }
    }

    fn halves(&self, sizes: [usize; 3], segments: usize) -> Option<Halves> {
        Halves::of(self.encoding, self.panels.width, sizes, segments)
    }

    /// Whether a product of rows by depth by columns, with a number of segments, is computed by halves.
    pub fn is_halved(&self, sizes: [usize; 3], segments: usize) -> bool {
        self.halves(sizes, segments).is_some()
    }

    /// Elements behind the last value of an operand that kernels may read, and give no weight.
    pub fn slack(&self) -> usize {
        self.depthwise_lanes.max(self.panels.group).max(self.tap_layout().map_or(0, |layout| layout.lanes()))
    }

    #[inline]
    fn demand(&self) {
        assert!(self.isa.is_available(), "this CPU lacks {}", self.isa);
    }

    /// A product; a single row goes to the kernel for one.
    ///
    /// # Panics
    /// If the arguments do not fit together.
    pub fn gemm(&self, mut args: GemmArgs<'_>) {
        self.demand();
        let depth = args.segments.len().checked_mul(args.segment_len).expect("a depth that fits");
        let padded = self.panels.padded_columns(args.columns);
        args.epilogue.check(args.rows.len(), args.columns, padded);
        assert_eq!(args.a.encoding(), self.encoding, "encoding of the activations");
        assert_eq!(args.segment_len % self.panels.group, 0, "segments of whole groups");
        assert_eq!(Some(args.panels.len()), padded.checked_mul(depth), "packed panels");
        assert!(args.zero_points.is_empty() || args.zero_points.len() >= padded, "zero points");
        assert!(args.bias.len() >= padded, "bias");
        let sizes = [args.rows.len(), depth, args.columns];
        assert!(args.scratch.len() >= self.gemm_scratch_len(sizes, args.segments.len()), "scratch");
        if !args.row_zero_points.is_empty() {
            assert_eq!(self.encoding, Encoding::Bytes, "no zero points are left in centred rows");
            assert_eq!(args.row_zero_points.len(), args.rows.len(), "zero points of the rows");
            assert!(args.sums.len() >= padded, "sums");
        }
        if args.rows.is_empty() || args.columns == 0 {
            return;
        }
        assert!(rows_within(args.rows, args.rows_max), "row offsets");
        assert!(args.rows_max + args.segments.max() + args.segment_len <= args.a.len(), "activations");
        let run = if self.takes_one_row(&args) { self.gemv.run } else { self.gemm.run };
        // SAFETY: the CPU has the tier's features, and all that the kernel reads and writes was checked above.
        unsafe { run(&mut args) }
    }

    /// Whether the kernel for a single row computes a product.
    fn takes_one_row(&self, args: &GemmArgs<'_>) -> bool {
        args.rows.len() == 1 && (self.encoding == Encoding::Bytes || args.zero_points.is_empty())
    }

    /// A depthwise convolution.
    ///
    /// # Panics
    /// If the arguments do not fit together.
    pub fn depthwise(&self, mut args: DepthwiseArgs<'_>) {
        self.demand();
        let (lanes, unit, run) = match (args.weights, self.byte_taps) {
            (TapWeights::Pairs(_), _) => (self.depthwise_lanes, 2, self.depthwise.run),
            (TapWeights::Bytes(_), Some((kernel, layout))) => (layout.lanes(), layout.packing.unit(), kernel.run),
            (TapWeights::Bytes(_), None) => panic!("{} has no kernel for taps of bytes", self.isa),
        };
        let padded = args.channels.next_multiple_of(lanes);
        args.epilogue.check(args.rows.len(), args.channels, padded);
        assert!(args.taps.len().is_multiple_of(unit), "taps in units");
        match args.weights {
            TapWeights::Pairs(pairs) => {
                assert_eq!(pairs.len(), padded * args.taps.len(), "packed weights");
                assert_eq!(args.a.encoding(), Encoding::Centred, "encoding of the activations");
            }
            TapWeights::Bytes(weights) => {
                let layers = self.tap_layout().map_or(0, |layout| layout.packing.layers());
                let form = layers * padded * args.taps.len();
                assert!(weights.len() == form || weights.len() == 2 * form, "packed weights, in one form or two");
                if let Some(slide) = args.sliding {
                    assert!(weights.len() == 2 * form && args.taps.len() == 12, "windows of 3 x 3");
                    assert!(slide.fits(args.rows, args.taps.as_slice()), "windows that move as told");
                }
                assert!(matches!(args.a, Activations::Bytes(_, Reading::Unsigned)), "unsigned bytes");
            }
        }
        assert!(args.bias.len() >= padded, "bias");
        if args.rows.is_empty() || args.channels == 0 {
            return;
        }
        assert!(rows_within(args.rows, args.rows_max), "row offsets");
        assert!(args.rows_max + args.taps.max() + padded <= args.a.len(), "activations");
        // SAFETY: the CPU has the tier's features, and all that the kernel reads and writes was checked above.
        unsafe { run(&mut args) }
    }

    /// The layout of the weights of [`KernelSet::winograd`], if the tier has that.
    pub fn winograd_panels(&self) -> Option<PanelLayout> {
        self.winograd.map(|(_, panels)| panels)
    }

    /// Elements of scratch that [`KernelSet::winograd`] needs, for its inputs, its weights and its sums.
    pub fn winograd_scratch_len(&self, tiles: Tiles, groups: usize, channels: usize, block: usize) -> [usize; 3] {
        let width = self.winograd.map_or(1, |(_, panels)| panels.width);
        let outputs = if block < channels { tiles.outputs().saturating_mul(width) } else { 0 };
        let all = groups.saturating_mul(channels);
        let [inputs, sums] = [input_plane(tiles.count(), all, width), sums_plane(tiles.count(), width)];
        let weights = weights_plane(STEP, width);
        [
            inputs.saturating_mul(POINTS),
            weights.saturating_mul(POINTS),
            sums.saturating_mul(POINTS).saturating_add(outputs),
        ]
    }

    /// A convolution of 3 × 3 taps by Winograd's algorithm. The sums are right if they stay below
    /// [`crate::winograd::LIMIT`] in each block of channels.
    ///
    /// # Panics
    /// If the arguments do not fit together, or the tier has no such kernel.
    pub fn winograd(&self, mut args: WinogradArgs<'_>) {
        self.demand();
        let (kernel, panels) = self.winograd.expect("a tier with the kernel");
        let tiles = args.tiles;
        let sizes = [args.channels, args.columns, panels.padded_columns(args.columns)];
        let [channels, columns, padded] =
            sizes.map(|size| size.checked_mul(args.groups).expect("channels and columns that fit"));
        assert!(args.groups == 1 || columns == padded, "groups of whole registers of columns");
        args.epilogue.check(tiles.outputs(), columns, padded);
        assert!(args.block > 0 && args.block.is_multiple_of(2), "blocks of pairs");
        let weights = depth(args.channels).checked_mul(TAPS).and_then(|depth| depth.checked_mul(padded));
        assert_eq!(Some(args.weights.len()), weights, "packed weights");
        assert!(args.bias.len() >= padded && args.zero_points.len() >= 2 * padded, "bias and zero points");
        assert!(args.channels > 0, "channels");
        if tiles.count() == 0 || columns == 0 {
            return;
        }
        let [inputs, points, sums] = self.winograd_scratch_len(tiles, args.groups, args.channels, args.block);
        let fits = args.inputs.len() >= inputs && args.points.len() >= points && args.sums.len() >= sums;
        assert!(fits, "scratch");
        let [rows, pixels] = tiles.reach();
        let last = (rows - 1).checked_mul(args.row_len).zip((pixels - 1).checked_mul(channels));
        // The last pixel of the last row, and a register's channels in place of its own.
        let end =
            last.and_then(|(row, pixel)| row.checked_add(pixel)?.checked_add(channels.next_multiple_of(panels.width)));
        assert!(end.is_some_and(|end| end <= args.a.len()), "activations");
        // SAFETY: the CPU has the tier's features, and all that the kernel reads and writes was checked above.
        unsafe { (kernel.run)(&mut args) }
    }

    /// `dst = (src ^ flip) - zero`: bytes of either reading as centred values.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn center(&self, src: &[u8], dst: &mut [i16], flip: u8, zero: i16) {
        self.demand();
        assert_eq!(src.len(), dst.len(), "lengths");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.center.run)(src, dst, flip, zero) }
    }

    /// Quantises.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn quantize(&self, x: &[f32], y: &mut [u8], args: &QuantizeArgs) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.quantize.run)(x, y, args) }
    }

    /// Dequantises.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn dequantize(&self, x: &[u8], y: &mut [f32], args: &DequantizeArgs) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.dequantize.run)(x, y, args) }
    }

    /// Requantises a row.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn requantize(&self, acc: &[i32], y: &mut [u8], multipliers: Multipliers<'_>, to: &Requantize) {
        self.demand();
        assert_eq!(acc.len(), y.len(), "lengths");
        if let Multipliers::Each(each) = multipliers {
            assert_eq!(each.len(), y.len(), "multipliers");
        }
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.requantize.run)(acc, y, multipliers, to) }
    }

    /// Adds.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add(&self, a: &[u8], b: &[u8], y: &mut [u8], args: &AddArgs) {
        self.demand();
        assert!(a.len() == y.len() && b.len() == y.len(), "lengths");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.add.run)(a, b, y, args) }
    }

    /// Multiplies.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mul(&self, a: &[u8], b: &[u8], y: &mut [u8], args: &MulArgs) {
        self.demand();
        assert!(a.len() == y.len() && b.len() == y.len(), "lengths");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.mul.run)(a, b, y, args) }
    }

    /// Pools.
    ///
    /// # Panics
    /// If the arguments do not fit together.
    pub fn global_average_pool(&self, mut args: PoolArgs<'_>) {
        self.demand();
        if args.pixels > 0 {
            let last = (args.pixels - 1).checked_mul(args.stride).and_then(|last| last.checked_add(args.y.len()));
            assert!(last.is_some_and(|last| last <= args.x.len()), "pixels");
        }
        // SAFETY: the CPU has the tier's features, and every pixel lies inside `x`.
        unsafe { (self.global_average_pool.run)(&mut args) }
    }

    /// Runs the tier's product instruction on registers alone, `iterations` times over a tile of accumulators, and
    /// returns how many multiply-accumulates that were: the limit that products are measured against.
    pub fn peak(&self, iterations: u64) -> u64 {
        self.demand();
        // SAFETY: the CPU has the tier's features; the loop touches no memory.
        unsafe { (self.peak)(iterations) }
    }
}

fn rows_within(rows: &[u32], max: usize) -> bool {
    rows.iter().fold(0, |most, &row| most.max(row)) as usize <= max
}
