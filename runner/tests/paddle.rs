//! Paddle's models: the graphs that they become, what can be run of them, and files that are broken.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use support::{Random, models, session, set_data, tiers};
use zeropoint_runner::formats::{self, paddle};
use zeropoint_runner::graph::op::AbsMax;
use zeropoint_runner::graph::{Data, Graph, Layout, Op, Size, TensorId, Type};
use zeropoint_runner::trace::{Layer, Trace, record};
use zeropoint_runner::{Error, npy, passes};

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

/// How a layer differs from its golden, where it does.
fn difference(expected: &Layer, got: &Trace) -> Option<String> {
    let Some(layer) = got.layers.iter().find(|layer| layer.name == expected.name) else {
        return Some(format!("{} was not made", expected.name));
    };
    let same = (&layer.shape, &layer.crc32, layer.sum) == (&expected.shape, &expected.crc32, expected.sum);
    if same { None } else { Some(format!("{}: {layer:?}, expected {expected:?}", expected.name)) }
}

fn prepared(model: &str, batch: usize, side: usize) -> Graph {
    let mut graph = formats::load(&folder(model)).unwrap();
    with_batch(&mut graph, batch, side);
    let options = passes::Options::default().semantics(passes::Semantics::Literal).keep(true);
    passes::prepare(&mut graph, &options).unwrap();
    graph
}

/// Every integer tensor of images 0 to 7 in one batch equals its golden. Those below a float operator whose rounding is
/// open do so too, but for one of the net with a scale a weight, where the golden differs from Paddle as well.
#[test]
fn whole_models_equal_their_goldens() {
    for (model, side) in PADDLE {
        let golden = golden(model);
        let graph = prepared(model, 8, side);
        for backend in tiers() {
            for threads in [1, 2] {
                let mut session = session(&graph, &backend, threads);
                set_data(&mut session, 0, &Data::F32(images(side, 8)));
                let trace = record(&mut session).unwrap();
                let place = format!("{model}, {}, {threads} threads", backend.isa());
                let mut open = Vec::new();
                for expected in golden.layers.iter().filter(|layer| !layer.name.ends_with("#2")) {
                    let difference = difference(expected, &trace);
                    match expected.judge.as_deref() {
                        Some("exact") => assert_eq!(difference, None, "{place}"),
                        _ => open.extend(difference),
                    }
                }
                assert!(open.len() <= usize::from(model == "digits_pnet_layer"), "{place}: {open:?}");
            }
        }
    }
}

/// The integers that Paddle's own quantisers make of image 0.
#[test]
fn quantised_tensors_are_paddles_own() {
    for (model, side) in PADDLE {
        let layers = std::fs::read(folder(model).join("paddle_one.json")).unwrap();
        let layers: Vec<serde_json::Value> = serde_json::from_slice(&layers).unwrap();
        let graph = prepared(model, 1, side);
        let mut session = session(&graph, &zeropoint::Backend::best(), 1);
        set_data(&mut session, 0, &Data::F32(images(side, 1)));
        let trace = record(&mut session).unwrap();
        let mut different = Vec::new();
        let mut equal = 0;
        for layer in &layers {
            let (name, crc32) = (layer["name"].as_str().unwrap(), layer["crc32"].as_str().unwrap());
            // What is quantised of constants is computed while planning.
            let Some(got) = trace.layers.iter().find(|got| got.name == name) else { continue };
            if got.crc32 == crc32 { equal += 1 } else { different.push(name) }
        }
        assert!(equal >= 6, "{model}: {equal} of {}", layers.len());
        assert_eq!(different, [""; 0], "{model}, {equal} equal");
    }
}

/// The answers to all images: as Paddle's executor has them.
#[test]
fn whole_models_answer_as_paddle_does() {
    for (model, side) in PADDLE {
        let path = folder(model).join("paddle_y360.npy");
        let Data::F32(expected) = npy::read(&path, Type::F32, &[360, 10]).unwrap() else { panic!() };
        let mut graph = formats::load(&folder(model)).unwrap();
        with_batch(&mut graph, 360, side);
        let options = passes::Options::default().semantics(passes::Semantics::Literal);
        passes::prepare(&mut graph, &options).unwrap();
        let mut session = session(&graph, &zeropoint::Backend::best(), 2);
        set_data(&mut session, 0, &Data::F32(images(side, 360)));
        session.run().unwrap();
        let Data::F32(got) = session.output(0).unwrap().to_data() else { panic!() };
        let class = |values: &[f32]| (0..10).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).unwrap();
        for (image, (got, expected)) in got.chunks(10).zip(expected.chunks(10)).enumerate() {
            assert_eq!(class(got), class(expected), "{model}, image {image}: {got:?}, expected {expected:?}");
        }
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
