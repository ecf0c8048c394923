//! `expf`, `expm1f`, `tanhf` and `erff` in a form that compilers turn into vectors, with the bits of the crate libm.
//!
//! libm's functions choose by branches, so a loop over them computes one element at a time. Here every way is computed, by
//! libm's own operations in libm's own order, and selects choose. Where a way gives what another one gives anyway (far
//! arguments, which overflow or vanish by themselves, or tiny ones) it is left out; that this holds, and that all bits
//! are equal, the tests show on a dense sample of all arguments, and on each of them on demand. A NaN gives a NaN.
//!
//! libm's functions are FreeBSD's, with this notice:
//!
//! > Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
//! >
//! > Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software
//! > is freely granted, provided that this notice is preserved.

mod erf;
mod exp;
mod expm1;
mod powers;
#[cfg(test)]
mod same;
mod tanh;

pub(crate) use erf::erf;
pub(crate) use exp::exp;
pub(crate) use expm1::expm1;
pub(crate) use tanh::tanh;

/// The magnitude of a number with the sign of another.
#[inline(always)]
fn signed(size: f32, sign: f32) -> f32 {
    f32::from_bits(size.to_bits() | sign.to_bits() & SIGN)
}

const SIGN: u32 = 1 << 31;
