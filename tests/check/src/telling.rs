//! The cases for a slow CPU: an emulated one needs a minute where this one needs a second.

use zeropoint_kernels::reference;

use crate::case::{Case, Conv, Gemm, Linear, MatMul};
use crate::cases::cases;

/// Multiply-accumulates up to which a shape is run with all of its zero points, types, ends and layouts.
const CHEAP: usize = 40_000;
/// Multiply-accumulates from which on a shape is not run: they would take longer than all the others. x86-64 takes much longer
/// to emulate than Arm, and its tiers have the encodings of Arm's: what the shapes between the two bounds tell of bands, ranges
/// and parts, which depend on no more of a tier than that, is told there.
const DEAR: usize = if cfg!(target_arch = "x86_64") { 2_650_000 } else { 3_300_000 };

/// The telling cases of an operation: all of the shapes that cost little, one of each that costs more, and none of a
/// few. A big shape tells about bands, ranges and parts, which depend on it alone; everything else the small ones tell
/// as well.
pub fn telling_cases(operation: &str) -> Vec<Case> {
    let all = cases(operation);
    let shapes = all.chunk_by(same_shape).enumerate();
    let chosen = shapes.flat_map(|(index, variants)| match work(&variants[0]) {
        ..=CHEAP => variants,
        DEAR.. => &[],
        // Not the first of each: the choices that come first would be all that big shapes are run with.
        _ => std::slice::from_ref(&variants[index % variants.len()]),
    });
    chosen.copied().collect()
}

/// Whether two products differ in types, zero points and the like alone.
fn same_shape(one: &Case, other: &Case) -> bool {
    let conv = |conv: &Conv| (conv.images, conv.channels, conv.kernel, conv.strides, conv.dilation, conv.pads);
    match (one, other) {
        (Case::Gemm(one), Case::Gemm(other)) => one.sizes == other.sizes,
        (Case::Conv(one), Case::Conv(other)) => conv(one) == conv(other),
        (Case::Linear(one), Case::Linear(other)) => one.sizes == other.sizes,
        (Case::MatMul(one), Case::MatMul(other)) => one.gemm.sizes == other.gemm.sizes,
        _ => false,
    }
}

