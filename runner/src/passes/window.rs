//! The geometry of windows that run over images: convolutions and poolings.

use zeropoint::Pooling;

use crate::error::Fault;
use crate::graph::op::{Convolution, Padding, Pool};

/// The geometry of a convolution, all of it checked. The vectors have an entry for each spatial axis, but for `output`
/// and `pads`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// The shape of the output, in the order of axes of the input.
    pub(crate) output: Vec<usize>,
    pub(crate) images: usize,
    pub(crate) channels: usize,
    /// Output channels.
    pub(crate) outputs: usize,
    /// Sizes of the input.
    pub(crate) from: Vec<usize>,
    /// Sizes of the output.
    pub(crate) to: Vec<usize>,
    pub(crate) taps: Vec<usize>,
    pub(crate) strides: Vec<usize>,
    pub(crate) dilations: Vec<usize>,
    /// Before each spatial axis, then behind each.
    pub(crate) pads: Vec<usize>,
}

/// The geometry of a convolution of `x` with weights of shape `w`, `[outputs, channels of a group, taps...]`.
pub(crate) fn convolution(attributes: &Convolution, x: &[usize], w: &[usize]) -> Result<Geometry, Fault> {
    let (&[images, .., last], &[outputs, inputs, ref taps @ ..]) = (x, w) else {
        return Err(Fault::invalid(format!("x has shape {x:?} and w {w:?}, expected three axes at least")));
    };
    if x.len() != w.len() || taps.is_empty() {
        return Err(Fault::invalid(format!("x has shape {x:?} and w {w:?}, expected as many axes, three at least")));
    }
    let (channels, from) = if attributes.channels_last { (last, &x[1..x.len() - 1]) } else { (x[1], &x[2..]) };
    let groups = attributes.groups;
    if inputs.checked_mul(groups) != Some(channels) || !outputs.is_multiple_of(groups) {
        return Err(Fault::invalid(format!("x {x:?} and w {w:?} do not fit {groups} groups")));
    }
    if let Some(kernel) = &attributes.kernel
        && kernel != taps
    {
        return Err(Fault::invalid(format!("attribute kernel_shape is {kernel:?}, but w has shape {w:?}")));
    }
    let axes = from.len();
    let strides = each("strides", &attributes.strides, axes, 1)?;
    let dilations = each("dilations", &attributes.dilations, axes, 1)?;
    let mut pads = match &attributes.padding {
        Padding::Explicit(pads) => each("pads", pads, 2 * axes, 0)?,
        Padding::SameUpper | Padding::SameLower => vec![0; 2 * axes],
    };
    let mut to = Vec::with_capacity(axes);
    for axis in 0..axes {
        let overflow = || Fault::overflow(format!("the sizes of a window over {x:?}: {attributes:?}"));
        let (size, stride) = (from[axis], strides[axis]);
        let Some(steps) = taps[axis].checked_sub(1) else {
            return Err(Fault::invalid(format!("w has shape {w:?}: a kernel without taps")));
        };
        let span = steps.checked_mul(dilations[axis]).and_then(|span| span.checked_add(1)).ok_or_else(overflow)?;
        if !matches!(attributes.padding, Padding::Explicit(_)) {
            let reach = size.div_ceil(stride).saturating_sub(1).checked_mul(stride).ok_or_else(overflow)?;
            let total = reach.checked_add(span).ok_or_else(overflow)?.saturating_sub(size);
            let (small, large) = (total / 2, total - total / 2);
            let upper = attributes.padding == Padding::SameUpper;
            (pads[axis], pads[axis + axes]) = if upper { (small, large) } else { (large, small) };
        }
        let (before, behind) = (pads[axis], pads[axis + axes]);
        let padded = size.checked_add(before).and_then(|sum| sum.checked_add(behind)).ok_or_else(overflow)?;
        let Some(room) = padded.checked_sub(span) else {
            return Err(Fault::invalid(format!(
                "a kernel that spans {span} positions does not fit the {padded} padded positions of x {x:?}"
            )));
        };
        to.push(room / stride + 1);
    }
    let output = images_of(images, &to, outputs, attributes.channels_last);
    let (from, taps) = (from.to_vec(), taps.to_vec());
    Ok(Geometry { output, images, channels, outputs, from, to, taps, strides, dilations, pads })
}

