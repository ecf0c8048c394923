//! Linear layers on floats: rows quantised at run time, each by itself, an integer product, floats again.

mod rows;

use zeropoint_kernels::view::{ImagesMut, ImagesRef, MatMut, MatRef};

use self::rows::quantize_row;
use crate::blocks::Part;
use crate::element::{Int8, Type};
use crate::error::{Error, positive, same_length, same_shape, within};
use crate::gemm::matrix_weights;
use crate::options::{Output, ProductOptions};
use crate::param::{Param, Scales};
use crate::parts::{OutputPart, OutputParts};
use crate::plan::{Plan, plan_facts};
use crate::product::{Inputs, Window};
use crate::scratch::{carve, reserve};
use crate::weights::PackedWeights;

/// `out[m][n] = f32(f32(acc[m][n]) · f32(sa[m] · sb[n])) + bias[n]`, each step rounded to binary32: a linear layer of f32
/// activations by int8 weights (W8A8), where each row of the activations is quantised at run time with a scale `sa[m]` and a
/// zero point `za[m]` of its own, and `acc[m][n] = Σ (a[m][k] - za[m]) · (b[k][n] - zb[n])` is exact modulo 2^32.
///
/// The type that rows are quantised to says how:
///
/// | type | scale | zero point |
/// |---|---|---|
/// | [`Type::U8`] | `f32(f32(mx - mn) / 255)`, 1 where that is 0 | `round(clip(f32(0 - f32(mn / sa))))` |
/// | [`Type::I8`] | `f32(max \|x\| / 127)`, 1 where that is 0 | 0 |
///
/// where `mn = min(0, x)` and `mx = max(0, x)` over the row. The first is ONNX's DynamicQuantizeLinear, row by row. Values
/// become `a = clip(round(f32(x / sa)) + za)`, ties to even, within 0..=255 or -127..=127. A row that holds an infinity or
/// NaN, or whose range is beyond binary32, has no scale: all of its results are NaN.
///
/// The activations are M × K, in any strides, the weights K × N ([`PackedWeights::gemm`]), the results M × N.
///
/// ```
/// use zeropoint::*;
///
/// let b = [1i8, 2, 3, 4]; // K = 2 rows, N = 2 columns
/// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&b, [2, 2])?, ZeroPoints::All(0))?;
/// let plan = LinearPlan::new(&weights, 2, Type::I8, Scales::Each(&[0.5, 0.25]), Some(&[0.0, 1.0]))?;
/// let a = [127.0, -127.0, 0.5, 0.25]; // scales 1 and 0.5 / 127
/// let (mut out, mut scratch) = ([0.0; 4], vec![0; plan.scratch_len()]);
/// plan.run(MatRef::new(&a, [2, 2])?, MatMut::new(&mut out, [2, 2])?, &mut scratch)?;
/// assert_eq!(out[..2], [0.5 * (127.0 - 3.0 * 127.0), 1.0 + 0.25 * (2.0 * 127.0 - 4.0 * 127.0)]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct LinearPlan {
    plan: Plan,
    input: Type,
}

impl LinearPlan {
    /// Plans a layer of `m` rows with these weights, whose scale is one for all columns or one for each, and a bias for each
    /// column, in real units.
    ///
    /// # Errors
    /// For weights of a convolution larger than 1 × 1, a type that is not of 8 bits, scales that are not finite and above 0,
    /// scales or bias that do not fit N, and sizes that cannot be addressed.
    pub fn new(
        weights: &PackedWeights,
        m: usize,
        input: Type,
        scales: Scales<'_>,
        bias: Option<&[f32]>,
    ) -> Result<Self, Error> {
        matrix_weights(weights)?;
        let options = ProductOptions::new(input).output(Output::Dequantized { scales, bias });
        Ok(Self { plan: Plan::new(weights, [1, m, 1], Window::default(), &options)?, input })
    }

    /// Rows, and columns of activations and results.
    fn sizes(&self) -> [usize; 3] {
        let [_, rows, _, depth] = self.plan.product.input_shape();
        [rows, depth, self.plan.product.output_shape()[3]]
    }

    /// Rows of the largest part.
    fn rows_of_part(&self) -> usize {
        let blocks = self.plan.product.grid().blocks;
        blocks.band.min(blocks.height)
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        let rows = self.rows_of_part();
        // Quantised rows, with a zero point and a scale each.
        [rows.saturating_mul(self.sizes()[1]), rows * size_of::<i32>(), rows * size_of::<f32>()]
            .into_iter()
            .map(|bytes| reserve(bytes).unwrap_or(usize::MAX))
            .fold(self.plan.product.scratch_len(), usize::saturating_add)
    }

    fn check(&self, a: [usize; 2], scratch: usize) -> Result<(), Error> {
        let [rows, depth, _] = self.sizes();
        same_shape("input", [rows, depth], a)?;
        let expected = self.scratch_len();
        if scratch < expected { Err(Error::Length { what: "scratch", expected, got: scratch }) } else { Ok(()) }
    }

