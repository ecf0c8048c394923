//! Conversions between element types, as `Cast` defines them: integers that do not fit keep their low bits, floats lose
//! what is behind the point; what is not 0 is true. What ONNX leaves undefined saturates; NaN becomes 0.

use half::{bf16, f16};

use crate::graph::{Element, Type};

/// An element as a number.
pub(crate) trait Number: Element {
    /// The value, if the type has no others than integers.
    fn integer(self) -> Option<i64>;
    /// The value; of an integer of 64 bits the nearest.
    fn real(self) -> f64;
    /// The low bits of an integer, or the nearest float.
    fn from_integer(value: i64) -> Self;
    /// The integer towards zero, or the nearest float.
    fn from_real(value: f64) -> Self;
}

macro_rules! integer {
    ($($type_:ty)*) => {$(
        impl Number for $type_ {
            fn integer(self) -> Option<i64> {
                Some(self.into())
            }
            fn real(self) -> f64 {
                self as f64
            }
            fn from_integer(value: i64) -> Self {
                value as Self
            }
            fn from_real(value: f64) -> Self {
                value as Self
            }
        }
    )*};
}
integer! { u8 i8 u16 i16 i32 i64 }

impl Number for f32 {
    fn integer(self) -> Option<i64> {
        None
    }
    fn real(self) -> f64 {
        self.into()
    }
    fn from_integer(value: i64) -> Self {
        value as Self
    }
    fn from_real(value: f64) -> Self {
        value as Self
    }
}

macro_rules! half {
    ($($type_:ty)*) => {$(
        impl Number for $type_ {
            fn integer(self) -> Option<i64> {
                None
            }
            fn real(self) -> f64 {
                self.to_f64()
            }
            fn from_integer(value: i64) -> Self {
                Self::from_f64(value as f64)
            }
            fn from_real(value: f64) -> Self {
                Self::from_f64(value)
            }
        }
    )*};
}
half! { f16 bf16 }

/// Converts each element to the type `to`, whose elements `y` are.
pub(crate) fn convert<X: Number, Y: Number>(x: &[X], to: Type, y: &mut [Y]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = match (x.integer(), to) {
            (Some(value), Type::Bool) => Y::from_integer((value != 0).into()),
            (None, Type::Bool) => Y::from_integer((x.real() != 0.0).into()),
            (Some(value), Type::U4) => Y::from_integer(value & 15),
            (Some(value), Type::I4) => Y::from_integer(value << 60 >> 60),
            (Some(value), _) => Y::from_integer(value),
            (None, Type::U4) => Y::from_real(x.real().clamp(0.0, 15.0)),
            (None, Type::I4) => Y::from_real(x.real().clamp(-8.0, 7.0)),
            (None, _) => Y::from_real(x.real()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<X: Number, Y: Number + Default>(x: X, to: Type) -> Y {
        let mut y = [Y::default()];
        convert(&[x], to, &mut y);
        y[0]
    }

    #[test]
    fn integers_keep_their_low_bits() {
        assert_eq!(one::<i32, u8>(-1, Type::U8), 255);
        assert_eq!(one::<i64, i8>(200, Type::I8), -56);
        assert_eq!(one::<i8, u8>(-1, Type::U4), 15);
        assert_eq!(one::<u8, i8>(0x1c, Type::I4), -4);
        assert_eq!(one::<i32, f32>(16_777_217, Type::F32), 16_777_216.0);
    }

    #[test]
    fn floats_lose_what_is_behind_the_point() {
        assert_eq!(one::<f32, i32>(-2.7, Type::I32), -2);
        assert_eq!(one::<f32, u8>(1e9, Type::U8), 255);
        assert_eq!(one::<f32, i8>(-9.5, Type::I4), -8);
        assert_eq!(one::<f32, i64>(f32::NAN, Type::I64), 0);
        assert_eq!([0.0, -0.5].map(|x| one::<f32, u8>(x, Type::Bool)), [0, 1]);
        assert_eq!([0, 256].map(|x| one::<i32, u8>(x, Type::Bool)), [0, 1]);
        assert_eq!(one::<f32, f16>(1.0 + 1.0 / 2048.0, Type::F16), f16::ONE);
        assert_eq!(one::<bf16, f32>(bf16::from_f32(0.5), Type::F32), 0.5);
    }
}
