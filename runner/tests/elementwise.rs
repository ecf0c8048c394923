//! Functions of elements, reductions and normalisations in models made on the spot, against values worked out by hand or
//! by formulas of f64.

mod support;

use support::{Attribute, Builder, F32, I8, I32, I64, U8, float, int, ints, string, tensor};
use zeropoint_runner::formats::onnx::proto::AttributeType;
use zeropoint_runner::graph::{Constant, Data, Graph, Node, Op, Tensor, Type};
use zeropoint_runner::passes;

const BOOL: i32 = 9;

fn floats(values: &[f32]) -> Data {
    Data::F32(values.to_vec())
}

/// A model of one operator of f32.
fn unary(op: &str, attributes: Vec<Attribute>, x: &[f32]) -> Vec<f32> {
    let size = i64::try_from(x.len()).unwrap();
    let model = Builder::new(24).input("x", F32, &[size]).output("y", F32, &[size]).node(op, "x", "y", attributes);
    let Data::F32(y) = model.run(&[floats(x)]) else { panic!("{op} makes another type") };
    y
}

/// What a model computes before any run: the output is a constant.
fn folded(model: &Builder, output: (i32, &[i64])) -> Data {
    let (type_, dims) = output;
    let model = model.clone().input("unused", F32, &[1]).output("y", type_, dims);
    let plan = support::plan(&model.bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.made().len(), 0, "nothing is left for a run");
    model.run(&[floats(&[0.0])])
}

#[test]
fn functions_of_one_element() {
    let x: Vec<f32> = (-40..=40).map(|at| at as f32 * 0.23).collect();
    let near = |op: &str, attributes: Vec<Attribute>, exact: &dyn Fn(f64) -> f64| {
        for (x, y) in x.iter().zip(unary(op, attributes, &x)) {
            let (y, exact) = (f64::from(y), exact(f64::from(*x)));
            assert!((y - exact).abs() <= 1e-6 + exact.abs() * 5e-7, "{op} of {x} is {y}, expected {exact}");
        }
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    near("Abs", vec![], &f64::abs);
    near("Ceil", vec![], &f64::ceil);
    near("Celu", vec![float("alpha", 2.0)], &|x| x.max(0.0) + (2.0 * (x / 2.0).exp_m1()).min(0.0));
    near("Cos", vec![], &f64::cos);
    near("Elu", vec![float("alpha", 0.5)], &|x| if x < 0.0 { 0.5 * x.exp_m1() } else { x });
    near("Erf", vec![], &libm_erf);
    near("Exp", vec![], &f64::exp);
    near("Floor", vec![], &f64::floor);
    near("Gelu", vec![], &|x| 0.5 * x * (1.0 + libm_erf(x / std::f64::consts::SQRT_2)));
    near("com.microsoft.Gelu", vec![], &|x| 0.5 * x * (1.0 + libm_erf(x / std::f64::consts::SQRT_2)));
    let tanh_gelu =
        |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
    near("Gelu", vec![string("approximate", "tanh")], &tanh_gelu);
    near("com.microsoft.FastGelu", vec![], &tanh_gelu);
    near("com.microsoft.QuickGelu", vec![], &|x| x * sigmoid(1.702 * x));
    near("HardSigmoid", vec![], &|x| (0.2 * x + 0.5).clamp(0.0, 1.0));
    near("HardSigmoid", vec![float("alpha", 0.1), float("beta", 0.25)], &|x| (0.1 * x + 0.25).clamp(0.0, 1.0));
    near("HardSwish", vec![], &|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0));
    near("LeakyRelu", vec![], &|x| if x < 0.0 { 0.01 * x } else { x });
    near("Mish", vec![], &|x| x * (1.0 + x.exp()).ln().tanh());
    near("Neg", vec![], &|x| -x);
    near("Relu", vec![], &|x| x.max(0.0));
    near("Round", vec![], &f64::round_ties_even);
    let (alpha, gamma) = (1.673_263_192_176_818_8, 1.050_701_022_148_132_3);
    near("Selu", vec![], &|x| gamma * if x > 0.0 { x } else { alpha * x.exp_m1() });
    near("Sigmoid", vec![], &sigmoid);
    near("Sign", vec![], &|x| if x == 0.0 { 0.0 } else { x.signum() });
    near("Sin", vec![], &f64::sin);
    near("Softplus", vec![], &|x| (1.0 + x.exp()).ln());
    near("Softsign", vec![], &|x| x / (1.0 + x.abs()));
    near("Swish", vec![], &|x| x * sigmoid(x));
    near("Tanh", vec![], &f64::tanh);
    near("ThresholdedRelu", vec![float("alpha", 0.5)], &|x| if x > 0.5 { x } else { 0.0 });
    assert_eq!(unary("Sqrt", vec![], &[4.0, 2.25, 0.0]), [2.0, 1.5, 0.0]);
    assert_eq!(unary("Reciprocal", vec![], &[4.0, -0.5]), [0.25, -2.0]);
    assert_eq!(unary("Log", vec![], &[1.0, 0.0]), [0.0, f32::NEG_INFINITY]);
}

/// By the series, which needs no more than a few dozen terms here, and beyond is 1.
fn libm_erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut sum, mut term) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

#[test]
fn many_elements_on_several_threads() {
    let x: Vec<f32> = (0..40_000).map(|at| at as f32 * 0.001 - 20.0).collect();
    let y = unary("Relu", vec![], &x);
    assert!(x.iter().zip(&y).all(|(x, y)| *y == x.max(0.0)));
}

fn binary(op: &str, type_: i32, [a, b]: [(&[i64], Data); 2], y: (i32, &[i64])) -> Data {
    Builder::new(18)
        .input("a", type_, a.0)
        .input("b", type_, b.0)
        .output("y", y.0, y.1)
        .node(op, "a b", "y", vec![])
        .run(&[a.1, b.1])
}

