//! Files that are broken, by accident or on purpose: always an error that says where, never a panic.

mod support;

use support::{Builder, F32, I8, I64, Random, U8, finish, folder, int, ints, model, plan, string, tensor};
use zeropoint::Backend;
use zeropoint_runner::exec::Session;
use zeropoint_runner::formats::onnx;
use zeropoint_runner::formats::onnx::proto::{AttributeProto, StringStringEntryProto, TensorProto};
use zeropoint_runner::graph::Data;
use zeropoint_runner::{Error, ProblemKind};

/// A little of everything.
fn everything() -> Builder {
    Builder::new(13)
        .input("x", F32, &[1, 2, 5, 4])
        .input("late", F32, &[])
        .output("y", F32, &[1, 3])
        .f32("s", 0.5)
        .u8("z", 3)
        .constant("w", &[4, 1, 3, 3], Data::I8((0..36).collect()))
        .constant("ws", &[4], Data::F32(vec![0.5, 0.25, 1.0, 2.0]))
        .i8("wz", 0)
        .constant("b", &[4], Data::I32(vec![1, 2, 3, 4]))
        .constant("c", &[4, 1, 1], Data::U8(vec![1, 2, 3, 4]))
        .constant("m", &[4, 3], Data::I8((0..12).collect()))
        .constant("zero", &[], Data::I64(vec![0]))
        .constant("rest", &[1], Data::I64(vec![-1]))
        .constant("axes", &[1], Data::I64(vec![0]))
        .node("QuantizeLinear", "x s z", "q", vec![])
        .node(
            "QLinearConv",
            "q s z w ws wz s z b",
            "r",
            vec![
                ints("pads", &[1, 1, 1, 1]),
                ints("strides", &[2, 1]),
                ints("dilations", &[1, 1]),
                ints("kernel_shape", &[3, 3]),
                int("group", 2),
            ],
        )
        .node("com.microsoft.QLinearAdd", "r s z c s z s z", "a", vec![])
        .node("com.microsoft.QLinearGlobalAveragePool", "a s z s z", "p", vec![int("channels_last", 0)])
        .node("Shape", "p", "shape", vec![])
        .node("Gather", "shape zero", "batch", vec![int("axis", 0)])
        .node("Unsqueeze", "batch axes", "batch1", vec![])
        .node("Concat", "batch1 rest", "to", vec![int("axis", 0)])
        .node("Reshape", "p to", "flat", vec![])
        .node("Transpose", "flat", "turned", vec![ints("perm", &[1, 0])])
        .node("Flatten", "turned", "row", vec![int("axis", 0)])
        .node("QLinearMatMul", "row s z m s wz s z", "mm", vec![])
        .node("DequantizeLinear", "mm s z", "d0", vec![])
        .results("DynamicQuantizeLinear", "d0", &["dq", "ds", "dz"], vec![])
        .constant("eye", &[3, 3], Data::I8((0..9).collect()))
        .node("MatMulInteger", "dq eye dz", "sums", vec![])
        .node("Cast", "sums", "reals", vec![int("to", F32.into())])
        .node("QuantizeLinear", "reals late", "again", vec![])
        .node("DequantizeLinear", "again ds dz", "d", vec![])
        .node("Softmax", "d", "y", vec![int("axis", -1)])
}

