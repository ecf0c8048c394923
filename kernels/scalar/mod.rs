//! The portable tier: the algorithms over arrays. It is written for speed as far as a compiler's own vectors go, and
//! shares nothing with the reference that judges it.

mod fma;
mod peak;
mod product;
mod registers;

crate::generic::tier::tier! {
    Scalar "scalar";
    registers: registers::Arrays;
    product: Centred [product::Pairs];
    gemm: "i16i8i32_6x16k2";
    gemv: "i16i8i32_1x64k2";
    depthwise: "i16i16i32_4x16k2";
    byte_taps: None;
    grouped: None;
}
