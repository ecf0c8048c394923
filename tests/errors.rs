//! Bad input through the face: the right error, which names the argument, what was expected and what came; no panic.

use zeropoint::elementwise::{dequantize, quantize, requantize};
use zeropoint::*;

/// Checks the kind of an error and its message.
macro_rules! refused {
    ($result:expr, $kind:pat, $message:expr) => {
        match $result {
            Ok(_) => panic!("{} was taken, instead of: {}", stringify!($result), $message),
            Err(error) => {
                assert!(matches!(error, $kind), "{error:?} is no {}", stringify!($kind));
                assert_eq!(error.to_string(), $message);
            }
        }
    };
}

const WRONG: [(f32, &str); 5] =
    [(0.0, "0"), (-0.5, "-0.5"), (f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")];
const OUTSIDE: [(Type, i32, &str); 4] = [
    (Type::U8, -1, "from 0 to 255 expected, -1 given"),
    (Type::U8, 256, "from 0 to 255 expected, 256 given"),
    (Type::I8, -129, "from -128 to 127 expected, -129 given"),
    (Type::I8, 128, "from -128 to 127 expected, 128 given"),
];

/// More than any tensor may have, and than memory has room for.
const LARGE: usize = if usize::BITS > 32 { (1u64 << 40) as usize } else { usize::MAX };

fn backend() -> Backend {
    Backend::best()
}

/// K = 3 rows, N = 2 columns.
fn weights() -> PackedWeights {
    PackedWeights::gemm(&backend(), MatRef::new(&[1i8; 6], [3, 2]).unwrap(), Param::All(0)).unwrap()
}

fn options<'a>() -> ProductOptions<'a> {
    ProductOptions::new(Type::U8)
}

fn to(multipliers: Scales<'_>) -> Requantization {
    Requantization::from_multipliers(multipliers, Type::U8, 0).unwrap()
}

fn quantized(type_: Type, scale: f32, zero_point: i32) -> Quantized {
    Quantized { type_, scale, zero_point }
}

#[test]
fn views() {
    refused!(
        MatRef::new(&[0u8; 5], [2, 3]),
        ViewError::Length { expected: 6, got: 5 },
        "the slice has 5 elements, the shape and strides need 6"
    );
    refused!(
        MatRef::with_strides(&[0u8; 9], [2, 3], [8, 1]),
        ViewError::Length { expected: 11, got: 9 },
        "the slice has 9 elements, the shape and strides need 11"
    );
    refused!(
        MatMut::with_strides(&mut [0u8; 9], [2, 3], [2, 1]),
        ViewError::Overlap { axis: 0, expected: 3, got: 2 },
        "the stride of axis 0 is 2, at least 3 keeps the elements apart"
    );
    refused!(
        MatMut::with_strides(&mut [0u8; 9], [2, 3], [0, 1]),
        ViewError::Overlap { axis: 0, expected: 3, got: 0 },
        "the stride of axis 0 is 0, at least 3 keeps the elements apart"
    );
    let too_large = "the sizes multiply to more than the address space";
    refused!(MatRef::new(&[0u8; 5], [usize::MAX, 2]), ViewError::SizeOverflow, too_large);
    refused!(MatRef::new(&[0u8; 5], [2, usize::MAX]), ViewError::SizeOverflow, too_large);
    refused!(MatMut::new(&mut [0u8; 5], [usize::MAX, 2]), ViewError::SizeOverflow, too_large);
    refused!(ImagesRef::nchw(&[0u8; 5], [1 << 20, 1 << 20, 1 << 20, 1 << 20]), ViewError::SizeOverflow, too_large);
    let error = Error::from(ViewError::SizeOverflow);
    assert_eq!(error.to_string(), too_large);
}

#[test]
fn zero_points_of_the_input() {
    for (type_, zero, message) in OUTSIDE {
        let message = format!("zero point of the input: a value {message}");
        let options = ProductOptions::new(type_);
        refused!(GemmPlan::new(&weights(), 1, &options.clone().zero_point(zero)), Error::OutOfRange { .. }, message);
        let each = [0, 0, zero];
        let options = options.zero_points(Param::Each(&each));
        refused!(GemmPlan::new(&weights(), 3, &options), Error::OutOfRange { .. }, message);
    }
    refused!(
        GemmPlan::new(&weights(), 3, &options().zero_points(Param::Each(&[1, 2]))),
        Error::Length { expected: 3, got: 2, .. },
        "zero points of the rows: 3 elements expected, 2 given"
    );
    refused!(
        ConvPlan::new(&weights(), [1, 2, 1], Window::default(), &options().zero_points(Param::Each(&[1, 2]))),
        Error::Length { .. },
        "zero points of a convolution's input: 1 elements expected, 2 given"
    );
    refused!(
        GemmPlan::new(&weights(), 1, &ProductOptions::new(Type::F32)),
        Error::Type { got: Type::F32, .. },
        "input type: u8 or i8 expected, f32 given"
    );
}

#[test]
fn zero_points_of_the_weights() {
    for (type_, zero, message) in OUTSIDE {
        let message = format!("zero point of the weights: a value {message}");
        for zeros in [Param::All(zero), Param::Each(&[0, zero])] {
            let packed = match type_ {
                Type::U8 => PackedWeights::gemm(&backend(), MatRef::new(&[1u8; 6], [3, 2]).unwrap(), zeros),
                _ => PackedWeights::gemm(&backend(), MatRef::new(&[1i8; 6], [3, 2]).unwrap(), zeros),
            };
            refused!(packed, Error::OutOfRange { .. }, message);
        }
    }
    refused!(
        PackedWeights::gemm(&backend(), MatRef::new(&[1i8; 6], [3, 2]).unwrap(), Param::Each(&[0; 3])),
        Error::Length { expected: 2, got: 3, .. },
        "zero points of the weights: 2 elements expected, 3 given"
    );
}

#[test]
fn zero_points_of_results() {
    for (type_, zero, message) in OUTSIDE {
        let named = |what: &str| format!("{what}: a value {message}");
        let result = Requantization::from_scales(1.0, Param::All(1.0), 1.0, type_, zero);
        refused!(result, Error::OutOfRange { .. }, named("zero point of the result"));
        let result = Requantization::from_multipliers(Param::All(1.0), type_, zero);
        refused!(result, Error::OutOfRange { .. }, named("zero point of the result"));
        let (quantize, dequantize) = match type_ {
            Type::U8 => (
                quantize(&backend(), &[1.0], 1.0, zero, &mut [0u8]),
                dequantize(&backend(), &[1u8], 1.0, zero, &mut [0.0]),
            ),
            _ => (
                quantize(&backend(), &[1.0], 1.0, zero, &mut [0i8]),
                dequantize(&backend(), &[1i8], 1.0, zero, &mut [0.0]),
            ),
        };
        refused!(quantize, Error::OutOfRange { .. }, named("zero point"));
        refused!(dequantize, Error::OutOfRange { .. }, named("zero point"));

        let (good, bad) = (quantized(type_, 1.0, 0), quantized(type_, 1.0, zero));
        let kind = "zero point of";
        refused!(AddPlan::new(&backend(), bad, good, good), Error::OutOfRange { .. }, named(&format!("{kind} a")));
        refused!(AddPlan::new(&backend(), good, bad, good), Error::OutOfRange { .. }, named(&format!("{kind} b")));
        refused!(
            AddPlan::new(&backend(), good, good, bad),
            Error::OutOfRange { .. },
            named(&format!("{kind} the sum"))
        );
        let pool = GlobalAveragePoolPlan::new(&backend(), 2, 2, bad, good);
        refused!(pool, Error::OutOfRange { .. }, named(&format!("{kind} the input")));
        let pool = GlobalAveragePoolPlan::new(&backend(), 2, 2, good, bad);
        refused!(pool, Error::OutOfRange { .. }, named(&format!("{kind} the output")));
    }
}

#[test]
fn scales() {
    for (scale, given) in WRONG {
        let named = |what: &str| format!("{what}: a finite number above 0 expected, {given} given");
        refused!(
            quantize(&backend(), &[1.0], scale, 0, &mut [0u8]),
            Error::Scale { what: "scale", .. },
            named("scale")
        );
        refused!(
            dequantize(&backend(), &[1u8], scale, 0, &mut [0.0]),
            Error::Scale { what: "scale", .. },
            named("scale")
        );
        for (a, b, c, what) in [
            (scale, 1.0, 1.0, "scale of the left operand"),
            (1.0, scale, 1.0, "scale of the right operand"),
            (1.0, 1.0, scale, "scale of the result"),
        ] {
            let all = Requantization::from_scales(a, Param::All(b), c, Type::U8, 0);
            refused!(all, Error::Scale { .. }, named(what));
            let each = Requantization::from_scales(a, Param::Each(&[1.0, b]), c, Type::I8, 0);
            refused!(each, Error::Scale { .. }, named(what));
        }
        let (good, bad) = (quantized(Type::U8, 1.0, 0), quantized(Type::U8, scale, 0));
        refused!(MulPlan::new(&backend(), bad, good, good), Error::Scale { .. }, named("scale of a"));
        refused!(MulPlan::new(&backend(), good, bad, good), Error::Scale { .. }, named("scale of b"));
        refused!(MulPlan::new(&backend(), good, good, bad), Error::Scale { .. }, named("scale of the product"));
        refused!(AddPlan::new(&backend(), bad, good, good), Error::Scale { .. }, named("scale of a"));
        refused!(AddPlan::new(&backend(), good, bad, good), Error::Scale { .. }, named("scale of b"));
        refused!(AddPlan::new(&backend(), good, good, bad), Error::Scale { .. }, named("scale of the sum"));
        let pool = |x, y| GlobalAveragePoolPlan::new(&backend(), 2, 2, x, y);
        refused!(pool(bad, good), Error::Scale { .. }, named("scale of the input"));
        refused!(pool(good, bad), Error::Scale { .. }, named("scale of the output"));
        for scales in [Param::All(scale), Param::Each(&[1.0, scale])] {
            let output = Output::Dequantized { scales, bias: None };
            let plan = GemmPlan::new(&weights(), 1, &options().output(output));
            refused!(plan, Error::Scale { .. }, named("scale of the output"));
        }
        if scale != 0.0 {
            let result = Requantization::from_multipliers(Param::Each(&[1.0, scale]), Type::U8, 0);
            refused!(result, Error::Scale { .. }, named("multiplier"));
        }
    }
}

#[test]
fn scales_whose_quotient_overflows() {
    let message = "multiplier: a finite number above 0 expected, inf given";
    for scales in [[1e30, 1e30, 1.0], [1.0, 1.0, 1e-40], [1e20, 1.0, 1e-30]] {
        let result = Requantization::from_scales(scales[0], Param::All(scales[1]), scales[2], Type::U8, 0);
        refused!(result, Error::Scale { what: "multiplier", .. }, message);
    }
    let (small, large) = (quantized(Type::U8, 1e-30, 0), quantized(Type::U8, 1e30, 0));
    let named =
        |what: &str| format!("ratio of the scales of {what} and the sum: a finite number above 0 expected, inf given");
    refused!(MulPlan::new(&backend(), large, large, small), Error::Scale { .. }, message);
    refused!(AddPlan::new(&backend(), large, small, small), Error::Scale { .. }, named("a"));
    refused!(AddPlan::new(&backend(), small, large, small), Error::Scale { .. }, named("b"));
    refused!(GlobalAveragePoolPlan::new(&backend(), 2, 2, large, small), Error::Scale { .. }, message);
}

#[test]
fn types_that_are_not_of_8_bits() {
    for type_ in [Type::I32, Type::F32] {
        let named = |what: &str| format!("{what}: u8 or i8 expected, {type_} given");
        let result = Requantization::from_multipliers(Param::All(1.0), type_, 0);
        refused!(result, Error::Type { .. }, named("output type"));
        let (good, bad) = (quantized(Type::U8, 1.0, 0), quantized(type_, 1.0, 0));
        refused!(MulPlan::new(&backend(), bad, good, good), Error::Type { .. }, named("type of a"));
        refused!(MulPlan::new(&backend(), good, bad, good), Error::Type { .. }, named("type of b"));
        refused!(MulPlan::new(&backend(), good, good, bad), Error::Type { .. }, named("type of the product"));
        refused!(AddPlan::new(&backend(), bad, good, good), Error::Type { .. }, named("type of a"));
        refused!(AddPlan::new(&backend(), good, bad, good), Error::Type { .. }, named("type of b"));
        refused!(AddPlan::new(&backend(), good, good, bad), Error::Type { .. }, named("type of the sum"));
        let pool = |x, y| GlobalAveragePoolPlan::new(&backend(), 2, 2, x, y);
        refused!(pool(bad, good), Error::Type { .. }, named("type of the input"));
        refused!(pool(good, bad), Error::Type { .. }, named("type of the output"));
        let plan = |a, b| MatMulPlan::new(&backend(), [1, 2, 3], a, b, Output::I32);
        refused!(plan(type_, Type::U8), Error::Type { .. }, named("input type"));
        refused!(plan(Type::U8, type_), Error::Type { .. }, named("type of the right operand"));
    }
}

#[test]
fn clamps() {
    let to = || to(Param::All(1.0));
    refused!(
        to().with_clamp(10, 9),
        Error::OutOfRange { .. },
        "upper bound of the clamp: a value from 10 to 255 expected, 9 given"
    );
    refused!(
        to().with_clamp(-1, 9),
        Error::OutOfRange { .. },
        "lower bound of the clamp: a value from 0 to 255 expected, -1 given"
    );
    refused!(
        to().with_clamp(0, 256),
        Error::OutOfRange { .. },
        "upper bound of the clamp: a value from 0 to 255 expected, 256 given"
    );
}

#[test]
fn lengths_of_parameters() {
    let plan = |options: ProductOptions<'_>| GemmPlan::new(&weights(), 1, &options);
    refused!(plan(options().bias(&[1; 3])), Error::Length { .. }, "bias: 2 elements expected, 3 given");
    let output = Output::Requantized(to(Param::Each(&[1.0])));
    refused!(plan(options().output(output)), Error::Length { .. }, "multipliers: 2 elements expected, 1 given");
    let output = Output::Dequantized { scales: Param::Each(&[1.0; 3]), bias: None };
    refused!(
        plan(options().output(output)),
        Error::Length { .. },
        "scales of the output: 2 elements expected, 3 given"
    );
    let output = Output::Dequantized { scales: Param::All(1.0), bias: Some(&[1.0]) };
    refused!(plan(options().output(output)), Error::Length { .. }, "bias in real units: 2 elements expected, 1 given");
}

#[test]
fn operands_of_a_run() {
    let plan = GemmPlan::new(&weights(), 2, &options()).unwrap();
    let (a, mut out, mut scratch) = ([1u8; 6], [7i32; 4], vec![0; plan.scratch_len()]);
    let a = MatRef::new(&a, [2, 3]).unwrap();
    let expected = plan.scratch_len();
    let got = plan.run(a, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch[1..]);
    let message = format!("scratch: {expected} elements expected, {} given", expected - 1);
    refused!(got, Error::Length { what: "scratch", .. }, message);
    let short = MatRef::new(a.data(), [1, 3]).unwrap();
    refused!(
        plan.run(short, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch),
        Error::Shape { what: "input", .. },
        "input: shape [2, 3] expected, [1, 3] given"
    );
    refused!(
        plan.run(a, MatMut::new(&mut out, [2, 1]).unwrap(), &mut scratch),
        Error::Shape { what: "output", .. },
        "output: shape [2, 2] expected, [2, 1] given"
    );
    let signed = MatRef::new(&[1i8; 6], [2, 3]).unwrap();
    refused!(
        plan.run(signed, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch),
        Error::Type { what: "input", got: Type::I8, .. },
        "input: u8 expected, i8 given"
    );
    refused!(
        plan.run(a, MatMut::new(&mut [0f32; 4], [2, 2]).unwrap(), &mut scratch),
        Error::Type { what: "output", got: Type::F32, .. },
        "output: i32 expected, f32 given"
    );
    refused!(
        plan.split(MatMut::new(&mut [0u8; 4], [2, 2]).unwrap()),
        Error::Type { what: "output", .. },
        "output: i32 expected, u8 given"
    );
    refused!(
        plan.split(MatMut::new(&mut out, [1, 2]).unwrap()),
        Error::Shape { what: "output", .. },
        "output: shape [2, 2] expected, [1, 2] given"
    );
    assert_eq!(out, [7; 4], "a refused call wrote");
}

#[test]
fn images_of_a_run() {
    let w = ImagesRef::new(&[1i8; 8], [2, 2, 2, 1]).unwrap();
    let weights = PackedWeights::conv(&backend(), w, Param::All(0), Filter::default()).unwrap();
    let plan = ConvPlan::new(&weights, [1, 3, 4], Window::default(), &options()).unwrap();
    assert_eq!(plan.output_shape(), [1, 2, 3, 2]);
    let (x, mut out, mut scratch) = ([1u8; 12], [7i32; 12], vec![0; plan.scratch_len()]);
    let x = ImagesRef::new(&x, [1, 3, 4, 1]).unwrap();
    let expected = plan.scratch_len();
    refused!(
        plan.run(x, ImagesMut::new(&mut out, [1, 2, 3, 2]).unwrap(), &mut scratch[1..]),
        Error::Length { what: "scratch", .. },
        format!("scratch: {expected} elements expected, {} given", expected - 1)
    );
    // As many values in another shape: the axes of ONNX's order where the face's are wanted.
    let turned = ImagesRef::new(x.data(), [1, 1, 3, 4]).unwrap();
    refused!(
        plan.run(turned, ImagesMut::new(&mut out, [1, 2, 3, 2]).unwrap(), &mut scratch),
        Error::Shape { what: "input", .. },
        "input: shape [1, 3, 4, 1] expected, [1, 1, 3, 4] given"
    );
    refused!(
        plan.run(x, ImagesMut::new(&mut out, [1, 2, 2, 3]).unwrap(), &mut scratch),
        Error::Shape { what: "output", .. },
        "output: shape [1, 2, 3, 2] expected, [1, 2, 2, 3] given"
    );
    let signed = ImagesRef::new(&[1i8; 12], [1, 3, 4, 1]).unwrap();
    refused!(
        plan.run(signed, ImagesMut::new(&mut out, [1, 2, 3, 2]).unwrap(), &mut scratch),
        Error::Type { what: "input", got: Type::I8, .. },
        "input: u8 expected, i8 given"
    );
    refused!(
        plan.run(x, ImagesMut::new(&mut [0u8; 12], [1, 2, 3, 2]).unwrap(), &mut scratch),
        Error::Type { what: "output", got: Type::U8, .. },
        "output: i32 expected, u8 given"
    );
    // Part by part, and on threads, the same is asked for.
    let parts = plan.split(ImagesMut::new(&mut out, [1, 2, 3, 2]).unwrap()).unwrap();
    for part in parts {
        refused!(
            plan.run_part(turned, part, &mut scratch),
            Error::Shape { what: "input", .. },
            "input: shape [1, 3, 4, 1] expected, [1, 1, 3, 4] given"
        );
    }
    for part in plan.split(ImagesMut::new(&mut out, [1, 2, 3, 2]).unwrap()).unwrap() {
        let short = plan.run_part(x, part, &mut scratch[1..]);
        assert!(matches!(short, Err(Error::Length { what: "scratch", .. })), "{short:?}");
    }
    let w = PackedWeights::gemm(&backend(), MatRef::new(&[1i8; 4], [2, 2]).unwrap(), Param::All(0)).unwrap();
    refused!(
        ConvPlan::new(&w, [1, 3, 4], Window::default(), &options().bias(&[1])),
        Error::Length { what: "bias", .. },
        "bias: 2 elements expected, 1 given"
    );
    assert_eq!(out, [7; 12], "a refused call wrote");
}

#[test]
fn a_part_of_another_plan() {
    let plan = |m| GemmPlan::new(&weights(), m, &options()).unwrap();
    let (small, large) = (plan(2), plan(1000));
    let mut out = vec![7i32; 2000];
    let a = MatRef::new(&[1u8; 6], [2, 3]).unwrap();
    let mut scratch = vec![0; small.scratch_len()];
    for part in large.split(MatMut::new(&mut out, [1000, 2]).unwrap()).unwrap() {
        let (index, parts) = (part.index(), small.parts());
        let error = small.run_part(a, part, &mut scratch).unwrap_err();
        if index >= parts {
            assert_eq!(error.to_string(), format!("part: an index below {parts} expected, {index} given"));
            assert!(matches!(error, Error::Part { .. }), "{error:?}");
        } else {
            assert!(error.to_string().starts_with("part of the output: shape [1, 2, 1, 2] expected, "), "{error}");
            assert!(matches!(error, Error::Shape { .. }), "{error:?}");
        }
    }
    assert!(out.iter().all(|&value| value == 7), "a refused call wrote");
}

#[test]
fn matmul_operands() {
    let plan = MatMulPlan::new(&backend(), [2, 3, 1], Type::U8, Type::I8, Output::I32).unwrap();
    let (a, b, mut out, mut scratch) = ([1u8; 6], [1i8; 3], [7i32; 2], vec![0; plan.scratch_len()]);
    let (a, b) = (View::new(&a, [1, 2, 3]).unwrap(), View::new(&b, [1, 3, 1]).unwrap());
    let zero = Param::All(0);
    let mut run = |a_zero, b_zero, scratch: &mut [u8]| {
        plan.run(a, a_zero, b, b_zero, ViewMut::new(&mut out, [1, 2, 1]).unwrap(), scratch)
    };
    refused!(
        run(Param::All(256), zero, &mut scratch),
        Error::OutOfRange { .. },
        "zero point of the left operand: a value from 0 to 255 expected, 256 given"
    );
    refused!(
        run(zero, Param::Each(&[-129]), &mut scratch),
        Error::OutOfRange { .. },
        "zero point of the right operand: a value from -128 to 127 expected, -129 given"
    );
    refused!(
        run(Param::Each(&[1]), zero, &mut scratch),
        Error::Length { .. },
        "zero points of the left operand: 2 elements expected, 1 given"
    );
    refused!(
        run(zero, Param::Each(&[1, 2]), &mut scratch),
        Error::Length { .. },
        "zero points of the right operand: 1 elements expected, 2 given"
    );
    let len = scratch.len();
    refused!(
        run(zero, zero, &mut scratch[1..]),
        Error::Length { .. },
        format!("scratch: {len} elements expected, {} given", len - 1)
    );
    let twice = View::with_strides(b.data(), [2, 3, 1], [0, 1, 1]).unwrap();
    refused!(
        plan.run(a, zero, twice, zero, ViewMut::new(&mut out, [1, 2, 1]).unwrap(), &mut scratch),
        Error::Shape { .. },
        "right operand: shape [1, 3, 1] expected, [2, 3, 1] given"
    );
    let unsigned = View::new(&[1u8; 3], [1, 3, 1]).unwrap();
    refused!(
        plan.run(a, zero, unsigned, zero, ViewMut::new(&mut out, [1, 2, 1]).unwrap(), &mut scratch),
        Error::Type { .. },
        "right operand: i8 expected, u8 given"
    );
    assert_eq!(out, [7; 2], "a refused call wrote");
}

#[test]
fn operands_of_elementwise_operations() {
    let short = "result: 2 elements expected, 1 given";
    refused!(quantize(&backend(), &[1.0; 2], 1.0, 0, &mut [0u8; 1]), Error::Length { .. }, short);
    refused!(dequantize(&backend(), &[1u8; 2], 1.0, 0, &mut [0.0; 1]), Error::Length { .. }, short);
    let acc = MatRef::new(&[1, 2, 3, 4], [2, 2]).unwrap();
    let one = to(Param::All(1.0));
    let mut y = [0u8; 4];
    refused!(
        requantize(&backend(), acc, &one, MatMut::new(&mut y, [1, 2]).unwrap()),
        Error::Shape { .. },
        "result: shape [2, 2] expected, [1, 2] given"
    );
    refused!(
        requantize(&backend(), acc, &one, MatMut::new(&mut [0i8; 4], [2, 2]).unwrap()),
        Error::Type { .. },
        "result: u8 expected, i8 given"
    );
    refused!(
        requantize(&backend(), acc, &to(Param::Each(&[1.0; 3])), MatMut::new(&mut y, [2, 2]).unwrap()),
        Error::Length { .. },
        "multipliers: 2 elements expected, 3 given"
    );
    refused!(
        requantize(&backend(), acc.permuted([1, 0]), &one, MatMut::new(&mut y, [2, 2]).unwrap()),
        Error::OutOfRange { .. },
        "stride of the accumulators: a value from 1 to 1 expected, 2 given"
    );
    let q = quantized(Type::U8, 1.0, 0);
    let mul = MulPlan::new(&backend(), q, q, q).unwrap();
    refused!(mul.run(&[1u8; 2], &[1u8], &mut [0u8; 2]), Error::Length { .. }, "b: 2 elements expected, 1 given");
    refused!(mul.run(&[1u8; 2], &[1u8; 2], &mut [0u8]), Error::Length { .. }, "product: 2 elements expected, 1 given");
    refused!(mul.run(&[1i8], &[1u8], &mut [0u8]), Error::Type { .. }, "a: u8 expected, i8 given");
    refused!(mul.run(&[1u8], &[1i8], &mut [0u8]), Error::Type { .. }, "b: u8 expected, i8 given");
    refused!(mul.run(&[1u8], &[1u8], &mut [0i8]), Error::Type { .. }, "product: u8 expected, i8 given");
    let add = AddPlan::new(&backend(), q, q, q).unwrap();
    refused!(add.run(&[1u8; 2], &[1u8], &mut [0u8; 2]), Error::Length { .. }, "b: 2 elements expected, 1 given");
    refused!(add.run(&[1u8; 2], &[1u8; 2], &mut [0u8]), Error::Length { .. }, "sum: 2 elements expected, 1 given");
    refused!(add.run(&[1i8], &[1u8], &mut [0u8]), Error::Type { .. }, "a: u8 expected, i8 given");
    refused!(add.run(&[1u8], &[1i8], &mut [0u8]), Error::Type { .. }, "b: u8 expected, i8 given");
    refused!(add.run(&[1u8], &[1u8], &mut [0i8]), Error::Type { .. }, "sum: u8 expected, i8 given");
    let pool = GlobalAveragePoolPlan::new(&backend(), 2, 2, q, q).unwrap();
    let x = MatRef::new(&[1u8; 4], [2, 2]).unwrap();
    refused!(pool.run(x, &mut [0u8; 1]), Error::Length { .. }, "output: 2 elements expected, 1 given");
    refused!(pool.run(x, &mut [0i8; 2]), Error::Type { .. }, "output: u8 expected, i8 given");
    refused!(
        pool.run(MatRef::new(&[1u8; 2], [1, 2]).unwrap(), &mut [0u8; 2]),
        Error::Shape { .. },
        "input: shape [2, 2] expected, [1, 2] given"
    );
    refused!(
        pool.run(x.permuted([1, 0]), &mut [0u8; 2]),
        Error::OutOfRange { .. },
        "stride of the channels: a value from 1 to 1 expected, 2 given"
    );
    for pixels in [0, (1 << 23) + 1] {
        let message = format!("pixels: a value from 1 to 8388608 expected, {pixels} given");
        refused!(GlobalAveragePoolPlan::new(&backend(), pixels, 1, q, q), Error::OutOfRange { .. }, message);
    }
}

#[test]
fn geometry_of_a_convolution() {
    let w = ImagesRef::new(&[1i8; 12], [3, 2, 2, 1]).unwrap();
    let pack = |groups, dilation| PackedWeights::conv(&backend(), w, Param::All(0), Filter { groups, dilation });
    for groups in [0, 2, 4] {
        let message = format!("groups: a value from 1 to 3 expected, {groups} given");
        refused!(pack(groups, [1, 1]), Error::OutOfRange { .. }, message);
    }
    for dilation in [[0, 1], [1, 0]] {
        refused!(
            pack(1, dilation),
            Error::OutOfRange { .. },
            "dilation: a value from 1 to 9223372036854775807 expected, 0 given"
        );
    }
    let weights = pack(1, [1, 1]).unwrap();
    for strides in [[0, 1], [1, 0]] {
        let window = Window { strides, pads: [0; 4] };
        refused!(
            ConvPlan::new(&weights, [1, 4, 4], window, &options()),
            Error::OutOfRange { .. },
            "stride: a value from 1 to 9223372036854775807 expected, 0 given"
        );
    }
    refused!(
        GemmPlan::new(&weights, 1, &options()),
        Error::Shape { .. },
        "weights of a matrix product: shape [1, 1] in 1 groups expected, [2, 2] in 1 groups given"
    );
}

#[test]
fn sizes_that_overflow() {
    // One byte, seen again and again: the sizes pass as a view.
    let repeated = |shape| MatRef::with_strides(&[1u8], shape, [0, 0]);
    let wide = [[1 << 20, 1 << 20], [1, LARGE], [LARGE, 1]];
    for shape in wide {
        let Ok(view) = repeated(shape) else { continue };
        refused!(
            PackedWeights::gemm(&backend(), view, Param::All(0)),
            Error::SizeOverflow { what: "packed weights" },
            "packed weights: the sizes multiply to more than can be addressed"
        );
    }
    // Nothing in it, and still more columns or rows than there can be.
    for shape in [[0, usize::MAX], [usize::MAX, 0], [0, LARGE]] {
        if let Ok(view) = repeated(shape) {
            let packed = PackedWeights::gemm(&backend(), view, Param::All(0));
            refused!(
                packed,
                Error::SizeOverflow { .. },
                "packed weights: the sizes multiply to more than can be addressed"
            );
        }
    }
    let plan = |m| GemmPlan::new(&weights(), m, &options());
    for m in [usize::MAX, usize::MAX / 2, LARGE, (1 << 31) + 1] {
        assert!(matches!(plan(m), Err(Error::SizeOverflow { .. })), "M = {m}");
    }
    for sizes in
        [[usize::MAX, 2, 2], [2, usize::MAX, 2], [2, 2, usize::MAX], [1 << 20; 3], [LARGE, 0, 1], [1, 0, LARGE]]
    {
        let plan = MatMulPlan::new(&backend(), sizes, Type::U8, Type::U8, Output::I32);
        assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{sizes:?}");
    }
}

#[test]
fn windows_that_overflow() {
    let w = ImagesRef::new(&[1i8; 4], [1, 2, 2, 1]).unwrap();
    for dilation in [[usize::MAX, 1], [1, usize::MAX], [usize::MAX / 2, 3], [3, usize::MAX / 2]] {
        let weights = PackedWeights::conv(&backend(), w, Param::All(0), Filter { groups: 1, dilation }).unwrap();
        // A window larger than the image: no output, or an error.
        match ConvPlan::new(&weights, [1, 4, 4], Window::default(), &options()) {
            Ok(plan) => assert!(plan.output_shape().contains(&0), "{dilation:?}"),
            Err(error) => assert!(matches!(error, Error::SizeOverflow { .. }), "{error:?}"),
        }
    }
    let weights = PackedWeights::conv(&backend(), w, Param::All(0), Filter::default()).unwrap();
    for at in 0..4 {
        for pad in [usize::MAX, LARGE] {
            let mut pads = [0; 4];
            pads[at] = pad;
            let plan = ConvPlan::new(&weights, [1, 4, 4], Window { strides: [1, 1], pads }, &options());
            assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{pads:?}");
        }
    }
    for images in [[usize::MAX, 4, 4], [1, usize::MAX, 4], [1, 4, usize::MAX], [1 << 20, 1 << 20, 4]] {
        let plan = ConvPlan::new(&weights, images, Window::default(), &options());
        assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{images:?}");
    }
}

#[test]
fn tiers() {
    for &isa in Isa::ALL {
        if !Backend::available().any(|available| available == isa) {
            let error = Backend::with_isa(isa).unwrap_err();
            assert_eq!(error, Error::IsaUnavailable { isa });
            let tiers = Backend::available().map(|isa| format!(" {isa}")).collect::<String>();
            assert_eq!(error.to_string(), format!("this CPU does not run the tier {isa}; it has{tiers}"));
        }
    }
    let error = "avx9".parse::<Isa>().unwrap_err();
    let tiers = Isa::ALL.iter().map(|isa| format!(" {isa}")).collect::<String>();
    assert_eq!(error.to_string(), format!("unknown tier; the tiers are{tiers}"));
}

#[test]
fn convolutions_of_volumes() {
    let w = VolumesRef::new(&[1i8; 24], [3, 2, 2, 2, 1]).unwrap();
    let pack = |groups, dilation| PackedWeights::conv3d(&backend(), w, Param::All(0), Filter3d { groups, dilation });
    refused!(pack(2, [1; 3]), Error::OutOfRange { .. }, "groups: a value from 1 to 3 expected, 2 given");
    for axis in 0..3 {
        let (mut dilation, mut strides) = ([1; 3], [1; 3]);
        (dilation[axis], strides[axis]) = (0, 0);
        let message = "a value from 1 to 9223372036854775807 expected, 0 given";
        refused!(pack(1, dilation), Error::OutOfRange { .. }, format!("dilation: {message}"));
        let window = Window3d { strides, pads: [0; 6] };
        let plan = Conv3dPlan::new(&pack(1, [1; 3]).unwrap(), [1, 4, 4, 4], window, &options());
        refused!(plan, Error::OutOfRange { .. }, format!("stride: {message}"));
    }
    let weights = pack(1, [1; 3]).unwrap();
    refused!(
        ConvPlan::new(&weights, [1, 4, 4], Window::default(), &options()),
        Error::Shape { .. },
        "weights of a 2-D convolution: shape 1 plane expected, 2 planes given"
    );
    for volumes in [[LARGE, 4, 4, 4], [1, LARGE, 4, 4], [1, 4, LARGE, 4], [1, 4, 4, LARGE]] {
        let plan = Conv3dPlan::new(&weights, volumes, Window3d::default(), &options());
        assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{volumes:?}: {plan:?}");
    }
    let plan = Conv3dPlan::new(&weights, [2, 2, 2, 2], Window3d::default(), &options()).unwrap();
    let (x, mut y, mut scratch) = ([0u8; 16], [0i32; 6], vec![0; plan.scratch_len()]);
    let x = VolumesRef::new(&x, [2, 2, 2, 2, 1]).unwrap();
    refused!(
        plan.run(x, VolumesMut::new(&mut y, [1, 1, 1, 1, 6]).unwrap(), &mut scratch),
        Error::Shape { .. },
        "output: shape [2, 1, 1, 1, 3] expected, [1, 1, 1, 1, 6] given"
    );
    let parts = plan.split(VolumesMut::new(&mut y, [2, 1, 1, 1, 3]).unwrap()).unwrap();
    let fewer = Conv3dPlan::new(&weights, [1, 2, 2, 2], Window3d::default(), &options()).unwrap();
    let last = parts.last().unwrap();
    let x = VolumesRef::new(&[0u8; 8], [1, 2, 2, 2, 1]).unwrap();
    refused!(fewer.run_part(x, last, &mut scratch), Error::Part { .. }, "part: an index below 1 expected, 1 given");
}

#[test]
fn transposed_convolutions() {
    let w = ImagesRef::new(&[1i8; 12], [3, 2, 2, 1]).unwrap();
    let pack = |groups, strides| {
        TransposedWeights::new(&backend(), w, Param::All(0), Filter { groups, ..Filter::default() }, strides)
    };
    refused!(pack(2, [1; 2]), Error::OutOfRange { .. }, "groups: a value from 1 to 3 expected, 2 given");
    refused!(
        pack(1, [0, 1]),
        Error::OutOfRange { .. },
        "stride: a value from 1 to 9223372036854775807 expected, 0 given"
    );
    let weights = pack(1, [2; 2]).unwrap();
    let plan = |images, options: &ProductOptions<'_>| {
        TransposedConvPlan::new(&weights, images, TransposedWindow::default(), options)
    };
    refused!(plan([1, 2, 2], &options().bias(&[1, 2])), Error::Length { .. }, "bias: 1 elements expected, 2 given");
    for images in [[LARGE, 2, 2], [1, LARGE, 2], [1, 2, LARGE]] {
        let plan = plan(images, &options());
        assert!(matches!(plan, Err(Error::SizeOverflow { .. })), "{images:?}: {plan:?}");
    }
    // Outputs that no input reaches, each a phase of its own.
    let far = pack(1, [1 << 20, 1]).unwrap();
    let window = TransposedWindow { pads: [0; 4], output_padding: [1 << 18, 0] };
    refused!(
        TransposedConvPlan::new(&far, [1, 1, 1], window, &options()),
        Error::SizeOverflow { .. },
        "phases of the transposed convolution: the sizes multiply to more than can be addressed"
    );
    let w = VolumesRef::new(&[1i8; 8], [1, 2, 2, 2, 1]).unwrap();
    let volumes = TransposedWeights::new_3d(&backend(), w, Param::All(0), Filter3d::default(), [1; 3]).unwrap();
    refused!(
        TransposedConvPlan::new(&volumes, [1, 2, 2], TransposedWindow::default(), &options()),
        Error::Shape { .. },
        "weights of a 2-D transposed convolution: shape 1 planes, 1 apart expected, 2 planes, 1 apart given"
    );
    let plan = plan([1, 2, 2], &options()).unwrap();
    let (x, mut y) = ([0u8; 12], [0i32; 16]);
    let (x, y) = (ImagesRef::new(&x, [1, 2, 2, 3]).unwrap(), ImagesMut::new(&mut y, [1, 4, 4, 1]).unwrap());
    refused!(
        plan.run(x, y, &mut []),
        Error::Length { what: "scratch", .. },
        format!("scratch: {} elements expected, 0 given", plan.scratch_len())
    );
}

#[test]
fn zero_points_of_channels() {
    refused!(
        GemmPlan::new(&weights(), 1, &options().channel_zero_points(&[1, 2])),
        Error::Length { .. },
        "zero points of the input's channels: 3 elements expected, 2 given"
    );
    for (type_, zero, message) in OUTSIDE {
        refused!(
            GemmPlan::new(&weights(), 1, &ProductOptions::new(type_).channel_zero_points(&[0, zero, 0])),
            Error::OutOfRange { .. },
            format!("zero point of the input: a value {message}")
        );
    }
    refused!(
        GemmPlan::new(&weights(), 1, &options().channel_zero_points(&[1, 2, 3]).bias(&[1])),
        Error::Length { .. },
        "bias: 2 elements expected, 1 given"
    );
}

#[test]
fn linear_layers() {
    let scales = Scales::All(1.0);
    refused!(
        LinearPlan::new(&weights(), 2, Type::F32, scales, None),
        Error::Type { .. },
        "input type: u8 or i8 expected, f32 given"
    );
    refused!(
        LinearPlan::new(&weights(), 2, Type::U8, Scales::Each(&[1.0]), None),
        Error::Length { .. },
        "scales of the output: 2 elements expected, 1 given"
    );
    refused!(
        LinearPlan::new(&weights(), 2, Type::U8, scales, Some(&[1.0])),
        Error::Length { .. },
        "bias in real units: 2 elements expected, 1 given"
    );
    for (scale, given) in WRONG {
        refused!(
            LinearPlan::new(&weights(), 2, Type::U8, Scales::All(scale), None),
            Error::Scale { .. },
            format!("scale of the output: a finite number above 0 expected, {given} given")
        );
    }
    let plan = LinearPlan::new(&weights(), 2, Type::U8, scales, None).unwrap();
    let (a, mut out, mut scratch) = ([0.0; 6], [0.0; 4], vec![0; plan.scratch_len()]);
    refused!(
        plan.run(MatRef::new(&a, [3, 2]).unwrap(), MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch),
        Error::Shape { .. },
        "input: shape [2, 3] expected, [3, 2] given"
    );
    refused!(
        plan.run(MatRef::new(&a, [2, 3]).unwrap(), MatMut::new(&mut out, [4, 1]).unwrap(), &mut scratch),
        Error::Shape { .. },
        "output: shape [2, 2] expected, [4, 1] given"
    );
    let mut quantized = |zero_points: &[i32], scales: &[f32]| {
        let a = MatRef::new(&[0u8; 6], [2, 3]).unwrap();
        plan.run_quantized(a, zero_points, scales, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch)
    };
    refused!(
        quantized(&[0], &[1.0, 1.0]),
        Error::Length { .. },
        "zero points of the rows: 2 elements expected, 1 given"
    );
    refused!(
        quantized(&[0, 256], &[1.0, 1.0]),
        Error::OutOfRange { .. },
        "zero point of a row: a value from 0 to 255 expected, 256 given"
    );
    refused!(
        quantized(&[0, 0], &[1.0, 0.0]),
        Error::Scale { .. },
        "scale of a row: a finite number above 0 expected, 0 given"
    );
    let rows = |rows| Output::DequantizedRows { rows, scales, bias: None };
    refused!(
        GemmPlan::new(&weights(), 2, &options().output(rows(&[1.0]))),
        Error::Length { .. },
        "scales of the rows: 2 elements expected, 1 given"
    );
    refused!(
        ConvPlan::new(&weights(), [1, 1, 2], Window::default(), &options().output(rows(&[1.0]))),
        Error::Length { .. },
        "scales of a convolution's rows: 0 elements expected, 1 given"
    );
}

#[test]
fn parameters_of_a_run() {
    let scales = Param::All(1.0);
    let by = RunParameters { zero_point: 0, scale: 1.0, scales, bias: None };
    let options = options().dynamic();
    refused!(
        GemmPlan::new(&weights(), 2, &options.clone().output(Output::Dequantized { scales, bias: None })),
        Error::Kind { .. },
        "output of a dynamic plan: I32 or F32 expected, scales given"
    );
    refused!(
        GemmPlan::new(&weights(), 2, &options.clone().zero_point(3).output(Output::F32)),
        Error::Kind { .. },
        "output: one with scales, in a plan that is not dynamic, expected, F32 given"
    );
    let plan = GemmPlan::new(&weights(), 2, &options.output(Output::F32)).unwrap();
    let (a, mut out, mut scratch) = ([0u8; 6], [7.0; 4], vec![0; plan.scratch_len()]);
    let mut run = |by: &RunParameters<'_>, scratch: &mut [u8]| {
        plan.run_dynamic(MatRef::new(&a, [2, 3]).unwrap(), by, MatMut::new(&mut out, [2, 2]).unwrap(), scratch)
    };
    refused!(
        run(&RunParameters { zero_point: 256, ..by }, &mut scratch),
        Error::OutOfRange { .. },
        "zero point of the input: a value from 0 to 255 expected, 256 given"
    );
    refused!(
        run(&RunParameters { scales: Param::Each(&[1.0; 3]), ..by }, &mut scratch),
        Error::Length { .. },
        "scales of the weights: 2 elements expected, 3 given"
    );
    refused!(
        run(&RunParameters { bias: Some(Param::Each(&[])), ..by }, &mut scratch),
        Error::Length { .. },
        "bias in real units: 2 elements expected, 0 given"
    );
    let length = scratch.len() - 1;
    assert!(matches!(run(&by, &mut scratch[..length]), Err(Error::Length { what: "scratch", .. })));
    let a = MatRef::new(&a, [2, 3]).unwrap();
    refused!(
        plan.run(a, MatMut::new(&mut out, [2, 2]).unwrap(), &mut scratch),
        Error::Kind { .. },
        "parameters of the input: a run's expected, none given"
    );
    let own = ProductOptions::new(Type::U8).output(Output::Dequantized { scales, bias: None });
    let own = GemmPlan::new(&weights(), 2, &own).unwrap();
    refused!(
        own.run_dynamic(a, &by, MatMut::new(&mut out, [2, 2]).unwrap(), &mut vec![0; own.scratch_len()]),
        Error::Kind { .. },
        "parameters of the input: those of the plan expected, a run's given"
    );
    assert_eq!(out, [7.0; 4]);
}