#[test]
fn functions_of_two_elements_broadcast() {
    let column = (&[2i64, 1][..], floats(&[1.0, -2.0]));
    let row = (&[3i64][..], floats(&[4.0, 0.5, -1.0]));
    let of = |op: &str| binary(op, F32, [column.clone(), row.clone()], (F32, &[2, 3]));
    assert_eq!(of("Add"), floats(&[5.0, 1.5, 0.0, 2.0, -1.5, -3.0]));
    assert_eq!(of("Sub"), floats(&[-3.0, 0.5, 2.0, -6.0, -2.5, -1.0]));
    assert_eq!(of("Mul"), floats(&[4.0, 0.5, -1.0, -8.0, -1.0, 2.0]));
    assert_eq!(of("Div"), floats(&[0.25, 2.0, -1.0, -0.5, -4.0, 2.0]));
    assert_eq!(of("Max"), floats(&[4.0, 1.0, 1.0, 4.0, 0.5, -1.0]));
    assert_eq!(of("Min"), floats(&[1.0, 0.5, -1.0, -2.0, -2.0, -2.0]));
    let scalar = (&[][..], floats(&[2.0]));
    let matrix = (&[2i64, 2][..], floats(&[1.0, -2.0, 3.0, 0.5]));
    assert_eq!(binary("Pow", F32, [matrix.clone(), scalar.clone()], (F32, &[2, 2])), floats(&[1.0, 4.0, 9.0, 0.25]));
    assert_eq!(binary("Sub", F32, [scalar.clone(), matrix.clone()], (F32, &[2, 2])), floats(&[1.0, 4.0, -1.0, 1.5]));
    assert_eq!(binary("PRelu", F32, [matrix, scalar], (F32, &[2, 2])), floats(&[1.0, -4.0, 3.0, 0.5]));
    // Both of one element, and of other shapes than the result.
    let ones = [(&[1i64][..], floats(&[3.0])), (&[1i64, 1][..], floats(&[4.0]))];
    assert_eq!(binary("Mul", F32, ones, (F32, &[1, 1])), floats(&[12.0]));
}

#[test]
fn integers_and_conditions() {
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    let of = |op: &str, a: &[i64], b: &[i64]| binary(op, I64, [(&[2], i64s(a)), (&[2], i64s(b))], (I64, &[2]));
    assert_eq!(of("Div", &[-7, 7], &[2, 2]), i64s(&[-3, 3]));
    // What ONNX leaves open.
    assert_eq!(of("Div", &[-7, i64::MIN], &[0, -1]), i64s(&[0, i64::MIN]));
    assert_eq!(of("Pow", &[3, -2], &[3, 5]), i64s(&[27, -32]));
    assert_eq!(of("Sub", &[1, i64::MIN], &[3, 1]), i64s(&[-2, i64::MAX]));
    let bytes = [(&[3i64][..], Data::I8(vec![-3, 5, 127])), (&[1i64][..], Data::I8(vec![4]))];
    assert_eq!(binary("Max", I8, bytes, (I8, &[3])), Data::I8(vec![4, 5, 127]));
    let conditions = [(&[4i64][..], Data::Bool(vec![0, 0, 1, 1])), (&[4i64][..], Data::Bool(vec![0, 1, 0, 1]))];
    assert_eq!(binary("Xor", BOOL, conditions, (BOOL, &[4])), Data::Bool(vec![0, 1, 1, 0]));
    let not = Builder::new(13).input("x", BOOL, &[2]).output("y", BOOL, &[2]).node("Not", "x", "y", vec![]);
    assert_eq!(not.run(&[Data::Bool(vec![0, 1])]), Data::Bool(vec![1, 0]));
    let neg = Builder::new(13).input("x", I32, &[2]).output("y", I32, &[2]).node("Neg", "x", "y", vec![]);
    assert_eq!(neg.run(&[Data::I32(vec![5, i32::MIN])]), Data::I32(vec![-5, i32::MIN]));
    let power = Builder::new(13)
        .input("x", F32, &[2])
        .output("y", F32, &[2])
        .constant("e", &[], Data::I64(vec![3]))
        .node("Pow", "x e", "y", vec![]);
    assert_eq!(power.run(&[floats(&[2.0, -1.5])]), floats(&[8.0, -3.375]));
}

#[test]
fn what_divisions_leave() {
    let of = |type_: i32, fmod: i64, [a, b]: [Data; 2], shapes: [&[i64]; 2]| {
        let model = Builder::new(13).input("a", type_, shapes[0]).input("b", type_, shapes[1]);
        model.output("y", type_, shapes[0]).node("Mod", "a b", "y", vec![int("fmod", fmod)]).run(&[a, b])
    };
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    // The documentation's.
    let (a, b) = (i64s(&[-4, 7, 5, 4, -7, 8]), i64s(&[2, -3, 8, -2, 3, 5]));
    assert_eq!(of(I64, 0, [a.clone(), b.clone()], [&[6], &[6]]), i64s(&[0, -2, 5, 0, 2, 3]));
    assert_eq!(of(I64, 1, [a, b], [&[6], &[6]]), i64s(&[0, 1, 5, 0, -1, 3]));
    let reals = [floats(&[-4.3, 7.2, 5.0, 4.3, -7.2, 8.0]), floats(&[2.1, -3.4, 8.0, -2.1, 3.4, 5.0])];
    let exact = [-4.3f32 % 2.1, 7.2 % -3.4, 5.0, 4.3 % -2.1, -7.2 % 3.4, 3.0];
    assert_eq!(of(F32, 1, reals, [&[6], &[6]]), floats(&exact));
    let broadcast = [Data::I32(vec![0, 1, 2, 3, 4, 5]), Data::I32(vec![3])];
    assert_eq!(of(I32, 0, broadcast, [&[2, 3], &[1]]), Data::I32(vec![0, 1, 2, 0, 1, 2]));
    // What ONNX leaves open.
    let ends = || [i64s(&[5, i64::MIN]), i64s(&[0, -1])];
    assert_eq!([of(I64, 0, ends(), [&[2], &[2]]), of(I64, 1, ends(), [&[2], &[2]])], [i64s(&[0, 0]), i64s(&[0, 0])]);
    let known = Builder::new(13).constant("a", &[2], i64s(&[-7, 7])).constant("b", &[1], i64s(&[4]));
    assert_eq!(folded(&known.node("Mod", "a b", "y", vec![]), (I64, &[2])), i64s(&[1, 3]));
}

