//! Networks in operator form, written as float operators between dequantisers and quantisers: the passes bring them back,
//! to the same operators, the same kernels and the same bits.

mod support;

use zeropoint::Backend;
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::function::Binary;
use zeropoint_runner::graph::{Constant, Data, Graph, Node, Op, Tensor, TensorId, Type};
use zeropoint_runner::passes::{self, Options};
use zeropoint_runner::preprocess::Preparation;
use zeropoint_runner::trace::record;

use support::{MODELS, load, model, pictures, session, set_data};

/// A graph in operator form as one with pairs.
struct Pairs {
    graph: Graph,
}

impl Pairs {
    fn of(mut graph: Graph) -> Graph {
        let nodes = std::mem::take(&mut graph.nodes);
        let mut pairs = Self { graph };
        for node in nodes {
            pairs.node(node);
        }
        pairs.graph
    }

    fn floats(&mut self, name: &str) -> TensorId {
        self.graph.add(Tensor { internal: true, ..Tensor::named(format!("{name} as floats")) })
    }

    /// What dequantises the operand at an index; its parameters stand behind it.
    fn dequantize(&mut self, node: &Node, at: usize, axis: i64) -> Option<TensorId> {
        let floats = self.floats("operand");
        let op = Op::DequantizeLinear { axis, block: 0, to: None };
        self.graph.nodes.push(Node::new(op, node.inputs[at..at + 3].to_vec(), floats));
        Some(floats)
    }

    /// A bias in units of the scales of both operands.
    fn bias(&mut self, node: &Node) -> Option<TensorId> {
        let bias = node.inputs.get(8).copied().flatten()?;
        let scales = |at: usize| {
            let known = self.graph.tensors[node.inputs[at].unwrap().index()].constant.clone().unwrap();
            let Data::F32(values) = known.data() else { panic!("scales are floats") };
            values.clone()
        };
        let (x, w) = (scales(1)[0], scales(4));
        let channels = self.graph.tensors[bias.index()].shape.as_ref().unwrap()[0];
        let units: Vec<f32> = w.iter().cycle().take(channels).map(|w| x * w).collect();
        let units = Constant::new(vec![channels], Data::F32(units)).unwrap();
        let units = self.graph.add(Tensor { internal: true, ..Tensor::constant("unit", units) });
        let floats = self.floats("bias");
        let op = Op::DequantizeLinear { axis: 0, block: 0, to: None };
        self.graph.nodes.push(Node::new(op, vec![Some(bias), Some(units)], floats));
        Some(floats)
    }

    fn node(&mut self, node: Node) {
        let (op, inputs, to) = match &node.op {
            Op::QLinearConv(attributes) => {
                let inputs = vec![self.dequantize(&node, 0, 1), self.dequantize(&node, 3, 0), self.bias(&node)];
                (Op::Conv(attributes.clone()), inputs, 6)
            }
            Op::QLinearMatMul => (Op::MatMul, vec![self.dequantize(&node, 0, 1), self.dequantize(&node, 3, 1)], 6),
            Op::QLinearAdd => {
                let inputs = vec![self.dequantize(&node, 0, 1), self.dequantize(&node, 3, 1)];
                (Op::Binary(Binary::Add), inputs, 6)
            }
            Op::QLinearGlobalAveragePool { .. } => (Op::GlobalAveragePool, vec![self.dequantize(&node, 0, 1)], 3),
            _ => return self.graph.nodes.push(node),
        };
        let floats = self.floats("result");
        let inputs = inputs.into_iter().filter(Option::is_some).collect();
        self.graph.nodes.push(Node::new(op, inputs, floats));
        let op = Op::QuantizeLinear { axis: 1, block: 0, to: None, abs_max: None };
        let inputs = [&[Some(floats)], &node.inputs[to..to + 2]].concat();
        self.graph.nodes.push(Node { name: node.name, ..Node::new(op, inputs, node.outputs[0]) });
    }
}

#[test]
fn pairs_and_operators_are_one_plan() {
    for (name, prefix) in MODELS {
        let path = model(name);
        let operators = load(&path);
        let mut pairs = Pairs::of(onnx::load(&path).unwrap());
        passes::prepare(&mut pairs, &Options::default()).unwrap();
        let backend = Backend::best();
        let (mut of_operators, mut of_pairs) = (session(&operators, &backend, 1), session(&pairs, &backend, 1));
        let (expected, got) = (of_operators.plan().made(), of_pairs.plan().made());
        assert_eq!(expected.len(), got.len(), "{name}");
        for (expected, got) in expected.iter().zip(got) {
            assert_eq!(
                (&expected.name, &expected.op, &expected.kernel, &expected.packed),
                (&got.name, &got.op, &got.kernel, &got.packed),
                "{name}"
            );
        }
        let preparation = Preparation::beside(&path).unwrap();
        let input = operators.tensor(operators.inputs[0]);
        let (type_, shape) = (input.type_.unwrap(), input.shape.clone().unwrap());
        for (_, file) in pictures(name, prefix) {
            let data = preparation.picture(&file, type_, &shape).unwrap();
            set_data(&mut of_operators, 0, &data);
            set_data(&mut of_pairs, 0, &data);
            let (expected, got) = (record(&mut of_operators).unwrap(), record(&mut of_pairs).unwrap());
            assert_eq!(expected.layers, got.layers, "{name}");
        }
    }
}

#[test]
fn unfused_pairs_are_floats() {
    let mut graph = Pairs::of(onnx::load(&model(MODELS[0].0)).unwrap());
    passes::prepare(&mut graph, &Options::default().fuse(false)).unwrap();
    let integers = graph.nodes.iter().filter(|node| node.op.name().starts_with("QLinear")).count();
    let convolutions = graph.nodes.iter().filter(|node| matches!(node.op, Op::Conv(_))).count();
    assert_eq!((integers, convolutions), (0, 28));
    assert!(graph.tensors.iter().any(|tensor| tensor.type_ == Some(Type::F32)));
}
