//! Operators between convolutions take and make images with channels last: nothing moves in between, and what comes out
//! is what comes out of the parts, each of which is a network of its own with images in C order at its ends.

mod support;

use support::{Attribute, Builder, F32, I64, Random, U8, int, ints, string, tiers};
use zeropoint_runner::exec::{Limits, Plan, Session};
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::{Data, Graph, Op};
use zeropoint_runner::passes::{self, Options};

const IN: [i64; 4] = [2, 3, 8, 6];
const A: [i64; 4] = [2, 4, 8, 6];

fn bytes(shape: &[i64], seed: u64) -> Data {
    let mut random = Random(seed);
    Data::U8((0..shape.iter().product()).map(|_| random.u8()).collect())
}

/// A convolution of 3 by 3 from so many channels to so many.
fn convolution(model: Builder, [from, to]: [&str; 2], [inputs, outputs]: [i64; 2]) -> Builder {
    let Data::U8(weights) = bytes(&[outputs, inputs, 3, 3], 77) else { unreachable!() };
    let weights = Data::I8(weights.into_iter().map(|weight| weight.cast_signed() / 4).collect());
    let name = |what: &str| format!("{to}_{what}");
    let operands = ["x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"].map(name).join(" ");
    model
        .f32(&name("x_scale"), 0.5)
        .u8(&name("x_zero"), 120)
        .constant(&name("w"), &[outputs, inputs, 3, 3], weights)
        .f32(&name("w_scale"), 0.0625)
        .i8(&name("w_zero"), 0)
        .f32(&name("y_scale"), 7.0)
        .u8(&name("y_zero"), 128)
        .node("QLinearConv", &format!("{from} {operands}"), to, vec![ints("pads", &[1, 1, 1, 1])])
}

fn prepared(model: &Builder, options: &Options) -> Graph {
    let (mut graph, mut problems) = onnx::parse(&model.bytes(), None);
    passes::run(&mut graph, options, &mut problems);
    problems.into_result().unwrap();
    graph
}

/// Tensors that are moved into another order.
fn moved(model: &Builder) -> Vec<String> {
    let graph = prepared(model, &Options::default());
    let relayouts = graph.nodes.iter().filter(|node| node.op == Op::Relayout);
    let names = relayouts.map(|node| &graph.tensors[node.outputs[0].index()]).filter(|tensor| {
        let shape = tensor.shape.as_ref().unwrap();
        shape[1] > 1 && shape[2..].iter().any(|&size| size > 1)
    });
    names.map(|tensor| tensor.name.clone()).collect()
}

/// A part between `a` and `b`.
type Middle<'m> = &'m dyn Fn(Builder) -> Builder;

/// What `middle` makes of `a`, between two convolutions; it has so many channels, and in the end `y` this shape. Nothing
/// is moved but what the caller gives and gets.
fn between(what: &str, b: [i64; 4], middle: Middle<'_>) {
    let expected: &[&str] = if b[2] * b[3] > 1 { &["x", "y"] } else { &["x"] };
    between_moving(what, b, middle, expected);
}

fn between_moving(what: &str, b: [i64; 4], middle: Middle<'_>, expected: &[&str]) {
    let y = [b[0], 5, b[2], b[3]];
    let first = |model: Builder| convolution(model, ["x", "a"], [IN[1], A[1]]);
    let second = |model: Builder| convolution(model, ["b", "y"], [b[1], 5]);
    let whole = second(middle(first(Builder::new(18).input("x", U8, &IN)))).output("y", U8, &y);
    assert_eq!(moved(&whole), expected, "{what}");
    let x = bytes(&IN, 5);
    let a = first(Builder::new(18).input("x", U8, &IN)).output("a", U8, &A).run(std::slice::from_ref(&x));
    let made = middle(Builder::new(18).input("a", U8, &A)).output("b", U8, &b).run(&[a]);
    let expected = second(Builder::new(18).input("b", U8, &b)).output("y", U8, &y).run(&[made]);
    assert_eq!(whole.run(&[x]), expected, "{what}");
}

fn numbers(model: Builder, name: &str, values: &[i64]) -> Builder {
    model.constant(name, &[values.len().try_into().unwrap()], Data::I64(values.to_vec()))
}

