//! Whole programs: those of the models against their texts, and small ones against what they have to become.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use prost::Message;

use super::program::{Attribute, Program};
use super::proto::{
    AttrType, BlockDesc, LodTensorDesc, OpAttr, OpDesc, OpVar, ProgramDesc, TensorDesc, VarDesc, VarType,
};
use super::{load, parse, understand};
use crate::ProblemKind;
use crate::error::Problems;
use crate::graph::op::AbsMax;
use crate::graph::{Constant, Data, Graph, Op, Size, TensorId, Type};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/paddle")
}

fn program(path: &str) -> Program {
    let mut problems = Problems::default();
    let program = understand(&std::fs::read(models().join(path)).unwrap(), &mut problems);
    assert!(problems.is_empty(), "{problems}");
    program.unwrap()
}

/// A value as the texts have it; floats are compared as numbers.
fn text(value: &Attribute) -> String {
    match value {
        Attribute::Bool(true) => "True".into(),
        Attribute::Bool(false) => "False".into(),
        Attribute::Int(value) => value.to_string(),
        Attribute::Float(value) => format!("{value:?}"),
        Attribute::Text(value) => value.clone(),
        Attribute::Ints(values) => format!("{values:?}"),
        other => format!("{other:?}"),
    }
}

/// Names and values, of `a=1 b=[2, 3] c=x`.
fn assignments(line: &str) -> HashMap<String, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for word in line.split_whitespace() {
        match (word.split_once('='), found.last_mut()) {
            (Some((name, value)), _) => found.push((name.into(), value.into())),
            (None, Some((_, value))) => *value += &format!(" {word}"),
            (None, None) => panic!("{line}"),
        }
    }
    found.into_iter().collect()
}

#[test]
fn programs_are_what_their_texts_say() {
    for model in ["digits_pnet_all", "mobilenetv1_w025"] {
        let folder = models().join(model);
        let text_of = std::fs::read_to_string(folder.join("program.txt")).unwrap();
        let (operators, parameters) = text_of.split_once("# parameters").unwrap();
        let found = program(&format!("{model}/model.pdmodel"));
        let lines: Vec<&str> = operators.lines().skip(1).collect();
        assert_eq!(found.operators.len(), lines.len());
        for (operator, line) in found.operators.iter().zip(lines) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(operator.name, columns[0]);
            for (slots, column) in [(&operator.inputs, columns[1]), (&operator.outputs, columns[2])] {
                let names = |variables: &[usize]| -> Vec<&str> {
                    variables.iter().map(|&variable| found.variables[variable].name.as_str()).collect()
                };
                let mut slots: Vec<String> = slots
                    .iter()
                    .filter(|slot| !slot.variables.is_empty())
                    .map(|slot| format!("{}:{}", slot.name, names(&slot.variables).join(",")))
                    .collect();
                slots.sort();
                assert_eq!(slots.join(" "), column, "{line}");
            }
            let attributes: HashMap<_, _> = operator.attributes.iter().map(|(name, value)| (name, value)).collect();
            for (name, expected) in assignments(columns[3]) {
                match attributes[&name] {
                    Attribute::Float(value) => assert_eq!(*value, expected.parse::<f64>().unwrap(), "{name}: {line}"),
                    value => assert_eq!(text(value), expected, "{name}: {line}"),
                }
            }
        }

        let graph = load(&folder).unwrap();
        let lines: Vec<&str> = parameters.lines().skip(1).collect();
        assert_eq!(found.parameters().len(), lines.len());
        for (variable, line) in found.parameters().into_iter().zip(lines) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(found.variables[variable].name, columns[0]);
            let tensor = graph.tensors.iter().find(|tensor| tensor.name == columns[0]).unwrap();
            let constant = tensor.constant.as_deref().unwrap();
            assert_eq!(constant.type_().name(), columns[1], "{line}");
            assert_eq!(format!("{:?}", constant.shape()), columns[2], "{line}");
            let first: Vec<f64> = columns[3].trim_matches(['[', ']']).split(", ").map(|v| v.parse().unwrap()).collect();
            let values: Vec<f64> = match (constant.floats(), constant.integers()) {
                (Some(values), _) => values.iter().map(|&value| value.into()).collect(),
                (_, values) => values.unwrap().iter().map(|&value| value as f64).collect(),
            };
            assert_eq!(values[..first.len()], first, "{line}");
        }
    }
}

/// What each node does, and to what: inputs and results by their places, constants by their values.
fn shape_of(graph: &Graph) -> Vec<String> {
    let mut places: HashMap<TensorId, String> = HashMap::new();
    for (at, &id) in graph.inputs.iter().enumerate() {
        places.insert(id, format!("input {at}"));
    }
    let mut told = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let operand = |id: &Option<TensorId>| {
            let Some(id) = id else { return "none".to_owned() };
            let constant = graph.tensor(*id).constant.as_deref();
            constant
                .map_or_else(|| places[id].clone(), |constant| format!("{:?} {:?}", constant.shape(), constant.data()))
        };
        let operands: Vec<String> = node.inputs.iter().map(operand).collect();
        told.push(format!("{:?} of {}", node.op, operands.join(", ")));
        for (result, &id) in node.outputs.iter().enumerate() {
            places.insert(id, format!("{at}.{result}"));
        }
    }
    told.push(graph.outputs.iter().map(|id| format!("output {}", places[id])).collect());
    told
}