/// Sums of 0, 1 and -1 by a scale beyond all numbers: no CPU's own NaN.
#[test]
fn numbers_of_a_run_may_be_any() {
    for backend in Backend::available().map(|isa| Backend::with_isa(isa).unwrap()) {
        let weights =
            PackedWeights::gemm(&backend, MatRef::new(&[0i8, 1, -1], [1, 3]).unwrap(), Param::All(0)).unwrap();
        let plan = GemmPlan::new(&weights, 1, &ProductOptions::new(Type::U8).dynamic().output(Output::F32)).unwrap();
        let run = |scale: f32, bias: Option<Param<'_, f32>>| {
            let by = RunParameters { zero_point: 0, scale, scales: Param::All(1.0), bias };
            let (a, mut out) = ([1u8], [0f32; 3]);
            let (a, view) = (MatRef::new(&a, [1, 1]).unwrap(), MatMut::new(&mut out, [1, 3]).unwrap());
            plan.run_dynamic(a, &by, view, &mut vec![0; plan.scratch_len()]).unwrap();
            out.map(f32::to_bits)
        };
        let infinity = f32::INFINITY;
        assert_eq!(run(infinity, None), [f32::NAN, infinity, -infinity].map(f32::to_bits));
        assert_eq!(run(infinity, Some(Param::All(-infinity))), [f32::NAN, f32::NAN, -infinity].map(f32::to_bits));
        assert_eq!(run(-f32::NAN, None), [f32::NAN; 3].map(f32::to_bits));
        assert_eq!(run(0.0, None), [0.0, 0.0, -0.0].map(f32::to_bits));
        assert_eq!(run(-2.0, Some(Param::Each(&[1.0, 2.0, 3.0]))), [1.0f32, 0.0, 5.0].map(f32::to_bits));
    }
}

