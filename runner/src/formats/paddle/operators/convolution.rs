//! Convolutions.

use super::super::builder::Call;
use crate::error::Fault;
use crate::graph::Op;
use crate::graph::op::{Convolution, Padding, Transposed};

pub(super) fn convolution(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let operands = [call.input("Input")?, call.input("Filter")?];
    let window = Convolution { groups: groups(call)?, ..window(call)? };
    call.make(Op::Conv(window), &operands, "Output").map(drop)
}

pub(super) fn transposed(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let operands = [call.input("Input")?, call.input("Filter")?];
    let window = Convolution { groups: groups(call)?, ..window(call)? };
    if !matches!(window.padding, Padding::Explicit(_)) {
        return Err(Fault::unsupported("attribute padding_algorithm is \"SAME\", expected EXPLICIT or VALID"));
    }
    if let Some(size) = call.ints("output_size")?.filter(|size| !size.is_empty()) {
        return Err(Fault::unsupported(format!("attribute output_size is {size:?}, expected none")));
    }
    let output_padding = match call.ints("output_padding")? {
        Some(values) if !values.is_empty() => two("output_padding", &values, 0)?.to_vec(),
        _ => Vec::new(),
    };
    call.make(Op::ConvTranspose(Transposed { window, output_padding, output_shape: None }), &operands, "Output")
        .map(drop)
}

fn groups(call: &mut Call<'_, '_>) -> Result<usize, Fault> {
    let groups = call.int("groups")?.unwrap_or(1);
    let positive = usize::try_from(groups).ok().filter(|&groups| groups > 0);
    positive.ok_or_else(|| Fault::invalid(format!("attribute groups is {groups}, expected at least 1")))
}

/// What convolutions and pools say of their windows, but for the taps.
pub(super) fn window(call: &mut Call<'_, '_>) -> Result<Convolution, Fault> {
    call.expect("data_format", &["NCHW", "AnyLayout"])?;
    let strides = match call.ints("strides")? {
        Some(strides) => two("strides", &strides, 1)?.to_vec(),
        None => Vec::new(),
    };
    let mut dilations = match call.ints("dilations")? {
        Some(dilations) => two("dilations", &dilations, 1)?.to_vec(),
        None => Vec::new(),
    };
    let pads = call.ints("paddings")?.unwrap_or_default();
    let padding = match call.text("padding_algorithm")?.unwrap_or("EXPLICIT") {
        "EXPLICIT" => Padding::Explicit(explicit(&pads)?),
        "VALID" => Padding::Explicit(Vec::new()),
        "SAME" => {
            // Paddle then takes neighbouring positions, whatever the attribute says.
            dilations = Vec::new();
            Padding::SameUpper
        }
        other => {
            let message = format!("attribute padding_algorithm is \"{other}\", expected EXPLICIT, VALID or SAME");
            return Err(Fault::invalid(message));
        }
    };
    Ok(Convolution { strides, dilations, padding, ..Convolution::default() })
}

/// Positions before both axes, then behind them: of Paddle's `[h, w]` or `[top, bottom, left, right]`.
fn explicit(pads: &[i64]) -> Result<Vec<usize>, Fault> {
    let ordered = match *pads {
        [] => return Ok(Vec::new()),
        [h, w] => [h, w, h, w],
        [top, bottom, left, right] => [top, left, bottom, right],
        _ => return Err(Fault::invalid(format!("attribute paddings is {pads:?}, expected two or four numbers"))),
    };
    let size = |&size: &i64| usize::try_from(size).ok();
    let sizes: Option<Vec<usize>> = ordered.iter().map(size).collect();
    sizes.ok_or_else(|| Fault::invalid(format!("attribute paddings is {pads:?}, expected numbers of at least 0")))
}

/// A number for each of two axes, none less than `least`.
pub(super) fn two(name: &str, values: &[i64], least: usize) -> Result<[usize; 2], Fault> {
    let size = |value: i64| usize::try_from(value).ok().filter(|&size| size >= least);
    let sizes = match *values {
        [a, b] => size(a).zip(size(b)),
        [both] => size(both).map(|size| (size, size)),
        _ => None,
    };
    let (a, b) = sizes.ok_or_else(|| {
        Fault::invalid(format!("attribute {name} is {values:?}, expected two numbers of at least {least}"))
    })?;
    Ok([a, b])
}
