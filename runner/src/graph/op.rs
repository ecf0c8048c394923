//! The operators.

use std::fmt;

use super::Type;

/// How a convolution is padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many positions before each spatial axis, then so many behind each; none where there are no numbers.
    Explicit(Vec<usize>),
    /// `ceil(input / stride)` outputs; an odd position goes behind.
    SameUpper,
    /// `ceil(input / stride)` outputs; an odd position goes before.
    SameLower,
}

/// The attributes of a convolution. Those of spatial axes have a number for each, or none where all have the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Taps of the kernel, where the file says so beside the weights' shape.
    pub kernel: Option<Vec<usize>>,
    /// Steps between outputs; 1 by default.
    pub strides: Vec<usize>,
    /// Distance between taps; 1 by default.
    pub dilations: Vec<usize>,
    /// The border.
    pub padding: Padding,
    /// Groups of channels.
    pub groups: usize,
    /// The shapes of input and output have the channels last, and not behind the images.
    pub channels_last: bool,
}

impl Default for Convolution {
    fn default() -> Self {
        Self {
            kernel: None,
            strides: Vec::new(),
            dilations: Vec::new(),
            padding: Padding::Explicit(Vec::new()),
            groups: 1,
            channels_last: false,
        }
    }
}

/// The attributes of a two-dimensional pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The window, with its kernel given and one group.
    pub window: Convolution,
    /// A last window that leaves the padded image counts too.
    pub ceil_mode: bool,
}

/// The attributes of a product of matrices `alpha * A * B + beta * C`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemm {
    /// The left matrix is there transposed.
    pub transpose_a: bool,
    /// The right matrix is there transposed.
    pub transpose_b: bool,
    /// What multiplies the product.
    pub alpha: f32,
    /// What multiplies the addend.
    pub beta: f32,
}

/// An operator. Operands are those of the ONNX operator that [`Op::name`] gives, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `x, scale, zero point?` to integers of up to 16 bits.
    QuantizeLinear {
        /// The axis of scales that are no scalars.
        axis: i64,
        /// Elements along the axis that share a scale; 0 where each index of the axis has one.
        block: usize,
        /// The type, where no zero point gives it.
        to: Option<Type>,
    },
    /// `x, scale, zero point?` to floats.
    DequantizeLinear {
        /// The axis of scales that are no scalars.
        axis: i64,
        /// Elements along the axis that share a scale; 0 where each index of the axis has one.
        block: usize,
        /// The type, where it is not the scale's.
        to: Option<Type>,
    },
    /// `x` of f32 to u8; makes the values, their scale and their zero point, which fit the least and the greatest `x`.
    DynamicQuantizeLinear,
    /// `x, scale, zero point, w, scale, zero point, scale of y, zero point of y, bias?`
    QLinearConv(Convolution),
    /// `x, w, zero point of x?, zero point of w?` to s32.
    ConvInteger(Convolution),
    /// `a, scale, zero point, b, scale, zero point, scale of y, zero point of y`
    QLinearMatMul,
    /// `a, b, zero point of a?, zero point of b?` to s32.
    MatMulInteger,
    /// `a, scale, zero point, b, scale, zero point, scale of c, zero point of c`; broadcasts.
    QLinearAdd,
    /// As [`Op::QLinearAdd`].
    QLinearMul,
    /// `a, scale, zero point, b, scale, zero point, c?, scale of y?, zero point of y?`; f32 without the last two. Beta
    /// is 1: `c` is of 32 bits, in units of both scales and of alpha.
    QGemm(Gemm),
    /// `a, b, scale of a, scale of b, zero point of a?, zero point of b?, bias?` to f32.
    MatMulIntegerToFloat,
    /// `a` of f32, quantised on the way, `b, scale of b, zero point of b?, bias?` to f32.
    DynamicQuantizeMatMul,
    /// `x`, of 8 bits.
    MaxPool(Pool),
    /// `x, scale, zero point, scale of y, zero point of y`
    QLinearAveragePool {
        /// The windows.
        pool: Pool,
        /// Padding counts, as 0.
        count_include_pad: bool,
    },
    /// `x, scale, zero point, scale of y, zero point of y`
    QLinearLeakyRelu {
        /// What multiplies negative values.
        alpha: f32,
    },
    /// `x, scale, zero point, scale of y, zero point of y`
    QLinearSigmoid,
    /// `x, scale, zero point, scale of y, zero point of y`
    QLinearSoftmax {
        /// The axis.
        axis: i64,
        /// Over all axes from `axis` on, as before opset 13.
        flattened: bool,
    },
    /// `scale of y, zero point of y`, and any number of `x, scale, zero point`.
    QLinearConcat {
        /// The axis.
        axis: i64,
    },
    /// `condition, x, scale, zero point, y, scale, zero point, scale of z, zero point of z`; broadcasts.
    QLinearWhere,
    /// `a, b` of f32; broadcasts.
    Add,
    /// `a, b` of f32: matrices, of batches that broadcast.
    MatMul,
    /// `a, b, c?` of f32.
    Gemm(Gemm),
    /// `x, pads, value?, axes?`: with a value all around.
    Pad,
    /// `x, scale, zero point, scale of y, zero point of y`
    QLinearGlobalAveragePool {
        /// The shape is `[n, h, w, c]` and not `[n, c, h, w]`.
        channels_last: bool,
    },
    /// `x`: its shape from `start` to `end`, as s64.
    Shape {
        /// The first axis.
        start: i64,
        /// The axis behind the last; all of them without it.
        end: Option<i64>,
    },
    /// `x, shape`: one −1 is what is left over.
    Reshape {
        /// A 0 in the shape is 0, and not the size that `x` has there.
        allow_zero: bool,
    },
    /// `x`
    Transpose {
        /// Which axis of `x` each axis of the output is; reversed without it.
        permutation: Option<Vec<i64>>,
    },
    /// `x` as a matrix.
    Flatten {
        /// The first axis of the columns.
        axis: i64,
    },
    /// `x`
    Softmax {
        /// The axis.
        axis: i64,
        /// Over all axes from `axis` on, as before opset 13.
        flattened: bool,
    },
    /// `data, indices`
    Gather {
        /// The axis of `data`.
        axis: i64,
    },
    /// `x, axes`
    Unsqueeze,
    /// `x, axes?`
    Squeeze,
    /// Any number.
    Concat {
        /// The axis.
        axis: i64,
    },
    /// `x`
    Cast {
        /// The type.
        to: Type,
    },
    /// `x`
    Identity,
    /// `x` to a shape that it broadcasts to; made by a pass.
    Expand {
        /// The shape.
        shape: Vec<usize>,
    },
    /// `x` in the other memory order; made by a pass.
    Relayout,
    /// One that this runner does not know.
    Unknown {
        /// The name, with the domain before it unless that is ONNX's own.
        name: String,
    },
}

