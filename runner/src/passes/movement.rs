//! Operators that move elements by parameters that are operands: what their results are along each axis.

use super::infer::distinct;
use crate::error::Fault;
use crate::graph::op::{Border, Interpolation};
use crate::graph::{Constant, Op};
use crate::picks::Along;

/// The parameters of a node, by operand and name: none where one is left out, an error where it is not known.
pub(crate) type Parameters<'p, 'a> = &'p dyn Fn(usize, &str) -> Result<Option<&'a Constant>, Fault>;

/// What an operator chooses of a tensor of the shape `from` along each axis; nothing for one that does something else.
pub(crate) fn along(op: &Op, from: &[usize], parameters: Parameters<'_, '_>) -> Result<Option<Vec<Along>>, Fault> {
    match op {
        Op::Slice => slice(from, parameters).map(Some),
        Op::Tile => tile(from, parameters).map(Some),
        Op::Pad(border) if *border != Border::Constant => bordered(*border, from, parameters).map(Some),
        Op::Resize(attributes) => {
            let Interpolation::Nearest(nearest) = attributes.interpolation else { return Ok(None) };
            let axes = super::resize::resize(attributes, from, parameters)?;
            let along = axes.into_iter().map(|axis| match axis.is_same() {
                true => Along::all(axis.from),
                false => Along::Nearest { axis, nearest },
            });
            Ok(Some(along.collect()))
        }
        _ => Ok(None),
    }
}

/// The integers of a parameter that shapes depend on.
pub(super) fn integers(constant: &Constant, what: &str) -> Result<Vec<i64>, Fault> {
    if constant.shape().len() > 1 {
        return Err(Fault::invalid(format!("{what}: has shape {:?}, expected one axis", constant.shape())));
    }
    constant.integers().ok_or_else(|| Fault::invalid(format!("{what}: is {}, expected int64", constant.type_())))
}

/// The integer of a parameter of one element.
pub(crate) fn integer(constant: &Constant, what: &str) -> Result<i64, Fault> {
    match *integers(constant, what)? {
        [value] => Ok(value),
        ref values => Err(Fault::invalid(format!("{what} has {} values, expected 1", values.len()))),
    }
}

fn optional(parameters: Parameters<'_, '_>, operand: usize, what: &str) -> Result<Option<Vec<i64>>, Fault> {
    parameters(operand, what)?.map(|constant| integers(constant, what)).transpose()
}

fn required(parameters: Parameters<'_, '_>, operand: usize, what: &str) -> Result<Vec<i64>, Fault> {
    optional(parameters, operand, what)?.ok_or_else(|| Fault::invalid(format!("{what} is left out, but not optional")))
}

/// A size as a signed number; a tensor has at most `isize::MAX` bytes.
fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn unsigned(size: i64) -> usize {
    usize::try_from(size).unwrap_or(0)
}

fn slice(from: &[usize], parameters: Parameters<'_, '_>) -> Result<Vec<Along>, Fault> {
    let (starts, ends) = (required(parameters, 1, "starts")?, required(parameters, 2, "ends")?);
    let axes = optional(parameters, 3, "axes")?.unwrap_or_else(|| (0..signed(starts.len())).collect());
    let steps = optional(parameters, 4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [&ends, &axes, &steps].iter().any(|values| values.len() != starts.len()) {
        return Err(Fault::invalid(format!(
            "starts has {} values, ends {}, axes {} and steps {}, expected equally many",
            starts.len(),
            ends.len(),
            axes.len(),
            steps.len()
        )));
    }
    let mut along: Vec<Along> = from.iter().map(|&size| Along::all(size)).collect();
    for (index, axis) in distinct(&axes, from.len())?.into_iter().enumerate() {
        along[axis] = line(from[axis], [starts[index], ends[index], steps[index]])?;
    }
    Ok(along)
}

/// From a start to an end, by steps, clamped to an axis.
fn line(size: usize, [start, end, step]: [i64; 3]) -> Result<Along, Fault> {
    let count = signed(size);
    if step == 0 {
        return Err(Fault::invalid("steps has a 0"));
    }
    // Backwards, the first may be the last element, and the end stands before the first.
    let (least, most) = if step > 0 { (0, count) } else { (-1, count - 1) };
    let place = |at: i64| if at < 0 { at.saturating_add(count) } else { at };
    let start = place(start).clamp(if size == 0 { least } else { 0 }, most);
    let end = place(end).clamp(least, most);
    let reach = if step > 0 { end - start } else { start - end };
    let count = unsigned(reach).div_ceil(usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX));
    // One element has no step, which else might be too large.
    let step = if count > 1 { isize::try_from(step).unwrap_or(1) } else { 1 };
    Ok(Along::Line { first: unsigned(start), step, count })
}