#[test]
fn slices_and_parts() {
    let slice = |starts: &'static [i64], ends: &'static [i64], axes: &'static [i64], steps: &'static [i64]| {
        move |model: Builder| {
            let model = numbers(numbers(model, "starts", starts), "ends", ends);
            numbers(numbers(model, "axes", axes), "steps", steps).node("Slice", "a starts ends axes steps", "b", vec![])
        }
    };
    between("channels", [2, 2, 8, 6], &slice(&[1], &[3], &[1], &[1]));
    between("all axes", [1, 2, 3, 6], &slice(&[1, 3, 1, -1], &[2, -9, 7, -99], &[0, 1, 2, 3], &[1, -2, 2, -1]));
    for (axis, sizes) in [(1, [1i64, 3]), (2, [3, 5]), (3, [2, 4])] {
        between("parts, the other way about", A, &|model| {
            numbers(model, "sizes", &sizes).results("Split", "a sizes", &["p", "q"], vec![int("axis", axis)]).node(
                "Concat",
                "q p",
                "b",
                vec![int("axis", axis)],
            )
        });
    }
    between("indices of channels", [2, 3, 8, 6], &|model| {
        numbers(model, "indices", &[3, 0, -1]).node("Gather", "a indices", "b", vec![int("axis", 1)])
    });
    between("indices of columns", [2, 4, 8, 2], &|model| {
        numbers(model, "indices", &[5, 1]).node("Gather", "a indices", "b", vec![int("axis", 3)])
    });
}

#[test]
fn borders_and_repetitions() {
    for mode in ["constant", "edge", "reflect", "wrap"] {
        between(mode, [2, 4, 11, 8], &|model| {
            numbers(model, "pads", &[0, 0, 2, 1, 0, 0, 1, 1]).u8("value", 9).node(
                "Pad",
                "a pads value",
                "b",
                vec![string("mode", mode)],
            )
        });
    }
    between("channels, and less", [2, 6, 6, 5], &|model| {
        numbers(model, "pads", &[0, 2, -1, 0, 0, 0, -1, -1]).u8("value", 7).node("Pad", "a pads value", "b", vec![])
    });
    between("tiles", [2, 8, 8, 18], &|model| {
        numbers(model, "repeats", &[1, 2, 1, 3]).node("Tile", "a repeats", "b", vec![])
    });
    between("one pixel for all", [2, 4, 8, 6], &|model| {
        numbers(model, "shape", &[2, 4, 8, 6]).node("GlobalMaxPool", "a", "m", vec![]).node(
            "Expand",
            "m shape",
            "b",
            vec![],
        )
    });
    between("a row for all", [2, 4, 8, 6], &|model| {
        numbers(numbers(model, "shape", &[1, 1, 8, 1]), "axes", &[2])
            .node("ReduceMax", "a axes", "m", vec![int("keepdims", 1)])
            .node("Expand", "m shape", "b", vec![])
    });
}

#[test]
fn sizes_and_blocks() {
    between("nearest", [2, 4, 16, 9], &|model| {
        model.constant("scales", &[4], Data::F32(vec![1.0, 1.0, 2.0, 1.5])).node(
            "Resize",
            "a - scales",
            "b",
            vec![string("mode", "nearest"), string("coordinate_transformation_mode", "asymmetric")],
        )
    });
    let blocks = |op: &'static str, mode: Option<&'static str>| {
        move |model: Builder| {
            let mode: Vec<Attribute> = mode.iter().map(|mode| string("mode", mode)).collect();
            model.node(op, "a", "b", [vec![int("blocksize", 2)], mode].concat())
        }
    };
    between("depth", [2, 1, 16, 12], &blocks("DepthToSpace", Some("DCR")));
    between("space", [2, 16, 4, 3], &blocks("SpaceToDepth", None));
    // With several channels left, both orders of depth.
    for mode in ["DCR", "CRD"] {
        between(mode, [2, 2, 16, 12], &|model| {
            model.node("Concat", "a a", "wide", vec![int("axis", 1)]).node(
                "DepthToSpace",
                "wide",
                "b",
                vec![int("blocksize", 2), string("mode", mode)],
            )
        });
    }
}

