//! Pools over windows: greatest values, and means.
//!
//! A block of channels goes through all taps of a window before the next one does. The loops are over arrays, which the
//! compiler turns into the tier's registers.

use super::row::within;
use super::rule_requantize::{clip_round, moved, multiply_double, zero_point_first};
use crate::encode::Reading;
use crate::pools::{Averages, Mean, PoolRow};
use crate::rules::Fixed;

/// See [`crate::KernelSet::max_pool`].
#[inline(always)]
pub(crate) fn max(args: &mut PoolRow<'_>, reading: Reading) {
    match reading {
        Reading::Unsigned => all(Unsigned, args, Some(1)),
        Reading::Signed => all(Signed, args, Some(1)),
    }
}

/// See [`crate::KernelSet::average_pool`].
#[inline(always)]
pub(crate) fn average(args: &mut PoolRow<'_>, by: &Averages) {
    let Averages { mean, count, zero_point, clamp, reading } = *by;
    let flip = reading.flip_to_unsigned();
    match mean {
        Mean::Real { scale, zero, to } => {
            all(Real { flip, zero: reading.as_unsigned(zero), scale, to, zero_point, clamp }, args, count);
        }
        Mean::Integer => {
            all(Summed { flip, zero: reading.as_unsigned(0), mean: Integer, zero_point, clamp }, args, count);
        }
        Mean::Ratio { zero, ratio } => {
            let mean = Ratio(ratio);
            all(Summed { flip, zero: reading.as_unsigned(zero), mean, zero_point, clamp }, args, count);
        }
        Mean::Fixed { zero, by } => {
            let mean = Scaled(by);
            all(Summed { flip, zero: reading.as_unsigned(zero), mean, zero_point, clamp }, args, count);
        }
    }
}

/// What becomes of the bytes of a channel under a window.
trait Pool: Copy {
    /// What is known of a channel after some taps.
    type Sum: Copy;

    /// Before the first.
    fn start(self) -> Self::Sum;
    /// After one more.
    fn take(self, sum: Self::Sum, byte: u8) -> Self::Sum;
    /// After all, in the reading of the output.
    fn result(self, sum: Self::Sum, count: i32) -> u8;
    /// That of a window which lies wholly in the padding.
    fn empty(self) -> u8;
}

/// Channels of a block: four registers of the widest 32-bit lanes; of one where channels are few.
const BLOCKS: (usize, usize) = (64, 8);

/// What [`PoolRow::fits`] has seen.
const ADJACENT: &str = "channels side by side";

#[inline(always)]
fn all<P: Pool>(pool: P, args: &mut PoolRow<'_>, count: Option<i32>) {
    let [_, channels] = args.y.shape();
    for column in 0..args.columns.len() {
        let inside = (args.rows.count * args.columns[column].count) as i32;
        if inside == 0 {
            args.y.row(column).expect(ADJACENT).fill(pool.empty());
            continue;
        }
        let count = count.unwrap_or(inside);
        let mut first = 0;
        while channels - first >= BLOCKS.0 {
            block::<P, { BLOCKS.0 }>(pool, args, column, first, count);
            first += BLOCKS.0;
        }
        while channels - first >= BLOCKS.1 {
            block::<P, { BLOCKS.1 }>(pool, args, column, first, count);
            first += BLOCKS.1;
        }
        while first < channels {
            block::<P, 1>(pool, args, column, first, count);
            first += 1;
        }
    }
}

/// `N` channels of a window from `first` on.
#[inline(always)]
fn block<P: Pool, const N: usize>(pool: P, args: &mut PoolRow<'_>, column: usize, first: usize, count: i32) {
    let columns = args.columns[column];
    let mut sums = [pool.start(); N];
    for row in 0..args.rows.count {
        let row = (args.rows.first + row * args.dilation[0]) * args.strides[0];
        for tap in 0..columns.count {
            let from = row + (columns.first + tap * args.dilation[1]) * args.strides[1] + first;
            let bytes: &[u8; N] = args.x[from..].first_chunk().expect("windows inside the image");
            for n in 0..N {
                sums[n] = pool.take(sums[n], bytes[n]);
            }
        }
    }
    let mut results = [0; N];
    for n in 0..N {
        results[n] = pool.result(sums[n], count);
    }
    args.y.row(column).expect(ADJACENT)[first..][..N].copy_from_slice(&results);
}

/// The greatest of unsigned values.
#[derive(Clone, Copy)]
struct Unsigned;

