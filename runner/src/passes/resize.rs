//! The shapes of tensors that change their size.

use super::infer::distinct;
use super::movement::{Parameters, integers};
use crate::error::Fault;
use crate::graph::{Constant, op};
use crate::scaling::Scaled;

/// What becomes of each axis.
pub(crate) fn resize(
    attributes: &op::Resize,
    from: &[usize],
    parameters: Parameters<'_, '_>,
) -> Result<Vec<Scaled>, Fault> {
    // Before version 11 there were no regions.
    let regions_only =
        parameters(1, "roi").is_ok_and(|roi| roi.is_some()) && absent(parameters, 2) && absent(parameters, 3);
    let scales = given(parameters, if regions_only { 1 } else { 2 }, "scales")?;
    let sizes = given(parameters, 3, "sizes")?;
    let axes = match &attributes.axes {
        Some(axes) => distinct(axes, from.len())?,
        None => (0..from.len()).collect(),
    };
    let coordinates = attributes.coordinates;
    let mut scaled: Vec<Scaled> =
        from.iter().map(|&size| Scaled { from: size, to: size, scale: 1.0, coordinates }).collect();
    let of = |what: &str, count: usize| {
        let (expected, got) = (axes.len(), count);
        if expected == got {
            Ok(())
        } else {
            Err(Fault::invalid(format!("{what} has {got} values, expected {expected}")))
        }
    };
    match (scales, sizes) {
        (Some(scales), None) => {
            let scales = scales
                .floats()
                .ok_or_else(|| Fault::invalid(format!("scales is {}, expected float32", scales.type_())))?;
            of("scales", scales.len())?;
            for (&axis, scale) in axes.iter().zip(scales) {
                if !(scale > 0.0 && scale.is_finite()) {
                    return Err(Fault::invalid(format!("scales has {scale}, expected finite numbers above 0")));
                }
                // What is beyond any address saturates, and is told with the product of the sizes.
                let to = (from[axis] as f32 * scale).floor() as usize;
                scaled[axis] = Scaled { to, scale, ..scaled[axis] };
            }
        }
        (None, Some(sizes)) => {
            let sizes = integers(sizes, "sizes")?;
            of("sizes", sizes.len())?;
            for (&axis, &size) in axes.iter().zip(&sizes) {
                let to = usize::try_from(size).map_err(|_| Fault::invalid(format!("sizes is {sizes:?}")))?;
                scaled[axis] = Scaled { to, scale: to as f32 / from[axis].max(1) as f32, ..scaled[axis] };
            }
        }
        (None, None) => return Err(Fault::invalid("has neither scales nor sizes")),
        (Some(_), Some(_)) => return Err(Fault::invalid("has both scales and sizes")),
    }
    if let Some(axis) = scaled.iter().find(|axis| axis.from == 0 && axis.to > 0) {
        return Err(Fault::invalid(format!("makes {} elements of an axis of {from:?} that has none", axis.to)));
    }
    Ok(scaled)
}

fn absent(parameters: Parameters<'_, '_>, operand: usize) -> bool {
    parameters(operand, "").is_ok_and(|constant| constant.is_none())
}

/// A parameter that is there and not empty: before version 13, an empty one meant that it is left out.
fn given<'a>(parameters: Parameters<'_, 'a>, operand: usize, what: &str) -> Result<Option<&'a Constant>, Fault> {
    Ok(parameters(operand, what)?.filter(|constant| !constant.data().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Data;
    use crate::graph::op::{Coordinates, Interpolation};

    fn sizes_of(axes: Option<Vec<i64>>, operands: &[Option<Data>]) -> Result<Vec<usize>, Fault> {
        let attributes = op::Resize { interpolation: Interpolation::Linear, coordinates: Coordinates::HalfPixel, axes };
        let constants: Vec<Option<Constant>> = operands
            .iter()
            .map(|data| data.clone().map(|data| Constant::new(vec![data.len()], data).unwrap()))
            .collect();
        let scaled = resize(&attributes, &[1, 2, 3, 0], &|index, _| {
            Ok(constants.get(index.wrapping_sub(1)).and_then(Option::as_ref))
        })?;
        Ok(scaled.into_iter().map(|axis| axis.to).collect())
    }

    #[test]
    fn scales_or_sizes_of_all_axes_or_of_some() {
        let scales = || Some(Data::F32(vec![1.0, 2.0, 0.7, 3.0]));
        let empty = || Some(Data::F32(vec![]));
        assert_eq!(sizes_of(None, &[scales()]), Ok(vec![1, 4, 2, 0]));
        assert_eq!(sizes_of(None, &[None, scales()]), Ok(vec![1, 4, 2, 0]));
        assert_eq!(sizes_of(None, &[empty(), scales()]), Ok(vec![1, 4, 2, 0]));
        let sizes = |values: &[i64]| Some(Data::I64(values.to_vec()));
        assert_eq!(sizes_of(None, &[empty(), empty(), sizes(&[1, 5, 6, 0])]), Ok(vec![1, 5, 6, 0]));
        assert_eq!(sizes_of(Some(vec![-2, 0]), &[None, None, sizes(&[5, 6])]), Ok(vec![6, 2, 5, 0]));
        for bad in [
            &[][..],
            &[None, scales(), sizes(&[1, 2, 3, 0])],
            &[None, None, sizes(&[1, 2, 3, 4])],
            &[None, None, sizes(&[1, 2, 3])],
            &[None, None, sizes(&[1, 2, -3, 0])],
            &[None, Some(Data::F32(vec![1.0, f32::NAN, 1.0, 1.0]))],
            &[None, sizes(&[1, 2, 3, 0])],
        ] {
            assert!(sizes_of(None, bad).is_err(), "{bad:?}");
        }
    }
}
