//! Functions of one element.

use std::f32::consts::FRAC_1_SQRT_2;

use super::arrange::map;
use super::lanes::{erf, exp, expm1, tanh};
use crate::graph::function::Unary;

impl Unary {
    /// The function of a real number, as the formulas of [`Unary`] have it where no other order stands here.
    #[inline(always)]
    pub(crate) fn apply(self, x: f32) -> f32 {
        match self {
            Self::Abs => x.abs(),
            Self::Ceil => x.ceil(),
            Self::Celu { alpha } => {
                if x < 0.0 {
                    alpha * expm1(x / alpha)
                } else {
                    x
                }
            }
            Self::Cos => libm::cosf(x),
            // Without the digits that a difference of nearly equal numbers loses.
            Self::Elu { alpha } => {
                if x < 0.0 {
                    alpha * expm1(x)
                } else {
                    x
                }
            }
            Self::Erf => libm::erff(x),
            Self::Exp => exp(x),
            Self::Floor => x.floor(),
            Self::Gelu { tanh: false } => gelu(x, libm::erff(x * FRAC_1_SQRT_2)),
            Self::Gelu { tanh: true } => {
                // sqrt(2 / pi)
                const ROOT: f32 = 0.797_884_6;
                gelu(x, tanh(ROOT * (x + 0.044_715 * (x * x * x))))
            }
            Self::HardSigmoid { alpha, beta } => unit(alpha * x + beta),
            // ONNX states the factor as a number of f32, and not a division.
            Self::HardSwish => x * unit(x * (1.0 / 6.0) + 0.5),
            Self::LeakyRelu { alpha } => {
                if x < 0.0 {
                    alpha * x
                } else {
                    x
                }
            }
            Self::Log => libm::logf(x),
            Self::Mish => x * tanh(softplus(x)),
            Self::Neg => -x,
            Self::Not => {
                if x == 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Self::Reciprocal => 1.0 / x,
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Round => x.round_ties_even(),
            Self::Selu { alpha, gamma } => gamma * if x > 0.0 { x } else { alpha * expm1(x) },
            Self::Sigmoid => 1.0 / (1.0 + exp(-x)),
            Self::Sign => {
                if x > 0.0 {
                    1.0
                } else if x < 0.0 {
                    -1.0
                } else if x == 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Sin => libm::sinf(x),
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Sqrt => x.sqrt(),
            Self::Swish { alpha } => x / (1.0 + exp(-(alpha * x))),
            Self::Tanh => tanh(x),
            Self::ThresholdedRelu { alpha } => {
                if x > alpha || x.is_nan() {
                    x
                } else {
                    0.0
                }
            }
        }
    }

    /// The function of each element. Those without branches have loops of their own, that a compiler can turn into
    /// vectors.
    pub(crate) fn apply_all(self, x: &[f32], y: &mut [f32]) {
        macro_rules! each {
            ($function:expr) => {
                map(
                    x,
                    y,
                    #[inline(always)]
                    |x| $function.apply(x),
                )
            };
        }
        match self {
            Self::Abs => each!(Self::Abs),
            Self::Celu { alpha } => each!(Self::Celu { alpha }),
            Self::Elu { alpha } => each!(Self::Elu { alpha }),
            Self::Erf => {
                y.copy_from_slice(x);
                erf(y);
            }
            Self::Exp => each!(Self::Exp),
            Self::Gelu { tanh: false } => {
                // In parts that stay in the nearest cache.
                for (x, y) in x.chunks(PART).zip(y.chunks_mut(PART)) {
                    map(x, y, |x| x * FRAC_1_SQRT_2);
                    erf(y);
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = gelu(x, *y));
                }
            }
            Self::Gelu { tanh: true } => each!(Self::Gelu { tanh: true }),
            Self::Neg => each!(Self::Neg),
            Self::Relu => each!(Self::Relu),
            Self::LeakyRelu { alpha } => each!(Self::LeakyRelu { alpha }),
            Self::HardSigmoid { alpha, beta } => each!(Self::HardSigmoid { alpha, beta }),
            Self::HardSwish => each!(Self::HardSwish),
            Self::Reciprocal => each!(Self::Reciprocal),
            Self::Selu { alpha, gamma } => each!(Self::Selu { alpha, gamma }),
            Self::Sigmoid => each!(Self::Sigmoid),
            Self::Sqrt => each!(Self::Sqrt),
            Self::Swish { alpha } => each!(Self::Swish { alpha }),
            Self::Tanh => each!(Self::Tanh),
            _ => each!(self),
        }
    }

    /// The function of integers, if it is one.
    pub(crate) fn integers<T: Integer>(self) -> Option<fn(T) -> T> {
        match self {
            Self::Abs => Some(T::wrapping_abs),
            Self::Neg => Some(T::wrapping_neg),
            Self::Sign => Some(T::signum),
            _ => None,
        }
    }

    /// The function of conditions, if it is one.
    pub(crate) const fn conditions(self) -> Option<fn(u8) -> u8> {
        match self {
            Self::Not => Some(|x| if x == 0 { 1 } else { 0 }),
            _ => None,
        }
    }
}

/// Signed integers.
pub(crate) trait Integer: Copy {
    fn wrapping_abs(self) -> Self;
    fn wrapping_neg(self) -> Self;
    fn signum(self) -> Self;
}

macro_rules! integer {
    ($($type_:ty)*) => {$(
        impl Integer for $type_ {
            fn wrapping_abs(self) -> Self {
                self.wrapping_abs()
            }

            fn wrapping_neg(self) -> Self {
                self.wrapping_neg()
            }

            fn signum(self) -> Self {
                self.signum()
            }
        }
    )*};
}
integer! { i32 i64 }

/// Elements of a part of a loop that goes over them several times.
const PART: usize = 1024;

/// `0.5 · x · (1 + share)`
#[inline(always)]
fn gelu(x: f32, share: f32) -> f32 {
    0.5 * x * (1.0 + share)
}

/// `max(0, min(1, x))`
#[inline(always)]
fn unit(x: f32) -> f32 {
    x.clamp(0.0, 1.0)
}

/// `ln(1 + e^x)` as `x + ln(1 + e^-x)` above 0, where `e^x` would be too great.
fn softplus(x: f32) -> f32 {
    if x > 0.0 { x + libm::log1pf(libm::expf(-x)) } else { libm::log1pf(libm::expf(x)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all magnitudes, with both signs.
    fn numbers() -> Vec<f32> {
        let mut numbers = vec![0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 6.0, 1e-30, 1e-8];
        numbers.extend((0..2000).map(|at| (at as f32 * 0.37 - 5.0).exp2().min(80.0) * (1.0 + at as f32 * 1e-4) * 0.1));
        numbers.extend((0..1000).map(|at| at as f32 * 0.011));
        let negative: Vec<f32> = numbers.iter().map(|x| -x).collect();
        numbers.extend(negative);
        numbers
    }

    /// Whether a function is as near to one of f64 as so many steps between floats of the result, or a share of 2^-24 of
    /// `scale`, which it loses by cancellation.
    fn near(function: Unary, steps: f64, scale: f64, exact: impl Fn(f64) -> f64) {
        for x in numbers() {
            let (y, exact) = (f64::from(function.apply(x)), exact(x.into()));
            if exact.is_nan() || exact.is_infinite() {
                assert!(
                    y.is_nan() == exact.is_nan() && y.is_infinite() == exact.is_infinite(),
                    "{function:?} of {x} is {y}"
                );
                continue;
            }
            let step = exact.abs().max(f64::from(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON);
            let allowed = steps * step + scale * f64::from(f32::EPSILON) / 2.0;
            assert!((y - exact).abs() <= allowed, "{function:?} of {x} is {y}, expected {exact}");
        }
    }

    #[test]
    fn functions_of_libm_are_within_a_step() {
        near(Unary::Exp, 1.0, 0.0, f64::exp);
        near(Unary::Log, 1.0, 0.0, f64::ln);
        near(Unary::Sin, 1.0, 0.0, f64::sin);
        near(Unary::Cos, 1.0, 0.0, f64::cos);
        near(Unary::Tanh, 2.0, 0.0, f64::tanh);
        near(Unary::Erf, 1.0, 0.0, libm::erf);
    }

    #[test]
    fn loops_have_the_bits_of_the_formulas_on_libm() {
        const SELU: (f32, f32) = (1.673_263_2, 1.050_701);
        loops(Unary::Exp, libm::expf);
        loops(Unary::Erf, libm::erff);
        loops(Unary::Tanh, libm::tanhf);
        loops(Unary::Sigmoid, |x| 1.0 / (1.0 + libm::expf(-x)));
        loops(Unary::Swish { alpha: 1.702 }, |x| x / (1.0 + libm::expf(-(1.702 * x))));
        loops(Unary::Gelu { tanh: false }, |x| 0.5 * x * (1.0 + libm::erff(x * 0.707_106_77)));
        loops(Unary::Gelu { tanh: true }, |x| {
            0.5 * x * (1.0 + libm::tanhf(0.797_884_6 * (x + 0.044_715 * (x * x * x))))
        });
        loops(Unary::Elu { alpha: 0.75 }, |x| if x < 0.0 { 0.75 * libm::expm1f(x) } else { x });
        loops(Unary::Celu { alpha: 3.0 }, |x| if x < 0.0 { 3.0 * libm::expm1f(x / 3.0) } else { x });
        loops(Unary::Selu { alpha: SELU.0, gamma: SELU.1 }, |x| {
            SELU.1 * if x > 0.0 { x } else { SELU.0 * libm::expm1f(x) }
        });
    }

    fn loops(function: Unary, formula: impl Fn(f32) -> f32) {
        let x = numbers();
        let mut y = vec![9.0; x.len()];
        function.apply_all(&x, &mut y);
        for (x, y) in x.into_iter().zip(y) {
            assert_eq!(y.to_bits(), formula(x).to_bits(), "{function:?} of {x} is {y}");
            assert_eq!(y.to_bits(), function.apply(x).to_bits(), "{function:?} of {x} alone");
        }
    }

    #[test]
    fn formulas_lose_what_their_roundings_lose() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let softplus = |x: f64| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() };
        near(Unary::Sigmoid, 3.0, 0.0, sigmoid);
        near(Unary::Softplus, 2.0, 0.0, softplus);
        near(Unary::Softsign, 2.0, 0.0, |x| x / (1.0 + x.abs()));
        near(Unary::Swish { alpha: 1.0 }, 3.0, 0.0, |x| x * sigmoid(x));
        // The exponent is rounded: x times a step of it.
        near(Unary::Swish { alpha: 1.702 }, 3.0, 8.0, |x| x * sigmoid(f64::from(1.702f32) * x));
        near(Unary::Elu { alpha: 0.75 }, 2.0, 0.0, |x| if x < 0.0 { 0.75 * x.exp_m1() } else { x });
        near(Unary::Celu { alpha: 2.0 }, 2.0, 0.0, |x| if x < 0.0 { 2.0 * (x / 2.0).exp_m1() } else { x });
        near(Unary::Selu { alpha: 1.5, gamma: 1.25 }, 2.0, 0.0, |x| 1.25 * if x > 0.0 { x } else { 1.5 * x.exp_m1() });
        // What is left of 1 - 1 is a multiple of 2^-24.
        let gelu = |x: f64| 0.5 * x * libm::erfc(-x / std::f64::consts::SQRT_2);
        near(Unary::Gelu { tanh: false }, 3.0, 8.0, gelu);
        let cubic = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        near(Unary::Gelu { tanh: true }, 4.0, 8.0, |x| 0.5 * x * (1.0 + cubic(x).tanh()));
        near(Unary::Mish, 4.0, 0.0, |x| x * softplus(x).tanh());
        near(Unary::HardSwish, 2.0, 2.0, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0));
    }

    #[test]
    fn basic_functions_are_exact() {
        let numbers = numbers();
        for x in numbers.iter().copied().chain([f32::INFINITY, f32::NEG_INFINITY]) {
            let below = x < 0.0;
            assert_eq!(Unary::Abs.apply(x), if below { 0.0 - x } else { x + 0.0 });
            assert_eq!(Unary::Neg.apply(x), 0.0 - x);
            assert_eq!(Unary::Relu.apply(x), x.max(0.0));
            assert_eq!(Unary::LeakyRelu { alpha: 0.25 }.apply(x), if below { x / 4.0 } else { x });
            assert_eq!(Unary::ThresholdedRelu { alpha: 1.5 }.apply(x), if x <= 1.5 { 0.0 } else { x });
            assert_eq!(Unary::Reciprocal.apply(x), 1.0 / x);
            assert_eq!(Unary::Sign.apply(x), f32::from(i8::from(x > 0.0) - i8::from(below)));
            assert_eq!(Unary::HardSigmoid { alpha: 0.25, beta: 0.5 }.apply(x), (x / 4.0 + 0.5).clamp(0.0, 1.0));
        }
        assert_eq!([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map(|x| Unary::Round.apply(x)), [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!([-1.5, 1.5, -0.0].map(|x| Unary::Floor.apply(x)), [-2.0, 1.0, 0.0]);
        assert_eq!([-1.5, 1.5, 3.0].map(|x| Unary::Ceil.apply(x)), [-1.0, 2.0, 3.0]);
        assert_eq!(Unary::Sqrt.apply(2.0), std::f32::consts::SQRT_2);
    }

    #[test]
    fn nan_stays_and_infinities_have_limits() {
        let all = [
            Unary::Abs,
            Unary::Ceil,
            Unary::Celu { alpha: 1.0 },
            Unary::Cos,
            Unary::Elu { alpha: 1.0 },
            Unary::Erf,
            Unary::Exp,
            Unary::Floor,
            Unary::Gelu { tanh: false },
            Unary::Gelu { tanh: true },
            Unary::HardSigmoid { alpha: 0.2, beta: 0.5 },
            Unary::HardSwish,
            Unary::LeakyRelu { alpha: 0.01 },
            Unary::Log,
            Unary::Mish,
            Unary::Neg,
            Unary::Reciprocal,
            Unary::Relu,
            Unary::Round,
            Unary::Selu { alpha: 1.0, gamma: 1.0 },
            Unary::Sigmoid,
            Unary::Sign,
            Unary::Sin,
            Unary::Softplus,
            Unary::Softsign,
            Unary::Sqrt,
            Unary::Swish { alpha: 1.0 },
            Unary::Tanh,
            Unary::ThresholdedRelu { alpha: 1.0 },
        ];
        for function in all {
            assert!(function.apply(f32::NAN).is_nan(), "{function:?}");
            let x = [0.7, -3.25, 12.0];
            let mut y = [9.0; 3];
            function.apply_all(&x, &mut y);
            for (x, y) in x.into_iter().zip(y) {
                assert_eq!(y.to_bits(), function.apply(x).to_bits(), "{function:?} of {x}");
            }
        }
        let ends = |function: Unary| [f32::NEG_INFINITY, f32::INFINITY].map(|x| function.apply(x));
        assert_eq!(ends(Unary::Sigmoid), [0.0, 1.0]);
        assert_eq!(ends(Unary::Tanh), [-1.0, 1.0]);
        assert_eq!(ends(Unary::Erf), [-1.0, 1.0]);
        assert_eq!(ends(Unary::Softplus), [0.0, f32::INFINITY]);
        assert_eq!(ends(Unary::Elu { alpha: 0.5 }), [-0.5, f32::INFINITY]);
        assert_eq!(ends(Unary::HardSigmoid { alpha: 0.2, beta: 0.5 }), [0.0, 1.0]);
        assert!(Unary::Log.apply(-1.0).is_nan() && Unary::Sqrt.apply(-1.0).is_nan());
        assert_eq!(Unary::Log.apply(0.0), f32::NEG_INFINITY);
        assert_eq!(Unary::Swish { alpha: 1.0 }.apply(-200.0), 0.0);
    }

    #[test]
    fn of_integers_and_conditions() {
        let of = |function: Unary| function.integers::<i64>().map(|function| [-7, 0, 7, i64::MIN].map(function));
        assert_eq!(of(Unary::Abs), Some([7, 0, 7, i64::MIN]));
        assert_eq!(of(Unary::Neg), Some([7, 0, -7, i64::MIN]));
        assert_eq!(of(Unary::Sign), Some([-1, 0, 1, -1]));
        assert_eq!(of(Unary::Exp), None);
        assert_eq!(Unary::Not.conditions().map(|not| [not(0), not(1)]), Some([1, 0]));
        assert!(Unary::Neg.conditions().is_none());
    }
}
