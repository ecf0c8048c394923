//! Sizes that a file leaves open: plans for the shapes that a caller gives, and memory that is planned for each.

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use support::{Builder, F32, I32, U8, folder, int, ints, tiers};
use zeropoint::Backend;
use zeropoint_runner::exec::{Limits, Model, Plan, Session};
use zeropoint_runner::graph::Data;
use zeropoint_runner::passes::Options;
use zeropoint_runner::{Error, ProblemKind, formats::onnx, passes};

/// Leaves sizes of an input open: those that have a name here.
fn open(mut builder: Builder, input: usize, names: &[&str]) -> Builder {
    let shape = builder.graph().input[input].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
    for (dim, name) in shape.shape.as_mut().unwrap().dim.iter_mut().zip(names) {
        if !name.is_empty() {
            (dim.dim_value, dim.dim_param) = (None, Some((*name).into()));
        }
    }
    for output in &mut builder.graph().output {
        output.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape = None;
    }
    builder
}

/// A convolution with a residual, of images of some size.
fn network([n, h, w]: [i64; 3]) -> Builder {
    Builder::new(13)
        .input("x", U8, &[n, 4, h, w])
        .output("y", U8, &[n, 4, h, w])
        .f32("s", 0.5)
        .f32("ws", 0.0625)
        .u8("z", 3)
        .i8("wz", 0)
        .constant("w", &[4, 4, 3, 3], Data::I8((0..144).map(|at| (at * 37 % 23 - 11) as i8).collect()))
        .node("QLinearConv", "x s z w ws wz s z", "c", vec![ints("pads", &[1, 1, 1, 1])])
        .node("com.microsoft.QLinearLeakyRelu", "c s z s z", "r", vec![])
        .node("com.microsoft.QLinearAdd", "x s z r s z s z", "y", vec![])
}

fn model(builder: &Builder, limits: Limits) -> Model {
    let (graph, problems) = onnx::parse(&builder.bytes(), None);
    problems.into_result().unwrap();
    Model::new(graph, Options::default(), &Backend::best(), limits)
}

fn pixels([n, h, w]: [usize; 3]) -> Vec<u8> {
    (0..n * 4 * h * w).map(|at| (at * 89 % 251) as u8).collect()
}

fn answer(session: &mut Session, x: &[u8]) -> Data {
    session.input_mut::<u8>(0).unwrap().copy_from_slice(x);
    session.run().unwrap();
    session.output(0).unwrap().to_data()
}

#[test]
fn each_shape_answers_as_a_file_that_fixes_it() {
    let open = open(network([1, 1, 1]), 0, &["batch", "", "rows", "columns"]);
    for backend in tiers() {
        let (graph, _) = onnx::parse(&open.bytes(), None);
        let model = Model::new(graph, Options::default(), &backend, Limits::default());
        for threads in [1, 2] {
            for [n, h, w] in [[1, 7, 5], [3, 7, 5], [1, 16, 33], [2, 1, 1], [0, 7, 5], [1, 7, 5]] {
                let fixed = network([n, h, w].map(|size| i64::try_from(size).unwrap()));
                let x = pixels([n, h, w]);
                let expected = answer(&mut fixed.session(&backend, threads), &x);
                let mut session = model.session(&[[n, 4, h, w]], threads).unwrap();
                assert_eq!(answer(&mut session, &x), expected, "{:?}, {}", [n, h, w], backend.isa());
            }
        }
    }
}

#[test]
fn the_plans_that_were_used_last_are_kept() {
    let model = model(&open(network([1, 1, 1]), 0, &["n", "", "h", "w"]), Limits::default());
    let plan = |columns: usize| model.plan(&[[1, 4, 2, columns]]).unwrap();
    let first = plan(1);
    let second = plan(2);
    assert!(Arc::ptr_eq(&first, &plan(1)));
    for columns in 3..=Model::MOST_PLANS {
        plan(columns);
    }
    assert!(Arc::ptr_eq(&first, &plan(1)) && Arc::ptr_eq(&second, &plan(2)));
    // There is place for one more only where the third was.
    plan(Model::MOST_PLANS + 1);
    plan(3);
    plan(4);
    assert!(Arc::ptr_eq(&first, &plan(1)) && Arc::ptr_eq(&second, &plan(2)));
    for columns in 10..10 + Model::MOST_PLANS {
        plan(columns);
    }
    assert!(!Arc::ptr_eq(&first, &plan(1)));
    // The one that a session has is still a plan.
    let mut session = Session::new(first, 1).unwrap();
    session.run().unwrap();
}

