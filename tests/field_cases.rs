//! Faults that other kernels and runtimes had, as small inputs with the right answers, on every tier.

use zeropoint::elementwise::{dequantize, quantize, requantize};
use zeropoint::*;

fn tiers() -> impl Iterator<Item = Backend> {
    Backend::available().map(|isa| Backend::with_isa(isa).unwrap())
}

/// Results that hold something before.
fn filled<O: Element>(fill: u8, len: usize) -> Vec<O> {
    vec![bytemuck::pod_read_unaligned(&[fill; 4][..size_of::<O>()]); len]
}

/// A product of M × K by K × N on every tier, for the rows given and for more, which repeat them.
fn gemm<A: Int8, B: Int8, O: Element>(
    [m, k, n]: [usize; 3],
    a: &[A],
    b: &[B],
    b_zeros: ZeroPoints<'_>,
    options: &ProductOptions<'_>,
    expected: &[O],
) {
    for backend in tiers() {
        let weights = PackedWeights::gemm(&backend, MatRef::new(b, [k, n]).unwrap(), b_zeros).unwrap();
        for times in [1, 2, 5, 7, 33] {
            let (a, expected, rows) = (a.repeat(times), expected.repeat(times), m * times);
            let plan = GemmPlan::new(&weights, rows, options).unwrap();
            for fill in [0xaa, 0x55] {
                let (mut out, mut scratch) = (filled::<O>(fill, rows * n), vec![fill; plan.scratch_len()]);
                let a = MatRef::new(&a, [rows, k]).unwrap();
                plan.run(a, MatMut::new(&mut out, [rows, n]).unwrap(), &mut scratch).unwrap();
                assert_eq!(out, expected, "{}: {rows} rows", plan.kernel());
            }
        }
    }
}

/// Weights of a convolution in ONNX's order.
struct Weights<'a, B> {
    values: &'a [B],
    shape: [usize; 4],
    zero_points: ZeroPoints<'a>,
    filter: Filter,
}

impl<'a, B> Weights<'a, B> {
    fn new(values: &'a [B], shape: [usize; 4]) -> Self {
        Self { values, shape, zero_points: Param::All(0), filter: Filter::default() }
    }
}

/// A convolution on every tier, of images in ONNX's order, that gives 32 bits.
fn conv<A: Int8, B: Int8>(
    (x, shape, zero_point): (&[A], [usize; 4], i32),
    weights: &Weights<'_, B>,
    window: Window,
    expected: &[i32],
) {
    for backend in tiers() {
        let w = ImagesRef::nchw(weights.values, weights.shape).unwrap();
        let packed = PackedWeights::conv(&backend, w, weights.zero_points, weights.filter).unwrap();
        let [images, _, height, width] = shape;
        let options = ProductOptions::new(A::TYPE).zero_point(zero_point);
        let plan = ConvPlan::new(&packed, [images, height, width], window, &options).unwrap();
        let [images, height, width, channels] = plan.output_shape();
        assert_eq!(images * height * width * channels, expected.len());
        for fill in [0xaa, 0x55] {
            let (mut y, mut scratch) = (filled::<i32>(fill, expected.len()), vec![fill; plan.scratch_len()]);
            let view = ImagesMut::nchw(&mut y, [images, channels, height, width]).unwrap();
            plan.run(ImagesRef::nchw(x, shape).unwrap(), view, &mut scratch).unwrap();
            assert_eq!(y, expected, "{}", plan.kernel());
        }
    }
}

/// The results of a requantised product of two numbers.
fn to_bytes(scales: [f32; 3], output: Type, zero_point: i32) -> Output<'static> {
    let [a, b, c] = scales;
    Output::Requantized(Requantization::from_scales(a, Param::All(b), c, output, zero_point).unwrap())
}

/// u8 × i8 pairs summed in 16 bits saturate at the negative end: onnxruntime#16105.
#[test]
fn a_pair_that_saturates_16_bits() {
    let options = ProductOptions::new(Type::U8);
    gemm([1, 3, 1], &[210u8, 198, 234], &[-81i8, -80, 127], Param::All(0), &options, &[-3132]);
}

/// i8 × i8 with weights at the lower end, where the shift by 128 needs a sum beyond 16 bits: oneDNN#3435.
#[test]
fn signed_weights_at_one_extreme() {
    let mut w = [-128i8; 64];
    w[0] = -87;
    gemm([1, 64, 1], &[50i8; 64], &w, Param::All(0), &ProductOptions::new(Type::I8), &[-407_550]);
    conv((&[50i8; 64], [1, 64, 1, 1], 0), &Weights::new(&w, [1, 64, 1, 1]), Window::default(), &[-407_550]);
}

