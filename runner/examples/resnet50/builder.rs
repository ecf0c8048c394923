//! A model under construction.

use prost::Message;
use zeropoint_runner::formats::onnx::proto::*;

/// ONNX's codes of types.
const F32: i32 = 1;
const U8: i32 = 2;
const S8: i32 = 3;
const S32: i32 = 6;

pub(crate) struct Builder(GraphProto);

impl Builder {
    pub(crate) fn new(name: &str) -> Self {
        Self(GraphProto { name: name.into(), ..GraphProto::default() })
    }

    pub(crate) fn input(&mut self, name: &str, dims: &[i64]) {
        self.0.input.push(value(name, dims));
    }

    pub(crate) fn output(&mut self, name: &str, dims: &[i64]) {
        self.0.output.push(value(name, dims));
    }

    pub(crate) fn f32(&mut self, name: &str, values: &[f32]) {
        // One is a scalar.
        let dims = if values.len() == 1 { vec![] } else { vec![values.len() as i64] };
        self.constant(name, dims, F32, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(crate) fn s32(&mut self, name: &str, values: &[i32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, vec![values.len() as i64], S32, bytes);
    }

    pub(crate) fn u8(&mut self, name: &str, value: u8) {
        self.constant(name, vec![], U8, vec![value]);
    }

    pub(crate) fn s8(&mut self, name: &str, dims: &[usize], values: &[i8]) {
        let dims = dims.iter().map(|&size| size as i64).collect();
        self.constant(name, dims, S8, values.iter().map(|value| value.cast_unsigned()).collect());
    }

    /// The zero point of weights.
    pub(crate) fn zero(&mut self, name: &str) {
        self.s8(name, &[], &[0]);
    }

    fn constant(&mut self, name: &str, dims: Vec<i64>, data_type: i32, bytes: Vec<u8>) {
        let raw_data = Some(bytes);
        self.0.initializer.push(TensorProto { dims, data_type, name: name.into(), raw_data, ..TensorProto::default() });
    }

    /// A node; its name may begin with a domain and a point.
    pub(crate) fn node(&mut self, op: &str, inputs: &[String], output: &str, attributes: Vec<AttributeProto>) {
        let (domain, op_type) = op.rsplit_once('.').unwrap_or(("", op));
        self.0.node.push(NodeProto {
            input: inputs.to_vec(),
            output: vec![output.into()],
            name: format!("make_{output}"),
            op_type: op_type.into(),
            attribute: attributes,
            domain: domain.into(),
        });
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let import = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version };
        let opset_import = vec![import("", 13), import("com.microsoft", 1)];
        ModelProto { ir_version: 8, graph: Some(self.0), opset_import }.encode_to_vec()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&size| DimensionProto { dim_value: Some(size), dim_param: None }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: U8, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

/// The same number along both axes, on both of their sides.
pub(crate) fn ints(name: &str, value: usize, count: usize) -> AttributeProto {
    let r#type = AttributeType::Ints.into();
    AttributeProto { name: name.into(), ints: vec![value as i64; count], r#type, ..AttributeProto::default() }
}
