//! Functions of elements, which operators apply one by one.

/// A function of one element. All are of f32 but those that say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `|x|`, of integers too.
    Abs,
    /// The least integer that is not less.
    Ceil,
    /// `x` where it is not below 0, else `alpha (e^(x / alpha) - 1)`.
    Celu {
        /// What multiplies below 0.
        alpha: f32,
    },
    /// Cosine.
    Cos,
    /// `x` where it is not below 0, else `alpha (e^x - 1)`.
    Elu {
        /// What multiplies below 0.
        alpha: f32,
    },
    /// The error function.
    Erf,
    /// `e^x`
    Exp,
    /// The greatest integer that is not greater.
    Floor,
    /// `x Φ(x)`, with the normal distribution.
    Gelu {
        /// By the formula with the hyperbolic tangent.
        tanh: bool,
    },
    /// `max(0, min(1, alpha x + beta))`
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at 0.
        beta: f32,
    },
    /// `x max(0, min(1, x / 6 + 1 / 2))`
    HardSwish,
    /// `x` where it is not below 0, else `alpha x`.
    LeakyRelu {
        /// What multiplies below 0.
        alpha: f32,
    },
    /// The natural logarithm.
    Log,
    /// `x tanh(ln(1 + e^x))`
    Mish,
    /// `-x`, of integers too.
    Neg,
    /// The other one, of bool.
    Not,
    /// `1 / x`
    Reciprocal,
    /// `max(0, x)`
    Relu,
    /// The nearest integer, ties to even.
    Round,
    /// `gamma x` above 0, else `gamma alpha (e^x - 1)`.
    Selu {
        /// What multiplies below 0.
        alpha: f32,
        /// What multiplies.
        gamma: f32,
    },
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// -1, 0 or 1, of integers too.
    Sign,
    /// Sine.
    Sin,
    /// `ln(1 + e^x)`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// The square root.
    Sqrt,
    /// `x / (1 + e^(-alpha x))`
    Swish {
        /// What multiplies in the exponent.
        alpha: f32,
    },
    /// The hyperbolic tangent.
    Tanh,
    /// `x` above alpha, else 0.
    ThresholdedRelu {
        /// What `x` has to be above.
        alpha: f32,
    },
}

impl Unary {
    /// The operator's name, as ONNX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Ceil => "Ceil",
            Self::Celu { .. } => "Celu",
            Self::Cos => "Cos",
            Self::Elu { .. } => "Elu",
            Self::Erf => "Erf",
            Self::Exp => "Exp",
            Self::Floor => "Floor",
            Self::Gelu { .. } => "Gelu",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Log => "Log",
            Self::Mish => "Mish",
            Self::Neg => "Neg",
            Self::Not => "Not",
            Self::Reciprocal => "Reciprocal",
            Self::Relu => "Relu",
            Self::Round => "Round",
            Self::Selu { .. } => "Selu",
            Self::Sigmoid => "Sigmoid",
            Self::Sign => "Sign",
            Self::Sin => "Sin",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Sqrt => "Sqrt",
            Self::Swish { .. } => "Swish",
            Self::Tanh => "Tanh",
            Self::ThresholdedRelu { .. } => "ThresholdedRelu",
        }
    }
}

/// A function of two elements of one type; the result is of that type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`
    Add,
    /// Both, of bool.
    And,
    /// `a / b`
    Div,
    /// What a division leaves, with the sign of `a`, of reals too.
    Fmod,
    /// The greater.
    Max,
    /// The lesser.
    Min,
    /// What a division of integers leaves, with the sign of `b`.
    Mod,
    /// `a b`
    Mul,
    /// Either, of bool.
    Or,
    /// `a` to the power of `b`, which may be of integers where `a` is of reals.
    Pow,
    /// `a` where it is not below 0, else `a b`.
    PRelu,
    /// `a - b`
    Sub,
    /// One of both, of bool.
    Xor,
}

impl Binary {
    /// The operator's name, as ONNX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::And => "And",
            Self::Div => "Div",
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Fmod | Self::Mod => "Mod",
            Self::Mul => "Mul",
            Self::Or => "Or",
            Self::Pow => "Pow",
            Self::PRelu => "PRelu",
            Self::Sub => "Sub",
            Self::Xor => "Xor",
        }
    }
}

/// What is asked of one element; the answer is of bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No number.
    Nan,
    /// An infinite one.
    Infinite {
        /// Those below 0 are.
        negative: bool,
        /// Those above 0 are.
        positive: bool,
    },
}

impl Class {
    /// The operator's name, as ONNX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nan => "IsNaN",
            Self::Infinite { .. } => "IsInf",
        }
    }

    /// Whether an element is of the class.
    pub(crate) fn has(self, x: f32) -> bool {
        match self {
            Self::Nan => x.is_nan(),
            Self::Infinite { negative, positive } => {
                (positive && x == f32::INFINITY) || (negative && x == f32::NEG_INFINITY)
            }
        }
    }
}

/// What is asked of two elements; the answer is of bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `a = b`
    Equal,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterOrEqual,
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessOrEqual,
}

impl Comparison {
    /// The operator's name, as ONNX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
        }
    }
}

/// What becomes of the elements along some axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The sum of absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
    /// The least.
    Min,
    /// The product.
    Prod,
    /// The sum.
    Sum,
    /// The sum of squares.
    SumSquare,
}

impl Reduction {
    /// The operator's name, as ONNX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1 => "ReduceL1",
            Self::L2 => "ReduceL2",
            Self::Max => "ReduceMax",
            Self::Mean => "ReduceMean",
            Self::Min => "ReduceMin",
            Self::Prod => "ReduceProd",
            Self::Sum => "ReduceSum",
            Self::SumSquare => "ReduceSumSquare",
        }
    }
}
