//! The geometry of transposed convolutions: windows over the output.

use super::window::{Geometry, each, images_of};
use crate::error::Fault;
use crate::graph::op::{Padding, Transposed};

/// The geometry of a transposed convolution of `x` with weights of shape `w`, `[channels, outputs of a group, taps...]`,
/// and the positions that are behind each spatial axis of the output, whatever windows reach.
pub(crate) fn transposed(attributes: &Transposed, x: &[usize], w: &[usize]) -> Result<(Geometry, Vec<usize>), Fault> {
    let Transposed { window, output_padding, output_shape } = attributes;
    let (&[images, .., last], &[inputs, of_group, ref taps @ ..]) = (x, w) else {
        return Err(Fault::invalid(format!("x has shape {x:?} and w {w:?}, expected three axes at least")));
    };
    if x.len() != w.len() || taps.is_empty() {
        return Err(Fault::invalid(format!("x has shape {x:?} and w {w:?}, expected as many axes, three at least")));
    }
    let (channels, from) = if window.channels_last { (last, &x[1..x.len() - 1]) } else { (x[1], &x[2..]) };
    let groups = window.groups;
    let outputs = of_group.checked_mul(groups);
    let (Some(outputs), true) = (outputs, inputs == channels && channels.is_multiple_of(groups)) else {
        return Err(Fault::invalid(format!("x {x:?} and w {w:?} do not fit {groups} groups")));
    };
    if let Some(kernel) = &window.kernel
        && kernel != taps
    {
        return Err(Fault::invalid(format!("attribute kernel_shape is {kernel:?}, but w has shape {w:?}")));
    }
    let axes = from.len();
    let strides = each("strides", &window.strides, axes, 1)?;
    let dilations = each("dilations", &window.dilations, axes, 1)?;
    let adjusted = each("output_padding", output_padding, axes, 0)?;
    let sizes = output_shape.as_ref().map(|sizes| each("output_shape", sizes, axes, 0)).transpose()?;
    let mut pads = match &window.padding {
        Padding::Explicit(pads) => each("pads", pads, 2 * axes, 0)?,
        Padding::SameUpper | Padding::SameLower => vec![0; 2 * axes],
    };
    let (mut to, mut more) = (Vec::with_capacity(axes), Vec::with_capacity(axes));
    for axis in 0..axes {
        let overflow = || Fault::overflow(format!("the sizes of a window over {x:?}: {attributes:?}"));
        let (size, stride) = (from[axis], strides[axis]);
        let Some(steps) = taps[axis].checked_sub(1) else {
            return Err(Fault::invalid(format!("w has shape {w:?}: a kernel without taps")));
        };
        // What the windows reach, and with what is behind.
        let reach = match size.checked_sub(1) {
            Some(last) => last
                .checked_mul(stride)
                .zip(steps.checked_mul(dilations[axis]))
                .and_then(|(last, span)| last.checked_add(span)?.checked_add(1))
                .ok_or_else(overflow)?,
            None => 0,
        };
        let whole = reach.checked_add(adjusted[axis]).ok_or_else(overflow)?;
        let wanted = match (&sizes, &window.padding) {
            (Some(sizes), _) => Some(sizes[axis]),
            (None, Padding::Explicit(_)) => None,
            (None, _) => Some(size.checked_mul(stride).ok_or_else(overflow)?),
        };
        if let Some(wanted) = wanted {
            let total = whole.saturating_sub(wanted);
            let (small, large) = (total / 2, total - total / 2);
            let upper = window.padding == Padding::SameUpper;
            (pads[axis], pads[axis + axes]) = if upper { (small, large) } else { (large, small) };
        }
        let lacks = pads[axis].checked_add(pads[axis + axes]).ok_or_else(overflow)?;
        let got = match wanted {
            Some(wanted) => wanted,
            None => whole.checked_sub(lacks).ok_or_else(|| {
                Fault::invalid(format!("pads of {lacks} leave less than nothing of {whole} positions of the output"))
            })?,
        };
        if size == 0 && got > 0 {
            return Err(Fault::invalid(format!("makes {got} positions of an axis of x {x:?} that has none")));
        }
        to.push(got);
        more.push((got + lacks).saturating_sub(reach));
    }
    let output = images_of(images, &to, outputs, window.channels_last);
    let (from, taps) = (from.to_vec(), taps.to_vec());
    Ok((Geometry { output, images, channels, outputs, from, to, taps, strides, dilations, pads }, more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProblemKind;
    use crate::graph::op::Convolution;

    fn window(stride: usize, padding: Padding) -> Transposed {
        let window = Convolution { strides: vec![stride], padding, ..Convolution::default() };
        Transposed { window, ..Transposed::default() }
    }

    fn of(attributes: &Transposed, size: usize, taps: usize) -> Result<(usize, [usize; 2], usize), Fault> {
        transposed(attributes, &[1, 2, size], &[2, 3, taps])
            .map(|(geometry, more)| (geometry.to[0], [geometry.pads[0], geometry.pads[1]], more[0]))
    }

    #[test]
    fn sizes_follow_from_pads_and_pads_from_sizes() {
        let explicit = |pads: &[usize]| window(2, Padding::Explicit(pads.to_vec()));
        assert_eq!(of(&explicit(&[]), 3, 3), Ok((7, [0, 0], 0)));
        assert_eq!(of(&explicit(&[1, 1]), 3, 3), Ok((5, [1, 1], 0)));
        let padded = Transposed { output_padding: vec![1], ..explicit(&[1, 1]) };
        assert_eq!(of(&padded, 3, 3), Ok((6, [1, 1], 1)));
        assert_eq!(of(&window(2, Padding::SameUpper), 3, 3), Ok((6, [0, 1], 0)));
        assert_eq!(of(&window(2, Padding::SameLower), 3, 3), Ok((6, [1, 0], 0)));
        // Windows that do not reach the end.
        assert_eq!(of(&window(2, Padding::SameUpper), 3, 1), Ok((6, [0, 0], 1)));
        let sized = |size| Transposed { output_shape: Some(vec![size]), ..explicit(&[]) };
        assert_eq!(of(&sized(4), 3, 3), Ok((4, [2, 1], 0)));
        assert_eq!(of(&sized(9), 3, 3), Ok((9, [0, 0], 2)));
        assert_eq!(of(&explicit(&[]), 0, 3), Ok((0, [0, 0], 0)));
        assert!(of(&sized(1), 0, 3).is_err());
        assert!(of(&explicit(&[4, 4]), 3, 3).is_err());
        assert!(of(&explicit(&[]), 3, 0).is_err());
        let far = window(usize::MAX, Padding::Explicit(vec![]));
        assert_eq!(of(&far, 3, 3).unwrap_err().kind, ProblemKind::SizeOverflow);
        assert_eq!(of(&explicit(&[usize::MAX; 2]), 3, 3).unwrap_err().kind, ProblemKind::SizeOverflow);
    }

    #[test]
    fn weights_have_the_channels_first() {
        let grouped = Convolution { groups: 2, ..Convolution::default() };
        let grouped = Transposed { window: grouped, ..Transposed::default() };
        let outputs = |x: &[usize], w: &[usize]| transposed(&grouped, x, w).map(|(geometry, _)| geometry.output);
        assert_eq!(outputs(&[1, 4, 5, 5], &[4, 3, 2, 1]), Ok(vec![1, 6, 6, 5]));
        for (x, w) in [
            (&[1, 4, 5][..], &[3, 4, 2][..]),
            (&[1, 3, 5], &[3, 4, 2]),
            (&[1, 4, 5], &[4, usize::MAX, 2]),
            (&[1, 4], &[4, 3]),
        ] {
            assert!(outputs(x, w).is_err(), "{x:?} {w:?}");
        }
    }
}
