//! Element types of tensors.

use core::fmt;

use zeropoint_kernels::args::{Epilogue, Requantize};
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::view::MatMut;

/// An element type.
///
/// ```
/// use zeropoint::{Element, Type};
///
/// assert_eq!(<i8 as Element>::TYPE, Type::I8);
/// assert_eq!((Type::I8.to_string().as_str(), Type::F32.size()), ("i8", 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Type {
    /// Unsigned 8 bits, 0 to 255.
    U8,
    /// Signed 8 bits, -128 to 127.
    I8,
    /// Signed 32 bits.
    I32,
    /// IEEE binary32.
    F32,
}

impl Type {
    /// Bytes of an element.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I32 | Self::F32 => 4,
        }
    }

    /// How the bits are read, if there are eight of them.
    pub(crate) const fn reading(self) -> Option<Reading> {
        match self {
            Self::U8 => Some(Reading::Unsigned),
            Self::I8 => Some(Reading::Signed),
            _ => None,
        }
    }

    /// The reading of an 8-bit type, or the error that names the argument.
    pub(crate) fn int8(self, what: &'static str) -> Result<Reading, crate::Error> {
        self.reading().ok_or(crate::Error::Type { what, expected: "u8 or i8", got: self })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::I32 => "i32",
            Self::F32 => "f32",
        })
    }
}

/// A Rust type that results may have: `u8`, `i8`, `i32`, `f32`.
pub trait Element: Copy + fmt::Debug + PartialEq + bytemuck::Pod + Send + Sync + sealed::Sealed {
    /// The type as a value.
    const TYPE: Type;

    /// The end of a product whose results have this type.
    #[doc(hidden)]
    fn epilogue<'a>(out: MatMut<'a, Self>, ends: Ends<'a>) -> Epilogue<'a>;

    /// Results as bytes, if they are.
    #[doc(hidden)]
    fn bytes(_: MatMut<'_, Self>) -> Option<MatMut<'_, u8>> {
        None
    }

    /// The value, in the same bits for every NaN.
    #[doc(hidden)]
    fn settled(self) -> Self {
        self
    }
}

/// An 8-bit integer: `u8` or `i8`.
pub trait Int8: Element {
    /// How its bits are read.
    #[doc(hidden)]
    const READING: Reading;
}

/// The parameters that an epilogue may need, of the columns at hand.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    pub(crate) row_scales: &'a [f32],
    pub(crate) scales: &'a [f32],
    pub(crate) bias: &'a [f32],
    pub(crate) requantize: Requantize,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for i8 {}
    impl Sealed for i32 {}
    impl Sealed for f32 {}
}

impl Element for u8 {
    const TYPE: Type = Type::U8;
    fn epilogue<'a>(out: MatMut<'a, Self>, ends: Ends<'a>) -> Epilogue<'a> {
        Epilogue::Bytes { multipliers: ends.scales, requantize: ends.requantize, out }
    }
    fn bytes(out: MatMut<'_, Self>) -> Option<MatMut<'_, u8>> {
        Some(out)
    }
}

impl Element for i8 {
    const TYPE: Type = Type::I8;
    fn epilogue<'a>(out: MatMut<'a, Self>, ends: Ends<'a>) -> Epilogue<'a> {
        u8::epilogue(out.bytes(), ends)
    }
    fn bytes(out: MatMut<'_, Self>) -> Option<MatMut<'_, u8>> {
        Some(out.bytes())
    }
}

impl Element for i32 {
    const TYPE: Type = Type::I32;
    fn epilogue<'a>(out: MatMut<'a, Self>, _: Ends<'a>) -> Epilogue<'a> {
        Epilogue::I32 { out }
    }
}

impl Element for f32 {
    const TYPE: Type = Type::F32;
    fn settled(self) -> Self {
        if self.is_nan() { Self::NAN } else { self }
    }
    fn epilogue<'a>(out: MatMut<'a, Self>, ends: Ends<'a>) -> Epilogue<'a> {
        let Ends { row_scales: rows, scales, bias, .. } = ends;
        if rows.is_empty() {
            Epilogue::F32 { scales, bias, out }
        } else {
            Epilogue::F32Rows { rows, scales, bias, out }
        }
    }
}

impl Int8 for u8 {
    const READING: Reading = Reading::Unsigned;
}

impl Int8 for i8 {
    const READING: Reading = Reading::Signed;
}
