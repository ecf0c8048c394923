//! Paddle's models: the graphs that they become, what can be run of them, and files that are broken.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use support::{Random, models, owned, session, set_data, tiers};
use zeropoint_runner::exec::TensorRef;
use zeropoint_runner::formats::{self, paddle};
use zeropoint_runner::graph::op::AbsMax;
use zeropoint_runner::graph::{Data, Graph, Layout, Op, Size, TensorId, Type};
use zeropoint_runner::trace::{Trace, record, top};
use zeropoint_runner::{Error, golden, npy, passes};

/// The models, and the sides of their images.
const PADDLE: [(&str, usize); 5] = [
    ("digits_pnet", 8),
    ("digits_pnet_all", 8),
    ("digits_pnet_layer", 8),
    ("digits_pnet_4bit", 8),
    ("mobilenetv1_w025", 16),
];

fn folder(model: &str) -> PathBuf {
    models().join("paddle").join(model)
}

/// Images 0 to `count` of the test set, each pixel divided by 16.
fn images(side: usize, count: usize) -> Vec<f32> {
    let name = if side == 8 { "digits_test_u8" } else { "digits_test_16x16_u8" };
    let path = models().join("paddle/inputs").join(name).with_extension("npy");
    let Data::U8(pixels) = npy::read(&path, Type::U8, &[360, 1, side, side]).unwrap() else { panic!() };
    pixels[..count * side * side].iter().map(|&pixel| f32::from(pixel) / 16.0).collect()
}

fn golden(model: &str) -> Trace {
    serde_json::from_slice(&std::fs::read(folder(model).join("layers_f32bias.json")).unwrap()).unwrap()
}

fn find(graph: &Graph, name: &str) -> TensorId {
    let made = graph.nodes.iter().flat_map(|node| &node.outputs);
    *made.into_iter().find(|id| graph.tensor(**id).name == name).unwrap_or_else(|| panic!("no tensor {name}"))
}

fn with_batch(graph: &mut Graph, batch: usize, side: usize) {
    graph.set_input_shape(0, &[batch, 1, side, side]).unwrap();
}

fn count(graph: &Graph) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for node in &graph.nodes {
        *count.entry(node.op.name()).or_insert(0) += 1;
    }
    count
}

#[test]
fn every_model_is_read_without_a_problem() {
    for (model, side) in PADDLE {
        let graph = formats::load(&folder(model)).unwrap();
        assert_eq!(graph.inputs.len(), 1);
        let input = graph.tensor(graph.inputs[0]);
        assert_eq!((input.name.as_str(), input.type_), ("x", Some(Type::F32)), "{model}");
        let fixed = Size::Fixed;
        assert_eq!(input.sizes, [Size::Open(String::new()), fixed(1), fixed(side), fixed(side)], "{model}");
        let outputs: Vec<&str> = graph.outputs.iter().map(|&id| graph.tensor(id).name.as_str()).collect();
        assert_eq!(outputs, ["save_infer_model/scale_0.tmp_0"], "{model}");
        let golden = golden(model);
        assert!(golden.layers.len() >= 8);
        for layer in &golden.layers {
            // A clamp to fewer bits is a tensor of its own in the goldens.
            let name = layer.name.strip_suffix("#2").unwrap_or(&layer.name);
            let id = find(&graph, name);
            let maker = graph.nodes.iter().find(|node| node.outputs.contains(&id)).unwrap();
            let Op::QuantizeLinear { abs_max: Some(AbsMax { bits, .. }), .. } = maker.op else { panic!("{name}") };
            assert_eq!(bits, if model == "digits_pnet_4bit" { 4 } else { 8 });
        }
    }
}

/// Counted by hand in the programs: observers are no nodes, nor are outputs that are saved unchanged but for the last.
#[test]
fn operators_are_as_many_as_in_the_programs() {
    let of = |model: &str| {
        let graph = formats::load(&folder(model)).unwrap();
        count(&graph).into_iter().map(|(name, count)| (name.to_owned(), count)).collect::<Vec<_>>()
    };
    let expected = |counts: &[(&str, usize)]| -> Vec<(String, usize)> {
        counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
    };
    assert_eq!(
        of("mobilenetv1_w025"),
        expected(&[
            ("Add", 1),
            ("BatchNormalization", 27),
            ("Conv", 27),
            ("DequantizeLinear", 56),
            ("Flatten", 1),
            ("GlobalAveragePool", 1),
            ("Identity", 1),
            ("MatMul", 1),
            ("QuantizeLinear", 28),
            ("Relu", 27),
        ])
    );
    assert_eq!(
        of("digits_pnet"),
        expected(&[
            ("Add", 7),
            ("BatchNormalization", 2),
            ("Clip", 1),
            ("Concat", 2),
            ("Conv", 5),
            ("ConvTranspose", 1),
            ("DequantizeLinear", 16),
            ("Flatten", 1),
            ("GlobalAveragePool", 1),
            ("HardSwish", 1),
            ("Identity", 1),
            ("MatMul", 2),
            ("MaxPool", 1),
            ("QuantizeLinear", 8),
            ("Relu", 4),
            ("Reshape", 6),
            ("Transpose", 2),
        ])
    );
}