/// The u8 × u8 slot of a table held the u8 × i8 kernel, and large blocks a broken fallback: onnxruntime#27671.
#[test]
fn unsigned_weights_read_as_signed() {
    let options = ProductOptions::new(Type::U8);
    gemm([1, 4, 16], &[1u8; 4], &[200u8; 64], Param::All(0), &options, &[800; 16]);
    gemm([6, 4, 16], &[1u8; 24], &[200u8; 64], Param::All(0), &options, &[800; 96]);
}

/// Zero points added instead of subtracted: ComputeLibrary#1033.
#[test]
fn zero_points_with_the_wrong_sign() {
    gemm([1, 1, 1], &[3u8], &[5u8], Param::All(1), &ProductOptions::new(Type::U8).zero_point(2), &[4]);
}

/// The difference to the zero point taken in 8 bits: AMDMIGraphX#2903.
#[test]
fn a_difference_of_9_bits() {
    gemm([1, 1, 1], &[0u8], &[1i8], Param::All(0), &ProductOptions::new(Type::U8).zero_point(255), &[-255]);
    gemm([1, 1, 1], &[-128i8], &[1i8], Param::All(0), &ProductOptions::new(Type::I8).zero_point(127), &[-255]);
}

/// The same in dequantisation, and a bias added after scaling: executorch#20655.
#[test]
fn a_dequantised_difference_of_9_bits_and_a_bias_in_accumulators() {
    for backend in tiers() {
        for len in 1..=65 {
            let mut y = vec![0.0; len];
            dequantize(&backend, &vec![127i8; len], 1.0, -128, &mut y).unwrap();
            assert_eq!(y, vec![255.0; len], "{backend:?}");
        }
    }
    let options = ProductOptions::new(Type::U8).bias(&[10]).output(to_bytes([0.5, 1.0, 1.0], Type::U8, 0));
    gemm([1, 1, 1], &[2u8], &[3i8], Param::All(0), &options, &[8u8]);
}

/// A zero point for each row of the left operand refused: onnxruntime#27897.
#[test]
fn a_zero_point_for_each_row() {
    for backend in tiers() {
        let weights =
            PackedWeights::gemm(&backend, MatRef::new(&[1i8, 2, 3, 4], [2, 2]).unwrap(), Param::All(0)).unwrap();
        let options = ProductOptions::new(Type::U8).zero_points(Param::Each(&[10, 20]));
        let plan = GemmPlan::new(&weights, 2, &options).unwrap();
        let (mut out, mut scratch) = (filled::<i32>(0xaa, 4), vec![0xaa; plan.scratch_len()]);
        let a = MatRef::new(&[10u8, 10, 20, 20], [2, 2]).unwrap();
        plan.run(a, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch).unwrap();
        assert_eq!(out, [0; 4], "{}", plan.kernel());
    }
}

/// With one row, every block of columns got the zero points of the first: rten#539.
#[test]
fn zero_points_of_later_column_blocks() {
    let zeros = (0..4099).map(|column| column % 101 - 50).collect::<Vec<_>>();
    let expected = zeros.iter().map(|zero| -zero).collect::<Vec<_>>();
    let options = ProductOptions::new(Type::U8);
    gemm([1, 1, 4099], &[1u8], &[0i8; 4099], Param::Each(&zeros), &options, &expected);
}

/// Every group got the weights' zero points of the first: rten#1192.
#[test]
fn zero_points_of_later_groups() {
    let mut weights = Weights::new(&[5u8, 5], [2, 1, 1, 1]);
    weights.filter.groups = 2;
    weights.zero_points = Param::Each(&[1, 3]);
    conv((&[1u8, 1], [1, 2, 1, 1], 0), &weights, Window::default(), &[4, 2]);
}

/// A zero point that comes with the run was packed as 0: onnxruntime#25544.
#[test]
fn a_zero_point_that_comes_with_the_run() {
    for backend in tiers() {
        let plan = MatMulPlan::new(&backend, [1, 2, 1], Type::U8, Type::U8, Output::I32).unwrap();
        let (a, b) = (View::new(&[1u8, 1], [1, 1, 2]).unwrap(), View::new(&[1u8, 1], [1, 2, 1]).unwrap());
        let mut scratch = vec![0xaa; plan.scratch_len()];
        for (zero, expected) in [(0, 2), (1, 0), (0, 2)] {
            let mut out = [0x5555_5555];
            let view = ViewMut::new(&mut out, [1, 1, 1]).unwrap();
            plan.run(a, Param::All(0), b, Param::All(zero), view, &mut scratch).unwrap();
            assert_eq!(out, [expected], "{}", plan.kernel());
        }
    }
}