fn tile(from: &[usize], parameters: Parameters<'_, '_>) -> Result<Vec<Along>, Fault> {
    let repeats = required(parameters, 1, "repeats")?;
    if repeats.len() != from.len() {
        return Err(Fault::invalid(format!("repeats is {repeats:?}, expected a number for each axis of {from:?}")));
    }
    let axes = from.iter().zip(&repeats).map(|(&size, &times)| {
        let times = usize::try_from(times).map_err(|_| Fault::invalid(format!("repeats is {repeats:?}")))?;
        let count = size.checked_mul(times).ok_or_else(|| Fault::overflow(format!("{from:?} times {repeats:?}")))?;
        Ok(if times == 1 { Along::all(size) } else { Along::Repeated { size, count } })
    });
    axes.collect()
}

/// Elements before and behind each axis, by the operands of `Pad`; less than 0 where it lacks some.
pub(crate) fn pads(rank: usize, parameters: Parameters<'_, '_>) -> Result<(Vec<i64>, Vec<i64>), Fault> {
    let pads = required(parameters, 1, "pads")?;
    let axes = match optional(parameters, 3, "axes")? {
        Some(axes) => distinct(&axes, rank)?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(Fault::invalid(format!("pads has {} values, expected {}", pads.len(), 2 * axes.len())));
    }
    let (mut before, mut behind) = (vec![0; rank], vec![0; rank]);
    for (index, &axis) in axes.iter().enumerate() {
        before[axis] = pads[index];
        behind[axis] = pads[index + axes.len()];
    }
    Ok((before, behind))
}

/// The shape of a padded tensor.
pub(super) fn padded(from: &[usize], parameters: Parameters<'_, '_>) -> Result<Vec<usize>, Fault> {
    let (before, behind) = pads(from.len(), parameters)?;
    let sizes = from.iter().zip(before.iter().zip(&behind)).map(|(&size, (&before, &behind))| {
        let overflow = || Fault::overflow(format!("the pads of {from:?}"));
        let sum = signed(size).checked_add(before).and_then(|sum| sum.checked_add(behind)).ok_or_else(overflow)?;
        usize::try_from(sum).map_err(|_| {
            Fault::invalid(format!("pads of {before} and {behind} leave less than nothing of an axis of {size}"))
        })
    });
    sizes.collect()
}

fn bordered(border: Border, from: &[usize], parameters: Parameters<'_, '_>) -> Result<Vec<Along>, Fault> {
    let (before, behind) = pads(from.len(), parameters)?;
    let sizes = padded(from, parameters)?;
    let axes = from.iter().zip(sizes).zip(before.into_iter().zip(behind));
    let axes = axes.map(|((&whole, count), (before, behind))| {
        if (before, behind) == (0, 0) {
            return Ok(Along::all(whole));
        }
        // What is left between pads below 0.
        let lacks = |pad: i64| usize::try_from(pad.saturating_neg()).unwrap_or(0);
        let first = lacks(before).min(whole);
        let size = (whole - first).saturating_sub(lacks(behind));
        if size == 0 && count > 0 {
            return Err(Fault::invalid(format!("pads an axis of {whole}, of which nothing is left, without a value")));
        }
        Ok(Along::Bordered { border, first, size, before: unsigned(before.max(0)), count })
    });
    axes.collect()
}

