//! The cases: chosen around the multiples of tiles and groupings, with the telling zero points and types.

use zeropoint::{NanPolicy, QuantizeRule, Rule, Runtime};

use crate::case::{
    Binary, Case, Conv, Element, End, Gemm, Layout, Linear, MatMul, Pool, Quantizing, Target, Transposed, Values,
    Volume, ZeroPointsOf,
};

use crate::{pools, tables};
use Element::{I8, U8};

/// The operations that there are cases of.
pub fn operations() -> &'static [&'static str] {
    &[
        "gemm",
        "conv",
        "depthwise",
        "conv3d",
        "transposed",
        "linear",
        "matmul",
        "quantize",
        "dequantize",
        "requantize",
        "rule_requantize",
        "rule_quantize",
        "rule_dequantize",
        "add",
        "mul",
        "global_average_pool",
        "rule_add",
        "lookup",
        "select",
        "softmax",
        "max_pool",
        "average_pool",
    ]
}

/// The cases of an operation; none for another word.
pub fn cases(operation: &str) -> Vec<Case> {
    match operation {
        "gemm" => gemm(),
        "conv" => conv(),
        "depthwise" => depthwise(),
        "conv3d" => conv3d(),
        "transposed" => transposed(),
        "linear" => linear(),
        "matmul" => matmul(),
        "quantize" => quantize(),
        "dequantize" => dequantize(),
        "requantize" => requantize(),
        "rule_requantize" => rule_requantize(),
        "rule_quantize" => quantizing(Case::RuleQuantize),
        "rule_dequantize" => quantizing(Case::RuleDequantize),
        "add" => add(),
        "mul" => mul(),
        "global_average_pool" => pool(),
        "rule_add" => rule_add(),
        "lookup" => tables::lookup_cases(),
        "select" => tables::where_cases(),
        "softmax" => tables::softmax_cases(),
        "max_pool" => pools::max_cases(),
        "average_pool" => pools::average_cases(),
        _ => Vec::new(),
    }
}

pub(crate) const PAIRS: [[Element; 2]; 4] = [[U8, I8], [U8, U8], [I8, I8], [I8, U8]];
const ENDS: [End; 13] = [
    End::I32,
    End::Bytes(U8),
    End::Ties(I8),
    End::F32 { bias: false },
    End::Beyond(I8),
    End::Bytes(I8),
    End::F32 { bias: true },
    End::Ties(U8),
    End::I32,
    End::Bytes(U8),
    End::Rule(U8),
    End::Beyond(U8),
    End::Rule(I8),
];
pub(crate) const LAYOUTS: [Layout; 3] = [Layout::Dense, Layout::Strided, Layout::Planar];

/// Telling zero points of a type: both ends, their neighbours, the middle.
pub(crate) fn zero_points(element: Element) -> [i32; 5] {
    let (low, high) = element.range();
    [low, low.max(-1), 0.max(low + 1), 128.min(high), high]
}

/// The `index`-th of some values, over and over: with lengths that share no factor, every pair of choices comes up.
pub(crate) fn nth<T: Copy>(values: &[T], index: usize) -> T {
    values[index % values.len()]
}

/// Products of sizes, each with the next choice of everything else.
fn products(sizes: &[[usize; 3]]) -> Vec<Gemm> {
    let mut products = Vec::new();
    for &sizes in sizes {
        // Five of each size: zero points per tensor and per row and column, every end in turn.
        for variant in 0..5 {
            let index = products.len();
            let elements = nth(&PAIRS, index / 5 + variant);
            let a = if variant == 3 {
                ZeroPointsOf::Each
            } else {
                // Five values and five variants: without the turn, a variant would meet the same value for ever.
                ZeroPointsOf::All(nth(&zero_points(elements[0]), index + index / 5))
            };
            let b = match variant {
                // Stored as they are; then with zero points of both kinds.
                0 | 4 => ZeroPointsOf::All(if elements[1] == U8 { 128 } else { 0 }),
                1 | 3 => ZeroPointsOf::Each,
                _ => ZeroPointsOf::All(nth(&zero_points(elements[1]), index / 2)),
            };
            products.push(Gemm {
                sizes,
                elements,
                zero_points: [a, b],
                end: nth(&ENDS, index),
                layout: nth(&LAYOUTS, index / 2),
                values: if index % 3 == 2 { Values::Extreme } else { Values::Uniform },
                seed: index as u64,
            });
        }
    }
    products
}

