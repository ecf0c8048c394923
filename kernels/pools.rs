//! Pools over windows: their arguments.

use crate::encode::Reading;
use crate::rules::Fixed;
use crate::view::MatMut;

/// The positions under a window, along an axis, that lie inside the image: from `first` on, as far apart as the window's
/// dilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Span {
    /// The positions of a window that begins at `begin`, as counted from the image's edge less `pad`, and has `taps` of
    /// the given dilation, that lie within `size`.
    pub fn of(begin: usize, pad: usize, taps: usize, dilation: usize, size: usize) -> Self {
        // Taps before the image, and those before its end.
        let before = pad.saturating_sub(begin).div_ceil(dilation).min(taps);
        let end = size.saturating_add(pad).saturating_sub(begin).div_ceil(dilation).min(taps);
        let first = begin.saturating_add(before.saturating_mul(dilation)).saturating_sub(pad);
        Self { first, count: end.saturating_sub(before) }
    }
}

/// A row of outputs of a pool over windows. The channels of a pixel stand side by side.
#[derive(Debug)]
pub struct PoolRow<'a> {
    /// The image.
    pub x: &'a [u8],
    /// Bytes from a row of the image to the next, and from a pixel to the next.
    pub strides: [usize; 2],
    /// From a tap to the next, down and across.
    pub dilation: [usize; 2],
    /// Rows under the windows.
    pub rows: Span,
    /// Columns under each window.
    pub columns: &'a [Span],
    /// The outputs: windows by channels, which stand side by side.
    pub y: MatMut<'a, u8>,
}

impl PoolRow<'_> {
    /// Whether there is an output for each window, and everything that is read lies in the image.
    pub(crate) fn fits(&self) -> bool {
        let [windows, channels] = self.y.shape();
        let last = |span: Span, dilation: usize, stride: usize| {
            let last = span.count.checked_sub(1)?.checked_mul(dilation)?.checked_add(span.first)?;
            last.checked_mul(stride)
        };
        let reach = |column: &Span| {
            if self.rows.count == 0 || column.count == 0 {
                return Some(0);
            }
            let row = last(self.rows, self.dilation[0], self.strides[0])?;
            last(*column, self.dilation[1], self.strides[1])?.checked_add(row)?.checked_add(channels)
        };
        windows == self.columns.len()
            && (channels <= 1 || self.y.strides()[1] == 1)
            && self.columns.iter().all(|column| reach(column).is_some_and(|end| end <= self.x.len()))
    }
}

/// How a mean is computed.
#[derive(Clone, Copy, Debug)]
pub enum Mean {
    /// As onnxruntime's QLinearAveragePool: `clip(rne(f32(f32(f32(sum / n) / to) + zero_point)))`, where the sum is that
    /// of `f32((x - zero) * scale)` in the windows' order, every step rounded.
    Real {
        /// Scale of the input.
        scale: f32,
        /// Zero point of the input, in its reading.
        zero: i32,
        /// Scale of the output.
        to: f32,
    },
    /// As TFLite's average pool: the sum divided by `n`, ties away from zero. Input and output have one scale and one
    /// zero point.
    Integer,
    /// As XNNPACK's mean: the sum of `x - zero` requantised with `f32(ratio / n)` as `f32_clip_round` does.
    Ratio {
        /// Zero point of the input, in its reading.
        zero: i32,
        /// Scale of the input by that of the output.
        ratio: f32,
    },
    /// As TFLite's mean: the sum of `x - zero` by a multiplier, divided by `n`, ties away from zero.
    Fixed {
        /// Zero point of the input, in its reading.
        zero: i32,
        /// Scale of the input by that of the output.
        by: Fixed,
    },
}

/// What an average pool makes of its windows.
#[derive(Clone, Copy, Debug)]
pub struct Averages {
    /// How a mean is computed.
    pub mean: Mean,
    /// What sums are divided by; without it, by how many positions lie inside the image. A window without any has the
    /// zero point as its mean.
    pub count: Option<i32>,
    /// Zero point of the output, in its reading.
    pub zero_point: i32,
    /// Least and greatest output, in its reading.
    pub clamp: (i32, i32),
    /// Reading of the input.
    pub reading: Reading,
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_are_the_positions_inside() {
        for (pad, taps, dilation, size) in [(0, 1, 1, 1), (2, 3, 1, 4), (3, 3, 2, 3), (1, 4, 3, 2), (5, 2, 1, 2)] {
            for begin in 0..12 {
                let inside = (0..taps)
                    .filter_map(|tap| usize::checked_sub(begin + tap * dilation, pad))
                    .filter(|&at| at < size)
                    .collect::<alloc::vec::Vec<_>>();
                let span = Span::of(begin, pad, taps, dilation, size);
                assert_eq!(span.count, inside.len());
                if let Some(&first) = inside.first() {
                    assert_eq!(span.first, first);
                }
            }
        }
    }
}
