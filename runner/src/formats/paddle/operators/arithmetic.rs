//! Functions of elements.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::function::{Binary, Reduction, Unary};
use crate::graph::{Op, TensorId};

/// Adds the operator if it is one of these.
pub(super) fn add(call: &mut Call<'_, '_>, name: &str) -> Option<Result<(), Fault>> {
    Some(match name {
        "abs" => unary(call, Unary::Abs),
        "ceil" => unary(call, Unary::Ceil),
        "erf" => unary(call, Unary::Erf),
        "exp" => unary(call, Unary::Exp),
        "floor" => unary(call, Unary::Floor),
        "log" => unary(call, Unary::Log),
        "relu" => unary(call, Unary::Relu),
        "round" => unary(call, Unary::Round),
        "sigmoid" => unary(call, Unary::Sigmoid),
        "silu" => unary(call, Unary::Swish { alpha: 1.0 }),
        "sqrt" => unary(call, Unary::Sqrt),
        "tanh" => unary(call, Unary::Tanh),
        "elu" | "gelu" | "hard_sigmoid" | "hard_swish" | "leaky_relu" | "swish" => {
            function(call, name).and_then(|function| unary(call, function))
        }
        "relu6" => relu6(call),
        "rsqrt" => rsqrt(call),
        "square" => square(call),
        "pow" => pow(call),
        "clip" => clip(call),
        "scale" => scale(call),
        "dropout" => dropout(call),
        "elementwise_add" => binary(call, Binary::Add),
        "elementwise_div" => binary(call, Binary::Div),
        "elementwise_max" => binary(call, Binary::Max),
        "elementwise_min" => binary(call, Binary::Min),
        "elementwise_mul" => binary(call, Binary::Mul),
        "elementwise_pow" => binary(call, Binary::Pow),
        "elementwise_sub" => binary(call, Binary::Sub),
        "reduce_max" => reduce(call, Reduction::Max),
        "reduce_mean" => reduce(call, Reduction::Mean),
        "reduce_min" => reduce(call, Reduction::Min),
        "reduce_prod" => reduce(call, Reduction::Prod),
        "reduce_sum" => reduce(call, Reduction::Sum),
        _ => return None,
    })
}

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.make(Op::Unary(function), &[x], "Out").map(drop)
}

/// A function with attributes, whose defaults are Paddle's.
fn function(call: &mut Call<'_, '_>, name: &str) -> Result<Unary, Fault> {
    Ok(match name {
        "elu" => Unary::Elu { alpha: call.float("alpha")?.unwrap_or(1.0) },
        "gelu" => Unary::Gelu { tanh: call.flag("approximate", false)? },
        "hard_sigmoid" => Unary::HardSigmoid {
            alpha: call.float("slope")?.unwrap_or(0.2),
            beta: call.float("offset")?.unwrap_or(0.5),
        },
        "hard_swish" => {
            let attributes = [("offset", 3.0), ("scale", 6.0), ("threshold", 6.0)];
            for (name, expected) in attributes {
                let value = call.float(name)?.unwrap_or(expected);
                if value != expected {
                    return Err(Fault::unsupported(format!("attribute {name} is {value}, expected {expected}")));
                }
            }
            Unary::HardSwish
        }
        "leaky_relu" => Unary::LeakyRelu { alpha: call.float("alpha")?.unwrap_or(0.02) },
        _ => Unary::Swish { alpha: call.float("beta")?.unwrap_or(1.0) },
    })
}

fn relu6(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let most = call.float("threshold")?.unwrap_or(6.0);
    let operands = [call.input("X")?, call.scalar(0.0)?, call.scalar(most)?];
    call.make(Op::Clip, &operands, "Out").map(drop)
}

fn rsqrt(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let root = call.node(Op::Unary(Unary::Sqrt), &[x]);
    call.make(Op::Unary(Unary::Reciprocal), &[root], "Out").map(drop)
}

fn square(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.make(Op::Binary(Binary::Mul), &[x, x], "Out").map(drop)
}

fn pow(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let factor = call.float("factor")?.unwrap_or(1.0);
    let operands = [call.input("X")?, call.scalar(factor)?];
    call.make(Op::Binary(Binary::Pow), &operands, "Out").map(drop)
}

