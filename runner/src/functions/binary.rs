//! Functions of two elements.

use super::arithmetic::{Arithmetic, Ordered};
use super::arrange::zip;
use crate::convert::Number;
use crate::graph::function::Binary;

/// A function of each pair of elements; one of a single element stands for as many as are needed.
pub(crate) type Pairs<A, B, Y> = fn(&[A], &[B], &mut [Y]);

impl Binary {
    /// The function of numbers, if it is one.
    pub(crate) fn numbers<T: Arithmetic>(self) -> Option<Pairs<T, T, T>> {
        Some(match self {
            Self::Add => |a, b, y| zip(a, b, y, T::add),
            Self::Sub => |a, b, y| zip(a, b, y, T::sub),
            Self::Mul => |a, b, y| zip(a, b, y, T::mul),
            Self::Div => |a, b, y| zip(a, b, y, T::div),
            Self::Fmod => |a, b, y| zip(a, b, y, T::rem),
            Self::Mod => |a, b, y| zip(a, b, y, modulo),
            Self::Pow => |a, b, y| zip(a, b, y, T::pow),
            Self::PRelu => |a, b, y| zip(a, b, y, |a, b| if a < T::ZERO { a.mul(b) } else { a }),
            Self::Max | Self::Min => return self.extreme(),
            Self::And | Self::Or | Self::Xor => return None,
        })
    }

    /// The function of values that have an order, if it is one.
    pub(crate) fn extreme<T: Ordered>(self) -> Option<Pairs<T, T, T>> {
        match self {
            Self::Max => Some(|a, b, y| zip(a, b, y, T::max)),
            Self::Min => Some(|a, b, y| zip(a, b, y, T::min)),
            _ => None,
        }
    }

    /// The function of conditions, if it is one.
    pub(crate) fn conditions(self) -> Option<Pairs<u8, u8, u8>> {
        match self {
            Self::And => Some(|a, b, y| zip(a, b, y, |a, b| u8::from(a != 0 && b != 0))),
            Self::Or => Some(|a, b, y| zip(a, b, y, |a, b| u8::from(a != 0 || b != 0))),
            Self::Xor => Some(|a, b, y| zip(a, b, y, |a, b| u8::from((a != 0) != (b != 0)))),
            _ => None,
        }
    }
}

/// What a division leaves, with the sign of the divisor.
fn modulo<T: Arithmetic>(a: T, b: T) -> T {
    let rest = a.rem(b);
    if rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO) { rest.add(b) } else { rest }
}

/// Real numbers to powers that are integers: those of the nearest real number.
pub(crate) fn raise<E: Number>(a: &[f32], exponents: &[E], y: &mut [f32]) {
    zip(a, exponents, y, |a, exponent| Arithmetic::pow(a, exponent.real() as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(function: Binary, a: f32, b: f32) -> f32 {
        let mut y = [0.0];
        function.numbers().unwrap()(&[a], &[b], &mut y);
        y[0]
    }

    fn integer(function: Binary, a: i64, b: i64) -> i64 {
        let mut y = [0];
        function.numbers().unwrap()(&[a], &[b], &mut y);
        y[0]
    }

    #[test]
    fn of_numbers() {
        assert_eq!(real(Binary::Sub, 1.5, 4.0), -2.5);
        assert_eq!(real(Binary::Div, 1.0, 0.0), f32::INFINITY);
        assert!(real(Binary::Div, 0.0, 0.0).is_nan());
        assert_eq!(real(Binary::PRelu, -3.0, 0.25), -0.75);
        assert_eq!(real(Binary::PRelu, 3.0, 0.25), 3.0);
        assert!(real(Binary::PRelu, f32::NAN, 0.25).is_nan());
        assert_eq!(integer(Binary::Div, -9, 4), -2);
        assert_eq!(integer(Binary::Mul, 1 << 40, 1 << 40), 0);
        assert_eq!([integer(Binary::Max, -3, 5), integer(Binary::Min, -3, 5)], [5, -3]);
        let signs = [(7, 3), (-7, 3), (7, -3), (-7, -3), (6, -3), (7, 0)];
        assert_eq!(signs.map(|(a, b)| integer(Binary::Mod, a, b)), [1, 2, -2, -1, 0, 0]);
        assert_eq!(signs.map(|(a, b)| integer(Binary::Fmod, a, b)), [1, -1, 1, -1, 0, 0]);
        assert_eq!([integer(Binary::Mod, i64::MIN, -1), integer(Binary::Mod, i64::MIN, i64::MAX)], [0, i64::MAX - 1]);
        assert_eq!([real(Binary::Fmod, -4.3, 2.0), real(Binary::Fmod, 5.0, f32::INFINITY)], [-4.3 + 4.0, 5.0]);
        assert!(real(Binary::Fmod, 1.0, 0.0).is_nan());
        assert!(Binary::And.numbers::<f32>().is_none() && Binary::Add.conditions().is_none());
    }

    #[test]
    fn powers() {
        let x = 1.100_000_1f32;
        assert_eq!(real(Binary::Pow, x, 2.0), x * x);
        assert_eq!(real(Binary::Pow, x, 3.0), x * x * x);
        assert_eq!(real(Binary::Pow, 9.0, 0.5), 3.0);
        assert_eq!(real(Binary::Pow, 2.0, -3.0), 0.125);
        assert_eq!(real(Binary::Pow, -2.0, 5.0), -32.0);
        assert_eq!(real(Binary::Pow, f32::NAN, 0.0), 1.0);
        assert!(real(Binary::Pow, -2.0, 0.5).is_nan());
        let mut y = [0.0; 2];
        raise(&[3.0], &[2i64, -1], &mut y);
        assert_eq!(y, [9.0, 1.0 / 3.0]);
    }

    #[test]
    fn of_conditions() {
        let table = |function: Binary| {
            let mut y = [9; 4];
            function.conditions().unwrap()(&[0, 0, 1, 1], &[0, 1, 0, 1], &mut y);
            y
        };
        assert_eq!(table(Binary::And), [0, 0, 0, 1]);
        assert_eq!(table(Binary::Or), [0, 1, 1, 1]);
        assert_eq!(table(Binary::Xor), [0, 1, 1, 0]);
    }
}
