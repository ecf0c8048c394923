//! Convolution of 3 × 3 taps by Winograd's F(4×4, 3×3), exact: [`mod@crate::winograd`] has the formulas.
//!
//! First all tiles are transformed: for each of the 36 points a matrix of tiles by channels. Then, for a panel of output
//! channels at a time, the weights are transformed too, each point's matrices are multiplied, and the sums, which are
//! still in a cache, become outputs. Transformed weights would take four times the bytes of the taps, from a farther
//! cache or from memory, which costs more than to transform them for each band.

mod input;
mod output;
mod products;
mod weights;

use super::registers::Registers;
use super::store::{Int32, Store, WithStore, with_store};
use crate::args::WinogradArgs;
use crate::pack::PanelLayout;
use crate::winograd::{POINTS, STEP, TAPS, Tiles, depth, input_plane, sums_plane, weights_plane};

pub(crate) use products::{Products, tile};

/// The layout of the weights' panels.
pub(crate) const fn panels<R: Registers>() -> PanelLayout {
    PanelLayout { width: 2 * R::LANES, half: R::LANES, group: 2 }
}

/// See [`crate::KernelSet::winograd`].
///
/// # Safety
/// The products' features, and arguments that the safe call has checked.
#[inline(always)]
pub(crate) unsafe fn winograd<P: Products>(args: &mut WinogradArgs<'_>) {
    let columns = 2 * P::R::LANES;
    let channels = args.groups * args.channels;
    let band = Band {
        tiles: args.tiles,
        channels,
        plane: input_plane(args.tiles.count(), channels, columns),
        row: channels.next_multiple_of(columns),
    };
    // SAFETY: the caller has checked the arguments.
    unsafe {
        input::transform::<P::R>(args.a.as_ptr(), args.row_len, &band, args.inputs.as_mut_ptr());
        let plane = sums_plane(band.tiles.count(), columns);
        let panels = Panels::<P> {
            band,
            inputs: args.inputs.as_ptr(),
            groups: args.groups,
            channels: args.channels,
            taps: args.weights,
            zero_points: args.zero_points,
            weights: args.points.as_mut_ptr(),
            block: args.block,
            columns: args.columns,
            bias: args.bias,
            sums: args.sums.as_mut_ptr(),
            plane,
            // Behind the sums of all points.
            outputs: args.sums.as_mut_ptr().wrapping_add(POINTS * plane),
            products: core::marker::PhantomData,
        };
        with_store::<P::R>(&mut args.epilogue, panels);
    }
}

/// The tiles of a call, and where their transformed inputs lie.
#[derive(Clone, Copy)]
struct Band {
    tiles: Tiles,
    /// Channels of all groups.
    channels: usize,
    /// Elements from one point's matrix to the next.
    plane: usize,
    /// Elements from one tile to the next.
    row: usize,
}

/// All panels of columns.
struct Panels<'a, P> {
    band: Band,
    inputs: *const i16,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    taps: &'a [u8],
    zero_points: &'a [i16],
    weights: *mut i16,
    block: usize,
    /// Columns of a group.
    columns: usize,
    bias: &'a [i32],
    sums: *mut i32,
    plane: usize,
    /// Outputs of a panel whose channels are several blocks, as far as they are.
    outputs: *mut i32,
    products: core::marker::PhantomData<P>,
}

impl<P: Products> WithStore<P::R> for Panels<'_, P> {
    #[inline(always)]
    unsafe fn run<S: Store<P::R>>(self, store: S) {
        let depth = depth(self.channels);
        let mut taps = self.taps.as_ptr();
        // SAFETY: the taps are panel after panel of group after group, and their length was checked.
        unsafe {
            for group in 0..self.groups {
                let inputs = self.inputs.add(group * self.channels);
                for within in (0..self.columns).step_by(2 * P::R::LANES) {
                    let (column, count) = (group * self.columns + within, self.columns - within);
                    if count > P::R::LANES {
                        self.panel::<S, 2>(inputs, taps, column, count.min(2 * P::R::LANES), &store);
                        taps = taps.wrapping_add(TAPS * 2 * P::R::LANES * depth);
                    } else {
                        self.panel::<S, 1>(inputs, taps, column, count, &store);
                        taps = taps.wrapping_add(TAPS * P::R::LANES * depth);
                    }
                }
            }
        }
    }
}

impl<P: Products> Panels<'_, P> {
    /// The products of all tiles by some channels, from one on, of a panel; beside what is in the sums if they are
    /// `MORE`.
    #[inline(always)]
    unsafe fn step<const N: usize, const MORE: bool>(
        &self,
        inputs: *const i16,
        taps: *const u8,
        column: usize,
        begin: usize,
        len: usize,
    ) {
        let width = N * P::R::LANES;
        let plane = weights_plane(len, width);
        // SAFETY: inputs, weights and sums have a matrix for each point.
        unsafe {
            let zero_points = self.zero_points.as_ptr().add(2 * column);
            weights::transform::<P::R, N>(taps.add(TAPS * width * begin), zero_points, len, self.weights, plane);
            for point in 0..POINTS {
                products::point::<P, N, MORE>(
                    inputs.add(point * self.band.plane + begin),
                    &self.band,
                    self.weights.add(point * plane),
                    len,
                    self.sums.add(point * self.plane),
                );
            }
        }
    }

    /// All tiles' inputs of a group by one panel of `N` registers of columns.
    #[inline(always)]
    unsafe fn panel<S: Store<P::R>, const N: usize>(
        &self,
        inputs: *const i16,
        taps: *const u8,
        column: usize,
        count: usize,
        store: &S,
    ) {
        let depth = depth(self.channels);
        let width = N * P::R::LANES;
        // SAFETY: inputs, weights and sums have a matrix for each point; bias and outputs are as many as columns.
        unsafe {
            let mut start = output::Start { at: self.bias.as_ptr().add(column), stride: 0 };
            for begin in (0..depth).step_by(self.block) {
                let len = self.block.min(depth - begin);
                self.step::<N, false>(inputs, taps, column, begin, len.min(STEP));
                for more in (begin + STEP..begin + len).step_by(STEP) {
                    self.step::<N, true>(inputs, taps, column, more, (begin + len - more).min(STEP));
                }
                let sums = output::Sums { at: self.sums, plane: self.plane };
                if begin + len < depth {
                    let so_far = Int32 { out: self.outputs, stride: width };
                    output::transform::<P::R, _, N>(sums, &self.band, start, 0, width, &so_far);
                    start = output::Start { at: self.outputs, stride: width };
                } else {
                    output::transform::<P::R, _, N>(sums, &self.band, start, column, count, store);
                }
            }
        }
    }
}
