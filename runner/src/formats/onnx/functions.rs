//! Operators that are functions of elements, whose operands are the node's.

use super::attributes::Attributes;
use crate::error::Fault;
use crate::graph::Op;
use crate::graph::function::{Binary, Class, Comparison, Unary};

/// What a node means, if it is one of these.
pub(super) fn meaning(domain: &str, name: &str, a: &mut Attributes<'_>) -> Result<Option<Op>, Fault> {
    if let Some(function) = unary(domain, name, a)? {
        return Ok(Some(Op::Unary(function)));
    }
    if !domain.is_empty() {
        return Ok(None);
    }
    Ok(Some(match name {
        "Add" => Op::Binary(Binary::Add),
        "And" => Op::Binary(Binary::And),
        "Div" => Op::Binary(Binary::Div),
        "Mod" => Op::Binary(if a.flag("fmod")? { Binary::Fmod } else { Binary::Mod }),
        "IsNaN" => Op::Classify(Class::Nan),
        "IsInf" => Op::Classify(Class::Infinite {
            negative: a.flag_or("detect_negative", true)?,
            positive: a.flag_or("detect_positive", true)?,
        }),
        "Mul" => Op::Binary(Binary::Mul),
        "Or" => Op::Binary(Binary::Or),
        "Pow" => Op::Binary(Binary::Pow),
        "PRelu" => Op::Binary(Binary::PRelu),
        "Sub" => Op::Binary(Binary::Sub),
        "Xor" => Op::Binary(Binary::Xor),
        "Equal" => Op::Compare(Comparison::Equal),
        "Greater" => Op::Compare(Comparison::Greater),
        "GreaterOrEqual" => Op::Compare(Comparison::GreaterOrEqual),
        "Less" => Op::Compare(Comparison::Less),
        "LessOrEqual" => Op::Compare(Comparison::LessOrEqual),
        "Where" => Op::Where,
        "Range" => Op::Range,
        _ => return Ok(None),
    }))
}

/// A function of two elements that a node applies to any number of operands.
pub(super) fn chain(domain: &str, name: &str) -> Option<Op> {
    match (domain, name) {
        ("", "Max") => Some(Op::Binary(Binary::Max)),
        ("", "Min") => Some(Op::Binary(Binary::Min)),
        ("", "Sum") => Some(Op::Binary(Binary::Add)),
        _ => None,
    }
}

fn unary(domain: &str, name: &str, a: &mut Attributes<'_>) -> Result<Option<Unary>, Fault> {
    Ok(Some(match (domain, name) {
        ("", "Abs") => Unary::Abs,
        ("", "Ceil") => Unary::Ceil,
        ("", "Celu") => Unary::Celu { alpha: a.float_or("alpha", 1.0)? },
        ("", "Cos") => Unary::Cos,
        ("", "Elu") => Unary::Elu { alpha: a.float_or("alpha", 1.0)? },
        ("", "Erf") => Unary::Erf,
        ("", "Exp") => Unary::Exp,
        ("", "Floor") => Unary::Floor,
        ("", "Gelu") => match a.string("approximate")?.unwrap_or("none") {
            "none" => Unary::Gelu { tanh: false },
            "tanh" => Unary::Gelu { tanh: true },
            other => {
                let message = format!("attribute approximate is \"{other}\", expected \"none\" or \"tanh\"");
                return Err(Fault::invalid(message));
            }
        },
        ("com.microsoft", "Gelu") => Unary::Gelu { tanh: false },
        ("com.microsoft", "FastGelu") => Unary::Gelu { tanh: true },
        ("com.microsoft", "QuickGelu") => Unary::Swish { alpha: a.float_or("alpha", 1.702)? },
        ("", "HardSigmoid") => Unary::HardSigmoid { alpha: a.float_or("alpha", 0.2)?, beta: a.float_or("beta", 0.5)? },
        ("", "HardSwish") => Unary::HardSwish,
        ("", "LeakyRelu") => Unary::LeakyRelu { alpha: a.float_or("alpha", 0.01)? },
        ("", "Log") => Unary::Log,
        ("", "Mish") => Unary::Mish,
        ("", "Neg") => Unary::Neg,
        ("", "Not") => Unary::Not,
        ("", "Reciprocal") => Unary::Reciprocal,
        ("", "Relu") => Unary::Relu,
        ("", "Round") => Unary::Round,
        ("", "Selu") => {
            Unary::Selu { alpha: a.float_or("alpha", 1.673_263_2)?, gamma: a.float_or("gamma", 1.050_701)? }
        }
        ("", "Sigmoid") => Unary::Sigmoid,
        ("", "Sign") => Unary::Sign,
        ("", "Sin") => Unary::Sin,
        ("", "Softplus") => Unary::Softplus,
        ("", "Softsign") => Unary::Softsign,
        ("", "Sqrt") => Unary::Sqrt,
        ("", "Swish") => Unary::Swish { alpha: a.float_or("alpha", 1.0)? },
        ("", "Tanh") => Unary::Tanh,
        ("", "ThresholdedRelu") => Unary::ThresholdedRelu { alpha: a.float_or("alpha", 1.0)? },
        _ => return Ok(None),
    }))
}
