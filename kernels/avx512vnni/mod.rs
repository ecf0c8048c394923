//! AVX-512 with VNNI. `vpdpbusd` adds four products of an unsigned and a signed byte to 32 bits and never saturates:
//! activations are multiplied as they are, zero points are in what the accumulators start from.
//!
//! Registers of 512 bits everywhere: on a CPU that halves them an instruction takes two turns, which costs nothing.

mod peak;
mod product;
mod taps;

crate::generic::tier::tier! {
    Avx512Vnni "avx512vnni", #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")];
    registers: super::avx512::registers::Zmm<true>;
    product: Bytes [product::Quads<false>, product::Quads<true>];
    gemm: "i8i8i32_12x32k4";
    gemv: "i8i8i32_1x128k4";
    depthwise: "i16i16i32_4x32k2";
    byte_taps: crate::generic::tier::byte_taps!(
        taps::TapQuads<1>, half super::avxvnni::taps::TapQuads<true>, sliding taps::TapQuads<2>;
        "avx512vnni", "u8i8i32_2x64k4",
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    );
    grouped: crate::generic::tier::grouped!(
        product::Quads<false>, super::avx512::registers::Zmm<true>; 4, 2 pixels;
        "avx512vnni", "u8i8i32_4x64k4",
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    );
    winograd: "i16i16i32_12x32k2", 12 rows;
}