/// Padded columns lacked the shift by 128 that the data had: oneDNN#5080.
#[test]
fn padding_of_signed_images() {
    let (x, w) = ([-128i8, -1, 0, 1, 127], [1i8, 2, 3, 4]);
    let window = Window { strides: [1, 1], pads: [0, 1, 0, 2] };
    let weights = Weights::new(&w, [1, 1, 1, 4]);
    conv((&x, [1, 1, 1, 5], 0), &weights, window, &[-259, -126, 510, 383, 255]);
    for zero in [-128, 127] {
        let at = |index: i32| x.get(index as usize).map_or(0, |&x| i32::from(x) - zero);
        let sum = |start: i32| (0..4).map(|tap| at(start + tap) * i32::from(w[tap as usize])).sum::<i32>();
        let expected = (-1..4).map(sum).collect::<Vec<_>>();
        conv((&x, [1, 1, 1, 5], zero), &weights, window, &expected);
    }
}

/// Depthwise, an image smaller than the padding: FBGEMM#395.
#[test]
fn a_depthwise_image_smaller_than_the_padding() {
    let window = Window { strides: [2, 2], pads: [2; 4] };
    let w = (1..=25).collect::<Vec<i8>>();
    conv((&[1u8], [1, 1, 1, 1], 0), &Weights::new(&w, [1, 1, 5, 5]), window, &[13]);
    let taps = (0..25).map(|tap| [9i8, 0, 1, 0, 0][tap % 5]).collect::<Vec<_>>();
    let x = (1..=7).collect::<Vec<u8>>();
    conv((&x, [1, 1, 7, 1], 0), &Weights::new(&taps, [1, 1, 5, 5]), window, &[6, 15, 25, 18]);
    // With two channels it is a depthwise convolution in the tiers' sense too.
    let mut both = Weights::new(&[], [2, 1, 5, 5]);
    both.filter.groups = 2;
    let w = w.repeat(2);
    both.values = &w;
    conv((&[1u8, 2], [1, 2, 1, 1], 0), &both, window, &[13, 26]);
    let taps = taps.repeat(2);
    both.values = &taps;
    conv((&x.repeat(2), [1, 2, 7, 1], 0), &both, window, &[6, 15, 25, 18, 6, 15, 25, 18]);
}

/// Groups packed in pairs, and an odd number of them: FBGEMM#621.
#[test]
fn an_odd_number_of_groups() {
    for groups in [3usize, 5, 7] {
        let fills = [1i8, 10, 100, -1, 7, -128, 127];
        let w = fills[..groups].iter().flat_map(|&fill| [fill; 9]).collect::<Vec<_>>();
        let x = (1..=groups as u8).collect::<Vec<_>>();
        let expected = (0..groups).map(|group| (group as i32 + 1) * i32::from(fills[group])).collect::<Vec<_>>();
        let mut weights = Weights::new(&w, [groups, 1, 3, 3]);
        weights.filter.groups = groups;
        conv((&x, [1, groups, 1, 1], 0), &weights, Window { strides: [1, 1], pads: [1; 4] }, &expected);
    }
    // Two output channels a group, which is no depthwise convolution.
    let w = [1i8, 2, 10, 20, 100, 50];
    let mut weights = Weights::new(&w, [6, 1, 1, 1]);
    weights.filter.groups = 3;
    conv((&[1u8, 2, 3], [1, 3, 1, 1], 0), &weights, Window::default(), &[1, 2, 20, 40, 300, 150]);
}

/// Wrong where dilation differs down and across: MNN#154.
#[test]
fn dilation_that_differs_by_axis() {
    let mut weights = Weights::new(&[1i8; 4], [1, 1, 2, 2]);
    weights.filter.dilation = [1, 2];
    conv((&[1u8, 2, 3, 4, 5, 6], [1, 1, 2, 3], 0), &weights, Window::default(), &[14]);
}

/// Dilation ignored: tflite-micro#2319.
#[test]
fn dilation_of_one_row() {
    let mut weights = Weights::new(&[1i8; 3], [1, 1, 1, 3]);
    weights.filter.dilation = [1, 2];
    conv((&[1u8, 2, 3, 4, 5], [1, 1, 1, 5], 0), &weights, Window::default(), &[9]);
}

/// A sum near a tie differed between vector body and tail: onnxruntime#25512.
#[test]
fn a_sum_near_a_tie() {
    let q = |scale: f64, zero_point| Quantized { type_: Type::I8, scale: scale as f32, zero_point };
    let (a, b) = (q(0.025_346_904_993_057_25, -106), q(0.035_809_919_238_090_515, -120));
    for backend in tiers() {
        let plan = AddPlan::new(&backend, a, b, q(0.036_585_971_713_066_1, -105)).unwrap();
        for len in 1..=100 {
            let mut c = vec![0i8; len];
            plan.run(&vec![-114i8; len], &vec![-122i8; len], &mut c).unwrap();
            assert_eq!(c, vec![-113; len], "{}", plan.kernel());
        }
    }
}

