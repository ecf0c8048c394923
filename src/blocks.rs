//! How a product is cut into parts: a pure function of shapes, so that results and parts never depend on the machine.

use core::ops::Range;

use zeropoint_kernels::encode::Encoding;

/// The extents of a product that cutting it looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Images, or matrices of a batch.
    pub(crate) images: usize,
    /// Output rows of an image.
    pub(crate) height: usize,
    /// Output pixels of a row.
    pub(crate) width: usize,
    /// Bytes of centred input that an output row adds to a band.
    pub(crate) row_bytes: usize,
    /// Columns that can be cut, in units: panels of a matrix, or groups.
    pub(crate) units: usize,
    /// Columns of a unit.
    pub(crate) unit: usize,
    /// Multiply-accumulates in all, or as many as take the same time.
    pub(crate) work: u64,
    /// How kernels take the input.
    pub(crate) encoding: Encoding,
    /// Whether it is large enough for kernels to halve it.
    pub(crate) halved: bool,
}

/// Parts: image × band of output rows × range of column units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    pub(crate) images: usize,
    pub(crate) height: usize,
    pub(crate) units: usize,
    /// Output rows of a band; the last may have fewer.
    pub(crate) band: usize,
    /// Units of a range; the last may have fewer.
    pub(crate) range: usize,
}

/// What a band of centred input may take, so that it stays in a second-level cache beside a widened panel.
const BAND_BYTES: usize = 320 << 10;

/// Parts at most that are made only to have work to hand out.
const PARTS: u64 = 8;

/// What a part has at least that is made for the sake of parts alone.
struct Least {
    /// Multiply-accumulates: some ten microseconds, since whose threads take the parts is not known.
    work: u64,
    /// Output pixels of a band.
    pixels: usize,
    /// Columns of a range.
    columns: usize,
}

impl Least {
    fn of(encoding: Encoding) -> Self {
        match encoding {
            // Each band widens every panel again, which costs at most as much as the products of two and a half rows, and each
            // range centres its rows again, as much as the products of five columns.
            Encoding::Centred => Self { work: 1 << 20, pixels: 96, columns: 384 },
            // Bytes are multiplied three to four times as fast, and at most copied before.
            Encoding::Bytes => Self { work: 1 << 22, pixels: 48, columns: 128 },
        }
    }
}

/// Pixels of a band where products are halved: it is met half by half, and a panel is widened more often.
const HALVED_PIXELS: usize = 256;

/// The same for as few bands as two threads need.
const HALVED_PIXELS_OF_TWO: usize = 128;

/// Columns of a range where rows are too few for two bands that are halved: as many as are halved.
const HALVED_COLUMNS: usize = 256;

/// Cuts so that a band fits the cache, and so that large products have parts for several threads: into ranges of
/// columns, then into more bands, as long as that costs next to nothing; a single row is cut into ranges alone.
pub(crate) fn choose(extent: Extent) -> Blocks {
    let Extent { images, height, width, row_bytes, units, unit, work, encoding, halved } = extent;
    let least = Least::of(encoding);
    let pixels = height * width;
    // Of a band that is halved, a product meets a quarter.
    let (bytes, pixels_of_band) = if halved { (4 * BAND_BYTES, HALVED_PIXELS) } else { (BAND_BYTES, least.pixels) };
    let fits = (bytes / row_bytes.max(1)).max(1);
    // Rows of such bands come in eights: a half of them in fours.
    let step = if halved && width == 1 { 8 } else { 1 };
    let band = |bands: usize| height.div_ceil(bands.max(1)).next_multiple_of(step).min(height).max(1);
    let bands = height.div_ceil(fits).max(1);
    // A power of two, so that two threads have as many parts each.
    let wanted = power((work / least.work).clamp(1, PARTS) as usize);
    let missing = |parts: usize| wanted.div_ceil(parts.max(1));
    let columns = if halved && pixels < 2 * HALVED_PIXELS { HALVED_COLUMNS } else { least.columns };
    let ranges = power(missing(images * bands).min(units / columns.div_ceil(unit.max(1))).max(1));
    let most_bands = match pixels / pixels_of_band {
        0 | 1 if halved && ranges == 1 => pixels / HALVED_PIXELS_OF_TWO,
        bands => bands,
    };
    let least_bands = bands;
    let mut bands = bands.max(power(missing(images * ranges).min(most_bands).max(1))).min(height.max(1));
    // Two threads take half of the bands each: fewer, where the last ones would leave one of them a tenth more.
    while bands > 2 && bands / 2 >= least_bands && band(bands) * bands.div_ceil(2) * 20 > height * 11 {
        bands /= 2;
    }
    Blocks { images, height, units, band: band(bands), range: units.div_ceil(ranges).max(1) }
}

