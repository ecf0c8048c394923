//! Random cases of every operation, on every tier, against the reference.

use proptest::prelude::*;
use zeropoint::{Backend, Pooling, Runtime};
use zeropoint_check::{
    Binary, Case, Conv, Element, End, Function, Gemm, Layout, Linear, MatMul, Pool, Transposed, Unary, Values, Volume,
    Windows, ZeroPointsOf, check,
};

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![Just(Element::U8), Just(Element::I8)]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::I32),
        element().prop_map(End::Bytes),
        element().prop_map(End::Ties),
        any::<bool>().prop_map(|bias| End::F32 { bias }),
    ]
}

fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Dense), Just(Layout::Strided), Just(Layout::Planar)]
}

fn values() -> impl Strategy<Value = Values> {
    prop_oneof![Just(Values::Uniform), Just(Values::Extreme)]
}

fn zero_point(element: Element) -> impl Strategy<Value = i32> {
    let (low, high) = element.range();
    prop_oneof![Just(low), Just(high), Just(0), low..=high]
}

fn zero_points(element: Element) -> impl Strategy<Value = ZeroPointsOf> {
    prop_oneof![zero_point(element).prop_map(ZeroPointsOf::All), Just(ZeroPointsOf::Each)]
}

/// Types of both operands, each with zero points.
fn operands() -> impl Strategy<Value = [(Element, ZeroPointsOf); 2]> {
    let operand = || element().prop_flat_map(|element| (Just(element), zero_points(element)));
    [operand(), operand()]
}

fn gemm() -> impl Strategy<Value = Gemm> {
    let sizes = [0..20usize, 0..70, 0..90];
    (sizes, operands(), end(), layout(), values(), any::<u64>()).prop_map(
        |(sizes, [a, b], end, layout, values, seed)| Gemm {
            sizes,
            elements: [a.0, b.0],
            zero_points: [a.1, b.1],
            end,
            layout,
            values,
            seed,
        },
    )
}

fn conv() -> impl Strategy<Value = Conv> {
    let images = [0..3usize, 1..10, 1..10];
    // Depthwise every now and then.
    let channels = prop_oneof![[1..9usize, 1..20, 1..4], [1..2usize, 1..2, 2..40]];
    let window = ([1..4usize, 1..4], [1..4usize, 1..4], [1..4usize, 1..4], [0..4usize, 0..4, 0..4, 0..4]);
    let input = element().prop_flat_map(|element| (Just(element), zero_point(element)));
    let weights = element().prop_flat_map(|element| (Just(element), zero_points(element)));
    ((images, channels, window), input, weights, (end(), layout(), values(), any::<u64>())).prop_map(
        |((images, channels, (kernel, strides, dilation, pads)), input, weights, (end, layout, values, seed))| Conv {
            images,
            channels,
            kernel,
            strides,
            dilation,
            pads,
            elements: [input.0, weights.0],
            zero_point: input.1,
            weights: weights.1,
            end,
            layout,
            values,
            seed,
        },
    )
}

fn volume() -> impl Strategy<Value = Volume> {
    let volumes = [0..3usize, 1..5, 1..6, 1..6];
    let channels = prop_oneof![[1..6usize, 1..12, 1..4], [1..2usize, 1..2, 2..40]];
    let axes = || [1..4usize, 1..4, 1..4];
    let window = (axes(), axes(), axes(), [0..4usize, 0..4, 0..4, 0..4, 0..4, 0..4]);
    ((volumes, channels, window), operands(), (end(), layout(), values(), any::<u64>())).prop_map(
        |((volumes, channels, (kernel, strides, dilation, pads)), [input, weights], (end, layout, values, seed))| {
            Volume {
                volumes,
                channels,
                kernel,
                strides,
                dilation,
                pads,
                elements: [input.0, weights.0],
                input: input.1,
                weights: weights.1,
                end,
                layout,
                values,
                seed,
            }
        },
    )
}

fn linear() -> impl Strategy<Value = Linear> {
    ([0..20usize, 0..70, 0..90], operands(), any::<bool>(), layout(), any::<u64>()).prop_map(
        |(sizes, [a, b], bias, layout, seed)| Linear { sizes, elements: [a.0, b.0], weights: b.1, bias, layout, seed },
    )
}

/// A type with a zero point.
fn quantized() -> impl Strategy<Value = (Element, i32)> {
    element().prop_flat_map(|element| (Just(element), zero_point(element)))
}

/// Any scale: from the least number above 0, subnormal, to the greatest.
fn scale() -> impl Strategy<Value = f32> {
    prop_oneof![1u32..0x7f80_0000, 0x3a00_0000u32..0x4100_0000].prop_map(f32::from_bits)
}

/// Scales whose ratios no operation refuses.
fn ratio() -> impl Strategy<Value = f32> {
    prop_oneof![(-8..8i32).prop_map(|power| 2f32.powi(power)), 1e-3f32..10.0]
}

fn quantize() -> impl Strategy<Value = Case> {
    (0..150usize, quantized(), scale(), any::<u64>())
        .prop_map(|(len, (element, zero_point), scale, seed)| Case::Quantize { len, element, scale, zero_point, seed })
}

