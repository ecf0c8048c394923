//! The output of a plan in its parts, which threads may compute in any order.

#[cfg(feature = "rayon")]
use core::cmp::Reverse;
use core::ops::Range;

use zeropoint_kernels::view::ImagesMut;

use crate::blocks::{Blocks, Part};

/// A part of a plan's output, and which one it is.
///
/// ```
/// use zeropoint::{Backend, GemmPlan, MatMut, MatRef, PackedWeights, ProductOptions, Type, ZeroPoints};
///
/// let b = vec![1i8; 64 * 32];
/// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&b, [64, 32]).unwrap(), ZeroPoints::All(0)).unwrap();
/// let plan = GemmPlan::new(&weights, 100, &ProductOptions::new(Type::U8)).unwrap();
/// let (a, mut out) = (vec![1u8; 100 * 64], vec![0i32; 100 * 32]);
/// let a = MatRef::new(&a, [100, 64]).unwrap();
/// std::thread::scope(|scope| {
///     for part in plan.split(MatMut::new(&mut out, [100, 32]).unwrap()).unwrap() {
///         let plan = &plan;
///         scope.spawn(move || plan.run_part(a, part, &mut vec![0; plan.scratch_len()]).unwrap());
///     }
/// });
/// assert!(out.iter().all(|&sum| sum == 64));
/// ```
#[derive(Debug)]
pub struct OutputPart<'a, O> {
    index: usize,
    out: ImagesMut<'a, O>,
}

impl<'a, O> OutputPart<'a, O> {
    /// Which part it is, from 0 to before the plan's number of parts.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The same part among those of a whole, before which there are `first` others.
    pub(crate) fn in_whole(self, first: usize) -> Self {
        Self { index: self.index + first, ..self }
    }

    /// The same part among those of a part of the whole, before which there are `first` others.
    pub(crate) fn of_part(self, first: usize) -> Self {
        Self { index: self.index - first, ..self }
    }

    pub(crate) fn into_inner(self) -> (usize, ImagesMut<'a, O>) {
        (self.index, self.out)
    }
}

/// Some of the parts of an output: a block of the grid that [`Blocks`] makes, and the view that it covers.
struct Block<'a, O> {
    /// Images, bands, ranges.
    cells: [Range<usize>; 3],
    out: ImagesMut<'a, O>,
}

/// The axes of the output that the grid's axes cut.
const AXES: [usize; 3] = [0, 1, 3];

/// How an output is cut: the blocks, and columns of a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) blocks: Blocks,
    pub(crate) unit: usize,
}

impl Grid {
    fn cells(&self) -> [usize; 3] {
        let (bands, ranges) = self.blocks.grid();
        [self.blocks.images, bands, ranges]
    }

    /// Elements along an axis of the output that a cell of the grid's axis covers.
    fn step(&self, axis: usize) -> usize {
        [1, self.blocks.band, self.blocks.range * self.unit][axis]
    }
}

impl<'a, O> Block<'a, O> {
    fn count(&self) -> usize {
        self.cells.iter().map(Range::len).product()
    }

    /// The first `count` cells of an axis, and the rest.
    fn split_at(self, grid: &Grid, axis: usize, count: usize) -> (Self, Self) {
        let (mut first, mut rest) = (self.cells.clone(), self.cells);
        first[axis].end = first[axis].start + count;
        rest[axis].start = first[axis].end;
        let index = (count * grid.step(axis)).min(self.out.shape()[AXES[axis]]);
        let (head, tail) = self.out.split_at(AXES[axis], index);
        (Self { cells: first, out: head }, Self { cells: rest, out: tail })
    }
}

/// The parts of an output, in order: an iterator. See [`OutputPart`], whose example hands them to threads.
pub struct OutputParts<'a, O> {
    grid: Grid,
    /// What is left: later parts first, each block a row of cells, a plane or all.
    left: [Option<Block<'a, O>>; 3],
}

impl<O> core::fmt::Debug for OutputParts<'_, O> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OutputParts").field("grid", &self.grid).finish_non_exhaustive()
    }
}

impl<'a, O> OutputParts<'a, O> {
    pub(crate) fn new(grid: Grid, out: ImagesMut<'a, O>) -> Self {
        let cells = grid.cells().map(|count| 0..count);
        Self { grid, left: [Some(Block { cells, out }), None, None] }
    }

    /// The parts, and where each lies.
    pub(crate) fn located(self) -> impl Iterator<Item = (Part, ImagesMut<'a, O>)> {
        let blocks = self.grid.blocks;
        self.map(move |OutputPart { index, out }| (blocks.part(index), out))
    }

    #[cfg(feature = "rayon")]
    fn of(grid: Grid, block: Block<'a, O>) -> Self {
        Self { grid, left: [Some(block), None, None] }
    }
}

impl<'a, O> Iterator for OutputParts<'a, O> {
    type Item = OutputPart<'a, O>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut block = self.left.iter_mut().rev().find_map(Option::take)?;
        if block.count() == 0 {
            return self.next();
        }
        for axis in 0..3 {
            if block.cells[axis].len() > 1 {
                let (first, rest) = block.split_at(&self.grid, axis, 1);
                self.left[axis] = Some(rest);
                block = first;
            }
        }
        let [_, bands, ranges] = self.grid.cells();
        let [image, band, range] = block.cells.map(|cell| cell.start);
        Some(OutputPart { index: (image * bands + band) * ranges + range, out: block.out })
    }
}

/// How the cells of a grid are halved for some threads: the axis whose cells these share most evenly, of several the one
/// with most cells, and how many of these go to the first half of the threads. Nothing where there is nothing to halve.
#[cfg(feature = "rayon")]
pub(crate) fn halved(cells: [usize; 3], threads: usize) -> Option<(usize, usize)> {
    let share =
        |axis: usize| (1000 * cells[axis].div_ceil(threads) as u64 / cells[axis].max(1) as u64, Reverse(cells[axis]));
    let axis = (0..3).rev().min_by_key(|&axis| share(axis))?;
    let first = (cells[axis] * (threads / 2) / threads).max(1);
    (threads > 1 && cells[axis] > 1).then_some((axis, first))
}

/// Runs parts on up to `threads` threads of the current rayon pool, each with `each` bytes of scratch. It splits by
/// halves, since that is what rayon does without allocating.
#[cfg(feature = "rayon")]
pub(crate) fn fork<O: Send>(
    parts: OutputParts<'_, O>,
    scratch: &mut [u8],
    each: usize,
    threads: usize,
    run: &(impl Fn(OutputParts<'_, O>, &mut [u8]) + Sync),
) {
    let OutputParts { grid, left: [Some(block), None, None] } = parts else { return run(parts, scratch) };
    let Some((axis, first)) = halved(block.cells.each_ref().map(Range::len), threads) else {
        return run(OutputParts::of(grid, block), scratch);
    };
    let half = threads / 2;
    let (first, rest) = block.split_at(&grid, axis, first);
    let (mine, theirs) = scratch.split_at_mut(half * each);
    rayon::join(
        || fork(OutputParts::of(grid, first), mine, each, half, run),
        || fork(OutputParts::of(grid, rest), theirs, each, threads - half, run),
    );
}
