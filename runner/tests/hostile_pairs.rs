//! Graphs with pairs that are broken, by accident or on purpose: an error that says where and why, or the right answer,
//! with the passes and without.

mod support;

use support::{Builder, F32, Random, U8, folder, int, models, owned, set_data};
use zeropoint::Backend;
use zeropoint_runner::exec::{Limits, Plan, Session};
use zeropoint_runner::formats::onnx;
use zeropoint_runner::formats::onnx::proto::{StringStringEntryProto, TensorProto};
use zeropoint_runner::graph::Data;
use zeropoint_runner::passes::{self, Options, Semantics};

/// Every way to prepare a graph.
fn ways() -> [Options; 5] {
    let options = Options::default();
    let literal = options.semantics(Semantics::Literal);
    [options, options.fuse(false), literal, literal.fuse(false), options.keep(true)]
}

/// What the bytes answer, or why they do not.
fn answer(bytes: &[u8], inputs: &[Data], options: &Options) -> Result<Vec<Data>, String> {
    let (mut graph, mut problems) = onnx::parse(bytes, None);
    passes::run(&mut graph, options, &mut problems);
    problems.into_result().map_err(|error| error.to_string())?;
    let plan = Plan::new(&graph, &Backend::best(), Limits::default()).map_err(|error| error.to_string())?;
    let mut session = Session::new(plan, 1).map_err(|error| error.to_string())?;
    for (at, data) in inputs.iter().enumerate() {
        set_data(&mut session, at, data);
    }
    session.run().map_err(|error| error.to_string())?;
    let outputs = session.plan().output_tensors().len();
    Ok((0..outputs).map(|at| owned(session.output(at).unwrap())).collect())
}

/// The same answer by all ways.
fn answers(model: &Builder, inputs: &[Data]) -> Result<Vec<Data>, String> {
    let [first, others @ ..] = ways();
    let expected = answer(&model.bytes(), inputs, &first);
    for options in others {
        let got = answer(&model.bytes(), inputs, &options);
        assert_eq!(got, expected, "{options:?}");
    }
    expected
}

/// `x → Q → DQ → Conv → Relu → Q → DQ → y`, with scales of output channels and a bias of s32.
fn network() -> Builder {
    Builder::new(21)
        .input("x", F32, &[1, 2, 3, 3])
        .output("y", F32, &[1, 2, 2, 2])
        .f32("xs", 0.5)
        .u8("xz", 128)
        .constant("w", &[2, 2, 2, 2], Data::I8((-8..8).collect()))
        .constant("ws", &[2], Data::F32(vec![0.5, 0.25]))
        .constant("wz", &[2], Data::I8(vec![0, 0]))
        .constant("b", &[2], Data::I32(vec![4, -4]))
        .constant("bs", &[2], Data::F32(vec![0.25, 0.125]))
        .f32("ys", 1.0)
        .u8("yz", 10)
        .node("QuantizeLinear", "x xs xz", "xq", vec![])
        .node("DequantizeLinear", "xq xs xz", "xf", vec![])
        .node("DequantizeLinear", "w ws wz", "wf", vec![int("axis", 0)])
        .node("DequantizeLinear", "b bs", "bf", vec![int("axis", 0)])
        .node("Conv", "xf wf bf", "c", vec![])
        .node("Relu", "c", "r", vec![])
        .node("QuantizeLinear", "r ys yz", "yq", vec![])
        .node("DequantizeLinear", "yq ys yz", "y", vec![])
}

fn x() -> Vec<Data> {
    vec![Data::F32((0..18).map(|at| at as f32 - 8.0).collect())]
}

fn replace(name: &str, dims: &[i64], data: Data) -> Builder {
    let mut model = network();
    let tensors = &mut model.graph().initializer;
    *tensors.iter_mut().find(|tensor| tensor.name == name).unwrap() = support::tensor(name, dims, data);
    model
}

fn change(change: impl FnOnce(&mut Builder)) -> Builder {
    let mut model = network();
    change(&mut model);
    model
}

/// The node that makes a tensor.
fn maker<'a>(model: &'a mut Builder, output: &str) -> &'a mut zeropoint_runner::formats::onnx::proto::NodeProto {
    model.graph().node.iter_mut().find(|node| node.output[0] == output).unwrap()
}

fn f32s(values: &[f32]) -> Data {
    Data::F32(values.to_vec())
}

