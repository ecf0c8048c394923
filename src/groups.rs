//! Packing the weights of convolutions in groups of few channels, for the kernel that takes such groups.

use zeropoint_kernels::pack::TapLayout;
use zeropoint_kernels::table::KernelSet;

use crate::error::Error;
use crate::lines::{Lines, zeroed};
use crate::taps::joined_sums;
use crate::weights::{Bytes, Geometry, product};

/// The weights of groups that have as many outputs as channels.
pub(crate) struct Groups<'a> {
    bytes: &'a Bytes<'a>,
    layout: TapLayout,
    /// Channels of a group.
    width: usize,
    /// Channels of all groups.
    channels: usize,
    kernel: [usize; 2],
}

impl<'a> Groups<'a> {
    /// The groups, if the tier has a kernel for them and may use it: their channels are as many as it takes and fill half
    /// of its blocks at least, and weights less their zero points are bytes.
    pub(crate) fn of(bytes: &'a Bytes<'a>, geometry: &Geometry, set: &KernelSet) -> Option<Self> {
        let layout = set.group_layout()?;
        let (width, groups) = (geometry.channels, geometry.filter.groups);
        let channels = geometry.columns.checked_mul(groups)?;
        let fits = (width == 4 || width == 8) && geometry.columns == width && groups > 1;
        if !fits || layout.padded(channels) > 2 * channels {
            return None;
        }
        let groups = Self { bytes, layout, width, channels, kernel: geometry.kernel };
        let are_bytes = (0..channels).all(|output| groups.values(output).all(|value| i8::try_from(value).is_ok()));
        are_bytes.then_some(groups)
    }

    /// A weight less its zero point.
    fn value(&self, output: usize, [y, x]: [usize; 2], channel: usize) -> i32 {
        let byte = self.bytes.view.at([output, y, x, channel]);
        self.bytes.reading.value(byte) - self.bytes.zero_points[output]
    }

    /// The weights of an output.
    fn values(&self, output: usize) -> impl Iterator<Item = i32> {
        let [height, width] = self.kernel;
        let taps = (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]));
        taps.flat_map(move |tap| (0..self.width).map(move |channel| self.value(output, tap, channel)))
    }

    /// Packs them; with the sum of each padded output, in the order of joined sums.
    pub(crate) fn pack(&self) -> Result<(Lines<i8>, Lines<i32>), Error> {
        let Self { layout, width, channels, kernel: [height, across], .. } = *self;
        let (padded, block) = (layout.padded(channels), layout.block.lanes());
        let mut packed = zeroed("packed weights", product("packed weights", &[padded, height, across, width])?)?;
        for (index, place) in packed.iter_mut().enumerate() {
            // Blocks; taps; fourths of the outputs; outputs; groups of the block; channels.
            let (rest, channel) = (index / width, index % width);
            let (rest, group) = (rest / (block / width), rest % (block / width));
            let (rest, output) = (rest / width, rest % width);
            let (first, tap) = (rest / (height * across) * block, rest % (height * across));
            let output = first + group * width + output;
            if output < channels {
                *place = self.value(output, [tap / across, tap % across], channel) as i8;
            }
        }
        let sums = joined_sums(layout, channels, |output| self.values(output).sum())?;
        Ok((packed, sums))
    }
}