fn dequantize() -> impl Strategy<Value = Case> {
    (0..150usize, quantized(), scale(), any::<u64>()).prop_map(|(len, (element, zero_point), scale, seed)| {
        Case::Dequantize { len, element, scale, zero_point, seed }
    })
}

fn requantize() -> impl Strategy<Value = Case> {
    let of = element().prop_flat_map(|element| {
        let (low, high) = element.range();
        (Just(element), zero_point(element), low..=high, low..=high)
    });
    ([0..5usize, 0..120], of, any::<bool>(), any::<u64>()).prop_map(
        |([rows, columns], (element, zero_point, one, other), each, seed)| {
            let clamp = (one.min(other), one.max(other));
            Case::Requantize { rows, columns, element, each, zero_point, clamp, seed }
        },
    )
}

fn binary(case: fn(Binary) -> Case) -> impl Strategy<Value = Case> {
    (0..150usize, [quantized(), quantized(), quantized()], [ratio(), ratio(), ratio()], any::<u64>()).prop_map(
        move |(len, of, scales, seed)| {
            let (elements, zero_points) = (of.map(|of| of.0), of.map(|of| of.1));
            case(Binary { len, elements, scales, zero_points, seed })
        },
    )
}

fn pool() -> impl Strategy<Value = Case> {
    ([1..60usize, 0..100], 0..6usize, runtime(), [quantized(), quantized()], [ratio(), ratio()], any::<u64>()).prop_map(
        |(sizes, gap, runtime, of, scales, seed)| {
            let (elements, zero_points) = (of.map(|of| of.0), of.map(|of| of.1));
            Case::Pool(Pool { sizes, gap, runtime, elements, scales, zero_points, seed })
        },
    )
}

fn runtime() -> impl Strategy<Value = Runtime> {
    prop_oneof![Just(Runtime::Onnxruntime), Just(Runtime::Tflite), Just(Runtime::Xnnpack)]
}

fn unary() -> impl Strategy<Value = Unary> {
    (1..150usize, [quantized(), quantized()], [scale(), scale()], any::<u64>()).prop_map(|(len, of, scales, seed)| {
        Unary { len, elements: of.map(|of| of.0), scales, zero_points: of.map(|of| of.1), seed }
    })
}

fn lookup() -> impl Strategy<Value = Case> {
    let function =
        prop_oneof![Just(Function::Rescale), Just(Function::Sigmoid), (-1e3f32..1e3).prop_map(Function::LeakyRelu),];
    (function, unary()).prop_map(|(function, unary)| Case::Lookup(function, unary))
}

fn windows() -> impl Strategy<Value = Windows> {
    let images = [0..3usize, 0..9, 0..9, 0..80];
    let sizes = ([1..4usize, 1..4], [1..4usize, 1..4], [1..3usize, 1..3], [0..5usize, 0..5, 0..5, 0..5]);
    let of = ([quantized(), quantized()], [ratio(), ratio()]);
    (images, sizes, any::<bool>(), of, layout(), any::<u64>()).prop_map(
        |(images, (kernel, strides, dilation, pads), ceil_mode, (of, scales), layout, seed)| {
            let pooling = Pooling { kernel, strides, dilation, pads, ceil_mode };
            let (elements, zero_points) = (of.map(|of| of.0), of.map(|of| of.1));
            Windows { images, pooling, elements, scales, zero_points, layout, seed }
        },
    )
}

fn window_pool() -> impl Strategy<Value = Case> {
    (windows(), prop_oneof![Just(Runtime::Onnxruntime), Just(Runtime::Xnnpack)], any::<bool>(), any::<bool>()).prop_map(
        |(windows, runtime, pads, max)| match max {
            true => Case::MaxPool(windows),
            false => Case::AveragePool(runtime, pads, windows),
        },
    )
}

fn on_every_tier(case: &Case) -> Result<(), TestCaseError> {
    for isa in Backend::available() {
        check(isa, case).map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_equal_the_reference(gemm in gemm()) {
        on_every_tier(&Case::Gemm(gemm))?;
    }

    #[test]
    fn convolutions_equal_the_reference(conv in conv()) {
        on_every_tier(&Case::Conv(conv))?;
    }

    #[test]
    fn convolutions_of_volumes_equal_the_reference(volume in volume(), output_padding in [0..3usize, 0..3, 0..3]) {
        on_every_tier(&Case::Conv3d(volume))?;
        on_every_tier(&Case::Transposed(Transposed { volume, output_padding }))?;
    }

    #[test]
    fn linear_layers_equal_the_reference(linear in linear()) {
        on_every_tier(&Case::Linear(linear))?;
    }

    #[test]
    fn products_of_a_batch_equal_the_reference(batch in 0..4usize, gemm in gemm()) {
        on_every_tier(&Case::MatMul(MatMul { batch, gemm }))?;
    }

    #[test]
    fn tables_and_pools_equal_the_reference(case in prop_oneof![
        lookup(),
        unary().prop_map(Case::Softmax),
        window_pool(),
        binary(Case::Where),
        binary(|binary| Case::RuleAdd(Runtime::Tflite, binary)),
    ]) {
        on_every_tier(&case)?;
    }

    #[test]
    fn all_else_equals_the_reference(case in prop_oneof![quantize(), dequantize(), requantize(), binary(Case::Add), binary(Case::Mul), pool()]) {
        on_every_tier(&case)?;
    }
}