    /// Computes all of `out`.
    ///
    /// # Errors
    /// For a shape or scratch length other than the plan's; nothing is written then.
    pub fn run(&self, a: MatRef<'_, f32>, out: MatMut<'_, f32>, scratch: &mut [u8]) -> Result<(), Error> {
        self.check(a.shape(), scratch.len())?;
        self.run_parts(a, self.split(out)?, scratch);
        Ok(())
    }

    /// Runs parts in order: rows are quantised once for all parts that they are in.
    fn run_parts(&self, a: MatRef<'_, f32>, parts: OutputParts<'_, f32>, scratch: &mut [u8]) {
        let mut quantized = None;
        for (part, out) in parts.located() {
            let is_fresh = quantized.as_ref() != Some(&part.rows);
            quantized = Some(part.rows.clone());
            self.run_at(a, part, is_fresh, out, scratch);
        }
    }

    /// A part, checked, whose rows are to be quantised or have been, in the same scratch.
    fn run_at(&self, a: MatRef<'_, f32>, part: Part, is_fresh: bool, out: ImagesMut<'_, f32>, mut scratch: &mut [u8]) {
        let (depth, most) = (self.sizes()[1], self.rows_of_part());
        let codes: &mut [u8] = carve(&mut scratch, most * depth);
        let zero_points: &mut [i32] = carve(&mut scratch, most);
        let scales: &mut [f32] = carve(&mut scratch, most);
        let count = part.rows.len();
        if is_fresh {
            for (row, index) in part.rows.enumerate() {
                let codes = &mut codes[row * depth..][..depth];
                (scales[row], zero_points[row]) = quantize_row(self.plan.set(), self.input, &a, index, codes);
            }
        }
        // The rows of the part by themselves.
        let part = Part { image: 0, rows: 0..count, units: part.units };
        let (zero_points, row_scales) = (Param::Each(&zero_points[..count]), &scales[..count]);
        let (shape, operand) = ([1, count, 1, depth], self.plan.operand());
        if self.input == Type::I8 {
            let Ok(a) = ImagesRef::<i8>::new(bytemuck::cast_slice(codes), shape) else { return };
            let inputs = Inputs { a, zero_points, channels: &[], row_scales, operand };
            self.plan.product.run_at(&part, inputs, out, scratch);
        } else {
            let Ok(a) = ImagesRef::<u8>::new(codes, shape) else { return };
            let inputs = Inputs { a, zero_points, channels: &[], row_scales, operand };
            self.plan.product.run_at(&part, inputs, out, scratch);
        }
    }

    /// Computes all of `out` from activations that have been quantised to the type of the plan, with a zero point and a scale
    /// for each row.
    ///
    /// # Errors
    /// For a type, shape, scratch length or number of zero points and scales other than the plan's, a zero point outside the
    /// type, a scale that is not finite and above 0; nothing is written then.
    pub fn run_quantized<A: Int8>(
        &self,
        a: MatRef<'_, A>,
        zero_points: &[i32],
        scales: &[f32],
        out: MatMut<'_, f32>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(a.shape(), scratch.len())?;
        let [rows, _, columns] = self.sizes();
        same_length("zero points of the rows", rows, zero_points.len())?;
        same_length("scales of the rows", rows, scales.len())?;
        same_shape("output", [rows, columns], out.shape())?;
        zero_points.iter().try_for_each(|&zero| within("zero point of a row", A::READING.range(), zero).map(drop))?;
        scales.iter().try_for_each(|&scale| positive("scale of a row", scale).map(drop))?;
        let zero_points = Param::Each(zero_points);
        let operand = self.plan.operand();
        let inputs = Inputs { a: a.as_images(), zero_points, channels: &[], row_scales: scales, operand };
        self.plan.product.run(inputs, out.into_images(), scratch)
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a shape other than the plan's.
    pub fn split<'a>(&self, out: MatMut<'a, f32>) -> Result<OutputParts<'a, f32>, Error> {
        let [rows, _, columns] = self.sizes();
        same_shape("output", [rows, columns], out.shape())?;
        self.plan.split(out.into_images())
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`LinearPlan::run`]; for a part of another plan's output.
    pub fn run_part(&self, a: MatRef<'_, f32>, part: OutputPart<'_, f32>, scratch: &mut [u8]) -> Result<(), Error> {
        self.check(a.shape(), scratch.len())?;
        let (index, out) = part.into_inner();
        same_shape("part of the output", self.plan.product.part_shape(index)?, out.shape())?;
        self.run_at(a, self.plan.product.part(index), true, out, scratch);
        Ok(())
    }

    /// Computes all of `out` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`LinearPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`LinearPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon(&self, a: MatRef<'_, f32>, out: MatMut<'_, f32>, scratch: &mut [u8]) -> Result<(), Error> {
        self.check(a.shape(), scratch.len())?;
        let [rows, _, columns] = self.sizes();
        same_shape("output", [rows, columns], out.shape())?;
        let run = |parts: OutputParts<'_, f32>, scratch: &mut [u8]| self.run_parts(a, parts, scratch);
        self.plan.product.fork(out.into_images(), scratch, self.scratch_len(), &run);
        Ok(())
    }
}

plan_facts!(LinearPlan);
