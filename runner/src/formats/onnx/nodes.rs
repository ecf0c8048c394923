//! Operators: a `NodeProto` becomes an [`Op`]; what older opsets say in attributes becomes operands.

use super::attributes::Attributes;
use super::external::Folder;
use super::proto::{AttributeProto, NodeProto};
use super::{functions, reductions, spatial, tensor};
use crate::error::Fault;
use crate::graph::op::{Convolution, Gemm, Padding, Pool};
use crate::graph::{Constant, Data, Op, Type};

/// What a node is.
pub(super) enum Meaning {
    /// An operator on the node's operands, and constants to add to them.
    Operator(Op, Vec<Constant>),
    /// An operator of two operands on any number of them, one after the other.
    Chain(Op),
    /// The node's first operand, unless the third says that it trains.
    Dropout,
    /// A constant.
    Constant(Constant),
}

/// The versions of ONNX's own operators that are read as they are meant.
pub(super) const OPSETS: std::ops::RangeInclusive<i64> = 10..=28;

/// The domain with one spelling for ONNX's own.
pub(super) fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// The operator as far as it can be named, for a node that is not understood.
pub(super) fn unknown(node: &NodeProto) -> Op {
    let name = match domain(&node.domain) {
        "" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    };
    Op::Unknown { name }
}

