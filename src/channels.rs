//! Zero points of the input's channels.
//!
//! ```text
//! Σ (a - za[c]) (b - zb)  =  Σ a (b - zb)  -  Σ za[c] (b - zb)        modulo 2^32
//! ```
//!
//! where padded positions hold za[c]. The second sum is the same for every pixel: it goes into the bias when planning.

use alloc::vec::Vec;

use zeropoint_kernels::view::{ImagesMut, ImagesRef};

use crate::element::{Int8, Type};
use crate::error::{Error, same_length, within};
use crate::lines::zeroed;
use crate::options::ProductOptions;
use crate::param::Param;
use crate::plan::weights;
use crate::product::{Inputs, Product, Window3d};
use crate::weights::{Filter, Geometry, Inner};

/// The bias of all columns, less what the zero points of the channels come to.
pub(crate) fn bias(inner: &Inner, channels: &[i32], options: &ProductOptions<'_>) -> Result<Vec<i32>, Error> {
    let geometry = inner.geometry;
    let reading = options.input.int8("input type")?;
    same_length("zero points of the input's channels", geometry.channels * geometry.filter.groups, channels.len())?;
    channels.iter().try_for_each(|&zero| within("zero point of the input", reading.range(), zero).map(drop))?;
    let mut sums = match options.input {
        Type::I8 => sums(inner, channels.iter().map(|&zero| zero as i8))?,
        _ => sums(inner, channels.iter().map(|&zero| zero as u8))?,
    };
    if let Some(bias) = options.bias {
        same_length("bias", sums.len(), bias.len())?;
    }
    for (column, sum) in sums.iter_mut().enumerate() {
        *sum = options.bias.map_or(0, |bias| bias[column]).wrapping_sub(*sum);
    }
    Ok(sums)
}

/// The product of the weights and pixels that all hold the zero points of their channels: by the kernels of the weights,
/// which take the same pixel for every tap, as if the taps had no distance.
fn sums<A: Int8>(inner: &Inner, pixel: impl Iterator<Item = A> + Clone) -> Result<Vec<i32>, Error> {
    let Inner { set, geometry, .. } = *inner;
    // Where the taps of a row are one segment, they are as many pixels.
    let (across, width) = if geometry.rows_are_segments() { (1, geometry.kernel[1]) } else { (0, 1) };
    let filter = Filter { dilation: [0, across], ..geometry.filter };
    let geometry = Geometry { filter, planes_apart: 0, ..geometry };
    let options = ProductOptions::new(A::TYPE);
    let form = inner.packed.form();
    let mut product = Product::new(set, geometry, form, [1, 1, width], Window3d::default(), &options)?;
    product.compensate(0, &inner.sums);
    let pixels: Vec<A> = core::iter::repeat_n(pixel, width).flatten().collect();
    let mut sums = alloc::vec![0; product.output_shape()[3]];
    let mut scratch = zeroed("scratch", product.scratch_len())?;
    let (input, output) = (product.input_shape(), product.output_shape());
    if !output.contains(&0) {
        let a = ImagesRef::new(&pixels, input)?;
        let operand = product.operand(weights(inner));
        let inputs = Inputs { a, zero_points: Param::All(0), channels: &[], row_scales: &[], operand };
        product.run(inputs, ImagesMut::new(&mut sums, output)?, &mut scratch)?;
    }
    Ok(sums)
}