#[test]
fn any_number_of_operands_is_a_chain() {
    let of = |op: &str, operands: &str| {
        let mut model = Builder::new(13).output("y", F32, &[2]).node(op, operands, "y", vec![]);
        for (name, dims) in [("a", &[2][..]), ("b", &[1]), ("c", &[2])] {
            model = model.input(name, F32, dims);
        }
        model.run(&[floats(&[1.0, 5.0]), floats(&[3.0]), floats(&[2.0, -1.0])])
    };
    assert_eq!(of("Max", "a b c"), floats(&[3.0, 5.0]));
    assert_eq!(of("Min", "a b c a"), floats(&[1.0, -1.0]));
    assert_eq!(of("Sum", "a b c"), floats(&[6.0, 7.0]));
    assert_eq!(of("Sum", "a c"), floats(&[3.0, 4.0]));
    assert_eq!(of("Max", "a"), floats(&[1.0, 5.0]));
    let none = Builder::new(13).input("a", F32, &[2]).output("y", F32, &[2]).node("Sum", "", "y", vec![]);
    assert!(none.problems().contains("Add node \"make_y\": has 0 operands, expected 2"), "{}", none.problems());
    let left_out = Builder::new(13).input("a", F32, &[2]).output("y", F32, &[2]).node("Sum", "a - a", "y", vec![]);
    assert!(left_out.problems().contains("operand B is left out"), "{}", left_out.problems());
}

#[test]
fn comparisons_and_choices() {
    let [a, b] = [(&[3i64][..], floats(&[1.0, 2.0, f32::NAN])), (&[1i64][..], floats(&[2.0]))];
    let of = |op: &str| binary(op, F32, [a.clone(), b.clone()], (BOOL, &[3]));
    assert_eq!(of("Less"), Data::Bool(vec![1, 0, 0]));
    assert_eq!(of("LessOrEqual"), Data::Bool(vec![1, 1, 0]));
    assert_eq!(of("Greater"), Data::Bool(vec![0, 0, 0]));
    assert_eq!(of("GreaterOrEqual"), Data::Bool(vec![0, 1, 0]));
    assert_eq!(of("Equal"), Data::Bool(vec![0, 1, 0]));
    let choose = Builder::new(16)
        .input("c", BOOL, &[2, 1])
        .input("x", I8, &[2])
        .output("z", I8, &[2, 2])
        .constant("minus", &[], Data::I8(vec![-1]))
        .node("Where", "c x minus", "z", vec![]);
    assert_eq!(choose.run(&[Data::Bool(vec![1, 0]), Data::I8(vec![7, 8])]), Data::I8(vec![7, 8, -1, -1]));
}

#[test]
fn what_is_no_number_and_what_is_infinite() {
    let of = |op: &str, attributes: Vec<Attribute>| {
        let model = Builder::new(20).input("x", F32, &[5]).output("y", BOOL, &[5]).node(op, "x", "y", attributes);
        model.run(&[floats(&[-1.2, f32::NAN, f32::INFINITY, 2.8, f32::NEG_INFINITY])])
    };
    assert_eq!(of("IsNaN", vec![]), Data::Bool(vec![0, 1, 0, 0, 0]));
    assert_eq!(of("IsInf", vec![]), Data::Bool(vec![0, 0, 1, 0, 1]));
    assert_eq!(of("IsInf", vec![int("detect_negative", 0)]), Data::Bool(vec![0, 0, 1, 0, 0]));
    assert_eq!(of("IsInf", vec![int("detect_positive", 0)]), Data::Bool(vec![0, 0, 0, 0, 1]));
    let neither = vec![int("detect_positive", 0), int("detect_negative", 0)];
    assert_eq!(of("IsInf", neither), Data::Bool(vec![0; 5]));
}

#[test]
fn groups_of_channels_are_normalised() {
    // Two groups of two channels of two pixels: means 2 and 20, deviations sqrt(5) and sqrt(125).
    let x = floats(&[-1.0, 1.0, 3.0, 5.0, 5.0, 15.0, 25.0, 35.0]);
    let run = |opset: i64, parameters: i64, scale: &[f32], bias: &[f32]| {
        let model = Builder::new(opset).input("x", F32, &[1, 4, 2]).output("y", F32, &[1, 4, 2]);
        let model = model.constant("s", &[parameters], floats(scale)).constant("b", &[parameters], floats(bias));
        let attributes = vec![int("num_groups", 2), float("epsilon", 0.0)];
        let Data::F32(y) = model.node("GroupNormalization", "x s b", "y", attributes).run(std::slice::from_ref(&x))
        else {
            panic!("no floats")
        };
        y
    };
    let unit = [-3.0f32, -1.0, 1.0, 3.0].map(|x| x / 5f32.sqrt());
    let wide = [-15.0f32, -5.0, 5.0, 15.0].map(|x| x / 125f32.sqrt());
    let expected = |scale: [f32; 4], bias: [f32; 4]| -> Vec<f32> {
        let channels = unit.iter().chain(&wide).enumerate();
        channels.map(|(at, x)| x * scale[at / 2] + bias[at / 2]).collect()
    };
    let groups = run(18, 2, &[2.0, -3.0], &[0.5, 0.25]);
    assert_eq!(groups, expected([2.0, 2.0, -3.0, -3.0], [0.5, 0.5, 0.25, 0.25]));
    let channels = run(21, 4, &[2.0, -3.0, 0.5, 7.0], &[0.5, 0.25, 1.0, -1.0]);
    assert_eq!(channels, expected([2.0, -3.0, 0.5, 7.0], [0.5, 0.25, 1.0, -1.0]));
    let told = |opset: i64, groups: i64, parameters: i64| {
        let model = Builder::new(opset).input("x", F32, &[1, 4, 2]).output("y", F32, &[1, 4, 2]);
        let model = model.constant("s", &[parameters], floats(&vec![1.0; parameters.try_into().unwrap()]));
        model.node("GroupNormalization", "x s s", "y", vec![int("num_groups", groups)]).problems()
    };
    assert!(told(18, 2, 4).contains("scale has shape [4], expected [2]"), "{}", told(18, 2, 4));
    assert!(told(21, 2, 2).contains("scale has shape [2], expected [4]"), "{}", told(21, 2, 2));
    assert!(told(21, 3, 4).contains("expected channels for 3 groups"), "{}", told(21, 3, 4));
    assert!(told(21, 0, 4).contains("attribute num_groups is 0, expected at least 1"), "{}", told(21, 0, 4));
}

