//! Parameters that a run brings: each run has its own, and what is wrong with them is told where it is known.

mod support;

use support::{Builder, F32, I8, I32, I64, U8, tiers};
use zeropoint::Backend;
use zeropoint_runner::graph::Data;

/// Runs one session with several sets of inputs, and gives the first output of each.
fn runs(model: &Builder, sets: &[Vec<Data>]) -> Vec<Data> {
    let mut expected: Option<Vec<Data>> = None;
    for backend in tiers() {
        for threads in [1, 2] {
            let mut session = model.session(&backend, threads);
            let outputs = sets.iter().map(|inputs| {
                inputs.iter().enumerate().for_each(|(index, data)| session.set_input(index, data).unwrap());
                session.run().unwrap();
                session.output(0).unwrap().to_data()
            });
            let outputs: Vec<Data> = outputs.collect();
            assert_eq!(expected.get_or_insert_with(|| outputs.clone()), &outputs, "{}", backend.isa());
        }
    }
    expected.unwrap()
}

#[test]
fn field_case_17_a_zero_point_is_not_kept_from_the_run_before() {
    let model = Builder::new(21)
        .input("a", U8, &[1, 2])
        .input("bz", U8, &[])
        .output("y", I32, &[1, 1])
        .constant("b", &[2, 1], Data::U8(vec![1, 1]))
        .node("MatMulInteger", "a b - bz", "y", vec![]);
    let set = |zero_point| vec![Data::U8(vec![1, 1]), Data::U8(vec![zero_point])];
    assert_eq!(runs(&model, &[set(0), set(1), set(0)]), [2, 0, 2].map(|sum| Data::I32(vec![sum])));
}

#[test]
fn weights_that_are_constants_serve_every_run_and_others_only_their_own() {
    let model = |builder: Builder| {
        let builder = builder.input("x", U8, &[1, 1, 1, 3]).input("xz", U8, &[]).output("y", I32, &[1, 1, 1, 2]);
        builder.node("ConvInteger", "x w xz", "y", vec![])
    };
    let sums = |values: [i32; 2]| Data::I32(values.to_vec());
    let x = || Data::U8(vec![1, 2, 3]);
    let kept = model(Builder::new(21).constant("w", &[1, 1, 1, 2], Data::I8(vec![1, -2])));
    let set = |zero_point| vec![x(), Data::U8(vec![zero_point])];
    assert_eq!(runs(&kept, &[set(0), set(1)]), [sums([-3, -4]), sums([-2, -3])]);

    let given = model(Builder::new(21).input("w", I8, &[1, 1, 1, 2]));
    let set = |weights: [i8; 2]| vec![Data::I8(weights.to_vec()), x(), Data::U8(vec![0])];
    assert_eq!(runs(&given, &[set([1, -2]), set([3, 1])]), [sums([-3, -4]), sums([5, 9])]);
}

#[test]
fn field_case_39_parameters_that_a_node_makes() {
    // 0 to 255 by steps of 1, ties to even; then the integers are added up, less their zero point.
    let model = Builder::new(21)
        .input("x", F32, &[1, 6])
        .output("q", U8, &[1, 6])
        .output("s", F32, &[])
        .output("z", U8, &[])
        .output("sum", I32, &[1, 1])
        .constant("ones", &[6, 1], Data::I8(vec![1; 6]))
        .results("DynamicQuantizeLinear", "x", &["q", "s", "z"], vec![])
        .node("MatMulInteger", "q ones z", "sum", vec![]);
    let mut session = model.session(&Backend::best(), 1);
    for (x, q, scale, zero_point, sum) in [
        ([0.0, 255.0, 0.5, 1.5, 2.5, 3.5], [0, 255, 0, 2, 2, 4], 1.0, 0, 263),
        ([-127.0, 383.0, 0.0, 1.0, 2.0, -3.0], [0, 255, 64, 64, 65, 62], 2.0, 64, 510 - 6 * 64),
    ] {
        session.set_input(0, &Data::F32(x.to_vec())).unwrap();
        session.run().unwrap();
        let output = |index: usize| session.output(index).unwrap().to_data();
        assert_eq!(output(0), Data::U8(q.to_vec()));
        assert_eq!(output(1), Data::F32(vec![scale]));
        assert_eq!(output(2), Data::U8(vec![zero_point]));
        assert_eq!(output(3), Data::I32(vec![sum]));
    }
}

#[test]
fn indices_may_be_of_a_run() {
    let model = Builder::new(21).input("x", U8, &[3, 2]).input("at", I64, &[2]).output("y", U8, &[2, 2]).node(
        "Gather",
        "x at",
        "y",
        vec![],
    );
    let x = Data::U8(vec![1, 2, 3, 4, 5, 6]);
    let set = |at: [i64; 2]| vec![x.clone(), Data::I64(at.to_vec())];
    let rows = |values: [u8; 4]| Data::U8(values.to_vec());
    assert_eq!(runs(&model, &[set([2, 0]), set([-1, 1])]), [rows([5, 6, 1, 2]), rows([5, 6, 3, 4])]);
    let mut session = model.session(&Backend::best(), 1);
    session.set_input(1, &Data::I64(vec![0, 3])).unwrap();
    let error = session.run().unwrap_err().to_string();
    assert!(error.contains("index 3 is outside an axis of size 3"), "{error}");
}

#[test]
fn the_kernel_of_such_a_node_says_so() {
    let model = Builder::new(21).input("x", F32, &[4]).input("s", F32, &[]).output("y", U8, &[4]).u8("z", 0).node(
        "QuantizeLinear",
        "x s z",
        "y",
        vec![],
    );
    let session = model.session(&Backend::best(), 1);
    let kernel = &session.plan().made()[0].kernel;
    assert!(kernel.ends_with("(planned in each run)"), "{kernel}");
}
