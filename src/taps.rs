//! Packing the weights of depthwise convolutions: in pairs of taps of 16 bits, or as taps of bytes, in digits or as they are.

use zeropoint_kernels::pack::{TapLayout, TapPacking};
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

    /// Packs for a tier, as taps of bytes where it has a kernel for them that may be used and pays. With these comes the
    /// sum of each padded channel, in the order of joined sums.
    pub(crate) fn pack(&self, set: &KernelSet) -> Result<(Packed, Lines<i32>), Error> {
        match set.tap_layout() {
            Some(layout) if self.pays(layout, set.depthwise_lanes()) && self.fits(layout.packing) => {
                let sums = joined_sums(layout, self.channels, |channel| self.values(channel).sum())?;
                Ok((Packed::Bytes(self.bytes(layout)?), sums))
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

    /// Whether blocks of bytes pad the channels by less than what they gain on blocks of pairs: a quarter by digits, as
    /// measured, and a half by quads, which is an estimate.
    fn pays(&self, layout: TapLayout, pairs: usize) -> bool {
        let [gain, to] = match layout.packing {
            TapPacking::Digits => [5, 4],
            TapPacking::Quads => [6, 4],
        };
        to * layout.padded(self.channels) <= gain * self.channels.next_multiple_of(pairs)
    }

    /// Whether weights less their zero points are what a packing can hold.
    fn fits(&self, packing: TapPacking) -> bool {
        match packing {
            TapPacking::Digits => self.have_digits(),
            TapPacking::Quads => {
                (0..self.channels).all(|channel| self.values(channel).all(|value| i8::try_from(value).is_ok()))
            }
        }
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
        let blocks = (0..self.channels).step_by(order.len()).map(|first| (first, order));
        let padded = self.channels.next_multiple_of(order.len());
        self.places(blocks, padded, [1, pairs, 1, 2], |channel, [_, tap, _]| {
            let (y, x) = (tap.checked_div(self.width).unwrap_or(0), tap.checked_rem(self.width).unwrap_or(0));
            self.value(channel, y, x) as i16
        })
    }

    /// Taps down the columns, those of 3 x 3 in a second form too, in which they begin a row lower.
    fn bytes(&self, layout: TapLayout) -> Result<Lines<i8>, Error> {
        let forms = if [self.height, self.width] == [3, 3] { 2 } else { 1 };
        let (unit, column) = (layout.packing.unit(), layout.column(self.height));
        let units = layout.taps([self.height, self.width]) / unit;
        let blocks = layout.blocks(self.channels).map(|(first, block)| (first, block.order));
        let padded = layout.padded(self.channels);
        self.places(blocks, padded, [forms, units, layout.packing.layers(), unit], |channel, [form, tap, layer]| {
            let (x, y) = (tap.checked_div(column).unwrap_or(0), tap.checked_rem(column).unwrap_or(0));
            let value = y.checked_sub(form).map_or(0, |y| self.value(channel, y, x));
            match layout.packing {
                TapPacking::Digits => split(value)[layer] as i8,
                TapPacking::Quads => value as i8,
            }
        })
    }

    /// Blocks of channels, each with its first channel and an order; in a block some forms, in a form units of taps, in a
    /// unit some layers, in a layer channels in the order, in a channel the taps of the unit. A place is given by its form,
    /// tap and layer.
    fn places<'o, T: bytemuck::Zeroable + Clone>(
        &self,
        blocks: impl Iterator<Item = (usize, &'o [u8])>,
        padded: usize,
        [forms, units, layers, unit]: [usize; 4],
        of: impl Fn(usize, [usize; 3]) -> T,
    ) -> Result<Lines<T>, Error> {
        let each = product("packed weights", &[forms, units, unit, layers])?;
        let mut packed = zeroed("packed weights", product("packed weights", &[padded, each])?)?;
        for (first, order) in blocks {
            let lanes = order.len();
            for (index, place) in packed[first * each..][..lanes * each].iter_mut().enumerate() {
                let (rest, within) = (index / unit, index % unit);
                let (rest, channel) = (rest / lanes, usize::from(order[rest % lanes]));
                let (rest, layer) = (rest / layers, rest % layers);
                let (form, at) = (rest / units, rest % units);
                *place = of(first + channel, [form, at * unit + within, layer]);
            }
        }
        Ok(packed)
    }
}

/// The sum of each padded channel's weights, of those that there are, in the order of joined sums.
pub(crate) fn joined_sums(layout: TapLayout, channels: usize, of: impl Fn(usize) -> i32) -> Result<Lines<i32>, Error> {
    let mut sums = zeroed("sums of the weights", layout.padded(channels))?;
    for (sum, channel) in sums.iter_mut().zip(layout.joined(channels)) {
        *sum = if channel < channels { of(channel) } else { 0 };
    }
    Ok(sums)
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
