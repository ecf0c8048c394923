//! What the tests share: the models that the repository carries, models made on the spot, and runs of both.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod command;
pub(crate) mod random_graph;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;
use zeropoint::{Backend, Isa};
use zeropoint_runner::exec::{Limits, Plan, Session, TensorRef};
use zeropoint_runner::formats::onnx::proto::*;
use zeropoint_runner::graph::{Data, Element, Graph};
use zeropoint_runner::{Error, Problems, formats::onnx, passes};

/// The models, and what their pictures' file names begin with.
pub(crate) const MODELS: [(&str, &str); 4] = [
    ("person_detect_s8pc", "person"),
    ("person_detect_u8s8pc", "person"),
    ("mbv2_u8s8pc", "imagenet"),
    ("mbv2_u8", "imagenet"),
];

pub(crate) fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

pub(crate) fn model(name: &str) -> PathBuf {
    models().join(name).with_extension("onnx")
}

/// A picture's name and its file, for each golden of a model.
pub(crate) fn pictures(model: &str, prefix: &str) -> Vec<(String, PathBuf)> {
    let folder = models().join("golden").join(model);
    let mut pictures: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let picture = models().join("pictures").join(format!("{prefix}_{name}.png"));
            (name, picture)
        })
        .collect();
    pictures.sort();
    assert!(pictures.len() >= 4, "{}: {} goldens", folder.display(), pictures.len());
    pictures
}

/// The tiers that this CPU has; the others are named, and those that the environment demands must not be among them.
pub(crate) fn tiers() -> Vec<Backend> {
    let demanded = std::env::var("ZEROPOINT_REQUIRE_ISA").unwrap_or_default();
    let mut backends = Vec::new();
    for &isa in Isa::ALL {
        match Backend::with_isa(isa) {
            Ok(backend) => backends.push(backend),
            Err(error) => {
                assert!(!demanded.split(',').any(|name| name == isa.to_string()), "{isa} is demanded: {error}");
                println!("tier {isa} not run: {error}");
            }
        }
    }
    assert!(!backends.is_empty());
    backends
}

pub(crate) fn load(path: &Path) -> Graph {
    let mut graph = onnx::load(path).unwrap();
    passes::prepare(&mut graph, &passes::Options::default()).unwrap();
    graph
}

pub(crate) fn set<T: Element>(session: &mut Session, index: usize, values: &[T]) {
    session.input_mut::<T>(index).unwrap().copy_from_slice(values);
}

pub(crate) fn set_data(session: &mut Session, index: usize, data: &Data) {
    session.set_input(index, data).unwrap();
}

/// A folder for one test's files, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A model under construction.
#[derive(Clone)]
pub(crate) struct Builder(pub(crate) ModelProto);