fn gemm() -> Vec<Case> {
    let mut sizes = vec![[0, 3, 4], [3, 0, 4], [3, 4, 0], [0, 0, 0], [1, 1, 1], [1, 0, 1]];
    // Around the tile's rows and what they are divided into.
    for m in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 18, 19, 23, 25] {
        sizes.push([m, 19, 21]);
    }
    // The same over two panels side by side, and with more of K than these are taken for.
    sizes.extend([2, 3, 4, 5, 6, 7, 11, 13].map(|m| [m, 9, 69]));
    sizes.push([7, 2052, 65]);
    // Around the grouping of K.
    for k in [1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 64, 129] {
        sizes.extend([[1, k, 17], [7, k, 33]]);
    }
    // Around the widths of registers, panels and streams.
    for n in [1, 2, 6, 7, 8, 9, 10, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 48, 63, 64, 65, 72, 127, 128, 129, 136] {
        sizes.extend([[1, 10, n], [8, 10, n]]);
    }
    // Every width that the end of a row may have, most of them with every end: they are written by pieces.
    sizes.extend((1..48).map(|n| [2, 3, n]));
    // Rows of a power of two, several bands, several ranges of columns.
    sizes.extend([
        [13, 512, 9],
        [5, 2048, 9],
        [7, 29, 13],
        [33, 100, 47],
        [301, 600, 70],
        [100, 512, 300],
        [2, 1025, 513],
        [1, 768, 4099],
        // Bands and ranges of columns at once, the last of each smaller than the others.
        [200, 26, 1050],
        // The same, small enough for an emulated CPU.
        [96, 34, 800],
        // The least whose operands are crossed: all numbers of rows that are left of whole tiles, quads that are not whole,
        // columns that fill no panel or half of one.
        [16, 128, 128],
        [17, 131, 126],
        [18, 66, 250],
        [23, 94, 180],
        [47, 260, 69],
        // The least that is computed by halves, with rows, columns and an odd depth that are left, and more bands.
        [128, 512, 256],
        [131, 515, 300],
        [130, 516, 521],
        [259, 516, 277],
        // The same where operands are crossed.
        [513, 517, 530],
    ]);
    products(&sizes).into_iter().map(Case::Gemm).collect()
}

fn matmul() -> Vec<Case> {
    let sizes = [
        [1, 1, 1],
        [0, 2, 2],
        [2, 0, 3],
        [1, 33, 40],
        [7, 5, 9],
        [16, 64, 16],
        [13, 31, 65],
        [64, 32, 64],
        // The least whose operands are crossed, by terms that were not summed up before.
        [34, 131, 126],
        [6, 2, 24],
        [2, 3, 0],
        [0, 0, 0],
    ];
    products(&sizes)
        .into_iter()
        .enumerate()
        .map(|(index, gemm)| Case::MatMul(MatMul { batch: index % 4, gemm }))
        .collect()
}

/// The geometry of a convolution: images, channels, kernel, strides, dilation, pads.
type Geometry = ([usize; 3], [usize; 3], [usize; 2], [usize; 2], [usize; 2], [usize; 4]);

fn convolutions(geometries: &[Geometry]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &(images, channels, kernel, strides, dilation, pads) in geometries {
        for variant in 0..4 {
            let index = cases.len();
            let elements = nth(&PAIRS, index / 4 + variant);
            let weights = match variant {
                0 => ZeroPointsOf::All(if elements[1] == U8 { 128 } else { 0 }),
                1 | 2 => ZeroPointsOf::Each,
                _ => ZeroPointsOf::All(nth(&zero_points(elements[1]), index / 3)),
            };
            cases.push(Case::Conv(Conv {
                images,
                channels,
                kernel,
                strides,
                dilation,
                pads,
                elements,
                zero_point: nth(&zero_points(elements[0]), index),
                weights,
                end: nth(&ENDS, index),
                layout: nth(&LAYOUTS, index / 2),
                values: if index % 3 == 2 { Values::Extreme } else { Values::Uniform },
                seed: index as u64,
            }));
        }
    }
    cases
}

