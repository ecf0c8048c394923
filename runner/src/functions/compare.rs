//! Comparisons of two elements: none is true of a NaN.

use super::arithmetic::Ordered;
use super::arrange::zip;
use super::binary::Pairs;
use crate::graph::function::Comparison;

impl Comparison {
    pub(crate) fn of<T: Ordered>(self) -> Pairs<T, T, u8> {
        match self {
            Self::Equal => |a, b, y| zip(a, b, y, |a, b| u8::from(a == b)),
            Self::Greater => |a, b, y| zip(a, b, y, |a, b| u8::from(a > b)),
            Self::GreaterOrEqual => |a, b, y| zip(a, b, y, |a, b| u8::from(a >= b)),
            Self::Less => |a, b, y| zip(a, b, y, |a, b| u8::from(a < b)),
            Self::LessOrEqual => |a, b, y| zip(a, b, y, |a, b| u8::from(a <= b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let ask = |comparison: Comparison| {
            let mut y = [9; 5];
            let (a, b) = ([1.0, 2.0, 2.0, f32::NAN, -0.0], [2.0, 1.0, 2.0, f32::NAN, 0.0]);
            comparison.of::<f32>()(&a, &b, &mut y);
            y
        };
        assert_eq!(ask(Comparison::Equal), [0, 0, 1, 0, 1]);
        assert_eq!(ask(Comparison::Greater), [0, 1, 0, 0, 0]);
        assert_eq!(ask(Comparison::GreaterOrEqual), [0, 1, 1, 0, 1]);
        assert_eq!(ask(Comparison::Less), [1, 0, 0, 0, 0]);
        assert_eq!(ask(Comparison::LessOrEqual), [1, 0, 1, 0, 1]);
    }
}