impl Op {
    /// The operator's name, as ONNX has it.
    pub fn name(&self) -> &str {
        match self {
            Self::QuantizeLinear { .. } => "QuantizeLinear",
            Self::DequantizeLinear { .. } => "DequantizeLinear",
            Self::DynamicQuantizeLinear => "DynamicQuantizeLinear",
            Self::QLinearConv(_) => "QLinearConv",
            Self::ConvInteger(_) => "ConvInteger",
            Self::QLinearMatMul => "QLinearMatMul",
            Self::MatMulInteger => "MatMulInteger",
            Self::QLinearAdd => "QLinearAdd",
            Self::QLinearMul => "QLinearMul",
            Self::QGemm(_) => "QGemm",
            Self::MatMulIntegerToFloat => "MatMulIntegerToFloat",
            Self::DynamicQuantizeMatMul => "DynamicQuantizeMatMul",
            Self::MaxPool(_) => "MaxPool",
            Self::QLinearAveragePool { .. } => "QLinearAveragePool",
            Self::QLinearLeakyRelu { .. } => "QLinearLeakyRelu",
            Self::QLinearSigmoid => "QLinearSigmoid",
            Self::QLinearSoftmax { .. } => "QLinearSoftmax",
            Self::QLinearConcat { .. } => "QLinearConcat",
            Self::QLinearWhere => "QLinearWhere",
            Self::Add => "Add",
            Self::MatMul => "MatMul",
            Self::Gemm(_) => "Gemm",
            Self::Pad => "Pad",
            Self::QLinearGlobalAveragePool { .. } => "QLinearGlobalAveragePool",
            Self::Shape { .. } => "Shape",
            Self::Reshape { .. } => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Flatten { .. } => "Flatten",
            Self::Softmax { .. } => "Softmax",
            Self::Gather { .. } => "Gather",
            Self::Unsqueeze => "Unsqueeze",
            Self::Squeeze => "Squeeze",
            Self::Concat { .. } => "Concat",
            Self::Cast { .. } => "Cast",
            Self::Identity => "Identity",
            Self::Expand { .. } => "Expand",
            Self::Relayout => "Relayout",
            Self::Unknown { name } => name,
        }
    }