/// How a tensor `[n, c, h, w]` with the given distances along its axes is arranged anew: the axes of the result, some of
/// which are one together, and the distances along them in `x`; and the result's shape.
pub(crate) fn blocks(op: &Op, x: &[usize], strides: &[usize]) -> Result<Option<(Blocks, Vec<usize>)>, Fault> {
    let (Op::DepthToSpace { block, .. } | Op::SpaceToDepth { block }) = *op else { return Ok(None) };
    let (&[images, channels, height, width], &[image, channel, row, column]) = (x, strides) else {
        return Err(Fault::invalid(format!("x has shape {x:?}, expected four axes")));
    };
    let refuse = || Err(Fault::invalid(format!("x {x:?} has no blocks of {block}")));
    let Some(square) = block.checked_mul(block).filter(|&square| square > 0) else { return refuse() };
    // Products of sizes and distances of a tensor that exists do not overflow.
    let mul = usize::saturating_mul;
    let result = if let Op::DepthToSpace { depth_first, .. } = *op {
        if !channels.is_multiple_of(square) {
            return refuse();
        }
        let depth = channels / square;
        let (of_depth, of_block) = if depth_first { (1, depth) } else { (square, 1) };
        let (of_depth, of_block) = (mul(of_depth, channel), mul(of_block, channel));
        let strides = [image, of_depth, row, mul(of_block, block), column, of_block];
        let sizes = (height.checked_mul(block), width.checked_mul(block));
        let (Some(rows), Some(columns)) = sizes else { return Err(Fault::overflow(format!("blocks of {x:?}"))) };
        (([images, depth, height, block, width, block], strides), vec![images, depth, rows, columns])
    } else {
        if !height.is_multiple_of(block) || !width.is_multiple_of(block) {
            return refuse();
        }
        let (rows, columns) = (height / block, width / block);
        let strides = [image, row, column, channel, mul(block, row), mul(block, column)];
        let Some(depth) = channels.checked_mul(square) else { return Err(Fault::overflow(format!("blocks of {x:?}"))) };
        (([images, block, block, channels, rows, columns], strides), vec![images, depth, rows, columns])
    };
    Ok(Some(result))
}

/// Sizes and distances.
type Blocks = ([usize; 6], [usize; 6]);