/// By hand: the sums of the products of `2 (x rounded to halves)` and the weights, in units of 0.25 and 0.125.
#[test]
fn the_network_that_is_broken_below_works_whole() {
    let Ok(answer) = answers(&network(), &x()) else { panic!() };
    let at = |channel: usize, row: usize, column: usize| {
        let mut sum = [1.0, -0.5][channel];
        for (tap, w) in (0..8).map(|tap| (tap, (8 * channel + tap) as f32 - 8.0)) {
            let (input, y, x) = (tap / 4, tap / 2 % 2, tap % 2);
            let pixel = (input * 9 + (row + y) * 3 + column + x) as f32 - 8.0;
            sum += pixel * w * [0.5, 0.25][channel];
        }
        sum.round_ties_even().clamp(0.0, 245.0)
    };
    let expected: Vec<f32> = (0..8).map(|index| at(index / 4, index / 2 % 2, index % 2)).collect();
    assert_eq!(answer, [Data::F32(expected)]);
}

#[test]
fn parameters_that_do_not_fit_are_told_by_node_and_reason() {
    let axis = |output: &'static str, axis| change(|model| maker(model, output).attribute = vec![int("axis", axis)]);
    let cases = [
        (replace("ws", &[3], f32s(&[1.0; 3])), "wf", "x_scale has shape [3], expected [2]"),
        (replace("bs", &[3], f32s(&[1.0; 3])), "bf", "x_scale has shape [3], expected [2]"),
        (replace("xs", &[2, 1], f32s(&[1.0; 2])), "xq", "y_scale has shape [2, 1], expected [2]"),
        (replace("xs", &[0], f32s(&[])), "xq", "y_scale has shape [0], expected [2]"),
        (replace("xz", &[2], Data::U8(vec![0, 0])), "xq", "y_zero_point has 2 values, expected 1"),
        (replace("xz", &[], Data::I32(vec![0])), "xq", "the output is int32, expected"),
        (replace("xz", &[], Data::F32(vec![0.0])), "xq", "the output is float32, expected"),
        (replace("wz", &[2], Data::U8(vec![0, 0])), "wf", "x_zero_point is uint8, expected int8"),
        (replace("wz", &[3], Data::I8(vec![0; 3])), "wf", "x_zero_point has 3 values, expected 1 or 2"),
        (replace("xs", &[], Data::I32(vec![1])), "xq", "y_scale is int32, expected float32"),
        (replace("xs", &[], f32s(&[0.0])), "xq", "y_scale is 0, expected a finite number above 0"),
        (replace("xs", &[], f32s(&[-0.5])), "xq", "y_scale is -0.5"),
        (replace("ys", &[], f32s(&[f32::NAN])), "yq", "y_scale is NaN"),
        (replace("ys", &[], f32s(&[f32::INFINITY])), "yq", "y_scale is inf"),
        (replace("ws", &[2], f32s(&[0.5, 0.0])), "wf", "x_scale is 0"),
        (replace("ws", &[2], f32s(&[0.5, f32::NAN])), "wf", "x_scale is NaN"),
        (replace("bs", &[2], f32s(&[0.5, -1.0])), "bf", "x_scale is -1"),
        (axis("wf", 4), "wf", "axis 4"),
        (axis("wf", -5), "wf", "axis -5"),
        (axis("wf", i64::MAX), "wf", "axis 9223372036854775807"),
        (axis("bf", 1), "bf", "axis 1"),
        (replace("w", &[2, 2, 2], Data::I8(vec![0; 8])), "c", "w [2, 2, 2], expected as many axes"),
        (replace("w", &[2, 3, 2, 2], Data::I8(vec![0; 24])), "c", "do not fit"),
        (replace("w", &[2, 2, 4, 4], Data::I8(vec![0; 64])), "c", "spans 4 positions does not fit the 3"),
        (replace("b", &[3], Data::I32(vec![0; 3])), "bf", "expected [3]"),
    ];
    for (model, node, reason) in cases {
        is_told(&model, node, reason);
    }
}

/// Every way tells the node and the reason, if not in the same words.
fn is_told(model: &Builder, node: &str, reason: &str) {
    for options in ways() {
        let told = answer(&model.bytes(), &x(), &options).expect_err(reason);
        let place = format!("node \"make_{node}\"");
        assert!(told.contains(reason) && told.contains(&place), "expected {node}: {reason}; {options:?} came {told}");
    }
}

