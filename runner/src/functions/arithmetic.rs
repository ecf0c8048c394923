//! What the functions ask of elements.

use crate::graph::{Data, Element};

/// Elements that are less or greater than others.
pub(crate) trait Ordered: Element + PartialOrd {
    /// Nothing is less.
    const LEAST: Self;
    /// Nothing is greater.
    const GREATEST: Self;

    fn is_nan(self) -> bool;

    /// As the elements of a constant.
    fn data(values: Vec<Self>) -> Data;

    /// The greater one; the first of equal ones, as 0 and -0 are.
    fn max(self, other: Self) -> Self {
        if self >= other || self.is_nan() { self } else { other }
    }

    /// The lesser one, likewise.
    fn min(self, other: Self) -> Self {
        if self <= other || self.is_nan() { self } else { other }
    }
}

/// Numbers to calculate with.
pub(crate) trait Arithmetic: Ordered {
    const ZERO: Self;
    const ONE: Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Of integers, without what is behind the point; 0 where the divisor is 0.
    fn div(self, other: Self) -> Self;
    /// What a division leaves, with the sign of `self`; 0 where the divisor is the integer 0.
    fn rem(self, other: Self) -> Self;
    fn pow(self, exponent: Self) -> Self;
    fn abs(self) -> Self;
    /// Of integers, without what is behind the point; 0 of those below 0.
    fn sqrt(self) -> Self;
    /// A number of elements.
    fn count(elements: usize) -> Self;
}

macro_rules! ordered_integer {
    ($($type_:ty, $variant:ident;)*) => {$(
        impl Ordered for $type_ {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;

            fn is_nan(self) -> bool {
                false
            }

            fn data(values: Vec<Self>) -> Data {
                Data::$variant(values)
            }
        }
    )*};
}
ordered_integer! { u8, U8; i8, I8; u16, U16; i16, I16; i32, I32; i64, I64; }

impl Ordered for f32 {
    const LEAST: Self = Self::NEG_INFINITY;
    const GREATEST: Self = Self::INFINITY;

    fn is_nan(self) -> bool {
        self.is_nan()
    }

    fn data(values: Vec<Self>) -> Data {
        Data::F32(values)
    }
}

macro_rules! arithmetic_integer {
    ($($type_:ty)*) => {$(
        impl Arithmetic for $type_ {
            const ZERO: Self = 0;
            const ONE: Self = 1;

            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            fn div(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }

            fn rem(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }

            fn pow(self, exponent: Self) -> Self {
                if exponent < 0 {
                    // 1 / x^n, of which there is nothing before the point but for these.
                    return match self {
                        1 => 1,
                        -1 if exponent % 2 == 0 => 1,
                        -1 => -1,
                        _ => 0,
                    };
                }
                let (mut power, mut square, mut rest) = (1 as Self, self, exponent);
                while rest > 0 {
                    if rest & 1 == 1 {
                        power = power.wrapping_mul(square);
                    }
                    square = square.wrapping_mul(square);
                    rest >>= 1;
                }
                power
            }

            fn abs(self) -> Self {
                self.wrapping_abs()
            }

            fn sqrt(self) -> Self {
                self.checked_isqrt().unwrap_or(0)
            }

            fn count(elements: usize) -> Self {
                Self::try_from(elements).unwrap_or(Self::MAX)
            }
        }
    )*};
}
arithmetic_integer! { i32 i64 }

impl Arithmetic for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn sub(self, other: Self) -> Self {
        self - other
    }

    fn mul(self, other: Self) -> Self {
        self * other
    }

    fn div(self, other: Self) -> Self {
        self / other
    }

    fn rem(self, other: Self) -> Self {
        self % other
    }

    fn pow(self, exponent: Self) -> Self {
        // Squares and cubes, which networks write as powers, are products to the runtimes that networks are compared with.
        if exponent == 2.0 {
            self * self
        } else if exponent == 3.0 {
            self * self * self
        } else {
            libm::powf(self, exponent)
        }
    }

    fn abs(self) -> Self {
        self.abs()
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn count(elements: usize) -> Self {
        elements as Self
    }
}

/// Runs an expression with the Rust type of a tensor type of numbers to calculate with.
macro_rules! arithmetic {
    ($type_:expr, $name:ident => $body:expr) => {
        $crate::functions::arithmetic!(
            $type_, $name => $body, "float32, int32 or int64", F32 f32, I32 i32, I64 i64
        )
    };
    ($type_:expr, $name:ident => $body:expr, $expected:literal, $($variant:ident $rust:ty),*) => {
        match $type_ {
            $($crate::graph::Type::$variant => {
                type $name = $rust;
                $body
            })*
            other => {
                return Err($crate::error::Fault::unsupported(format!("elements of {other}, expected {}", $expected)));
            }
        }
    };
}
pub(crate) use arithmetic;

/// Runs an expression with the Rust type of a tensor type whose values have an order.
macro_rules! ordered {
    ($type_:expr, $name:ident => $body:expr) => {
        $crate::functions::arithmetic!(
            $type_, $name => $body, "float32, int32, int64, uint8, int8, uint16, int16 or bool",
            F32 f32, I32 i32, I64 i64, U8 u8, I8 i8, U16 u16, I16 i16, Bool u8
        )
    };
}
pub(crate) use ordered;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_and_never_panic() {
        assert_eq!(Arithmetic::div(-7, 2), -3);
        assert_eq!(Arithmetic::div(7, 0), 0);
        assert_eq!(Arithmetic::div(i64::MIN, -1), i64::MIN);
        assert_eq!(Arithmetic::add(i32::MAX, 1), i32::MIN);
        assert_eq!(Arithmetic::abs(i32::MIN), i32::MIN);
        assert_eq!(Arithmetic::sqrt(17), 4);
        assert_eq!(Arithmetic::sqrt(-17), 0);
    }

    #[test]
    fn integer_powers() {
        for (base, exponent, power) in [
            (3, 4, 81),
            (-2, 3, -8),
            (7, 0, 1),
            (0, 0, 1),
            (5, -1, 0),
            (1, -9, 1),
            (-1, -3, -1),
            (-1, -4, 1),
            (0, -2, 0),
        ] {
            assert_eq!(Arithmetic::pow(base, exponent), power, "{base}^{exponent}");
        }
        // 3^41 modulo 2^64, and an exponent that a loop of multiplications would not end with.
        assert_eq!(Arithmetic::pow(3i64, 41), 36_472_996_377_170_786_403u128 as i64);
        assert_eq!(Arithmetic::pow(-1i64, i64::MAX), -1);
    }

    #[test]
    fn nan_is_neither_lost_nor_made() {
        for (a, b) in [(f32::NAN, 1.0), (1.0, f32::NAN)] {
            assert!(Ordered::is_nan(Ordered::max(a, b)) && Ordered::is_nan(Ordered::min(a, b)));
        }
        assert_eq!(Ordered::max(-1.0f32, f32::INFINITY), f32::INFINITY);
        assert_eq!(Ordered::min(3, 3), 3);
        assert!(Ordered::max(-0.0f32, 0.0).is_sign_negative());
        assert!(Ordered::min(0.0f32, -0.0).is_sign_positive());
    }
}