#[test]
fn a_shape_that_is_left_out_is_that_of_the_file() {
    let batch = model(&open(network([1, 3, 2]), 0, &["n"]), Limits::default());
    let none: [&[usize]; 0] = [];
    let plan = batch.plan(&none).unwrap();
    assert_eq!(plan.input_tensors().next().unwrap().2, [1, 4, 3, 2]);
    assert!(Arc::ptr_eq(&plan, &batch.plan(&[[1, 4, 3, 2]]).unwrap()), "the same shape, however it is said");
    let told = |result: Result<Arc<Plan>, Error>| result.err().unwrap().to_string();
    let expected = "invalid: input \"x\": has the shape [n, 4, 3, 2], not [1, 4, 3, 3]";
    assert_eq!(told(batch.plan(&[[1, 4, 3, 3]])), expected);
    assert_eq!(told(batch.plan(&[[1], [1]])), "network: 2 shapes for 1 inputs");
    let rows = model(&open(network([1, 1, 1]), 0, &["", "", "rows", ""]), Limits::default());
    assert!(told(rows.plan(&none)).contains("input \"x\": the size of axis 2 (\"rows\") is left open"));
}

#[test]
fn sizes_of_one_name_are_equal_over_inputs() {
    let two = Builder::new(13).input("a", F32, &[1, 1]).input("b", F32, &[1, 1]).output("y", F32, &[1, 1]).node(
        "Add",
        "a b",
        "y",
        vec![],
    );
    let model = model(&open(open(two, 0, &["batch", "length"]), 1, &["batch", "length"]), Limits::default());
    let plan = model.plan(&[[2, 3]]).unwrap();
    assert!(plan.input_tensors().all(|(_, _, shape)| shape == [2, 3]), "the other follows by its names");
    let told = model.plan(&[[2, 3], [2, 1]]).err().unwrap().to_string();
    assert_eq!(told, "invalid: inputs: the size \"length\" is 3 in input \"a\", but 1 in input \"b\" (axis 1)");
}

#[test]
fn a_batch_goes_through_reshapes_to_shapes_that_are_computed() {
    // As exporters flatten: the batch from Shape, the rest left open.
    let flat = Builder::new(13)
        .input("x", U8, &[1, 2, 3])
        .output("y", I32, &[1, 1])
        .constant("zero", &[], Data::I64(vec![0]))
        .constant("axes", &[1], Data::I64(vec![0]))
        .constant("rest", &[1], Data::I64(vec![-1]))
        .constant("ones", &[6, 1], Data::I8(vec![1; 6]))
        .node("Shape", "x", "shape", vec![])
        .node("Gather", "shape zero", "batch", vec![int("axis", 0)])
        .node("Unsqueeze", "batch axes", "batch1", vec![])
        .node("Concat", "batch1 rest", "to", vec![int("axis", 0)])
        .node("Reshape", "x to", "flat", vec![])
        .node("MatMulInteger", "flat ones", "y", vec![]);
    let model = model(&open(flat, 0, &["n"]), Limits::default());
    for n in 1..4 {
        let mut session = model.session(&[[n, 2, 3]], 1).unwrap();
        session.input_mut::<u8>(0).unwrap().iter_mut().zip(0..).for_each(|(x, at)| *x = at);
        session.run().unwrap();
        // Sums of 0 to 5, of 6 to 11, of 12 to 17.
        assert_eq!(session.output(0).unwrap().to_data(), Data::I32([15, 51, 87][..n].to_vec()));
    }
}

#[test]
fn memory_is_checked_before_it_is_taken() {
    let mut limits = Limits::default();
    limits.memory = 1 << 20;
    let model = model(&open(network([1, 1, 1]), 0, &["n", "", "h", "w"]), limits);
    model.session(&[[1, 4, 64, 64]], 1).unwrap();
    for shape in [[1 << 40, 4, 1, 1], [1, 4, 1 << 20, 1 << 20], [1, 4, 1024, 256]] {
        let Err(Error::Model(problems)) = model.plan(&[shape]) else { panic!("{shape:?}") };
        assert_eq!(problems.0[0].kind, ProblemKind::TooLarge, "{shape:?}: {problems}");
    }
    let Err(Error::Model(problems)) = model.plan(&[[usize::MAX, 4, 2, 2]]) else { panic!("it overflows") };
    assert_eq!(problems.0[0].kind, ProblemKind::SizeOverflow);
    // Scratch is as many times as there are threads.
    let Err(Error::Model(problems)) = model.session(&[[1, 4, 128, 128]], 1024) else { panic!("scratch for 1024") };
    assert!(problems.to_string().contains("bytes of scratch memory for 1024 threads, the limit is 1048576"));
}

