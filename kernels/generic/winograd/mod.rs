//! Convolution of 3 × 3 taps by Winograd's F(4×4, 3×3), exact: [`mod@crate::winograd`] has the formulas.
//!
//! First all tiles are transformed: for each of the 36 points a matrix of tiles by channels. Then, for a panel of output
//! channels at a time, the weights are transformed too, each point's matrices are multiplied, and the sums, which are
//! still in a cache, become outputs. Transformed weights take eight times the bytes of the taps: a plan has them where
//! they are few, and else they are transformed for each band, which costs less than to read them from afar.

mod input;
mod output;
mod products;
mod weights;

use super::registers::Registers;
use super::store::{Int32, Store, WithStore, with_store};
use crate::args::{WinogradArgs, WinogradWeights};
use crate::pack::PanelLayout;
use crate::winograd::{POINTS, TAPS, Tiles, WINDOW, depth, input_plane, steps, sums_plane, weights_plane};

pub(crate) use products::{Products, blocks};

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
            weights: match &mut args.weights {
                WinogradWeights::Taps { taps, zero_points, room } => {
                    Weights::Taps { taps: taps.as_ptr(), zero_points: zero_points.as_ptr(), room: room.as_mut_ptr() }
                }
                WinogradWeights::Points(points) => Weights::Points(points.as_ptr()),
            },
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

/// The weights of a panel: of its first channel and on.
#[derive(Clone, Copy)]
enum Weights {
    /// To be transformed, with the panel's zero points.
    Taps { taps: *const u8, zero_points: *const i16, room: *mut i16 },
    /// Transformed.
    Points(*const i16),
}

impl Weights {
    /// Those behind the first `channels`, which are a step of a panel of some columns.
    fn behind(self, channels: usize, width: usize) -> Self {
        match self {
            Self::Taps { taps, zero_points, room } => {
                Self::Taps { taps: taps.wrapping_add(TAPS * width * channels), zero_points, room }
            }
            Self::Points(points) => Self::Points(points.wrapping_add(POINTS * weights_plane(channels, width))),
        }
    }

    /// Those of the next panel, where these are behind the last channel of one of some columns.
    fn next_panel(self, width: usize) -> Self {
        match self {
            Self::Taps { taps, zero_points, room } => {
                Self::Taps { taps, zero_points: zero_points.wrapping_add(2 * width), room }
            }
            points => points,
        }
    }
}

/// All panels of columns.
struct Panels<'a, P> {
    band: Band,
    inputs: *const i16,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    weights: Weights,
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
        let mut weights = self.weights;
        // SAFETY: the weights are panel after panel of group after group, and their length was checked.
        unsafe {
            for group in 0..self.groups {
                let inputs = self.inputs.add(group * self.channels);
                for within in (0..self.columns).step_by(2 * P::R::LANES) {
                    let (column, count) = (group * self.columns + within, self.columns - within);
                    weights = if count > P::R::LANES {
                        self.panel::<S, 2>(inputs, weights, column, count.min(2 * P::R::LANES), &store)
                    } else {
                        self.panel::<S, 1>(inputs, weights, column, count, &store)
                    };
                }
            }
        }
    }
}

impl<P: Products> Panels<'_, P> {
    /// The products of all tiles by the first channels of inputs and of a panel; beside what is in the sums if they are
    /// `MORE`.
    #[inline(always)]
    unsafe fn step<const N: usize, const MORE: bool>(&self, inputs: *const i16, weights: Weights, len: usize) {
        let width = N * P::R::LANES;
        let plane = weights_plane(len, width);
        // SAFETY: inputs, weights and sums have a matrix for each point.
        unsafe {
            for y in 0..WINDOW {
                let points = match weights {
                    Weights::Taps { taps, zero_points, room } => {
                        weights::transform::<P::R, N>(y, taps, zero_points, len, room, plane);
                        room.cast_const()
                    }
                    Weights::Points(points) => points.add(y * WINDOW * plane),
                };
                for x in 0..WINDOW {
                    let point = y * WINDOW + x;
                    products::point::<P, N, MORE>(
                        inputs.add(point * self.band.plane),
                        &self.band,
                        points.add(x * plane),
                        len,
                        self.sums.add(point * self.plane),
                    );
                }
            }
        }
    }

    /// All tiles' inputs of a group by one panel of `N` registers of columns; gives the weights of the next.
    #[inline(always)]
    unsafe fn panel<S: Store<P::R>, const N: usize>(
        &self,
        inputs: *const i16,
        mut weights: Weights,
        column: usize,
        count: usize,
        store: &S,
    ) -> Weights {
        let depth = depth(self.channels);
        let width = N * P::R::LANES;
        // SAFETY: inputs, weights and sums have a matrix for each point; bias and outputs are as many as columns.
        unsafe {
            let mut start = output::Start { at: self.bias.as_ptr().add(column), stride: 0 };
            for (begin, len) in steps(depth, self.block) {
                if begin.is_multiple_of(self.block) {
                    self.step::<N, false>(inputs.add(begin), weights, len);
                } else {
                    self.step::<N, true>(inputs.add(begin), weights, len);
                }
                weights = weights.behind(len, width);
                let end = begin + len;
                let sums = output::Sums { at: self.sums, plane: self.plane };
                if end == depth {
                    output::transform::<P::R, _, N>(sums, &self.band, start, column, count, store);
                } else if end.is_multiple_of(self.block) {
                    let so_far = Int32 { out: self.outputs, stride: width };
                    output::transform::<P::R, _, N>(sums, &self.band, start, 0, width, &so_far);
                    start = output::Start { at: self.outputs, stride: width };
                }
            }
        }
        weights.next_panel(width)
    }
}