#[test]
fn rules_of_requantising() {
    let of = |multiplier| to(Param::All(multiplier));
    refused!(
        of(256.0).with_rule(Rule::XnnpackRndnu),
        Error::Multiplier { .. },
        "multiplier: from 2.3283064365386963e-10 to below 2.56e2 expected by the rule xnnpack_rndnu, 2.56e2 given"
    );
    refused!(
        of(1e-10).with_rule(Rule::XnnpackRndnuNeon),
        Error::Multiplier { .. },
        "multiplier: from 2.3283064365386963e-10 to below 2.56e2 expected by the rule xnnpack_rndnu_neon, \
         1.000000013351432e-10 given"
    );
    let scales = Requantization::from_scales(1e30, Param::All(1.0), 1.0, Type::U8, 0).unwrap();
    refused!(
        scales.with_rule(Rule::TfliteDouble),
        Error::Multiplier { .. },
        "multiplier: from 0e0 to below 1.073741824e9 expected by the rule tflite_double, 1.0000000150474662e30 given"
    );
    refused!(
        of(0.5).with_rule(Rule::OneDnnConv),
        Error::Rule { .. },
        "ready multipliers: the rule onednn_conv takes none"
    );
    refused!(
        of(0.5).with_rule(Rule::TfliteSingle),
        Error::Rule { .. },
        "ready multipliers: the rule tflite_single takes none"
    );
    refused!(
        of(0.5).with_real_bias(&[1.0]),
        Error::Rule { .. },
        "bias in real units: the rule f32_clip_round takes none"
    );
    refused!(
        Requantization::from_fixed(Rule::F32ClipRound, Param::All((1 << 30, 0)), Type::U8, 0),
        Error::Rule { .. },
        "multipliers in fixed point: the rule f32_clip_round takes none"
    );
    for (value, given) in [(1, "1"), (-1, "-1"), ((1 << 30) - 1, "1073741823")] {
        refused!(
            Requantization::from_fixed(Rule::TfliteDouble, Param::All((value, 0)), Type::U8, 0),
            Error::OutOfRange { .. },
            format!("value of a multiplier: a value from 1073741824 to 2147483647 expected, {given} given")
        );
    }
    for shift in [-32, 31] {
        refused!(
            Requantization::from_fixed(Rule::TfliteSingle, Param::Each(&[(1 << 30, shift)]), Type::U8, 0),
            Error::OutOfRange { .. },
            format!("shift of a multiplier: a value from -31 to 30 expected, {shift} given")
        );
    }
    refused!(
        Requantization::from_scales(1.0, Param::All(1.0), Param::Each(&[1.0, 0.0]), Type::U8, 0),
        Error::Scale { .. },
        "scale of the result: a finite number above 0 expected, 0 given"
    );
    refused!(
        Requantization::from_scales(1.0, Param::Each(&[1.0; 3]), Param::Each(&[1.0; 2]), Type::U8, 0),
        Error::Length { .. },
        "scales of the result: 3 elements expected, 2 given"
    );
    // A reciprocal beyond binary32.
    let tiny = Requantization::from_scales(1.0, Param::All(1e-30), 1e-40, Type::U8, 0).unwrap();
    refused!(
        tiny.with_rule(Rule::OneDnnMatMul),
        Error::Scale { .. },
        "multiplier: a finite number above 0 expected, inf given"
    );

    let each = Requantization::from_scales(1.0, Param::All(1.0), 2.0, Type::U8, &[1, 2, 3][..]).unwrap();
    refused!(
        GemmPlan::new(&weights(), 1, &options().output(Output::Requantized(each))),
        Error::Length { .. },
        "zero points of the result: 2 elements expected, 3 given"
    );
    let biased = Requantization::from_scales(1.0, Param::All(1.0), 2.0, Type::U8, 0)
        .and_then(|to| to.with_rule(Rule::OneDnnMatMul)?.with_real_bias(&[0.5; 3]))
        .unwrap();
    refused!(
        GemmPlan::new(&weights(), 1, &options().output(Output::Requantized(biased.clone()))),
        Error::Length { .. },
        "bias in real units: 2 elements expected, 3 given"
    );
    refused!(
        biased.with_rule(Rule::TfliteDouble),
        Error::Rule { .. },
        "bias in real units: the rule tflite_double takes none"
    );
}