#[test]
fn both_forms_of_a_program_are_one_graph() {
    let older = load(&models().join("digits_pnet_all")).unwrap();
    let newer = load(&models().join("digits_pnet_all/model.json")).unwrap();
    for (older, newer) in shape_of(&older).iter().zip(&shape_of(&newer)) {
        assert_eq!(older, newer);
    }
    assert_eq!(older.nodes.len(), newer.nodes.len());
    let names = |graph: &Graph| -> Vec<String> {
        let quantised = graph.nodes.iter().filter(|node| matches!(node.op, Op::QuantizeLinear { .. }));
        let ends = graph.inputs.iter().chain(&graph.outputs).copied();
        quantised.map(|node| node.outputs[0]).chain(ends).map(|id| graph.tensor(id).name.clone()).collect()
    };
    assert_eq!(names(&older), names(&newer));
    assert_eq!(names(&older).len(), 35);
}

/// A program under construction, and its parameters.
#[derive(Clone, Default)]
struct Builder {
    block: BlockDesc,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Builder {
    fn new(dims: &[i64]) -> Self {
        Self::default().variable("x", dims).op("feed", "X:feed", "Out:x", vec![])
    }

    fn variable(mut self, name: &str, dims: &[i64]) -> Self {
        self.block.vars.push(variable(name, dims, false));
        self
    }

    fn parameter(mut self, name: &str, dims: &[i64], code: i32, data: &[u8]) -> Self {
        self.block.vars.push(variable(name, dims, true));
        self.parameters.push((name.into(), stored(dims, code, data)));
        self
    }

    fn floats(self, name: &str, values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.parameter(name, &[i64::try_from(values.len()).unwrap()], 5, &bytes)
    }

    /// Slots are written `Slot:variable,variable`, with spaces between.
    fn op(mut self, name: &str, inputs: &str, outputs: &str, attrs: Vec<OpAttr>) -> Self {
        let slots = |text: &str| {
            let slot = |slot: &str| {
                let (parameter, arguments) = slot.split_once(':').unwrap();
                let arguments = arguments.split(',').map(str::to_owned).collect();
                OpVar { parameter: parameter.into(), arguments }
            };
            text.split_whitespace().map(slot).collect()
        };
        let op = OpDesc { inputs: slots(inputs), outputs: slots(outputs), r#type: name.into(), attrs };
        self.block.ops.push(op);
        self
    }

    fn fetch(self, name: &str) -> Self {
        self.op("fetch", &format!("X:{name}"), "Out:fetch", vec![])
    }

    fn program(&self) -> Vec<u8> {
        ProgramDesc { blocks: vec![self.block.clone()] }.encode_to_vec()
    }

    fn values(&self) -> Vec<u8> {
        let mut parameters = self.parameters.clone();
        parameters.sort();
        parameters.into_iter().flat_map(|(_, bytes)| bytes).collect()
    }

    fn graph(&self) -> Graph {
        let (graph, problems) = parse(&self.program(), &self.values());
        assert!(problems.is_empty(), "{problems}");
        graph
    }

    fn problems(&self) -> String {
        parse(&self.program(), &self.values()).1.to_string()
    }
}

fn variable(name: &str, dims: &[i64], persistable: bool) -> VarDesc {
    let tensor = TensorDesc { data_type: 5, dims: dims.to_vec() };
    let r#type = VarType { r#type: 7, lod_tensor: Some(LodTensorDesc { tensor: Some(tensor) }) };
    VarDesc { name: name.into(), r#type: Some(r#type), persistable }
}

fn stored(dims: &[i64], data_type: i32, data: &[u8]) -> Vec<u8> {
    let description = TensorDesc { data_type, dims: dims.to_vec() }.encode_to_vec();
    let mut bytes = vec![0; 16];
    bytes.extend(u32::try_from(description.len()).unwrap().to_le_bytes());
    bytes.extend(description);
    bytes.extend(data);
    bytes
}

fn int(name: &str, i: i32) -> OpAttr {
    OpAttr { name: name.into(), r#type: AttrType::Int.into(), i, ..OpAttr::default() }
}

fn ints(name: &str, ints: &[i32]) -> OpAttr {
    OpAttr { name: name.into(), r#type: AttrType::Ints.into(), ints: ints.to_vec(), ..OpAttr::default() }
}

fn float(name: &str, f: f32) -> OpAttr {
    OpAttr { name: name.into(), r#type: AttrType::Float.into(), f, ..OpAttr::default() }
}

fn flag(name: &str, b: bool) -> OpAttr {
    OpAttr { name: name.into(), r#type: AttrType::Boolean.into(), b, ..OpAttr::default() }
}

fn string(name: &str, s: &str) -> OpAttr {
    OpAttr { name: name.into(), r#type: AttrType::String.into(), s: s.into(), ..OpAttr::default() }
}

fn ops(graph: &Graph) -> Vec<&str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

fn value(graph: &Graph, node: usize, operand: usize) -> &Constant {
    graph.tensor(graph.nodes[node].inputs[operand].unwrap()).constant.as_deref().unwrap()
}

#[test]
fn variables_are_what_they_are_when_they_are_read() {
    let observer = || vec![flag("only_observer", true)];
    let graph = Builder::new(&[-1, 4])
        .floats("s", &[2.0])
        .op("quantize_linear", "X:x Scale:s", "Y:q", observer())
        .op("relu", "X:q", "Out:a", vec![])
        .op("quantize_linear", "X:a Scale:s", "Y:q", vec![])
        .op("dequantize_linear", "X:q Scale:s", "Y:d", vec![])
        .op("quantize_linear", "X:d Scale:s", "Y:q", vec![])
        .op("quantize_linear", "X:x Scale:s", "Y:q", observer())
        .op("elementwise_add", "X:d Y:q", "Out:x", vec![])
        .fetch("x")
        .graph();
    assert_eq!(ops(&graph), ["Relu", "QuantizeLinear", "DequantizeLinear", "QuantizeLinear", "Add"]);
    let names: Vec<&str> = graph.nodes.iter().map(|node| graph.tensor(node.outputs[0]).name.as_str()).collect();
    assert_eq!(names, ["a", "q", "d", "q#2", "x#2"]);
    assert_eq!(graph.nodes[0].inputs, [Some(graph.inputs[0])]);
    assert_eq!(graph.nodes[4].inputs, [Some(graph.nodes[2].outputs[0]), Some(graph.inputs[0])]);
    assert!(graph.is_open(0));
}

#[test]
fn quantisers_have_steps_and_their_own_rule() {
    let graph = Builder::new(&[1, 4])
        .floats("s", &[0.7])
        .parameter("z", &[1], 2, &[0; 4])
        .op("quantize_linear", "X:x Scale:s ZeroPoint:z", "Y:q", vec![int("bit_length", 4)])
        .op("dequantize_linear", "X:q Scale:s ZeroPoint:z", "Y:d", vec![int("bit_length", 4)])
        .fetch("d")
        .graph();
    let abs_max = Some(AbsMax { value: 0.7, bits: 4 });
    assert_eq!(graph.nodes[0].op, Op::QuantizeLinear { axis: 1, block: 0, to: Some(Type::I8), abs_max });
    for node in [0, 1] {
        assert_eq!(value(&graph, node, 1).data(), &Data::F32(vec![0.7 / 7.0]));
        assert_eq!(value(&graph, node, 2).data(), &Data::I8(vec![0]));
    }
}

#[test]
fn the_axis_of_weights_is_read_and_not_guessed() {
    let model = |axis: i32, scales: &[f32]| {
        Builder::new(&[1, 2])
            .parameter("w", &[2, 2], 21, &[1, 2, 3, 4])
            .floats("s", scales)
            .op("dequantize_linear", "X:w Scale:s", "Y:d", vec![int("quant_axis", axis), int("bit_length", 8)])
            .op("matmul_v2", "X:x Y:d", "Out:y", vec![])
            .fetch("y")
    };
    for (axis, expected) in [(0, 0), (1, 1), (-2, 0)] {
        let graph = model(axis, &[1.27, 2.54]).graph();
        assert_eq!(graph.nodes[0].op, Op::DequantizeLinear { axis: expected, block: 0, to: None });
        assert_eq!(value(&graph, 0, 1), &Constant::new(vec![2], Data::F32(vec![1.27 / 127.0, 2.54 / 127.0])).unwrap());
    }
    assert_eq!(value(&model(-1, &[1.0]).graph(), 0, 1), &Constant::new(vec![], Data::F32(vec![1.0 / 127.0])).unwrap());
    let told = model(-1, &[1.0, 2.0]).problems();
    assert!(told.contains("quant_axis is -1 of weights [2, 2]: 2 scales, expected 1"), "{told}");
    let told = model(0, &[1.0]).problems();
    assert!(told.contains("quant_axis is 0 of weights [2, 2]: 1 scales, expected 2"), "{told}");
    let told = model(2, &[1.0, 2.0]).problems();
    assert!(told.contains("attribute quant_axis: axis 2 is outside -2..2 of weights [2, 2]"), "{told}");
}

#[test]
fn weights_may_be_whole_numbers_in_floats() {
    let model = |values: &[f32]| {
        Builder::new(&[1, 2])
            .floats("w", values)
            .floats("s", &[1.0])
            .op("dequantize_linear", "X:w Scale:s", "Y:d", vec![])
            .op("elementwise_mul", "X:x Y:d", "Out:y", vec![])
            .fetch("y")
    };
    assert_eq!(value(&model(&[-127.0, 3.0]).graph(), 0, 0).data(), &Data::I8(vec![-127, 3]));
    for bad in [[0.5, 1.0], [128.0, 1.0], [f32::NAN, 1.0]] {
        let told = model(&bad).problems();
        assert!(told.contains("dequantises \"w\", which is not of whole numbers"), "{told}");
    }
}

#[test]
fn what_reads_quantised_values_otherwise_reads_them_as_floats() {
    let graph = Builder::new(&[1, 2])
        .floats("s", &[1.0])
        .op("quantize_linear", "X:x Scale:s", "Y:q", vec![])
        .op("relu", "X:q", "Out:a", vec![])
        .op("elementwise_add", "X:q Y:a", "Out:y", vec![])
        .fetch("y")
        .fetch("q")
        .graph();
    assert_eq!(ops(&graph), ["QuantizeLinear", "Cast", "Relu", "Add", "Identity"]);
    let widened = graph.nodes[1].outputs[0];
    assert_eq!([&graph.nodes[2], &graph.nodes[3], &graph.nodes[4]].map(|node| node.inputs[0]), [Some(widened); 3]);
    assert_eq!(graph.tensor(graph.outputs[1]).name, "q#2");
}

#[test]
fn quantisers_are_refused_by_what_they_ask_for() {
    let told = |op: &str, attribute: Option<OpAttr>, zero_point: u8, scale: f32| {
        Builder::new(&[1, 2])
            .floats("s", &[scale])
            .parameter("z", &[1], 2, &[zero_point, 0, 0, 0])
            .op(op, "X:x Scale:s ZeroPoint:z", "Y:q", attribute.into_iter().collect())
            .fetch("q")
            .problems()
    };
    let place = "unsupported: quantize_linear operator that makes \"q\": ";
    let quantize = |attribute| told("quantize_linear", Some(attribute), 0, 1.0);
    for bits in [1, 9, -8, 16] {
        assert_eq!(
            quantize(int("bit_length", bits)),
            format!("{place}attribute bit_length is {bits}, expected 2 to 8")
        );
    }
    assert_eq!(quantize(int("round_type", 1)), format!("{place}attribute round_type is 1, expected 0, ties to even"));
    assert!(quantize(int("qmax", 448)).contains("qmin and qmax are None and Some(448), expected -128 and 127"));
    assert!(quantize(flag("is_test", false)).contains("a program for training"));
    let shifted = told("quantize_linear", None, 1, 1.0);
    assert_eq!(shifted, format!("{place}its zero point \"z\" is not 0, which Paddle's kernels ignore"));
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(told("quantize_linear", None, 0, scale).contains("expected a finite number above 0"), "{scale}");
    }
    let old = told("fake_quantize_abs_max", None, 0, 1.0);
    assert!(old.contains("fake_quantize_abs_max operator that makes \"q\": quantisers of this old sort"), "{old}");
    let loose = told("dequantize_linear", None, 0, 1.0);
    assert!(loose.contains("dequantises \"x\", which no quantiser made"), "{loose}");
}

#[test]
fn operators_become_those_of_onnx() {
    let of = |name: &str, inputs: &str, attributes: Vec<OpAttr>| {
        let slot = if inputs.starts_with("Input") && !name.starts_with("s") { "Output" } else { "Out" };
        let model = Builder::new(&[-1, 4, 6, 8])
            .parameter("w", &[4, 4, 1, 1], 5, &[0; 64])
            .floats("b", &[0.0; 4])
            .op(name, inputs, &format!("{slot}:y"), attributes)
            .fetch("y");
        let graph = model.graph();
        let told: Vec<String> = graph.nodes.iter().map(|node| format!("{:?}", node.op)).collect();
        (told.join("; "), graph)
    };
    let text = |name: &str, inputs: &str, attributes: Vec<OpAttr>| of(name, inputs, attributes).0;

    let conv =
        vec![ints("strides", &[2, 1]), ints("paddings", &[1, 2, 3, 4]), ints("dilations", &[1, 1]), int("groups", 2)];
    let told = text("conv2d", "Input:x Filter:w", conv);
    assert!(told.starts_with("Conv(") && told.contains("strides: [2, 1]"), "{told}");
    assert!(told.contains("padding: Explicit([1, 3, 2, 4]), groups: 2"), "{told}");
    let told = text("depthwise_conv2d", "Input:x Filter:w", vec![ints("paddings", &[1, 2]), int("groups", 4)]);
    assert!(told.contains("padding: Explicit([1, 2, 1, 2]), groups: 4"), "{told}");
    let same = vec![string("padding_algorithm", "SAME"), ints("dilations", &[2, 2])];
    let told = text("conv2d", "Input:x Filter:w", same);
    assert!(told.contains("dilations: [], padding: SameUpper"), "{told}");
    let told = text("conv2d_transpose", "Input:x Filter:w", vec![ints("output_padding", &[1, 0])]);
    assert!(told.starts_with("ConvTranspose(") && told.contains("output_padding: [1, 0]"), "{told}");

    let adaptive =
        |taps: &[i32], sort: &str| vec![flag("adaptive", true), ints("ksize", taps), string("pooling_type", sort)];
    assert_eq!(text("pool2d", "X:x", adaptive(&[1, 1], "avg")), "GlobalAveragePool");
    assert_eq!(text("pool2d", "X:x", adaptive(&[1, 1], "max")), "GlobalMaxPool");
    let told = text("pool2d", "X:x", adaptive(&[3, 2], "avg"));
    assert!(told.contains("kernel: Some([2, 4]), strides: [2, 4]"), "{told}");
    let told =
        text("pool2d", "X:x", vec![ints("ksize", &[2, 2]), flag("exclusive", false), string("pooling_type", "avg")]);
    assert!(told.starts_with("AveragePool") && told.ends_with("count_include_pad: true }"), "{told}");

    // A bias that starts at axis 1 has two axes of size 1 behind it.
    let (told, graph) = of("elementwise_add", "X:x Y:b", vec![int("axis", 1)]);
    assert_eq!(told, "Unsqueeze; Binary(Add)");
    assert_eq!(value(&graph, 0, 1).data(), &Data::I64(vec![1, 2]));
    assert_eq!(text("elementwise_add", "X:x Y:x", vec![int("axis", 0)]), "Binary(Add)");

    let (told, graph) = of("relu6", "X:x", vec![float("threshold", 6.0)]);
    assert_eq!(told, "Clip");
    assert_eq!([1, 2].map(|at| value(&graph, 0, at).data().clone()), [0.0, 6.0].map(|value| Data::F32(vec![value])));
    let (told, graph) =
        of("scale", "X:x", vec![float("scale", 2.0), float("bias", 3.0), flag("bias_after_scale", false)]);
    assert_eq!(told, "Binary(Add); Binary(Mul)");
    assert_eq!(value(&graph, 0, 1).data(), &Data::F32(vec![3.0]));
    // Nothing is computed; the output has its own name all the same.
    assert_eq!(text("scale", "X:x", vec![float("scale", 1.0), float("bias", 0.0)]), "Identity");
    assert_eq!(text("dropout", "X:x", vec![string("dropout_implementation", "upscale_in_train")]), "Identity");
    assert_eq!(text("hard_sigmoid", "X:x", vec![]), "Unary(HardSigmoid { alpha: 0.2, beta: 0.5 })");
    assert_eq!(text("swish", "X:x", vec![float("beta", 1.0)]), "Unary(Swish { alpha: 1.0 })");
    assert_eq!(text("softmax", "X:x", vec![]), "Softmax { axis: -1, flattened: false }");

    let told = text("matmul_v2", "X:x Y:w", vec![flag("trans_y", true)]);
    assert_eq!(told, "Transpose { permutation: Some([0, 1, 3, 2]) }; MatMul");
    assert_eq!(
        text("flatten_contiguous_range", "X:x", vec![int("start_axis", 1), int("stop_axis", -1)]),
        "Flatten { axis: 1 }"
    );
    let (told, graph) = of("flatten_contiguous_range", "X:x", vec![int("start_axis", 1), int("stop_axis", 2)]);
    assert_eq!(told, "Reshape { allow_zero: false }");
    assert_eq!(value(&graph, 0, 1).data(), &Data::I64(vec![0, -1, 8]));
    let (_, graph) = of("unsqueeze2", "X:x", vec![ints("axes", &[1, 1])]);
    assert_eq!(value(&graph, 0, 1).data(), &Data::I64(vec![2, 1]));
    let cut = vec![ints("axes", &[1]), ints("starts", &[0]), ints("ends", &[1]), ints("decrease_axis", &[1])];
    assert_eq!(text("slice", "Input:x", cut), "Slice; Squeeze");
    let (told, graph) = of("reduce_mean", "X:x", vec![ints("dim", &[2, 3]), flag("keep_dim", true)]);
    assert_eq!(told, "Reduce { reduction: Mean, keep: true, none_is_none: false }");
    assert_eq!(value(&graph, 0, 1).data(), &Data::I64(vec![2, 3]));
    assert_eq!(text("cast", "X:x", vec![int("out_dtype", 3)]), "Cast { to: I64 }");
    let sized = vec![int("out_h", 12), int("out_w", 16), flag("align_corners", false)];
    let (told, graph) = of("nearest_interp_v2", "X:x", sized);
    assert!(told.contains("Nearest(Floor), coordinates: Asymmetric, axes: Some([2, 3])"), "{told}");
    assert_eq!(value(&graph, 0, 3).data(), &Data::I64(vec![12, 16]));
    let scaled = vec![
        OpAttr { name: "scale".into(), r#type: AttrType::Floats.into(), floats: vec![2.0, 2.0], ..OpAttr::default() },
        flag("align_corners", false),
        int("align_mode", 0),
    ];
    let (told, graph) = of("bilinear_interp_v2", "X:x", scaled);
    assert!(told.contains("interpolation: Linear, coordinates: HalfPixel"), "{told}");
    assert_eq!(value(&graph, 0, 2).data(), &Data::F32(vec![2.0, 2.0]));
}

#[test]
fn what_is_not_known_is_told_all_at_once() {
    let told = Builder::new(&[1, 2])
        .op("one_thing", "X:x", "Out:a", vec![])
        .op("relu", "X:a", "Out:b", vec![])
        .op("other_thing", "X:b", "Out:c", vec![])
        .op("conv2d", "Input:c Filter:x Bias:x", "Output:d", vec![])
        .fetch("d")
        .problems();
    // What is wrong with the convolution may come of what it reads.
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "unsupported: one_thing operator that makes \"a\": this operator is not known",
            "unsupported: other_thing operator that makes \"c\": this operator is not known",
        ]
    );
}

#[test]
fn what_nothing_here_reads_is_refused() {
    let told = |inputs: &str, attribute: OpAttr| {
        Builder::new(&[1, 1, 2, 2]).op("conv2d", inputs, "Output:y", vec![attribute]).fetch("y").problems()
    };
    let place = "unsupported: conv2d operator that makes \"y\": ";
    assert_eq!(told("Input:x Filter:x", flag("use_cudnn", true)), "");
    let bias = told("Input:x Filter:x Bias:x", flag("use_cudnn", true));
    assert_eq!(bias, format!("{place}an operand in slot Bias, which is not read here or only known at run time"));
    let fused = told("Input:x Filter:x", string("fuse_activation", "relu"));
    assert_eq!(fused, format!("{place}attribute fuse_activation: Text(\"relu\")"));
    let two = told("Input:x,x Filter:x", flag("use_cudnn", true));
    assert!(two.ends_with("slot Input has 2 variables, expected one"), "{two}");
    let none = told("Input:x", flag("use_cudnn", true));
    assert!(none.ends_with("slot Filter is empty"), "{none}");
}

#[test]
fn variables_that_nobody_makes_are_named() {
    let told = Builder::new(&[1])
        .op("relu", "X:b", "Out:a", vec![])
        .op("relu", "X:a", "Out:b", vec![])
        .op("relu", "X:nowhere", "Out:c", vec![])
        .fetch("c")
        .problems();
    assert!(told.contains("Relu node that makes \"a\": reads \"b\", which is no input"), "{told}");
    assert!(told.contains("reads \"nowhere\", which is no input"), "{told}");
    let none = Builder::new(&[1]).op("relu", "X:x", "Out:y", vec![]).problems();
    assert!(none.contains("has no outputs"), "{none}");
}

#[test]
fn constants_that_a_program_makes_are_bounded() {
    let fill = |shape: &[i32], type_: i32, value: f32| {
        let attributes = vec![ints("shape", shape), int("dtype", type_), float("value", value)];
        Builder::new(&[1]).op("fill_constant", "", "Out:c", attributes).op(
            "elementwise_add",
            "X:x Y:c",
            "Out:y",
            vec![],
        )
    };
    let graph = fill(&[2, 1], 5, 1.5).fetch("y").graph();
    assert_eq!(value(&graph, 0, 1), &Constant::new(vec![2, 1], Data::F32(vec![1.5; 2])).unwrap());
    let told = fill(&[1 << 30, 1 << 30], 5, 1.0).fetch("y").problems();
    assert!(told.starts_with("too large: fill_constant operator that makes \"c\""), "{told}");
    assert!(fill(&[i32::MAX; 3], 5, 1.0).fetch("y").problems().starts_with("size overflow"));
    assert!(fill(&[-1], 5, 1.0).fetch("y").problems().contains("a size of -1"));
    assert!(fill(&[1], 20, 256.0).fetch("y").problems().contains("the value 256 is no uint8"));
    assert!(fill(&[1], 3, 0.5).fetch("y").problems().contains("the value 0.5 is no int64"));
}

#[test]
fn sizes_of_inputs_may_be_open() {
    let told = |dims: &[i64]| Builder::new(dims).op("relu", "X:x", "Out:y", vec![]).fetch("y").problems();
    assert_eq!(told(&[-1, 3]), "");
    let place = "feed operator that makes \"x\": ";
    let graph = Builder::new(&[-1, 3, -1]).op("relu", "X:x", "Out:y", vec![]).fetch("y").graph();
    let open = || Size::Open(String::new());
    assert_eq!(graph.tensor(graph.inputs[0]).sizes, [open(), Size::Fixed(3), open()]);
    assert_eq!(told(&[2, -3]), format!("invalid: {place}a size of -3 in [2, -3]"));
    assert!(told(&[1; 9]).contains("has 9 axes, expected at most 8"));
    assert!(told(&[1 << 40, 1 << 40]).starts_with("size overflow: "));
    // No axes by the million are kept for what is written often.
    let long =
        Builder::new(&[1]).variable("y", &vec![1; 100_000]).op("transpose2", "X:x", "Out:y", vec![ints("axis", &[0])]);
    let told = long.op("unsqueeze2", "X:y", "Out:z", vec![ints("axes", &[0])]).fetch("z").problems();
    assert!(told.ends_with("the program does not give \"y\" a shape of up to 8 axes"), "{told}");
}

#[test]
fn parameters_are_read_to_the_byte() {
    let model = Builder::new(&[1, 2])
        .floats("b", &[1.0, 2.0])
        .floats("a", &[3.0])
        .op("elementwise_add", "X:x Y:b", "Out:y", vec![])
        .op("elementwise_add", "X:y Y:a", "Out:z", vec![])
        .fetch("z");
    assert_eq!(value(&model.graph(), 1, 1).data(), &Data::F32(vec![3.0]));
    let (program, values) = (model.program(), model.values());
    let told = |values: &[u8]| parse(&program, values).1.to_string();
    // The parameters are in the order of their names, whatever the program's.
    let a = stored(&[1], 5, &[0; 4]).len();
    for length in 0..values.len() {
        let name = if length < a { "a" } else { "b" };
        let told = told(&values[..length]);
        assert!(
            told.starts_with(&format!("invalid: parameter \"{name}\": ")) && !told.contains('\n'),
            "{length}: {told}"
        );
    }
    assert_eq!(
        told(&[&values[..], &[0]].concat()),
        "invalid: parameters: 1 bytes behind the last parameter that the program names"
    );

    let with = |dims: &[i64], code: i32, data: &[u8]| {
        let (_, problems) = parse(&program, &[stored(dims, code, data), values[a..].to_vec()].concat());
        problems.0[0].clone()
    };
    assert_eq!(
        with(&[1 << 40], 5, &[]).message.split(',').next().unwrap(),
        "float32 [1099511627776] needs 4398046511104 bytes"
    );
    assert_eq!(with(&[i64::MAX, 2], 5, &[]).kind, ProblemKind::SizeOverflow);
    assert_eq!(with(&[-1], 5, &[]).message, "a size of -1 in [-1]");
    assert_eq!(with(&[1], 6, &[0; 8]).kind, ProblemKind::Unsupported);
    assert_eq!(with(&[1], 99, &[]).message, "99 is no type of elements");
    assert_eq!(with(&[1; 9], 5, &[0; 4]).message, "has 9 axes, expected at most 8");
    let mut versioned = values.clone();
    versioned[0] = 1;
    assert_eq!(told(&versioned), "invalid: parameter \"a\": version 1 of the value, expected 0");
    let mut levels = values.clone();
    levels[4..12].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(told(&levels).starts_with("invalid: parameter \"a\": "));
    let mut long = values.clone();
    long[16..20].copy_from_slice(&i32::MAX.to_le_bytes());
    assert!(told(&long).contains("its description has 2147483647 bytes, expected 0 to 4096"));
}

#[test]
fn numbers_may_be_packed() {
    // `dims` of [2, 3], packed: field 2, length-delimited.
    let packed = [0x08, 5, 0x12, 2, 2, 3];
    assert_eq!(TensorDesc::decode(&packed[..]).unwrap(), TensorDesc { data_type: 5, dims: vec![2, 3] });
}

mod json {
    use super::super::parse;

    fn wrapped(operators: &str) -> Vec<u8> {
        let head = r##"{"base_code": {"magic": "pir", "version": 4}, "program": {"regions": [{"blocks": [{"args": [], "ops": ["##;
        format!("{head}{operators}]}}]}}]}}}}").into_bytes()
    }

    fn told(operators: &str) -> String {
        parse(&wrapped(operators), &[]).1.to_string()
    }

    const FEED: &str = r##"{"#": "1.feed", "A": [{"N": "name", "AT": {"#": "0.a_str", "D": "x"}}], "I": [],
        "O": [{"%": 1, "TT": {"#": "0.t_dtensor", "D": [{"#": "0.t_f32"}, [2, 4], "NCHW", [], 0]}}]}"##;
    const FETCH: &str = r##"{"#": "1.fetch", "A": [{"N": "name", "AT": {"#": "0.a_str", "D": "y"}}], "I": [{"%": 9}],
        "O": [{"%": 10, "TT": {"#": "0.t_dtensor", "D": [{"#": "0.t_f32"}, [2, 4], "NCHW", [], 0]}}]}"##;

    #[test]
    fn lists_are_taken_apart() {
        let tensor = r##"{"#": "0.t_dtensor", "D": [{"#": "0.t_f32"}, [2, 2], "NCHW", [], 0]}"##;
        let number = |id: i32, value: i32| {
            format!(
                r##"{{"#": "1.full", "A": [{{"N": "shape", "AT": {{"#": "1.a_intarray", "D": [1]}}}},
                {{"N": "value", "AT": {{"#": "0.a_f64", "D": {value}.0}}}},
                {{"N": "dtype", "AT": {{"#": "1.a_dtype", "D": "int32"}}}}], "I": [], "O": [{{"%": {id}}}]}}"##
            )
        };
        let operators = [
            FEED.to_owned(),
            number(2, 1),
            format!(
                r##"{{"#": "1.split_with_num", "A": [{{"N": "num", "AT": {{"#": "0.a_i32", "D": 2}}}}],
                "I": [{{"%": 1}}, {{"%": 2}}], "O": [{{"%": 3, "TT": {{"#": "0.t_vec", "D": [{tensor}, {tensor}]}}}}]}}"##
            ),
            r##"{"#": "0.split", "A": [], "I": [{"%": 3}], "O": [{"%": 4}, {"%": 5}]}"##.to_owned(),
            r##"{"#": "0.slice", "A": [{"N": "index", "AT": {"#": "0.a_i32", "D": 1}}], "I": [{"%": 3}],
                "O": [{"%": 6}]}"##
                .to_owned(),
            r##"{"#": "0.combine", "A": [], "I": [{"%": 5}, {"%": 4}, {"%": 6}], "O": [{"%": 7}]}"##.to_owned(),
            number(8, 0),
            r##"{"#": "1.concat", "A": [], "I": [{"%": 7}, {"%": 8}], "O": [{"%": 9}]}"##.to_owned(),
            FETCH.to_owned(),
        ];
        let (graph, problems) = parse(&wrapped(&operators.join(",")), &[]);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(super::ops(&graph), ["Split", "Concat", "Identity"]);
        let parts = graph.nodes[0].outputs.clone();
        assert_eq!(graph.nodes[1].inputs, [Some(parts[1]), Some(parts[0]), Some(parts[1])]);
        assert_eq!(graph.tensor(graph.outputs[0]).name, "y");
        assert_eq!(graph.tensor(graph.inputs[0]).name, "x");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let refused = |bytes: &[u8]| {
            let told = parse(bytes, &[]).1.to_string();
            assert!(told.contains(": file: "), "{}: {told}", String::from_utf8_lossy(bytes));
        };
        for text in [
            "{",
            "{}",
            r##"{"base_code": 1}"##,
            r##"{"base_code": {"magic": "other"}}"##,
            r##"{"base_code": {"magic": "pir"}}"##,
            r##"{"base_code": {"magic": "pir"}, "program": {"regions": []}}"##,
            r##"{"base_code": {"magic": "pir"}, "program": {"regions": [1, 2]}}"##,
            r##"{"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": 3}]}}"##,
            r##"{"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": [{"ops": {}}]}]}}"##,
        ] {
            refused(text.as_bytes());
        }
        // Deeper than any program, and a brace that is none.
        refused(format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)).as_bytes());
        refused(b" \xff");
    }

    #[test]
    fn operators_of_any_shape_are_told() {
        for (operator, expected) in [
            ("1", "operator 1: has no name"),
            (r##"{"#": 3}"##, "operator 1: has no name"),
            (r##"{"#": "p"}"##, "has no name as its fourth attribute"),
            (r##"{"#": "p", "A": [0, 1, 0, "w"], "O": []}"##, "makes 0 values, expected one"),
            (r##"{"#": "1.relu", "I": [{"%": 5}], "O": [{"%": 9}]}"##, "reads value 5, which is not made before"),
            (r##"{"#": "1.relu", "I": 5, "O": [{"%": 9}]}"##, "I is no list of inputs"),
            (r##"{"#": "1.relu", "I": [{"%": 1}]}"##, "O is no list of outputs"),
            (r##"{"#": "1.relu", "I": [{"%": "a"}], "O": [{"%": 9}]}"##, "{\"%\":\"a\"} is no value"),
            (
                r##"{"#": "1.relu", "I": [{"%": 1}], "O": [{"%": 1}]}"##,
                "makes value 1, which is already made elsewhere",
            ),
            (r##"{"#": "1.relu", "I": [{"%": 1}], "O": [{"%": -3}]}"##, "makes value -3, expected a number above 0"),
            (r##"{"#": "1.relu", "A": 1, "I": [{"%": 1}], "O": [{"%": 9}]}"##, "A is no list of attributes"),
            (r##"{"#": "1.relu", "A": [{"N": "a"}], "I": [{"%": 1}], "O": [{"%": 9}]}"##, "attribute a has no value"),
            (r##"{"#": "0.slice", "A": [], "I": [{"%": 1}], "O": [{"%": 9}]}"##, "has no index into a list of 1"),
            (r##"{"#": "1.new_thing", "I": [{"%": 1}], "O": [{"%": 9}]}"##, "this operator is not known"),
            (
                &format!(r##"{{"#": "p", "A": [0, 1, 0, "{}"], "O": {{"%": 9}}}}"##, "w".repeat(1025)),
                "a name of 1025 bytes, expected at most 1024",
            ),
            (
                r##"{"#": "1.softmax", "A": [{"N": "axis", "AT": {"#": "0.a_odd", "D": 1}}], "I": [{"%": 1}],
                "O": [{"%": 9}]}"##,
                "attribute axis is 0.a_odd 1, expected an integer",
            ),
        ] {
            let told = told(&[FEED, operator, FETCH].join(","));
            assert!(told.contains(expected), "{operator}: {told}");
        }
    }

    #[test]
    fn what_lists_hold_is_bounded_by_the_file() {
        // Lists of lists would double with each line, and a list read a thousand times is a thousand lists.
        let tensor = r##"{"#": "0.t_dtensor", "D": [{"#": "0.t_f32"}, [2, 2], "NCHW", [], 0]}"##;
        let many = vec![tensor; 1000].join(",");
        let mut operators = vec![
            FEED.to_owned(),
            format!(
                r##"{{"#": "1.split_with_num", "A": [], "I": [{{"%": 1}}],
                "O": [{{"%": 2, "TT": {{"#": "0.t_vec", "D": [{many}]}}}}]}}"##
            ),
        ];
        let twice = r##"{"#": "0.combine", "A": [], "I": [{"%": 2}, {"%": 2}], "O": [{"%": 3}]}"##;
        let doubled = told(&[operators.join(","), twice.to_owned()].join(","));
        assert!(doubled.contains("joins 1000 values as one"), "{doubled}");
        let read = vec![r##"{"%": 2}"##; 1000].join(",");
        operators.push(format!(r##"{{"#": "1.any", "A": [], "I": [{read}], "O": []}}"##));
        let told = told(&operators.join(","));
        assert!(told.contains("operators read more values than the file has bytes"), "{told}");
    }
}