/// Multiply and add contracted into one rounding: ncnn#3224.
#[test]
fn a_product_and_a_bias_round_twice() {
    let (scale, bias) = (f32::from_bits(0x3eac_0832), [f32::from_bits(0xbf02_0c4b)]);
    let output = Output::Dequantized { scales: Param::All(scale), bias: Some(&bias) };
    let options = ProductOptions::new(Type::U8).output(output);
    gemm([1, 1, 1], &[3u8], &[1i8], Param::All(0), &options, &[0.500_000_06_f32]);
}

/// Requantisation wraps where it has to saturate: onnx#7835.
#[test]
fn requantisation_beyond_the_type() {
    let options = ProductOptions::new(Type::U8).output(to_bytes([1.0, 1.0, 0.2], Type::U8, 0));
    gemm([1, 1, 1], &[100u8], &[100u8], Param::All(0), &options, &[255u8]);
    let options = ProductOptions::new(Type::I8).output(to_bytes([1.0, 1.0, 0.5], Type::I8, 0));
    gemm([1, 1, 1], &[-100i8], &[100i8], Param::All(0), &options, &[-128i8]);
}

/// The vector body saturates, the tail wraps: pytorch#60077.
#[test]
fn quantisation_beyond_32_bits() {
    for backend in tiers() {
        for len in 1..=65 {
            let mut y = vec![0u8; len];
            quantize(&backend, &vec![4_294_967_296.0; len], 0.5, 1, &mut y).unwrap();
            assert_eq!(y, vec![255; len], "{backend:?}");
        }
    }
}

/// A reference and an optimised convolution that round differently: tensorflow#99072, tflite-micro#3130. A rule is the same on
/// every tier.
#[test]
fn one_rounding_or_two() {
    // 0.0015 by 333 is 0.4995.
    let multiplier = (1_649_267_442, -9);
    for (rule, expected) in [(Rule::TfliteDouble, 1), (Rule::TfliteSingle, 0)] {
        for backend in tiers() {
            for len in [1, 70] {
                let (acc, mut y) = (vec![333; len], vec![0x55u8; len]);
                let to = Requantization::from_fixed(rule, Param::All(multiplier), Type::U8, 0).unwrap();
                let view = MatMut::new(&mut y, [1, len]).unwrap();
                requantize(&backend, MatRef::new(&acc, [1, len]).unwrap(), &to, view).unwrap();
                assert_eq!(y, vec![expected; len], "{backend:?}, {rule}");
            }
        }
    }
}

/// Lengths in 32 bits: FBGEMM#929.
#[test]
#[ignore = "11 GB of memory"]
fn more_elements_than_32_bits_count() {
    let len = (1 << 31) + 9;
    let x = vec![1.0; len];
    for backend in tiers() {
        let mut y = vec![0u8; len];
        quantize(&backend, &x, 1.0, 0, &mut y).unwrap();
        assert_eq!(y[len - 9..], [1; 9], "{backend:?}");
    }
}

/// The zero point added after the clamp: XNNPACK#7096.
#[test]
fn a_zero_point_within_the_clamp() {
    for backend in tiers() {
        for len in 1..=65 {
            let mut y = vec![0i8; len];
            quantize(&backend, &vec![130.0; len], 1.0, -100, &mut y).unwrap();
            assert_eq!(y, vec![30; len], "{backend:?}");
        }
    }
    // The accumulators of products, too.
    let options = ProductOptions::new(Type::U8).output(to_bytes([1.0, 1.0, 1.0], Type::I8, -100));
    gemm([1, 1, 1], &[130u8], &[1i8], Param::All(0), &options, &[30i8]);
}

/// A depth of 0 panics, or leaves the result as it was: rten#1166.
#[test]
fn a_depth_of_0() {
    let options = ProductOptions::new(Type::U8).zero_point(5);
    gemm::<u8, u8, i32>([2, 0, 3], &[], &[], Param::All(5), &options, &[0; 6]);
    let options = options.bias(&[1, -2, 3]);
    gemm::<u8, u8, i32>([2, 0, 3], &[], &[], Param::All(5), &options, &[1, -2, 3, 1, -2, 3]);
    let options = ProductOptions::new(Type::U8).zero_point(5).output(to_bytes([1.0; 3], Type::U8, 77));
    gemm::<u8, u8, u8>([2, 0, 3], &[], &[], Param::All(5), &options, &[77; 6]);
    for backend in tiers() {
        let plan = MatMulPlan::new(&backend, [2, 0, 3], Type::U8, Type::U8, Output::I32).unwrap();
        let (a, b) = (View::new(&[0u8; 0], [1, 2, 0]).unwrap(), View::new(&[0u8; 0], [1, 0, 3]).unwrap());
        let (mut out, mut scratch) = (filled::<i32>(0xaa, 6), vec![0xaa; plan.scratch_len()]);
        let view = ViewMut::new(&mut out, [1, 2, 3]).unwrap();
        plan.run(a, Param::All(5), b, Param::All(5), view, &mut scratch).unwrap();
        assert_eq!(out, [0; 6], "{}", plan.kernel());
    }
}