#[test]
fn quantisations() {
    use zeropoint::elementwise::{dequantize_with, pack_nibbles, quantize_with, unpack_nibbles};
    let quantized = |by: &Quantization<'_>, len: usize| {
        let mut y = vec![0i8; len];
        quantize_with(&backend(), &vec![0.0f32; len], by, &mut y)
    };
    let by = Quantization::new(1.0, 0);
    let along = |shape, axis| by.along(Granularity::Axis { shape, axis });
    for (bits, given) in [(0, "0"), (1, "1"), (9, "9")] {
        let message = format!("bits: a value from 2 to 8 expected, {given} given");
        refused!(quantized(&by.bits(bits), 1), Error::OutOfRange { .. }, message);
    }
    refused!(
        quantized(&Quantization::new(1.0, 8).bits(4), 1),
        Error::OutOfRange { .. },
        "zero point: a value from -8 to 7 expected, 8 given"
    );
    for axis in [2, -3] {
        let message = format!("axis: a value from -2 to 1 expected, {axis} given");
        refused!(quantized(&along(&[2, 3], axis), 6), Error::OutOfRange { .. }, message);
    }
    refused!(quantized(&along(&[], 0), 1), Error::OutOfRange { .. }, "axis: a value from 0 to -1 expected, 0 given");
    refused!(
        quantized(&along(&[2, 3], 0), 5),
        Error::Length { .. },
        "tensor of this shape: 6 elements expected, 5 given"
    );
    refused!(
        quantized(&along(&[LARGE, LARGE], 0), 5),
        Error::SizeOverflow { .. },
        "shape of the tensor: the sizes multiply to more than can be addressed"
    );
    let each = Quantization::new(&[1.0, 2.0][..], 0);
    refused!(
        quantized(&each.along(Granularity::Axis { shape: &[2, 3], axis: 1 }), 6),
        Error::Length { .. },
        "scales: 3 elements expected, 2 given"
    );
    refused!(quantized(&each, 6), Error::Length { .. }, "scales: 1 elements expected, 2 given");
    refused!(
        quantized(&each.along(Granularity::Blocks { shape: &[2, 3], axis: 1, block: 2 }), 6),
        Error::Length { .. },
        "scales: 4 elements expected, 2 given"
    );
    refused!(
        quantized(&by.along(Granularity::Blocks { shape: &[2, 3], axis: 1, block: 0 }), 6),
        Error::OutOfRange { .. },
        "block: a value from 1 to 9223372036854775807 expected, 0 given"
    );
    for (scale, given) in WRONG {
        let message = format!("scale: a finite number above 0 expected, {given} given");
        refused!(quantized(&Quantization::new(scale, 0), 1), Error::Scale { .. }, message);
    }
    let paddle = Quantization::new(1.0, 0).rule(QuantizeRule::PaddleEven);
    refused!(
        quantize_with(&backend(), &[0.0f32], &paddle, &mut [0u8]),
        Error::Kind { .. },
        "quantised values: i8 or i16 (Paddle has signed values) expected, u8 given"
    );
    refused!(
        quantized(&Quantization::new(1.0, 1).rule(QuantizeRule::PaddleAway), 1),
        Error::OutOfRange { .. },
        "zero point: a value from 0 to 0 expected, 1 given"
    );
    refused!(
        quantize_with(&backend(), &[0.0f32], &by, &mut [0i32]),
        Error::Kind { .. },
        "result: u8, i8, u16 or i16 expected, i32 given"
    );
    let refusing = by.nan(NanPolicy::Refuse);
    assert_eq!(quantized(&refusing, 3), Ok(()));
    refused!(
        quantize_with(&backend(), &[0.0, f32::NAN], &refusing, &mut [0i8; 2]),
        Error::Nan { .. },
        "operand: numbers expected, NaN given"
    );
    refused!(
        dequantize_with(&backend(), &[0i16; 2], &by, &mut [0.0f32; 3]),
        Error::Length { .. },
        "result: 2 elements expected, 3 given"
    );
    refused!(
        pack_nibbles(&[1i8, 8], &mut [0]),
        Error::OutOfRange { .. },
        "value of four bits: a value from -8 to 7 expected, 8 given"
    );
    refused!(pack_nibbles(&[1u8, 2, 3], &mut [0]), Error::Length { .. }, "packed values: 2 elements expected, 1 given");
    refused!(
        unpack_nibbles(&[1, 2], &mut [0i8; 2]),
        Error::Length { .. },
        "packed values: 1 elements expected, 2 given"
    );
}