#[test]
fn a_model_is_found_by_any_of_its_names() {
    for path in ["digits_pnet_all", "digits_pnet_all/model.pdmodel", "digits_pnet_all/model.json"] {
        assert!(formats::load(&folder(path)).is_ok(), "{path}");
    }
    let made = support::folder("paddle_names");
    let program = folder("digits_pnet/model.pdmodel");
    std::fs::copy(&program, made.join("inference.pdmodel")).unwrap();
    let missing = formats::load(&made).unwrap_err().to_string();
    assert!(missing.contains("inference.pdiparams: "), "{missing}");
    std::fs::copy(folder("digits_pnet/model.pdiparams"), made.join("inference.pdiparams")).unwrap();
    assert!(formats::load(&made).is_ok());
    std::fs::rename(made.join("inference.pdmodel"), made.join("inference.other")).unwrap();
    let empty = formats::load(&made).unwrap_err().to_string();
    assert!(empty.ends_with("is a folder without any of model.pdmodel, inference.pdmodel, model.json, inference.json"));
    // By its first byte.
    assert!(formats::load(&made.join("inference.other")).is_ok());
    // Another model's parameters.
    std::fs::copy(folder("digits_pnet_all/model.pdiparams"), made.join("inference.pdiparams")).unwrap();
    assert!(matches!(formats::load(&made.join("inference.other")), Err(Error::Model(_))));
}

/// The first quantiser of each model on images 0 to 7: Paddle's rule, its bits, on every tier.
#[test]
fn the_first_quantiser_equals_the_golden() {
    for (model, side) in PADDLE {
        let mut graph = formats::load(&folder(model)).unwrap();
        let id = find(&graph, "x.quantized");
        graph.nodes.retain(|node| node.outputs.contains(&id));
        graph.outputs = vec![id];
        with_batch(&mut graph, 8, side);
        passes::prepare(&mut graph, &passes::Options::default()).unwrap();
        let expected = &golden(model).layers[0];
        for backend in tiers() {
            for threads in [1, 2] {
                let mut session = session(&graph, &backend, threads);
                set_data(&mut session, 0, &Data::F32(images(side, 8)));
                let trace = record(&mut session).unwrap();
                let got = &trace.layers[0];
                let place = format!("{model}, {}", backend.isa());
                assert_eq!(
                    (&got.name, &got.crc32, got.sum),
                    (&expected.name, &expected.crc32, expected.sum),
                    "{place}"
                );
                assert_eq!((&got.shape, &got.first8), (&expected.shape, &expected.first8), "{place}");
            }
        }
    }
}

