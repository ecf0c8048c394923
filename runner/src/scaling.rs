//! Where the elements of a tensor of another size lie in one: coordinates, the nearest element, and weights of those
//! around. Computed in f32, an operation at a time as written: which of two elements is the nearest depends on it.

use crate::graph::op::{Coordinates, Nearest};

/// An axis that changes its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaled {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) scale: f32,
    pub(crate) coordinates: Coordinates,
}

impl Scaled {
    /// Whether the elements stay where they are.
    pub(crate) fn is_same(&self) -> bool {
        self.from == self.to && self.scale == 1.0
    }

    fn position(&self, index: usize) -> f32 {
        let half_pixel = || (index as f32 + 0.5) / self.scale - 0.5;
        match self.coordinates {
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners if self.to == 1 => 0.0,
            Coordinates::HalfPixel | Coordinates::PytorchHalfPixel => half_pixel(),
            Coordinates::AlignCorners => index as f32 * (self.from - 1) as f32 / (self.to - 1) as f32,
            Coordinates::Asymmetric => index as f32 / self.scale,
        }
    }

    /// The last element, as a coordinate.
    fn last(&self) -> f32 {
        self.from.saturating_sub(1) as f32
    }

    /// The element at a coordinate that is a whole number; outside, the outermost.
    fn element(&self, at: f32) -> usize {
        // The last coordinate may have been rounded up.
        (at.clamp(0.0, self.last()) as usize).min(self.from.saturating_sub(1))
    }

    /// The element that is the nearest to an element of the result.
    pub(crate) fn nearest(&self, nearest: Nearest, index: usize) -> usize {
        let at = self.position(index);
        let (below, beyond) = (at.floor(), at - at.floor());
        let up = match nearest {
            Nearest::RoundPreferFloor => beyond > 0.5,
            Nearest::RoundPreferCeil => beyond >= 0.5,
            Nearest::Floor => false,
            Nearest::Ceil => beyond > 0.0,
            Nearest::FloorOrCeil => self.scale < 1.0 && beyond > 0.0,
        };
        self.element(if up { below + 1.0 } else { below })
    }

    /// The coordinate of an element of the result; outside, the outermost element's.
    fn within(&self, index: usize) -> f32 {
        self.position(index).clamp(0.0, self.last())
    }

    /// The two elements around an element of the result, and their weights.
    pub(crate) fn linear(&self, index: usize) -> [(usize, f32); 2] {
        let at = self.within(index);
        let beyond = at - at.floor();
        [(self.element(at.floor()), 1.0 - beyond), (self.element(at.floor() + 1.0), beyond)]
    }

    /// As [`Scaled::linear`], with two halves where both are the same element.
    pub(crate) fn halved(&self, index: usize) -> [(usize, f32); 2] {
        // Coordinates of an axis that stays are whole numbers, which a quotient might miss.
        let plain =
            if self.is_same() { [(index, 1.0), ((index + 1).min(self.from - 1), 0.0)] } else { self.linear(index) };
        let [(first, _), (second, _)] = plain;
        if first == second { plain.map(|(at, _)| (at, 0.5)) } else { plain }
    }

    /// As [`Scaled::halved`], with the coordinate as a whole number of 1/1024, towards 0, and weights in that unit.
    pub(crate) fn halved_1024(&self, index: usize) -> [(usize, i32); 2] {
        let [(first, _), (second, _)] = self.halved(index);
        if first == second {
            return [(first, 512), (second, 512)];
        }
        let at = if self.is_same() { index as f32 } else { self.within(index) };
        let beyond = (((at - first as f32) * 1024.0) as i32).clamp(0, 1024);
        [(first, 1024 - beyond), (second, beyond)]
    }

