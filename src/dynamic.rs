//! Products whose input comes with a zero point and a scale that only a run knows.
//!
//! What of a plan depends on them is a vector of columns each: the bias, which holds what the zero point comes to where
//! kernels take bytes, and the scales of the results. A run makes these in its scratch; everything else stays.

use zeropoint_kernels::view::{ImagesMut, ImagesRef};

use crate::blocks::Part;
use crate::element::{Element, Int8};
use crate::error::{Error, same_length, same_shape, within};
use crate::options::{Output, ProductOptions};
use crate::param::{Param, Scales};
use crate::parts::OutputPart;
#[cfg(feature = "rayon")]
use crate::parts::OutputParts;
use crate::plan::Plan;
use crate::product::{Inputs, Operand, compensate};
use crate::scratch::{carve, reserve};

/// What a run brings beside its operands, of a plan that was made with [`crate::ProductOptions::dynamic`].
///
/// Results of [`Output::F32`] are `f32(f32(acc) * f32(scale * scales[n])) + bias[n]`, each step rounded to binary32; those
/// of [`Output::I32`] have no use for scales and bias. Numbers may be any: where one is not finite, a NaN among the results
/// is [`f32::NAN`], in these bits.
///
/// ```
/// use zeropoint::*;
///
/// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&[1i8, 10], [2, 1])?, ZeroPoints::All(0))?;
/// let plan = GemmPlan::new(&weights, 1, &ProductOptions::new(Type::U8).dynamic().output(Output::F32))?;
/// let (a, mut out, mut scratch) = ([130u8, 4], [0.0], vec![0; plan.scratch_len()]);
/// for zero_point in [0, 4] {
///     let by = RunParameters { zero_point, scale: 0.5, scales: Scales::Each(&[0.25]), bias: Some(Param::All(1.0)) };
///     plan.run_dynamic(MatRef::new(&a, [1, 2])?, &by, MatMut::new(&mut out, [1, 1])?, &mut scratch)?;
///     let sum = (130 - zero_point) + 10 * (4 - zero_point);
///     assert_eq!(out, [sum as f32 * 0.125 + 1.0]);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunParameters<'a> {
    /// The zero point of the input, one for all.
    pub zero_point: i32,
    /// The scale of the input, one for all.
    pub scale: f32,
    /// The scale of the weights: one for all, or one for each column.
    pub scales: Scales<'a>,
    /// Added to the results: one for all, or one for each column.
    pub bias: Option<Param<'a, f32>>,
}

/// The vectors of a run, of each group's padded columns.
#[derive(Clone, Copy)]
struct Columns<'a> {
    bias: &'a [i32],
    scales: &'a [f32],
    float_bias: &'a [f32],
    /// Whether a result may be NaN.
    odd: bool,
}

/// Refuses outputs whose parameters belong to a plan.
pub(crate) fn check_output(output: &Output<'_>) -> Result<(), Error> {
    let got = match output {
        Output::I32 | Output::F32 => return Ok(()),
        Output::Requantized(_) => "a requantisation",
        Output::Dequantized { .. } | Output::DequantizedRows { .. } => "scales",
    };
    Err(Error::Kind { what: "output of a dynamic plan", expected: "I32 or F32", got })
}

/// Refuses a plan whose parameters come with each run.
pub(crate) fn no_dynamic(options: &ProductOptions<'_>) -> Result<(), Error> {
    if options.dynamic {
        return Err(Error::Kind { what: "parameters of the input", expected: "those of the plan", got: "each run's" });
    }
    Ok(())
}

impl Plan {
    /// Bytes of the vectors of a run.
    pub(crate) fn columns_len(&self) -> usize {
        if !self.dynamic {
            return 0;
        }
        let floats = if self.product.is_real() { 2 } else { 0 };
        let bytes = size_of_val(self.product.bias.as_slice());
        reserve(bytes).map_or(usize::MAX, |bytes| bytes.saturating_mul(1 + floats))
    }

    /// Checks what a run is told.
    fn check_run<A: Int8>(&self, by: &RunParameters<'_>) -> Result<(), Error> {
        if !self.dynamic {
            return Err(Error::Kind { what: "parameters of the input", expected: "those of the plan", got: "a run's" });
        }
        within("zero point of the input", A::READING.range(), by.zero_point)?;
        let [.., outputs] = self.product.output_shape();
        if let Param::Each(scales) = by.scales
            && self.product.is_real()
        {
            same_length("scales of the weights", outputs, scales.len())?;
        }
        if let Some(Param::Each(bias)) = by.bias
            && self.product.is_real()
        {
            same_length("bias in real units", outputs, bias.len())?;
        }
        Ok(())
    }

