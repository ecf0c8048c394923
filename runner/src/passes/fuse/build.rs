//! Small graphs for the tests of the passes.

use super::Pass;
use crate::graph::{Constant, Data, Graph, Node, Op, Tensor, TensorId, Type};
use crate::passes::Options;

pub(super) struct Build {
    pub(super) graph: Graph,
}

/// A scale and a zero point, and an axis if there are several.
pub(super) struct By {
    pub(super) scales: Vec<f32>,
    pub(super) zero_points: Data,
    pub(super) axis: i64,
}

/// One scale and a zero point of u8.
pub(super) fn u8s(scale: f32, zero_point: u8) -> By {
    By { scales: vec![scale], zero_points: Data::U8(vec![zero_point]), axis: 1 }
}

/// Scales along an axis, of s8 around 0.
pub(super) fn s8s(scales: &[f32], axis: i64) -> By {
    By { scales: scales.to_vec(), zero_points: Data::I8(vec![0; scales.len()]), axis }
}

impl Build {
    pub(super) fn new() -> Self {
        Self { graph: Graph::default() }
    }

    pub(super) fn input(&mut self, name: &str, type_: Type, shape: &[usize]) -> TensorId {
        let id = self.tensor(name, type_, shape);
        self.graph.inputs.push(id);
        id
    }

    pub(super) fn constant(&mut self, shape: &[usize], data: Data) -> TensorId {
        let name = format!("constant {}", self.graph.tensors.len());
        self.graph.add(Tensor::constant(name, Constant::new(shape.to_vec(), data).unwrap()))
    }

    fn tensor(&mut self, name: &str, type_: Type, shape: &[usize]) -> TensorId {
        self.graph.add(Tensor { type_: Some(type_), shape: Some(shape.to_vec()), ..Tensor::named(name) })
    }

    /// A node whose only result has the name.
    pub(super) fn node(&mut self, name: &str, op: Op, inputs: &[TensorId], type_: Type, shape: &[usize]) -> TensorId {
        let output = self.tensor(name, type_, shape);
        let inputs = inputs.iter().copied().map(Some).collect();
        self.graph.nodes.push(Node::new(op, inputs, output));
        output
    }

    fn parameters(&mut self, by: By) -> ([TensorId; 2], Type) {
        let type_ = by.zero_points.type_();
        let shape: &[usize] = if by.scales.len() == 1 { &[] } else { &[by.scales.len()] };
        let shape = shape.to_vec();
        ([self.constant(&shape, Data::F32(by.scales)), self.constant(&shape, by.zero_points)], type_)
    }

    pub(super) fn quantize(&mut self, name: &str, x: TensorId, by: By) -> TensorId {
        let shape = self.graph.tensor(x).shape.clone().unwrap();
        let op = Op::QuantizeLinear { axis: by.axis, block: 0, to: None, abs_max: None };
        let ([scale, zero_point], type_) = self.parameters(by);
        self.node(name, op, &[x, scale, zero_point], type_, &shape)
    }

    pub(super) fn dequantize(&mut self, name: &str, x: TensorId, by: By) -> TensorId {
        let shape = self.graph.tensor(x).shape.clone().unwrap();
        let op = Op::DequantizeLinear { axis: by.axis, block: 0, to: None };
        let ([scale, zero_point], _) = self.parameters(by);
        self.node(name, op, &[x, scale, zero_point], Type::F32, &shape)
    }

    /// Runs one pass, then tells the operators that are left.
    pub(super) fn after(&mut self, pass: Pass, options: &Options) -> Vec<String> {
        (pass.1)(&mut self.graph, options);
        crate::passes::prune::prune(&mut self.graph);
        self.operators()
    }

    pub(super) fn operators(&self) -> Vec<String> {
        self.graph.nodes.iter().map(|node| node.op.name().to_owned()).collect()
    }
}
