//! Sharing a product among the threads of a rayon pool: how many have work, how it is cut for them, and handing it out.

use zeropoint_kernels::encode::Encoding;
use zeropoint_kernels::view::ImagesMut;

use crate::blocks::{Blocks, Extent};
use crate::element::Element;
use crate::parts::{Grid, OutputParts, fork, halved};
use crate::product::Product;
use crate::winograd::Winograd;

/// Pixels that a product takes as long for as for one: weights are read once for all of them.
const PIXELS_OF_ONE_READ: usize = 4;

impl Extent {
    /// How many threads have work at most.
    pub(crate) fn threads(&self) -> usize {
        // Two to three microseconds of work, since a thread that looks for it begins within one or so. Larger pieces left
        // more of a network to one thread, and it took longer.
        let least = match self.encoding {
            Encoding::Centred => 1 << 18,
            Encoding::Bytes => 5 << 18,
        };
        let pixels = (self.images * self.height * self.width).max(1);
        let work = self.work / pixels as u64 * pixels.max(PIXELS_OF_ONE_READ) as u64;
        usize::try_from(work / least).unwrap_or(usize::MAX)
    }
}

impl Blocks {
    /// The same work for threads that share it: as it is where they have as much each, else cut anew along the axis of
    /// the output that lets the longest one end first. `step` is how many rows stay together. No part is larger than
    /// one of these, so that what a thread has for a part is enough.
    pub(crate) fn among(self, threads: usize, step: usize) -> Self {
        let cut = |count: usize, most: usize, step: usize| {
            let each = count.div_ceil(threads);
            let pieces = each.div_ceil(most.max(1)).max(1);
            each.div_ceil(pieces).next_multiple_of(step).clamp(1, most.max(1))
        };
        let bands = Self { band: cut(self.height, self.band, step), ..self };
        let ranges = Self { range: cut(self.units, self.range, 1), ..self };
        [bands, ranges]
            .into_iter()
            .fold(self, |best, other| if other.longest(threads) < best.longest(threads) { other } else { best })
    }

    /// What one of some threads has at most, in thousandths of all, as [`fork`] halves the grid.
    fn longest(&self, threads: usize) -> u64 {
        let (bands, ranges) = self.grid();
        let cells = most_cells([self.images, bands, ranges], threads);
        let all = (self.images * self.height * self.units).max(1);
        1000 * (cells * self.band * self.range).min(all) as u64 / all as u64
    }
}

/// Cells that one of some threads has at most.
fn most_cells(cells: [usize; 3], threads: usize) -> usize {
    let Some((axis, count)) = halved(cells, threads) else { return cells.iter().product() };
    let (mut first, mut rest) = (cells, cells);
    (first[axis], rest[axis]) = (count, cells[axis] - count);
    most_cells(first, threads / 2).max(most_cells(rest, threads - threads / 2))
}

impl Product {
    /// Runs parts on the threads of the current rayon pool: as many as the scratch has room for, of `each` bytes for each
    /// of them, and as have work. The output was checked.
    pub(crate) fn fork<O: Element>(
        &self,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
        each: usize,
        run: &(impl Fn(OutputParts<'_, O>, &mut [u8]) + Sync),
    ) {
        let grid = self.grid();
        if self.threads < 2 {
            return run(OutputParts::new(grid, out), scratch);
        }
        let threads = (scratch.len() / each.max(1)).min(rayon::current_num_threads()).clamp(1, self.threads);
        let step = self.winograd().map_or(1, Winograd::step);
        let grid = Grid { blocks: grid.blocks.among(threads, step), ..grid };
        fork(OutputParts::new(grid, out), scratch, each, threads, run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads have as much each as whole rows and units allow, in parts that are no larger than a plan's.
    #[test]
    fn threads_share_evenly() {
        let whole =
            |height: usize, units: usize| Blocks { images: 1, height, units, band: height.max(1), range: units.max(1) };
        for (blocks, step, threads, expected) in [
            (whole(14, 3), 1, 2, (2, 1)),
            (whole(14, 4), 1, 2, (2, 1)),
            (whole(7, 4), 1, 2, (1, 2)),
            (whole(1, 31), 1, 4, (1, 4)),
            (whole(28, 5), 4, 2, (2, 1)),
            (whole(28, 4), 4, 2, (1, 2)),
            (whole(1, 1), 1, 2, (1, 1)),
            (whole(0, 0), 1, 2, (0, 0)),
            // Three bands for a cache become four; two images are one for each thread.
            (Blocks { band: 10, ..whole(28, 1) }, 1, 2, (4, 1)),
            (Blocks { images: 2, ..whole(14, 4) }, 1, 2, (1, 1)),
            // Four threads have a quarter each along two axes, and three a third each along one.
            (Blocks { band: 7, range: 2, ..whole(14, 4) }, 1, 4, (2, 2)),
            (Blocks { band: 7, range: 2, ..whole(14, 6) }, 1, 3, (2, 3)),
        ] {
            let shared = blocks.among(threads, step);
            assert_eq!(shared.grid(), expected, "{blocks:?} for {threads} threads");
            assert!(shared.band <= blocks.band && shared.range <= blocks.range, "{shared:?}");
            assert_eq!(blocks.among(1, step), blocks);
        }
    }

    #[test]
    fn threads_are_as_many_as_have_work() {
        let threads = |encoding, height, work| {
            let matrix =
                Extent { images: 1, height, width: 1, row_bytes: 0, units: 4, unit: 16, work, encoding, halved: false };
            matrix.threads()
        };
        assert_eq!(threads(Encoding::Bytes, 128, 128 * 128 * 128), 1);
        assert_eq!(threads(Encoding::Centred, 128, 128 * 128 * 128), 8);
        assert_eq!(threads(Encoding::Centred, 7, 7 * 29 * 13), 0);
        // One row waits for the weights.
        assert!(threads(Encoding::Bytes, 1, 1024 * 1000) > threads(Encoding::Bytes, 4, 1024 * 1000));
    }
}