#[test]
fn nodes_that_do_not_fit_are_told() {
    let without = |name: &'static str| change(|model| model.graph().initializer.retain(|tensor| tensor.name != name));
    let cases = [
        // A dequantiser of floats, and one of what a dequantiser made; a quantiser of integers.
        (change(|model| maker(model, "xf").input[0] = "x".into()), "xf", "x is float32, expected"),
        (change(|model| maker(model, "y").input[0] = "r".into()), "y", "x is float32, expected"),
        (change(|model| maker(model, "yq").input[0] = "xq".into()), "yq", "x is uint8, expected"),
        // A bias whose zero point is of another type.
        (change(|model| maker(model, "bf").input.push("wz".into())), "bf", "x_zero_point is int8, expected int32"),
        // A pair in a circle, and a longer one.
        (change(|model| maker(model, "xq").input[0] = "xf".into()), "xq", "which is only made later"),
        (change(|model| maker(model, "xq").input[0] = "y".into()), "xq", "which is only made later"),
        // What nobody gives.
        (without("ws"), "wf", "reads \"ws\", which is no input"),
        (without("w"), "wf", "reads \"w\", which is no input"),
        (change(|model| maker(model, "yq").input[1].clear()), "yq", "operand scale is left out"),
        (change(|model| maker(model, "yq").input.truncate(1)), "yq", "has 1 operands, expected"),
        // Integers where the others are floats.
        (change(|model| maker(model, "c").input[1] = "w".into()), "c", "int8"),
        (change(|model| maker(model, "c").input[0] = "xq".into()), "c", "uint8"),
        (change(|model| maker(model, "c").input[2] = "b".into()), "c", "int32"),
    ];
    for (model, node, reason) in cases {
        is_told(&model, node, reason);
    }
}

#[test]
fn a_zero_point_of_another_sign_is_that_of_another_type() {
    // What is quantised has the type of its zero point, and so has what is dequantised.
    let model = replace("xz", &[], Data::I8(vec![0]));
    assert!(answers(&model, &x()).is_ok());
}

/// `x → DQ → Q → y` by scales so large that floats of integers are infinite, and so small that they are 0.
#[test]
fn scales_at_the_ends_of_floats() {
    let model = |from: f32, to: f32| {
        Builder::new(21)
            .input("x", U8, &[4])
            .output("y", U8, &[4])
            .f32("s", from)
            .f32("t", to)
            .u8("z", 3)
            .node("DequantizeLinear", "x s z", "f", vec![])
            .node("QuantizeLinear", "f t z", "y", vec![])
    };
    let x = [Data::U8(vec![0, 3, 4, 255])];
    assert_eq!(answers(&model(1e37, 1e37), &x), Ok(vec![Data::U8(vec![0, 3, 4, 255])]));
    assert_eq!(answers(&model(1e-45, 1e-45), &x), Ok(vec![Data::U8(vec![0, 3, 4, 255])]));
    assert_eq!(answers(&model(1e-45, 1.0), &x), Ok(vec![Data::U8(vec![3, 3, 3, 3])]));
    assert_eq!(answers(&model(1.0, 1e-45), &x), Ok(vec![Data::U8(vec![0, 3, 255, 255])]));
    let x = [Data::U8(vec![1, 3, 4, 5])];
    assert_eq!(answers(&model(2e38, 2e38), &x), Ok(vec![Data::U8(vec![0, 3, 4, 255])]));
}

#[test]
fn operators_whose_factors_are_no_floats() {
    for (op, scales) in [("Mul", [1e30, 1e30, 1.0]), ("Add", [1e30, 1.0, 1e-30]), ("Mul", [1e-30, 1e-30, 1.0])] {
        let [a, b, y] = scales;
        let model = Builder::new(21)
            .input("a", U8, &[3])
            .input("b", U8, &[3])
            .output("y", U8, &[3])
            .f32("as", a)
            .f32("bs", b)
            .f32("ys", y)
            .u8("z", 0)
            .node("DequantizeLinear", "a as z", "af", vec![])
            .node("DequantizeLinear", "b bs z", "bf", vec![])
            .node(op, "af bf", "f", vec![])
            .node("QuantizeLinear", "f ys z", "y", vec![]);
        let inputs = [Data::U8(vec![0, 1, 9]), Data::U8(vec![0, 2, 200])];
        let most = if a < 1.0 { 0 } else { 255 };
        assert_eq!(answers(&model, &inputs), Ok(vec![Data::U8(vec![0, most, most])]), "{op} {scales:?}");
    }
}