#[test]
fn clips_of_every_opset() {
    let x = floats(&[f32::NEG_INFINITY, -2.0, 0.5, 9.0]);
    let old = |attributes| {
        Builder::new(10)
            .input("x", F32, &[4])
            .output("y", F32, &[4])
            .node("Clip", "x", "y", attributes)
            .run(std::slice::from_ref(&x))
    };
    assert_eq!(old(vec![float("min", -1.0), float("max", 6.0)]), floats(&[-1.0, -1.0, 0.5, 6.0]));
    assert_eq!(old(vec![float("max", 6.0)]), floats(&[f32::MIN, -2.0, 0.5, 6.0]));
    let new = |operands: &str| {
        let model = Builder::new(13).input("x", F32, &[4]).output("y", F32, &[4]);
        model.f32("low", -1.0).f32("high", 6.0).node("Clip", operands, "y", vec![]).run(std::slice::from_ref(&x))
    };
    assert_eq!(new("x low high"), floats(&[-1.0, -1.0, 0.5, 6.0]));
    assert_eq!(new("x - high"), floats(&[f32::NEG_INFINITY, -2.0, 0.5, 6.0]));
    assert_eq!(new("x low"), floats(&[-1.0, -1.0, 0.5, 9.0]));
    assert_eq!(new("x"), x);
    // A bound that only a run brings.
    let late = Builder::new(13).input("x", U8, &[3]).input("low", U8, &[]).output("y", U8, &[3]).node(
        "Clip",
        "x low",
        "y",
        vec![],
    );
    assert_eq!(late.run(&[Data::U8(vec![1, 5, 200]), Data::U8(vec![4])]), Data::U8(vec![4, 5, 200]));
}

#[test]
fn elements_keep_the_order_of_images() {
    // A pool makes [1, 2, 2, 1] with channels last; the addend, in C order, has to follow it, and a scalar need not.
    let model = Builder::new(13)
        .input("x", U8, &[1, 2, 2, 1])
        .output("y", F32, &[1, 2, 2, 1])
        .f32("s", 1.0)
        .u8("z", 0)
        .f32("half", 0.5)
        .f32("limit", 15.0)
        .constant("scale", &[2], floats(&[1.0, 2.0]))
        .constant("bias", &[2], floats(&[0.0, 1.0]))
        .constant("mean", &[2], floats(&[0.0, 2.0]))
        .constant("variance", &[2], floats(&[4.0, 0.25]))
        .constant("addend", &[1, 2, 2, 1], floats(&[10.0, 20.0, 30.0, 40.0]))
        .node("MaxPool", "x", "p", vec![ints("kernel_shape", &[1, 1])])
        .node("DequantizeLinear", "p s z", "f", vec![])
        .node("Neg", "f", "n", vec![])
        .node("Add", "n addend", "a", vec![])
        .node("Mul", "half a", "m", vec![])
        .node("Clip", "m - limit", "c", vec![])
        .node("BatchNormalization", "c scale bias mean variance", "y", vec![float("epsilon", 0.0)]);
    // x = 1 2 3 4 -> 9 18 27 36 -> 4.5 9 13.5 18 -> the last 15
    assert_eq!(model.run(&[Data::U8(vec![1, 2, 3, 4])]), floats(&[2.25, 4.5, 47.0, 53.0]));
}

fn reduced(opset: i64, op: &str, attributes: Vec<Attribute>, axes: Option<&[i64]>, dims: &[i64]) -> Data {
    let mut model = Builder::new(opset).input("x", F32, &[2, 3]).output("y", F32, dims);
    if let Some(axes) = axes {
        model = model.constant("axes", &[i64::try_from(axes.len()).unwrap()], Data::I64(axes.to_vec()));
    }
    let operands = if axes.is_some() { "x axes" } else { "x" };
    model.node(op, operands, "y", attributes).run(&[floats(&[1.0, -2.0, 4.0, 0.0, 8.0, -16.0])])
}