#[test]
fn pools() {
    let (backend, q) = (backend(), quantized(Type::U8, 0.5, 3));
    let pooling = Pooling { strides: [0, 1], ..Pooling::new([2, 2]) };
    refused!(
        MaxPoolPlan::new(&backend, [4, 4], 1, pooling, Type::U8),
        Error::OutOfRange { what: "strides", .. },
        "strides: a value from 1 to 9223372036854775807 expected, 0 given"
    );
    refused!(
        MaxPoolPlan::new(&backend, [4, 4], 1, Pooling::new([1 << 12, 1 << 12]), Type::U8),
        Error::OutOfRange { what: "taps of a window", .. },
        "taps of a window: a value from 1 to 8388608 expected, 16777216 given"
    );
    refused!(
        MaxPoolPlan::new(&backend, [4, LARGE], 1, Pooling::new([2, 2]), Type::U8),
        Error::OutOfRange { what: "columns of the output", .. },
        format!("columns of the output: a value from 1 to 16777216 expected, {} given", LARGE - 1)
    );
    let dilated = Pooling { dilation: [usize::MAX, 1], ..Pooling::new([3, 3]) };
    refused!(
        MaxPoolPlan::new(&backend, [4, 4], 1, dilated, Type::U8),
        Error::SizeOverflow { .. },
        "windows: the sizes multiply to more than can be addressed"
    );
    refused!(
        MaxPoolPlan::new(&backend, [4, 4], 1, Pooling::new([2, 2]), Type::F32),
        Error::Type { .. },
        "type: u8 or i8 expected, f32 given"
    );
    let plan = MaxPoolPlan::new(&backend, [2, 2], 1, Pooling::new([2, 2]), Type::U8).unwrap();
    let (x, mut y) = ([0u8; 6], [0u8; 6]);
    let image = |width| ImagesRef::new(&x, [1, 2, width, 1]).unwrap();
    refused!(
        plan.run(image(3), ImagesMut::new(&mut y, [1, 1, 1, 1]).unwrap()),
        Error::Shape { .. },
        "input: shape [1, 2, 2, 1] expected, [1, 2, 3, 1] given"
    );
    refused!(
        plan.run(image(2), ImagesMut::new(&mut y, [1, 2, 1, 1]).unwrap()),
        Error::Shape { .. },
        "output: shape [1, 1, 1, 1] expected, [1, 2, 1, 1] given"
    );
    refused!(
        plan.run_rows(image(2), 1..2, ImagesMut::new(&mut y, [1, 1, 1, 1]).unwrap()),
        Error::OutOfRange { .. },
        "end of the rows: a value from 0 to 1 expected, 2 given"
    );
    let average =
        |x, y, runtime| AveragePoolPlan::new(&backend, [4, 4], 1, Pooling::new([2, 2]), [x, y], runtime, false);
    refused!(
        average(quantized(Type::U8, 1e38, 0), q, Runtime::Onnxruntime),
        Error::Number { .. },
        format!("scale of the input: a finite sum of any window expected, {} given", 1e38f32)
    );
    refused!(
        average(q, quantized(Type::U8, 0.25, 3), Runtime::Tflite),
        Error::Number { .. },
        "scale of the output: that of the input expected, 0.25 given"
    );
    refused!(
        average(q, quantized(Type::U8, 0.5, 4), Runtime::Tflite),
        Error::OutOfRange { .. },
        "zero point of the output: a value from 3 to 3 expected, 4 given"
    );
    refused!(
        average(q, quantized(Type::I8, 0.5, 3), Runtime::Tflite),
        Error::Type { .. },
        "type of the output: u8 expected, i8 given"
    );
}