#[test]
fn scales_whose_product_is_no_scale() {
    for (x_scale, w_scale) in [(1e-30, 1e-30), (1e30, 1e30)] {
        let mut model = replace("ws", &[2], f32s(&[w_scale; 2]));
        let tensors = &mut model.graph().initializer;
        *tensors.iter_mut().find(|tensor| tensor.name == "xs").unwrap() = support::tensor("xs", &[], f32s(&[x_scale]));
        maker(&mut model, "c").input.truncate(2);
        // By the great ones every input is quantised to 0; of the small ones every sum is too little to be seen.
        assert_eq!(answers(&model, &x()), Ok(vec![f32s(&[0.0; 8])]), "{x_scale}");
    }
}

/// A quantiser makes the least integer of what is no number, and so does the clamp that the passes put behind it.
#[test]
fn what_is_no_number_before_a_clamp() {
    let model = Builder::new(21)
        .input("x", F32, &[4])
        .output("y", U8, &[4])
        .f32("s", 1.0)
        .u8("z", 3)
        .node("Relu", "x", "r", vec![])
        .node("QuantizeLinear", "r s z", "y", vec![]);
    let x = [f32s(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0])];
    for options in ways() {
        let least = if options.fuse { 3 } else { 0 };
        let expected = vec![Data::U8(vec![least, 255, 3, 3])];
        assert_eq!(answer(&model.bytes(), &x, &options), Ok(expected), "{options:?}");
    }
}

#[test]
fn tensors_of_no_elements() {
    for (batch, channels) in [(0, 2), (1, 0)] {
        let (batch, channels) = (batch as i64, channels as i64);
        let mut model = replace("w", &[2, channels, 2, 2], Data::I8(vec![1; 8 * channels as usize]));
        model.graph().input[0] = support::value("x", F32, &[batch, channels, 3, 3]);
        model.graph().output[0] = support::value("y", F32, &[batch, 2, 2, 2]);
        let x = [f32s(&vec![1.0; (batch * channels * 9) as usize])];
        // Products over no channels are the bias: 1 and -0.5, of which the last is clamped.
        let expected = if batch == 0 { vec![] } else { vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] };
        assert_eq!(answers(&model, &x), Ok(vec![Data::F32(expected)]), "{batch} {channels}");
    }
    // No scales are none for an axis of no elements.
    let model = Builder::new(21)
        .input("x", F32, &[2, 0])
        .output("y", U8, &[2, 0])
        .constant("s", &[0], f32s(&[]))
        .constant("z", &[0], Data::U8(vec![]))
        .node("QuantizeLinear", "x s z", "y", vec![]);
    assert_eq!(answers(&model, &[f32s(&[])]), Ok(vec![Data::U8(vec![])]));
}

#[test]
fn huge_sizes_claim_no_memory() {
    let wide = 1 << 40;
    let declared = change(|model| model.graph().initializer[2].dims = vec![wide, 2, 2, 2]);
    let output = change(|model| model.graph().input[0] = support::value("x", F32, &[wide, 2, 3, 3]));
    let wrapping = change(|model| model.graph().input[0] = support::value("x", F32, &[wide, wide, 3, 3]));
    let reshaped = Builder::new(21)
        .input("x", U8, &[4])
        .output("y", U8, &[4, wide])
        .f32("s", 1.0)
        .u8("z", 0)
        .constant("to", &[2], Data::I64(vec![4, wide]))
        .constant("column", &[2], Data::I64(vec![4, 1]))
        .node("DequantizeLinear", "x s z", "f", vec![])
        .node("Reshape", "f column", "c", vec![])
        .node("Expand", "c to", "e", vec![])
        .node("QuantizeLinear", "e s z", "y", vec![]);
    let cases = [
        (declared, "initializer \"w\": int8 [1099511627776, 2, 2, 2] needs 8796093022208 bytes, raw_data has 16"),
        (output, "node \"make_y\": makes \"y\" as float32 [1099511627776, 2, 2, 2], but the file declares"),
        (wrapping, "input \"x\": the sizes [1099511627776, 1099511627776, 3, 3] multiply to more than"),
        (reshaped, "too large: network: needs "),
    ];
    for (model, reason) in cases {
        for options in ways() {
            let (mut graph, mut problems) = onnx::parse(&model.bytes(), None);
            passes::run(&mut graph, &options, &mut problems);
            let told = match problems.into_result() {
                Err(error) => error.to_string(),
                Ok(()) => Plan::new(&graph, &Backend::best(), Limits::default()).err().unwrap().to_string(),
            };
            assert!(told.contains(reason), "expected {reason}, came {told}");
        }
    }
}

