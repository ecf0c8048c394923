//! Reductions, normalisations, and other operators with what older opsets say in attributes.

use super::attributes::Attributes;
use super::external::Folder;
use super::nodes::{required, vector};
use super::tensor;
use crate::error::Fault;
use crate::graph::function::Reduction;
use crate::graph::{Constant, Data, Op};

/// What a node means, if it is one of these; adds what its attributes say to the operands.
pub(super) fn meaning(
    domain: &str,
    name: &str,
    opset: i64,
    a: &mut Attributes<'_>,
    operands: &mut Vec<Constant>,
) -> Result<Option<Op>, Fault> {
    if !domain.is_empty() {
        return Ok(None);
    }
    Ok(Some(match name {
        "ReduceL1" => reduce(Reduction::L1, opset, a, operands)?,
        "ReduceL2" => reduce(Reduction::L2, opset, a, operands)?,
        "ReduceMax" => reduce(Reduction::Max, opset, a, operands)?,
        "ReduceMean" => reduce(Reduction::Mean, opset, a, operands)?,
        "ReduceMin" => reduce(Reduction::Min, opset, a, operands)?,
        "ReduceProd" => reduce(Reduction::Prod, opset, a, operands)?,
        "ReduceSum" => reduce(Reduction::Sum, opset, a, operands)?,
        "ReduceSumSquare" => reduce(Reduction::SumSquare, opset, a, operands)?,
        "ArgMax" | "ArgMin" => Op::Arg {
            greatest: name == "ArgMax",
            axis: a.int_or("axis", 0)?,
            keep: a.flag_or("keepdims", true)?,
            last: a.flag("select_last_index")?,
        },
        "CumSum" => Op::CumSum { exclusive: a.flag("exclusive")?, reverse: a.flag("reverse")? },
        "Clip" => {
            if opset < 11 {
                let bounds = [a.float_or("min", f32::MIN)?, a.float_or("max", f32::MAX)?];
                for bound in bounds {
                    operands.push(Constant::new(vec![], Data::F32(vec![bound]))?);
                }
            }
            Op::Clip
        }
        "ConstantOfShape" => {
            let value = a.tensor("value")?.map(|value| tensor::constant(value, &mut Folder::new(None))).transpose()?;
            operands.push(value.map_or_else(|| Constant::new(vec![1], Data::F32(vec![0.0])), Ok)?);
            Op::ConstantOfShape
        }
        "LayerNormalization" => {
            stash(a)?;
            Op::LayerNormalization { axis: a.int_or("axis", -1)?, epsilon: epsilon(a)? }
        }
        "RMSNormalization" => {
            stash(a)?;
            Op::RmsNormalization { axis: a.int_or("axis", -1)?, epsilon: epsilon(a)? }
        }
        "BatchNormalization" => {
            if a.flag("training_mode")? {
                return Err(Fault::unsupported("attribute training_mode is 1, expected 0"));
            }
            // What training would do with the mean and the variance.
            a.float("momentum")?;
            Op::BatchNormalization { epsilon: epsilon(a)? }
        }
        "GroupNormalization" => {
            stash(a)?;
            let groups = required(a, "num_groups")?;
            let found = usize::try_from(groups).ok().filter(|&groups| groups > 0);
            let refuse = || Fault::invalid(format!("attribute num_groups is {groups}, expected at least 1"));
            let groups = found.ok_or_else(refuse)?;
            Op::GroupNormalization { groups, per_group: opset < 21, epsilon: epsilon(a)? }
        }
        "InstanceNormalization" => Op::InstanceNormalization { epsilon: epsilon(a)? },
        _ => return Ok(None),
    }))
}

fn reduce(reduction: Reduction, opset: i64, a: &mut Attributes<'_>, operands: &mut Vec<Constant>) -> Result<Op, Fault> {
    let keep = a.flag_or("keepdims", true)?;
    // The sum's axes became an operand before the others' did.
    let in_attributes = opset < if reduction == Reduction::Sum { 13 } else { 18 };
    if in_attributes {
        let axes = a.ints("axes")?.map(|axes| vector(axes.to_vec()));
        operands.extend(axes.transpose()?);
        return Ok(Op::Reduce { reduction, keep, none_is_none: false });
    }
    Ok(Op::Reduce { reduction, keep, none_is_none: a.flag("noop_with_empty_axes")? })
}

fn epsilon(a: &mut Attributes<'_>) -> Result<f32, Fault> {
    a.float_or("epsilon", 1e-5)
}

/// The type that mean and variance are computed in.
fn stash(a: &mut Attributes<'_>) -> Result<(), Fault> {
    match a.int_or("stash_type", 1)? {
        1 => Ok(()),
        other => Err(Fault::unsupported(format!("attribute stash_type is {other}, expected 1 (float32)"))),
    }
}