/// The list of problems, and their kinds.
fn problems(builder: &Builder) -> Vec<(ProblemKind, String)> {
    match plan(&builder.bytes()) {
        Err(Error::Model(problems)) => {
            problems.0.into_iter().map(|problem| (problem.kind, problem.to_string())).collect()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

/// Loads, plans and, unless that is much work, runs what may be anything.
fn survive(bytes: &[u8]) -> bool {
    let Ok(plan) = plan(bytes) else { return false };
    if plan.memory() < 1 << 16 {
        let mut session = Session::new(plan, 1).unwrap();
        // What only a run brings is 0 here, which is no scale.
        if let Err(error) = session.run() {
            assert!(error.to_string().contains("y_scale is 0"), "{error}");
        }
    }
    true
}

#[test]
fn the_model_that_is_broken_below_works_whole() {
    assert_eq!(everything().problems(), "");
    assert!(survive(&everything().bytes()));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = std::fs::read(model("person_detect_s8pc")).unwrap();
    let lengths = (0..1024).chain((1024..bytes.len()).step_by(499)).chain(bytes.len() - 64..bytes.len());
    for length in lengths {
        assert!(plan(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    let bytes = everything().bytes();
    for length in 0..bytes.len() {
        assert!(plan(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn flipped_bits_never_panic() {
    let bytes = everything().bytes();
    let mut random = Random(0xD1CE);
    let mut loaded = 0;
    // Every single bit, and then several at a time.
    for bit in 0..bytes.len() * 8 {
        let mut broken = bytes.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        loaded += usize::from(survive(&broken));
    }
    assert!(loaded > 100, "{loaded} models still load, so planning and running were tried as well");
    for _ in 0..4000 {
        let mut broken = bytes.clone();
        for _ in 0..1 + random.below(6) {
            let at = random.below(broken.len());
            broken[at] = random.u8();
        }
        survive(&broken);
    }
    let bytes = std::fs::read(model("person_detect_u8s8pc")).unwrap();
    for _ in 0..200 {
        let mut broken = bytes.clone();
        let at = random.below(broken.len());
        broken[at] = random.u8();
        survive(&broken);
    }
}

#[test]
fn a_file_that_is_something_else() {
    assert_eq!(Builder::problems(&Builder(Default::default())), "invalid: file: is no ONNX model: it has no graph");
    let error = plan(b"PK\x03\x04 not a model").err().unwrap().to_string();
    assert!(error.starts_with("invalid: file: is no ONNX model: "), "{error}");
    // Groups in groups in groups, which a decoder must not follow for ever.
    let nested = [0xC3, 0x0C].repeat(1 << 15);
    let error = plan(&nested).err().unwrap().to_string();
    assert!(error.contains("recursion limit"), "{error}");

    let missing = onnx::load("no/such/file.onnx".as_ref()).unwrap_err();
    assert!(matches!(missing, Error::Read { .. }), "{missing}");
    let folder = onnx::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap_err().to_string();
    assert!(folder.ends_with("is no file"), "{folder}");
}

#[test]
fn everything_unsupported_is_told_at_once() {
    let model = Builder::new(13)
        .input("x", F32, &[1, 4])
        .output("y", F32, &[1, 4])
        .constant("double", &[1], Data::F32(vec![0.0]))
        .node("Erfc", "x", "a", vec![])
        .node("ai.made.up.Thing", "a", "b", vec![])
        .node("Relu7", "b", "c", vec![])
        .node("Softmax", "c", "y", vec![int("axis", 1), int("surprise", 1)]);
    let mut broken = model.clone();
    broken.graph().initializer[0].data_type = 11;
    let found = problems(&broken);
    let expected = [
        "unsupported: initializer \"double\": element type double; expected bool, uint4, int4, uint8, int8, uint16, int16, \
         int32, int64, float16, bfloat16 or float32",
        "unsupported: Erfc node \"make_a\": this operator is not known",
        "invalid: ai.made.up.Thing node \"make_b\": its domain \"ai.made.up\" is not among the file's opset imports",
        "unsupported: Relu7 node \"make_c\": this operator is not known",
        "unsupported: Softmax node \"make_y\": unknown attributes: surprise",
    ];
    let found: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(found, expected);
}

#[test]
fn problems_of_shapes_do_not_hide_each_other() {
    let model = Builder::new(13)
        .input("x", U8, &[2, 3])
        .output("y", U8, &[6])
        .output("z", U8, &[6])
        .constant("five", &[1], Data::I64(vec![5]))
        .node("Reshape", "x five", "y", vec![])
        .node("Transpose", "x", "t", vec![ints("perm", &[0, 0])])
        .node("Identity", "t", "z", vec![]);
    let found = problems(&model);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].1.contains("\"make_y\": [2, 3] has 6 elements, which do not fill the shape [5]"), "{found:?}");
    assert!(found[1].1.contains("\"make_t\": axis 0 is there twice in [0, 0]"), "{found:?}");
}

#[test]
fn opsets_have_their_bounds() {
    for (opset, supported) in [(9, false), (10, true), (28, true), (29, false), (i64::MIN, false), (i64::MAX, false)] {
        let model = Builder::new(opset).input("x", U8, &[1]).output("y", U8, &[1]).node("Identity", "x", "y", vec![]);
        let told = model.problems();
        let expected = format!("unsupported: file: opset {opset} of ONNX, expected 10 to 28");
        assert_eq!(told, if supported { String::new() } else { expected });
    }
}

/// Changes the model with everything in it, and gives the first problem.
fn first_problem(change: impl FnOnce(&mut Builder)) -> String {
    let mut model = everything();
    change(&mut model);
    problems(&model).first().map_or_else(|| "nothing".into(), |(_, text)| text.clone())
}

fn attribute(node: usize, name: &'static str, attribute: AttributeProto) -> impl FnOnce(&mut Builder) {
    move |model| {
        let attributes = &mut model.graph().node[node].attribute;
        attributes.retain(|attribute| attribute.name != name);
        attributes.push(attribute);
    }
}

#[test]
fn attributes_out_of_range() {
    let conv = |name, given: &[i64]| first_problem(attribute(1, name, ints(name, given)));
    let cases = [
        (conv("strides", &[0, 1]), "attribute strides is [0, 1], expected numbers of at least 1"),
        (conv("strides", &[-1, 1]), "attribute strides is [-1, 1], expected numbers of at least 1"),
        (conv("strides", &[1]), "attribute strides has 1 values, expected 2"),
        (conv("dilations", &[0, 0]), "attribute dilations is [0, 0]"),
        (conv("dilations", &[i64::MAX, i64::MAX]), "does not fit the 7 padded positions of x [1, 2, 5, 4]"),
        (conv("pads", &[1, 1, -1, 1]), "attribute pads is [1, 1, -1, 1], expected numbers of at least 0"),
        (conv("pads", &[i64::MAX; 4]), "the sizes of a window"),
        (conv("pads", &[1, 1]), "attribute pads has 2 values, expected 4"),
        (conv("kernel_shape", &[5, 5]), "attribute kernel_shape is [5, 5], but w has shape [4, 1, 3, 3]"),
        (first_problem(attribute(1, "group", int("group", 0))), "attribute group is 0, expected at least 1"),
        (first_problem(attribute(1, "group", int("group", -2))), "attribute group is -2"),
        (first_problem(attribute(1, "group", int("group", 3))), "do not fit 3 groups"),
        (first_problem(attribute(1, "group", ints("group", &[2]))), "attribute group is of type Ints, expected Int"),
        (first_problem(attribute(1, "auto_pad", string("auto_pad", "VALID"))), "both attributes pads and auto_pad"),
        (first_problem(attribute(3, "channels_last", int("channels_last", 2))), "channels_last is 2, expected 0 or 1"),
        (first_problem(attribute(5, "axis", int("axis", 1))), "axis 1 is outside -1..1"),
        (first_problem(attribute(9, "perm", ints("perm", &[1]))), "attribute perm is [1], expected 2 axes"),
        (first_problem(attribute(9, "perm", ints("perm", &[1, 2]))), "axis 2 is outside -2..2"),
        (first_problem(attribute(10, "axis", int("axis", 3))), "axis 3 is outside -2..2"),
        (first_problem(attribute(0, "block_size", int("block_size", -1))), "block_size is -1, expected at least 0"),
        (first_problem(attribute(0, "precision", int("precision", 10))), "precision is float16, expected float32"),
        (
            first_problem(attribute(0, "output_dtype", int("output_dtype", 6))),
            "zero_point is uint8, but output_dtype int32",
        ),
        (first_problem(attribute(12, "output_dtype", int("output_dtype", 6))), "the output is int32, expected float32"),
        (first_problem(attribute(18, "axis", int("axis", i64::MIN))), "is outside -2..2"),
    ];
    for (told, expected) in cases {
        assert!(told.contains(expected), "expected \"{expected}\", came \"{told}\"");
        assert!(told.contains("node \"make_"), "{told}");
    }
    let twice = first_problem(|model| model.graph().node[1].attribute.push(int("group", 2)));
    assert!(twice.contains("attribute group is there twice"), "{twice}");
}

fn replace(name: &'static str, dims: &'static [i64], data: Data) -> impl FnOnce(&mut Builder) {
    move |model| {
        let found = model.graph().initializer.iter_mut().find(|tensor| tensor.name == name).unwrap();
        *found = tensor(name, dims, data);
    }
}

#[test]
fn parameters_that_are_no_parameters() {
    let f32s = |values: &[f32]| Data::F32(values.to_vec());
    let cases = [
        (first_problem(replace("s", &[], f32s(&[0.0]))), "y_scale is 0, expected a finite number above 0"),
        (first_problem(replace("s", &[], f32s(&[-1.0]))), "y_scale is -1"),
        (first_problem(replace("s", &[], f32s(&[f32::NAN]))), "y_scale is NaN"),
        (first_problem(replace("s", &[], f32s(&[f32::INFINITY]))), "y_scale is inf"),
        (first_problem(replace("s", &[], Data::U8(vec![1]))), "y_scale is uint8, expected float32"),
        (first_problem(replace("s", &[0], f32s(&[]))), "y_scale has shape [0]"),
        (first_problem(replace("ws", &[3], f32s(&[1.0; 3]))), "w_scale has 3 values, expected 1 or 4"),
        (first_problem(replace("ws", &[4], f32s(&[1.0, 1.0, 0.0, 1.0]))), "w_scale is 0"),
        (first_problem(replace("wz", &[], Data::U8(vec![0]))), "w_zero_point is uint8, expected int8"),
        (first_problem(replace("wz", &[2], Data::I8(vec![0; 2]))), "w_zero_point has 2 values, expected 1 or 4"),
        (first_problem(replace("b", &[3], Data::I32(vec![0; 3]))), "B has 3 values, expected 4"),
        (first_problem(replace("b", &[4], f32s(&[0.0; 4]))), "B is float32, expected int32"),
        (
            first_problem(replace("w", &[4, 1, 3], Data::I8(vec![0; 12]))),
            "w [4, 1, 3], expected as many axes, three at least",
        ),
        (
            first_problem(replace("w", &[4, 1, 0, 3], Data::I8(vec![]))),
            "kernel_shape is [3, 3], but w has shape [4, 1, 0, 3]",
        ),
        (first_problem(replace("w", &[4, 3, 3, 3], Data::I8(vec![0; 108]))), "do not fit 2 groups"),
        (
            first_problem(replace("m", &[3, 4], Data::I8(vec![0; 12]))),
            "a [1, 4] has 4 columns, but b [3, 4] has 3 rows",
        ),
        (first_problem(replace("c", &[3, 1, 1], Data::U8(vec![0; 3]))), "do not broadcast"),
        (first_problem(replace("zero", &[], Data::I64(vec![9]))), "index 9 is outside an axis of size 4"),
        (first_problem(replace("rest", &[1], Data::I64(vec![-2]))), "has a size of -2"),
        (first_problem(replace("axes", &[2], Data::I64(vec![0, 0]))), "axis 0 is there twice"),
    ];
    for (told, expected) in cases {
        assert!(told.contains(expected), "expected \"{expected}\", came \"{told}\"");
        assert!(told.contains("node \"make_"), "{told}");
    }
}

#[test]
fn parameters_of_a_run_are_checked_when_planning_and_when_running() {
    let model = |scale: &[i64]| {
        Builder::new(13)
            .input("a", U8, &[1, 4])
            .input("b", I8, &[4, 3])
            .input("s", F32, scale)
            .output("y", U8, &[1, 3])
            .u8("z", 0)
            .i8("bz", 0)
            .node("QLinearMatMul", "a s z b s bz s z", "y", vec![])
    };
    let told = model(&[2]).problems();
    assert!(told.contains("a_scale has shape [2], expected one value or one for each of [Rows]"), "{told}");
    let mut session = model(&[]).session(&Backend::best(), 1);
    let error = session.run().unwrap_err().to_string();
    assert!(error.contains("a_scale is 0, expected a finite number above 0"), "{error}");
}

#[test]
fn operands_are_counted_and_there() {
    let missing = first_problem(|model| model.graph().node[1].input.truncate(7));
    assert!(missing.contains("\"make_r\": has 7 operands, expected 8 to 9"), "{missing}");
    let empty = first_problem(|model| model.graph().node[1].input[2].clear());
    assert!(empty.contains("\"make_r\": operand x_zero_point is left out, but is not optional"), "{empty}");
    let cyclic = first_problem(|model| model.graph().node[2].input[0] = "p".into());
    assert!(cyclic.contains("reads \"p\", which is only made later, by QLinearGlobalAveragePool"), "{cyclic}");
    let dangling = first_problem(|model| model.graph().node[2].input[0] = "nowhere".into());
    assert!(dangling.contains("reads \"nowhere\", which is no input, no constant and made by no node"), "{dangling}");
    let twice = first_problem(|model| model.graph().node[2].output[0] = "r".into());
    assert!(twice.contains("makes \"r\", which is already made elsewhere"), "{twice}");
    let wrong = first_problem(|model| model.graph().output[0] = support::value("y", F32, &[1, 4]));
    assert!(wrong.contains("makes \"y\" as float32 [1, 3], but the file declares float32 [1, 4]"), "{wrong}");
    let none = first_problem(|model| model.graph().output.clear());
    assert_eq!(none, "invalid: graph: has no outputs");
}

#[test]
fn inputs_are_known_but_for_the_batch() {
    let open = |axis: usize| {
        first_problem(|model| {
            let shape = model.graph().input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            let dim = &mut shape.shape.as_mut().unwrap().dim[axis];
            (dim.dim_value, dim.dim_param) = (None, Some("n".into()));
        })
    };
    assert_eq!(open(0), "nothing");
    let expected = "unsupported: input \"x\": the size of axis 2 (\"n\") is left open, which only the first may be: ";
    assert!(open(2).starts_with(expected), "{}", open(2));
    let huge =
        Builder::new(13).input("x", U8, &[1 << 40, 1 << 40]).output("y", U8, &[]).node("Identity", "x", "y", vec![]);
    assert_eq!(problems(&huge)[0].0, ProblemKind::SizeOverflow);
    let large =
        Builder::new(13).input("x", U8, &[1 << 40]).output("y", U8, &[1 << 40]).node("Identity", "x", "y", vec![]);
    let found = problems(&large);
    assert_eq!((found.len(), found[0].0), (1, ProblemKind::TooLarge), "{found:?}");
}

#[test]
fn field_case_46_raw_data_of_another_length() {
    for bytes in [3, 5] {
        let mut model = Builder::new(13).input("x", I8, &[4]).output("y", I8, &[8]);
        model = model.constant("c", &[4], Data::I8(vec![0; 4])).node("Concat", "x c", "y", vec![int("axis", 0)]);
        model.graph().initializer[0].raw_data = Some(vec![0; bytes]);
        let told = model.problems();
        assert_eq!(told, format!("invalid: initializer \"c\": int8 [4] needs 4 bytes, raw_data has {bytes}"));
    }
}

#[test]
fn field_case_47_sizes_whose_product_wraps() {
    for dims in [&[i64::MAX, 2][..], &[1 << 32, 1 << 32], &[i64::MAX]] {
        for data in [None, Some(vec![])] {
            let mut model =
                Builder::new(13).input("x", I8, &[1]).output("y", I8, &[1]).node("Identity", "x", "y", vec![]);
            model.graph().initializer.push(TensorProto {
                dims: dims.to_vec(),
                data_type: 6,
                name: "c".into(),
                raw_data: data,
                ..TensorProto::default()
            });
            let found = problems(&model);
            assert_eq!((found.len(), found[0].0), (1, ProblemKind::SizeOverflow), "{found:?}");
        }
    }
}

/// A model whose only constant lies in a file.
fn external(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut model =
        Builder::new(13).input("x", I8, &[4]).output("y", I8, &[8]).node("Concat", "x c", "y", vec![int("axis", 0)]);
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto { key: (*key).into(), value: (*value).into() };
    model.graph().initializer.push(TensorProto {
        dims: vec![4],
        data_type: 3,
        name: "c".into(),
        data_location: 1,
        external_data: entries.iter().map(entry).collect(),
        ..TensorProto::default()
    });
    model.bytes()
}

#[test]
fn field_case_48_external_data_stays_in_the_folder() {
    let outer = folder("external");
    let inner = outer.join("model");
    std::fs::create_dir_all(inner.join("sub")).unwrap();
    std::fs::write(outer.join("secret"), [9; 64]).unwrap();
    std::fs::write(inner.join("sub/weights"), [1, 2, 3, 4, 5, 6]).unwrap();
    let told = |entries: &[(&str, &str)]| {
        let (graph, problems) = onnx::parse(&external(entries), Some(&inner));
        finish(graph, problems, &Backend::best()).err().map_or_else(String::new, |error| error.to_string())
    };

    assert_eq!(told(&[("location", "sub/weights"), ("offset", "2"), ("length", "4")]), "");
    let absolute = outer.join("secret");
    for location in ["../secret", "sub/../../secret", "sub/../sub/weights", absolute.to_str().unwrap(), "..\\secret"] {
        let told = told(&[("location", location)]);
        assert!(told.ends_with("has to be inside the model's folder"), "{location}: {told}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outer.join("secret"), inner.join("link")).unwrap();
        std::os::unix::fs::symlink(&outer, inner.join("linked")).unwrap();
        for location in ["link", "linked/secret"] {
            let told = told(&[("location", location)]);
            assert!(told.ends_with("has to be inside the model's folder"), "{location}: {told}");
        }
    }
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("location", "sub/weights"), ("offset", "3")], "4 bytes at offset 3, but the file has 6"),
        (&[("location", "sub/weights"), ("offset", "18446744073709551615")], "but the file has 6"),
        (&[("location", "sub/weights"), ("offset", "-1")], "offset is \"-1\""),
        (&[("location", "sub/weights"), ("length", "5")], "length 5, expected 4"),
        (&[("location", "sub")], "is no file"),
        (&[("location", "nothing")], "external data \"nothing\": "),
        (&[("location", "")], "external data"),
        (&[("offset", "0")], "external data without a location"),
    ];
    for (entries, expected) in cases {
        let told = told(entries);
        assert!(told.starts_with("invalid: initializer \"c\": ") && told.contains(expected), "{expected}: {told}");
    }
    // Bytes without a folder have nothing beside them.
    let told = plan(&external(&[("location", "sub/weights")])).err().unwrap().to_string();
    assert_eq!(told, "unsupported: initializer \"c\": external data of a model that is no file");
}

#[test]
fn constants_that_double_do_not_fill_the_memory() {
    let mut model = Builder::new(13).input("x", I64, &[1]).output("y", I64, &[1]).node("Identity", "x", "y", vec![]);
    model = model.constant("c0", &[1], Data::I64(vec![1]));
    for step in 0..50 {
        let from = format!("c{step} c{step}");
        model = model.node("Concat", &from, &format!("c{}", step + 1), vec![int("axis", 0)]);
    }
    let found = problems(&model);
    assert!(!found.is_empty() && found.iter().any(|(kind, _)| *kind == ProblemKind::TooLarge), "{found:?}");
}

#[test]
fn sizes_beside_a_zero_claim_no_memory() {
    let one = |model: Builder| model.f32("s", 1.0).u8("z", 0).i8("wz", 0);
    let wide = 1 << 40;
    let conv = one(Builder::new(13).input("x", U8, &[0, 0, 4, 4]).output("y", U8, &[0, wide, 4, 4]))
        .constant("w", &[wide, 0, 1, 1], Data::I8(vec![]))
        .node("QLinearConv", "x s z w s wz s z", "y", vec![]);
    let product = one(Builder::new(13).input("x", U8, &[0, 0]).output("y", U8, &[0, wide]))
        .constant("w", &[0, wide], Data::I8(vec![]))
        .node("QLinearMatMul", "x s z w s wz s z", "y", vec![]);
    let image =
        one(Builder::new(13).input("x", U8, &[1, 1, 1 << 30, 1 << 30]).output("y", U8, &[1, 1, 1 << 30, 1 << 30]))
            .constant("w", &[1, 1, 1, 1], Data::I8(vec![1]))
            .node("QLinearConv", "x s z w s wz s z", "y", vec![]);
    for model in [conv, product, image] {
        let found = problems(&model);
        assert_eq!((found.len(), found[0].0), (1, ProblemKind::TooLarge), "{found:?}");
    }
    // Products over nothing are zero.
    let empty = one(Builder::new(13).input("x", U8, &[2, 0]).output("y", U8, &[2, 3]))
        .constant("w", &[0, 3], Data::I8(vec![]))
        .u8("yz", 9)
        .node("QLinearMatMul", "x s z w s wz s yz", "y", vec![]);
    assert_eq!(empty.run(&[Data::U8(vec![])]), Data::U8(vec![9; 6]));
}