/// What a node means, given the version of its domain.
pub(super) fn meaning(node: &NodeProto, opset: i64) -> Result<Meaning, Fault> {
    let mut attributes = Attributes::new(&node.attribute)?;
    let a = &mut attributes;
    let mut operands = Vec::new();
    let op = match (domain(&node.domain), node.op_type.as_str()) {
        ("", "QuantizeLinear") => quantize(a)?,
        ("", "DequantizeLinear") => dequantize(a)?,
        ("", "DynamicQuantizeLinear") => Op::DynamicQuantizeLinear,
        ("", "QLinearConv") => Op::QLinearConv(convolution(a)?),
        ("com.microsoft", "QLinearConv") => {
            let channels_last = a.flag("channels_last")?;
            Op::QLinearConv(Convolution { channels_last, ..convolution(a)? })
        }
        ("", "ConvInteger") => Op::ConvInteger(convolution(a)?),
        ("", "QLinearMatMul") => Op::QLinearMatMul,
        ("", "MatMulInteger") => Op::MatMulInteger,
        ("com.microsoft", "QLinearAdd") => Op::QLinearAdd,
        ("com.microsoft", "QLinearMul") => Op::QLinearMul,
        ("com.microsoft", "QGemm") => Op::QGemm(gemm(a)?),
        ("com.microsoft", "MatMulIntegerToFloat") => Op::MatMulIntegerToFloat,
        ("com.microsoft", "DynamicQuantizeMatMul") => Op::DynamicQuantizeMatMul,
        ("", "MaxPool") => {
            // The order of the second output, which is not made.
            a.flag("storage_order")?;
            Op::MaxPool(pool(a)?)
        }
        ("com.microsoft", "QLinearAveragePool") => {
            let count_include_pad = a.flag("count_include_pad")?;
            let channels_last = a.flag("channels_last")?;
            let Pool { window, ceil_mode } = pool(a)?;
            let pool = Pool { window: Convolution { channels_last, ..window }, ceil_mode };
            Op::QLinearAveragePool { pool, count_include_pad }
        }
        ("com.microsoft", "QLinearLeakyRelu") => Op::QLinearLeakyRelu { alpha: a.float("alpha")?.unwrap_or(0.01) },
        ("com.microsoft", "QLinearSigmoid") => Op::QLinearSigmoid,
        ("com.microsoft", "QLinearSoftmax") => quantized_softmax(a)?,
        ("com.microsoft", "QLinearConcat") => Op::QLinearConcat { axis: required(a, "axis")? },
        ("com.microsoft", "QLinearWhere") => Op::QLinearWhere,
        ("", "Einsum") => {
            let equation = a.string("equation")?.ok_or_else(|| Fault::invalid("attribute equation is missing"))?;
            Op::Einsum { equation: equation.to_owned() }
        }
        ("", "MatMul") => Op::MatMul,
        ("", "Gemm") => {
            let beta = a.float("beta")?.unwrap_or(1.0);
            Op::Gemm(Gemm { beta, ..gemm(a)? })
        }
        ("", "Pad") => {
            operands.extend(pad(a, opset)?);
            Op::Pad(spatial::border(a)?)
        }
        ("", "Conv") => Op::Conv(convolution(a)?),
        ("", "ConvTranspose") => Op::ConvTranspose(spatial::transposed(a)?),
        ("", "AveragePool") => spatial::average_pool(a)?,
        ("", "GlobalAveragePool") => Op::GlobalAveragePool,
        ("", "GlobalMaxPool") => Op::GlobalMaxPool,
        ("", "Upsample") => spatial::resize_by_scale(a)?,
        ("", "Resize") if opset < 11 => spatial::resize_by_scale(a)?,
        ("", "Resize") => spatial::resize(a)?,
        ("", "Slice") => Op::Slice,
        ("", "Split") => {
            if opset < 13 {
                operands.extend(a.ints("split")?.map(|sizes| vector(sizes.to_vec())).transpose()?);
            }
            spatial::split(a, node.output.len())?
        }
        ("", "Tile") => Op::Tile,
        ("", "Expand") => Op::ExpandTo,
        ("", "DepthToSpace") => spatial::depth_to_space(a)?,
        ("", "SpaceToDepth") => spatial::space_to_depth(a)?,
        ("", "Dropout") => {
            // How much is dropped in training, and where the random numbers begin.
            a.float("ratio")?;
            a.int("seed")?;
            attributes.finish()?;
            return Ok(Meaning::Dropout);
        }
        ("com.microsoft", "QLinearGlobalAveragePool") => {
            Op::QLinearGlobalAveragePool { channels_last: a.flag("channels_last")? }
        }
        ("", "Shape") => Op::Shape { start: a.int_or("start", 0)?, end: a.int("end")? },
        ("", "Reshape") => Op::Reshape { allow_zero: a.flag("allowzero")? },
        ("", "Transpose") => Op::Transpose { permutation: a.ints("perm")?.map(<[i64]>::to_vec) },
        ("", "Flatten") => Op::Flatten { axis: a.int_or("axis", 1)? },
        ("", "Softmax") if opset < 13 => Op::Softmax { axis: a.int_or("axis", 1)?, flattened: true },
        ("", "Softmax") => Op::Softmax { axis: a.int_or("axis", -1)?, flattened: false },
        ("", "LogSoftmax") if opset < 13 => Op::LogSoftmax { axis: a.int_or("axis", 1)?, flattened: true },
        ("", "LogSoftmax") => Op::LogSoftmax { axis: a.int_or("axis", -1)?, flattened: false },
        ("", "Trilu") => Op::Trilu { upper: a.flag_or("upper", true)? },
        ("", "TopK") => {
            // In order also where any would do.
            a.flag_or("sorted", true)?;
            Op::TopK { axis: a.int_or("axis", -1)?, largest: a.flag_or("largest", true)? }
        }
        ("", "OneHot") => Op::OneHot { axis: a.int_or("axis", -1)? },
        ("", "ScatterElements") => {
            replacing(a)?;
            Op::ScatterElements { axis: a.int_or("axis", 0)? }
        }
        ("", "ScatterND") => {
            replacing(a)?;
            Op::ScatterNd
        }
        ("", "Gather") => Op::Gather { axis: a.int_or("axis", 0)? },
        ("", "GatherElements") => Op::GatherElements { axis: a.int_or("axis", 0)? },
        ("", "GatherND") => Op::GatherNd { batch: batch(a)? },
        ("", "Unsqueeze") => {
            operands.extend(axes(a, opset)?);
            Op::Unsqueeze
        }
        ("", "Squeeze") => {
            operands.extend(axes(a, opset)?);
            Op::Squeeze
        }
        ("", "Concat") => Op::Concat { axis: required(a, "axis")? },
        ("", "Cast") => {
            let to = required(a, "to")?;
            // Only the conversion to 8-bit floats has a choice to saturate.
            a.int("saturate")?;
            Op::Cast { to: element(to)? }
        }
        ("", "Identity") => Op::Identity,
        ("", "Constant") => {
            let constant = constant(a, &node.attribute)?;
            attributes.finish()?;
            return Ok(Meaning::Constant(constant));
        }
        (domain, name) => {
            if let Some(op) = functions::chain(domain, name) {
                attributes.finish()?;
                return Ok(Meaning::Chain(op));
            }
            let found = match functions::meaning(domain, name, a)? {
                Some(op) => Some(op),
                None => reductions::meaning(domain, name, opset, a, &mut operands)?,
            };
            found.ok_or_else(|| Fault::unsupported("this operator is not known"))?
        }
    };
    attributes.finish()?;
    Ok(Meaning::Operator(op, operands))
}