    /// Whether its operands are brought to one shape, element by element.
    pub(crate) fn broadcasts(&self) -> bool {
        matches!(self, Self::QLinearAdd | Self::QLinearMul | Self::QLinearWhere | Self::Add)
    }

    /// How many tensors it makes.
    pub(crate) fn results(&self) -> usize {
        match self {
            Self::DynamicQuantizeLinear => 3,
            _ => 1,
        }
    }

    /// Whether an operand is one that every run brings anew. The others are parameters, known when a plan is made; those
    /// that a run brings all the same make the node one that is planned in each run.
    pub(crate) fn is_activation(&self, operand: usize) -> bool {
        match self {
            Self::QLinearMatMul | Self::QLinearAdd | Self::QLinearMul => matches!(operand, 0 | 3),
            Self::MatMulInteger | Self::Add | Self::MatMul => operand < 2,
            Self::Concat { .. } | Self::Gemm(_) => true,
            // All but the weights and their zero point.
            Self::MatMulIntegerToFloat => !matches!(operand, 1 | 5),
            Self::DynamicQuantizeMatMul => !matches!(operand, 1 | 3),
            Self::QLinearWhere => matches!(operand, 0 | 1 | 4),
            Self::QLinearConcat { .. } => operand >= 2 && (operand - 2).is_multiple_of(3),
            // The value around it.
            Self::Pad => matches!(operand, 0 | 2),
            _ => operand == 0,
        }
    }

    /// The least and the greatest number of operands, and the names of those that have to be there.
    pub(crate) fn arity(&self) -> (usize, usize, &'static [&'static str]) {
        match self {
            Self::QuantizeLinear { .. } | Self::DequantizeLinear { .. } => (2, 3, &["x", "scale"]),
            Self::QLinearConv(_) => {
                (8, 9, &["x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point", "y_scale", "y_zero_point"])
            }
            Self::ConvInteger(_) => (2, 4, &["x", "w"]),
            Self::MatMulInteger => (2, 4, &["A", "B"]),
            Self::QLinearMatMul => {
                (8, 8, &["a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"])
            }
            // The zero points of com.microsoft's operators are optional, by an empty name.
            Self::QLinearAdd | Self::QLinearMul => (7, 8, &["A", "A_scale", "", "B", "B_scale", "", "C_scale"]),
            Self::QGemm(_) => (6, 9, &["A", "a_scale", "", "B", "b_scale"]),
            Self::MatMulIntegerToFloat => (4, 7, &["A", "B", "a_scale", "b_scale"]),
            Self::DynamicQuantizeMatMul => (3, 5, &["A", "B", "b_scale"]),
            Self::QLinearAveragePool { .. }
            | Self::QLinearLeakyRelu { .. }
            | Self::QLinearSigmoid
            | Self::QLinearSoftmax { .. } => (4, 5, &["X", "x_scale", "", "y_scale"]),
            Self::QLinearConcat { .. } => (5, usize::MAX, &["Y_scale", ""]),
            Self::QLinearWhere => (8, 9, &["condition", "X", "x_scale", "", "Y", "y_scale", "", "z_scale"]),
            Self::Add | Self::MatMul => (2, 2, &["A", "B"]),
            Self::Gemm(_) => (2, 3, &["A", "B"]),
            Self::Pad => (2, 4, &["data", "pads"]),
            Self::QLinearGlobalAveragePool { .. } => (4, 5, &["x", "x_scale", "", "y_scale"]),
            Self::Reshape { .. } => (2, 2, &["data", "shape"]),
            Self::Gather { .. } => (2, 2, &["data", "indices"]),
            Self::Unsqueeze => (2, 2, &["data", "axes"]),
            Self::Squeeze => (1, 2, &["data"]),
            Self::Concat { .. } => (1, usize::MAX, &[]),
            Self::Unknown { .. } => (0, usize::MAX, &[]),
            Self::DynamicQuantizeLinear
            | Self::Shape { .. }
            | Self::MaxPool(_)
            | Self::Transpose { .. }
            | Self::Flatten { .. }
            | Self::Softmax { .. }
            | Self::Cast { .. }
            | Self::Identity
            | Self::Expand { .. }
            | Self::Relayout => (1, 1, &["x"]),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