/// The kernel of one row assumed an alignment of its operand: rten#1356.
#[test]
fn an_operand_that_begins_anywhere() {
    let (bytes, b) = ([1u8; 20], (0..16 * 64).map(|index| (index % 64) as u8).collect::<Vec<_>>());
    let expected = (0..64).map(|n| 16 * n).collect::<Vec<i32>>();
    for start in 0..4 {
        let a = &bytes[start..start + 16];
        gemm([1, 16, 64], a, &b, Param::All(0), &ProductOptions::new(Type::U8), &expected);
        for backend in tiers() {
            let plan = MatMulPlan::new(&backend, [1, 16, 64], Type::U8, Type::U8, Output::I32).unwrap();
            let (mut out, mut scratch) = (filled::<i32>(0xaa, 64), vec![0xaa; plan.scratch_len()]);
            let (a, b) = (View::new(a, [1, 1, 16]).unwrap(), View::new(&b, [1, 16, 64]).unwrap());
            let view = ViewMut::new(&mut out, [1, 1, 64]).unwrap();
            plan.run(a, Param::All(0), b, Param::All(0), view, &mut scratch).unwrap();
            assert_eq!(out, expected, "{}", plan.kernel());
        }
    }
}

/// An addition reads 8 bytes of an operand of one: XNNPACK#4190. The slices end where their allocations do, which a
/// sanitizer watches.
#[test]
fn an_addition_of_few_elements() {
    let q = Quantized { type_: Type::U8, scale: 1.0, zero_point: 0 };
    for backend in tiers() {
        let plan = AddPlan::new(&backend, q, q, q).unwrap();
        for len in 1..=33u8 {
            let a = (0..len).collect::<Vec<_>>().into_boxed_slice();
            let b = vec![len; len.into()].into_boxed_slice();
            let mut c = vec![0u8; usize::from(len) + 8];
            plan.run(&a, &b, &mut c[4..][..len.into()]).unwrap();
            let expected = (0..len).map(|a| a + len).collect::<Vec<_>>();
            assert_eq!(c[4..][..len.into()], expected, "{}", plan.kernel());
            assert!(c[..4].iter().chain(&c[4 + usize::from(len)..]).all(|&c| c == 0), "{} wrote beside", plan.kernel());
        }
    }
}

/// The size of a table wraps to 0: XNNPACK#10389.
#[test]
fn a_window_of_2_to_the_32() {
    let size = 65536;
    for backend in tiers() {
        let Ok(w) = ImagesRef::with_strides(&[1i8], [1, size, size, 1], [0; 4]) else { continue };
        let packed = PackedWeights::conv(&backend, w, Param::All(0), Filter::default());
        assert!(matches!(packed, Err(Error::SizeOverflow { .. })), "{backend:?}");
        let w = ImagesRef::new(&[1i8], [1, 1, 1, 1]).unwrap();
        let weights = PackedWeights::conv(&backend, w, Param::All(0), Filter::default()).unwrap();
        let plan = ConvPlan::new(&weights, [1, size, size], Window::default(), &ProductOptions::new(Type::U8));
        assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{backend:?}");
    }
}

/// A stride narrowed to 16 bits becomes 0, and then a divisor: tensorflow#61905.
#[test]
fn a_stride_beyond_16_bits() {
    let large = 65536;
    let mut weights = Weights::new(&[-7i8], [1, 1, 1, 1]);
    conv((&[9u8], [1, 1, 1, 1], 0), &weights, Window { strides: [large; 2], pads: [0; 4] }, &[-63]);
    weights.filter.dilation = [large; 2];
    conv((&[9u8], [1, 1, 1, 1], 0), &weights, Window::default(), &[-63]);
    // The only output without padding alone in its window is that of the image's pixel.
    let window = Window { strides: [1, large], pads: [0, large, 0, large] };
    conv((&[9u8], [1, 1, 1, 1], 3), &weights, window, &[0, -42, 0]);
}

