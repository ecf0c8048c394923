//! ONNX files.
//!
//! The file is never trusted: whatever is wrong with it comes back as a list of problems, each with its node or tensor.

mod attributes;
mod external;
mod functions;
mod nodes;
pub mod proto;
mod reductions;
mod spatial;
mod tensor;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use prost::{DecodeError, Message};

use self::external::Folder;
use self::nodes::Meaning;
use self::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use crate::error::{Error, Fault, Problems};
use crate::formats::MOST_BYTES;
use crate::formats::source::Source;
use crate::graph::{Constant, Graph, Node, Op, Size, Tensor, TensorId, Type, check};

/// Reads a file, and gives an error that lists everything wrong with it if anything is.
pub fn load(path: &Path) -> Result<Graph, Error> {
    let (graph, problems) = open(path)?;
    problems.into_result()?;
    Ok(graph)
}

/// Reads a file as far as it can be understood, and says what cannot.
pub fn open(path: &Path) -> Result<(Graph, Problems), Error> {
    let mut source = Source::open(path, MOST_BYTES)?;
    let model = ModelProto::decode(&mut source);
    if let Some(failure) = source.failure() {
        return Err(Error::Read { path: path.to_owned(), source: failure });
    }
    // A bare file name has the empty path as its parent, which is no folder to the file system.
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    Ok(understand(model, folder))
}

/// Understands the bytes of a file as far as possible, and says what cannot be. Tensors that lie in files of their own
/// are only read if the model's folder is given.
pub fn parse(bytes: &[u8], folder: Option<&Path>) -> (Graph, Problems) {
    understand(ModelProto::decode(bytes), folder)
}

fn understand(model: Result<ModelProto, DecodeError>, folder: Option<&Path>) -> (Graph, Problems) {
    let mut problems = Problems::default();
    let mut model = match model {
        Ok(model) => model,
        Err(error) => {
            problems.push(Fault::invalid(format!("is no ONNX model: {error}")).at("file"));
            return (Graph::default(), problems);
        }
    };
    // By far the most of a file: it is moved, not copied.
    let initializers = model.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    let raw: Vec<Option<Vec<u8>>> = initializers.map(|proto| proto.raw_data.take()).collect();
    let Some(graph) = &model.graph else {
        problems.push(Fault::invalid("is no ONNX model: it has no graph").at("file"));
        return (Graph::default(), problems);
    };

    let mut reader = Reader { problems, ..Reader::default() };
    reader.opsets(&model);
    reader.constants(graph, raw, folder);
    reader.inputs(graph);
    reader.nodes(graph);
    reader.outputs(graph);
    let Reader { graph, mut problems, broken, .. } = reader;
    check::check(&graph, &broken, &mut problems);
    (graph, problems)
}

/// Understands the bytes of a serialised tensor: its name, and its value.
pub fn parse_tensor(bytes: &[u8]) -> Result<(String, Constant), Fault> {
    let proto = TensorProto::decode(bytes).map_err(|error| Fault::invalid(format!("is no ONNX tensor: {error}")))?;
    let constant = tensor::constant(&proto, &mut Folder::new(None))?;
    Ok((proto.name, constant))
}

#[derive(Default)]
struct Reader<'a> {
    graph: Graph,
    names: HashMap<&'a str, TensorId>,
    problems: Problems,
    opsets: HashMap<&'a str, i64>,
    /// Constants that are reported already, so that their readers need not be.
    broken: Vec<TensorId>,
}

impl<'a> Reader<'a> {
    fn report(&mut self, place: impl Into<String>, fault: Fault) {
        self.problems.push(fault.at(place));
    }

    fn opsets(&mut self, model: &'a ModelProto) {
        for import in &model.opset_import {
            self.opsets.insert(nodes::domain(&import.domain), import.version);
        }
        let supported = &nodes::OPSETS;
        match self.opsets.get("") {
            None => self.report("file", Fault::invalid("imports no version of ONNX's operators")),
            Some(version) if supported.contains(version) => {}
            Some(version) => {
                let message = format!("opset {version} of ONNX, expected {} to {}", supported.start(), supported.end());
                self.report("file", Fault::unsupported(message));
            }
        }
    }

    /// The tensor of a name; made if it is new.
    fn tensor(&mut self, name: &'a str) -> TensorId {
        *self.names.entry(name).or_insert_with(|| self.graph.add(Tensor::named(name)))
    }