    /// Makes the vectors of a run at the scratch's begin, which is long enough.
    fn columns<'a>(&self, by: &RunParameters<'_>, scratch: &mut &'a mut [u8]) -> Columns<'a> {
        let start = &self.product.bias;
        let bias: &mut [i32] = carve(scratch, start.len());
        bias.copy_from_slice(start);
        compensate(bias, by.zero_point, self.sums());
        let mut columns = Columns { bias, scales: &[], float_bias: &[], odd: false };
        if self.product.is_real() {
            let scales: &mut [f32] = carve(scratch, start.len());
            self.product.spread_to(by.scales, scales);
            let mut odd = false;
            for scale in scales.iter_mut() {
                *scale *= by.scale;
                odd |= !scale.is_finite();
            }
            let bias: &mut [f32] = carve(scratch, start.len());
            // Adding -0 leaves every sum as it is, that of -0 too.
            self.product.spread_to(by.bias.unwrap_or(Param::All(-0.0)), bias);
            odd |= by.bias.is_some() && bias.iter().any(|bias| !bias.is_finite());
            columns = Columns { scales, float_bias: bias, odd, ..columns };
        }
        columns
    }

    fn dynamic_inputs<'a, A>(&'a self, a: ImagesRef<'a, A>, zero_point: i32, columns: Columns<'a>) -> Inputs<'a, A> {
        let Columns { bias, scales, float_bias, .. } = columns;
        let operand = Operand { bias, scales, float_bias, ..self.operand() };
        Inputs { a, zero_points: Param::All(zero_point), channels: &[], row_scales: &[], operand }
    }

    pub(crate) fn run_dynamic<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        mut out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_run::<A>(by)?;
        self.product.check::<A, O>(a.shape(), scratch.len().saturating_sub(self.columns_len()))?;
        same_shape("output", self.product.output_shape(), out.shape())?;
        let mut rest = scratch;
        let columns = self.columns(by, &mut rest);
        self.product.run(self.dynamic_inputs(a, by.zero_point, columns), out.reborrow(), rest)?;
        if columns.odd {
            settle(out);
        }
        Ok(())
    }

    pub(crate) fn run_part_dynamic<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_run::<A>(by)?;
        self.product.check::<A, O>(a.shape(), scratch.len().saturating_sub(self.columns_len()))?;
        let (index, out) = part.into_inner();
        same_shape("part of the output", self.product.part_shape(index)?, out.shape())?;
        let mut rest = scratch;
        let columns = self.columns(by, &mut rest);
        let part = self.product.part(index);
        self.part_dynamic(&part, self.dynamic_inputs(a, by.zero_point, columns), columns.odd, out, rest);
        Ok(())
    }

    /// One part, checked.
    fn part_dynamic<A: Int8, O: Element>(
        &self,
        part: &Part,
        inputs: Inputs<'_, A>,
        odd: bool,
        mut out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) {
        self.product.run_at(part, inputs, out.reborrow(), scratch);
        if odd {
            settle(out);
        }
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn run_dynamic_rayon<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        by: &RunParameters<'_>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_run::<A>(by)?;
        self.product.check::<A, O>(a.shape(), scratch.len().saturating_sub(self.columns_len()))?;
        same_shape("output", self.product.output_shape(), out.shape())?;
        let mut rest = scratch;
        let columns = self.columns(by, &mut rest);
        let inputs = self.dynamic_inputs(a, by.zero_point, columns);
        self.product.fork(out, rest, self.product.scratch_len(), &|parts: OutputParts<'_, O>, scratch| {
            for (part, out) in parts.located() {
                self.part_dynamic(&part, inputs, columns.odd, out, scratch);
            }
        });
        Ok(())
    }
}

/// Gives every NaN the same bits: those of one that an operation makes are the CPU's own.
#[cold]
fn settle<O: Element>(mut out: ImagesMut<'_, O>) {
    let [images, rows, columns, channels] = out.shape();
    for image in 0..images {
        for row in 0..rows {
            for column in 0..columns {
                for channel in 0..channels {
                    let index = [image, row, column, channel];
                    out.set(index, out.at(index).settled());
                }
            }
        }
    }
}
