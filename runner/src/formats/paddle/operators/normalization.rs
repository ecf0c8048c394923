//! Normalisations.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::Op;

pub(super) fn batch(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let operands =
        [call.input("X")?, call.input("Scale")?, call.input("Bias")?, call.input("Mean")?, call.input("Variance")?];
    call.expect("data_layout", &["NCHW", "AnyLayout"])?;
    let fixed = call.flag("is_test", false)? && !call.flag("trainable_statistics", false)?;
    if !fixed && !call.flag("use_global_stats", false)? {
        return Err(Fault::unsupported("attributes is_test and use_global_stats are false: a program for training"));
    }
    let epsilon = call.float("epsilon")?.unwrap_or(1e-5);
    // What it makes beside are the means and variances that it was given.
    call.make(Op::BatchNormalization { epsilon }, &operands, "Y").map(drop)
}

pub(super) fn layer(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let axis = call.int("begin_norm_axis")?.unwrap_or(1);
    let epsilon = call.float("epsilon")?.unwrap_or(1e-5);
    let (mut scale, mut bias) = (Some(call.input("Scale")?), call.optional("Bias")?);
    // Both are vectors here, and have the shape of what is normalised there.
    let rank = i64::try_from(call.rank(x)?).unwrap_or(i64::MAX);
    let start = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if start != rank - 1 {
        let dims = call.dims(x)?;
        let normalised = usize::try_from(start).ok().and_then(|start| dims.get(start..));
        let shape = normalised.filter(|sizes| sizes.iter().all(|&size| size >= 0)).map(<[i64]>::to_vec);
        let shape =
            shape.ok_or_else(|| Fault::unsupported(format!("attribute begin_norm_axis is {axis} of {dims:?}")))?;
        for operand in [&mut scale, &mut bias].into_iter().flatten() {
            let shape = call.vector(shape.clone())?;
            *operand = call.node(Op::Reshape { allow_zero: false }, &[*operand, shape]);
        }
    }
    call.make_of(Op::LayerNormalization { axis, epsilon }, vec![Some(x), scale, bias], "Y").map(drop)
}

pub(super) fn softmax(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let axis = call.int("axis")?.unwrap_or(-1);
    call.make(Op::Softmax { axis, flattened: false }, &[x], "Out").map(drop)
}
