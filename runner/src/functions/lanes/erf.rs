//! The error function as libm's `erff` computes it, by a rational approximation in each of four intervals of |x|; the
//! outer two take two exponentials as well.
//!
//! Most arguments of a network are in the first interval, whose formula costs a tenth of all four. So that one is computed
//! for all elements of a block, and the others for lists of those that need them. Lists are made without branches: which
//! element is where is nothing that a CPU could foresee.

use super::exp::normal;
use super::signed;
use crate::functions::wide;

/// Elements of a block: as many as a byte can tell apart.
const BLOCK: usize = 256;
/// Elements that are computed together. Lists are computed up to a multiple of it.
const TOGETHER: usize = 8;

/// Bits of the numbers at which the intervals begin.
const MIDDLE: u32 = 0x3f58_0000;
const OUTER: u32 = 0x3fa0_0000;
const FAR: u32 = 0x4036_db6d;
const ONE: u32 = 0x40c0_0000;
/// 2^-28
const TINY: f32 = f32::from_bits(0x3180_0000);

const ERX: f32 = 0.845_062_9;
const EFX8: f32 = 1.027_033_3;
const PP: [f32; 5] = [0.128_379_17, -0.325_042_1, -0.028_481_75, -0.005_770_270_2, -0.000_023_763_017];
const QQ: [f32; 6] = [1.0, 0.397_917_2, 0.065_022_25, 0.005_081_306, 0.000_132_494_74, -3.960_228_2e-6];
const PA: [f32; 7] =
    [-0.002_362_118_6, 0.414_856_1, -0.372_207_88, 0.318_346_62, -0.110_894_695, 0.035_478_305, -0.002_166_375_5];
const QA: [f32; 7] = [1.0, 0.106_420_88, 0.540_397_94, 0.071_828_656, 0.126_171_22, 0.013_637_084, 0.011_984_5];
const RA: [f32; 8] =
    [-0.009_864_944, -0.693_858_56, -10.558_626, -62.375_33, -162.396_67, -184.605_09, -81.287_44, -9.814_329];
const SA: [f32; 9] =
    [1.0, 19.651_272, 137.657_76, 434.565_9, 645.387_27, 429.008_15, 108.635, 6.570_249_6, -0.060_424_414];
const RB: [f32; 7] = [-0.009_864_943, -0.799_283_27, -17.757_956, -160.636_38, -637.566_47, -1_025.095_1, -483.519_2];
const SB: [f32; 8] = [1.0, 30.338_06, 325.792_5, 1_536.729_6, 3_199.858_2, 2_553.050_3, 474.528_53, -22.440_952];

/// `erff` of each.
pub(crate) fn erf(values: &mut [f32]) {
    let (blocks, rest) = values.as_chunks_mut();
    wide!(for values in blocks {
        block(values);
    });
    if !rest.is_empty() {
        let mut last = [0.0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let values = &mut last;
        wide!(block(values));
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

#[inline(always)]
fn block(values: &mut [f32; BLOCK]) {
    let mut others = List::new(values, BLOCK, MIDDLE..ONE);
    for x in &mut *values {
        let y = inner(*x);
        *x = if x.abs() >= f32::from_bits(ONE) { signed(1.0, *x) } else { y };
    }
    if others.len == 0 {
        return;
    }
    let mut outers = List::new(&others.values, others.len, OUTER..ONE);
    if outers.len < others.len {
        others.each(middle);
    }
    outers.each(outer);
    outers.put_back(&mut others.values);
    others.put_back(values);
}

/// Some of the elements of a block.
struct List {
    values: [f32; BLOCK],
    /// Where they are from.
    places: [u8; BLOCK],
    len: usize,
}

impl List {
    /// Those of the first `len` elements whose magnitudes have bits of a range.
    #[inline(always)]
    fn new(from: &[f32; BLOCK], len: usize, bits: std::ops::Range<u32>) -> Self {
        let mut list = Self { values: [1.0; BLOCK], places: [0; BLOCK], len: 0 };
        for (place, x) in from[..len].iter().enumerate() {
            list.places[list.len % BLOCK] = place as u8;
            let size = x.abs().to_bits();
            list.len += usize::from(size.wrapping_sub(bits.start) < bits.end - bits.start);
        }
        for (x, &place) in list.values.iter_mut().zip(&list.places[..list.len]) {
            *x = from[usize::from(place)];
        }
        list
    }

    /// Replaces each by a function of its magnitude, with its sign.
    #[inline(always)]
    fn each(&mut self, function: impl Fn(f32) -> f32) {
        for x in &mut self.values[..self.len.next_multiple_of(TOGETHER)] {
            *x = signed(function(x.abs()), *x);
        }
    }

    #[inline(always)]
    fn put_back(&self, to: &mut [f32; BLOCK]) {
        for (&x, &place) in self.values.iter().zip(&self.places[..self.len]) {
            to[usize::from(place)] = x;
        }
    }
}

/// Up to 0.84375, and of a NaN.
#[inline(always)]
fn inner(x: f32) -> f32 {
    let square = x * x;
    let y = x + x * (polynomial(square, PP) / polynomial(square, QQ));
    // Without the digits that a subnormal product would lose.
    if x.abs() < TINY { 0.125 * (8.0 * x + EFX8 * x) } else { y }
}

/// From there to 1.25.
#[inline(always)]
fn middle(size: f32) -> f32 {
    let s = size - 1.0;
    1.0 - (1.0 - ERX - polynomial(s, PA) / polynomial(s, QA))
}

/// From there to 6.
#[inline(always)]
fn outer(size: f32) -> f32 {
    let s = 1.0 / (size * size);
    let (r_near, s_near) = (polynomial(s, RA), polynomial(s, SA));
    let (r_far, s_far) = (polynomial(s, RB), polynomial(s, SB));
    let near = size.to_bits() < FAR;
    let (dividend, divisor) = if near { (r_near, s_near) } else { (r_far, s_far) };
    // The square of this many bits is exact.
    let z = f32::from_bits(size.to_bits() & 0xffff_e000);
    1.0 - normal(-z * z - 0.5625) * normal((z - size) * (z + size) + dividend / divisor) / size
}

/// By Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = coefficient + x * sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::same;
    use super::*;

    #[test]
    fn bits_are_those_of_libm() {
        same::sampled(erf, libm::erff, &[TINY.to_bits(), MIDDLE, OUTER, FAR, ONE]);
    }

    #[test]
    #[ignore = "all arguments: minutes"]
    fn all_bits_are_those_of_libm() {
        same::everywhere(erf, libm::erff);
    }

    #[test]
    fn elements_keep_their_places() {
        // Of all intervals, mixed and in blocks of one, of every number of elements.
        let mixed = (0..600).map(|at| (at * 37 % 151) as f32 * 0.05 - 3.7);
        let grouped = (0..600).map(|at| {
            if at < 256 {
                1.0
            } else if at < 512 {
                -2.0
            } else {
                0.1
            }
        });
        for values in [mixed.collect::<Vec<f32>>(), grouped.collect()] {
            for len in (0..20).chain(250..260).chain([511, 512, 600]) {
                let mut y = values[..len].to_vec();
                erf(&mut y);
                let expected = values[..len].iter().map(|&x| libm::erff(x));
                assert!(y.iter().map(|y| y.to_bits()).eq(expected.map(f32::to_bits)), "{len} elements");
            }
        }
    }
}
