//! AVX-VNNI without AVX-512: `vpdpbusd` and `vpdpwssd` on 256 bits. All else is AVX2's.

mod peak;
mod product;

crate::generic::tier::tier! {
    AvxVnni "avxvnni", #[target_feature(enable = "avx2,fma,avxvnni")];
    registers: super::avx2::registers::Ymm<true>;
    product: Bytes [product::Quads<false>, product::Quads<true>];
    gemm: "i8i8i32_6x16k4";
    gemv: "i8i8i32_1x64k4";
    depthwise: "i16i16i32_4x16k2";
    digits: None;
    winograd: "i16i16i32_6x16k2", 6 rows;
}