/// The shape of images.
pub(super) fn images_of(images: usize, sizes: &[usize], channels: usize, channels_last: bool) -> Vec<usize> {
    if channels_last { [&[images], sizes, &[channels]].concat() } else { [&[images, channels], sizes].concat() }
}

/// What an attribute says for each axis; without it the default.
pub(super) fn each(name: &str, values: &[usize], count: usize, default: usize) -> Result<Vec<usize>, Fault> {
    match values.len() {
        0 => Ok(vec![default; count]),
        length if length == count => Ok(values.to_vec()),
        length => Err(Fault::invalid(format!("attribute {name} has {length} values, expected {count}"))),
    }
}

/// The geometry of a pool, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pooled {
    /// That of a convolution with so many taps, but for the size of the output.
    pub(crate) windows: Geometry,
    ceil_mode: bool,
}

/// The geometry of a pool: that of a convolution with so many taps, which all see a part of the image.
pub(crate) fn pool(attributes: &Pool, x: &[usize]) -> Result<Pooled, Fault> {
    let (window, ceil_mode) = (&attributes.window, attributes.ceil_mode);
    let Some(kernel) = &window.kernel else {
        return Err(Fault::invalid("attribute kernel_shape is missing"));
    };
    let &[images, second, .., last] = x else {
        return Err(Fault::invalid(format!("x has shape {x:?}, expected three axes at least")));
    };
    let channels = if window.channels_last { last } else { second };
    let mut windows = convolution(window, x, &[&[channels, channels], kernel.as_slice()].concat())?;
    let pads = windows.pads.iter().zip(kernel.iter().cycle());
    if pads.into_iter().any(|(pad, taps)| pad >= taps) {
        return Err(Fault::invalid(format!(
            "attribute pads is {:?}, expected less than kernel_shape {kernel:?}",
            windows.pads
        )));
    }
    for axis in 0..kernel.len() {
        let overflow = || Fault::overflow(format!("the sizes of a window over {x:?}: {attributes:?}"));
        let [to, _] = windows.pooling(&[axis], ceil_mode).output([windows.from[axis], 1]).ok_or_else(overflow)?;
        windows.to[axis] = to;
    }
    windows.output = images_of(images, &windows.to, channels, window.channels_last);
    Ok(Pooled { windows, ceil_mode })
}

impl Pooled {
    /// The windows of a pool over rows and columns, as the library takes them, and the shapes of input and output with the
    /// channels last.
    pub(crate) fn plane(&self) -> Result<(Pooling, [[usize; 4]; 2]), Fault> {
        let Geometry { images, channels, ref from, ref to, .. } = self.windows;
        let (&[height, width], &[rows, columns]) = (from.as_slice(), to.as_slice()) else {
            return Err(Fault::unsupported(format!("windows over {} spatial axes, expected 2", from.len())));
        };
        let shapes = [[images, height, width, channels], [images, rows, columns, channels]];
        Ok((self.windows.pooling(&[0, 1], self.ceil_mode), shapes))
    }
}