const BYTES: usize = 4096;

/// Tensors of 4096 bytes whose scales are 1 and zero points 0, by steps that can write where they read.
fn chain(nodes: &[(&str, &str)]) -> Builder {
    let size = [i64::try_from(BYTES).unwrap()];
    let mut builder = Builder::new(13).input("x", U8, &size).output("y", U8, &size).f32("s", 1.0).u8("z", 0);
    for &(inputs, output) in nodes {
        builder = match inputs.split_once(' ') {
            Some((a, b)) => builder.node("com.microsoft.QLinearAdd", &format!("{a} s z {b} s z s z"), output, vec![]),
            None => builder.node("com.microsoft.QLinearLeakyRelu", &format!("{inputs} s z s z"), output, vec![]),
        };
    }
    builder
}

#[test]
fn results_take_the_place_of_operands_that_nobody_needs_any_more() {
    let x: Vec<u8> = (0..BYTES).map(|at| (at % 100) as u8).collect();
    let cases = [
        // The input stays as it is; all else is one place.
        (vec![("x", "a"), ("a", "b"), ("b", "y")], 2, 4, 1),
        // `a` is needed until the sum, which then lies where one of its operands did.
        (vec![("x", "a"), ("a", "b"), ("a b", "y")], 3, 4, 2),
        // The left operand is an input, the right one is not.
        (vec![("x", "a"), ("x a", "y")], 2, 3, 2),
        // Both operands are one tensor, whose place would be read twice.
        (vec![("x", "a"), ("a a", "y")], 3, 3, 2),
        // `a` is read once more.
        (vec![("x", "a"), ("a x", "b"), ("a b", "y")], 3, 4, 3),
    ];
    for (nodes, places, tensors, times) in cases {
        let builder = chain(&nodes);
        let activations = builder.session(&Backend::best(), 1).plan().activations();
        let told = format!("{nodes:?}: {activations:?}");
        assert_eq!((activations.arena / BYTES, activations.apart / BYTES), (places, tensors), "{told}");
        assert!(activations.least <= activations.arena);
        let expected: Vec<u8> = x.iter().map(|x| x.saturating_mul(times)).collect();
        assert_eq!(builder.run(&[Data::U8(x.clone())]), Data::U8(expected), "{told}");
    }
}

#[test]
fn what_is_seen_otherwise_or_is_an_output_is_not_written_over() {
    let x: Vec<u8> = (0..BYTES).map(|at| (at % 100) as u8).collect();
    let twice: Vec<u8> = x.iter().map(|x| 2 * x).collect();
    // `v` is `a` as a matrix, and `a` is read once more.
    let view = chain(&[("x", "a")])
        .constant("to", &[2], Data::I64(vec![64, 64]))
        .constant("back", &[1], Data::I64(vec![-1]))
        .node("Reshape", "a to", "v", vec![])
        .node("com.microsoft.QLinearLeakyRelu", "v s z s z", "b", vec![])
        .node("Reshape", "b back", "f", vec![])
        .node("com.microsoft.QLinearAdd", "a s z f s z s z", "y", vec![]);
    assert_eq!(view.session(&Backend::best(), 1).plan().memory(), 3 * BYTES);
    assert_eq!(view.run(&[Data::U8(x.clone())]), Data::U8(twice.clone()));

    let size = [i64::try_from(BYTES).unwrap()];
    let outputs = chain(&[("x", "y"), ("y", "a"), ("a y", "t")]).output("t", U8, &size);
    let mut session = outputs.session(&Backend::best(), 1);
    assert_eq!(session.plan().memory(), 3 * BYTES);
    assert_eq!(answer(&mut session, &x), Data::U8(x.clone()));
    assert_eq!(session.output(1).unwrap().to_data(), Data::U8(twice));
}

