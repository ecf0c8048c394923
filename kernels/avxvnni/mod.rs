//! AVX-VNNI without AVX-512: `vpdpbusd` and `vpdpwssd` on 256 bits. All else is AVX2's.

mod peak;
mod product;
pub(crate) mod taps;

crate::generic::tier::tier! {
    AvxVnni "avxvnni", #[target_feature(enable = "avx2,fma,avxvnni")];
    registers: super::avx2::registers::Ymm<true>;
    product: Bytes [product::Quads<false>, product::Quads<true>];
    gemm: "i8i8i32_6x16k4";
    gemv: "i8i8i32_1x64k4";
    depthwise: "i16i16i32_4x16k2";
    byte_taps: crate::generic::tier::byte_taps!(taps::TapQuads<false>; "avxvnni", "u8i8i32_2x32k4", #[target_feature(enable = "avx2,fma,avxvnni")]);
    grouped: crate::generic::tier::grouped!(
        product::Quads<false>, super::avx2::registers::Ymm<true>; 2, 1 pixels;
        "avxvnni", "u8i8i32_2x32k4",
        #[target_feature(enable = "avx2,fma,avxvnni")]
    );
    winograd: "i16i16i32_6x16k2", 6 rows;
}
