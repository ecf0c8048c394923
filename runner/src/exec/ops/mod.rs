//! Operators: each file plans one, and runs it on the kernels of `zeropoint`.

mod arg;
mod average_pool;
mod binary;
mod bounded;
mod cast;
mod conv;
mod cumulative_sum;
mod dynamic_product;
mod dynamic_quantize;
mod each;
mod einsum;
mod elementwise;
mod float;
mod gather;
mod integer_product;
mod late;
mod lookup;
mod matmul;
mod max_pool;
mod movement;
mod normalization;
mod one_hot;
mod pad;
mod parts;
mod picked;
mod pool;
mod product;
mod qgemm;
mod quantize;
mod quantized_concat;
mod quantized_softmax;
mod quantized_where;
mod reduce;
mod resize;
mod resize_integers;
mod scatter;
mod softmax;
mod spatial;
mod split;
mod top_k;
mod trilu;
mod windows;

pub(super) use late::part;
use zeropoint::{Backend, Quantized};

use super::memory::MemoryMut;
use super::parameters::Operands;
use super::plan::Packed;
use super::shelf::{Kept, Shelf};
use crate::error::Fault;
use crate::graph::{Graph, Node, Op, TensorId, Type};

/// What a step has while it runs.
pub(super) struct Context<'a> {
    pub(super) memory: &'a mut MemoryMut<'a>,
    pub(super) scratch: &'a mut [u8],
    pub(super) threads: usize,
}

/// A node, planned.
pub(super) trait Step: Send + Sync {
    /// Computes the outputs. What a kernel refuses comes back in its words; a plan that was made is not refused.
    fn run(&self, context: Context<'_>) -> Result<(), String>;

    /// The kernel's name, as the trace tells it.
    fn kernel(&self) -> String;

    /// Bytes of scratch memory for each thread.
    fn scratch_len(&self) -> usize {
        0
    }

    fn packed(&self) -> Option<Packed> {
        None
    }

    /// Operands in whose place the result may be written, the best first. Which of them it is, if any, a run sees by
    /// [`MemoryMut::are_one`].
    fn in_place(&self) -> &'static [usize] {
        &[]
    }
}

/// What a node comes to.
pub(super) enum Action {
    /// The output is the operand, differently seen.
    Same(TensorId),
    /// A step computes the outputs.
    Run(Box<dyn Step>),
}

impl Action {
    /// The operand whose values the step has packed and reads no more, where it is a constant.
    pub(super) fn packed_operand(&self, node: &Node) -> Option<usize> {
        let Self::Run(step) = self else { return None };
        let operand = node.op.weights().filter(|_| step.packed().is_some())?;
        (operand < node.inputs.len()).then_some(operand)
    }
}

/// Runs an expression with the Rust type of a quantised tensor type.
macro_rules! quantized {
    ($type_:expr, $name:ident => $body:expr) => {
        match $type_ {
            $crate::graph::Type::U8 => {
                type $name = u8;
                $body
            }
            $crate::graph::Type::I8 => {
                type $name = i8;
                $body
            }
            other => {
                return Err($crate::error::Fault::unsupported(format!("elements of {other}, expected uint8 or int8")));
            }
        }
    };
}
use quantized;

/// What to do for a node. Parameters that only a run brings are dealt with in each run.
pub(super) fn lower(graph: &Graph, node: &Node, backend: &Backend, shelf: Option<&Shelf>) -> Result<Action, Fault> {
    let late = late::parameters(graph, node);
    if late.is_empty() {
        return planned(Operands { graph, node, kept: Kept { shelf, late: &[] } }, backend);
    }
    late::lower(graph, node, &late, backend, shelf)
}

/// What to do for a node whose parameters are constants.
fn planned(operands: Operands<'_>, backend: &Backend) -> Result<Action, Fault> {
    match action(operands, backend)? {
        Action::Run(step) => bounded::step(operands, step).map(Action::Run),
        Action::Same(_) if operands.node.clamp.is_some() => Err(Fault::unsupported("bounds of what is not computed")),
        same => Ok(same),
    }
}

