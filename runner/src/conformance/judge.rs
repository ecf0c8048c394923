//! Whether a tensor is what it should be.

use std::fmt;

use crate::graph::{Constant, shape};

/// How near a tensor has to be to what is expected. Shape and type are always the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judge {
    /// Every element to the bit, but that +0 and −0 are equal.
    Exact,
    /// Integers within so many steps, floats within a distance.
    Steps {
        /// The most steps.
        max: u64,
        /// The distance of floats.
        floats: f64,
    },
    /// Integers exact, floats within `atol + rtol * |expected|`.
    Floats {
        /// The part of what is expected.
        rtol: f64,
        /// The distance that is granted in any case.
        atol: f64,
    },
}

impl Judge {
    /// The distance of floats where no index says another.
    pub const NEAR: f64 = 1e-5;
}

impl Default for Judge {
    fn default() -> Self {
        Self::Floats { rtol: 0.0, atol: Self::NEAR }
    }
}

/// The first thing that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Another type or shape.
    Tensor {
        /// What came.
        got: String,
        /// What was expected.
        want: String,
    },
    /// An element.
    Element {
        /// Its index along each axis.
        index: Vec<usize>,
        /// What came.
        got: String,
        /// What was expected.
        want: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor { got, want } => write!(f, "is {got}, expected {want}"),
            Self::Element { index, got, want } => write!(f, "at {index:?} is {got}, expected {want}"),
        }
    }
}

impl Judge {
    /// The first difference that is not granted.
    pub fn compare(self, got: &Constant, expected: &Constant) -> Option<Difference> {
        if got.type_() != expected.type_() || got.shape() != expected.shape() {
            let describe = |tensor: &Constant| format!("{} {:?}", tensor.type_(), tensor.shape());
            return Some(Difference::Tensor { got: describe(got), want: describe(expected) });
        }
        let (at, got, want) = match (got.integers(), expected.integers(), got.floats(), expected.floats()) {
            (Some(got), Some(want), ..) => first(&got, &want, |got, want| self.grants_integer(got, want))?,
            (.., Some(got), Some(want)) => first(&got, &want, |got, want| self.grants_float(got, want))?,
            _ => return None,
        };
        Some(Difference::Element { index: shape::position(at, expected.shape()), got, want })
    }

    fn grants_integer(self, got: i64, want: i64) -> bool {
        match self {
            Self::Steps { max, .. } => got.abs_diff(want) <= max,
            Self::Exact | Self::Floats { .. } => got == want,
        }
    }

    fn grants_float(self, got: f32, want: f32) -> bool {
        let (rtol, atol) = match self {
            Self::Exact => return got.to_bits() == want.to_bits() || (got == 0.0 && want == 0.0),
            Self::Steps { floats, .. } => (0.0, floats),
            Self::Floats { rtol, atol } => (rtol, atol),
        };
        let (got, want) = (f64::from(got), f64::from(want));
        // Infinities of one sign are equal, and what is no number is so in both.
        got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= atol + rtol * want.abs()
    }
}

/// The first pair that is not granted, and where.
fn first<T: Copy + fmt::Display>(
    got: &[T],
    want: &[T],
    grants: impl Fn(T, T) -> bool,
) -> Option<(usize, String, String)> {
    let at = got.iter().zip(want).position(|(&got, &want)| !grants(got, want))?;
    Some((at, got[at].to_string(), want[at].to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Data;

    fn floats(values: &[f32]) -> Constant {
        Constant::new(vec![values.len()], Data::F32(values.to_vec())).unwrap()
    }

    fn bytes(shape: &[usize], values: &[u8]) -> Constant {
        Constant::new(shape.to_vec(), Data::U8(values.to_vec())).unwrap()
    }

    #[test]
    fn zeros_of_either_sign_are_equal_and_nothing_else_is() {
        let same = |got: f32, want: f32| Judge::Exact.compare(&floats(&[got]), &floats(&[want])).is_none();
        assert!(same(0.0, -0.0) && same(-0.0, 0.0) && same(f32::NAN, f32::NAN) && same(1.5, 1.5));
        assert!(
            !same(1.0, 1.000_000_1) && !same(f32::from_bits(0x7fc0_0001), f32::NAN) && !same(f32::MIN_POSITIVE, 0.0)
        );
    }

    #[test]
    fn tolerances_are_for_what_they_are_named_for() {
        let (got, want) = (bytes(&[2], &[3, 8]), bytes(&[2], &[3, 9]));
        let floats_only = Judge::Floats { rtol: 1.0, atol: 9.0 };
        assert!(floats_only.compare(&got, &want).is_some());
        assert_eq!(Judge::Steps { max: 1, floats: 0.0 }.compare(&got, &want), None);
        assert!(Judge::Steps { max: 0, floats: 9.0 }.compare(&got, &want).is_some());

        let near = Judge::Floats { rtol: 0.5, atol: 0.25 };
        assert_eq!(near.compare(&floats(&[3.25, f32::INFINITY]), &floats(&[2.0, f32::INFINITY])), None);
        assert!(near.compare(&floats(&[3.5]), &floats(&[2.0])).is_some());
        assert!(near.compare(&floats(&[f32::NAN]), &floats(&[2.0])).is_some());
        assert!(near.compare(&floats(&[2.0]), &floats(&[f32::NAN])).is_some());
        assert!(Judge::default().compare(&floats(&[1.0]), &floats(&[1.00002])).is_some());
    }

    #[test]
    fn the_first_difference_has_its_index() {
        let (got, want) = (bytes(&[2, 3], &[0, 1, 2, 3, 9, 9]), bytes(&[2, 3], &[0, 1, 2, 3, 4, 5]));
        let difference = Judge::Exact.compare(&got, &want).unwrap();
        assert_eq!(difference.to_string(), "at [1, 1] is 9, expected 4");
        let difference = Judge::Exact.compare(&bytes(&[6], &[0; 6]), &want).unwrap();
        assert_eq!(difference.to_string(), "is uint8 [6], expected uint8 [2, 3]");
        assert!(Judge::Exact.compare(&floats(&[]), &bytes(&[0], &[])).is_some());
    }
}
