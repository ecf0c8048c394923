//! Every model, every picture, every tier, one and two threads: each integer tensor equals its golden, and the outputs
//! equal what the goldens say to the bit, or within 1e-6 where a softmax made them.

mod support;

use zeropoint_runner::exec::TensorRef;
use zeropoint_runner::golden::compare;
use zeropoint_runner::graph::{Data, Type};
use zeropoint_runner::npy;
use zeropoint_runner::preprocess::Preparation;
use zeropoint_runner::trace::{Trace, record};

use support::{MODELS, load, model, models, owned, pictures, session, set_data, tiers};

fn golden(model: &str, picture: &str) -> Trace {
    let path = models().join("golden").join(model).join(picture).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check(name: &str, prefix: &str) {
    let path = model(name);
    let graph = load(&path);
    let preparation = Preparation::beside(&path).unwrap();
    let input = graph.tensor(graph.inputs[0]);
    let (type_, shape) = (input.type_.unwrap(), input.shape.clone().unwrap());
    for backend in tiers() {
        for threads in [1, 2] {
            let mut session = session(&graph, &backend, threads);
            let isa = backend.isa();
            for (picture, file) in pictures(name, prefix) {
                let place = format!("{name}, {picture}, {isa}, {threads} threads");
                let golden = golden(name, &picture);
                assert!(golden.layers.len() >= 30 && golden.input_crc32.is_some(), "{place}");
                set_data(&mut session, 0, &preparation.picture(&file, type_, &shape).unwrap());
                let report = compare(&golden, &record(&mut session).unwrap());
                assert!(report.is_equal(), "{place}: {report}");
                assert_eq!(report.equal, golden.layers.len(), "{place}");
                // A traced run and a plain one give the same outputs.
                session.run().unwrap();
                outputs(&session, name, &picture, &place);
            }
        }
    }
}

fn outputs(session: &zeropoint_runner::exec::Session, model: &str, picture: &str, place: &str) {
    let folder = models().join("golden").join(model);
    for (index, (name, type_, shape)) in session.plan().output_tensors().enumerate() {
        let expected = npy::read(&folder.join(format!("{picture}_{name}.npy")), type_, shape).unwrap();
        let got = session.output(index).unwrap();
        match (&expected, got) {
            (Data::F32(expected), TensorRef::F32(got)) if name == "prob" => {
                for (expected, got) in expected.iter().zip(got) {
                    assert!((expected - got).abs() <= 1e-6, "{place}: {name} is {got}, expected {expected}");
                }
            }
            _ => assert_eq!(owned(got), expected, "{place}: {name}"),
        }
    }
}

#[test]
fn person_detection_s8() {
    check(MODELS[0].0, MODELS[0].1);
}

#[test]
fn person_detection_u8() {
    check(MODELS[1].0, MODELS[1].1);
}

#[test]
fn mobilenet_v2_with_s8_weights() {
    check(MODELS[2].0, MODELS[2].1);
}

#[test]
fn mobilenet_v2_with_u8_weights() {
    check(MODELS[3].0, MODELS[3].1);
}

#[test]
fn the_kernels_are_named() {
    for backend in tiers() {
        let graph = load(&model("person_detect_s8pc"));
        let session = session(&graph, &backend, 1);
        for made in session.plan().made() {
            let tier = made.kernel.split('/').next().unwrap();
            let known = tier == "view" || tier == "runner" || tier.parse::<zeropoint::Isa>().is_ok();
            assert!(known, "{}: {}", made.name, made.kernel);
            assert_eq!(made.packed.is_some(), made.op == "QLinearConv", "{}", made.name);
        }
        assert!(session.plan().made().iter().any(|made| made.type_ == Type::F32));
    }
}
