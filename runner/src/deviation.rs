//! How far a tensor is from another of the same type and shape: how many elements differ, by how much, and where first.

use std::fmt;

use crate::convert::Number;
use crate::exec::TensorRef;
use crate::graph::shape;

/// How far an element may be from what it should be. An element that is no number equals one that is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// Steps of an integer, or the distance of a float.
    pub absolute: f64,
    /// The part of what is expected that is granted besides.
    pub relative: f64,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// Elements that differ by more than the tolerance.
    pub differing: usize,
    /// All elements.
    pub elements: usize,
    /// The greatest distance of an element; infinite where a number stands against none.
    pub greatest: f64,
    /// The first element that differs by more than the tolerance.
    pub first: Option<First>,
}

/// An element that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct First {
    /// Its index along each axis.
    pub index: Vec<usize>,
    /// What came.
    pub got: String,
    /// What was expected.
    pub want: String,
}

impl Deviation {
    /// No element differs by more than the tolerance.
    pub fn is_none(&self) -> bool {
        self.differing == 0
    }

    /// Takes in what was found in another pair of the same tensors; the first of all stays the first.
    pub fn add(&mut self, other: Self) {
        self.differing += other.differing;
        self.elements += other.elements;
        self.greatest = self.greatest.max(other.greatest);
        self.first = self.first.take().or(other.first);
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first {
            None if self.greatest > 0.0 => write!(f, "within the tolerance, at most {} apart", Short(self.greatest)),
            None => f.write_str("equal"),
            Some(First { index, got, want }) => write!(
                f,
                "{} of {} differ, by at most {}, first at {index:?}: {got}, expected {want}",
                self.differing,
                self.elements,
                Short(self.greatest)
            ),
        }
    }
}

/// A distance in few digits.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (1e-3..1e15).contains(&self.0) || !self.0.is_finite() { self.0.fmt(f) } else { write!(f, "{:.2e}", self.0) }
    }
}

/// Compares the elements, which are in C order of the shape. Nothing where the types or the numbers of elements differ.
pub fn deviation(got: TensorRef<'_>, want: TensorRef<'_>, shape: &[usize], tolerance: Tolerance) -> Option<Deviation> {
    use TensorRef::{BF16, Bool, F16, F32, I4, I8, I16, I32, I64, U4, U8, U16};
    if got.len() != want.len() {
        return None;
    }
    Some(match (got, want) {
        (Bool(got), Bool(want)) | (U4(got), U4(want)) | (U8(got), U8(want)) => of(got, want, shape, tolerance),
        (I4(got), I4(want)) | (I8(got), I8(want)) => of(got, want, shape, tolerance),
        (U16(got), U16(want)) => of(got, want, shape, tolerance),
        (I16(got), I16(want)) => of(got, want, shape, tolerance),
        (I32(got), I32(want)) => of(got, want, shape, tolerance),
        (I64(got), I64(want)) => of(got, want, shape, tolerance),
        (F16(got), F16(want)) => of(got, want, shape, tolerance),
        (BF16(got), BF16(want)) => of(got, want, shape, tolerance),
        (F32(got), F32(want)) => of(got, want, shape, tolerance),
        _ => return None,
    })
}

fn of<T: Number + fmt::Display>(got: &[T], want: &[T], shape: &[usize], tolerance: Tolerance) -> Deviation {
    let mut deviation = Deviation { differing: 0, elements: got.len(), greatest: 0.0, first: None };
    for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
        if got == want {
            continue;
        }
        let (a, b) = (got.real(), want.real());
        let distance = match (a.is_nan(), b.is_nan()) {
            (true, true) => continue,
            (false, false) => (a - b).abs(),
            _ => f64::INFINITY,
        };
        deviation.greatest = deviation.greatest.max(distance);
        // An infinity would grant an infinite distance.
        let granted = tolerance.absolute + if b.is_finite() { tolerance.relative * b.abs() } else { 0.0 };
        // Integers of 64 bits that are neighbours may be one float: what is not equal is granted by a tolerance only.
        if granted > 0.0 && distance <= granted {
            continue;
        }
        deviation.differing += 1;
        deviation.first.get_or_insert_with(|| First {
            index: shape::position(at, shape),
            got: got.to_string(),
            want: want.to_string(),
        });
    }
    deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(got: &[f32], want: &[f32], absolute: f64, relative: f64) -> Deviation {
        deviation(TensorRef::F32(got), TensorRef::F32(want), &[got.len()], Tolerance { absolute, relative }).unwrap()
    }

    #[test]
    fn what_differs_is_counted_and_placed() {
        let (got, want) = ([1, 2, 3, 4, 5, 6], [1, 2, 3, 9, 5, 5]);
        let found = deviation(TensorRef::U8(&got), TensorRef::U8(&want), &[2, 3], Tolerance::default()).unwrap();
        assert_eq!((found.differing, found.elements, found.greatest), (2, 6, 5.0));
        assert_eq!(found.to_string(), "2 of 6 differ, by at most 5, first at [1, 0]: 4, expected 9");
        let step = Tolerance { absolute: 1.0, relative: 0.0 };
        let found = deviation(TensorRef::U8(&got), TensorRef::U8(&want), &[2, 3], step).unwrap();
        assert_eq!(found.differing, 1);
        assert_eq!(deviation(TensorRef::U8(&got), TensorRef::I4(&[0; 6]), &[6], step), None);
    }

    #[test]
    fn numbers_and_what_is_none() {
        assert!(floats(&[f32::NAN, 0.0], &[f32::NAN, -0.0], 0.0, 0.0).is_none());
        let found = floats(&[f32::NAN, 1.0], &[1.0, 1.0], 9.0, 0.0);
        assert_eq!((found.differing, found.greatest), (1, f64::INFINITY));
        assert_eq!(floats(&[1.0], &[f32::INFINITY], 1.0, 1.0).differing, 1);
        assert_eq!(floats(&[1.0], &[f32::from_bits(0x3f80_0001)], 0.0, 0.0).differing, 1);
        assert_eq!(floats(&[1.5, 3.0], &[1.0, 2.0], 0.0, 0.5).differing, 0);
        assert_eq!(floats(&[1.5, 3.25], &[1.0, 2.0], 0.0, 0.5).differing, 1);
        let far = [i64::MAX, i64::MAX - 1].map(|value| [value]);
        let found = deviation(TensorRef::I64(&far[0]), TensorRef::I64(&far[1]), &[1], Tolerance::default());
        assert_eq!(found.unwrap().differing, 1);
    }

    #[test]
    fn distances_are_short() {
        let near = floats(&[0.0, 1.0], &[0.0, f32::from_bits(0x3f80_0001)], 0.0, 0.0);
        assert_eq!(near.to_string(), "1 of 2 differ, by at most 1.19e-7, first at [1]: 1, expected 1.0000001");
    }

    #[test]
    fn several_pairs_add_up() {
        let mut sum = floats(&[1.0, 2.0], &[1.0, 2.0], 0.0, 0.0);
        assert_eq!(sum.to_string(), "equal");
        sum.add(floats(&[1.0, 2.0], &[1.0, 4.0], 0.0, 0.0));
        sum.add(floats(&[3.0, 2.0], &[1.0, 3.0], 0.0, 0.0));
        assert_eq!(sum.to_string(), "3 of 6 differ, by at most 2, first at [1]: 2, expected 4");
    }
}