    /// The four elements around an element of the result, and their weights.
    pub(crate) fn cubic(&self, coefficient: f32, exclude_outside: bool, index: usize) -> [(usize, f32); 4] {
        let at = self.position(index);
        let (below, s) = (at.floor(), at - at.floor());
        let a = coefficient;
        let near = |s: f32| ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0;
        let far = |s: f32| ((a * s - 5.0 * a) * s + 8.0 * a) * s - 4.0 * a;
        let weights = [far(s + 1.0), near(s), near(1.0 - s), far(1.0 - s + 1.0)];
        let mut taps = [0.0, 1.0, 2.0, 3.0].map(|tap| below - 1.0 + tap);
        let outside = taps.map(|at| exclude_outside && !(0.0..=self.last()).contains(&at));
        let mut found = [(0, 0.0); 4];
        for (tap, found) in found.iter_mut().enumerate() {
            *found = (self.element(taps[tap]), if outside[tap] { 0.0 } else { weights[tap] });
        }
        taps = found.map(|(_, weight)| weight);
        if outside.contains(&true) {
            let sum = ((taps[0] + taps[1]) + taps[2]) + taps[3];
            found.iter_mut().for_each(|(_, weight)| *weight /= sum);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: usize, to: usize, coordinates: Coordinates) -> Scaled {
        Scaled { from, to, scale: to as f32 / from as f32, coordinates }
    }

    fn nearest(axis: Scaled, nearest: Nearest) -> Vec<usize> {
        (0..axis.to).map(|index| axis.nearest(nearest, index)).collect()
    }

    #[test]
    fn the_nearest_by_each_rule() {
        // Positions -1/4, 1/4, 3/4, ...
        let twice = axis(2, 4, Coordinates::HalfPixel);
        assert_eq!(nearest(twice, Nearest::RoundPreferFloor), [0, 0, 1, 1]);
        assert_eq!(nearest(twice, Nearest::Floor), [0, 0, 0, 1]);
        assert_eq!(nearest(twice, Nearest::Ceil), [0, 1, 1, 1]);
        // Positions 1/2 and 5/2.
        let half = axis(4, 2, Coordinates::HalfPixel);
        assert_eq!(nearest(half, Nearest::RoundPreferFloor), [0, 2]);
        assert_eq!(nearest(half, Nearest::RoundPreferCeil), [1, 3]);
        // Positions 0, 4/3, 8/3 and 0, 1/2, 1, ...
        assert_eq!(nearest(axis(4, 3, Coordinates::Asymmetric), Nearest::FloorOrCeil), [0, 2, 3]);
        assert_eq!(nearest(axis(2, 4, Coordinates::Asymmetric), Nearest::FloorOrCeil), [0, 0, 1, 1]);
        // Positions 0, 3/2 and 3.
        assert_eq!(nearest(axis(4, 3, Coordinates::AlignCorners), Nearest::RoundPreferFloor), [0, 1, 3]);
        assert_eq!(nearest(axis(5, 1, Coordinates::PytorchHalfPixel), Nearest::Ceil), [0]);
        assert_eq!(nearest(axis(5, 1, Coordinates::HalfPixel), Nearest::Ceil), [2]);
    }

    #[test]
    fn weights_along_lines_and_by_polynomials() {
        let twice = axis(2, 4, Coordinates::HalfPixel);
        let expected = [[(0, 1.0), (1, 0.0)], [(0, 0.75), (1, 0.25)], [(0, 0.25), (1, 0.75)], [(1, 1.0), (1, 0.0)]];
        assert_eq!([0, 1, 2, 3].map(|index| twice.linear(index)), expected);

        // With a = -1/2 and s = 1/4: -0.0703125, 0.8671875, 0.2265625, -0.0234375, all of them exact.
        let twice = axis(4, 8, Coordinates::HalfPixel);
        let weights = [-0.0703125, 0.8671875, 0.2265625, -0.0234375];
        assert_eq!(twice.cubic(-0.5, false, 3).map(|(_, weight)| weight), weights);
        assert_eq!(twice.cubic(-0.5, false, 3).map(|(at, _)| at), [0, 1, 2, 3]);
        assert_eq!(twice.cubic(-0.5, false, 1).map(|(at, _)| at), [0, 0, 1, 2]);
        let rest = ((0.0 + weights[1]) + weights[2]) + weights[3];
        let expected = [0.0, weights[1] / rest, weights[2] / rest, weights[3] / rest];
        assert_eq!(twice.cubic(-0.5, true, 1).map(|(_, weight)| weight), expected);
    }
}
