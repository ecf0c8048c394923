//! AVX2 and FMA. Operands are centred in 16 bits and multiplied by `vpmaddwd`, which cannot saturate: a pair of
//! products of nine-bit values is far below 2^31. `vpmaddubsw`, which takes bytes, would clip at 2^15.

pub(crate) mod digits;
mod peak;
mod product;
pub(crate) mod registers;

crate::generic::tier::tier! {
    Avx2 "avx2", #[target_feature(enable = "avx2,fma")];
    registers: registers::Ymm<false>;
    product: Centred [product::Pairs];
    gemm: "i16i8i32_6x16k2";
    gemv: "i16i8i32_1x64k2";
    depthwise: "i16i16i32_4x16k2";
    byte_taps: crate::generic::tier::byte_taps!(digits::Digits; "avx2", "u8i8i32_2x32k2", #[target_feature(enable = "avx2,fma")]);
    grouped: None;
    winograd: "i16i16i32_6x16k2", 6 rows;
}