fn clip(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let mut bounds = [None; 2];
    for (bound, (slot, attribute)) in bounds.iter_mut().zip([("Min", "min"), ("Max", "max")]) {
        // An operand outdoes the attribute, whose value then says nothing.
        let value = call.float(attribute)?;
        *bound = match (call.optional(slot)?, value) {
            (Some(id), _) => Some(id),
            (None, Some(value)) => Some(call.scalar(value)?),
            (None, None) => return Err(Fault::invalid(format!("attribute {attribute} is missing"))),
        };
    }
    call.make_of(Op::Clip, vec![Some(x), bounds[0], bounds[1]], "Out").map(drop)
}

/// `scale * x + bias`, or `scale * (x + bias)`; often nothing at all, where a program's outputs are saved.
fn scale(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let (scale, bias) = (call.float("scale")?.unwrap_or(1.0), call.float("bias")?.unwrap_or(0.0));
    let after = call.flag("bias_after_scale", true)?;
    let (product, sum) = ((Binary::Mul, scale, scale != 1.0), (Binary::Add, bias, bias != 0.0));
    let steps = if after { [product, sum] } else { [sum, product] };
    let mut steps = steps.into_iter().filter(|&(_, _, counts)| counts).peekable();
    let mut x = x;
    if steps.peek().is_none() {
        return call.same(x, "Out");
    }
    while let Some((function, value, _)) = steps.next() {
        let operands = [x, call.scalar(value)?];
        x = match steps.peek() {
            Some(_) => call.node(Op::Binary(function), &operands),
            None => call.make(Op::Binary(function), &operands, "Out")?,
        };
    }
    Ok(())
}

/// Nothing in inference, or what makes up for elements that training left out.
fn dropout(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    call.ignore(&["Seed"]);
    if !call.flag("is_test", true)? {
        return Err(Fault::unsupported("attribute is_test is false: a program for training"));
    }
    match call.text("dropout_implementation")?.unwrap_or("downgrade_in_infer") {
        "upscale_in_train" => call.same(x, "Out"),
        "downgrade_in_infer" => {
            let dropped = call.float("dropout_prob")?.unwrap_or(0.5);
            let operands = [x, call.scalar(1.0 - dropped)?];
            call.make(Op::Binary(Binary::Mul), &operands, "Out").map(drop)
        }
        other => Err(Fault::invalid(format!(
            "attribute dropout_implementation is \"{other}\", expected upscale_in_train or downgrade_in_infer"
        ))),
    }
}

fn binary(call: &mut Call<'_, '_>, function: Binary) -> Result<(), Fault> {
    let (x, y) = (call.input("X")?, call.input("Y")?);
    let axis = call.int("axis")?.unwrap_or(-1);
    let y = aligned(call, x, y, axis)?;
    call.make(Op::Binary(function), &[x, y], "Out").map(drop)
}

/// The second operand with axes behind its last one, so that its first one stands at `axis` of the first operand as
/// shapes are brought together from their ends.
fn aligned(call: &mut Call<'_, '_>, x: TensorId, y: TensorId, axis: i64) -> Result<TensorId, Fault> {
    if axis == -1 {
        return Ok(y);
    }
    let (rank, part) = (call.rank(x)?, call.rank(y)?);
    let behind = usize::try_from(axis).ok().and_then(|axis| rank.checked_sub(axis.checked_add(part)?));
    let behind = behind.ok_or_else(|| {
        Fault::unsupported(format!("attribute axis is {axis}: {part} axes do not stand there within {rank}"))
    })?;
    if behind == 0 {
        return Ok(y);
    }
    let axes = (part..part + behind).map(|axis| i64::try_from(axis).unwrap_or(i64::MAX)).collect();
    let axes = call.vector(axes)?;
    Ok(call.node(Op::Unsqueeze, &[y, axes]))
}

fn reduce(call: &mut Call<'_, '_>, reduction: Reduction) -> Result<(), Fault> {
    let x = call.input("X")?;
    let keep = call.flag("keep_dim", false)?;
    let all = call.flag("reduce_all", false)?;
    // No axes are all of them.
    let axes = call.ints("dim")?.filter(|axes| !all && !axes.is_empty());
    let mut operands = vec![x];
    if let Some(axes) = axes {
        operands.push(call.vector(axes)?);
    }
    call.make(Op::Reduce { reduction, keep, none_is_none: false }, &operands, "Out").map(drop)
}