#[test]
fn tables_and_sums() {
    let (backend, q) = (backend(), quantized(Type::U8, 0.5, 3));
    refused!(
        LookupPlan::leaky_relu(&backend, q, q, f32::NAN),
        Error::Number { .. },
        "alpha: a finite number expected, NaN given"
    );
    refused!(
        LookupPlan::sigmoid(&backend, quantized(Type::U8, 0.0, 3), q),
        Error::Scale { .. },
        "scale of the input: a finite number above 0 expected, 0 given"
    );
    refused!(
        LookupPlan::of_table(&backend, Type::I32, Type::U8, &[0; 256]),
        Error::Type { .. },
        "type of the input: u8 or i8 expected, i32 given"
    );
    refused!(
        LookupPlan::of_table(&backend, Type::U8, Type::F32, &[0; 256]),
        Error::Type { .. },
        "type of the output: u8 or i8 expected, f32 given"
    );
    let plan = LookupPlan::rescale(&backend, q, q).unwrap();
    refused!(plan.run(&[0u8; 3], &mut [0u8; 2]), Error::Length { .. }, "output: 3 elements expected, 2 given");
    refused!(plan.run(&[0i8; 2], &mut [0u8; 2]), Error::Type { .. }, "input: u8 expected, i8 given");
    refused!(
        SoftmaxPlan::new(&backend, 0, q, q),
        Error::OutOfRange { .. },
        "row: a value from 1 to 16777216 expected, 0 given"
    );
    let plan = SoftmaxPlan::new(&backend, 4, q, q).unwrap();
    refused!(plan.run(&[0u8; 6], &mut [0u8; 6]), Error::Length { .. }, "input: 8 elements expected, 6 given");
    let plan = WherePlan::new(&backend, q, q, q).unwrap();
    refused!(
        plan.run(&[1], &[0u8; 2], &[0u8; 2], &mut [0u8; 2]),
        Error::Length { .. },
        "condition: 2 elements expected, 1 given"
    );
    let add = |runtime, scale| AddPlan::of_runtime(&backend, runtime, quantized(Type::U8, scale, 0), q, q);
    refused!(
        add(Runtime::Xnnpack, 128.0),
        Error::Number { .. },
        "ratio of the scales of a and the sum: from 2^-10 to below 2^8 expected, 256 given"
    );
    refused!(
        add(Runtime::Tflite, 262_144.0),
        Error::Number { .. },
        "twice the greater scale by 2^20 times that of the sum: less than 1 expected, 1 given"
    );
    assert!(add(Runtime::Tflite, 131_072.0).is_ok() && add(Runtime::Xnnpack, 127.9).is_ok());
}
