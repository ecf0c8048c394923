//! Softmax of quantised values: a table of exponentials, a sum in order, a quotient for each element.

use super::row::{PIECE, round_even_64};
use crate::args::SoftmaxArgs;

/// See [`crate::KernelSet::softmax`]: lengths are equal.
#[inline(always)]
pub(crate) fn softmax(x: &[u8], y: &mut [u8], args: &SoftmaxArgs<'_>) {
    let flip = args.flip;
    let mut most = 0;
    for &byte in x {
        most = (byte ^ flip).max(most);
    }
    let up = usize::from(255 - most);
    let mut sum = 0.0;
    for &byte in x {
        sum += args.exponentials[usize::from(byte ^ flip) + up];
    }
    let sum = f64::from(sum);
    for (x, y) in x.chunks(PIECE).zip(y.chunks_mut(PIECE)) {
        let mut exponentials = [0.0; PIECE];
        for (to, &byte) in exponentials.iter_mut().zip(x) {
            *to = args.exponentials[usize::from(byte ^ flip) + up];
        }
        let mut results = [0; PIECE];
        for n in 0..PIECE {
            let quotient = f64::from(exponentials[n]) * args.scale / sum;
            // More than any result less its zero point.
            let quotient = if quotient < 512.0 { quotient } else { 512.0 };
            results[n] = (round_even_64(quotient) + args.zero_point).clamp(args.clamp.0, args.clamp.1) as u8;
        }
        y.copy_from_slice(&results[..y.len()]);
    }
}
