//! Paddle's operators as the graph's: a file for each sort.

mod arithmetic;
mod convolution;
mod creation;
mod movement;
mod normalization;
mod pool;
mod product;
mod quantizer;
mod resize;

pub(super) use quantizer::quantises;

use super::builder::Call;
use crate::error::Fault;

/// Adds what an operator is to the graph; nothing where it is not known.
pub(super) fn add(call: &mut Call<'_, '_>) -> Option<Result<(), Fault>> {
    Some(match call.name() {
        "quantize_linear" => quantizer::quantize(call),
        "dequantize_linear" => quantizer::dequantize(call),
        "conv2d" | "depthwise_conv2d" => convolution::convolution(call),
        "conv2d_transpose" | "depthwise_conv2d_transpose" => convolution::transposed(call),
        "matmul_v2" => product::matmul(call, ["trans_x", "trans_y"]),
        "matmul" => product::matmul(call, ["transpose_X", "transpose_Y"]),
        "mul" => product::mul(call),
        "fc" => product::fc(call),
        "pool2d" => pool::pool(call),
        "batch_norm" => normalization::batch(call),
        "layer_norm" => normalization::layer(call),
        "softmax" => normalization::softmax(call),
        "nearest_interp_v2" | "bilinear_interp_v2" => resize::resize(call),
        "fill_constant" => creation::fill(call),
        "full_int_array" => creation::integers(call),
        "shape" => creation::shape(call),
        name => return arithmetic::add(call, name).or_else(|| movement::add(call, name)),
    })
}

/// What is told of an operator that is not known.
pub(super) fn not_known(name: &str) -> Fault {
    Fault::unsupported(if name.starts_with("fake_") {
        "quantisers of this old sort; expected quantize_linear and dequantize_linear"
    } else {
        "this operator is not known"
    })
}
