//! Pools.

use super::super::builder::Call;
use super::convolution::{two, window};
use crate::error::Fault;
use crate::graph::op::{Convolution, Padding, Pool};
use crate::graph::{Op, TensorId};

pub(super) fn pool(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let x = call.input("X")?;
    let greatest = match call.text("pooling_type")?.unwrap_or("max") {
        "max" => true,
        "avg" => false,
        other => return Err(Fault::invalid(format!("attribute pooling_type is \"{other}\", expected max or avg"))),
    };
    let taps = call.ints("ksize")?.unwrap_or_default();
    let adaptive = call.flag("adaptive", false)?;
    let global = call.flag("global_pooling", false)?;
    let (ceil_mode, exclusive) = (call.flag("ceil_mode", false)?, call.flag("exclusive", true)?);
    let window = window(call)?;
    if global || adaptive && taps == [1, 1] {
        let op = if greatest { Op::GlobalMaxPool } else { Op::GlobalAveragePool };
        return call.make(op, &[x], "Out").map(drop);
    }
    let kernel = two("ksize", &taps, 1)?;
    let pool = if adaptive {
        even(call, x, kernel)?
    } else {
        let pool = Pool { window: Convolution { kernel: Some(kernel.to_vec()), ..window }, ceil_mode };
        check(&pool, greatest, exclusive)?;
        pool
    };
    let op = if greatest { Op::MaxPool(pool) } else { Op::AveragePool { pool, count_include_pad: !exclusive } };
    call.make(op, &[x], "Out").map(drop)
}

/// Windows that make an output of the given size of an input that it divides.
fn even(call: &Call<'_, '_>, x: TensorId, output: [usize; 2]) -> Result<Pool, Fault> {
    let dims = call.dims(x)?;
    let refuse = || Fault::unsupported(format!("an adaptive pool of {dims:?} to {output:?}, which does not divide it"));
    let &[_, _, height, width] = dims.as_slice() else { return Err(refuse()) };
    let mut kernel = Vec::with_capacity(2);
    for (size, output) in [height, width].into_iter().zip(output) {
        let size = usize::try_from(size).ok().filter(|size| size % output == 0 && *size > 0);
        kernel.push(size.ok_or_else(refuse)? / output);
    }
    let strides = kernel.clone();
    Ok(Pool { window: Convolution { kernel: Some(kernel), strides, ..Convolution::default() }, ceil_mode: false })
}

/// Refuses what Paddle and ONNX compute differently where the last window leaves the padded image.
fn check(pool: &Pool, greatest: bool, exclusive: bool) -> Result<(), Fault> {
    if !pool.ceil_mode {
        return Ok(());
    }
    if !greatest && !exclusive {
        return Err(Fault::unsupported("attributes ceil_mode and exclusive: averages over more than the padded image"));
    }
    let kernel = pool.window.kernel.as_deref().unwrap_or_default();
    let behind = match &pool.window.padding {
        Padding::Explicit(pads) => pads.get(2..).unwrap_or_default(),
        _ => return Err(Fault::unsupported("attribute ceil_mode with padding_algorithm SAME")),
    };
    for (axis, &taps) in kernel.iter().enumerate() {
        let of = |sizes: &[usize], default| sizes.get(axis).copied().unwrap_or(default);
        if of(&pool.window.strides, 1).saturating_add(of(behind, 0)) > taps {
            return Err(Fault::unsupported("attribute ceil_mode: windows that begin behind the image"));
        }
    }
    Ok(())
}