#[test]
fn transpositions() {
    let transpose =
        |axes: &'static [i64]| move |model: Builder| model.node("Transpose", "a", "b", vec![ints("perm", axes)]);
    between("rows and columns", [2, 4, 6, 8], &transpose(&[0, 1, 3, 2]));
    between("channels and rows", [2, 8, 4, 6], &transpose(&[0, 2, 1, 3]));
    between("channels behind", [2, 8, 6, 4], &transpose(&[0, 2, 3, 1]));
    between("channels before", [2, 6, 4, 8], &transpose(&[0, 3, 1, 2]));
    between("all about", [6, 8, 4, 2], &transpose(&[3, 2, 1, 0]));
    between("there, a half, and back", [2, 4, 4, 6], &|model| {
        numbers(numbers(model, "starts", &[2]), "ends", &[6])
            .node("Transpose", "a", "last", vec![ints("perm", &[0, 2, 3, 1])])
            .node("Slice", "last starts ends starts_of", "half", vec![])
            .constant("starts_of", &[1], Data::I64(vec![1]))
            .node("Transpose", "half", "b", vec![ints("perm", &[0, 3, 1, 2])])
    });
    between("shapes there and back", A, &|model| {
        numbers(numbers(model, "rows", &[2, 4, 48]), "image", &A).node("Reshape", "a rows", "flat", vec![]).node(
            "Reshape",
            "flat image",
            "b",
            vec![],
        )
    });
    between_moving(
        "another image",
        [2, 8, 4, 6],
        &|model| numbers(model, "image", &[2, 8, 4, 6]).node("Reshape", "a image", "b", vec![]),
        &["x", "a", "b", "y"],
    );
}

#[test]
fn conditions_lanes_and_floats() {
    between("conditions", A, &|model| {
        model.constant("half", &[1, 1, 8, 1], Data::Bool(vec![1, 0, 1, 0, 0, 0, 1, 1])).u8("other", 3).node(
            "Where",
            "half a other",
            "b",
            vec![],
        )
    });
    let parameters = |model: Builder| model.f32("s", 0.0625).u8("z", 128).f32("t", 0.00390625).u8("zero", 0);
    for axis in [1, 2, -1] {
        between("softmax of integers", A, &|model| {
            parameters(model).node(
                "com.microsoft.QLinearSoftmax",
                "a s z t zero",
                "b",
                vec![int("axis", axis), int("opset", 18)],
            )
        });
        // By an axis that makes the operator one of floats: what quantises has another reader.
        between("softmax of floats", A, &|model| {
            parameters(model)
                .node("DequantizeLinear", "a s z", "real", vec![])
                .node("Softmax", "real", "soft", vec![int("axis", axis)])
                .node("Sqrt", "soft", "root", vec![])
                .node("QuantizeLinear", "root t zero", "b", vec![])
        });
    }
    between("lines between", [2, 4, 16, 9], &|model| {
        parameters(model)
            .constant("scales", &[4], Data::F32(vec![1.0, 1.0, 2.0, 1.5]))
            .node("DequantizeLinear", "a s z", "real", vec![])
            .node("Resize", "real - scales", "large", vec![string("mode", "linear")])
            .node("QuantizeLinear", "large s z", "b", vec![])
    });
    for axes in [&[2i64, 3][..], &[1], &[3], &[0]] {
        let size = |axis: usize| if axes.contains(&i64::try_from(axis).unwrap()) { 1 } else { A[axis] };
        between("means", [size(0), size(1), size(2), size(3)], &|model| {
            numbers(parameters(model), "axes", axes)
                .node("DequantizeLinear", "a s z", "real", vec![])
                .node("ReduceMean", "real axes", "mean", vec![])
                .node("QuantizeLinear", "mean s z", "b", vec![])
        });
    }
    between("means of images", [2, 4, 1, 1], &|model| {
        parameters(model)
            .node("DequantizeLinear", "a s z", "real", vec![])
            .node("GlobalAveragePool", "real", "mean", vec![])
            .node("Sqrt", "mean", "root", vec![])
            .node("QuantizeLinear", "root s z", "b", vec![])
    });
}