/// Multiply-accumulates of a product. The other operations cost little at every length.
fn work(case: &Case) -> usize {
    match case {
        Case::Gemm(Gemm { sizes, .. }) => sizes.iter().product(),
        Case::MatMul(MatMul { gemm, .. }) => gemm.sizes.iter().product(),
        Case::Linear(Linear { sizes, .. }) => sizes.iter().product(),
        Case::Conv(conv) => {
            let [images, height, width] = conv.images;
            let [inputs, outputs, groups] = conv.channels;
            let Conv { strides, dilation, pads, kernel, .. } = *conv;
            let geometry = reference::Convolution { strides, dilation, pads, groups };
            let pixels = geometry.output([height, width], kernel).iter().product::<usize>();
            images * pixels * kernel[0] * kernel[1] * inputs * outputs * groups
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::{Element, End, Layout, Values, ZeroPointsOf};
    use crate::cases::operations;

    /// What a case tells about, in words.
    fn facets(case: &Case) -> Vec<String> {
        let product =
            |elements: [Element; 2], zero_points: [ZeroPointsOf; 2], end: End, layout: Layout, values: Values| {
                vec![
                    format!("{elements:?}"),
                    format!("{:?} zero point {:?}", elements[0], zero_points[0]),
                    format!("{:?} weights' zero point {:?}", elements[1], zero_points[1]),
                    format!("{end:?}"),
                    format!("{layout:?}"),
                    format!("{values:?}"),
                ]
            };
        // What follows a multiple of 2, 8 and 16 is a tail somewhere.
        let size = |name: &str, size: usize| {
            vec![format!("{name} = {}", size.min(2)), format!("{name} mod 16 = {}", size % 16)]
        };
        let gemm = |gemm: &Gemm| {
            let mut facets = product(gemm.elements, gemm.zero_points, gemm.end, gemm.layout, gemm.values);
            for (name, of) in ["M", "K", "N"].into_iter().zip(gemm.sizes) {
                facets.extend(size(name, of));
            }
            facets
        };
        match case {
            Case::Gemm(product) => gemm(product),
            Case::MatMul(product) => [gemm(&product.gemm), vec![format!("batch {}", product.batch)]].concat(),
            Case::Conv(conv) => {
                let zero_points = [ZeroPointsOf::All(conv.zero_point), conv.weights];
                let mut facets = product(conv.elements, zero_points, conv.end, conv.layout, conv.values);
                for (name, of) in ["inputs", "outputs", "groups"].into_iter().zip(conv.channels) {
                    facets.extend(size(name, of));
                }
                facets.extend([
                    format!("kernel {:?}", conv.kernel),
                    format!("strides {:?}", conv.strides),
                    format!("dilation {:?}", conv.dilation),
                    format!("pads {:?}", conv.pads),
                    format!("padding of {:?} with {}", conv.elements[0], conv.zero_point),
                ]);
                facets
            }
            Case::Linear(linear) => {
                let mut facets = vec![
                    format!("{:?}", linear.elements),
                    format!("{:?} weights' zero point {:?}", linear.elements[1], linear.weights),
                    format!("bias {}", linear.bias),
                    format!("{:?}", linear.layout),
                ];
                for (name, of) in ["M", "K", "N"].into_iter().zip(linear.sizes) {
                    facets.extend(size(name, of));
                }
                facets
            }
            other => vec![format!("{other:?}")],
        }
    }

    fn all_facets(cases: &[Case]) -> BTreeSet<String> {
        cases.iter().flat_map(facets).collect()
    }

    #[test]
    fn nothing_that_a_case_tells_is_left_out() {
        for operation in operations() {
            let (all, telling) = (all_facets(&cases(operation)), all_facets(&telling_cases(operation)));
            let lost: Vec<_> = all.difference(&telling).collect();
            assert!(lost.is_empty(), "{operation}: the telling cases lack {lost:?}");
        }
    }

    #[test]
    fn every_type_zero_point_end_and_tail_is_told_about() {
        let types = ["[U8, I8]", "[U8, U8]", "[I8, I8]", "[I8, U8]"];
        let ends =
            ["I32", "Bytes(U8)", "Bytes(I8)", "Ties(U8)", "Ties(I8)", "F32 { bias: false }", "F32 { bias: true }"];
        let zero_points = [("U8", ["0", "1", "128", "255"]), ("I8", ["-128", "-1", "0", "127"])];
        for operation in ["gemm", "conv", "depthwise"] {
            let told = all_facets(&telling_cases(operation));
            let has = |facet: &str| assert!(told.contains(facet), "{operation}: no {facet}");
            for facet in types.iter().chain(&ends).chain(&["Dense", "Strided", "Planar", "Uniform", "Extreme"]) {
                has(facet);
            }
            for (element, values) in zero_points {
                values.iter().for_each(|value| has(&format!("{element} zero point All({value})")));
                has(&format!("{element} weights' zero point Each"));
            }
        }
        let gemm = all_facets(&telling_cases("gemm"));
        for facet in [
            "M = 1",
            "N = 1",
            "K = 1",
            "M = 0",
            "N = 0",
            "K = 0",
            "K mod 16 = 1",
            "N mod 16 = 15",
            "U8 zero point Each",
        ] {
            assert!(gemm.contains(facet), "gemm: no {facet}");
        }
        for padding in ["padding of U8 with 255", "padding of I8 with -128"] {
            assert!(all_facets(&telling_cases("conv")).contains(padding), "conv: no {padding}");
        }
    }

    #[test]
    fn hardly_a_shape_is_left_out() {
        for operation in operations() {
            let shapes = |cases: Vec<Case>| cases.chunk_by(same_shape).count();
            let (all, telling) = (shapes(cases(operation)), shapes(telling_cases(operation)));
            assert!(telling * 100 >= all * 90, "{operation}: {telling} of {all} shapes");
        }
    }
}