impl Geometry {
    /// The windows along one or two of the axes.
    fn pooling(&self, axes: &[usize], ceil_mode: bool) -> Pooling {
        let mut pooling = Pooling { ceil_mode, ..Pooling::new([1, 1]) };
        for (place, &axis) in axes.iter().enumerate() {
            pooling.kernel[place] = self.taps[axis];
            pooling.strides[place] = self.strides[axis];
            pooling.dilation[place] = self.dilations[axis];
            pooling.pads[place] = self.pads[axis];
            pooling.pads[place + 2] = self.pads[axis + self.from.len()];
        }
        pooling
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProblemKind;

    fn window(strides: usize, dilations: usize, padding: Padding) -> Convolution {
        Convolution { strides: vec![strides; 2], dilations: vec![dilations; 2], padding, ..Convolution::default() }
    }

    #[test]
    fn convolutions_have_the_shape_of_their_window() {
        let shape = |attributes: &Convolution, x: [usize; 4], taps: usize| {
            convolution(attributes, &x, &[8, x[1], taps, taps]).map(|geometry| (geometry.output, geometry.pads))
        };
        let explicit = Padding::Explicit(vec![0, 0, 1, 1]);
        let halved = |pads: [usize; 4]| Ok((vec![1, 8, 48, 48], pads.to_vec()));
        assert_eq!(shape(&window(2, 1, explicit), [1, 1, 96, 96], 3), halved([0, 0, 1, 1]));
        assert_eq!(shape(&window(2, 1, Padding::SameUpper), [1, 1, 96, 96], 3), halved([0, 0, 1, 1]));
        assert_eq!(shape(&window(2, 1, Padding::SameLower), [1, 1, 96, 96], 3), halved([1, 1, 0, 0]));
        let same = shape(&window(1, 2, Padding::SameUpper), [1, 1, 5, 5], 3);
        assert_eq!(same, Ok((vec![1, 8, 5, 5], vec![2; 4])));
        assert!(shape(&window(1, 1, Padding::Explicit(vec![])), [1, 1, 2, 5], 3).is_err());
        let huge = Padding::Explicit(vec![usize::MAX; 4]);
        assert_eq!(shape(&window(1, 1, huge), [1, 1, 2, 5], 3).unwrap_err().kind, ProblemKind::SizeOverflow);
        let dilated = window(1, usize::MAX, Padding::Explicit(vec![]));
        assert_eq!(shape(&dilated, [1, 1, 2, 5], 3).unwrap_err().kind, ProblemKind::SizeOverflow);
    }

    #[test]
    fn a_window_has_as_many_axes_as_the_image() {
        let plain = Convolution::default();
        assert_eq!(convolution(&plain, &[2, 3, 9], &[4, 3, 2]).unwrap().output, [2, 4, 8]);
        assert_eq!(convolution(&plain, &[2, 3, 9, 8, 7], &[4, 3, 1, 2, 3]).unwrap().output, [2, 4, 9, 7, 5]);
        let last = Convolution { channels_last: true, ..Convolution::default() };
        assert_eq!(convolution(&last, &[2, 9, 8, 3], &[4, 3, 2, 2]).unwrap().output, [2, 8, 7, 4]);
        for (x, w) in [(&[2, 3, 9][..], &[4, 3, 2, 2][..]), (&[2, 3], &[4, 3]), (&[], &[]), (&[2], &[2])] {
            assert!(convolution(&plain, x, w).is_err(), "{x:?} {w:?}");
        }
        let strides = Convolution { strides: vec![1], ..Convolution::default() };
        let fault = convolution(&strides, &[1, 1, 4, 4], &[1, 1, 2, 2]).unwrap_err();
        assert_eq!(fault.message, "attribute strides has 1 values, expected 2");
    }

    #[test]
    fn pools_have_the_shape_of_their_windows() {
        let pool_of = |padding, ceil_mode, channels_last, x: [usize; 4]| {
            let kernel = Some(vec![3, 2]);
            let window = Convolution { kernel, channels_last, ..window(2, 1, padding) };
            pool(&Pool { window, ceil_mode }, &x).map(|pooled| <[usize; 4]>::try_from(pooled.windows.output).unwrap())
        };
        let none = || Padding::Explicit(vec![]);
        assert_eq!(pool_of(none(), false, false, [2, 5, 8, 7]), Ok([2, 5, 3, 3]));
        assert_eq!(pool_of(none(), true, false, [2, 5, 8, 7]), Ok([2, 5, 4, 4]));
        assert_eq!(pool_of(none(), true, true, [2, 8, 7, 5]), Ok([2, 4, 4, 5]));
        assert_eq!(pool_of(Padding::SameUpper, false, false, [1, 1, 8, 7]), Ok([1, 1, 4, 4]));
        assert!(pool_of(Padding::Explicit(vec![3, 0, 0, 0]), false, false, [1, 1, 8, 7]).is_err());
        assert!(pool_of(none(), false, false, [1, 1, 2, 7]).is_err());
    }

    #[test]
    fn pools_have_any_number_of_axes() {
        let pool_of = |kernel: &[usize], x: &[usize]| {
            let window = Convolution { kernel: Some(kernel.to_vec()), ..Convolution::default() };
            pool(&Pool { window, ceil_mode: false }, x)
        };
        assert_eq!(pool_of(&[3], &[2, 5, 8]).unwrap().windows.output, [2, 5, 6]);
        assert_eq!(pool_of(&[3, 1, 2], &[2, 5, 8, 4, 4]).unwrap().windows.output, [2, 5, 6, 4, 3]);
        assert!(pool_of(&[3], &[2, 5, 8]).unwrap().plane().is_err());
        assert!(pool_of(&[3], &[2, 5, 8, 8]).is_err());
        assert!(pool_of(&[], &[2, 5]).is_err());
    }
}
