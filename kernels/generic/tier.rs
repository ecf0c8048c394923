//! What a tier's folder is made of: a function of each algorithm with the tier's features, and the table of them.

/// Makes a tier's functions and its `SET`: each algorithm over the tier's registers and products, in a function with
/// the tier's features.
///
/// The products are one type for the centred encoding, or two for bytes: for unsigned and for signed activations.
macro_rules! tier {
    (
        $isa:ident $name:literal $(, #[$feature:meta])?;
        registers: $registers:ty;
        product: $encoding:ident $products:tt;
        gemm: $gemm:literal;
        gemv: $gemv:literal;
        depthwise: $depthwise:literal;
        byte_taps: $byte_taps:expr;
        grouped: $grouped:expr;
        $(winograd: $winograd:literal, $winograd_rows:literal rows;)?
    ) => {
        $(#[$feature])?
        unsafe fn gemm(args: &mut crate::args::GemmArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::tier::for_product!(gemm::gemm, args, $encoding $products) }
        }

        $(#[$feature])?
        unsafe fn gemv(args: &mut crate::args::GemmArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::tier::for_product!(gemv::gemv, args, $encoding $products) }
        }

        $(#[$feature])?
        unsafe fn depthwise(args: &mut crate::args::DepthwiseArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::depthwise::depthwise::<$registers>(args) }
        }

        $crate::generic::tier::winograd! { $registers $(, #[$feature])? $(; $winograd_rows)? }

        $(#[$feature])?
        unsafe fn center(src: &[u8], dst: &mut [i16], flip: u8, zero: i16) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::center::<$registers>(src, dst, flip, zero) }
        }

        $(#[$feature])?
        unsafe fn quantize(x: &[f32], y: &mut [u8], args: &crate::args::QuantizeArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::quantize::<$registers>(x, y, args) }
        }

        $(#[$feature])?
        unsafe fn dequantize(x: &[u8], y: &mut [f32], args: &crate::args::DequantizeArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::dequantize::<$registers>(x, y, args) }
        }

        $(#[$feature])?
        unsafe fn requantize(
            acc: &[i32],
            y: &mut [u8],
            multipliers: crate::args::Multipliers<'_>,
            to: &crate::args::Requantize,
        ) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::elementwise::requantize_row::<$registers>(acc, y, multipliers, to) }
        }

        $(#[$feature])?
        unsafe fn rule_requantize(
            acc: crate::view::MatRef<'_, i32>,
            y: &mut crate::view::MatMut<'_, u8>,
            args: &crate::rules::RequantizeByRule<'_>,
        ) {
            // SAFETY: the table's caller has checked the CPU.
            unsafe { crate::generic::rule_requantize::requantize::<$registers>(acc, y, args) }
        }

        $(#[$feature])?
        unsafe fn rule_quantize(
            x: &[f32],
            y: &mut crate::rules::IntegersMut<'_>,
            args: &crate::rules::QuantizeByRule<'_>,
        ) {
            // SAFETY: the table's caller has checked the CPU.
            unsafe { crate::generic::rule_quantize::quantize::<$registers>(x, y, args) }
        }

        $(#[$feature])?
        unsafe fn rule_dequantize(
            x: crate::rules::Integers<'_>,
            y: &mut [f32],
            args: &crate::rules::DequantizeByRule<'_>,
        ) {
            crate::generic::rule_quantize::dequantize(x, y, args);
        }

        $(#[$feature])?
        unsafe fn add(a: &[u8], b: &[u8], y: &mut [u8], args: &crate::args::AddArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::binary::add::<$registers>(a, b, y, args) }
        }

        $(#[$feature])?
        unsafe fn mul(a: &[u8], b: &[u8], y: &mut [u8], args: &crate::args::MulArgs) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::binary::mul::<$registers>(a, b, y, args) }
        }

        $(#[$feature])?
        unsafe fn global_average_pool(args: &mut crate::args::PoolArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::pool::global_average_pool::<$registers>(args) }
        }

        $(#[$feature])?
        unsafe fn lookup(x: &[u8], y: &mut [u8], table: &[u8; 256]) {
            crate::generic::lookup::lookup(x, y, table);
        }

        $(#[$feature])?
        unsafe fn select(condition: &[u8], operands: [&[u8]; 2], z: &mut [u8], tables: [&[u8; 256]; 2]) {
            crate::generic::lookup::select(condition, operands, z, tables);
        }

        $(#[$feature])?
        unsafe fn softmax(x: &[u8], y: &mut [u8], args: &crate::args::SoftmaxArgs<'_>) {
            crate::generic::softmax::softmax(x, y, args);
        }

        $(#[$feature])?
        unsafe fn max_pool(row: &mut crate::pools::PoolRow<'_>, reading: crate::encode::Reading) {
            crate::generic::window_pool::max(row, reading);
        }

        $(#[$feature])?
        unsafe fn average_pool(row: &mut crate::pools::PoolRow<'_>, by: &crate::pools::Averages) {
            crate::generic::window_pool::average(row, by);
        }

        $(#[$feature])?
        unsafe fn rule_add(a: &[u8], b: &[u8], y: &mut [u8], args: &crate::args::IntegerAdd) {
            crate::generic::rule_add::add(a, b, y, args);
        }

        /// The kernels of this tier.
        pub(crate) static SET: crate::table::KernelSet = crate::table::KernelSet {
            isa: crate::isa::Isa::$isa,
            encoding: <<crate::generic::tier::first!($products) as crate::generic::multiply::Multiply>::A as crate::generic::multiply::Activation>::ENCODING,
            panels: crate::generic::multiply::panels::<crate::generic::tier::first!($products)>(),
            rows: <crate::generic::tier::first!($products) as crate::generic::multiply::Multiply>::ROWS,
            crosses: <crate::generic::tier::first!($products) as crate::generic::multiply::Multiply>::CROSSED_ROWS > 0,
            gemm: crate::table::Kernel { name: concat!($name, "/gemm_", $gemm), run: gemm },
            gemv: crate::table::Kernel { name: concat!($name, "/gemv_", $gemv), run: gemv },
            depthwise_lanes: 2 * <$registers as crate::generic::registers::Registers>::LANES,
            depthwise_order: <$registers as crate::generic::registers::Registers>::INTERLEAVED,
            depthwise: crate::table::Kernel { name: concat!($name, "/depthwise_", $depthwise), run: depthwise },
            byte_taps: $byte_taps,
            grouped: $grouped,
            winograd: crate::generic::tier::winograd_kernel!($registers $(, concat!($name, "/winograd_", $winograd))?),
            center: crate::table::Kernel { name: concat!($name, "/center_i8i16"), run: center },
            quantize: crate::table::Kernel { name: concat!($name, "/quantize_f32i8"), run: quantize },
            dequantize: crate::table::Kernel { name: concat!($name, "/dequantize_i8f32"), run: dequantize },
            requantize: crate::table::Kernel { name: concat!($name, "/requantize_i32i8"), run: requantize },
            rule_requantize: crate::table::Kernel {
                name: concat!($name, "/rule_requantize_i32i8"),
                run: rule_requantize,
            },
            rule_quantize: crate::table::Kernel { name: concat!($name, "/rule_quantize_f32i16"), run: rule_quantize },
            rule_dequantize: crate::table::Kernel {
                name: concat!($name, "/rule_dequantize_i32f32"),
                run: rule_dequantize,
            },
            add: crate::table::Kernel { name: concat!($name, "/add_i8i8i8"), run: add },
            mul: crate::table::Kernel { name: concat!($name, "/mul_i8i8i8"), run: mul },
            global_average_pool: crate::table::Kernel {
                name: concat!($name, "/global_average_pool_i8i8"),
                run: global_average_pool,
            },
            lookup: crate::table::Kernel { name: concat!($name, "/lookup_i8i8"), run: lookup },
            select: crate::table::Kernel { name: concat!($name, "/select_i8i8i8"), run: select },
            softmax: crate::table::Kernel { name: concat!($name, "/softmax_i8i8"), run: softmax },
            max_pool: crate::table::Kernel { name: concat!($name, "/max_pool_i8i8"), run: max_pool },
            average_pool: crate::table::Kernel { name: concat!($name, "/average_pool_i8i8"), run: average_pool },
            rule_add: crate::table::Kernel { name: concat!($name, "/rule_add_i8i8i8"), run: rule_add },
            peak: peak::peak,
        };
    };
}
pub(crate) use tier;

/// The functions of Winograd's algorithm, of a tier that has it: products and all of it, with the tier's features.
macro_rules! winograd {
    ($registers:ty $(, #[$feature:meta])?) => {};
    ($registers:ty $(, #[$feature:meta])?; $rows:literal) => {
        struct Points;

        impl crate::generic::winograd::Products for Points {
            type R = $registers;

            const ROWS: usize = $rows;

            $(#[$feature])?
            #[inline(never)]
            unsafe fn blocks<const M: usize, const N: usize, const MORE: bool>(
                inputs: *const i16,
                row: usize,
                weights: *const i16,
                depth: usize,
                sums: *mut i32,
                count: usize,
            ) {
                // SAFETY: the caller answers for the blocks.
                unsafe {
                    crate::generic::winograd::blocks::<$registers, M, N, MORE>(inputs, row, weights, depth, sums, count)
                }
            }
        }

        $(#[$feature])?
        unsafe fn winograd(args: &mut crate::args::WinogradArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::winograd::winograd::<Points>(args) }
        }
    };
}
pub(crate) use winograd;

/// What a tier's table says of Winograd's algorithm.
macro_rules! winograd_kernel {
    ($registers:ty) => {
        None
    };
    ($registers:ty, $name:expr) => {
        Some((crate::table::Kernel { name: $name, run: winograd }, crate::generic::winograd::panels::<$registers>()))
    };
}
pub(crate) use winograd_kernel;

/// Calls an algorithm for the product that fits the activations.
macro_rules! for_product {
    ($module:ident::$algorithm:ident, $args:expr, Centred [$product:ty]) => {
        crate::generic::$module::$algorithm::<$product>($args)
    };
    ($module:ident::$algorithm:ident, $args:expr, Bytes [$unsigned:ty, $signed:ty]) => {
        match $args.a {
            crate::args::Activations::Bytes(_, crate::encode::Reading::Signed) => {
                crate::generic::$module::$algorithm::<$signed>($args)
            }
            _ => crate::generic::$module::$algorithm::<$unsigned>($args),
        }
    };
}
pub(crate) use for_product;

/// The first of a tier's products: what panels look like is the same for all.
macro_rules! first {
    ([$product:ty $(, $more:ty)*]) => {
        $product
    };
}
pub(crate) use first;

/// [`crate::generic::multiply::Multiply::tile`] with a tier's features.
macro_rules! outlined_tile {
    ($(#[$feature:meta])?) => {
        $(#[$feature])?
        #[inline(never)]
        unsafe fn tile<
            S: crate::generic::store::Store<Self::R>,
            const M: usize,
            const N: usize,
            const FORM: usize,
        >(
            product: &crate::generic::gemm::Product<'_, Self::A>,
            at: crate::generic::gemm::Tile,
            store: &S,
        ) {
            // SAFETY: the caller answers for the tile.
            unsafe { crate::generic::tile::tile::<Self, S, M, N, FORM>(product, at, store) }
        }
    };
}
pub(crate) use outlined_tile;

/// The method of a tier's taps of bytes that computes a block of channels, as a function of its own.
#[cfg(target_arch = "x86_64")]
macro_rules! outlined_slide {
    ($(#[$feature:meta])?) => {
        $(#[$feature])?
        #[inline(never)]
        unsafe fn slide<
            S: crate::generic::store::Store<Self::R>,
            const MOVE: usize,
            const N: usize,
            const WHOLE: bool,
        >(
            block: &crate::generic::sliding::Block,
            span: crate::generic::sliding::Span,
            store: &S,
        ) {
            // SAFETY: the caller answers for the block.
            unsafe { crate::generic::sliding::slide::<Self, S, MOVE, N, WHOLE>(block, span, store) }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use outlined_slide;

/// A tier's depthwise convolution of bytes, for its table. The last block may be smaller, of taps of its own: for any
/// windows, and for those that slide.
#[cfg(target_arch = "x86_64")]
macro_rules! byte_taps {
    (@sliding $taps:ty, $half:ty) => { sliding::sliding::<$taps, $half> };
    (@sliding $taps:ty) => { sliding::sliding::<$taps, $taps> };
    ($taps:ty $(, half $half:ty, sliding $sliding:ty)?; $tier:literal, $shape:literal, #[$feature:meta]) => {{
        use crate::generic::byte_taps::{self, ByteTaps};
        use crate::generic::sliding;
        use crate::pack::{TapBlock, TapLayout};

        const HALVES: &[TapBlock] = &[$(byte_taps::block::<$half>())?];
        const LAYOUT: TapLayout = TapLayout {
            packing: <$taps>::PACKING,
            block: byte_taps::block::<$taps>(),
            half: if let [half] = HALVES { Some(*half) } else { None },
        };

        #[$feature]
        unsafe fn any(args: &mut crate::args::DepthwiseArgs<'_>) {
            let (whole, padded) = (LAYOUT.whole(args.channels), LAYOUT.padded(args.channels));
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe {
                byte_taps::depthwise::<$taps>(args, 0..whole, padded);
                $(byte_taps::depthwise::<$half>(args, whole..args.channels, padded);)?
            }
        }
        #[$feature]
        unsafe fn sliding(args: &mut crate::args::SlidingArgs<'_>) {
            let whole = LAYOUT.whole(args.windows.channels);
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::tier::byte_taps!(@sliding $taps $(, $sliding)?)(args, whole) }
        }
        Some(crate::table::ByteTaps {
            layout: LAYOUT,
            any: crate::table::Kernel { name: concat!($tier, "/byte_taps_", $shape), run: any },
            sliding: crate::table::Kernel { name: concat!($tier, "/sliding_", $shape), run: sliding },
        })
    }};
}
#[cfg(target_arch = "x86_64")]
pub(crate) use byte_taps;

/// A tier's convolution in groups of few channels, for its table: pixels of groups of four channels, and of eight, whose
/// accumulators fill the registers.
#[cfg(target_arch = "x86_64")]
macro_rules! grouped {
    ($product:ty, $registers:ty; $four:literal, $eight:literal pixels; $tier:literal, $shape:literal, #[$feature:meta]) => {{
        #[$feature]
        unsafe fn grouped(args: &mut crate::args::DepthwiseArgs<'_>) {
            // SAFETY: the table's caller has checked CPU and arguments.
            unsafe { crate::generic::grouped::grouped::<$product, $four, $eight>(args) }
        }
        let kernel = crate::table::Kernel {
            name: concat!($tier, "/grouped_", $shape),
            run: grouped as unsafe fn(&mut crate::args::DepthwiseArgs<'_>),
        };
        Some((kernel, crate::generic::grouped::layout::<$registers>()))
    }};
}
#[cfg(target_arch = "x86_64")]
pub(crate) use grouped;