#[test]
fn reductions_of_every_opset() {
    let rows = || vec![ints("axes", &[-1]), int("keepdims", 0)];
    assert_eq!(reduced(13, "ReduceMean", rows(), None, &[2]), floats(&[1.0, -8.0 / 3.0]));
    assert_eq!(reduced(11, "ReduceSum", rows(), None, &[2]), floats(&[3.0, -8.0]));
    assert_eq!(reduced(13, "ReduceSum", vec![int("keepdims", 0)], Some(&[1]), &[2]), floats(&[3.0, -8.0]));
    assert_eq!(reduced(18, "ReduceMax", vec![], Some(&[0]), &[1, 3]), floats(&[1.0, 8.0, 4.0]));
    assert_eq!(reduced(18, "ReduceMin", vec![], Some(&[1]), &[2, 1]), floats(&[-2.0, -16.0]));
    assert_eq!(reduced(18, "ReduceL1", vec![], None, &[1, 1]), floats(&[31.0]));
    assert_eq!(reduced(13, "ReduceL2", rows(), None, &[2]), floats(&[21f32.sqrt(), 320f32.sqrt()]));
    assert_eq!(reduced(13, "ReduceProd", rows(), None, &[2]), floats(&[-8.0, 0.0]));
    assert_eq!(reduced(13, "ReduceSumSquare", rows(), None, &[2]), floats(&[21.0, 320.0]));
    let all = floats(&[1.0, -2.0, 4.0, 0.0, 8.0, -16.0]);
    let none = || vec![int("noop_with_empty_axes", 1)];
    assert_eq!(reduced(18, "ReduceMean", none(), None, &[2, 3]), all);
    assert_eq!(reduced(18, "ReduceSum", none(), Some(&[]), &[2, 3]), all);
    assert_eq!(reduced(18, "ReduceSum", vec![], Some(&[]), &[1, 1]), floats(&[-5.0]));
    let bytes = Builder::new(13).input("x", U8, &[2, 2]).output("y", U8, &[2]).node(
        "ReduceMax",
        "x",
        "y",
        vec![ints("axes", &[0]), int("keepdims", 0)],
    );
    assert_eq!(bytes.run(&[Data::U8(vec![1, 200, 3, 4])]), Data::U8(vec![3, 200]));
}

#[test]
fn where_the_greatest_and_the_least_are() {
    let of = |op: &str, attributes: Vec<Attribute>, x: &[f32]| {
        let model = Builder::new(13).input("x", F32, &[2, 3]).output("y", I64, &[2]);
        let Data::I64(y) =
            model.node(op, "x", "y", [attributes, vec![int("axis", 1), int("keepdims", 0)]].concat()).run(&[floats(x)])
        else {
            panic!("indices are of s64")
        };
        y
    };
    let x = [1.0, 7.0, 7.0, -1.0, -1.0, 5.0];
    assert_eq!(of("ArgMax", vec![], &x), [1, 2]);
    assert_eq!(of("ArgMax", vec![int("select_last_index", 1)], &x), [2, 2]);
    assert_eq!(of("ArgMin", vec![], &x), [0, 0]);
    assert_eq!(of("ArgMin", vec![int("select_last_index", 1)], &x), [0, 1]);
    let x = [1.0, f32::NAN, f32::NAN, f32::NAN, -1.0, 5.0];
    assert_eq!(of("ArgMax", vec![], &x), [1, 0]);
    assert_eq!(of("ArgMin", vec![int("select_last_index", 1)], &x), [2, 0]);
    let columns = Builder::new(13).input("x", I8, &[2, 3]).output("y", I64, &[1, 3]).node("ArgMax", "x", "y", vec![]);
    assert_eq!(columns.run(&[Data::I8(vec![1, 2, 3, 3, -2, 3])]), Data::I64(vec![1, 0, 0]));
}

/// `(x - mean) / sqrt(variance + epsilon)`, in f64.
fn normal(x: &[f32], epsilon: f64) -> Vec<f64> {
    let count = x.len() as f64;
    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    x.iter().map(|&x| (f64::from(x) - mean) / (variance + epsilon).sqrt()).collect()
}

