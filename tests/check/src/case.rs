//! What a case consists of.

use zeropoint::Runtime;

use crate::pools::Windows;
use crate::tables::{Function, Unary};

/// An 8-bit type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Unsigned.
    U8,
    /// Signed.
    I8,
}

impl Element {
    /// Least and greatest value.
    pub fn range(self) -> (i32, i32) {
        match self {
            Self::U8 => (0, 255),
            Self::I8 => (-128, 127),
        }
    }

    /// The face's type.
    pub fn type_(self) -> zeropoint::Type {
        match self {
            Self::U8 => zeropoint::Type::U8,
            Self::I8 => zeropoint::Type::I8,
        }
    }
}

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// All alike.
    Uniform,
    /// The least, -1, 0, 1 and the greatest alone.
    Extreme,
}

/// Zero points of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroPointsOf {
    /// This one for all.
    All(i32),
    /// Drawn for each row, column or output channel.
    Each,
}

/// What becomes of the accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As they are.
    I32,
    /// Requantised, with a multiplier for all.
    Bytes(Element),
    /// Requantised with a multiplier for each column and a clamp. The multipliers are powers of two: many ties.
    Ties(Element),
    /// Requantised with a multiplier for each column, by which some accumulators leave 32 bits.
    Beyond(Element),
    /// Requantised by a rule that is drawn, with scales and zero points for all or for each column.
    Rule(Element),
    /// Dequantised, with or without a bias in real units.
    F32 {
        /// Whether there is a bias.
        bias: bool,
    },
}

/// Where the elements of operands and results lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One after the other; channels last.
    Dense,
    /// Rows apart from each other.
    Strided,
    /// Columns first: a transposed matrix; images by channels (NCHW).
    Planar,
}

/// A product with constant weights.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// M, K, N.
    pub sizes: [usize; 3],
    /// Types of both operands.
    pub elements: [Element; 2],
    /// Zero points of both operands.
    pub zero_points: [ZeroPointsOf; 2],
    /// What becomes of the accumulators.
    pub end: End,
    /// Where operand and result lie.
    pub layout: Layout,
    /// How values are drawn.
    pub values: Values,
    /// Of everything drawn.
    pub seed: u64,
}

/// A convolution.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    /// Images, height, width.
    pub images: [usize; 3],
    /// Input channels of a group, output channels of a group, groups.
    pub channels: [usize; 3],
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Strides.
    pub strides: [usize; 2],
    /// Dilation.
    pub dilation: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
    /// Types of input and weights.
    pub elements: [Element; 2],
    /// Zero point of the input.
    pub zero_point: i32,
    /// Zero points of the weights.
    pub weights: ZeroPointsOf,
    /// What becomes of the accumulators.
    pub end: End,
    /// Where input and result lie.
    pub layout: Layout,
    /// How values are drawn.
    pub values: Values,
    /// Of everything drawn.
    pub seed: u64,
}

/// A convolution of volumes.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    /// Volumes, planes, height, width.
    pub volumes: [usize; 4],
    /// Input channels of a group, output channels of a group, groups.
    pub channels: [usize; 3],
    /// Kernel planes, height and width.
    pub kernel: [usize; 3],
    /// Strides.
    pub strides: [usize; 3],
    /// Dilation.
    pub dilation: [usize; 3],
    /// Front, top, left, back, bottom, right.
    pub pads: [usize; 6],
    /// Types of input and weights.
    pub elements: [Element; 2],
    /// Zero points of the input: for all or for each of its channels.
    pub input: ZeroPointsOf,
    /// Zero points of the weights.
    pub weights: ZeroPointsOf,
    /// What becomes of the accumulators.
    pub end: End,
    /// Where input, weights and result lie.
    pub layout: Layout,
    /// How values are drawn.
    pub values: Values,
    /// Of everything drawn.
    pub seed: u64,
}

/// A linear layer on floats, whose rows are quantised at run time.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// M, K, N.
    pub sizes: [usize; 3],
    /// Types that rows are quantised to, and of the weights.
    pub elements: [Element; 2],
    /// Zero points of the weights.
    pub weights: ZeroPointsOf,
    /// Whether there is a bias.
    pub bias: bool,
    /// Where operand and result lie.
    pub layout: Layout,
    /// Of everything drawn.
    pub seed: u64,
}

