//! Type and shape of what reductions and normalisations make.

use super::elementwise::{NUMBERS, ORDERED};
use super::{Known, expect, integer, integers};
use crate::error::Fault;
use crate::functions::reduced;
use crate::graph::function::Reduction;
use crate::graph::{Op, Type, shape};
use crate::passes::resolve::Operand;

pub(super) fn infer(op: &Op, operands: &[Option<Operand<'_>>]) -> Known {
    let optional = |index: usize| operands.get(index).and_then(Option::as_ref);
    let operand =
        |index: usize| optional(index).ok_or_else(|| Fault::invalid(format!("operand {} is missing", index + 1)));
    match op {
        Op::Reduce { reduction, keep, none_is_none } => {
            let x = operand(0)?;
            let few = !matches!(reduction, Reduction::Max | Reduction::Min);
            expect("data", x.type_, if few { &ORDERED[..3] } else { &ORDERED })?;
            let axes = optional(1).map(|axes| integers(axes, "axes")).transpose()?;
            let reduced = reduced(x.shape.len(), axes.as_deref(), *none_is_none)?;
            Ok((x.type_, without(x.shape, &reduced, *keep)))
        }
        Op::Arg { axis, keep, .. } => {
            let x = operand(0)?;
            expect("data", x.type_, &ORDERED)?;
            let axis = shape::axis(*axis, x.shape.len())?;
            if x.shape[axis] == 0 {
                return Err(Fault::invalid(format!("axis {axis} of {:?} has no element to choose", x.shape)));
            }
            let reduced: Vec<bool> = (0..x.shape.len()).map(|other| other == axis).collect();
            Ok((Type::I64, without(x.shape, &reduced, *keep)))
        }
        Op::CumSum { .. } => {
            let x = operand(0)?;
            expect("x", x.type_, &NUMBERS)?;
            shape::axis(integer(operand(1)?, "axis")?, x.shape.len())?;
            Ok((x.type_, x.shape.to_vec()))
        }
        Op::LayerNormalization { axis, .. } | Op::RmsNormalization { axis, .. } => {
            let x = operand(0)?;
            expect("X", x.type_, &[Type::F32])?;
            let normalized = &x.shape[shape::axis(*axis, x.shape.len())?..];
            for (parameter, name) in [(Some(operand(1)?), "Scale"), (optional(2), "B")] {
                let Some(parameter) = parameter else { continue };
                expect(name, parameter.type_, &[Type::F32])?;
                let ones = parameter.shape.iter().take_while(|&&size| size == 1).count();
                let ones = ones.min(parameter.shape.len().saturating_sub(normalized.len()));
                if parameter.shape[ones..] != *normalized && shape::elements(parameter.shape) != Ok(1) {
                    return Err(Fault::unsupported(format!(
                        "{name} has shape {:?}, expected that of the normalised axes, {normalized:?}, or one element",
                        parameter.shape
                    )));
                }
            }
            Ok((Type::F32, x.shape.to_vec()))
        }
        Op::GroupNormalization { groups, per_group, .. } => {
            let x = operand(0)?;
            expect("X", x.type_, &[Type::F32])?;
            let &[_, channels, ..] = x.shape else {
                return Err(Fault::invalid(format!("X has shape {:?}, expected at least two axes", x.shape)));
            };
            if *groups == 0 || !channels.is_multiple_of(*groups) {
                return Err(Fault::invalid(format!(
                    "X has shape {:?}, expected channels for {groups} groups",
                    x.shape
                )));
            }
            vectors([("scale", operand(1)?), ("bias", operand(2)?)], if *per_group { *groups } else { channels })?;
            Ok((Type::F32, x.shape.to_vec()))
        }
        Op::BatchNormalization { .. } | Op::InstanceNormalization { .. } => {
            let x = operand(0)?;
            expect("X", x.type_, &[Type::F32])?;
            let &[_, channels, ..] = x.shape else {
                return Err(Fault::invalid(format!("X has shape {:?}, expected at least two axes", x.shape)));
            };
            for (index, name) in ["scale", "B", "mean", "var"].into_iter().enumerate().take(operands.len() - 1) {
                vectors([(name, operand(index + 1)?)], channels)?;
            }
            Ok((Type::F32, x.shape.to_vec()))
        }
        _ => Err(Fault::unsupported("this operator is not known")),
    }
}

/// Whether parameters are so many values.
fn vectors<const N: usize>(parameters: [(&str, &Operand<'_>); N], count: usize) -> Result<(), Fault> {
    for (name, Operand { type_, shape, .. }) in parameters {
        expect(name, *type_, &[Type::F32])?;
        if *shape != [count] {
            return Err(Fault::invalid(format!("{name} has shape {shape:?}, expected [{count}]")));
        }
    }
    Ok(())
}

/// A shape whose reduced axes have one element, or are gone.
fn without(shape: &[usize], reduced: &[bool], keep: bool) -> Vec<usize> {
    let sizes = shape.iter().zip(reduced);
    sizes.filter(|(_, reduced)| keep || !**reduced).map(|(&size, &reduced)| if reduced { 1 } else { size }).collect()
}