/// The tail of a depth takes in what lies behind the row: oneDNN#5717.
#[test]
fn what_lies_behind_a_row() {
    let mut bytes = [0x7fu8; 128];
    bytes[..33].fill(1);
    bytes[64..97].fill(0);
    for backend in tiers() {
        let weights = PackedWeights::gemm(&backend, MatRef::new(&[1i8; 66], [33, 2]).unwrap(), Param::All(0)).unwrap();
        for rows in [1, 2] {
            let plan = GemmPlan::new(&weights, rows, &ProductOptions::new(Type::U8)).unwrap();
            let (mut out, mut scratch) = (filled::<i32>(0xaa, rows * 2), vec![0xaa; plan.scratch_len()]);
            let a = MatRef::with_strides(&bytes, [rows, 33], [64, 1]).unwrap();
            plan.run(a, MatMut::new(&mut out, [rows, 2]).unwrap(), &mut scratch).unwrap();
            assert_eq!(out, [33, 33, 0, 0][..rows * 2], "{}", plan.kernel());
        }
    }
}

/// Sums that leave 32 bits wrap, whatever the order of the terms: 255 · 255 · 66 100 is 4 298 152 500.
#[test]
fn a_sum_beyond_32_bits() {
    const K: usize = 66_100;
    let wrapped = (255i64 * 255 * K as i64) as i32;
    assert_eq!(wrapped, 3_185_204);
    gemm([1, K, 2], &[255u8; K], &vec![255u8; 2 * K], Param::All(0), &ProductOptions::new(Type::U8), &[wrapped; 2]);
    // The bias wraps with them.
    let bias = [-wrapped, i32::MAX];
    let options = ProductOptions::new(Type::U8).bias(&bias);
    let expected = [0, i32::MAX.wrapping_add(wrapped)];
    gemm([1, K, 2], &[255u8; K], &vec![255u8; 2 * K], Param::All(0), &options, &expected);
    // The sums of either operand alone, which a product by compensation would need, do not fit; the result does.
    let x = vec![255u8; K];
    conv((&x, [1, K, 1, 1], 255), &Weights::new(&vec![-128i8; K], [1, K, 1, 1]), Window::default(), &[0]);
}

/// i8 products summed in 16 bits: MNN#301.
#[test]
fn three_products_beyond_16_bits() {
    gemm([1, 3, 1], &[-128i8; 3], &[-128i8; 3], Param::All(0), &ProductOptions::new(Type::I8), &[49_152]);
}

/// i8 × u8 is missing, or read as another mix: onnxruntime#26743, ComputeLibrary#992.
#[test]
fn signed_activations_and_unsigned_weights() {
    gemm([1, 1, 1], &[-1i8], &[255u8], Param::All(0), &ProductOptions::new(Type::I8), &[-255]);
    gemm([1, 1, 1], &[255u8], &[-1i8], Param::All(0), &ProductOptions::new(Type::U8), &[-255]);
}

/// No rows, and no columns: onnxruntime#4559.
#[test]
fn a_product_without_rows_or_columns() {
    for backend in tiers() {
        for [m, k, n] in [[0, 3, 2], [2, 3, 0], [0, 0, 0]] {
            let b = vec![1i8; k * n];
            let weights = PackedWeights::gemm(&backend, MatRef::new(&b, [k, n]).unwrap(), Param::All(0)).unwrap();
            let plan = GemmPlan::new(&weights, m, &ProductOptions::new(Type::U8)).unwrap();
            let (a, mut scratch) = (vec![1u8; m * k], vec![0xaa; plan.scratch_len()]);
            let out = MatMut::new(&mut [0i32; 0], [m, n]).unwrap();
            plan.run(MatRef::new(&a, [m, k]).unwrap(), out, &mut scratch).unwrap();
        }
    }
}

/// A batch that repeats one operand by a stride of 0: mlx#3480.
#[test]
fn a_batch_of_one_operand() {
    for backend in tiers() {
        let plan = MatMulPlan::new(&backend, [1, 2, 1], Type::U8, Type::I8, Output::I32).unwrap();
        let a = View::new(&[1u8, 2, 3, 4, 5, 6], [3, 1, 2]).unwrap();
        let b = View::with_strides(&[10i8, 1], [3, 2, 1], [0, 1, 1]).unwrap();
        let (mut out, mut scratch) = (filled::<i32>(0xaa, 3), vec![0xaa; plan.scratch_len()]);
        let view = ViewMut::new(&mut out, [3, 1, 1]).unwrap();
        plan.run(a, Param::All(0), b, Param::All(0), view, &mut scratch).unwrap();
        assert_eq!(out, [12, 34, 56], "{}", plan.kernel());
    }
}

