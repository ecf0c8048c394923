//! 64-bit Arm as every one of them is. Bytes are multiplied to 16 bits, and neighbouring products added up to 32 bits
//! (`smull` and `sadalp`, `umull` and `uadalp`): four products an instruction, as many as `smlal` makes of 16 bits. But
//! that runs on one pipe of most cores, these two on one each, which is twice as much.
//!
//! Two products are never added in 16 bits, where they would overflow.

mod instructions;
mod peak;
mod product;
pub(crate) mod registers;
#[cfg(test)]
pub(crate) mod samples;

crate::generic::tier::tier! {
    Neon "neon", #[target_feature(enable = "neon")];
    registers: registers::Neon;
    product: Bytes [product::Pairs<false>, product::Pairs<true>];
    gemm: "i8i8i32_6x16k2";
    gemv: "i8i8i32_1x64k2";
    depthwise: "i16i16i32_4x8k2";
    byte_taps: None;
    grouped: None;
    winograd: "i16i16i32_6x8k2", 6 rows;
}
