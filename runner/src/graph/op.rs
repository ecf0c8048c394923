//! The operators.

use std::fmt;

use super::Type;
pub use super::attributes::{
    AbsMax, Border, Convolution, Coordinates, Gemm, Interpolation, Nearest, Padding, Pool, Resize, Transposed,
};
use super::function::{Binary, Class, Comparison, Reduction, Unary};

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
        /// Another rule than ONNX's.
        abs_max: Option<AbsMax>,
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
    /// `x`, of 8 bits or f32.
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
    /// `x`
    Unary(Unary),
    /// `a, b`; broadcasts.
    Binary(Binary),
    /// `x` of f32, to bool.
    Classify(Class),
    /// `a, b`; broadcasts.
    Compare(Comparison),
    /// `x, least?, greatest?`
    Clip,
    /// `condition, x, y`; broadcasts.
    Where,
    /// `x, axes?`
    Reduce {
        /// What becomes of them.
        reduction: Reduction,
        /// The axes stay, with one element.
        keep: bool,
        /// No axes are no reduction, and not one of all.
        none_is_none: bool,
    },
    /// `x`: where along an axis the greatest element is, or the least, as s64.
    Arg {
        /// The greatest.
        greatest: bool,
        /// The axis.
        axis: i64,
        /// The axis stays, with one element.
        keep: bool,
        /// The last of several, not the first.
        last: bool,
    },
    /// `x, axis`: sums of all elements up to each, along the axis.
    CumSum {
        /// Each without the element itself.
        exclusive: bool,
        /// From the last on.
        reverse: bool,
    },
    /// `x, scale, bias?`: over all axes from `axis` on.
    LayerNormalization {
        /// The first axis.
        axis: i64,
        /// What is added to the variance.
        epsilon: f32,
    },
    /// `x, scale, bias, mean, variance`, by channels.
    BatchNormalization {
        /// What is added to the variance.
        epsilon: f32,
    },
    /// `x, scale, bias`, by images and channels.
    InstanceNormalization {
        /// What is added to the variance.
        epsilon: f32,
    },
    /// `x, scale, bias`, by images and groups of channels.
    GroupNormalization {
        /// How many groups.
        groups: usize,
        /// Scales and biases are those of groups, and not of channels.
        per_group: bool,
        /// What is added to the variance.
        epsilon: f32,
    },
    /// `x, scale`: over all axes from `axis` on.
    RmsNormalization {
        /// The first axis.
        axis: i64,
        /// What is added to the mean of the squares.
        epsilon: f32,
    },
    /// `x, w, bias?` of f32.
    Conv(Convolution),
    /// `x, scale, zero point, w, scale, zero point, bias?`: `f32(f32(sum) * f32(sx * sw))`. A bias of s32 is part of the
    /// sum; one of f32 is added to the result, which is rounded again.
    ConvIntegerToFloat(Convolution),
    /// `x, w, bias?` of f32.
    ConvTranspose(Transposed),
    /// As [`Op::QLinearConv`].
    QLinearConvTranspose(Transposed),
    /// `x` of f32.
    AveragePool {
        /// The windows.
        pool: Pool,
        /// Padding counts, as 0.
        count_include_pad: bool,
    },
    /// `x` of f32, or of 8 bits: the greatest of each image and channel.
    GlobalMaxPool,
    /// `x` of f32: the mean of each image and channel.
    GlobalAveragePool,
    /// `x, roi?, scales?, sizes?`, or `x, scales`; one of scales and sizes has elements.
    Resize(Resize),
    /// `x, starts, ends, axes?, steps?`
    Slice,
    /// `x, sizes?`
    Split {
        /// The axis.
        axis: i64,
        /// How many parts.
        parts: usize,
    },
    /// `x, repeats`
    Tile,
    /// `x`: blocks of channels become blocks of pixels.
    DepthToSpace {
        /// Pixels of a block's side.
        block: usize,
        /// Depth, then column and row, and not column and row before depth.
        depth_first: bool,
    },
    /// `x`: the other way.
    SpaceToDepth {
        /// Pixels of a block's side.
        block: usize,
    },
    /// `shape`: a tensor of that shape with one value, which is an operand of one element: `shape, value`.
    ConstantOfShape,
    /// `start, limit, step`
    Range,
    /// `x` of 8 bits, and a table of 256 values by its bytes, in the order of u8; made by a pass.
    Lookup,
    /// Tensors of f32: sums of products, as an equation says.
    Einsum {
        /// The labels of the operands' axes, and of the result's.
        equation: String,
    },
    /// `a, b` of f32: matrices, of batches that broadcast.
    MatMul,
    /// `a, b, c?` of f32.
    Gemm(Gemm),
    /// `x, pads, value?, axes?`
    Pad(Border),
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
    /// `x`: the logarithms of what [`Op::Softmax`] makes.
    LogSoftmax {
        /// The axis.
        axis: i64,
        /// Over all axes from `axis` on, as before opset 13.
        flattened: bool,
    },
    /// `x, diagonal?`: of the matrices of the last two axes, one side of the diagonal and itself; the rest is 0.
    Trilu {
        /// The side above the diagonal, and not the one below.
        upper: bool,
    },
    /// `x, k`: the first elements of each lane by their order, and where they were, as s64.
    TopK {
        /// The axis.
        axis: i64,
        /// The greatest first, and not the least.
        largest: bool,
    },
    /// `indices, depth, values`: the second value where an index says so along a new axis, and the first elsewhere.
    OneHot {
        /// The new axis.
        axis: i64,
    },
    /// `data, indices, updates`: the data, with updates where the indices say along one axis.
    ScatterElements {
        /// The axis.
        axis: i64,
    },
    /// `data, indices, updates`: the data, with updates at the tuples of indices along the last axis.
    ScatterNd,
    /// `data, indices`
    Gather {
        /// The axis of `data`.
        axis: i64,
    },
    /// `data, indices`: where the indices stand, but along one axis.
    GatherElements {
        /// The axis.
        axis: i64,
    },
    /// `data, indices`: the indices of its first axes, behind those of a batch, stand along their last axis.
    GatherNd {
        /// How many axes both have at first.
        batch: usize,
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
    /// `x, shape`: to the shape that both broadcast to.
    ExpandTo,
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
            Self::Unary(function) => function.name(),
            Self::Binary(function) => function.name(),
            Self::Classify(class) => class.name(),
            Self::Compare(comparison) => comparison.name(),
            Self::Clip => "Clip",
            Self::Where => "Where",
            Self::Reduce { reduction, .. } => reduction.name(),
            Self::Arg { greatest: true, .. } => "ArgMax",
            Self::Arg { .. } => "ArgMin",
            Self::CumSum { .. } => "CumSum",
            Self::LayerNormalization { .. } => "LayerNormalization",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::GroupNormalization { .. } => "GroupNormalization",
            Self::InstanceNormalization { .. } => "InstanceNormalization",
            Self::RmsNormalization { .. } => "RMSNormalization",
            Self::Conv(_) => "Conv",
            Self::ConvIntegerToFloat(_) => "ConvIntegerToFloat",
            Self::ConvTranspose(_) => "ConvTranspose",
            Self::QLinearConvTranspose(_) => "QLinearConvTranspose",
            Self::AveragePool { .. } => "AveragePool",
            Self::GlobalMaxPool => "GlobalMaxPool",
            Self::GlobalAveragePool => "GlobalAveragePool",
            Self::Resize(_) => "Resize",
            Self::Slice => "Slice",
            Self::Split { .. } => "Split",
            Self::Tile => "Tile",
            Self::DepthToSpace { .. } => "DepthToSpace",
            Self::SpaceToDepth { .. } => "SpaceToDepth",
            Self::ConstantOfShape => "ConstantOfShape",
            Self::Range => "Range",
            Self::Lookup => "Lookup",
            Self::Einsum { .. } => "Einsum",
            Self::MatMul => "MatMul",
            Self::Gemm(_) => "Gemm",
            Self::Pad(_) => "Pad",
            Self::QLinearGlobalAveragePool { .. } => "QLinearGlobalAveragePool",
            Self::Shape { .. } => "Shape",
            Self::Reshape { .. } => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Flatten { .. } => "Flatten",
            Self::Softmax { .. } => "Softmax",
            Self::LogSoftmax { .. } => "LogSoftmax",
            Self::Trilu { .. } => "Trilu",
            Self::TopK { .. } => "TopK",
            Self::OneHot { .. } => "OneHot",
            Self::ScatterElements { .. } => "ScatterElements",
            Self::ScatterNd => "ScatterND",
            Self::Gather { .. } => "Gather",
            Self::GatherElements { .. } => "GatherElements",
            Self::GatherNd { .. } => "GatherND",
            Self::Unsqueeze => "Unsqueeze",
            Self::Squeeze => "Squeeze",
            Self::Concat { .. } => "Concat",
            Self::Cast { .. } => "Cast",
            Self::Identity => "Identity",
            Self::Expand { .. } | Self::ExpandTo => "Expand",
            Self::Relayout => "Relayout",
            Self::Unknown { name } => name,
        }
    }

    /// Whether its operands are brought to one shape, element by element.
    pub(crate) fn broadcasts(&self) -> bool {
        matches!(
            self,
            Self::QLinearAdd | Self::QLinearMul | Self::QLinearWhere | Self::Binary(_) | Self::Compare(_) | Self::Where
        )
    }

    /// Whether an operand of one element need not be repeated, whatever the shape.
    pub(crate) fn repeats_scalars(&self) -> bool {
        matches!(self, Self::Binary(_) | Self::Compare(_) | Self::Where)
    }

    /// How many tensors it makes.
    pub(crate) fn results(&self) -> usize {
        match self {
            Self::DynamicQuantizeLinear => 3,
            Self::TopK { .. } => 2,
            Self::Split { parts, .. } => *parts,
            _ => 1,
        }
    }

    /// Whether an operand is one that every run brings anew. The others are parameters, known when a plan is made; those
    /// that a run brings all the same make the node one that is planned in each run.
    pub(crate) fn is_activation(&self, operand: usize) -> bool {
        match self {
            Self::QLinearMatMul | Self::QLinearAdd | Self::QLinearMul => matches!(operand, 0 | 3),
            Self::MatMulInteger
            | Self::Binary(_)
            | Self::Compare(_)
            | Self::MatMul
            | Self::Gather { .. }
            | Self::GatherElements { .. }
            | Self::GatherNd { .. } => operand < 2,
            // Of floats, all are.
            Self::Concat { .. }
            | Self::Einsum { .. }
            | Self::Gemm(_)
            | Self::Where
            | Self::Clip
            | Self::Conv(_)
            | Self::ConvTranspose(_)
            | Self::LayerNormalization { .. }
            | Self::BatchNormalization { .. }
            | Self::InstanceNormalization { .. }
            | Self::RmsNormalization { .. }
            | Self::GroupNormalization { .. }
            | Self::ScatterElements { .. }
            | Self::ScatterNd => true,
            // All but the weights and their zero point.
            Self::MatMulIntegerToFloat => !matches!(operand, 1 | 5),
            Self::DynamicQuantizeMatMul => !matches!(operand, 1 | 3),
            Self::OneHot { .. } => matches!(operand, 0 | 2),
            Self::QLinearWhere => matches!(operand, 0 | 1 | 4),
            Self::QLinearConcat { .. } => operand >= 2 && (operand - 2).is_multiple_of(3),
            // The value around it.
            Self::Pad(_) => matches!(operand, 0 | 2),
            _ => operand == 0,
        }
    }

    /// The operand that is packed for a kernel where it is a constant.
    pub(crate) const fn weights(&self) -> Option<usize> {
        match self {
            Self::QLinearConv(_)
            | Self::QLinearConvTranspose(_)
            | Self::ConvIntegerToFloat(_)
            | Self::QLinearMatMul
            | Self::QGemm(_) => Some(3),
            Self::ConvInteger(_) | Self::MatMulInteger | Self::MatMulIntegerToFloat | Self::DynamicQuantizeMatMul => {
                Some(1)
            }
            _ => None,
        }
    }

    /// The least and the greatest number of operands, and the names of those that have to be there.
    pub(crate) fn arity(&self) -> (usize, usize, &'static [&'static str]) {
        match self {
            Self::QuantizeLinear { .. } | Self::DequantizeLinear { .. } => (2, 3, &["x", "scale"]),
            Self::QLinearConv(_) | Self::QLinearConvTranspose(_) => {
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
            Self::Binary(_) | Self::Compare(_) | Self::MatMul => (2, 2, &["A", "B"]),
            Self::Clip => (1, 3, &["x"]),
            Self::Where => (3, 3, &["condition", "X", "Y"]),
            Self::Reduce { .. } => (1, 2, &["data"]),
            Self::CumSum { .. } => (2, 2, &["x", "axis"]),
            Self::LayerNormalization { .. } => (2, 3, &["X", "Scale"]),
            Self::BatchNormalization { .. } => (5, 5, &["X", "scale", "B", "input_mean", "input_var"]),
            Self::GroupNormalization { .. } => (3, 3, &["X", "scale", "bias"]),
            Self::InstanceNormalization { .. } => (3, 3, &["input", "scale", "B"]),
            Self::RmsNormalization { .. } => (2, 2, &["X", "scale"]),
            Self::Conv(_) | Self::ConvTranspose(_) => (2, 3, &["X", "W"]),
            Self::ConvIntegerToFloat(_) => (6, 7, &["x", "x_scale", "", "w", "w_scale"]),
            Self::Resize(_) => (1, 4, &["X"]),
            Self::Slice => (3, 5, &["data", "starts", "ends"]),
            Self::Split { .. } => (1, 2, &["input"]),
            Self::Tile => (2, 2, &["input", "repeats"]),
            Self::ExpandTo => (2, 2, &["input", "shape"]),
            Self::ConstantOfShape => (2, 2, &["input", "value"]),
            Self::Range => (3, 3, &["start", "limit", "delta"]),
            Self::Lookup => (2, 2, &["x", "table"]),
            Self::Gemm(_) => (2, 3, &["A", "B"]),
            Self::Pad(_) => (2, 4, &["data", "pads"]),
            Self::QLinearGlobalAveragePool { .. } => (4, 5, &["x", "x_scale", "", "y_scale"]),
            Self::Trilu { .. } => (1, 2, &["input"]),
            Self::TopK { .. } => (2, 2, &["X", "K"]),
            Self::OneHot { .. } => (3, 3, &["indices", "depth", "values"]),
            Self::ScatterElements { .. } | Self::ScatterNd => (3, 3, &["data", "indices", "updates"]),
            Self::Reshape { .. } => (2, 2, &["data", "shape"]),
            Self::Gather { .. } | Self::GatherElements { .. } | Self::GatherNd { .. } => (2, 2, &["data", "indices"]),
            Self::Unsqueeze => (2, 2, &["data", "axes"]),
            Self::Squeeze => (1, 2, &["data"]),
            Self::Concat { .. } | Self::Einsum { .. } => (1, usize::MAX, &[]),
            Self::Unknown { .. } => (0, usize::MAX, &[]),
            Self::DynamicQuantizeLinear
            | Self::Unary(_)
            | Self::Classify(_)
            | Self::LogSoftmax { .. }
            | Self::Arg { .. }
            | Self::AveragePool { .. }
            | Self::GlobalMaxPool
            | Self::GlobalAveragePool
            | Self::DepthToSpace { .. }
            | Self::SpaceToDepth { .. }
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
