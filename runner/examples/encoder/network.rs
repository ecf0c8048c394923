//! The layer's nodes.

use prost::Message;
use zeropoint_runner::formats::onnx::proto::*;

/// The sizes of a layer.
pub(crate) struct Sizes {
    pub(crate) tokens: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) inner: usize,
}

/// ONNX's codes of types.
const F32: i32 = 1;
const S8: i32 = 3;
const S64: i32 = 7;

struct Network {
    graph: GraphProto,
    random: u64,
}

/// The model's bytes.
pub(crate) fn encoder(sizes: &Sizes) -> Vec<u8> {
    let &Sizes { tokens, width, heads, inner } = sizes;
    let mut graph = GraphProto { name: "encoder".into(), ..GraphProto::default() };
    graph.input.push(value("x", &[1, tokens, width]));
    graph.output.push(value("y", &[1, tokens, width]));
    let mut net = Network { graph, random: 0x9E37_79B9_7F4A_7C15 };
    net.attention([tokens, width, heads]);
    net.node("Add", "x attended", "middle", vec![]);
    net.normalised("middle", "normal", width);

    net.quantised("normal");
    net.linear("normal", "up", [width, inner]);
    net.floats("root", &[], &[std::f32::consts::SQRT_2]);
    net.floats("one", &[], &[1.0]);
    net.floats("half", &[], &[0.5]);
    net.node("Div", "up root", "of_root", vec![]);
    net.node("Erf", "of_root", "erf", vec![]);
    net.node("Add", "erf one", "erf_one", vec![]);
    net.node("Mul", "up erf_one", "doubled", vec![]);
    net.node("Mul", "doubled half", "gelu", vec![]);
    net.quantised("gelu");
    net.linear("gelu", "down", [inner, width]);
    net.node("Add", "normal down", "sum", vec![]);
    net.normalised("sum", "y", width);

    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, graph: Some(net.graph), opset_import }.encode_to_vec()
}

impl Network {
    /// `x` to `attended`.
    fn attention(&mut self, [tokens, width, heads]: [usize; 3]) {
        let each = width / heads;
        self.shape("split", &[1, tokens, heads, each]);
        self.shape("joined", &[1, tokens, width]);
        self.quantised("x");
        // Keys are transposed.
        for (name, order) in [("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])] {
            self.linear("x", name, [width, width]);
            self.node("Reshape", &format!("{name} split"), &format!("{name}_split"), vec![]);
            self.node("Transpose", &format!("{name}_split"), &format!("{name}_heads"), vec![ints("perm", &order)]);
        }
        self.floats("part", &[], &[1.0 / (each as f32).sqrt()]);
        self.node("MatMul", "query_heads key_heads", "products", vec![]);
        self.node("Mul", "products part", "scores", vec![]);
        self.node("Softmax", "scores", "weights", vec![int("axis", -1)]);
        self.node("MatMul", "weights value_heads", "mixed", vec![]);
        self.node("Transpose", "mixed", "mixed_tokens", vec![ints("perm", &[0, 2, 1, 3])]);
        self.node("Reshape", "mixed_tokens joined", "heads", vec![]);
        self.quantised("heads");
        self.linear("heads", "attended", [width, width]);
    }

    /// Quantises a tensor by what it holds.
    fn quantised(&mut self, x: &str) {
        let outputs = ["quantised", "scale", "zero"].map(|what| format!("{x}_{what}"));
        self.results("DynamicQuantizeLinear", x, outputs.to_vec(), vec![]);
    }

    /// The product of a quantised tensor with weights, and a bias.
    fn linear(&mut self, x: &str, y: &str, [from, to]: [usize; 2]) {
        let weights: Vec<u8> = (0..from * to).map(|_| self.byte()).collect();
        self.constant(&format!("{y}_w"), &[from, to], S8, weights);
        self.constant(&format!("{y}_w_zero"), &[to], S8, vec![0; to]);
        // So that results spread as the input does.
        let scale = 1.0 / (73.5 * (from as f32).sqrt());
        let scales: Vec<f32> = (0..to).map(|_| scale * (0.75 + f32::from(self.byte()) / 512.0)).collect();
        self.floats(&format!("{y}_w_scale"), &[to], &scales);
        let bias: Vec<f32> = (0..to).map(|_| f32::from(self.byte()) / 2550.0 - 0.05).collect();
        self.floats(&format!("{y}_bias"), &[to], &bias);
        self.node("Mul", &format!("{x}_scale {y}_w_scale"), &format!("{y}_scales"), vec![]);
        self.node("MatMulInteger", &format!("{x}_quantised {y}_w {x}_zero {y}_w_zero"), &format!("{y}_sums"), vec![]);
        self.node("Cast", &format!("{y}_sums"), &format!("{y}_floats"), vec![int("to", F32.into())]);
        self.node("Mul", &format!("{y}_floats {y}_scales"), &format!("{y}_scaled"), vec![]);
        self.node("Add", &format!("{y}_scaled {y}_bias"), y, vec![]);
    }

    fn normalised(&mut self, x: &str, y: &str, width: usize) {
        self.floats(&format!("{y}_gain"), &[width], &vec![1.0; width]);
        self.floats(&format!("{y}_shift"), &[width], &vec![0.0; width]);
        self.node("LayerNormalization", &format!("{x} {y}_gain {y}_shift"), y, vec![int("axis", -1)]);
    }

    fn byte(&mut self) -> u8 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.to_be_bytes()[0]
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.constant(name, dims, F32, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    fn shape(&mut self, name: &str, sizes: &[usize]) {
        let bytes = sizes.iter().flat_map(|&size| (size as i64).to_le_bytes()).collect();
        self.constant(name, &[sizes.len()], S64, bytes);
    }

    fn constant(&mut self, name: &str, dims: &[usize], data_type: i32, bytes: Vec<u8>) {
        let dims = dims.iter().map(|&size| size as i64).collect();
        let raw_data = Some(bytes);
        let tensor = TensorProto { dims, data_type, name: name.into(), raw_data, ..TensorProto::default() };
        self.graph.initializer.push(tensor);
    }

    fn node(&mut self, op: &str, inputs: &str, output: &str, attributes: Vec<AttributeProto>) {
        self.results(op, inputs, vec![output.into()], attributes);
    }

    fn results(&mut self, op: &str, inputs: &str, output: Vec<String>, attribute: Vec<AttributeProto>) {
        self.graph.node.push(NodeProto {
            input: inputs.split_whitespace().map(Into::into).collect(),
            name: format!("make_{}", output[0]),
            output,
            op_type: op.into(),
            attribute,
            domain: String::new(),
        });
    }
}

fn value(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = dims.iter().map(|&size| DimensionProto { dim_value: Some(size as i64), dim_param: None }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: F32, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: AttributeType::Int.into(), ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let r#type = AttributeType::Ints.into();
    AttributeProto { name: name.into(), ints: ints.to_vec(), r#type, ..AttributeProto::default() }
}