    fn constants(&mut self, graph: &'a GraphProto, raw: Vec<Option<Vec<u8>>>, folder: Option<&Path>) {
        if !graph.sparse_initializer.is_empty() {
            self.report("graph", Fault::unsupported("sparse initializers"));
        }
        let mut folder = Folder::new(folder);
        for (proto, raw) in graph.initializer.iter().zip(raw) {
            let place = format!("initializer \"{}\"", proto.name);
            let tensor = match tensor::taken(proto, raw, &mut folder) {
                Ok(constant) => Tensor::constant(&proto.name, constant),
                Err(fault) => {
                    self.report(&place, fault);
                    let id = self.tensor(&proto.name);
                    self.broken.push(id);
                    continue;
                }
            };
            match self.names.entry(&proto.name) {
                Entry::Vacant(entry) => {
                    entry.insert(self.graph.add(tensor));
                }
                Entry::Occupied(_) => self.report(place, Fault::invalid("is there twice")),
            }
        }
    }

    fn inputs(&mut self, graph: &'a GraphProto) {
        let mut seen = HashSet::new();
        for value in &graph.input {
            if !seen.insert(&value.name) {
                self.report(format!("input \"{}\"", value.name), Fault::invalid("is there twice"));
                continue;
            }
            // Up to version 3 of the format, initializers are listed among the inputs.
            if self.names.contains_key(value.name.as_str()) {
                continue;
            }
            let id = self.tensor(&value.name);
            self.graph.inputs.push(id);
            match declared(value) {
                Ok((type_, sizes)) => {
                    let tensor = self.graph.tensor_mut(id);
                    tensor.type_ = Some(type_);
                    if let Err(fault) = tensor.set_sizes(sizes) {
                        self.report(format!("input \"{}\"", value.name), fault);
                    }
                }
                Err(fault) => self.report(format!("input \"{}\"", value.name), fault),
            }
        }
    }

    fn nodes(&mut self, graph: &'a GraphProto) {
        for node in &graph.node {
            let meaning = self.meaning(node);
            let label = |op: &dyn std::fmt::Display| match (node.name.as_str(), node.output.first()) {
                ("", Some(output)) => format!("{op} node that makes \"{output}\""),
                (name, _) => format!("{op} node \"{name}\""),
            };
            let (mut operands, mut results) = (node.input.as_slice(), node.output.as_slice());
            let (op, extra) = match meaning {
                Ok(Meaning::Operator(op, extra)) => (op, extra),
                Ok(Meaning::Chain(op)) if node.input.len() != 2 => {
                    self.chain(node, &op);
                    continue;
                }
                Ok(Meaning::Chain(op)) => (op, Vec::new()),
                Ok(Meaning::Dropout) => {
                    if self.may_train(node) {
                        let fault = Fault::unsupported("training_mode is not known to be false");
                        self.report(label(&"Dropout"), fault);
                    }
                    // Nobody reads the mask, or it is made by no node.
                    (operands, results) = (operands.get(..1).unwrap_or_default(), results.get(..1).unwrap_or_default());
                    (Op::Identity, Vec::new())
                }
                Ok(Meaning::Constant(constant)) => {
                    match (node.input.as_slice(), node.output.as_slice()) {
                        ([], [name]) if !name.is_empty() && !self.names.contains_key(name.as_str()) => {
                            let id = self.graph.add(Tensor::constant(name, constant));
                            self.names.insert(name, id);
                        }
                        _ => {
                            let fault = Fault::invalid("expected no operands and one new tensor that it makes");
                            self.report(label(&"Constant"), fault);
                        }
                    }
                    continue;
                }
                Err(fault) => {
                    let op = nodes::unknown(node);
                    self.report(label(&op), fault);
                    (op, Vec::new())
                }
            };
            let mut inputs: Vec<Option<TensorId>> =
                operands.iter().map(|name| if name.is_empty() { None } else { Some(self.tensor(name)) }).collect();
            for constant in extra {
                let name = node.output.first().map_or("", String::as_str);
                inputs.push(Some(self.graph.add(Tensor { internal: true, ..Tensor::constant(name, constant) })));
            }
            let outputs = self.results(results, &op);
            // What reads an optional operand only asks whether it is there.
            while inputs.last() == Some(&None) {
                inputs.pop();
            }
            self.graph.nodes.push(Node { name: node.name.clone(), op, inputs, outputs, clamp: None });
        }
    }