/// A compensation's index beyond the first block of a wide row: oneDNN#4133, #4086.
#[test]
fn a_wide_row_of_zero_points() {
    let (x, w) = ([200u8; 2 * 70], [-7i8; 2 * 9]);
    conv((&x, [1, 2, 1, 70], 200), &Weights::new(&w, [1, 2, 3, 3]), Window { strides: [1, 1], pads: [1; 4] }, &[0; 70]);
}

/// A channel block of a depthwise convolution took the zero points of the first: rten#776.
#[test]
fn zero_points_of_later_depthwise_channels() {
    let channels = 41;
    let zeros = (0..channels as i32).map(|channel| 3 * channel).collect::<Vec<_>>();
    let w = vec![0u8; channels];
    let mut weights = Weights::new(&w, [channels, 1, 1, 1]);
    weights.filter.groups = channels;
    weights.zero_points = Param::Each(&zeros);
    let expected = zeros.iter().map(|zero| -2 * zero).collect::<Vec<_>>();
    conv((&vec![2u8; channels], [1, channels, 1, 1], 0), &weights, Window::default(), &expected);
}

/// Multipliers of the first group for all: ncnn#1234, torch-xpu-ops#5001. Each output channel has its own.
#[test]
fn multipliers_of_later_groups() {
    for backend in tiers() {
        // One channel to two in each group, and the depthwise form.
        for outputs in [6, 3] {
            let (w, x) = (vec![1i8; outputs], [8u8, 16, 32]);
            let filter = Filter { groups: 3, dilation: [1, 1] };
            let view = ImagesRef::nchw(&w, [outputs, 1, 1, 1]).unwrap();
            let weights = PackedWeights::conv(&backend, view, Param::All(0), filter).unwrap();
            let multipliers = (0..outputs).map(|output| 0.5f32.powi(output as i32)).collect::<Vec<_>>();
            let to = Requantization::from_multipliers(Param::Each(&multipliers), Type::U8, 0).unwrap();
            let options = ProductOptions::new(Type::U8).output(Output::Requantized(to));
            let plan = ConvPlan::new(&weights, [1, 1, 1], Window::default(), &options).unwrap();
            let (mut y, mut scratch) = (filled::<u8>(0xaa, outputs), vec![0xaa; plan.scratch_len()]);
            let view = ImagesMut::nchw(&mut y, [1, outputs, 1, 1]).unwrap();
            plan.run(ImagesRef::nchw(&x, [1, 3, 1, 1]).unwrap(), view, &mut scratch).unwrap();
            let expected = if outputs == 6 { vec![8, 4, 4, 2, 2, 1] } else { vec![8, 8, 8] };
            assert_eq!(y, expected, "{}", plan.kernel());
        }
    }
}

/// A scale near the greatest float overflows on the way: pytorch#28434.
#[test]
fn a_scale_near_the_greatest() {
    for backend in tiers() {
        let mut y = [0x55u8; 3];
        quantize(&backend, &[2.96e37, -1.48e37, 1.0], 1.48e37, 5, &mut y).unwrap();
        assert_eq!(y, [7, 4, 5], "{backend:?}");
        let mut x = [0.0; 2];
        dequantize(&backend, &[7u8, 255], 1.48e37, 5, &mut x).unwrap();
        assert_eq!(x, [2.0 * 1.48e37, f32::INFINITY], "{backend:?}");
    }
}

/// NaN and infinities in the body of a vector and in its tail: AMDMIGraphX#4914.
#[test]
fn what_is_no_number() {
    for backend in tiers() {
        for len in 1..=65 {
            for (x, unsigned, signed) in [(f32::NAN, 0, -128), (f32::INFINITY, 255, 127), (f32::NEG_INFINITY, 0, -128)]
            {
                for x in [x, -x].into_iter().take(if x.is_nan() { 2 } else { 1 }) {
                    let (mut u, mut s) = (vec![0x55u8; len], vec![0x55i8; len]);
                    quantize(&backend, &vec![x; len], 1.0, 200, &mut u).unwrap();
                    quantize(&backend, &vec![x; len], 1.0, -100, &mut s).unwrap();
                    assert_eq!((u, s), (vec![unsigned; len], vec![signed; len]), "{backend:?}: {x}");
                }
            }
        }
    }
}

/// A pointwise convolution loses its bias: tract#2485; one that strides: tvm#6420.
#[test]
fn a_pointwise_convolution_with_bias_and_stride() {
    for backend in tiers() {
        let w = ImagesRef::new(&[1i8, 2], [2, 1, 1, 1]).unwrap();
        let weights = PackedWeights::conv(&backend, w, Param::All(0), Filter::default()).unwrap();
        let window = Window { strides: [2, 2], pads: [0; 4] };
        let options = ProductOptions::new(Type::U8).bias(&[100, -100]);
        let plan = ConvPlan::new(&weights, [1, 3, 3], window, &options).unwrap();
        let x = [1u8, 2, 3, 4, 5, 6, 7, 8, 9];
        let (mut y, mut scratch) = (filled::<i32>(0xaa, 8), vec![0xaa; plan.scratch_len()]);
        let view = ImagesMut::new(&mut y, [1, 2, 2, 2]).unwrap();
        plan.run(ImagesRef::new(&x, [1, 3, 3, 1]).unwrap(), view, &mut scratch).unwrap();
        assert_eq!(y, [101, -98, 103, -94, 107, -86, 109, -82], "{}", plan.kernel());
    }
}