/// Ties part the two rules: `f32(127 f32(1 / s)) x` and `x / f32(s / 127)`.
#[test]
fn quantising_by_an_absolute_maximum_is_paddles() {
    let (scale, bits) = (3.0f32, 8);
    let x: Vec<f32> = (-2000..2000).map(|at| at as f32 * 0.001_968_504).collect();
    let factor = 127.0 * (1.0 / scale);
    let expected: Vec<i8> = x.iter().map(|x| (factor * x).round_ties_even().clamp(-128.0, 127.0) as i8).collect();
    let onnx: Vec<i8> = x.iter().map(|x| (x / (scale / 127.0)).round_ties_even().clamp(-128.0, 127.0) as i8).collect();
    assert_ne!(expected, onnx, "nothing here tells the rules apart");

    // The same values as an image with channels, which is rearranged on the way.
    for shape in [vec![4000], vec![2, 5, 20, 20]] {
        let mut graph = formats::load(&folder("digits_pnet")).unwrap();
        let id = find(&graph, "x.quantized");
        graph.nodes.retain(|node| node.outputs.contains(&id));
        graph.outputs = vec![id];
        let input = graph.inputs[0].index();
        graph.tensors[input].sizes.clear();
        graph.tensors[input].shape = Some(shape.clone());
        graph.nodes[0].op =
            Op::QuantizeLinear { axis: 1, block: 0, to: Some(Type::I8), abs_max: Some(AbsMax { value: scale, bits }) };
        passes::prepare(&mut graph, &passes::Options::default()).unwrap();
        if shape.len() == 4 {
            graph.tensors[graph.outputs[0].index()].layout = Layout::ChannelsLast;
        }
        for backend in tiers() {
            let mut session = session(&graph, &backend, 2);
            set_data(&mut session, 0, &Data::F32(x.clone()));
            session.run().unwrap();
            let Data::I8(got) = session.output(0).unwrap().to_data() else { panic!() };
            let at = |channel: usize, pixel: usize, image: usize| (image * 400 + pixel) * 5 + channel;
            for (index, expected) in expected.iter().enumerate() {
                let (image, channel, pixel) = (index / 2000, index / 400 % 5, index % 400);
                let index = if shape.len() == 4 { at(channel, pixel, image) } else { index };
                assert_eq!(got[index], *expected, "{shape:?}, {index}, {}", backend.isa());
            }
        }
    }
}

/// A model as Paddle means it: biases are floats behind the sums.
fn prepared(path: &str, batch: usize, side: usize, keep: bool) -> Graph {
    let mut graph = formats::load(&folder(path)).unwrap();
    with_batch(&mut graph, batch, side);
    let options = passes::Options::default().semantics(passes::Semantics::Literal).keep(keep);
    passes::prepare(&mut graph, &options).unwrap();
    graph
}

/// The golden, where a quantiser to fewer bits is one tensor and not two: what it gives is what its clamp gave.
fn golden_of_one_clamp(model: &str) -> Trace {
    let mut golden = golden(model);
    let clamped: Vec<String> =
        golden.layers.iter().filter_map(|layer| layer.name.strip_suffix("#2").map(str::to_owned)).collect();
    golden.layers.retain(|layer| !clamped.contains(&layer.name));
    for layer in &mut golden.layers {
        if let Some(name) = layer.name.strip_suffix("#2") {
            layer.name = name.to_owned();
        }
    }
    golden
}

/// Every integer tensor of images 0 to 7 in one batch equals its golden, and the answers are the same without the trace.
/// `exact` and `open` count the tensors: those that have to be equal, and those below a float operator.
#[test]
fn whole_models_equal_their_goldens() {
    let cases = [
        ("digits_pnet", 8, 4, 4),
        ("digits_pnet_all", 8, 9, 18),
        ("digits_pnet_all/model.json", 8, 9, 18),
        ("digits_pnet_layer", 8, 4, 4),
        ("digits_pnet_4bit", 8, 4, 4),
        ("mobilenetv1_w025", 16, 27, 1),
    ];
    let backends = tiers();
    for (path, side, exact, open) in cases {
        let golden = golden_of_one_clamp(path.split('/').next().unwrap());
        let (kept, plain) = (prepared(path, 8, side, true), prepared(path, 8, side, false));
        let x = Data::F32(images(side, 8));
        let mut first = None;
        for backend in &backends {
            for threads in [1, 2] {
                let place = format!("{path}, {}, {threads} threads", backend.isa());
                let mut traced = session(&kept, backend, threads);
                set_data(&mut traced, 0, &x);
                let report = golden::compare(&golden, &record(&mut traced).unwrap());
                assert_eq!(report.differences, [""; 0], "{place}");
                assert_eq!((report.equal, report.unjudged), (exact, open), "{place}");
                // The golden of the net with a scale a weight differs from Paddle's as well.
                let apart = usize::from(path == "digits_pnet_layer");
                assert_eq!(report.unjudged_differences.len(), apart, "{place}: {report:?}");
                let y = owned(traced.output(0).unwrap());
                assert_eq!(*first.get_or_insert_with(|| y.clone()), y, "{place}");
                let mut fused = session(&plain, backend, threads);
                set_data(&mut fused, 0, &x);
                fused.run().unwrap();
                assert_eq!(owned(fused.output(0).unwrap()), y, "{place}");
            }
        }
    }
}

/// An integer tensor that Paddle's executor made of image 0.
#[derive(serde::Deserialize)]
struct Recorded {
    name: String,
    shape: Vec<usize>,
    crc32: String,
}