impl Pool for Unsigned {
    type Sum = u8;

    #[inline(always)]
    fn start(self) -> u8 {
        u8::MIN
    }

    #[inline(always)]
    fn take(self, most: u8, byte: u8) -> u8 {
        most.max(byte)
    }

    #[inline(always)]
    fn result(self, most: u8, _: i32) -> u8 {
        most
    }

    #[inline(always)]
    fn empty(self) -> u8 {
        self.start()
    }
}

/// The greatest of signed values.
#[derive(Clone, Copy)]
struct Signed;

impl Pool for Signed {
    type Sum = i8;

    #[inline(always)]
    fn start(self) -> i8 {
        i8::MIN
    }

    #[inline(always)]
    fn take(self, most: i8, byte: u8) -> i8 {
        most.max(byte as i8)
    }

    #[inline(always)]
    fn result(self, most: i8, _: i32) -> u8 {
        most as u8
    }

    #[inline(always)]
    fn empty(self) -> u8 {
        self.start() as u8
    }
}

/// [`Mean::Real`].
#[derive(Clone, Copy)]
struct Real {
    flip: u8,
    /// As the unsigned reading counts it.
    zero: i32,
    scale: f32,
    to: f32,
    zero_point: i32,
    clamp: (i32, i32),
}

impl Pool for Real {
    type Sum = f32;

    #[inline(always)]
    fn start(self) -> f32 {
        0.0
    }

    #[inline(always)]
    fn take(self, sum: f32, byte: u8) -> f32 {
        sum + (i32::from(byte ^ self.flip) - self.zero) as f32 * self.scale
    }

    #[inline(always)]
    fn result(self, sum: f32, count: i32) -> u8 {
        zero_point_first(sum / count as f32 / self.to, self.zero_point, self.clamp) as u8
    }

    #[inline(always)]
    fn empty(self) -> u8 {
        within(self.zero_point, self.clamp) as u8
    }
}

/// A mean of a sum in integers.
trait MeanOfSum: Copy {
    /// The mean of so many values, in the reading of the output.
    fn mean(self, sum: i32, count: i32, zero_point: i32, clamp: (i32, i32)) -> i32;
}

/// A sum in integers, and what becomes of it.
#[derive(Clone, Copy)]
struct Summed<M> {
    flip: u8,
    /// What is taken from each value, as the unsigned reading counts it.
    zero: i32,
    mean: M,
    zero_point: i32,
    clamp: (i32, i32),
}

impl<M: MeanOfSum> Pool for Summed<M> {
    type Sum = i32;

    #[inline(always)]
    fn start(self) -> i32 {
        0
    }

    #[inline(always)]
    fn take(self, sum: i32, byte: u8) -> i32 {
        sum.wrapping_add(i32::from(byte ^ self.flip) - self.zero)
    }

    #[inline(always)]
    fn result(self, sum: i32, count: i32) -> u8 {
        self.mean.mean(sum, count, self.zero_point, self.clamp) as u8
    }

    #[inline(always)]
    fn empty(self) -> u8 {
        within(self.zero_point, self.clamp) as u8
    }
}

/// [`Mean::Integer`]: of values with their zero point.
#[derive(Clone, Copy)]
struct Integer;

impl MeanOfSum for Integer {
    #[inline(always)]
    fn mean(self, sum: i32, count: i32, _: i32, clamp: (i32, i32)) -> i32 {
        within(divide_away(sum, count), clamp)
    }
}

/// [`Mean::Ratio`].
#[derive(Clone, Copy)]
struct Ratio(f32);

impl MeanOfSum for Ratio {
    #[inline(always)]
    fn mean(self, sum: i32, count: i32, zero_point: i32, clamp: (i32, i32)) -> i32 {
        clip_round(sum as f32 * (self.0 / count as f32), zero_point, clamp)
    }
}

/// [`Mean::Fixed`].
#[derive(Clone, Copy)]
struct Scaled(Fixed);

impl MeanOfSum for Scaled {
    #[inline(always)]
    fn mean(self, sum: i32, count: i32, zero_point: i32, clamp: (i32, i32)) -> i32 {
        moved(divide_away(multiply_double::<true>(sum, self.0), count), zero_point, clamp)
    }
}

/// The nearest integer to a quotient, ties away from zero.
#[inline(always)]
fn divide_away(x: i32, by: i32) -> i32 {
    let half = by / 2;
    (if x > 0 { x.saturating_add(half) } else { x.saturating_sub(half) }) / by
}