fn assert_near(y: &Data, expected: &[f64]) {
    let Data::F32(y) = y else { panic!("another type: {y:?}") };
    assert_eq!(y.len(), expected.len());
    for (y, expected) in y.iter().zip(expected) {
        assert!((f64::from(*y) - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{y}, expected {expected}");
    }
}

#[test]
fn layers_are_normalised() {
    let x = [1.0f32, 2.5, -3.0, 4.0, 0.25, 0.5, 0.125, -8.0];
    let (scale, bias) = ([1.0f32, 2.0, 0.5, -1.0], [0.5f32, 0.0, -1.0, 3.0]);
    let model = |axis: i64, operands: &str| {
        Builder::new(17)
            .input("x", F32, &[2, 2, 2])
            .output("y", F32, &[2, 2, 2])
            .constant("scale", &[2, 2], floats(&scale))
            .constant("bias", &[1, 2, 2], floats(&bias))
            .constant("rows", &[2], floats(&[2.0, -3.0]))
            .f32("one", 1.5)
            .node("LayerNormalization", operands, "y", vec![int("axis", axis), float("epsilon", 0.01)])
    };
    let mut expected = Vec::new();
    for x in x.chunks(4) {
        let parameters = scale.iter().zip(&bias);
        expected.extend(normal(x, 0.01).iter().zip(parameters).map(|(x, (s, b))| x * f64::from(*s) + f64::from(*b)));
    }
    assert_near(&model(1, "x scale bias").run(&[floats(&x)]), &expected);
    let rows: Vec<f64> = x.chunks(2).flat_map(|x| normal(x, 0.01)).collect();
    let scaled: Vec<f64> = rows.iter().zip([2.0, -3.0].iter().cycle()).map(|(x, scale)| x * scale).collect();
    assert_near(&model(-1, "x rows").run(&[floats(&x)]), &scaled);
    let scaled: Vec<f64> = rows.iter().map(|x| x * 1.5).collect();
    assert_near(&model(2, "x one").run(&[floats(&x)]), &scaled);
    let told = model(0, "x scale").problems();
    assert!(told.contains("Scale has shape [2, 2], expected that of the normalised axes, [2, 2, 2]"), "{told}");
    // All equal: nothing is left but the bias, whatever the scale.
    assert_eq!(model(1, "x scale bias").run(&[floats(&[2.0; 8])]), floats(&[bias, bias].concat()));
}

#[test]
fn the_steps_of_a_normalisation_are_those_stated() {
    let x = [0.1f32, 0.2, 0.7];
    let model = Builder::new(17)
        .input("x", F32, &[3])
        .output("y", F32, &[3])
        .constant("scale", &[3], floats(&[0.3, 0.6, 0.9]))
        .constant("bias", &[3], floats(&[0.7, 0.8, 0.9]))
        .node("LayerNormalization", "x scale bias", "y", vec![]);
    let mean = ((x[0] + x[1]) + x[2]) / 3.0;
    let d = x.map(|x| x - mean);
    let deviation = (((d[0] * d[0] + d[1] * d[1]) + d[2] * d[2]) / 3.0 + 1e-5).sqrt();
    let expected = [d[0] / deviation * 0.3 + 0.7, d[1] / deviation * 0.6 + 0.8, d[2] / deviation * 0.9 + 0.9];
    assert_eq!(model.run(&[floats(&x)]), floats(&expected));
}

#[test]
fn roots_of_mean_squares() {
    let x = [3.0f32, 4.0, -6.0, 8.0];
    let model = Builder::new(23)
        .input("x", F32, &[2, 2])
        .output("y", F32, &[2, 2])
        .constant("scale", &[2], floats(&[1.0, 2.0]))
        .node("RMSNormalization", "x scale", "y", vec![float("epsilon", 0.0)]);
    let expected: Vec<f64> = x
        .chunks(2)
        .flat_map(|x| {
            let root = ((f64::from(x[0]).powi(2) + f64::from(x[1]).powi(2)) / 2.0).sqrt();
            [f64::from(x[0]) / root, 2.0 * f64::from(x[1]) / root]
        })
        .collect();
    assert_near(&model.run(&[floats(&x)]), &expected);
}

#[test]
fn channels_are_normalised() {
    let x = [1.0f32, 3.0, 10.0, 30.0, -1.0, -3.0, 0.0, 8.0];
    let batch = |opset, attributes: Vec<Attribute>| {
        Builder::new(opset)
            .input("x", F32, &[2, 2, 2])
            .output("y", F32, &[2, 2, 2])
            .constant("s", &[2], floats(&[2.0, 1.0]))
            .constant("b", &[2], floats(&[0.5, -1.0]))
            .constant("m", &[2], floats(&[1.0, 10.0]))
            .constant("v", &[2], floats(&[0.25, 16.0]))
            .node("BatchNormalization", "x s b m v", "y", attributes)
    };
    // (x - 1) / 0.5 * 2 + 0.5 and (x - 10) / 4 - 1
    let expected = [0.5, 8.5, -1.0, 4.0, -7.5, -15.5, -3.5, -1.5];
    let model = batch(10, vec![float("epsilon", 0.0), float("momentum", 0.5)]);
    assert_eq!(model.run(&[floats(&x)]), floats(&expected));
    let model = batch(15, vec![float("epsilon", 0.0), int("training_mode", 0)]);
    assert_eq!(model.run(&[floats(&x)]), floats(&expected));
    let told = batch(15, vec![int("training_mode", 1)]).problems();
    assert!(told.contains("BatchNormalization node \"make_y\": attribute training_mode is 1, expected 0"), "{told}");

    let instance = Builder::new(13)
        .input("x", F32, &[2, 2, 2])
        .output("y", F32, &[2, 2, 2])
        .constant("s", &[2], floats(&[2.0, 1.0]))
        .constant("b", &[2], floats(&[0.5, -1.0]))
        .node("InstanceNormalization", "x s b", "y", vec![float("epsilon", 0.5)]);
    let parameters = [(2.0, 0.5), (1.0, -1.0)];
    let expected: Vec<f64> = x
        .chunks(2)
        .zip(parameters.iter().cycle())
        .flat_map(|(x, (s, b))| normal(x, 0.5).into_iter().map(move |x| x * s + b))
        .collect();
    assert_near(&instance.run(&[floats(&x)]), &expected);
}

#[test]
fn arithmetic_of_shapes_folds() {
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    // [batch, 2 * height - 1, sign of width - height, channels] of a shape.
    let model = Builder::new(18)
        .constant("image", &[1, 6, 4, 5], floats(&[0.0; 120]))
        .constant("two", &[], i64s(&[2]))
        .constant("one", &[1], i64s(&[1]))
        .constant("h", &[1], i64s(&[2]))
        .constant("w", &[1], i64s(&[3]))
        .constant("axis", &[1], i64s(&[0]))
        .node("Shape", "image", "shape", vec![])
        .node("Gather", "shape h", "height", vec![])
        .node("Gather", "shape w", "width", vec![])
        .node("Mul", "height two", "twice", vec![])
        .node("Sub", "twice one", "less", vec![])
        .node("Sub", "width height", "wider", vec![])
        .node("Neg", "wider", "narrower", vec![])
        .node("Greater", "narrower axis", "is", vec![])
        .node("Where", "is less width", "chosen", vec![])
        .node("ReduceProd", "shape axis", "elements", vec![])
        .node("Div", "elements two", "half", vec![])
        .node("Max", "less width one", "most", vec![])
        .node("Concat", "twice less narrower chosen half most", "y", vec![int("axis", 0)]);
    assert_eq!(folded(&model, (I64, &[6])), i64s(&[8, 7, -1, 5, 60, 7]));
}

#[test]
fn tensors_made_of_numbers_fold() {
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    let value = |data| {
        let r#type = AttributeType::Tensor.into();
        Attribute { name: "value".into(), t: Some(tensor("", &[1], data)), r#type, ..Attribute::default() }
    };
    let model = Builder::new(18).constant("to", &[2], i64s(&[2, 3])).node(
        "ConstantOfShape",
        "to",
        "y",
        vec![value(Data::I32(vec![7]))],
    );
    assert_eq!(folded(&model, (I32, &[2, 3])), Data::I32(vec![7; 6]));
    let model = Builder::new(18).constant("to", &[1], i64s(&[2])).node("ConstantOfShape", "to", "y", vec![]);
    assert_eq!(folded(&model, (F32, &[2])), floats(&[0.0; 2]));
    let range = |[start, limit, delta]: [Data; 3]| {
        let model = Builder::new(18).constant("a", &[], start).constant("b", &[], limit).constant("c", &[], delta);
        model.node("Range", "a b c", "y", vec![])
    };
    let model = range([i64s(&[10]), i64s(&[3]), i64s(&[-3])]);
    assert_eq!(folded(&model, (I64, &[3])), i64s(&[10, 7, 4]));
    let model = range([floats(&[0.5]), floats(&[1.5]), floats(&[0.375])]);
    assert_eq!(folded(&model, (F32, &[3])), floats(&[0.5, 0.875, 1.25]));
}

#[test]
fn scales_computed_in_the_graph_are_constants() {
    let model = Builder::new(13)
        .input("x", U8, &[3])
        .output("y", F32, &[3])
        .f32("s", 3.0)
        .f32("half", 0.5)
        .f32("limit", 1.25)
        .u8("z", 2)
        .node("Mul", "s half", "scale", vec![])
        .node("Clip", "scale - limit", "clipped", vec![])
        .node("DequantizeLinear", "x clipped z", "y", vec![]);
    assert_eq!(model.run(&[Data::U8(vec![0, 2, 4])]), floats(&[-2.5, 0.0, 2.5]));
    let plan = support::plan(&model.bytes()).unwrap();
    assert!(plan.made().iter().all(|made| !made.kernel.contains("each run")), "{:?}", plan.made());
}

#[test]
fn what_is_folded_and_what_is_run_are_the_same() {
    let x: Vec<f32> = (-20..20).map(|at| at as f32 * 0.173).collect();
    for op in ["Gelu", "Sigmoid", "Exp", "Tanh", "Selu", "HardSwish", "Relu"] {
        let model = Builder::new(20).constant("x", &[40], floats(&x)).node(op, "x", "y", vec![]);
        assert_eq!(folded(&model, (F32, &[40])), floats(&unary(op, vec![], &x)), "{op}");
    }
}

/// A graph of one table, which no file has.
fn lookup(x_type: Type, table: Constant) -> Graph {
    let mut graph = Graph::default();
    let x = Tensor { type_: Some(x_type), shape: Some(vec![2, 2]), ..Tensor::named("x") };
    let (x, table, y) = (graph.add(x), graph.add(Tensor::constant("table", table)), graph.add(Tensor::named("y")));
    graph.nodes.push(Node::new(Op::Lookup, vec![Some(x), Some(table)], y));
    (graph.inputs, graph.outputs) = (vec![x], vec![y]);
    graph
}

#[test]
fn tables_are_looked_up_by_bytes() {
    // -byte, as a value of the other type.
    let bytes: Vec<u8> = (0..=255u8).map(u8::wrapping_neg).collect();
    let signed = bytes.iter().map(|byte| byte.cast_signed()).collect();
    let run = |x: Data, table: Data| {
        let mut graph = lookup(x.type_(), Constant::new(vec![256], table).unwrap());
        passes::prepare(&mut graph, &passes::Options::default()).unwrap();
        let mut results = support::tiers().into_iter().map(|backend| {
            let mut session = support::session(&graph, &backend, 1);
            session.set_input(0, &x).unwrap();
            session.run().unwrap();
            support::owned(session.output(0).unwrap())
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first));
        first
    };
    assert_eq!(run(Data::I8(vec![-128, -1, 0, 5]), Data::U8(bytes)), Data::U8(vec![128, 1, 0, 251]));
    assert_eq!(run(Data::U8(vec![0, 1, 128, 255]), Data::I8(signed)), Data::I8(vec![0, -1, -128, 1]));

    let told = |x, table| {
        let mut graph = lookup(x, table);
        passes::prepare(&mut graph, &passes::Options::default()).unwrap_err().to_string()
    };
    let short = Constant::new(vec![255], Data::U8(vec![0; 255])).unwrap();
    assert!(told(Type::U8, short).contains("table has shape [255], expected [256]"));
    let wide = Constant::new(vec![256], Data::I32(vec![0; 256])).unwrap();
    assert!(told(Type::U8, wide.clone()).contains("table is int32, expected uint8 or int8"));
    assert!(told(Type::F32, wide).contains("x is float32, expected uint8 or int8"));
}

#[test]
fn nothing_is_normalised_or_reduced_of_nothing() {
    let empty = |op: &str, operands: &str, dims: &[i64], y: &[i64]| {
        Builder::new(17)
            .input("x", F32, dims)
            .output("y", F32, y)
            .constant("s", &[2], floats(&[1.0, 2.0]))
            .constant("none", &[0], floats(&[]))
            .node(op, operands, "y", vec![])
            .run(&[floats(&[])])
    };
    assert_eq!(empty("LayerNormalization", "x s", &[0, 2], &[0, 2]), floats(&[]));
    assert_eq!(empty("LayerNormalization", "x none", &[2, 0], &[2, 0]), floats(&[]));
    assert_eq!(empty("InstanceNormalization", "x s s", &[1, 2, 0], &[1, 2, 0]), floats(&[]));
    assert_eq!(empty("BatchNormalization", "x s s s s", &[1, 2, 0], &[1, 2, 0]), floats(&[]));
    assert_eq!(empty("BatchNormalization", "x none none none none", &[1, 0, 3], &[1, 0, 3]), floats(&[]));
    assert_eq!(empty("ReduceSum", "x", &[2, 0], &[1, 1]), floats(&[0.0]));
    assert_eq!(empty("Relu", "x", &[2, 0], &[2, 0]), floats(&[]));
    assert_eq!(empty("Mul", "x x", &[2, 0], &[2, 0]), floats(&[]));
}

#[test]
fn bad_input_is_named() {
    let of = |type_: i32, op: &str, operands: &str, attributes: Vec<Attribute>| {
        Builder::new(18)
            .input("x", type_, &[2, 3])
            .input("b", BOOL, &[2, 3])
            .output("y", type_, &[2, 3])
            .constant("f", &[2], floats(&[1.0, 2.0]))
            .constant("zero", &[1], Data::I64(vec![0]))
            .constant("axis", &[1], Data::I64(vec![2]))
            .constant("empty", &[2, 0, 1], floats(&[]))
            .constant("huge", &[2], Data::I64(vec![1 << 20, 1 << 20]))
            .constant("below", &[1], Data::I64(vec![-1]))
            .node(op, operands, "y", attributes)
            .problems()
    };
    let cases = [
        (of(U8, "Exp", "x", vec![]), "unsupported: Exp node \"make_y\": x is uint8, expected float32"),
        (of(U8, "Add", "x x", vec![]), "A is uint8, expected float32 or int32 or int64"),
        (of(I64, "IsNaN", "x", vec![]), "X is int64, expected float32"),
        (of(F32, "And", "x x", vec![]), "A is float32, expected bool"),
        (of(F32, "Not", "x", vec![]), "x is float32, expected bool"),
        (of(BOOL, "Abs", "x", vec![]), "x is bool, expected float32 or int32 or int64"),
        (of(F32, "Add", "x zero", vec![]), "A is float32, but B int64"),
        (of(F32, "Mul", "x f", vec![]), "shapes [2, 3] and [2] do not broadcast"),
        (of(F32, "PRelu", "f x", vec![]), "shapes [2] and [2, 3] do not broadcast"),
        (of(F32, "Where", "x x x", vec![]), "condition is float32, expected bool"),
        (of(F32, "Where", "b x zero", vec![]), "X is float32, but Y int64"),
        (of(F32, "Equal", "x b", vec![]), "A is float32, but B bool"),
        (of(F32, "Clip", "x f", vec![]), "min has shape [2], expected one element"),
        (of(F32, "Clip", "x - zero", vec![]), "input is float32, but max int64"),
        (of(F32, "ReduceSum", "x axis", vec![]), "axis 2 is outside -2..2"),
        (of(F32, "ReduceMean", "x", vec![ints("axes", &[0])]), "unknown attributes: axes"),
        (of(F32, "ReduceMean", "x", vec![int("keepdims", 2)]), "attribute keepdims is 2, expected 0 or 1"),
        (of(U8, "ReduceMean", "x", vec![]), "data is uint8, expected float32 or int32 or int64"),
        (of(F32, "ArgMax", "x", vec![int("axis", -3)]), "axis -3 is outside -2..2"),
        (of(F32, "ArgMax", "empty", vec![int("axis", 1)]), "axis 1 of [2, 0, 1] has no element to choose"),
        (of(F32, "Gelu", "x", vec![string("approximate", "fast")]), "approximate is \"fast\", expected \"none\""),
        (
            of(F32, "LayerNormalization", "x f", vec![]),
            "Scale has shape [2], expected that of the normalised axes, [3]",
        ),
        (of(F32, "LayerNormalization", "x f", vec![int("stash_type", 11)]), "stash_type is 11, expected 1"),
        (of(F32, "LayerNormalization", "x f", vec![int("axis", 2)]), "axis 2 is outside -2..2"),
        (of(F32, "BatchNormalization", "x f f f f", vec![]), "scale has shape [2], expected [3]"),
        (of(F32, "BatchNormalization", "f f f f f", vec![]), "X has shape [2], expected at least two axes"),
        (of(F32, "InstanceNormalization", "x x x", vec![]), "scale has shape [2, 3], expected [3]"),
        (of(F32, "ConstantOfShape", "x", vec![]), "the shape: only known at run time"),
        (of(F32, "ConstantOfShape", "huge", vec![]), "too large: ConstantOfShape node \"make_y\""),
        (of(F32, "ConstantOfShape", "below", vec![]), "the shape is [-1], expected sizes"),
        (of(I64, "Range", "zero axis zero", vec![]), "delta is 0, which leads nowhere"),
        (of(I64, "Range", "zero axis x", vec![]), "delta is only known at run time"),
        (of(F32, "Mod", "x x", vec![]), "A is float32, expected int32 or int64"),
        (of(I64, "Mod", "axis zero", vec![]), "invalid: Mod node \"make_y\": divides an integer by 0"),
        (of(I64, "Mod", "axis axis", vec![int("fmod", 2)]), "attribute fmod is 2, expected 0 or 1"),
        (of(I64, "Div", "axis zero", vec![]), "invalid: Div node \"make_y\": divides an integer by 0"),
    ];
    for (told, expected) in cases {
        assert!(told.contains(expected), "expected \"{expected}\", came \"{told}\"");
    }
}

#[test]
fn integers_of_16_bits_have_an_order() {
    let (u16s, i16s) = (4, 5);
    let (x, y) = ([3, 700, 65_000, 0], [-30_000, -1, 0, 30_000]);
    let model = Builder::new(13).input("x", u16s, &[4]).output("y", u16s, &[4]);
    let model = model.constant("a", &[], Data::U16(vec![3])).constant("b", &[], Data::U16(vec![1000]));
    let clipped = model.clone().node("Clip", "x a b", "y", vec![]).run(&[Data::U16(x.to_vec())]);
    assert_eq!(clipped, Data::U16(vec![3, 700, 1000, 3]));
    let greatest = model.node("Max", "b x", "y", vec![]).run(&[Data::U16(x.to_vec())]);
    assert_eq!(greatest, Data::U16(vec![1000, 1000, 65_000, 1000]));
    let model = Builder::new(13).input("x", i16s, &[4]).constant("a", &[], Data::I16(vec![-1]));
    let less = model.output("y", BOOL, &[4]).node("Less", "x a", "y", vec![]).run(&[Data::I16(y.to_vec())]);
    assert_eq!(less, Data::Bool(vec![1, 0, 0, 0]));
    // What is known is computed while planning.
    let folded = Builder::new(13).output("y", i16s, &[4]).constant("a", &[4], Data::I16(y.to_vec()));
    let folded = folded.constant("b", &[], Data::I16(vec![-1])).node("Min", "a b", "y", vec![]);
    assert_eq!(folded.run(&[]), Data::I16(vec![-30_000, -1, -1, -1]));
}
