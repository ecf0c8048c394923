//! Values that are the same for every run.

use half::{bf16, f16};

use super::{Type, shape};
use crate::error::Fault;

/// The elements of a constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Conditions: 0 or 1.
    Bool(Vec<u8>),
    /// Unsigned 4 bits, a value a byte.
    U4(Vec<u8>),
    /// Signed 4 bits, a value a byte.
    I4(Vec<i8>),
    /// Unsigned 8 bits.
    U8(Vec<u8>),
    /// Signed 8 bits.
    I8(Vec<i8>),
    /// Unsigned 16 bits.
    U16(Vec<u16>),
    /// Signed 16 bits.
    I16(Vec<i16>),
    /// Signed 32 bits.
    I32(Vec<i32>),
    /// Signed 64 bits.
    I64(Vec<i64>),
    /// binary16.
    F16(Vec<f16>),
    /// The upper half of a binary32.
    BF16(Vec<bf16>),
    /// binary32.
    F32(Vec<f32>),
}

/// Runs an expression with the vector of whichever type it is.
macro_rules! each_type {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::graph::Data::Bool($values) => $body,
            $crate::graph::Data::U4($values) => $body,
            $crate::graph::Data::I4($values) => $body,
            $crate::graph::Data::U8($values) => $body,
            $crate::graph::Data::I8($values) => $body,
            $crate::graph::Data::U16($values) => $body,
            $crate::graph::Data::I16($values) => $body,
            $crate::graph::Data::I32($values) => $body,
            $crate::graph::Data::I64($values) => $body,
            $crate::graph::Data::F16($values) => $body,
            $crate::graph::Data::BF16($values) => $body,
            $crate::graph::Data::F32($values) => $body,
        }
    };
}
pub(crate) use each_type;

/// Runs an expression that gives a vector, and wraps the vector in the type it came from.
macro_rules! map_type {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::graph::Data::Bool($values) => $crate::graph::Data::Bool($body),
            $crate::graph::Data::U4($values) => $crate::graph::Data::U4($body),
            $crate::graph::Data::I4($values) => $crate::graph::Data::I4($body),
            $crate::graph::Data::U8($values) => $crate::graph::Data::U8($body),
            $crate::graph::Data::I8($values) => $crate::graph::Data::I8($body),
            $crate::graph::Data::U16($values) => $crate::graph::Data::U16($body),
            $crate::graph::Data::I16($values) => $crate::graph::Data::I16($body),
            $crate::graph::Data::I32($values) => $crate::graph::Data::I32($body),
            $crate::graph::Data::I64($values) => $crate::graph::Data::I64($body),
            $crate::graph::Data::F16($values) => $crate::graph::Data::F16($body),
            $crate::graph::Data::BF16($values) => $crate::graph::Data::BF16($body),
            $crate::graph::Data::F32($values) => $crate::graph::Data::F32($body),
        }
    };
}
pub(crate) use map_type;

impl Data {
    /// The type of the elements.
    pub const fn type_(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::U4(_) => Type::U4,
            Self::I4(_) => Type::I4,
            Self::U8(_) => Type::U8,
            Self::I8(_) => Type::I8,
            Self::U16(_) => Type::U16,
            Self::I16(_) => Type::I16,
            Self::I32(_) => Type::I32,
            Self::I64(_) => Type::I64,
            Self::F16(_) => Type::F16,
            Self::BF16(_) => Type::BF16,
            Self::F32(_) => Type::F32,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        each_type!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A type of Rust that tensors are made of.
pub trait Element: bytemuck::Pod + Send + Sync + PartialEq + std::fmt::Debug {
    /// The same as a value; values of 4 bits are elements of 8.
    const TYPE: Type;

    /// The elements, if they lie in memory as this type's.
    fn of(data: &Data) -> Option<&[Self]>;
}

macro_rules! element {
    ($($type_:ty, $variant:ident $(or $small:ident)*;)*) => {$(
        impl Element for $type_ {
            const TYPE: Type = Type::$variant;

            fn of(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(values) => Some(values),
                    $(Data::$small(values) => Some(values),)*
                    _ => None,
                }
            }
        }
    )*};
}
element! {
    u8, U8 or U4 or Bool;
    i8, I8 or I4;
    u16, U16;
    i16, I16;
    i32, I32;
    i64, I64;
    f16, F16;
    bf16, BF16;
    f32, F32;
}

/// A constant tensor, in C order of its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    shape: Vec<usize>,
    data: Data,
}

impl Default for Constant {
    /// No bytes, along one axis.
    fn default() -> Self {
        Self { shape: vec![0], data: Data::U8(Vec::new()) }
    }
}

impl Constant {
    /// A constant; its elements must be as many as the shape says.
    pub fn new(shape: Vec<usize>, data: Data) -> Result<Self, Fault> {
        let expected = shape::elements(&shape)?;
        if data.len() != expected {
            return Err(Fault::invalid(format!(
                "the shape {shape:?} needs {expected} elements, there are {}",
                data.len()
            )));
        }
        Ok(Self { shape, data })
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    pub const fn data(&self) -> &Data {
        &self.data
    }

    /// The type of the elements.
    pub const fn type_(&self) -> Type {
        self.data.type_()
    }

    /// The elements as integers of 64 bits; `None` for floats.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        fn widen<T: Copy + Into<i64>>(values: &[T]) -> Option<Vec<i64>> {
            Some(values.iter().map(|&value| value.into()).collect())
        }
        match &self.data {
            Data::Bool(values) | Data::U4(values) | Data::U8(values) => widen(values),
            Data::I4(values) | Data::I8(values) => widen(values),
            Data::U16(values) => widen(values),
            Data::I16(values) => widen(values),
            Data::I32(values) => widen(values),
            Data::I64(values) => widen(values),
            Data::F16(_) | Data::BF16(_) | Data::F32(_) => None,
        }
    }

    /// The elements as binary32, which holds every value of the narrower floats; `None` for integers.
    pub(crate) fn floats(&self) -> Option<Vec<f32>> {
        match &self.data {
            Data::F16(values) => Some(values.iter().map(|value| value.to_f32()).collect()),
            Data::BF16(values) => Some(values.iter().map(|value| value.to_f32()).collect()),
            Data::F32(values) => Some(values.clone()),
            _ => None,
        }
    }
}
