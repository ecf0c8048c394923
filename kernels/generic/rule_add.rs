//! Addition in integers, by the rules of TFLite and XNNPACK.

use super::row::{PIECE, piece};
use super::rule_requantize::multiply_double;
use crate::args::{IntegerAdd, IntegerSum};
use crate::rules::Fixed;

/// See [`crate::KernelSet::rule_add`]: lengths are equal.
#[inline(always)]
pub(crate) fn add(a: &[u8], b: &[u8], y: &mut [u8], args: &IntegerAdd) {
    match args.sum {
        IntegerSum::Tflite { zero_points, by, to } => all(Tflite { zero_points, by, to }, a, b, y, args),
        IntegerSum::Xnnpack { bias, by, shift } => all(Xnnpack { bias, by, shift }, a, b, y, args),
    }
}

/// What two values come to, less the zero point of the result.
trait Sum: Copy {
    fn sum(self, a: i32, b: i32) -> i32;
}

#[inline(always)]
fn all<S: Sum>(sum: S, a: &[u8], b: &[u8], y: &mut [u8], args: &IntegerAdd) {
    let flips = [args.readings[0].flip_to_unsigned(), args.readings[1].flip_to_unsigned()];
    let (mut of_a, mut of_b) = ([0; PIECE], [0; PIECE]);
    for (index, y) in y.chunks_mut(PIECE).enumerate() {
        let at = index * PIECE;
        let (a, b) = (piece(&a[at..], &mut of_a), piece(&b[at..], &mut of_b));
        let mut results = [0; PIECE];
        for n in 0..PIECE {
            let a = i32::from(a[n] ^ flips[0]) - i32::from(flips[0]);
            let b = i32::from(b[n] ^ flips[1]) - i32::from(flips[1]);
            results[n] = sum.sum(a, b).saturating_add(args.zero_point).clamp(args.clamp.0, args.clamp.1) as u8;
        }
        y.copy_from_slice(&results[..y.len()]);
    }
}

#[derive(Clone, Copy)]
struct Tflite {
    zero_points: [i32; 2],
    by: [Fixed; 2],
    to: Fixed,
}

impl Sum for Tflite {
    #[inline(always)]
    fn sum(self, a: i32, b: i32) -> i32 {
        let a = multiply_double::<false>((a - self.zero_points[0]) << 20, self.by[0]);
        let b = multiply_double::<false>((b - self.zero_points[1]) << 20, self.by[1]);
        multiply_double::<false>(a + b, self.to)
    }
}

#[derive(Clone, Copy)]
struct Xnnpack {
    bias: i32,
    by: [i32; 2],
    shift: u32,
}

impl Sum for Xnnpack {
    #[inline(always)]
    fn sum(self, a: i32, b: i32) -> i32 {
        // Partial sums may leave 32 bits; the whole does not.
        let sum = self.bias.wrapping_add(a.wrapping_mul(self.by[0])).wrapping_add(b.wrapping_mul(self.by[1]));
        sum >> self.shift
    }
}