/// The greatest power of two that is no more.
fn power(count: usize) -> usize {
    1 << count.ilog2()
}

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) image: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) units: Range<usize>,
}

impl Blocks {
    /// Bands and ranges of an image.
    pub(crate) fn grid(&self) -> (usize, usize) {
        (self.height.div_ceil(self.band), self.units.div_ceil(self.range))
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        let (bands, ranges) = self.grid();
        self.images * bands * ranges
    }

    /// The part of an index below [`Blocks::parts`].
    pub(crate) fn part(&self, index: usize) -> Part {
        let (bands, ranges) = self.grid();
        let (image, band, range) = (index / (bands * ranges), index / ranges % bands, index % ranges);
        let rows = band * self.band..((band + 1) * self.band).min(self.height);
        let units = range * self.range..((range + 1) * self.range).min(self.units);
        Part { image, rows, units }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(height: usize, row_bytes: usize, units: usize, work: u64) -> Extent {
        let encoding = Encoding::Centred;
        Extent { images: 1, height, width: 1, row_bytes, units, unit: 16, work, encoding, halved: false }
    }

    #[test]
    fn parts_cover_everything_once() {
        for (height, row_bytes, units, work) in [
            (1, 8192, 256, 1 << 24),
            (1024, 2048, 64, 1 << 30),
            (7, 60_000, 60, 1 << 20),
            (49, 2048, 64, 1 << 26),
            (0, 8, 3, 0),
            (5, 0, 0, 0),
        ] {
            let blocks = choose(extent(height, row_bytes, units, work));
            let mut seen = alloc::vec![0; height * units];
            for index in 0..blocks.parts() {
                let part = blocks.part(index);
                for row in part.rows {
                    for unit in part.units.clone() {
                        seen[row * units + unit] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{blocks:?}");
        }
    }

    /// Products that are halved, and that two threads share evenly: of too few rows for two bands, by columns.
    #[test]
    fn halved_products_have_parts_for_two_threads() {
        for (rows, columns, depth, parts, band) in
            [(128, 768, 768, 2, 128), (196, 512, 512, 2, 196), (256, 256, 512, 2, 128), (512, 512, 512, 2, 256)]
        {
            let work = (rows * columns * depth) as u64;
            let blocks = choose(Extent { halved: true, ..extent(rows, 2 * depth, columns / 16, work) });
            assert_eq!((blocks.parts(), blocks.band), (parts, band), "{rows} x {depth} x {columns}: {blocks:?}");
        }
    }

    /// Rows that four bands would not share evenly, as bytes and centred.
    #[test]
    fn two_threads_have_as_many_rows_each() {
        for encoding in [Encoding::Bytes, Encoding::Centred] {
            for (height, band) in [(14, 7), (28, 7), (56, 7)] {
                let work = (height * height) as u64 * 2304 * 256;
                let image = Extent { width: height, row_bytes: height * 256, ..extent(height, 0, 8, work) };
                let blocks = choose(Extent { encoding, ..image });
                assert_eq!((blocks.band % band, blocks.parts() % 2), (0, 0), "{blocks:?}");
            }
        }
    }

    #[test]
    fn one_row_splits_by_columns_and_small_products_not_at_all() {
        assert!(choose(extent(1, 8192, 256, 1 << 24)).parts() > 1);
        assert_eq!(choose(extent(7, 60, 1, 2639)).parts(), 1);
        // Two million multiply-accumulates of bytes are done before another thread has begun.
        let small = extent(128, 128, 4, 1 << 21);
        assert_eq!((choose(small).parts(), choose(Extent { encoding: Encoding::Bytes, ..small }).parts()), (1, 1));
        let large = choose(extent(1024, 2048, 64, 1 << 30));
        assert!(large.parts() >= 4 && large.band >= Least::of(Encoding::Centred).pixels, "{large:?}");
    }
}
