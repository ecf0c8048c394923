//! Packing the weights of depthwise convolutions: in pairs of taps, of 16 bits or in digits.

use zeropoint_kernels::table::KernelSet;

use crate::error::Error;
use crate::lines::{Lines, none, zeroed};
use crate::weights::{Bytes, Packed, product};

/// Greatest magnitude of a digit: the most that lets the taps of a window sum up in 16 bits.
const DIGIT: i32 = 8;
/// Greatest byte.
const BYTE: i32 = 255;

/// The taps of each channel.
pub(crate) struct Taps<'a> {
    bytes: &'a Bytes<'a>,
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Taps<'a> {
    pub(crate) fn of(bytes: &'a Bytes<'a>) -> Self {
        let [channels, height, width, _] = bytes.view.shape();
        Self { bytes, channels, height, width }
    }

    /// Packs for a tier, in digits where it has a kernel for them that may be used and pays. With digits comes the sum
    /// of each padded channel, in the order of joined sums.
    pub(crate) fn pack(&self, set: &KernelSet) -> Result<(Packed, Lines<i32>), Error> {
        match set.digits_order() {
            Some(order) if self.fills(order.len(), set.depthwise_lanes()) && self.have_digits() => {
                let forms = if [self.height, self.width] == [3, 3] { 2 } else { 1 };
                Ok((Packed::Digits(self.digits(order, forms)?), self.sums(set.digits_joined_order().unwrap_or(order))?))
            }
            _ => Ok((Packed::Pairs(self.pairs(set.depthwise_order())?), none())),
        }
    }

    /// A tap's weight less its zero point; 0 for padding.
    fn value(&self, channel: usize, y: usize, x: usize) -> i32 {
        if y >= self.height || x >= self.width || channel >= self.channels {
            return 0;
        }
        let byte = self.bytes.view.at([channel, y, x, 0]);
        self.bytes.reading.value(byte) - self.bytes.zero_points[channel]
    }

    /// The weights of a channel, less their zero point.
    fn values(&self, channel: usize) -> impl Iterator<Item = i32> {
        (0..self.height).flat_map(move |y| (0..self.width).map(move |x| self.value(channel, y, x)))
    }

    /// Whether blocks of digits pad the channels by no more than what digits gain on blocks of pairs: a quarter.
    fn fills(&self, digits: usize, pairs: usize) -> bool {
        4 * self.channels.next_multiple_of(digits) <= 5 * self.channels.next_multiple_of(pairs)
    }

    /// Whether every weight has digits, and no window of any bytes can sum up to more than 16 bits in either digit,
    /// whatever the order.
    fn have_digits(&self) -> bool {
        (0..self.channels).all(|channel| {
            let mut sums = [[0; 2]; 2];
            for value in self.values(channel) {
                if value.abs() > 16 * DIGIT + DIGIT {
                    return false;
                }
                for (sums, digit) in sums.iter_mut().zip(split(value)) {
                    sums[usize::from(digit < 0)] += digit.abs() * BYTE;
                }
            }
            sums.as_flattened().iter().all(|&sum| sum <= i32::from(i16::MAX))
        })
    }

    /// Taps in the order of rows.
    fn pairs(&self, order: &[u8]) -> Result<Lines<i16>, Error> {
        let pairs = (self.height * self.width).div_ceil(2);
        self.places(order, [1, pairs, 1], |channel, [_, tap, _]| {
            let (y, x) = (tap.checked_div(self.width).unwrap_or(0), tap.checked_rem(self.width).unwrap_or(0));
            self.value(channel, y, x) as i16
        })
    }

    /// Taps down the columns; in a second form they begin a row lower.
    fn digits(&self, order: &[u8], forms: usize) -> Result<Lines<i8>, Error> {
        let column = self.height.next_multiple_of(2);
        self.places(order, [forms, self.width * column / 2, 2], |channel, [form, tap, digit]| {
            let (x, y) = (tap.checked_div(column).unwrap_or(0), tap.checked_rem(column).unwrap_or(0));
            y.checked_sub(form).map_or(0, |y| split(self.value(channel, y, x))[digit] as i8)
        })
    }

    /// Blocks of channels, in a block some forms, in a form pairs of taps, in a pair some layers, in a layer channels in an
    /// order, in a channel two taps. A place is given by its form, tap and layer.
    fn places<T: bytemuck::Zeroable + Clone>(
        &self,
        order: &[u8],
        [forms, pairs, layers]: [usize; 3],
        of: impl Fn(usize, [usize; 3]) -> T,
    ) -> Result<Lines<T>, Error> {
        let lanes = order.len();
        let total = product("packed weights", &[self.channels.next_multiple_of(lanes), forms, pairs, 2, layers])?;
        let mut packed = zeroed("packed weights", total)?;
        for (index, place) in packed.iter_mut().enumerate() {
            let (rest, side) = (index / 2, index % 2);
            let (rest, channel) = (rest / lanes, usize::from(order[rest % lanes]));
            let (rest, layer) = (rest / layers, rest % layers);
            let (rest, pair) = (rest / pairs, rest % pairs);
            let (block, form) = (rest / forms, rest % forms);
            *place = of(block * lanes + channel, [form, pair * 2 + side, layer]);
        }
        Ok(packed)
    }

    /// The sum of each padded channel's weights, in an order of each block.
    fn sums(&self, order: &[u8]) -> Result<Lines<i32>, Error> {
        let mut sums = zeroed("sums of the weights", self.channels.next_multiple_of(order.len()))?;
        for (index, sum) in sums.iter_mut().enumerate() {
            let (block, place) = (index / order.len(), index % order.len());
            let channel = block * order.len() + usize::from(order[place]);
            *sum = if channel < self.channels { self.values(channel).sum() } else { 0 };
        }
        Ok(sums)
    }
}

/// High and low digit of a value within `16 * DIGIT + DIGIT`: each of magnitude up to `DIGIT`.
fn split(value: i32) -> [i32; 2] {
    let high = ((value + DIGIT) >> 4).min(DIGIT);
    [high, value - 16 * high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_small_and_make_up_the_value() {
        for value in -16 * DIGIT - DIGIT..=16 * DIGIT + DIGIT {
            let [high, low] = split(value);
            assert_eq!(16 * high + low, value);
            assert!(high.abs() <= DIGIT && low.abs() <= DIGIT, "{value}: {high}, {low}");
        }
    }
}