/// A network that ends with something else than an image.
fn ends(what: &str, type_: i32, shape: &[i64], end: Middle<'_>) {
    let first = |model: Builder| convolution(model, ["x", "a"], [IN[1], A[1]]);
    let whole = end(first(Builder::new(18).input("x", U8, &IN))).output("b", type_, shape);
    assert_eq!(moved(&whole), ["x"], "{what}");
    let x = bytes(&IN, 5);
    let a = first(Builder::new(18).input("x", U8, &IN)).output("a", U8, &A).run(std::slice::from_ref(&x));
    let expected = end(Builder::new(18).input("a", U8, &A)).output("b", type_, shape).run(&[a]);
    assert_eq!(whole.run(&[x]), expected, "{what}");
}

#[test]
fn ends_in_the_callers_order() {
    let parameters = |model: Builder| model.f32("s", 0.0625).u8("z", 128);
    ends("floats", F32, &A, &|model| parameters(model).node("DequantizeLinear", "a s z", "b", vec![]));
    ends("the best channel", I64, &[2, 8, 6], &|model| {
        model.node("ArgMax", "a", "b", vec![int("axis", 1), int("keepdims", 0)])
    });
    ends("the best channel, as an image", I64, &[2, 1, 8, 6], &|model| {
        model.node("ArgMin", "a", "b", vec![int("axis", 1), int("select_last_index", 1)])
    });
    ends("means", F32, &[2, 4], &|model| {
        numbers(parameters(model), "axes", &[2, 3]).node("DequantizeLinear", "a s z", "real", vec![]).node(
            "ReduceMean",
            "real axes",
            "b",
            vec![int("keepdims", 0)],
        )
    });
    ends("sums of channels", F32, &[2, 8, 6], &|model| {
        numbers(parameters(model), "axes", &[1]).node("DequantizeLinear", "a s z", "real", vec![]).node(
            "ReduceSum",
            "real axes",
            "b",
            vec![int("keepdims", 0)],
        )
    });
    ends("channels behind", U8, &[2, 8, 6, 4], &|model| {
        model.node("Transpose", "a", "b", vec![ints("perm", &[0, 2, 3, 1])])
    });
    ends("channels behind, floats", F32, &[2, 8, 6, 4], &|model| {
        parameters(model).node("DequantizeLinear", "a s z", "real", vec![]).node(
            "Transpose",
            "real",
            "b",
            vec![ints("perm", &[0, 2, 3, 1])],
        )
    });
}

/// As exporters from other frameworks write it: a transposition before each operator on images, and one behind.
#[test]
fn transpositions_around_operators_are_nothing() {
    let transpose = |model: Builder, from: &str, to: &str, axes: &[i64]| {
        model.node("Transpose", from, to, vec![ints("perm", axes)])
    };
    let (to_first, to_last) = ([0, 3, 1, 2], [0, 2, 3, 1]);
    let Data::U8(weights) = bytes(&[4, 4, 1, 1], 3) else { unreachable!() };
    let weights = Data::I8(weights.into_iter().map(|weight| weight.cast_signed() / 32).collect());
    let mut model = Builder::new(18).input("x", F32, &[2, 5, 3, 4]).output("y", F32, &[2, 5, 3, 4]);
    // Powers of two: sums of floats are exact.
    model = model.f32("s", 0.5).u8("z", 100).constant("w", &[4, 4, 1, 1], weights).f32("ws", 0.25).i8("wz", 0);
    model = model.node("DequantizeLinear", "w ws wz", "weights", vec![]);
    model = model.node("QuantizeLinear", "x s z", "q", vec![]).node("DequantizeLinear", "q s z", "a0", vec![]);
    for (from, to) in [("a0", "a1"), ("a1", "a2")] {
        let name = |what: &str| format!("{to}_{what}");
        model = transpose(model, from, &name("image"), &to_first).node(
            "Conv",
            &format!("{} weights", name("image")),
            &name("sums"),
            vec![],
        );
        model = transpose(model, &name("sums"), &name("last"), &to_last)
            .node("QuantizeLinear", &format!("{} s z", name("last")), &name("q"), vec![])
            .node("DequantizeLinear", &format!("{} s z", name("q")), to, vec![]);
    }
    let model = model.node("Add", "a0 a2", "y", vec![]);
    assert_eq!(moved(&model), [""; 0]);
    let graph = prepared(&model, &Options::default());
    assert_eq!(graph.nodes.iter().filter(|node| node.op.name() == "QLinearConv").count(), 2);
    let plan = Plan::new(&graph, &zeropoint::Backend::best(), Limits::default()).unwrap();
    let copies = plan.made().iter().filter(|made| made.op == "Transpose" && made.kernel != "view").count();
    assert_eq!(copies, 0);

    let x = Data::F32((0..120).map(|value| value as f32 * 0.25 - 12.0).collect());
    let fused = model.run(std::slice::from_ref(&x));
    for backend in tiers() {
        let graph = prepared(&model, &Options::default().fuse(false));
        let plan = Plan::new(&graph, &backend, Limits::default()).unwrap();
        let mut session = Session::new(std::sync::Arc::new(plan), 1).unwrap();
        session.set_input(0, &x).unwrap();
        session.run().unwrap();
        assert_eq!(session.output(0).unwrap().to_data(), fused, "{}", backend.isa());
    }
}