/// The sizes of the parts of an axis: those of the operand, or equal ones, of which the last may be short.
pub(super) fn parts(size: usize, parts: usize, parameters: Parameters<'_, '_>) -> Result<Vec<usize>, Fault> {
    let refuse = |sizes: &dyn std::fmt::Debug| {
        Err(Fault::invalid(format!("parts of {sizes:?}, expected {parts} that make an axis of {size}")))
    };
    let sizes = match optional(parameters, 1, "split")? {
        Some(sizes) => {
            let found: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
            let Some(found) = found else { return refuse(&sizes) };
            found
        }
        None => {
            let each = size.div_ceil(parts.max(1));
            (0..parts).map(|part| each.min(size.saturating_sub(part.saturating_mul(each)))).collect()
        }
    };
    let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if sum != Some(size) || sizes.len() != parts { refuse(&sizes) } else { Ok(sizes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Data, shape};

    fn vector(values: &[i64]) -> Constant {
        Constant::new(vec![values.len()], Data::I64(values.to_vec())).unwrap()
    }

    fn with<R>(operands: &[Option<&[i64]>], body: impl FnOnce(Parameters<'_, '_>) -> R) -> R {
        let constants: Vec<Option<Constant>> = operands.iter().map(|values| values.map(vector)).collect();
        body(&|index, _| Ok(constants.get(index.wrapping_sub(1)).and_then(Option::as_ref)))
    }

    #[test]
    fn slices_are_clamped_as_numpys() {
        let of = |size, start, end, step| match line(size, [start, end, step]).unwrap() {
            Along::Line { first, step, count } => {
                (0..count.cast_signed()).map(|index| first.wrapping_add_signed(step * index)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(of(5, 1, 4, 1), [1, 2, 3]);
        assert_eq!(of(5, -3, i64::MAX, 2), [2, 4]);
        assert_eq!(of(5, i64::MAX, i64::MIN, -2), [4, 2, 0]);
        assert_eq!(of(5, 3, 0, -1), [3, 2, 1]);
        assert_eq!(of(5, -1, -100, -3), [4, 1]);
        assert_eq!(of(5, -100, 2, 1), [0, 1]);
        assert_eq!(of(5, 4, 2, 1), [0usize; 0]);
        assert_eq!(of(5, 2, i64::MAX, i64::MAX), [2]);
        assert_eq!(of(5, 2, i64::MIN, i64::MIN), [2]);
        assert_eq!(of(0, -1, i64::MIN, -1), [0usize; 0]);
        assert_eq!(of(0, 0, 7, 1), [0usize; 0]);
        assert!(line(5, [0, 5, 0]).is_err());
    }

    #[test]
    fn parts_are_given_or_equal() {
        let of = |size, count, sizes: Option<&[i64]>| with(&[sizes], |parameters| parts(size, count, parameters));
        assert_eq!(of(7, 3, None), Ok(vec![3, 3, 1]));
        assert_eq!(of(6, 3, None), Ok(vec![2, 2, 2]));
        assert_eq!(of(7, 2, Some(&[0, 7])), Ok(vec![0, 7]));
        for bad in [&[3, 3][..], &[7], &[8, -1], &[i64::MAX, i64::MAX]] {
            assert!(of(7, 2, Some(bad)).is_err(), "{bad:?}");
        }
        assert!(of(0, 0, None).is_ok());
        assert!(of(3, 0, None).is_err());
    }

    #[test]
    fn pads_go_to_their_axes() {
        let of =
            |values: &[i64], axes: Option<&[i64]>| with(&[Some(values), None, axes], |parameters| pads(3, parameters));
        assert_eq!(of(&[1, 2, 3, 4, 5, 6], None), Ok((vec![1, 2, 3], vec![4, 5, 6])));
        assert_eq!(of(&[1, -2], Some(&[-1])), Ok((vec![0, 0, 1], vec![0, 0, -2])));
        assert!(of(&[1, 2, 3], None).is_err());
        assert!(of(&[1, 2, 3, 4], Some(&[0, -3])).is_err());
        let shape = |values: &[i64]| with(&[Some(values)], |parameters| padded(&[3], parameters));
        assert_eq!(shape(&[-5, 7]), Ok(vec![5]));
        assert!(shape(&[-5, 1]).is_err());
        assert!(shape(&[i64::MAX, i64::MAX]).is_err());
        let edge = |values: &[i64]| with(&[Some(values)], |parameters| bordered(Border::Edge, &[3], parameters));
        assert!(edge(&[-2, -1]).is_ok());
        assert!(edge(&[-5, 7]).is_err());
    }

    #[test]
    fn blocks_need_whole_numbers() {
        let depth = |block| Op::DepthToSpace { block, depth_first: true };
        assert_eq!(blocks(&depth(2), &[1, 8, 2, 3], &[48, 6, 3, 1]).unwrap().unwrap().1, [1, 2, 4, 6]);
        assert_eq!(
            blocks(&Op::SpaceToDepth { block: 2 }, &[1, 2, 4, 6], &[48, 24, 6, 1]).unwrap().unwrap().1,
            [1, 8, 2, 3]
        );
        for (op, shape) in [
            (depth(3), &[1, 8, 2, 3][..]),
            (depth(0), &[1, 8, 2, 3]),
            (depth(2), &[8, 2, 3]),
            (depth(usize::MAX), &[1, 8, 2, 3]),
            (Op::SpaceToDepth { block: 2 }, &[1, 1, 3, 2]),
        ] {
            assert!(blocks(&op, shape, &shape::strides(shape)).is_err(), "{op:?}");
        }
    }
}