#[test]
fn constants_are_read_and_results_never_take_their_place() {
    let x: Vec<u8> = (0..BYTES).map(|at| (at % 100) as u8).collect();
    let size = [i64::try_from(BYTES).unwrap()];
    let builder = chain(&[("x", "a"), ("a c", "y")]).constant("c", &size, Data::U8(vec![7; BYTES]));
    let expected: Vec<u8> = x.iter().map(|x| x + 7).collect();
    // Twice, as the first run would have spoilt it.
    let mut session = builder.session(&Backend::best(), 1);
    for _ in 0..2 {
        assert_eq!(answer(&mut session, &x), Data::U8(expected.clone()));
    }
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

fn zeropoint(arguments: &[&str]) -> Ended {
    let output =
        Command::new(env!("CARGO_BIN_EXE_zeropoint")).args(arguments).env_remove("ZEROPOINT_ISA").output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_command_takes_shapes_from_its_arguments_and_from_files() {
    let folder = folder("shapes");
    let path = folder.join("model.onnx");
    std::fs::write(&path, open(network([1, 1, 1]), 0, &["n", "", "h", "w"]).bytes()).unwrap();
    for subcommand in ["info", "run", "bench"] {
        let ended = zeropoint(&[subcommand, text(&path)]);
        assert_eq!(ended.code, Some(2), "{subcommand}: {}", ended.out);
        assert!(ended.err.contains("the size of axis 2 (\"h\") is left open"), "{subcommand}: {}", ended.err);
    }
    for shape in ["2,4,6,5", "x=2,4,6,5"] {
        let ended = zeropoint(&["info", text(&path), "--shape", shape]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.contains("input x: uint8 [2, 4, 6, 5]"), "{}", ended.out);
        assert!(ended.out.contains("bytes in one arena ("), "{}", ended.out);
    }
    let ended = zeropoint(&["bench", text(&path), "--shape", "2,4,6,5", "--seconds", "0"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("plan ms") && ended.out.contains("read and prepared in "), "{}", ended.out);

    // The shape that the file of an input has.
    let x = pixels([1, 2, 3]);
    let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    npy.extend(format!("{:<69}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 4, 2, 3), }").bytes());
    npy.extend(&x);
    let input = folder.join("x.npy");
    std::fs::write(&input, npy).unwrap();
    let ended = zeropoint(&["run", text(&path), "--input", text(&input)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let expected = answer(&mut network([1, 2, 3]).session(&Backend::best(), 1), &x);
    let Data::U8(expected) = expected else { panic!("{expected:?}") };
    assert!(ended.out.contains("y: uint8 [1, 4, 2, 3]"), "{}", ended.out);
    let most = expected.iter().max().unwrap().to_string();
    assert!(ended.out.lines().any(|line| line.contains("   1. ") && line.contains(&most)), "{}", ended.out);

    for (arguments, expected) in [
        (vec!["--shape", "1,4,2"], "has the shape [n, 4, h, w], not [1, 4, 2]"),
        (vec!["--shape", "1,5,2,3"], "has the shape [n, 4, h, w], not [1, 5, 2, 3]"),
        (vec!["--shape", "q=1,4,2,3"], "there is no input q, the network has x"),
        (vec!["--shape", "1,4,2,many"], "\"many\" is no size"),
        (vec!["--shape", "1,4,2,3", "--shape", "x=1,4,2,3"], "the input has one already"),
        (vec!["--shape", "1,4,3,3", "--input", text(&input)], "has shape [1, 4, 2, 3] (dtype '|u1'), expected uint8"),
    ] {
        let ended = zeropoint(&[&["run", text(&path)][..], &arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.out);
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn after_the_passes_shapes_are_fixed() {
    let (mut graph, _) = onnx::parse(&open(network([1, 2, 3]), 0, &["n"]).bytes(), None);
    graph.set_input_shape(graph.input_named("x").unwrap(), &[5, 4, 2, 3]).unwrap();
    passes::prepare(&mut graph, &Options::default()).unwrap();
    let told = graph.set_input_shape(0, &[6, 4, 2, 3]).unwrap_err().to_string();
    assert_eq!(told, "x: has the shape [5, 4, 2, 3], not [6, 4, 2, 3]");
    let plan = Plan::new(&graph, &Backend::best(), Limits::default()).unwrap();
    assert_eq!(plan.output_tensors().next().unwrap().2, [5, 4, 2, 3]);
}