/// The zero point of a padded plane: openvino#9385, along each axis.
#[test]
fn padding_of_volumes() {
    for backend in tiers() {
        for axis in 0..3 {
            let (mut kernel, mut pads) = ([1; 3], [0; 6]);
            (kernel[axis], pads[axis], pads[axis + 3]) = (3, 1, 1);
            let [planes, rows, columns] = kernel;
            let w = VolumesRef::ncdhw(&[1i8; 3], [1, 1, planes, rows, columns]).unwrap();
            let weights = PackedWeights::conv3d(&backend, w, Param::All(0), Filter3d::default()).unwrap();
            let options = ProductOptions::new(Type::U8).zero_point(9);
            let window = Window3d { strides: [1; 3], pads };
            let plan = Conv3dPlan::new(&weights, [1, 2, 3, 4], window, &options).unwrap();
            for fill in [0xaa, 0x55] {
                let (mut y, mut scratch) = (filled::<i32>(fill, 24), vec![fill; plan.scratch_len()]);
                let x = VolumesRef::ncdhw(&[9u8; 24], [1, 1, 2, 3, 4]).unwrap();
                plan.run(x, VolumesMut::ncdhw(&mut y, [1, 1, 2, 3, 4]).unwrap(), &mut scratch).unwrap();
                assert_eq!(y, [0; 24], "{}: axis {axis}", plan.kernel());
            }
        }
    }
}

/// A transposed convolution writes beyond its output where a tap has no input: rten#1398.
#[test]
fn taps_of_a_transposed_convolution_without_input() {
    for backend in tiers() {
        let w = ImagesRef::nchw(&[2i8, 3], [1, 1, 1, 2]).unwrap();
        let weights = TransposedWeights::new(&backend, w, Param::All(0), Filter::default(), [1, 1]).unwrap();
        for (pads, expected) in
            [([0; 4], &[10, 15][..]), ([0, 1, 0, 0], &[15]), ([0, 0, 0, 1], &[10]), ([0, 1, 0, 1], &[])]
        {
            let window = TransposedWindow { pads, output_padding: [0; 2] };
            let plan = TransposedConvPlan::new(&weights, [1, 1, 1], window, &ProductOptions::new(Type::U8)).unwrap();
            assert_eq!(plan.output_shape(), [1, 1, expected.len(), 1]);
            let (mut y, mut scratch) = (filled::<i32>(0xaa, expected.len()), vec![0xaa; plan.scratch_len()]);
            let x = ImagesRef::new(&[5u8], [1, 1, 1, 1]).unwrap();
            plan.run(x, ImagesMut::new(&mut y, [1, 1, expected.len(), 1]).unwrap(), &mut scratch).unwrap();
            assert_eq!(y, expected, "{backend:?}: pads {pads:?}");
        }
    }
}

/// Depthwise over rows alone: MNN#1739. Rows of pixels are images of height 1.
#[test]
fn a_depthwise_convolution_of_rows() {
    for backend in tiers() {
        // Two channels, by 1, 10, 100 and by 1, 1, 1.
        let w = View::new(&[1i8, 10, 100, 1, 1, 1], [2, 3, 1]).unwrap().as_rows();
        let filter = Filter { groups: 2, ..Filter::default() };
        let weights = PackedWeights::conv(&backend, w, Param::All(0), filter).unwrap();
        let window = Window { strides: [1, 2], pads: [0, 1, 0, 1] };
        let options = ProductOptions::new(Type::U8).channel_zero_points(&[1, 7]);
        let plan = ConvPlan::new(&weights, [1, 1, 4], window, &options).unwrap();
        let (x, mut y) = ([1u8, 8, 2, 8, 3, 8, 4, 8], filled::<i32>(0x55, 4));
        let (x, out) = (View::new(&x, [1, 4, 2]).unwrap(), ViewMut::new(&mut y, [1, 2, 2]).unwrap());
        plan.run(x.as_rows(), out.into_rows(), &mut vec![0x55; plan.scratch_len()]).unwrap();
        assert_eq!(y, [100, 2, 1 + 20 + 300, 3], "{}", plan.kernel());
    }
}
