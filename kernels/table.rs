//! What a tier offers: names, layouts and pointers, and the safe calls.
//!
//! The safe calls check what the pointers need and are the only callers of the pointers. A call is big, a band of rows
//! by a range of panels, so a check costs nothing that can be measured.

use alloc::vec::Vec;

use crate::args::{
    Activations, AddArgs, DepthwiseArgs, DequantizeArgs, GemmArgs, IntegerAdd, MulArgs, Multipliers, PoolArgs,
    QuantizeArgs, Requantize, SlidingArgs, SoftmaxArgs, TapWeights, WinogradArgs, WinogradWeights,
};
use crate::encode::{Encoding, Reading};
use crate::generic::crossed;
use crate::generic::strassen::Halves;
use crate::isa::Isa;
use crate::pack::{PanelLayout, TapLayout};
use crate::pools::{Averages, PoolRow};
use crate::rules::{DequantizeByRule, Integers, IntegersMut, QuantizeByRule, RequantizeByRule};
use crate::view::{MatMut, MatRef};
use crate::winograd::{POINTS, STEP, TAPS, Tiles, WINDOW, depth, input_plane, points_len, sums_plane, weights_plane};

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
    /// Whether it crosses operands of large products.
    pub(crate) crosses: bool,
    pub(crate) gemm: Kernel<unsafe fn(&mut GemmArgs<'_>)>,
    pub(crate) gemv: Kernel<unsafe fn(&mut GemmArgs<'_>)>,
    /// Channels of a block of depthwise weights.
    pub(crate) depthwise_lanes: usize,
    /// The channel of a block at each position of its packed weights.
    pub(crate) depthwise_order: &'static [u8],
    pub(crate) depthwise: Kernel<unsafe fn(&mut DepthwiseArgs<'_>)>,
    /// Convolution by Winograd's algorithm and the layout of its weights, where that gains on the product.
    pub(crate) winograd: Option<(Kernel<unsafe fn(&mut WinogradArgs<'_>)>, PanelLayout)>,
    /// Depthwise convolution of bytes, where the tier has that.
    pub(crate) byte_taps: Option<ByteTaps>,
    /// Convolution in groups of few channels, where the tier has that, and its blocks.
    pub(crate) grouped: Option<(Kernel<unsafe fn(&mut DepthwiseArgs<'_>)>, TapLayout)>,
    pub(crate) center: Kernel<unsafe fn(&[u8], &mut [i16], u8, i16)>,
    pub(crate) quantize: Kernel<unsafe fn(&[f32], &mut [u8], &QuantizeArgs)>,
    pub(crate) dequantize: Kernel<unsafe fn(&[u8], &mut [f32], &DequantizeArgs)>,
    pub(crate) requantize: Kernel<unsafe fn(&[i32], &mut [u8], Multipliers<'_>, &Requantize)>,
    pub(crate) rule_requantize: Kernel<unsafe fn(MatRef<'_, i32>, &mut MatMut<'_, u8>, &RequantizeByRule<'_>)>,
    pub(crate) rule_quantize: Kernel<unsafe fn(&[f32], &mut IntegersMut<'_>, &QuantizeByRule<'_>)>,
    pub(crate) rule_dequantize: Kernel<unsafe fn(Integers<'_>, &mut [f32], &DequantizeByRule<'_>)>,
    pub(crate) add: Kernel<unsafe fn(&[u8], &[u8], &mut [u8], &AddArgs)>,
    pub(crate) mul: Kernel<unsafe fn(&[u8], &[u8], &mut [u8], &MulArgs)>,
    pub(crate) global_average_pool: Kernel<unsafe fn(&mut PoolArgs<'_>)>,
    pub(crate) lookup: Kernel<unsafe fn(&[u8], &mut [u8], &[u8; 256])>,
    pub(crate) select: Kernel<unsafe fn(&[u8], [&[u8]; 2], &mut [u8], [&[u8; 256]; 2])>,
    pub(crate) softmax: Kernel<unsafe fn(&[u8], &mut [u8], &SoftmaxArgs<'_>)>,
    pub(crate) max_pool: Kernel<unsafe fn(&mut PoolRow<'_>, Reading)>,
    pub(crate) average_pool: Kernel<unsafe fn(&mut PoolRow<'_>, &Averages)>,
    pub(crate) rule_add: Kernel<unsafe fn(&[u8], &[u8], &mut [u8], &IntegerAdd)>,
    pub(crate) peak: unsafe fn(u64) -> u64,
}

/// Depthwise convolution of bytes: any windows, and those of 3 × 3 that share columns.
#[derive(Clone, Copy)]
pub(crate) struct ByteTaps {
    pub(crate) layout: TapLayout,
    pub(crate) any: Kernel<unsafe fn(&mut DepthwiseArgs<'_>)>,
    pub(crate) sliding: Kernel<unsafe fn(&mut SlidingArgs<'_>)>,
}

/// Name and operation of a kernel, for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelInfo {
    /// What it computes.
    pub operation: &'static str,
    /// Tier, operation, types of both operands and the accumulator, tile, grouping along K.
    pub name: &'static str,
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
            ("rule_requantize", self.rule_requantize.name),
            ("rule_quantize", self.rule_quantize.name),
            ("rule_dequantize", self.rule_dequantize.name),
            ("add", self.add.name),
            ("mul", self.mul.name),
            ("global_average_pool", self.global_average_pool.name),
            ("lookup", self.lookup.name),
            ("select", self.select.name),
            ("softmax", self.softmax.name),
            ("max_pool", self.max_pool.name),
            ("average_pool", self.average_pool.name),
            ("rule_add", self.rule_add.name),
        ]
        .into_iter()
        .chain(self.winograd.iter().map(|(kernel, _)| ("winograd", kernel.name)))
        .chain(self.grouped.iter().map(|(kernel, _)| ("grouped", kernel.name)))
        .chain(self.byte_taps.iter().flat_map(|taps| [("byte_taps", taps.any.name), ("sliding", taps.sliding.name)]))
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
        self.byte_taps.map(|taps| taps.layout)
    }

    /// The layout of the weights of convolutions of bytes in groups of few channels, if the tier has a kernel for them.
    pub fn group_layout(&self) -> Option<TapLayout> {
        self.grouped.map(|(_, layout)| layout)
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
                let terms = if self.crosses && crossed::pays(sizes, true) { crossed::room(rows) } else { 0 };
                let halves = self.halves(sizes, segments);
                let halved = halves.map(|halves| halves.scratch(self.panels.width).unwrap_or(usize::MAX));
                (panel + terms).max(halved.unwrap_or(0))
            }
            Encoding::Bytes => rows + self.rows * self.panels.width,
        }
    }

    fn halves(&self, sizes: [usize; 3], segments: usize) -> Option<Halves> {
        Halves::of(self.encoding, self.crosses, self.panels.width, sizes, segments)
    }

    /// Whether a product of rows by depth by columns, with a number of segments, is computed by halves.
    pub fn is_halved(&self, sizes: [usize; 3], segments: usize) -> bool {
        self.halves(sizes, segments).is_some()
    }

    /// Whether products by weights of a depth and so many columns, packed beforehand, gain by the terms of their columns
    /// ([`crate::pack::terms`]).
    pub fn takes_terms(&self, [depth, columns]: [usize; 2]) -> bool {
        self.crosses && crossed::pays_with_rows([depth, columns])
    }

    /// Elements behind the last value of an operand that kernels may read, and give no weight.
    pub fn slack(&self) -> usize {
        let lanes = |layout: Option<TapLayout>| layout.map_or(0, |layout| layout.block.lanes());
        self.depthwise_lanes.max(self.panels.group).max(lanes(self.tap_layout())).max(lanes(self.group_layout()))
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
        assert!(self.panels.are_groups(args.segment_len), "segments of whole groups");
        assert_eq!(Some(args.panels.len()), padded.checked_mul(depth), "packed panels");
        assert!(args.zero_points.is_empty() || args.zero_points.len() >= padded, "zero points");
        assert!(args.bias.len() >= padded, "bias");
        assert!(args.terms.is_empty() || args.terms.len() >= padded, "terms of the columns");
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
        assert!(args.rows.max() + args.segments.max() + args.segment_len <= args.a.len(), "activations");
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
        let (padded, unit, run) = match (args.weights, self.byte_taps) {
            (TapWeights::Pairs(_), _) => (args.channels.next_multiple_of(self.depthwise_lanes), 2, self.depthwise.run),
            (TapWeights::Bytes(_), Some(ByteTaps { layout, any, .. })) => {
                (layout.padded(args.channels), layout.packing.unit(), any.run)
            }
            (TapWeights::Bytes(_), None) => panic!("{} has no kernel for taps of bytes", self.isa),
            (TapWeights::Groups { width, .. }, _) => {
                let (kernel, layout) = self.grouped.expect("a tier with a kernel for groups");
                assert!((width == 4 || width == 8) && args.channels.is_multiple_of(width), "groups of 4 or 8 channels");
                (layout.padded(args.channels), 1, kernel.run)
            }
        };
        args.epilogue.check_windows(args.rows.len(), args.channels, padded);
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
                assert!(matches!(args.a, Activations::Bytes(_, Reading::Unsigned)), "unsigned bytes");
            }
            TapWeights::Groups { weights, width } => {
                assert_eq!(weights.len(), padded * width * args.taps.len(), "packed weights");
                assert!(matches!(args.a, Activations::Bytes(_, Reading::Unsigned)), "unsigned bytes");
            }
        }
        assert!(args.bias.len() >= padded, "bias");
        if args.rows.is_empty() || args.channels == 0 {
            return;
        }
        assert!(args.rows.max() + args.taps.max() + padded <= args.a.len(), "activations");
        // SAFETY: the CPU has the tier's features, and all that the kernel reads and writes was checked above.
        unsafe { run(&mut args) }
    }

    /// A depthwise convolution of unsigned bytes by windows of 3 × 3 that share columns.
    ///
    /// # Panics
    /// If the arguments do not fit together, or the tier has no such kernel.
    pub fn sliding(&self, mut args: SlidingArgs<'_>) {
        self.demand();
        let ByteTaps { layout, sliding, .. } = self.byte_taps.expect("a tier with the kernel");
        let windows = &args.windows;
        let padded = layout.padded(windows.channels);
        let outputs = windows.rows.checked_mul(windows.width).expect("outputs that fit");
        args.epilogue.check_windows(outputs, windows.channels, padded);
        let form = layout.packing.layers() * padded * layout.taps([3, 3]);
        assert_eq!(windows.weights.len(), 2 * form, "packed weights of 3 x 3 taps, in two forms");
        assert!(windows.bias.len() >= padded, "bias");
        assert!(windows.columns == 1 || windows.columns == 2, "windows that share columns");
        if outputs == 0 || windows.channels == 0 {
            return;
        }
        assert!(windows.fits(padded), "lines and padding");
        // SAFETY: the CPU has the tier's features, and all that the kernel reads and writes was checked above.
        unsafe { (sliding.run)(&mut args) }
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
            weights.saturating_mul(WINDOW),
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
        args.epilogue.check_windows(tiles.outputs(), columns, padded);
        assert!(args.block > 0 && args.block.is_multiple_of(2), "blocks of pairs");
        assert!(args.channels > 0, "channels");
        let [inputs, points, sums] = self.winograd_scratch_len(tiles, args.groups, args.channels, args.block);
        match &args.weights {
            WinogradWeights::Taps { taps, zero_points, room } => {
                let expected = depth(args.channels).checked_mul(TAPS).and_then(|depth| depth.checked_mul(padded));
                assert_eq!(Some(taps.len()), expected, "packed weights");
                assert!(zero_points.len() >= 2 * padded && room.len() >= points, "zero points and room for weights");
            }
            WinogradWeights::Points(weights) => {
                let expected = points_len(panels, args.columns, args.channels, args.block).checked_mul(args.groups);
                assert_eq!(Some(weights.len()), expected, "packed weights");
            }
        }
        assert!(args.bias.len() >= padded, "bias");
        if tiles.count() == 0 || columns == 0 {
            return;
        }
        assert!(args.inputs.len() >= inputs && args.sums.len() >= sums, "scratch");
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
        assert!(multipliers.fit(y.len()), "multipliers");
        // SAFETY: the CPU has the tier's features, and the lengths are equal.
        unsafe { (self.requantize.run)(acc, y, multipliers, to) }
    }

    /// Requantises rows by a rule, whose multipliers are in the rule's domain; of others the results mean nothing.
    ///
    /// # Panics
    /// If the shapes differ, for columns apart from each other, and for an empty clamp.
    pub fn rule_requantize(&self, acc: MatRef<'_, i32>, mut y: MatMut<'_, u8>, args: &RequantizeByRule<'_>) {
        self.demand();
        let [rows, columns] = acc.shape();
        assert_eq!(acc.shape(), y.shape(), "shapes");
        assert!(columns <= 1 || acc.strides()[1] == 1 && y.strides()[1] == 1, "columns side by side");
        assert!(args.scaling.fit(columns) && args.zero_points.fit(columns), "parameters");
        assert!(args.clamp.0 <= args.clamp.1, "clamp");
        if rows == 0 || columns == 0 {
            return;
        }
        // SAFETY: the CPU has the tier's features; that is all a kernel over views needs.
        unsafe { (self.rule_requantize.run)(acc, &mut y, args) }
    }

    /// Quantises a row by a rule.
    ///
    /// # Panics
    /// As [`KernelSet::rule_requantize`].
    pub fn rule_quantize(&self, x: &[f32], mut y: IntegersMut<'_>, args: &QuantizeByRule<'_>) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        assert!(args.scales.fit(x.len()) && args.within.fit(x.len()) && args.zero_points.fit(x.len()), "parameters");
        assert!(args.clamp.0 <= args.clamp.1, "clamp");
        // SAFETY: as above.
        unsafe { (self.rule_quantize.run)(x, &mut y, args) }
    }

    /// Dequantises a row by a rule.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn rule_dequantize(&self, x: Integers<'_>, y: &mut [f32], args: &DequantizeByRule<'_>) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        assert!(args.scales.fit(y.len()) && args.zero_points.fit(y.len()), "parameters");
        // SAFETY: as above.
        unsafe { (self.rule_dequantize.run)(x, y, args) }
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

    /// `y = table[x]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn lookup(&self, x: &[u8], y: &mut [u8], table: &[u8; 256]) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        // SAFETY: the CPU has the tier's features; that is all a kernel over slices needs.
        unsafe { (self.lookup.run)(x, y, table) }
    }

    /// `z = tables[0][x]` where the condition is not 0, and `tables[1][y]` elsewhere.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn select(&self, condition: &[u8], operands: [&[u8]; 2], z: &mut [u8], tables: [&[u8; 256]; 2]) {
        self.demand();
        let [x, y] = operands;
        assert!(condition.len() == z.len() && x.len() == z.len() && y.len() == z.len(), "lengths");
        // SAFETY: as above.
        unsafe { (self.select.run)(condition, operands, z, tables) }
    }

    /// The softmax of a row.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn softmax(&self, x: &[u8], y: &mut [u8], args: &SoftmaxArgs<'_>) {
        self.demand();
        assert_eq!(x.len(), y.len(), "lengths");
        assert!(args.clamp.0 <= args.clamp.1, "clamp");
        // SAFETY: as above.
        unsafe { (self.softmax.run)(x, y, args) }
    }

    /// The greatest value under each window of a row, of each channel; the least of the reading under none.
    ///
    /// # Panics
    /// If the arguments do not fit together.
    pub fn max_pool(&self, mut row: PoolRow<'_>, reading: Reading) {
        self.demand();
        assert!(row.fits(), "windows");
        // SAFETY: as above.
        unsafe { (self.max_pool.run)(&mut row, reading) }
    }

    /// The mean under each window of a row, of each channel.
    ///
    /// # Panics
    /// If the arguments do not fit together, and for a count below 1.
    pub fn average_pool(&self, mut row: PoolRow<'_>, by: &Averages) {
        self.demand();
        assert!(row.fits(), "windows");
        assert!(by.count.is_none_or(|count| count > 0) && by.clamp.0 <= by.clamp.1, "count and clamp");
        // SAFETY: as above.
        unsafe { (self.average_pool.run)(&mut row, by) }
    }

    /// Adds in integers, by a rule.
    ///
    /// # Panics
    /// If the lengths differ, and for an empty clamp.
    pub fn rule_add(&self, a: &[u8], b: &[u8], y: &mut [u8], args: &IntegerAdd) {
        self.demand();
        assert!(a.len() == y.len() && b.len() == y.len(), "lengths");
        assert!(args.clamp.0 <= args.clamp.1, "clamp");
        // SAFETY: as above.
        unsafe { (self.rule_add.run)(a, b, y, args) }
    }

    /// Runs the tier's product instruction on registers alone, `iterations` times over a tile of accumulators, and
    /// returns how many multiply-accumulates that were: the limit that products are measured against.
    pub fn peak(&self, iterations: u64) -> u64 {
        self.demand();
        // SAFETY: the CPU has the tier's features; the loop touches no memory.
        unsafe { (self.peak)(iterations) }
    }
}
