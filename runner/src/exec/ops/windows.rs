//! What pools over windows have in common: images in memory, and their rows on several threads.

use std::ops::Range;

use rayon::prelude::*;
use zeropoint::{ImagesMut, ImagesRef, Int8, Pooling};

use super::super::parameters::Operands;
use super::told;
use crate::error::Fault;
use crate::graph::op;
use crate::passes::pool;

/// The images of a pool. Either way the channels are last in memory: by the shape, or by the layout.
pub(super) struct Images {
    /// Rows, columns, channels.
    pub(super) image: [usize; 3],
    /// Rows and columns of the output.
    output: [usize; 2],
}

/// The images and the windows of a node.
pub(super) fn images(operands: Operands<'_>, attributes: &op::Pool) -> Result<(Images, Pooling), Fault> {
    let (pooling, shapes) = pool(attributes, operands.shape(operands.id(0)?)?)?.plane()?;
    let [[_, height, width, channels], [_, rows, columns, _]] = shapes;
    Ok((Images { image: [height, width, channels], output: [rows, columns] }, pooling))
}

impl Images {
    /// Calls `pool` for each row of the output of each image.
    pub(super) fn for_each<X: Int8, Y: Int8>(
        &self,
        threads: usize,
        x: &[X],
        y: &mut [Y],
        pool: impl Fn(ImagesRef<'_, X>, Range<usize>, ImagesMut<'_, Y>) -> Result<(), zeropoint::Error> + Sync,
    ) -> Result<(), String> {
        let ([height, width, channels], [rows, columns]) = (self.image, self.output);
        if y.is_empty() {
            return Ok(());
        }
        let (of_image, of_row) = (height * width * channels, columns * channels);
        let row = |(index, y): (usize, &mut [Y])| {
            let x = ImagesRef::new(&x[index / rows * of_image..][..of_image], [1, height, width, channels]);
            let y = ImagesMut::new(y, [1, 1, columns, channels]).map_err(told)?;
            let row = index % rows;
            pool(x.map_err(told)?, row..row + 1, y).map_err(told)
        };
        if threads == 1 {
            y.chunks_exact_mut(of_row).enumerate().try_for_each(row)
        } else {
            y.par_chunks_exact_mut(of_row).enumerate().try_for_each(row)
        }
    }
}