/// Paddle's own integers of image 0, which are more than the goldens judge.
#[test]
fn integers_are_those_of_paddles_executor() {
    for (model, side) in PADDLE {
        let tensors = std::fs::read(folder(model).join("paddle_one.json")).unwrap();
        let tensors: Vec<Recorded> = serde_json::from_slice(&tensors).unwrap();
        let mut session = session(&prepared(model, 1, side, true), &zeropoint::Backend::best(), 1);
        set_data(&mut session, 0, &Data::F32(images(side, 1)));
        let trace = record(&mut session).unwrap();
        for expected in &tensors {
            let place = format!("{model}, {}", expected.name);
            match trace.layers.iter().find(|layer| layer.name == expected.name) {
                Some(got) => assert_eq!((&got.shape, &got.crc32), (&expected.shape, &expected.crc32), "{place}"),
                // A bias that the file quantises: a constant, and no run makes it.
                None => assert!(model == "digits_pnet_all" && expected.name.starts_with("reshape2_"), "{place}"),
            }
        }
    }
}

/// The answers to all images: as Paddle's executor has them, and as many of them right.
#[test]
fn whole_models_answer_as_paddle_does() {
    let path = models().join("paddle/inputs/digits_test_labels_u8.npy");
    let Data::U8(labels) = npy::read(&path, Type::U8, &[360]).unwrap() else { panic!() };
    for (model, side) in PADDLE {
        let path = folder(model).join("paddle_y360.npy");
        let Data::F32(expected) = npy::read(&path, Type::F32, &[360, 10]).unwrap() else { panic!() };
        let mut session = session(&prepared(model, 360, side, false), &zeropoint::Backend::best(), 2);
        set_data(&mut session, 0, &Data::F32(images(side, 360)));
        session.run().unwrap();
        let Data::F32(got) = session.output(0).unwrap().to_data() else { panic!() };
        let class = |values: &[f32]| top(TensorRef::F32(values), 1)[0];
        let mut right = 0;
        for (image, (got, expected)) in got.chunks(10).zip(expected.chunks(10)).enumerate() {
            assert_eq!(class(got), class(expected), "{model}, image {image}: {got:?}, expected {expected:?}");
            right += usize::from(class(got) == usize::from(labels[image]));
        }
        let accuracy = golden(model).accuracy.unwrap();
        assert_eq!(right as f64, (accuracy * 360.0).round(), "{model}: right of 360");
    }
}

/// Reads what may be anything, and prepares what comes of it.
fn survive(program: &[u8], parameters: &[u8]) -> bool {
    let (mut graph, mut problems) = paddle::parse(program, parameters);
    let understood = problems.is_empty();
    passes::run(&mut graph, &passes::Options::default(), &mut problems);
    understood
}

fn files(model: &str, program: &str) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(folder(model).join(name)).unwrap();
    (read(program), read("model.pdiparams"))
}

#[test]
fn every_truncation_is_an_error() {
    let model = "digits_pnet_all";
    for program in ["model.pdmodel", "model.json"] {
        let (program, parameters) = files(model, program);
        assert!(survive(&program, &parameters));
        for length in (0..program.len()).step_by(program.len() / 150).chain(program.len() - 20..program.len()) {
            // White space behind the last brace is none of it.
            let rest = &program[length..];
            if rest.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            assert!(!survive(&program[..length], &parameters), "{length} of {} bytes", program.len());
        }
    }
    let (program, parameters) = files(model, "model.pdmodel");
    for length in (0..parameters.len()).step_by(97) {
        let (_, problems) = paddle::parse(&program, &parameters[..length]);
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert!(problems.0[0].place.starts_with("parameter \""), "{problems}");
    }
    let long = [&parameters[..], &[0; 3]].concat();
    let told = paddle::parse(&program, &long).1.to_string();
    assert_eq!(told, "invalid: parameters: 3 bytes behind the last parameter that the program names");
}

#[test]
fn flipped_bytes_are_survived() {
    let mut random = Random(7);
    for program in ["model.pdmodel", "model.json"] {
        let (program, parameters) = files("digits_pnet_all", program);
        for _ in 0..150 {
            let (mut program, mut parameters) = (program.clone(), parameters.clone());
            for _ in 0..=random.below(3) {
                let at = random.below(program.len());
                program[at] ^= 1 << random.below(8);
                let at = random.below(parameters.len());
                if random.below(2) == 0 {
                    parameters[at] = random.u8();
                }
            }
            survive(&program, &parameters);
        }
    }
}
