//! Types of real values: `f32`, and those of 16 bits, which are computed in binary32.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// A type of real values: `f32`, [`half::f16`], [`half::bf16`].
pub trait Real: Copy + sealed::Sealed {
    /// The value in binary32, which holds it.
    #[doc(hidden)]
    fn to_f32(self) -> f32;
    /// Calls with values in binary32, a piece at a time, and where each piece begins.
    #[doc(hidden)]
    fn floats(values: &[Self], of_piece: impl FnMut(usize, &[f32]));
    /// Calls for results in binary32, a piece at a time, and where each piece begins.
    #[doc(hidden)]
    fn results(values: &mut [Self], of_piece: impl FnMut(usize, &mut [f32]));
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}

/// Elements that are converted at once.
const PIECE: usize = 256;

impl Real for f32 {
    fn to_f32(self) -> f32 {
        self
    }

    fn floats(values: &[Self], mut of_piece: impl FnMut(usize, &[f32])) {
        of_piece(0, values);
    }

    fn results(values: &mut [Self], mut of_piece: impl FnMut(usize, &mut [f32])) {
        of_piece(0, values);
    }
}

macro_rules! halves {
    ($($type:ty)*) => {$(
        impl Real for $type {
            fn to_f32(self) -> f32 {
                self.to_f32()
            }

            fn floats(values: &[Self], mut of_piece: impl FnMut(usize, &[f32])) {
                let mut buffer = [0.0; PIECE];
                for (index, values) in values.chunks(PIECE).enumerate() {
                    let buffer = &mut buffer[..values.len()];
                    values.convert_to_f32_slice(buffer);
                    of_piece(index * PIECE, buffer);
                }
            }

            fn results(values: &mut [Self], mut of_piece: impl FnMut(usize, &mut [f32])) {
                let mut buffer = [0.0; PIECE];
                for (index, values) in values.chunks_mut(PIECE).enumerate() {
                    let buffer = &mut buffer[..values.len()];
                    of_piece(index * PIECE, buffer);
                    values.convert_from_f32_slice(buffer);
                }
            }
        }
    )*};
}
halves! { f16 bf16 }
