//! Which elements of an image the taps of windows meet.

use crate::error::Fault;
use crate::passes::Geometry;

/// Windows along one axis: window `w` meets by tap `t` the position `w * stride + t * dilation - before` of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) image: usize,
    pub(super) windows: usize,
    pub(super) taps: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) before: usize,
}

impl Axis {
    /// An axis of one element.
    const ONE: Self = Self { image: 1, windows: 1, taps: 1, stride: 1, dilation: 1, before: 0 };

    /// Whether each window is the element of its index.
    fn is_plain(&self) -> bool {
        let Self { image, windows, taps, stride, before, .. } = *self;
        (taps, stride, before) == (1, 1, 0) && image == windows
    }

    /// The position that a window meets by a tap, if it is one of the image.
    pub(super) fn position(&self, window: usize, tap: usize) -> Option<usize> {
        (window * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&at| at < self.image)
    }

    /// The window that meets a position by a tap.
    fn window(&self, position: usize, tap: usize) -> Option<usize> {
        let at = (position + self.before).checked_sub(tap * self.dilation)?;
        Some(at / self.stride).filter(|&window| at.is_multiple_of(self.stride) && window < self.windows)
    }

    /// The windows that meet the image by a tap.
    fn line(&self, tap: usize) -> Line {
        let reach = tap * self.dilation;
        let first = self.before.saturating_sub(reach).div_ceil(self.stride);
        let end = match (self.image + self.before).checked_sub(reach) {
            Some(room) => room.div_ceil(self.stride).min(self.windows),
            None => 0,
        };
        let count = end.saturating_sub(first);
        Line { window: first, position: (first * self.stride + reach).saturating_sub(self.before), count }
    }

    /// How many taps of a window meet the first `size` of its positions, padding before the image included.
    pub(super) fn met(&self, window: usize, size: usize) -> usize {
        let begin = window * self.stride;
        size.saturating_sub(begin).div_ceil(self.dilation).min(self.taps)
    }

    /// How many taps of a window meet the image.
    pub(super) fn within(&self, window: usize) -> usize {
        self.met(window, self.before + self.image) - self.met(window, self.before)
    }
}

/// Windows one after another, and the positions that they meet by a tap, a stride apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    window: usize,
    position: usize,
    count: usize,
}

/// The most taps of a window, as many as the library's pools have. A file may claim any number without a byte for each.
const MOST: usize = 1 << 23;

/// Windows over an image: planes, rows and columns, whichever there are.
pub(super) struct Windows {
    pub(super) axes: [Axis; 3],
    /// Of each tap along the last axis.
    lines: Vec<Line>,
    /// The windows make the image, and not the image the windows.
    transposed: bool,
}

impl Windows {
    /// The windows of a convolution; over the output where it is a transposed one.
    pub(super) fn new(geometry: &Geometry, transposed: bool) -> Result<Self, Fault> {
        let Geometry { from, to, taps, strides, dilations, pads, .. } = geometry;
        let (image, windows) = if transposed { (to, from) } else { (from, to) };
        let mut axes = [Axis::ONE; 3];
        let Some(unused) = axes.len().checked_sub(image.len()) else {
            return Err(Fault::unsupported(format!("windows over {} spatial axes, expected 1 to 3", image.len())));
        };
        for (axis, found) in axes[unused..].iter_mut().enumerate() {
            *found = Axis {
                image: image[axis],
                windows: windows[axis],
                taps: taps[axis],
                stride: strides[axis],
                dilation: dilations[axis],
                before: pads[axis],
            };
        }
        Ok(Self { axes, lines: Vec::new(), transposed })
    }

    /// With axes that are the same in image and windows taken together, for longer rows.
    pub(super) fn merged(mut self) -> Self {
        for axis in [1, 0] {
            let (outer, last) = (self.axes[axis], self.axes[2]);
            if outer.is_plain() && last.is_plain() && (axis == 1 || self.axes[1] == Axis::ONE) {
                // No more than the elements of a tensor.
                let size = outer.image.saturating_mul(last.image);
                self.axes[2] = Axis { image: size, windows: size, ..last };
                self.axes[axis] = Axis::ONE;
            }
        }
        self
    }

    /// Ready to run. Of windows that make nothing, the taps are not looked at: there may be any number.
    pub(super) fn ready(mut self, elements: usize) -> Result<Self, Fault> {
        if elements > 0 {
            if self.taps() > MOST {
                let taps = self.taps();
                return Err(Fault::too_large(format!("windows of {taps} taps, expected at most {MOST}")));
            }
            self.lines = (0..self.axes[2].taps).map(|tap| self.axes[2].line(tap)).collect();
        }
        Ok(self)
    }