fn element(code: i64) -> Result<Type, Fault> {
    tensor::type_(i32::try_from(code).map_err(|_| Fault::invalid(format!("element type {code} does not exist")))?)
}

/// A type that an attribute may name, by 0 where it leaves the choice to the operands.
fn chosen(a: &mut Attributes<'_>, name: &str) -> Result<Option<Type>, Fault> {
    match a.int_or(name, 0)? {
        0 => Ok(None),
        code => element(code).map(Some),
    }
}

/// The length of blocks along the axis; 0 where there are none.
fn block(a: &mut Attributes<'_>) -> Result<usize, Fault> {
    let size = a.int_or("block_size", 0)?;
    usize::try_from(size).map_err(|_| Fault::invalid(format!("attribute block_size is {size}, expected at least 0")))
}

/// How many axes come first in both operands.
fn batch(a: &mut Attributes<'_>) -> Result<usize, Fault> {
    let axes = a.int_or("batch_dims", 0)?;
    usize::try_from(axes).map_err(|_| Fault::invalid(format!("attribute batch_dims is {axes}, expected at least 0")))
}

/// What becomes of an element and its update: the update.
fn replacing(a: &mut Attributes<'_>) -> Result<(), Fault> {
    match a.string("reduction")?.unwrap_or("none") {
        "none" => Ok(()),
        other => Err(Fault::unsupported(format!("attribute reduction is \"{other}\", expected none"))),
    }
}

fn quantize(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    // Only the conversion to 8-bit floats has a choice to saturate.
    a.int("saturate")?;
    // Narrow scales are widened, and the division is one of f32.
    match chosen(a, "precision")? {
        None | Some(Type::F32) => {}
        Some(other) => {
            return Err(Fault::unsupported(format!("attribute precision is {other}, expected float32")));
        }
    }
    Ok(Op::QuantizeLinear {
        axis: a.int_or("axis", 1)?,
        block: block(a)?,
        to: chosen(a, "output_dtype")?,
        abs_max: None,
    })
}

fn dequantize(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    Ok(Op::DequantizeLinear { axis: a.int_or("axis", 1)?, block: block(a)?, to: chosen(a, "output_dtype")? })
}