impl Builder {
    pub(crate) fn new(opset: i64) -> Self {
        let import = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version };
        Self(ModelProto {
            ir_version: 8,
            graph: Some(GraphProto { name: "test".into(), ..GraphProto::default() }),
            opset_import: vec![import("", opset), import("com.microsoft", 1)],
        })
    }

    pub(crate) fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    pub(crate) fn input(mut self, name: &str, type_: i32, dims: &[i64]) -> Self {
        self.graph().input.push(value(name, type_, dims));
        self
    }

    pub(crate) fn output(mut self, name: &str, type_: i32, dims: &[i64]) -> Self {
        self.graph().output.push(value(name, type_, dims));
        self
    }

    pub(crate) fn constant(mut self, name: &str, dims: &[i64], data: Data) -> Self {
        self.graph().initializer.push(tensor(name, dims, data));
        self
    }

    pub(crate) fn u8(self, name: &str, value: u8) -> Self {
        self.constant(name, &[], Data::U8(vec![value]))
    }

    pub(crate) fn i8(self, name: &str, value: i8) -> Self {
        self.constant(name, &[], Data::I8(vec![value]))
    }

    pub(crate) fn f32(self, name: &str, value: f32) -> Self {
        self.constant(name, &[], Data::F32(vec![value]))
    }

    /// A node whose operands are separated by spaces; `-` is one that is left out.
    pub(crate) fn node(self, op: &str, inputs: &str, output: &str, attributes: Vec<AttributeProto>) -> Self {
        self.results(op, inputs, &[output], attributes)
    }

    /// A node with several results.
    pub(crate) fn results(mut self, op: &str, inputs: &str, outputs: &[&str], attributes: Vec<AttributeProto>) -> Self {
        let (domain, op_type) = op.rsplit_once('.').unwrap_or(("", op));
        let input = inputs.split_whitespace().map(|name| if name == "-" { String::new() } else { name.into() });
        self.graph().node.push(NodeProto {
            input: input.collect(),
            output: outputs.iter().map(|&name| name.into()).collect(),
            name: format!("make_{}", outputs[0]),
            op_type: op_type.into(),
            attribute: attributes,
            domain: domain.into(),
        });
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// Everything that is wrong with the model, by any stage up to the plan.
    pub(crate) fn problems(&self) -> String {
        plan(&self.bytes()).err().map_or_else(String::new, |error| error.to_string())
    }

    pub(crate) fn session(&self, backend: &Backend, threads: usize) -> Session {
        let (graph, problems) = onnx::parse(&self.bytes(), None);
        let session = finish(graph, problems, backend).and_then(|plan| Session::new(plan, threads));
        session.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs on every tier, with one and two threads, and gives the output that all of them agree on.
    pub(crate) fn run(&self, inputs: &[Data]) -> Data {
        let mut results = Vec::new();
        for backend in tiers() {
            for threads in [1, 2] {
                let mut session = self.session(&backend, threads);
                for (index, data) in inputs.iter().enumerate() {
                    set_data(&mut session, index, data);
                }
                session.run().unwrap();
                results.push((backend.isa(), threads, owned(session.output(0).unwrap())));
            }
        }
        let (_, _, first) = results[0].clone();
        for (isa, threads, result) in results {
            assert_eq!(result, first, "{isa}, {threads} threads");
        }
        first
    }
}

pub(crate) fn plan(bytes: &[u8]) -> Result<Plan, Error> {
    let (graph, problems) = onnx::parse(bytes, None);
    finish(graph, problems, &Backend::best())
}

pub(crate) fn finish(mut graph: Graph, mut problems: Problems, backend: &Backend) -> Result<Plan, Error> {
    passes::run(&mut graph, &passes::Options::default(), &mut problems);
    problems.into_result()?;
    Plan::new(&graph, backend, Limits::default())
}

pub(crate) fn session(graph: &Graph, backend: &Backend, threads: usize) -> Session {
    Session::new(Arc::new(Plan::new(graph, backend, Limits::default()).unwrap()), threads).unwrap()
}

pub(crate) fn owned(values: TensorRef<'_>) -> Data {
    values.to_data()
}

pub(crate) const F32: i32 = 1;
pub(crate) const U8: i32 = 2;
pub(crate) const I8: i32 = 3;
pub(crate) const I32: i32 = 6;
pub(crate) const I64: i32 = 7;

pub(crate) type Attribute = AttributeProto;

pub(crate) fn value(name: &str, elem_type: i32, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&size| DimensionProto { dim_value: Some(size), dim_param: None }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

pub(crate) fn tensor(name: &str, dims: &[i64], data: Data) -> TensorProto {
    let (data_type, raw) = match data {
        Data::F32(values) => (1, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::U8(values) => (2, values),
        Data::I8(values) => (3, values.iter().map(|value| value.cast_unsigned()).collect()),
        Data::Bool(values) => (9, values),
        Data::U4(values) => (21, nibbles(&values)),
        Data::I4(values) => (22, nibbles(&values.iter().map(|value| value.cast_unsigned()).collect::<Vec<_>>())),
        Data::U16(values) => (4, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::I16(values) => (5, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::F16(values) => (10, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::BF16(values) => (16, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::I32(values) => (6, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Data::I64(values) => (7, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    };
    TensorProto { dims: dims.to_vec(), data_type, name: name.into(), raw_data: Some(raw), ..TensorProto::default() }
}

/// Two values to a byte, the first in the low half.
fn nibbles(values: &[u8]) -> Vec<u8> {
    values.chunks(2).map(|pair| pair[0] & 15 | pair.get(1).map_or(0, |high| high << 4)).collect()
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, r#type: AttributeType::Int.into(), ..AttributeProto::default() }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let r#type = AttributeType::Ints.into();
    AttributeProto { name: name.into(), ints: values.to_vec(), r#type, ..AttributeProto::default() }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f: value, r#type: AttributeType::Float.into(), ..AttributeProto::default() }
}

pub(crate) fn string(name: &str, value: &str) -> AttributeProto {
    let r#type = AttributeType::String.into();
    AttributeProto { name: name.into(), s: value.as_bytes().to_vec(), r#type, ..AttributeProto::default() }
}

/// Numbers that are the same in each run of a test.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}