    /// A node of two operands for each operand but the first.
    fn chain(&mut self, node: &'a NodeProto, op: &Op) {
        let inputs: Vec<Option<TensorId>> =
            node.input.iter().map(|name| if name.is_empty() { None } else { Some(self.tensor(name)) }).collect();
        let outputs = self.results(&node.output, op);
        let name = node.output.first().map_or("", String::as_str);
        let (mut so_far, rest) = inputs.split_first().map_or((None, &[][..]), |(first, rest)| (*first, rest));
        let Some((last, middle)) = rest.split_last() else {
            // No operand at all is told as of an operator of two.
            let op = if inputs.is_empty() { op } else { &Op::Identity };
            self.graph.nodes.push(Node { name: node.name.clone(), op: op.clone(), inputs, outputs, clamp: None });
            return;
        };
        for &next in middle {
            let made = self.graph.add(Tensor { internal: true, ..Tensor::named(name) });
            let step = Node::new(op.clone(), vec![so_far, next], made);
            self.graph.nodes.push(Node { name: node.name.clone(), ..step });
            so_far = Some(made);
        }
        let inputs = vec![so_far, *last];
        self.graph.nodes.push(Node { name: node.name.clone(), op: op.clone(), inputs, outputs, clamp: None });
    }

    /// The tensors that a node makes. One that is left out by an empty name is made all the same where the operator
    /// always makes it.
    fn results(&mut self, names: &'a [String], op: &Op) -> Vec<TensorId> {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        while names.len() > op.results() && names.last() == Some(&"") {
            names.pop();
        }
        let unnamed = || Tensor { internal: true, ..Tensor::named("") };
        names
            .into_iter()
            .map(|name| if name.is_empty() { self.graph.add(unnamed()) } else { self.tensor(name) })
            .collect()
    }

    /// Whether a `Dropout` is not known to do nothing.
    fn may_train(&self, node: &NodeProto) -> bool {
        let Some(mode) = node.input.get(2).filter(|name| !name.is_empty()) else { return false };
        let constant = self.names.get(mode.as_str()).and_then(|&id| self.graph.tensor(id).constant.as_ref());
        !constant.and_then(|constant| constant.integers()).is_some_and(|values| values.iter().all(|&value| value == 0))
    }

    fn meaning(&self, node: &NodeProto) -> Result<Meaning, Fault> {
        let domain = nodes::domain(&node.domain);
        match self.opsets.get(domain) {
            // Its absence is reported once, for the file.
            None if domain.is_empty() => nodes::meaning(node, *nodes::OPSETS.end()),
            None => Err(Fault::invalid(format!("its domain \"{domain}\" is not among the file's opset imports"))),
            Some(&opset) => nodes::meaning(node, opset),
        }
    }

    fn outputs(&mut self, graph: &'a GraphProto) {
        for value in &graph.output {
            let id = self.tensor(&value.name);
            self.graph.outputs.push(id);
            self.graph.tensor_mut(id).declared = declared_output(value);
        }
    }
}

/// Type and sizes of an input.
fn declared(value: &ValueInfoProto) -> Result<(Type, Vec<Size>), Fault> {
    let tensor = value.r#type.as_ref().and_then(|type_| type_.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| Fault::unsupported("is no tensor"))?;
    let type_ = tensor::type_(tensor.elem_type)?;
    let shape = tensor.shape.as_ref().ok_or_else(|| Fault::unsupported("has no shape; its rank has to be known"))?;
    let dims: Vec<i64> = shape.dim.iter().map(|dim| dim.dim_value.unwrap_or(1)).collect();
    let sizes = tensor::dims(&dims)?.into_iter().zip(&shape.dim).map(|(size, dim)| match dim.dim_value {
        Some(_) => Size::Fixed(size),
        None => Size::Open(dim.dim_param.clone().unwrap_or_default()),
    });
    Ok((type_, sizes.collect()))
}

/// What a file says of an output: sizes that are left open are `None`. Nothing if it says nothing that can be compared.
fn declared_output(value: &ValueInfoProto) -> Option<(Type, Vec<Option<usize>>)> {
    let tensor = value.r#type.as_ref()?.tensor_type.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter();
    let dims = dims.map(|dim| dim.dim_value.and_then(|size| usize::try_from(size).ok()));
    Some((tensor::type_(tensor.elem_type).ok()?, dims.collect()))
}