fn conv() -> Vec<Case> {
    convolutions(&[
        // Ordinary, with and without padding, strides and both dilations; several images.
        ([1, 5, 6], [3, 4, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([2, 7, 7], [8, 17, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 9, 8], [5, 8, 1], [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]),
        ([1, 11, 13], [3, 24, 1], [7, 7], [2, 2], [1, 1], [3, 3, 3, 3]),
        ([1, 6, 9], [4, 5, 1], [2, 2], [1, 1], [1, 2], [0, 0, 0, 0]),
        ([1, 9, 9], [3, 9, 1], [3, 3], [1, 1], [2, 3], [2, 3, 2, 3]),
        ([1, 5, 5], [2, 3, 1], [2, 3], [3, 2], [1, 1], [1, 2, 0, 1]),
        ([3, 20, 40], [16, 32, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        // As Winograd's algorithm takes them: whole tiles, tiles cut below and on the right, pads of one side alone, odd
        // channels, columns that fill no panel, several images, both dilations.
        ([1, 12, 12], [16, 16, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 12, 12], [48, 36, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([2, 9, 11], [33, 24, 1], [3, 3], [1, 1], [1, 1], [1, 0, 0, 2]),
        ([1, 7, 7], [40, 41, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 15, 16], [17, 20, 1], [3, 3], [1, 1], [2, 2], [2, 2, 2, 2]),
        ([1, 8, 12], [16, 32, 1], [3, 3], [1, 1], [1, 3], [1, 3, 1, 3]),
        // More weights than are kept transformed, of two steps of channels.
        ([1, 16, 16], [144, 130, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        // Sums beyond what it finds in one: channels in blocks. Then ranges of columns, then bands.
        ([1, 8, 8], [130, 16, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 8, 8], [16, 260, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 33, 41], [16, 16, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        // Without padding, and so in place where a tier takes bytes: whole groups of K in each segment.
        ([2, 9, 7], [8, 33, 1], [3, 3], [1, 2], [1, 1], [0; 4]),
        ([1, 9, 8], [16, 9, 1], [3, 2], [2, 1], [1, 2], [0; 4]),
        ([2, 6, 5], [8, 5, 3], [3, 3], [1, 1], [1, 1], [0; 4]),
        // Padded above and below alone, in several bands: those between the first and the last are in place.
        ([1, 120, 40], [8, 24, 1], [3, 3], [1, 1], [1, 1], [1, 0, 1, 0]),
        // The same, small enough for an emulated CPU of Arm.
        ([1, 60, 32], [8, 24, 1], [3, 3], [1, 1], [1, 1], [1, 0, 1, 0]),
        // In one band.
        ([1, 6, 5], [8, 12, 1], [3, 3], [1, 1], [1, 1], [1, 0, 1, 0]),
        // Large enough that operands are crossed: several segments, of quads that are not whole and that are.
        ([1, 12, 13], [10, 190, 1], [3, 3], [2, 2], [1, 1], [1, 1, 1, 1]),
        ([1, 6, 7], [12, 230, 1], [3, 2], [1, 1], [1, 1], [1, 0, 1, 1]),
        // Pointwise, strided too.
        ([2, 9, 7], [16, 33, 1], [1, 1], [1, 1], [1, 1], [0; 4]),
        ([1, 4, 5], [7, 9, 1], [1, 1], [1, 1], [1, 1], [0; 4]),
        ([2, 7, 7], [16, 40, 1], [1, 1], [2, 2], [1, 1], [0; 4]),
        ([1, 5, 5], [6, 8, 1], [1, 1], [3, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 1, 1], [4, 4, 1], [1, 1], [65536, 65536], [1, 1], [0; 4]),
        // Grouped, also by odd numbers.
        ([1, 6, 5], [4, 4, 3], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 5, 5], [3, 5, 7], [3, 3], [1, 2], [2, 1], [1, 1, 1, 1]),
        ([1, 4, 4], [1, 2, 5], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 4, 4], [2, 1, 4], [1, 1], [1, 1], [1, 1], [0; 4]),
        // Groups that are merged: all, some, and none of them, with and without columns that are left.
        ([1, 5, 6], [4, 4, 4], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 5, 5], [1, 2, 8], [3, 3], [2, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 4, 5], [2, 3, 6], [3, 3], [1, 1], [1, 2], [1, 2, 1, 2]),
        ([1, 4, 3], [3, 2, 9], [1, 1], [1, 1], [1, 1], [0; 4]),
        // Groups of four channels and of eight to as many outputs: blocks that are whole or not, in place and copied.
        ([1, 6, 7], [4, 4, 8], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([2, 5, 5], [4, 4, 17], [3, 3], [2, 2], [1, 1], [1, 1, 1, 1]),
        ([1, 4, 6], [4, 4, 12], [2, 2], [1, 1], [1, 1], [0; 4]),
        ([1, 5, 9], [8, 8, 4], [3, 3], [1, 2], [1, 2], [1, 2, 1, 2]),
        ([1, 5, 5], [8, 8, 9], [3, 3], [1, 1], [1, 1], [0; 4]),
        ([2, 3, 5], [8, 8, 16], [1, 1], [1, 1], [1, 1], [0; 4]),
        // By Winograd's algorithm in groups: merged, of one panel, of a panel and a half, of odd channels.
        ([1, 9, 13], [4, 4, 6], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([2, 12, 9], [16, 16, 2], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 8, 8], [12, 24, 2], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 9, 8], [9, 8, 3], [3, 3], [1, 1], [1, 2], [1, 2, 1, 2]),
        // Ranges of groups, on several images.
        ([2, 17, 23], [2, 3, 70], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        // Images of one row or one column, smaller than the padding, smaller than the window.
        ([1, 1, 30], [3, 6, 1], [1, 5], [1, 2], [1, 3], [0, 4, 0, 4]),
        ([1, 30, 1], [3, 6, 1], [5, 1], [2, 1], [3, 1], [4, 0, 4, 0]),
        ([1, 1, 1], [2, 3, 1], [5, 5], [2, 2], [1, 1], [2, 2, 2, 2]),
        ([1, 2, 2], [2, 3, 1], [3, 3], [1, 1], [1, 1], [0; 4]),
        ([0, 4, 4], [2, 3, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        // No output across, down, or at all, of more groups than a band's end has room for.
        ([1, 5, 1], [20, 2, 4], [1, 3], [1, 1], [1, 1], [0; 4]),
        ([1, 1, 5], [20, 2, 4], [3, 1], [1, 1], [1, 1], [0; 4]),
        ([2, 0, 0], [20, 2, 4], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 3, 3], [2, 0, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 3, 3], [2, 3, 1], [2, 2], [1, 1], [1, 1], [5, 0, 0, 4]),
        // As many channels as Winograd's algorithm asks for, and too few outputs.
        ([1, 4, 4], [16, 16, 1], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
    ])
}

fn depthwise() -> Vec<Case> {
    let mut geometries = vec![
        ([1, 1, 1], [1, 1, 2], [5, 5], [2, 2], [1, 1], [2, 2, 2, 2]),
        ([1, 7, 1], [1, 1, 3], [5, 5], [2, 2], [1, 1], [2, 2, 2, 2]),
        ([1, 9, 7], [1, 1, 24], [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]),
        ([1, 8, 9], [1, 1, 18], [3, 3], [1, 1], [2, 2], [2, 2, 2, 2]),
        ([1, 6, 9], [1, 1, 20], [2, 4], [1, 3], [1, 1], [1, 0, 0, 2]),
        ([1, 1, 20], [1, 1, 5], [1, 3], [1, 1], [1, 1], [0, 1, 0, 1]),
        ([1, 4, 4], [1, 1, 5], [1, 1], [1, 1], [1, 1], [0; 4]),
        ([2, 30, 60], [1, 1, 96], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 6, 7], [1, 1, 56], [5, 5], [1, 1], [1, 1], [2, 2, 2, 2]),
        ([1, 5, 9], [1, 1, 64], [4, 4], [2, 1], [1, 1], [0; 4]),
        ([1, 5, 9], [1, 1, 90], [3, 3], [2, 2], [1, 2], [1, 1, 1, 1]),
        ([1, 3, 1], [1, 1, 32], [1, 1], [1, 1], [1, 1], [0; 4]),
        ([1, 4, 5], [1, 1, 64], [3, 3], [1, 1], [1, 1], [0; 4]),
        // Windows that share a column of three, with dilation too; longer rows than are walked at once; channels that
        // fill no block.
        ([1, 9, 7], [1, 1, 64], [3, 3], [2, 2], [1, 1], [0, 1, 1, 1]),
        ([1, 9, 15], [1, 1, 32], [3, 3], [2, 4], [1, 2], [1, 2, 1, 2]),
        ([1, 4, 61], [1, 1, 32], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 3, 61], [1, 1, 32], [3, 3], [1, 2], [1, 1], [1, 1, 1, 1]),
        ([1, 3, 30], [1, 1, 147], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 3, 59], [1, 1, 80], [3, 3], [1, 2], [1, 1], [1, 1, 1, 1]),
        ([1, 5, 6], [1, 1, 80], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 5, 6], [1, 1, 87], [3, 3], [2, 2], [1, 1], [1, 1, 1, 1]),
        // More padding than one column; rows of one pixel, all of them at both ends; several images and bands.
        ([1, 3, 4], [1, 1, 32], [3, 3], [1, 1], [1, 1], [2, 2, 2, 2]),
        ([1, 3, 1], [1, 1, 32], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 1, 2], [1, 1, 64], [3, 3], [2, 2], [1, 1], [1, 1, 1, 1]),
        ([1, 6, 7], [1, 1, 32], [3, 3], [1, 1], [2, 2], [2, 1, 2, 2]),
        ([2, 40, 41], [1, 1, 64], [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]),
    ];
    for channels in [2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65, 112] {
        geometries.push(([2, 5, 6], [1, 1, channels], [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]));
    }
    convolutions(&geometries)
}

/// The geometry of a convolution of volumes: volumes, channels, kernel, strides, dilation, pads.
type Geometry3d = ([usize; 4], [usize; 3], [usize; 3], [usize; 3], [usize; 3], [usize; 6]);

/// Two of each geometry.
fn volumes(geometries: &[Geometry3d]) -> Vec<Volume> {
    let mut cases = Vec::new();
    for &(volumes, channels, kernel, strides, dilation, pads) in geometries {
        for variant in 0..2 {
            let index = cases.len();
            let elements = nth(&PAIRS, index / 2 + variant);
            cases.push(Volume {
                volumes,
                channels,
                kernel,
                strides,
                dilation,
                pads,
                elements,
                // One of a geometry in every two has some for each channel, in turn the first and the second.
                input: if index % 4 == 1 || index % 4 == 2 {
                    ZeroPointsOf::All(nth(&zero_points(elements[0]), index))
                } else {
                    ZeroPointsOf::Each
                },
                weights: if variant == 0 {
                    ZeroPointsOf::All(nth(&zero_points(elements[1]), index / 3))
                } else {
                    ZeroPointsOf::Each
                },
                end: nth(&ENDS, index),
                layout: nth(&LAYOUTS, index / 2),
                values: if index % 3 == 2 { Values::Extreme } else { Values::Uniform },
                seed: index as u64,
            });
        }
    }
    cases
}

fn conv3d() -> Vec<Case> {
    let cases = volumes(&[
        // Padded on all sides; several volumes; strides and dilation that differ along the axes.
        ([1, 3, 4, 5], [3, 5, 1], [3, 3, 3], [1, 1, 1], [1, 1, 1], [1; 6]),
        ([2, 4, 3, 4], [4, 9, 1], [2, 3, 2], [1, 1, 1], [1, 1, 1], [0, 1, 0, 1, 1, 1]),
        ([1, 5, 6, 7], [2, 3, 1], [3, 2, 3], [2, 3, 2], [1, 1, 1], [1, 0, 1, 0, 2, 1]),
        ([1, 6, 5, 7], [3, 4, 1], [2, 2, 2], [1, 2, 1], [3, 1, 2], [2, 1, 0, 1, 0, 1]),
        ([2, 5, 3, 3], [8, 17, 1], [3, 1, 1], [2, 1, 1], [2, 1, 1], [2, 0, 0, 2, 0, 0]),
        // Kernels of one plane: images, which Winograd's algorithm takes too; strided or padded in depth they are none.
        ([2, 2, 8, 9], [16, 16, 1], [1, 3, 3], [1, 1, 1], [1, 1, 1], [0, 1, 1, 0, 1, 1]),
        ([1, 5, 3, 4], [4, 8, 1], [1, 2, 2], [2, 1, 1], [1, 1, 1], [1, 0, 0, 1, 0, 0]),
        // Kernels whose rows of all planes are three: no windows of 3 x 3.
        ([1, 6, 8, 8], [16, 16, 1], [3, 1, 3], [1, 1, 1], [1, 1, 1], [1, 0, 1, 1, 0, 1]),
        // Pointwise, strided too; grouped; groups that are merged; depthwise, of 3 x 3 taps in one plane and in three.
        ([2, 2, 3, 3], [7, 9, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [0; 6]),
        ([1, 4, 5, 5], [4, 12, 1], [1, 1, 1], [2, 2, 2], [1, 1, 1], [0; 6]),
        ([1, 3, 4, 4], [3, 5, 3], [2, 3, 3], [1, 1, 1], [1, 1, 1], [0, 1, 1, 1, 1, 1]),
        ([1, 3, 4, 4], [2, 2, 5], [2, 2, 2], [1, 1, 1], [1, 1, 1], [1; 6]),
        ([1, 3, 3, 4], [4, 4, 8], [2, 2, 2], [1, 1, 1], [1, 1, 1], [1; 6]),
        ([2, 3, 5, 6], [1, 1, 40], [3, 3, 3], [1, 1, 1], [1, 1, 1], [1; 6]),
        ([1, 4, 5, 6], [1, 1, 32], [1, 3, 3], [1, 1, 1], [1, 1, 1], [0, 1, 1, 0, 1, 1]),
        ([1, 4, 5, 6], [1, 1, 32], [3, 1, 3], [1, 1, 1], [1, 1, 1], [1, 0, 1, 1, 0, 1]),
        // Sizes of 1 and 0, volumes smaller than pads and kernels, strides beyond them, kernels of nothing but padding.
        ([1, 1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [0; 6]),
        ([1, 1, 1, 1], [2, 3, 1], [5, 5, 5], [2, 2, 2], [1, 1, 1], [2; 6]),
        ([1, 2, 2, 1], [2, 3, 1], [2, 1, 1], [9, 1, 1], [1, 1, 1], [3, 0, 0, 0, 0, 0]),
        ([1, 1, 2, 2], [2, 3, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [2, 0, 0, 3, 0, 0]),
        ([1, 2, 4, 4], [2, 3, 1], [3, 1, 1], [1, 1, 1], [1, 1, 1], [0; 6]),
        ([0, 3, 3, 3], [2, 3, 1], [2, 2, 2], [1, 1, 1], [1, 1, 1], [0; 6]),
        ([2, 0, 3, 3], [2, 3, 1], [2, 1, 1], [1, 1, 1], [1, 1, 1], [1, 0, 0, 1, 0, 0]),
        ([1, 3, 3, 3], [0, 3, 1], [2, 2, 2], [1, 1, 1], [1, 1, 1], [1; 6]),
        ([1, 3, 3, 3], [2, 0, 1], [2, 2, 2], [1, 1, 1], [1, 1, 1], [1; 6]),
        // Larger planes.
        ([1, 2, 34, 20], [4, 8, 1], [2, 3, 3], [1, 1, 1], [1, 1, 1], [1; 6]),
    ]);
    cases.into_iter().map(Case::Conv3d).collect()
}

fn transposed() -> Vec<Case> {
    let geometries: [(Geometry3d, [usize; 3]); 23] = [
        // As decoders have them: kernels of 4 and 3 by strides of 2, of 2 by 2, of 1 by 1.
        (([2, 1, 4, 5], [8, 16, 1], [1, 4, 4], [1, 2, 2], [1, 1, 1], [0, 1, 1, 0, 1, 1]), [0; 3]),
        (([1, 1, 5, 3], [5, 7, 1], [1, 3, 3], [1, 2, 2], [1, 1, 1], [0, 1, 1, 0, 1, 1]), [0, 1, 1]),
        (([1, 1, 3, 4], [3, 9, 1], [1, 2, 2], [1, 2, 2], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 3, 4], [4, 5, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 8, 8], [16, 16, 1], [1, 3, 3], [1, 1, 1], [1, 1, 1], [0, 1, 1, 0, 1, 1]), [0; 3]),
        // Rows alone; volumes; all of them by different numbers.
        (([2, 1, 1, 9], [4, 6, 1], [1, 1, 5], [1, 1, 3], [1, 1, 1], [0, 0, 2, 0, 0, 1]), [0, 0, 2]),
        (([1, 3, 2, 4], [3, 5, 1], [2, 3, 3], [2, 1, 3], [1, 2, 1], [0, 1, 1, 1, 0, 2]), [1, 0, 0]),
        (([2, 2, 3, 3], [2, 4, 1], [3, 2, 2], [1, 2, 2], [2, 1, 1], [1, 0, 0, 0, 1, 0]), [0, 0, 1]),
        // Dilation that shares a factor with the stride, and that does not.
        (([1, 1, 4, 5], [3, 4, 1], [1, 3, 3], [1, 2, 4], [1, 2, 6], [0; 6]), [0; 3]),
        (([1, 1, 4, 4], [3, 4, 1], [1, 3, 2], [1, 3, 2], [1, 2, 3], [0, 2, 1, 0, 0, 3]), [0, 2, 1]),
        // Strides beyond kernels: outputs that no input reaches.
        (([1, 1, 3, 3], [3, 4, 1], [1, 1, 2], [1, 3, 4], [1, 1, 1], [0; 6]), [0, 1, 2]),
        (([1, 2, 1, 1], [2, 3, 1], [1, 1, 1], [5, 9, 2], [1, 1, 1], [0; 6]), [4, 3, 0]),
        // Groups, odd ones, and depthwise.
        (([1, 1, 4, 3], [4, 4, 8], [1, 3, 3], [1, 2, 2], [1, 1, 1], [0, 1, 1, 0, 1, 1]), [0, 1, 0]),
        (([1, 1, 3, 3], [2, 3, 5], [1, 2, 2], [1, 1, 2], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 5, 6], [1, 1, 33], [1, 4, 4], [1, 2, 2], [1, 1, 1], [0, 1, 1, 0, 1, 1]), [0; 3]),
        // Pads beyond what single inputs reach, so that some are not read; outputs of one place, and of none.
        (([1, 1, 6, 5], [2, 3, 1], [1, 3, 3], [1, 2, 1], [1, 1, 1], [0, 5, 4, 0, 3, 2]), [0, 1, 0]),
        (([1, 1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 1, 1], [1, 1, 1], [0, 0, 1, 0, 0, 0]), [0; 3]),
        (([1, 1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 1, 1], [1, 1, 1], [0, 0, 1, 0, 0, 1]), [0; 3]),
        (([1, 1, 2, 2], [2, 3, 1], [1, 2, 2], [1, 1, 1], [1, 1, 1], [0, 9, 0, 0, 9, 0]), [0; 3]),
        (([0, 1, 2, 2], [2, 3, 1], [1, 2, 2], [1, 2, 2], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 0, 2], [2, 3, 1], [1, 2, 2], [1, 2, 2], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 2, 2], [0, 3, 1], [1, 2, 2], [1, 2, 2], [1, 1, 1], [0; 6]), [0; 3]),
        (([1, 1, 2, 2], [2, 0, 1], [1, 2, 2], [1, 2, 2], [1, 1, 1], [0; 6]), [0; 3]),
    ];
    let cases = volumes(&geometries.map(|(geometry, _)| geometry));
    let padding = geometries.into_iter().flat_map(|(_, padding)| [padding; 2]);
    let cases = cases.into_iter().zip(padding);
    cases.map(|(volume, output_padding)| Case::Transposed(Transposed { volume, output_padding })).collect()
}

fn linear() -> Vec<Case> {
    let sizes = [
        [0, 3, 4],
        [3, 0, 4],
        [3, 4, 0],
        [1, 1, 1],
        [1, 33, 70],
        [2, 16, 17],
        [7, 15, 33],
        [13, 64, 9],
        [5, 130, 24],
        [33, 17, 65],
        // Ranges of columns that share rows; several bands; a product that is halved.
        [1, 64, 4099],
        [96, 34, 800],
        [130, 260, 257],
    ];
    let cases = sizes.iter().enumerate().flat_map(|(index, &sizes)| {
        (0..4).map(move |variant| Linear {
            sizes,
            elements: nth(&PAIRS, index + variant),
            weights: if variant % 2 == 0 { ZeroPointsOf::All(0) } else { ZeroPointsOf::Each },
            bias: variant < 2,
            layout: nth(&LAYOUTS, index + variant),
            seed: (index * 4 + variant) as u64,
        })
    });
    cases.map(Case::Linear).collect()
}

/// Lengths around every step of the element-wise loops.
pub(crate) fn lengths() -> impl Iterator<Item = usize> {
    (0..=70).chain([95, 96, 97, 127, 128, 129, 1000])
}

const SCALES: [f32; 9] = [1.0, 0.5, 0.018_658_448, 3.7e-3, 1.0 / 3.0, 1e-38, 1e-42, 1e30, 0.002_148_548_6];

/// What `case` makes of each length, type, scale, zero point and seed.
fn conversions(case: impl Fn(usize, Element, f32, i32, u64) -> Case) -> Vec<Case> {
    lengths()
        .flat_map(|len| [(len, U8), (len, I8)])
        .enumerate()
        .map(|(index, (len, element))| {
            case(len, element, nth(&SCALES, index), nth(&zero_points(element), index / 2), index as u64)
        })
        .collect()
}

fn quantize() -> Vec<Case> {
    conversions(|len, element, scale, zero_point, seed| Case::Quantize { len, element, scale, zero_point, seed })
}

fn dequantize() -> Vec<Case> {
    conversions(|len, element, scale, zero_point, seed| Case::Dequantize { len, element, scale, zero_point, seed })
}

fn requantize() -> Vec<Case> {
    lengths()
        .flat_map(|columns| [(columns, U8), (columns, I8)])
        .enumerate()
        .map(|(index, (columns, element))| {
            let (low, high) = element.range();
            let zero_point = nth(&zero_points(element), index);
            let clamp = if index % 3 == 0 { (zero_point, high) } else { (low, high - (index % 5) as i32) };
            Case::Requantize {
                rows: index % 4,
                columns,
                element,
                each: index % 7 < 4,
                zero_point,
                clamp,
                seed: index as u64,
            }
        })
        .collect()
}

/// Lengths around the piece in which rows are taken.
const ROWS: [usize; 9] = [0, 1, 2, 15, 63, 64, 65, 129, 1000];

fn rule_requantize() -> Vec<Case> {
    Rule::ALL
        .iter()
        .flat_map(|&rule| {
            ROWS.into_iter().flat_map(move |columns| {
                [(U8, 1), (I8, 2), (U8, 3), (I8, 4)].into_iter().map(move |(element, seed)| Case::RuleRequantize {
                    columns,
                    element,
                    rule,
                    seed: seed + columns as u64,
                })
            })
        })
        .collect()
}

fn quantizing(case: fn(Quantizing) -> Case) -> Vec<Case> {
    let rules = [
        QuantizeRule::Onnx,
        QuantizeRule::Reciprocal,
        QuantizeRule::ZeroPointFirst,
        QuantizeRule::Tflite,
        QuantizeRule::PaddleEven,
        QuantizeRule::PaddleAway,
    ];
    let targets = [
        (Target::I8, 8),
        (Target::I16, 16),
        (Target::I8, 4),
        (Target::I8, 2),
        (Target::I16, 12),
        (Target::U8, 8),
        (Target::U16, 16),
        (Target::U8, 4),
    ];
    // Rows of one element and of more, blocks that divide the axis, that do not, and that are all of it.
    let shapes = [
        ([3, 5, 1], None),
        ([2, 3, 70], None),
        ([1, 130, 1], None),
        ([2, 7, 1], Some(3)),
        ([2, 130, 1], Some(64)),
        ([2, 5, 66], Some(2)),
        ([1, 4, 3], Some(9)),
        ([0, 4, 3], Some(2)),
        ([2, 0, 3], None),
        ([1, 1, 1], Some(1)),
    ];
    let mut cases = Vec::new();
    for (at, rule) in rules.into_iter().enumerate() {
        let is_paddle = matches!(rule, QuantizeRule::PaddleEven | QuantizeRule::PaddleAway);
        let targets = if is_paddle { &targets[..5] } else { &targets[..] };
        for (index, (shape, block)) in shapes.into_iter().enumerate() {
            for &(target, bits) in targets {
                let nan = nth(&[NanPolicy::Lowest, NanPolicy::Zero], index + at);
                let seed = (cases.len() * 7 + 1) as u64;
                cases.push(case(Quantizing { shape, block, target, bits, rule, nan, seed }));
            }
        }
    }
    cases
}

const TRIPLES: [[Element; 3]; 8] =
    [[U8; 3], [I8; 3], [U8, I8, U8], [I8, U8, I8], [U8, U8, I8], [I8, I8, U8], [U8, I8, I8], [I8, U8, U8]];

/// Three cases of each length, with some of the scales.
pub(crate) fn binary(scales: &[[f32; 3]], case: fn(Binary) -> Case) -> impl Iterator<Item = Case> {
    lengths().enumerate().flat_map(move |(index, len)| {
        (0..3).map(move |variant| {
            let index = index * 3 + variant;
            let elements = nth(&TRIPLES, index);
            let zero_points = std::array::from_fn(|operand| nth(&zero_points(elements[operand]), index + operand));
            case(Binary { len, elements, scales: nth(scales, index), zero_points, seed: index as u64 })
        })
    })
}

fn mul() -> Vec<Case> {
    let scales = [
        [1.0, 1.0, 2.0],
        [0.5, 0.25, 8.0],
        [1.0, 1.0, 256.0],
        [0.025_346_905, 0.035_809_92, 0.036_585_97],
        [0.039_710_2, 0.046_094_74, 0.157_970_7],
        // Multipliers so large that products overflow, and so small that they vanish.
        [1e19, 3e19, 1.0],
        [1e-20, 1e-22, 1e30],
    ];
    // Sums with the zero point that are ties because they were rounded, of large products too.
    let ties = [[U8; 3], [I8; 3], [U8, I8, I8]].into_iter().flat_map(|elements| {
        [[0.5, 1.0, 1.0], [0.007_843_138, 0.003_921_569, 0.015_686_276], [1.0, 0.003_937_008, 1.0]].into_iter().map(
            move |scales| {
                let zero_points = elements.map(|element| if element == U8 { 127 } else { -1 });
                Case::Mul(Binary { len: 4000, elements, scales, zero_points, seed: 3 })
            },
        )
    });
    binary(&scales, Case::Mul).chain(ties).collect()
}

fn add() -> Vec<Case> {
    let scales = [
        [1.0, 1.0, 2.0],
        [0.5, 0.25, 0.5],
        [0.025_346_905, 0.035_809_92, 0.036_585_97],
        [0.039_710_2, 0.046_094_74, 0.057_970_69],
        [1e-3, 3.0, 1e-2],
        // Ratios so large that sums overflow, and so small that they vanish.
        [9.9e35, 9.9e35, 1.0],
        [1e-45, 1e-20, 1e30],
    ];
    // Sums near ties: for each of the three fused steps, the bytes of at least 400 of the 65536 pairs would be others
    // if that step rounded twice.
    let near_ties = [
        ([U8; 3], [0.1288, 0.161, 0.1932], [210, 113, 159]),
        ([I8; 3], [0.157, 0.157, 0.1884], [-120, 89, -43]),
        ([U8, I8, U8], [0.1855, 0.1855, 0.2226], [188, 22, 118]),
        ([I8, U8, I8], [0.005, 0.0025, 0.015], [-109, 155, -30]),
        ([U8, U8, I8], [0.092, 0.0184, 0.1104], [210, 217, 87]),
        ([I8, I8, U8], [0.1278, 0.0994, 0.142], [92, -62, 95]),
        ([U8, I8, I8], [0.2825, 0.2825, 0.339], [240, -28, 72]),
        ([I8, U8, U8], [0.0652, 0.0326, 0.1956], [10, 45, 12]),
    ];
    // Less than a step of the loop, too: what is left of a slice is fused as well.
    let near_ties = [31, 1000].into_iter().flat_map(|len| {
        near_ties.into_iter().enumerate().map(move |(index, (elements, scales, zero_points))| {
            Case::Add(Binary { len, elements, scales, zero_points, seed: index as u64 })
        })
    });
    binary(&scales, Case::Add).chain(near_ties).collect()
}

fn rule_add() -> Vec<Case> {
    // The third has ties; the last are the ends of XNNPACK's domain.
    let scales = [
        [0.025_346_905, 0.035_809_92, 0.036_585_97],
        [0.039_710_2, 0.046_094_74, 0.057_970_69],
        [0.5, 0.25, 1.0],
        [1.0, 0.001, 0.9],
        [255.0, 1.0, 1.0],
        [1.0, 1.0, 1024.0],
    ];
    let tflite = binary(&scales, |binary| Case::RuleAdd(Runtime::Tflite, binary));
    tflite.chain(binary(&scales, |binary| Case::RuleAdd(Runtime::Xnnpack, binary))).collect()
}

fn pool() -> Vec<Case> {
    lengths()
        .enumerate()
        .map(|(index, channels)| {
            let elements = nth(&PAIRS, index);
            let zero_points = [nth(&zero_points(elements[0]), index), nth(&zero_points(elements[1]), index / 3)];
            let scales = nth(&[[1.0, 1.0], [0.5, 0.25], [0.023_529_412, 0.019_110_054], [1.0, 0.125]], index);
            Case::Pool(Pool {
                sizes: [nth(&[1, 2, 4, 9, 16, 49], index), channels],
                gap: index % 3,
                runtime: nth(&[Runtime::Onnxruntime, Runtime::Tflite, Runtime::Xnnpack], index / 2),
                elements,
                scales,
                zero_points,
                seed: index as u64,
            })
        })
        .collect()
}
