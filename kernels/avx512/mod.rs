//! AVX-512 without VNNI. Operands are centred in 16 bits and multiplied by `vpmaddwd`, as on AVX2, on 512 bits.

mod peak;
mod product;
pub(crate) mod registers;

crate::generic::tier::tier! {
    Avx512 "avx512", #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")];
    registers: registers::Zmm<false>;
    product: Centred [product::Pairs];
    gemm: "i16i8i32_12x32k2";
    gemv: "i16i8i32_1x128k2";
    depthwise: "i16i16i32_4x32k2";
    byte_taps: None;
    grouped: None;
    winograd: "i16i16i32_12x32k2", 12 rows;
}
