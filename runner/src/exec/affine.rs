//! Quantised values and reals: the rule of `QuantizeLinear` and `DequantizeLinear` for every pair of types. Where the
//! library has the types, it computes them.

use rayon::prelude::*;
use zeropoint::{Backend, elementwise};

use crate::convert::Number;
use crate::graph::Type;

/// Elements that one thread takes at a time: some microseconds of work.
pub(super) const CHUNK: usize = 16 << 10;

/// Scale and zero point: `real = scale * (value - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: f32,
    pub(super) zero_point: i32,
}

/// `clip(round(f32(x / scale)) + zero_point)`, ties to even; NaN gives the least value.
pub(super) fn quantized(x: f32, by: Affine, (low, high): (i32, i32)) -> i32 {
    let quotient = x / by.scale;
    if quotient.is_nan() {
        return low;
    }
    // The bounds are integers, exact in 24 bits, so that clipping before the sum is clipping behind it.
    let (least, most) = ((low - by.zero_point) as f32, (high - by.zero_point) as f32);
    quotient.round_ties_even().clamp(least, most) as i32 + by.zero_point
}

/// `f32(f32(x - zero_point) * scale)`; the difference wraps at 32 bits.
pub(super) fn dequantized(x: i32, by: Affine) -> f32 {
    x.wrapping_sub(by.zero_point) as f32 * by.scale
}

/// Quantises to the type `to`, whose elements `y` are.
pub(super) fn quantize<X: Number, Y: Number>(
    backend: &Backend,
    x: &[X],
    by: Affine,
    to: Type,
    y: &mut [Y],
) -> Result<(), zeropoint::Error> {
    let Affine { scale, zero_point } = by;
    let Some((low, high)) = to.range() else { unreachable!("quantised values have up to 16 bits") };
    match (X::TYPE, to) {
        (Type::F32, Type::U8 | Type::U4) => {
            let y: &mut [u8] = bytemuck::cast_slice_mut(y);
            elementwise::quantize(backend, bytemuck::cast_slice(x), scale, zero_point, y)?;
            if to == Type::U4 {
                y.iter_mut().for_each(|y| *y = (*y).min(15));
            }
        }
        (Type::F32, Type::I8 | Type::I4) => {
            let y: &mut [i8] = bytemuck::cast_slice_mut(y);
            elementwise::quantize(backend, bytemuck::cast_slice(x), scale, zero_point, y)?;
            if to == Type::I4 {
                y.iter_mut().for_each(|y| *y = (*y).clamp(-8, 7));
            }
        }
        _ => {
            for (y, x) in y.iter_mut().zip(x) {
                *y = Y::from_integer(quantized(x.real() as f32, by, (low, high)).into());
            }
        }
    }
    Ok(())
}

/// Dequantises; a narrow float is the f32 rounded.
pub(super) fn dequantize<X: Number, Y: Number>(
    backend: &Backend,
    x: &[X],
    by: Affine,
    y: &mut [Y],
) -> Result<(), zeropoint::Error> {
    let Affine { scale, zero_point } = by;
    match (X::TYPE, Y::TYPE) {
        (Type::U8, Type::F32) => {
            let x: &[u8] = bytemuck::cast_slice(x);
            elementwise::dequantize(backend, x, scale, zero_point, bytemuck::cast_slice_mut(y))?;
        }
        (Type::I8, Type::F32) => {
            let x: &[i8] = bytemuck::cast_slice(x);
            elementwise::dequantize(backend, x, scale, zero_point, bytemuck::cast_slice_mut(y))?;
        }
        _ => {
            for (y, x) in y.iter_mut().zip(x) {
                // Quantised values have at most 32 bits.
                let x = x.integer().unwrap_or(0) as i32;
                *y = Y::from_real(dequantized(x, by).into());
            }
        }
    }
    Ok(())
}

/// Which elements share a scale and a zero point. A tensor is `[outer, axis, inner]` around the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shared {
    /// All of them.
    Tensor(Affine),
    /// Those with one index on the axis.
    Axis { inner: usize, each: Vec<Affine> },
    /// Those of one block of the axis; the last one may be short.
    Block { axis: usize, block: usize, inner: usize, each: Vec<Affine> },
}

