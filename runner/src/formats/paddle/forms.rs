//! What the newer form's operators are in the older one: there inputs have places instead of names, and what used to be
//! an attribute is often an input.

/// What stands at a place of the inputs.
#[derive(Clone, Copy)]
pub(super) enum Input {
    /// The variables of a slot.
    Slot(&'static str),
    /// An attribute, where the program says its value; else the variables of a slot.
    Value(&'static str, &'static str),
}

/// An operator.
pub(super) struct Form {
    /// Its name in the older form.
    pub(super) name: &'static str,
    pub(super) inputs: &'static [Input],
    pub(super) outputs: &'static [&'static str],
    /// Attributes with other names: the newer one, the older one.
    pub(super) renamed: &'static [(&'static str, &'static str)],
}

use Input::{Slot, Value};

const X: &[Input] = &[Slot("X")];
const XY: &[Input] = &[Slot("X"), Slot("Y")];
const OUT: &[&str] = &["Out"];
const RESIZE: &[Input] = &[Slot("X"), Slot("OutSize"), Slot("SizeTensor"), Slot("Scale")];
const QUANTISER: &[Input] = &[Slot("X"), Slot("Scale"), Slot("ZeroPoint"), Slot("InAccum"), Slot("InState")];
const REDUCED: &[(&str, &str)] = &[("axis", "dim"), ("keepdim", "keep_dim")];

/// The form of an operator, by its name without the `_` behind it that says that it works in place.
pub(super) fn form(name: &str) -> Option<Form> {
    let plain = |name, inputs, outputs| Some(Form { name, inputs, outputs, renamed: &[] });
    let renamed = |name, inputs, outputs, renamed| Some(Form { name, inputs, outputs, renamed });
    match name {
        "add" => plain("elementwise_add", XY, OUT),
        "subtract" => plain("elementwise_sub", XY, OUT),
        "multiply" => plain("elementwise_mul", XY, OUT),
        "divide" => plain("elementwise_div", XY, OUT),
        "maximum" => plain("elementwise_max", XY, OUT),
        "minimum" => plain("elementwise_min", XY, OUT),
        "elementwise_pow" => plain("elementwise_pow", XY, OUT),
        "abs" => plain("abs", X, OUT),
        "assign" => plain("assign", X, OUT),
        "ceil" => plain("ceil", X, OUT),
        "exp" => plain("exp", X, OUT),
        "floor" => plain("floor", X, OUT),
        "gelu" => plain("gelu", X, OUT),
        "hardsigmoid" => plain("hard_sigmoid", X, OUT),
        "hardswish" => plain("hard_swish", X, OUT),
        "leaky_relu" => renamed("leaky_relu", X, OUT, &[("negative_slope", "alpha")]),
        "log" => plain("log", X, OUT),
        "pow" => renamed("pow", X, OUT, &[("y", "factor")]),
        "relu" => plain("relu", X, OUT),
        "relu6" => plain("relu6", X, OUT),
        "rsqrt" => plain("rsqrt", X, OUT),
        "sigmoid" => plain("sigmoid", X, OUT),
        "silu" => plain("silu", X, OUT),
        "softmax" => plain("softmax", X, OUT),
        "sqrt" => plain("sqrt", X, OUT),
        "square" => plain("square", X, OUT),
        "swish" => plain("swish", X, OUT),
        "tanh" => plain("tanh", X, OUT),
        "batch_norm" => renamed(
            "batch_norm",
            &[Slot("X"), Slot("Mean"), Slot("Variance"), Slot("Scale"), Slot("Bias")],
            &["Y"],
            &[("data_format", "data_layout")],
        ),
        "layer_norm" => plain("layer_norm", &[Slot("X"), Slot("Scale"), Slot("Bias")], &["Y"]),
        "bilinear_interp" => renamed("bilinear_interp_v2", RESIZE, OUT, &[("data_format", "data_layout")]),
        "nearest_interp" => renamed("nearest_interp_v2", RESIZE, OUT, &[("data_format", "data_layout")]),
        "cast" => renamed("cast", X, OUT, &[("dtype", "out_dtype")]),
        "clip" => plain("clip", &[Slot("X"), Value("min", "Min"), Value("max", "Max")], OUT),
        "concat" => plain("concat", &[Slot("X"), Value("axis", "AxisTensor")], OUT),
        "conv2d" => plain("conv2d", &[Slot("Input"), Slot("Filter")], &["Output"]),
        "depthwise_conv2d" => plain("depthwise_conv2d", &[Slot("Input"), Slot("Filter")], &["Output"]),
        "conv2d_transpose" => plain(
            "conv2d_transpose",
            &[Slot("Input"), Slot("Filter"), Value("output_size", "OutputSizeTensor")],
            &["Output"],
        ),
        "quantize_linear" => plain("quantize_linear", QUANTISER, &["Y"]),
        "dequantize_linear" => plain("dequantize_linear", QUANTISER, &["Y"]),
        "dropout" => renamed(
            "dropout",
            &[Slot("X"), Slot("Seed"), Value("dropout_prob", "DropoutProb")],
            OUT,
            &[("mode", "dropout_implementation"), ("p", "dropout_prob")],
        ),
        "flatten" => plain("flatten_contiguous_range", X, OUT),
        "full" => plain("fill_constant", &[], OUT),
        "full_int_array" => plain("full_int_array", &[], OUT),
        "matmul" => renamed("matmul_v2", XY, OUT, &[("transpose_x", "trans_x"), ("transpose_y", "trans_y")]),
        "max" => renamed("reduce_max", &[Slot("X"), Value("dim", "AxisTensor")], OUT, REDUCED),
        "mean" => renamed("reduce_mean", X, OUT, REDUCED),
        "min" => renamed("reduce_min", &[Slot("X"), Value("dim", "AxisTensor")], OUT, REDUCED),
        "sum" => renamed("reduce_sum", &[Slot("X"), Value("dim", "AxisTensor")], OUT, REDUCED),
        "pool2d" => plain("pool2d", &[Slot("X"), Value("ksize", "KernelSize")], OUT),
        "reshape" => plain("reshape2", &[Slot("X"), Value("shape", "Shape")], OUT),
        "scale" => plain("scale", &[Slot("X"), Value("scale", "ScaleTensor")], OUT),
        "shape" => plain("shape", &[Slot("Input")], OUT),
        "slice" => plain("slice", &[Slot("Input"), Value("starts", "StartsTensor"), Value("ends", "EndsTensor")], OUT),
        "split" => plain("split", &[Slot("X"), Value("sections", "SectionsTensor"), Value("axis", "AxisTensor")], OUT),
        "split_with_num" => plain("split", &[Slot("X"), Value("axis", "AxisTensor")], OUT),
        "squeeze" => plain("squeeze2", &[Slot("X"), Value("axes", "AxesTensor")], OUT),
        "transpose" => renamed("transpose2", X, OUT, &[("perm", "axis")]),
        "unsqueeze" => plain("unsqueeze2", &[Slot("X"), Value("axes", "AxesTensor")], OUT),
        _ => None,
    }
}