pub(super) fn convolution(a: &mut Attributes<'_>) -> Result<Convolution, Fault> {
    let kernel = a.sizes("kernel_shape", 1)?;
    let strides = a.sizes("strides", 1)?.unwrap_or_default();
    let dilations = a.sizes("dilations", 1)?.unwrap_or_default();
    let pads = a.sizes("pads", 0)?;
    let groups = a.int_or("group", 1)?;
    let groups = usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| Fault::invalid(format!("attribute group is {groups}, expected at least 1")))?;
    let padding = match (a.string("auto_pad")?.unwrap_or("NOTSET"), pads) {
        ("NOTSET", pads) => Padding::Explicit(pads.unwrap_or_default()),
        ("VALID", None) => Padding::Explicit(Vec::new()),
        ("SAME_UPPER", None) => Padding::SameUpper,
        ("SAME_LOWER", None) => Padding::SameLower,
        ("VALID" | "SAME_UPPER" | "SAME_LOWER", Some(_)) => {
            return Err(Fault::invalid("has both attributes pads and auto_pad"));
        }
        (other, _) => {
            return Err(Fault::invalid(format!(
                "attribute auto_pad is \"{other}\", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER"
            )));
        }
    };
    Ok(Convolution { kernel, strides, dilations, padding, groups, channels_last: false })
}

pub(super) fn pool(a: &mut Attributes<'_>) -> Result<Pool, Fault> {
    let ceil_mode = a.flag("ceil_mode")?;
    Ok(Pool { window: convolution(a)?, ceil_mode })
}

/// The attributes of a matrix product but its beta.
fn gemm(a: &mut Attributes<'_>) -> Result<Gemm, Fault> {
    let (transpose_a, transpose_b) = (a.flag("transA")?, a.flag("transB")?);
    Ok(Gemm { transpose_a, transpose_b, alpha: a.float("alpha")?.unwrap_or(1.0), beta: 1.0 })
}

fn quantized_softmax(a: &mut Attributes<'_>) -> Result<Op, Fault> {
    let flattened = required(a, "opset")? < 13;
    let axis = a.int_or("axis", if flattened { 1 } else { -1 })?;
    Ok(Op::QLinearSoftmax { axis, flattened })
}

/// What older opsets say in attributes: the pads, and what is around.
fn pad(a: &mut Attributes<'_>, opset: i64) -> Result<Vec<Constant>, Fault> {
    if opset >= 11 {
        return Ok(Vec::new());
    }
    let pads = a.ints("pads")?.ok_or_else(|| Fault::invalid("attribute pads is missing"))?;
    let value = Constant::new(vec![], Data::F32(vec![a.float("value")?.unwrap_or(0.0)]))?;
    Ok(vec![vector(pads.to_vec())?, value])
}

pub(super) fn required(a: &mut Attributes<'_>, name: &str) -> Result<i64, Fault> {
    a.int(name)?.ok_or_else(|| Fault::invalid(format!("attribute {name} is missing")))
}

fn axes(a: &mut Attributes<'_>, opset: i64) -> Result<Option<Constant>, Fault> {
    if opset >= 13 {
        return Ok(None);
    }
    a.ints("axes")?.map(|axes| vector(axes.to_vec())).transpose()
}

pub(super) fn vector(values: Vec<i64>) -> Result<Constant, Fault> {
    Constant::new(vec![values.len()], Data::I64(values))
}

fn constant(a: &mut Attributes<'_>, all: &[AttributeProto]) -> Result<Constant, Fault> {
    if all.len() != 1 {
        return Err(Fault::invalid(format!("has {} attributes, expected one: the value", all.len())));
    }
    if let Some(proto) = a.tensor("value")? {
        return tensor::constant(proto, &mut Folder::new(None));
    }
    if let Some(value) = a.int("value_int")? {
        return Constant::new(vec![], Data::I64(vec![value]));
    }
    if let Some(values) = a.ints("value_ints")? {
        return vector(values.to_vec());
    }
    if let Some(value) = a.float("value_float")? {
        return Constant::new(vec![], Data::F32(vec![value]));
    }
    if let Some(values) = a.floats("value_floats")? {
        return Constant::new(vec![values.len()], Data::F32(values.to_vec()));
    }
    Err(Fault::unsupported(format!("a constant by attribute {}", all[0].name)))
}