impl Shared {
    /// Runs `body` with each piece of `x` and `y` that has one scale and one zero point.
    pub(super) fn for_each<X: Sync, Y: Send>(
        &self,
        threads: usize,
        x: &[X],
        y: &mut [Y],
        body: impl Fn(&[X], Affine, &mut [Y]) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        match self {
            &Self::Tensor(by) if threads == 1 || y.len() <= CHUNK => body(x, by, y),
            &Self::Tensor(by) => y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).try_for_each(|(y, x)| body(x, by, y)),
            Self::Axis { inner, each } => {
                let inner = (*inner).max(1);
                let slices = x.chunks_exact(inner).zip(y.chunks_exact_mut(inner));
                slices.zip(each.iter().cycle()).try_for_each(|((x, y), &by)| body(x, by, y))
            }
            Self::Block { axis, block, inner, each } => {
                let (blocks, rows) = (axis.div_ceil(*block), (axis * inner).max(1));
                let outer = x.chunks_exact(rows).zip(y.chunks_exact_mut(rows));
                for ((x, y), each) in outer.zip(each.chunks_exact((blocks * inner).max(1))) {
                    let pieces = x.chunks(block * inner).zip(y.chunks_mut(block * inner));
                    for ((x, y), each) in pieces.zip(each.chunks_exact(*inner)) {
                        if let &[by] = each {
                            body(x, by, y)?;
                            continue;
                        }
                        // Neighbours have parameters of their own.
                        let places = x.chunks_exact(1).zip(y.chunks_exact_mut(1)).zip(each.iter().cycle());
                        places.into_iter().try_for_each(|((x, y), &by)| body(x, by, y))?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(scale: f32, zero_point: i32) -> Affine {
        Affine { scale, zero_point }
    }

    #[test]
    fn ties_go_to_even_before_the_zero_point_and_all_else_saturates() {
        for (x, expected) in [(0.5, 3), (1.5, 5), (-2.5, 1), (1e30, 15), (f32::NEG_INFINITY, 0), (f32::NAN, 0)] {
            assert_eq!(quantized(x, by(1.0, 3), (0, 15)), expected, "{x}");
        }
        assert_eq!(quantized(f32::MAX, by(f32::MIN_POSITIVE, -32768), (-32768, 32767)), 32767);
    }

    #[test]
    fn every_type_follows_one_rule() {
        let backend = Backend::best();
        let x: Vec<f32> = (-40..40).map(|value| value as f32 * 0.25).chain([f32::NAN, f32::INFINITY]).collect();
        let parameters = by(0.5, 2);
        let of = |to: Type| -> Vec<i32> { x.iter().map(|&x| quantized(x, parameters, to.range().unwrap())).collect() };
        macro_rules! check {
            ($rust:ty, $to:expr) => {{
                let mut y = vec![<$rust>::default(); x.len()];
                quantize(&backend, &x, parameters, $to, &mut y).unwrap();
                assert_eq!(y.iter().map(|&y| i32::from(y)).collect::<Vec<_>>(), of($to), "{}", $to);
            }};
        }
        check!(u8, Type::U4);
        check!(i8, Type::I4);
        check!(u8, Type::U8);
        check!(i8, Type::I8);
        check!(u16, Type::U16);
        check!(i16, Type::I16);
    }

    #[test]
    fn the_last_block_may_be_short() {
        let pieces = |shared: &Shared, shape: usize| {
            let x: Vec<usize> = (0..shape).collect();
            let mut y = vec![0; shape];
            shared
                .for_each(1, &x, &mut y, |_, by, y| {
                    y.fill(by.zero_point);
                    Ok(())
                })
                .unwrap();
            y
        };
        let each = |count: i32| (0..count).map(|zero_point| by(1.0, zero_point)).collect();
        let last = Shared::Block { axis: 5, block: 2, inner: 1, each: each(6) };
        assert_eq!(pieces(&last, 10), [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]);
        let first = Shared::Block { axis: 3, block: 2, inner: 2, each: each(4) };
        assert_eq!(pieces(&first, 6), [0, 1, 0, 1, 2, 3]);
        let axis = Shared::Axis { inner: 2, each: each(2) };
        assert_eq!(pieces(&axis, 8), [0, 0, 1, 1, 0, 0, 1, 1]);
    }
}