/// A transposed convolution of volumes.
#[derive(Clone, Copy, Debug)]
pub struct Transposed {
    /// All else: strides are those of the output, and pads what it lacks.
    pub volume: Volume,
    /// Planes, rows and columns that the output has more.
    pub output_padding: [usize; 3],
}

/// A product of two operands known at run time.
#[derive(Clone, Copy, Debug)]
pub struct MatMul {
    /// Matrices.
    pub batch: usize,
    /// The product of each.
    pub gemm: Gemm,
}

/// An operation of two operands, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Binary {
    /// Elements.
    pub len: usize,
    /// Types of both operands and the result.
    pub elements: [Element; 3],
    /// Scales.
    pub scales: [f32; 3],
    /// Zero points.
    pub zero_points: [i32; 3],
    /// Of the values.
    pub seed: u64,
}

/// A global average pool.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Pixels and channels.
    pub sizes: [usize; 2],
    /// Bytes between the channels of a pixel's last and the next one's first.
    pub gap: usize,
    /// Whose mean.
    pub runtime: Runtime,
    /// Types of input and output.
    pub elements: [Element; 2],
    /// Scales.
    pub scales: [f32; 2],
    /// Zero points.
    pub zero_points: [i32; 2],
    /// Of the values.
    pub seed: u64,
}

/// A type of 8 or 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// 8 bits, unsigned.
    U8,
    /// 8 bits, signed.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
}

/// A tensor that is quantised by a rule, or dequantised.
#[derive(Clone, Copy, Debug)]
pub struct Quantizing {
    /// Three axes, of which the middle one has the scales.
    pub shape: [usize; 3],
    /// Elements of a block on it, if there are blocks.
    pub block: Option<usize>,
    /// Type of the values.
    pub target: Target,
    /// Bits of the values.
    pub bits: u32,
    /// Rule.
    pub rule: zeropoint::QuantizeRule,
    /// What NaN becomes.
    pub nan: zeropoint::NanPolicy,
    /// Of everything drawn.
    pub seed: u64,
}

/// A case of any operation.
#[derive(Clone, Copy, Debug)]
pub enum Case {
    /// A product with constant weights.
    Gemm(Gemm),
    /// A convolution.
    Conv(Conv),
    /// A convolution of volumes.
    Conv3d(Volume),
    /// A linear layer on floats.
    Linear(Linear),
    /// A transposed convolution of volumes.
    Transposed(Transposed),
    /// A product of two operands known at run time.
    MatMul(MatMul),
    /// Floats to 8 bits: ties, extremes, NaN and infinities among them.
    Quantize {
        /// Elements.
        len: usize,
        /// Type of the result.
        element: Element,
        /// Scale.
        scale: f32,
        /// Zero point.
        zero_point: i32,
        /// Of the values.
        seed: u64,
    },
    /// 8 bits to floats.
    Dequantize {
        /// Elements.
        len: usize,
        /// Type of the operand.
        element: Element,
        /// Scale.
        scale: f32,
        /// Zero point.
        zero_point: i32,
        /// Of the values.
        seed: u64,
    },
    /// 32 bits to 8.
    Requantize {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
        /// Type of the result.
        element: Element,
        /// Whether each column has a multiplier.
        each: bool,
        /// Zero point.
        zero_point: i32,
        /// Clamp.
        clamp: (i32, i32),
        /// Of the values.
        seed: u64,
    },
    /// 32 bits to 8 by a rule.
    RuleRequantize {
        /// Columns.
        columns: usize,
        /// Type of the result.
        element: Element,
        /// Rule.
        rule: zeropoint::Rule,
        /// Of everything drawn.
        seed: u64,
    },
    /// Floats to integers by a rule.
    RuleQuantize(Quantizing),
    /// Integers that a rule made of floats, and back.
    RuleDequantize(Quantizing),
    /// An addition.
    Add(Binary),
    /// A multiplication.
    Mul(Binary),
    /// A global average pool.
    Pool(Pool),
    /// An addition in integers, as a runtime computes it.
    RuleAdd(Runtime, Binary),
    /// A function of one value.
    Lookup(Function, Unary),
    /// A choice between two tensors.
    Where(Binary),
    /// A softmax of two rows.
    Softmax(Unary),
    /// Greatest values under windows.
    MaxPool(Windows),
    /// Means under windows, as a runtime computes them; padding counts or not.
    AveragePool(Runtime, bool, Windows),
}