    /// Taps of a window.
    pub(super) fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.taps).fold(1, usize::saturating_mul)
    }

    /// Sizes of the input and of the output, as the windows' role is.
    fn sizes(&self) -> [[usize; 3]; 2] {
        let (image, windows) = (self.axes.map(|axis| axis.image), self.axes.map(|axis| axis.windows));
        if self.transposed { [windows, image] } else { [image, windows] }
    }

    /// Elements of the input and of the output, of one channel.
    pub(super) fn planes(&self) -> [usize; 2] {
        self.sizes().map(|sizes| sizes.into_iter().fold(1, usize::saturating_mul))
    }

    /// Elements of a row of the output.
    pub(super) fn row(&self) -> usize {
        self.sizes()[1][2]
    }

    /// Calls `body` with each tap that meets a row of the output, from the first to the last, with its index and what it
    /// meets.
    #[inline(always)]
    pub(super) fn each_tap(&self, row: usize, mut body: impl FnMut(usize, Meeting)) {
        let [[_, rows, columns], [_, out_rows, _]] = self.sizes();
        let [plane_axis, row_axis, last] = &self.axes;
        let place = [row / out_rows, row % out_rows];
        let meets = |axis: &Axis, at: usize, tap: usize| match self.transposed {
            true => axis.window(at, tap),
            false => axis.position(at, tap),
        };
        let (to_step, from_step) = if self.transposed { (last.stride, 1) } else { (1, last.stride) };
        for down in 0..plane_axis.taps {
            let Some(plane) = meets(plane_axis, place[0], down) else { continue };
            for across in 0..row_axis.taps {
                let Some(at) = meets(row_axis, place[1], across) else { continue };
                let (tap, row) = ((down * row_axis.taps + across) * last.taps, (plane * rows + at) * columns);
                for (along, line) in self.lines.iter().enumerate().filter(|(_, line)| line.count > 0) {
                    let (to, from) = match self.transposed {
                        true => (line.position, line.window),
                        false => (line.window, line.position),
                    };
                    body(tap + along, Meeting { to, to_step, from: row + from, from_step, count: line.count });
                }
            }
        }
    }
}

/// Elements of a row of the output, and those of the input that a tap brings to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meeting {
    pub(super) to: usize,
    pub(super) to_step: usize,
    pub(super) from: usize,
    pub(super) from_step: usize,
    pub(super) count: usize,
}

impl Meeting {
    /// Calls `body` with each pair.
    #[inline(always)]
    pub(super) fn each<T: Copy>(&self, y: &mut [T], x: &[T], mut body: impl FnMut(&mut T, T)) {
        let (x, y) = (&x[self.from..], &mut y[self.to..]);
        match (self.from_step, self.to_step) {
            (1, 1) => {
                for (y, &x) in y[..self.count].iter_mut().zip(&x[..self.count]) {
                    body(y, x);
                }
            }
            (from, to) => {
                let pairs = y.iter_mut().step_by(to).zip(x.iter().step_by(from));
                pairs.take(self.count).for_each(|(y, &x)| body(y, x));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> impl Iterator<Item = Axis> {
        let sizes =
            [(5, 3, 1, 1, 1), (5, 3, 2, 1, 1), (4, 2, 3, 2, 0), (1, 4, 1, 1, 3), (6, 2, 1, 5, 4), (3, 1, 2, 1, 0)];
        sizes.into_iter().map(|(image, taps, stride, dilation, before)| {
            let windows = usize::saturating_sub(image + 2 * before, (taps - 1) * dilation + 1) / stride + 1;
            Axis { image, windows, taps, stride, dilation, before }
        })
    }

    #[test]
    fn lines_and_counts_are_the_definition() {
        for axis in axes() {
            for tap in 0..axis.taps {
                let pairs = (0..axis.windows).filter_map(|window| Some((window, axis.position(window, tap)?)));
                let line = axis.line(tap);
                let of_line = (0..line.count).map(|at| (line.window + at, line.position + at * axis.stride));
                assert_eq!(of_line.collect::<Vec<_>>(), pairs.clone().collect::<Vec<_>>(), "{axis:?} {tap}");
                for (window, position) in pairs {
                    assert_eq!(axis.window(position, tap), Some(window));
                }
            }
            for window in 0..axis.windows {
                let met = (0..axis.taps).filter(|&tap| axis.position(window, tap).is_some()).count();
                assert_eq!(axis.within(window), met, "{axis:?} {window}");
                let padded = axis.before + axis.image + 1;
                let met = (0..axis.taps).filter(|tap| window * axis.stride + tap * axis.dilation < padded).count();
                assert_eq!(axis.met(window, padded), met, "{axis:?} {window}");
            }
        }
    }

    #[test]
    fn plain_axes_become_one() {
        let plain = |size| Axis { image: size, windows: size, ..Axis::ONE };
        let merged = |axes| Windows { axes, lines: Vec::new(), transposed: false }.merged().axes;
        assert_eq!(merged([plain(2), plain(3), plain(4)]), [Axis::ONE, Axis::ONE, plain(24)]);
        let wide = Axis { taps: 3, before: 1, ..plain(3) };
        assert_eq!(merged([plain(2), wide, plain(4)]), [plain(2), wide, plain(4)]);
        assert_eq!(merged([wide, plain(3), plain(4)]), [wide, Axis::ONE, plain(12)]);
        assert_eq!(merged([plain(2), plain(3), wide]), [plain(2), plain(3), wide]);
    }
}
