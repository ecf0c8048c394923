//! The plain form of a network: tensors, and the nodes that make them.
//!
//! A node's operands are what ONNX gives the operator of the same name, in its order; [`op::Op`] says what each
//! operator means here. Each tensor has one maker: a node, the caller (an input) or nobody (a constant).

mod attributes;
pub mod check;
pub mod constant;
pub mod function;
pub mod op;
mod open;
#[cfg(feature = "command")]
mod part;
pub mod shape;
pub mod sizes;

use std::fmt;
use std::sync::Arc;

pub use constant::{Constant, Data, Element};
pub use op::Op;
pub use sizes::Size;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A condition: 0 or 1, in a byte.
    Bool,
    /// Unsigned 4 bits, a value in a byte of its own.
    U4,
    /// Signed 4 bits, a value in a byte of its own.
    I4,
    /// Unsigned 8 bits.
    U8,
    /// Signed 8 bits.
    I8,
    /// Unsigned 16 bits.
    U16,
    /// Signed 16 bits.
    I16,
    /// Signed 32 bits: biases and sums.
    I32,
    /// Signed 64 bits: shapes and indices.
    I64,
    /// binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// binary32.
    F32,
}

impl Type {
    /// Bytes of an element.
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::U4 | Self::I4 | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 => 8,
        }
    }

    /// The name, as NumPy has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U4 => "uint4",
            Self::I4 => "int4",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
        }
    }

    /// The type whose elements lie in memory as this one's do: a value of 4 bits has a byte.
    pub const fn storage(self) -> Self {
        match self {
            Self::Bool | Self::U4 => Self::U8,
            Self::I4 => Self::I8,
            other => other,
        }
    }

    /// Whether the elements are floats.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32)
    }

    /// The least and the greatest value of an integer type of up to 16 bits.
    pub const fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::U4 => Some((0, 15)),
            Self::I4 => Some((-8, 7)),
            Self::U8 => Some((0, 255)),
            Self::I8 => Some((-128, 127)),
            Self::U16 => Some((0, 65535)),
            Self::I16 => Some((-32768, 32767)),
            _ => None,
        }
    }

    /// Whether activations of the type are quantised values.
    pub const fn is_quantized(self) -> bool {
        matches!(self, Self::U8 | Self::I8)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The order of a tensor's elements in memory; the shape is always the network's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// C order of the shape.
    #[default]
    RowMajor,
    /// A shape `[n, c, h, w]` stored as `[n, h, w, c]`, the kernels' native order; with one spatial axis or three likewise.
    ChannelsLast,
}

/// A tensor's index in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub(crate) usize);

impl TensorId {
    /// The index in [`Graph::tensors`].
    pub const fn index(self) -> usize {
        self.0
    }
}

/// A tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The name in the file.
    pub name: String,
    /// The type, once known.
    pub type_: Option<Type>,
    /// The shape, once known.
    pub shape: Option<Vec<usize>>,
    /// The order in memory.
    pub layout: Layout,
    /// The value, if it is the same for every run.
    pub constant: Option<Arc<Constant>>,
    /// A pass made it: it is no tensor of the file.
    pub internal: bool,
    /// What the file says of type and shape, to compare with what is inferred; `None` is a size that is left open.
    pub declared: Option<(Type, Vec<Option<usize>>)>,
    /// Of an input with open sizes: all its sizes as the file has them, until the passes have fixed them.
    pub sizes: Vec<Size>,
}

impl Tensor {
    /// A tensor of which nothing is known but the name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            type_: None,
            shape: None,
            layout: Layout::RowMajor,
            constant: None,
            internal: false,
            declared: None,
            sizes: Vec::new(),
        }
    }

    /// A constant.
    pub fn constant(name: impl Into<String>, constant: Constant) -> Self {
        Self {
            type_: Some(constant.type_()),
            shape: Some(constant.shape().to_vec()),
            constant: Some(Arc::new(constant)),
            ..Self::named(name)
        }
    }

    /// Type and shape for a message.
    pub fn describe(&self) -> String {
        match (&self.type_, &self.shape) {
            (Some(type_), None) if !self.sizes.is_empty() => format!("{type_} [{}]", sizes::written(&self.sizes)),
            (Some(type_), Some(shape)) => format!("{type_} {shape:?}"),
            (Some(type_), None) => format!("{type_} of unknown shape"),
            (None, Some(shape)) => format!("{shape:?} of unknown type"),
            (None, None) => "of unknown type and shape".into(),
        }
    }
}

/// A node: an operator on tensors.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name in the file; may be empty.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// The operands; an optional one that was left out is `None`.
    pub inputs: Vec<Option<TensorId>>,
    /// What it makes: as many tensors as the operator has results, all of them with a name or internal.
    pub outputs: Vec<TensorId>,
    /// The least and the greatest value of what it makes, of an operator that makes quantised values: a clamp behind it
    /// that a pass took in.
    pub clamp: Option<(i32, i32)>,
}

impl Node {
    /// A node without a name that makes one tensor.
    pub fn new(op: Op, inputs: Vec<Option<TensorId>>, output: TensorId) -> Self {
        Self { name: String::new(), op, inputs, outputs: vec![output], clamp: None }
    }
}

/// A network.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// The nodes, each after those that it reads.
    pub nodes: Vec<Node>,
    /// What the caller gives.
    pub inputs: Vec<TensorId>,
    /// What the caller gets.
    pub outputs: Vec<TensorId>,
    /// Biases of floats are added to scaled sums, by whatever definition: what made the network does so.
    pub real_bias: bool,
}

impl Graph {
    /// Adds a tensor.
    pub fn add(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor);
        TensorId(self.tensors.len() - 1)
    }

    /// A tensor.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    pub(crate) fn tensor_mut(&mut self, id: TensorId) -> &mut Tensor {
        &mut self.tensors[id.0]
    }

    /// How messages name a node: by its operator, and its name or what it makes.
    pub fn label(&self, node: &Node) -> String {
        if node.name.is_empty() {
            let made = node.outputs.first().map_or("", |&id| self.tensor(id).name.as_str());
            format!("{} node that makes \"{made}\"", node.op)
        } else {
            format!("{} node \"{}\"", node.op, node.name)
        }
    }
}