/// Convolutions along one axis and over three are, with rows or planes of one, those over two: with the same results, and
/// with nothing moved in between.
#[test]
fn lines_and_volumes_stay_in_order_as_images_do() {
    // The size of an axis, its taps, pads and stride.
    let axes: [&[[i64; 4]]; 4] = [
        &[[9, 3, 1, 2]],
        &[[1, 1, 0, 1], [9, 3, 1, 2]],
        &[[7, 3, 1, 1], [9, 3, 1, 2]],
        &[[1, 1, 0, 1], [7, 3, 1, 1], [9, 3, 1, 2]],
    ];
    let made = axes.map(|axes| {
        let of =
            |first: &[i64], which: usize| [first, &axes.iter().map(|axis| axis[which]).collect::<Vec<_>>()].concat();
        let sizes = |channels: i64| of(&[2, channels], 0);
        let conv = |model: Builder, [from, to]: [&str; 2], [inputs, outputs]: [i64; 2], strides: bool| {
            let shape = of(&[outputs, inputs], 1);
            let Data::U8(weights) = bytes(&shape, 77) else { unreachable!() };
            let weights = Data::I8(weights.into_iter().map(|weight| weight.cast_signed() / 4).collect());
            let pads = of(&[], 2).repeat(2);
            let strides = if strides { of(&[], 3) } else { vec![1; axes.len()] };
            let attributes = vec![ints("pads", &pads), ints("strides", &strides)];
            let model = model.constant(&format!("{to}_w"), &shape, weights);
            model.node("QLinearConv", &format!("{from} s z {to}_w s w_z y_s z"), to, attributes)
        };
        let parameters = |model: Builder| model.f32("s", 0.0625).u8("z", 120).i8("w_z", 0).f32("y_s", 1.0);
        let model = parameters(Builder::new(13).input("x", F32, &sizes(3)).output(
            "p",
            U8,
            &[&[2, 5][..], &vec![1; axes.len()]].concat(),
        ));
        let rank = i64::try_from(axes.len()).unwrap() + 2;
        let last: Vec<i64> = [0].into_iter().chain(2..rank).chain([1]).collect();
        let first: Vec<i64> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        let model = model.node("QuantizeLinear", "x s z", "q", vec![]);
        let model = conv(model, ["q", "a"], [3, 4], false);
        let model = model.node("com.microsoft.QLinearAdd", "a s z a s z s z", "b", vec![]);
        let model = model.node("Transpose", "b", "t", vec![ints("perm", &last)]);
        let model = model.node("Transpose", "t", "u", vec![ints("perm", &first)]);
        let model = conv(model, ["u", "c"], [4, 5], true);
        let model =
            model.node("com.microsoft.QLinearGlobalAveragePool", "c s z s z", "p", vec![int("channels_last", 0)]);
        assert_eq!(moved(&model), Vec::<String>::new(), "{axes:?}");
        let Data::U8(x) = bytes(&sizes(3), 5) else { unreachable!() };
        model.run(&[Data::F32(x.into_iter().map(|x| f32::from(x) / 16.0 - 8.0).collect())])
    });
    assert_eq!(made[0], made[1]);
    assert_eq!(made[2], made[3]);
}