#[test]
fn external_data_stays_in_the_folder() {
    let folder = folder("external_pairs");
    std::fs::write(folder.join("weights"), (0..16).collect::<Vec<u8>>()).unwrap();
    std::fs::write(folder.parent().unwrap().join("external_secret"), [1; 16]).unwrap();
    let model = |location: &str| {
        change(|model| {
            let entry = StringStringEntryProto { key: "location".into(), value: location.into() };
            let w = model.graph().initializer.iter_mut().find(|tensor| tensor.name == "w").unwrap();
            *w = TensorProto { data_location: 1, external_data: vec![entry], raw_data: None, ..w.clone() };
        })
    };
    for options in ways() {
        let told = |location: &str| {
            let (mut graph, mut problems) = onnx::parse(&model(location).bytes(), Some(&folder));
            passes::run(&mut graph, &options, &mut problems);
            problems.into_result().err().map_or_else(String::new, |error| error.to_string())
        };
        assert_eq!(told("weights"), "");
        let outside = told("../external_secret");
        assert!(outside.contains("initializer \"w\"") && outside.ends_with("has to be inside the model's folder"));
        assert!(told("nothing").contains("initializer \"w\": external data \"nothing\""), "{}", told("nothing"));
    }
}

/// Scales that a node makes are scales of a run; the passes leave such pairs where they are.
#[test]
fn a_scale_of_a_run() {
    let model = Builder::new(21)
        .input("x", U8, &[4])
        .input("a", F32, &[])
        .output("y", U8, &[4])
        .f32("s", 0.5)
        .u8("z", 3)
        .node("Add", "a s", "made", vec![])
        .node("DequantizeLinear", "x made z", "f", vec![])
        .node("Relu", "f", "r", vec![])
        .node("QuantizeLinear", "r made z", "y", vec![]);
    let x = Data::U8(vec![0, 3, 4, 255]);
    assert_eq!(answers(&model, &[x.clone(), f32s(&[1.0])]), Ok(vec![Data::U8(vec![3, 3, 4, 255])]));
    let told = answers(&model, &[x, f32s(&[-0.5])]).unwrap_err();
    assert!(told.contains("is 0, expected a finite number above 0"), "{told}");
}

#[test]
fn inputs_that_are_outputs_and_outputs_that_are_read() {
    let model = Builder::new(21)
        .input("x", U8, &[4])
        .output("x", U8, &[4])
        .output("f", F32, &[4])
        .output("q", U8, &[4])
        .output("k", U8, &[2])
        .output("y", U8, &[4])
        .f32("s", 0.5)
        .u8("z", 3)
        .constant("k", &[2], Data::U8(vec![7, 9]))
        .node("DequantizeLinear", "x s z", "f", vec![])
        .node("QuantizeLinear", "f s z", "q", vec![])
        .node("DequantizeLinear", "q s z", "g", vec![])
        .node("Relu", "g", "r", vec![])
        .node("QuantizeLinear", "r s z", "y", vec![]);
    let x = Data::U8(vec![0, 3, 4, 255]);
    let f = f32s(&[-1.5, 0.0, 0.5, 126.0]);
    let expected = vec![x.clone(), f, x.clone(), Data::U8(vec![7, 9]), Data::U8(vec![3, 3, 4, 255])];
    assert_eq!(answers(&model, &[x]), Ok(expected));

    // What is made of constants alone.
    let model = Builder::new(21)
        .input("x", U8, &[1])
        .output("y", U8, &[2])
        .output("f", F32, &[2])
        .f32("s", 0.5)
        .u8("z", 3)
        .constant("k", &[2], Data::U8(vec![7, 9]))
        .node("DequantizeLinear", "k s z", "f", vec![])
        .node("QuantizeLinear", "f s z", "y", vec![]);
    let expected = vec![Data::U8(vec![7, 9]), f32s(&[2.0, 3.0])];
    assert_eq!(answers(&model, &[Data::U8(vec![0])]), Ok(expected));
}