/// The same, but for the bounds of the results where the kernel has none.
fn action(operands: Operands<'_>, backend: &Backend) -> Result<Action, Fault> {
    Ok(Action::Run(match &operands.node.op {
        Op::QuantizeLinear { axis, block, abs_max, .. } => {
            quantize::quantize(operands, *axis, *block, *abs_max, backend)?
        }
        Op::DequantizeLinear { axis, block, .. } => quantize::dequantize(operands, *axis, *block, backend)?,
        Op::DynamicQuantizeLinear => dynamic_quantize::lower(operands, backend)?,
        Op::QLinearConv(attributes) => conv::quantized(operands, attributes, backend)?,
        Op::ConvInteger(attributes) => conv::integer(operands, attributes, backend)?,
        Op::QLinearMatMul => matmul::quantized(operands, backend)?,
        Op::MatMulInteger => matmul::integer(operands, backend)?,
        Op::QLinearAdd | Op::QLinearMul => binary::lower(operands, backend)?,
        Op::QGemm(attributes) => qgemm::lower(operands, attributes, backend)?,
        Op::MatMulIntegerToFloat => integer_product::to_float(operands, backend)?,
        Op::DynamicQuantizeMatMul => integer_product::dynamic(operands, backend)?,
        Op::MaxPool(pool) => max_pool::lower(operands, pool, backend)?,
        Op::Conv(attributes) => spatial::convolution(operands, attributes)?,
        Op::ConvTranspose(attributes) => spatial::transposed(operands, attributes)?,
        Op::ConvIntegerToFloat(attributes) => conv::to_float(operands, attributes, backend)?,
        Op::QLinearConvTranspose(attributes) => conv::quantized_transposed(operands, attributes, backend)?,
        Op::AveragePool { pool, count_include_pad } => spatial::average_pool(operands, pool, *count_include_pad)?,
        Op::GlobalMaxPool => spatial::global_max_pool(operands)?,
        Op::GlobalAveragePool => spatial::global_average_pool(operands)?,
        Op::Resize(attributes) => match picked::lower(operands, &operands.node.op)? {
            Some(step) => step,
            None if operands.type_(operands.id(0)?)? == Type::F32 => resize::lower(operands, attributes)?,
            None => resize_integers::lower(operands, attributes)?,
        },
        Op::Split { axis, .. } => split::lower(operands, *axis)?,
        Op::QLinearAveragePool { pool, count_include_pad } => {
            average_pool::lower(operands, pool, *count_include_pad, backend)?
        }
        Op::QLinearLeakyRelu { .. } | Op::QLinearSigmoid => lookup::lower(operands, backend)?,
        Op::QLinearSoftmax { axis, flattened } => quantized_softmax::lower(operands, *axis, *flattened, backend)?,
        Op::QLinearConcat { axis } => quantized_concat::lower(operands, *axis, backend)?,
        Op::QLinearWhere => quantized_where::lower(operands, backend)?,
        Op::Lookup => lookup::table(operands, backend)?,
        Op::Unary(function) => elementwise::unary(operands, *function)?,
        Op::Binary(function) => elementwise::binary(operands, *function)?,
        Op::Classify(class) => elementwise::classify(operands, *class)?,
        Op::Compare(comparison) => elementwise::compare(operands, *comparison)?,
        Op::Where => elementwise::choose(operands)?,
        Op::Clip => elementwise::clip(operands)?,
        Op::Reduce { reduction, none_is_none, .. } => return reduce::lower(operands, *reduction, *none_is_none),
        Op::Arg { greatest, axis, last, .. } => arg::lower(operands, *axis, *greatest, *last)?,
        Op::CumSum { exclusive, reverse } => cumulative_sum::lower(operands, *exclusive, *reverse)?,
        Op::LayerNormalization { .. }
        | Op::RmsNormalization { .. }
        | Op::InstanceNormalization { .. }
        | Op::GroupNormalization { .. } => normalization::rows(operands)?,
        Op::BatchNormalization { epsilon } => normalization::channels(operands, *epsilon)?,
        Op::Einsum { equation } => einsum::lower(operands, equation)?,
        Op::MatMul => float::matmul(operands)?,
        Op::Gemm(attributes) => float::gemm_step(operands, attributes)?,
        op @ (Op::Slice | Op::Tile | Op::Pad(_)) => match picked::lower(operands, op)? {
            Some(step) => step,
            // With a value around, which is none of the elements.
            None => pad::lower(operands)?,
        },
        Op::QLinearGlobalAveragePool { channels_last } => pool::lower(operands, *channels_last, backend)?,
        Op::Softmax { axis, flattened } => softmax::lower(operands, *axis, *flattened, false)?,
        Op::LogSoftmax { axis, flattened } => softmax::lower(operands, *axis, *flattened, true)?,
        Op::Trilu { upper } => trilu::lower(operands, *upper)?,
        Op::TopK { axis, largest } => top_k::lower(operands, *axis, *largest)?,
        Op::OneHot { axis } => one_hot::lower(operands, *axis)?,
        Op::Reshape { .. } | Op::Flatten { .. } | Op::Unsqueeze | Op::Squeeze | Op::Identity => {
            return Ok(Action::Same(operands.id(0)?));
        }
        Op::Cast { to } => {
            let x = operands.id(0)?;
            if operands.type_(x)? == *to {
                return Ok(Action::Same(x));
            }
            cast::lower(operands, *to)?
        }
        Op::Relayout
        | Op::Transpose { .. }
        | Op::Expand { .. }
        | Op::ExpandTo
        | Op::DepthToSpace { .. }
        | Op::SpaceToDepth { .. } => return movement::strided(operands),
        op @ (Op::Gather { .. } | Op::GatherElements { .. } | Op::GatherNd { .. }) => gather::lower(operands, op)?,
        op @ (Op::ScatterElements { .. } | Op::ScatterNd) => scatter::lower(operands, op)?,
        Op::Concat { axis } => movement::concat(operands, *axis)?,
        Op::Shape { .. } => return Err(Fault::unsupported("the shape of a tensor that is not known before a run")),
        _ => return Err(Fault::unsupported("this operator is not known")),
    }))
}

/// The kernels' name of a quantised type.
fn kernel_type(type_: Type) -> Result<zeropoint::Type, Fault> {
    match type_ {
        Type::U8 => Ok(zeropoint::Type::U8),
        Type::I8 => Ok(zeropoint::Type::I8),
        other => Err(Fault::unsupported(format!("elements of {other}, expected uint8 or int8"))),
    }
}

/// What a quantised operand is: its scale stands at an index, its zero point behind that.
fn quantized_operand(operands: Operands<'_>, scale: usize, names: [&str; 2], type_: Type) -> Result<Quantized, Fault> {
    Ok(Quantized {
        type_: kernel_type(type_)?,
        scale: operands.scale(scale, names[0])?,
        zero_point: operands.zero_point(scale + 1, names[1], type_)?,
    })
}

/// What a kernel refuses, in its words.
fn refused(error: impl std::fmt::Display) -> Fault {
    Fault::invalid(error.to_string())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// One value for all, or one for each.
fn param<T: Copy>(values: &[T]) -> zeropoint::Param<'_, T> {
    match values {
        &[value] => zeropoint::Param::All(value),
        values => zeropoint::Param::Each(values),
    }
}

/// Elements that one thread takes at a time from an element-wise operation: some microseconds of work.
const CHUNK: usize = 16 << 10;
