//! Loops on the widest registers that a CPU has.
//!
//! The crate `pulp` compiles a loop once for each width of registers and takes the widest that there is. Which one it is
//! changes no bit: lanes do not mix, each operation is IEEE's, and a compiler fuses nothing.

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

/// Runs a loop. Only what is inlined is compiled for wide registers: what it calls is to be `#[inline(always)]`, if it is
/// not tiny, and it is to be a `for`, as `for_each` is a function that a compiler may leave by itself. Variables move
/// into it: through references to them each turn of the loop would read them anew.
macro_rules! wide {
    ($body:expr) => {
        $crate::functions::run_wide(
            #[inline(always)]
            move || $body,
        )
    };
}
pub(crate) use wide;

/// What the macro does.
#[inline(always)]
pub(crate) fn run_wide<R>(body: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(Body(body))
}

struct Body<F>(F);

impl<R, F: FnOnce() -> R> NullaryFnOnce for Body<F> {
    type Output = R;

    #[inline(always)]
    fn call(self) -> R {
        (self.0)()
    }
}

/// A loop whose shape depends on the width of registers.
pub(super) trait Shaped {
    /// Runs it on registers of so many f32.
    fn run<const LANES: usize>(self);
}

/// Runs a loop in the shape that fits.
pub(super) fn shaped(body: impl Shaped) {
    Arch::new().dispatch(Fitting(body));
}

/// How many f32 a register has, of the widths that shapes are made for.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            fitting::<S>()
        }
    }
    Arch::new().dispatch(Lanes)
}

/// Four lanes where the compiler knows of more than the crate does.
#[inline(always)]
const fn fitting<S: Simd>() -> usize {
    match S::F32_LANES {
        16.. => 16,
        8.. => 8,
        _ => 4,
    }
}

struct Fitting<B>(B);

impl<B: Shaped> WithSimd for Fitting<B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match const { fitting::<S>() } {
            16 => self.0.run::<16>(),
            8 => self.0.run::<8>(),
            _ => self.0.run::<4>(),
        }
    }
}
