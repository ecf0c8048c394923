//! What operators say beside their operands.

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

/// The attributes of a pool.
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

/// The attributes of a transposed convolution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transposed {
    /// The windows, over the output. Weights are `[channels, outputs of a group, taps...]`.
    pub window: Convolution,
    /// Positions that are added behind each spatial axis of the output; none where there are no numbers.
    pub output_padding: Vec<usize>,
    /// The spatial sizes of the output, from which the pads follow.
    pub output_shape: Option<Vec<usize>>,
}

/// What is around a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Border {
    /// One value.
    #[default]
    Constant,
    /// The outermost elements.
    Edge,
    /// The tensor mirrored at its outermost elements.
    Reflect,
    /// The tensor again.
    Wrap,
}

/// Where the elements of a tensor of another size lie in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// `(y + 1/2) / scale - 1/2`
    HalfPixel,
    /// The same, and 0 where there is one element.
    PytorchHalfPixel,
    /// The first and the last stay.
    AlignCorners,
    /// `y / scale`
    Asymmetric,
}

/// How elements between others are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Interpolation {
    /// Those of the nearest.
    Nearest(Nearest),
    /// Along straight lines.
    Linear,
    /// By cubic polynomials.
    Cubic {
        /// What the polynomials begin with, often called `a`.
        coefficient: f32,
        /// Weights of elements that do not exist are 0, and the rest is scaled to 1.
        exclude_outside: bool,
    },
}

/// Which of two elements is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// Ties go down.
    RoundPreferFloor,
    /// Ties go up.
    RoundPreferCeil,
    /// The one below.
    Floor,
    /// The one above.
    Ceil,
    /// The one below along an axis that grows, the one above along one that shrinks: ONNX before version 11.
    FloorOrCeil,
}

/// The attributes of a change of size.
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// How elements are made.
    pub interpolation: Interpolation,
    /// Where they lie.
    pub coordinates: Coordinates,
    /// The axes that scales and sizes speak of; all without it.
    pub axes: Option<Vec<i64>>,
}

/// By what Paddle quantises: `clip(rne(f32(q f32(1/s)) x), -q - 1, q)` with `q = 2^(bits - 1) - 1`. The scale that is the
/// node's operand is the step `f32(s / q)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AbsMax {
    /// The greatest absolute value `s`.
    pub value: f32,
    /// 2 to 8.
    pub bits: u32,
}