/// onnxruntime#24711: x 2 and w 3 with scales 1, a bias of 10 in units of 0.1: 6 + 1, where one who takes the bias as it is
/// answers 16.
#[test]
fn field_case_42_a_bias_in_another_unit() {
    let model = |bias: i32, unit: f32, zero_point: i32| {
        Builder::new(21)
            .input("x", U8, &[1, 1, 1, 1])
            .output("y", U8, &[1, 1, 1, 1])
            .f32("one", 1.0)
            .u8("z", 0)
            .constant("w", &[1, 1, 1, 1], Data::I8(vec![3]))
            .i8("wz", 0)
            .constant("b", &[1], Data::I32(vec![bias]))
            .f32("unit", unit)
            .constant("bz", &[], Data::I32(vec![zero_point]))
            .node("DequantizeLinear", "x one z", "xf", vec![])
            .node("DequantizeLinear", "w one wz", "wf", vec![])
            .node("DequantizeLinear", "b unit bz", "bf", vec![])
            .node("Conv", "xf wf bf", "c", vec![])
            .node("QuantizeLinear", "c one z", "y", vec![])
    };
    let x = [Data::U8(vec![2])];
    for (bias, unit, zero_point, expected) in [(10, 0.1, 0, 7), (10, 1.0, 0, 16), (10, 1.0, 9, 7), (1, 1.0, 0, 7)] {
        let got = answers(&model(bias, unit, zero_point), &x);
        assert_eq!(got, Ok(vec![Data::U8(vec![expected])]), "{bias} {unit} {zero_point}");
    }
}

/// onnxruntime#32132: which of two definitions is meant has a name, and each is one answer on every tier.
#[test]
fn field_case_44_a_sum_of_two_definitions() {
    let model = Builder::new(21)
        .input("a", U8, &[1])
        .input("b", U8, &[1])
        .output("y", U8, &[1])
        .f32("one", 1.0)
        .u8("z", 0)
        .f32("two", 2.0)
        .u8("yz", 1)
        .node("DequantizeLinear", "a one z", "af", vec![])
        .node("DequantizeLinear", "b one z", "bf", vec![])
        .node("Add", "af bf", "sum", vec![])
        .node("QuantizeLinear", "sum two yz", "y", vec![]);
    let inputs = [Data::U8(vec![3]), Data::U8(vec![0])];
    let literal = Options::default().semantics(Semantics::Literal);
    // rne(1.5) + 1, and rne(1.5 + 1).
    for (options, expected) in [(literal, 3), (literal.fuse(false), 3), (Options::default(), 2)] {
        assert_eq!(answer(&model.bytes(), &inputs, &options), Ok(vec![Data::U8(vec![expected])]), "{options:?}");
    }
    assert_eq!(model.run(&inputs), Data::U8(vec![2]));
}

/// Loads, plans and, unless that is much work, runs what may be anything.
fn survive(bytes: &[u8], options: &Options) -> bool {
    let (mut graph, mut problems) = onnx::parse(bytes, None);
    passes::run(&mut graph, options, &mut problems);
    if !problems.is_empty() {
        return false;
    }
    let Ok(plan) = Plan::new(&graph, &Backend::best(), Limits::default()) else { return false };
    if plan.memory() < 1 << 16 {
        // What only a run brings is 0 here, which no scale is.
        let _ = Session::new(plan, 1).unwrap().run();
    }
    true
}

#[test]
fn flipped_bits_are_survived() {
    let bytes = network().bytes();
    let ways = ways();
    let mut loaded = 0;
    for bit in 0..bytes.len() * 8 {
        let mut broken = bytes.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        loaded += usize::from(survive(&broken, &ways[bit % ways.len()]));
    }
    assert!(loaded > 100, "{loaded} models still load, so that passes, plans and runs were tried as well");
    let mut random = Random(0xB175);
    let whole = std::fs::read(models().join("qdq/digits_cnn_u8s8pc.onnx")).unwrap();
    for (bytes, rounds) in [(&bytes, 2000), (&whole, 300)] {
        for round in 0..rounds {
            let mut broken = bytes.clone();
            for _ in 0..1 + random.below(6) {
                let at = random.below(broken.len());
                broken[at] = random.u8();
            }
            survive(&broken, &ways[round % ways.len()]);
        }
    }
}
