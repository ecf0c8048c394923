//! Matrix products with constant weights.

use zeropoint_kernels::view::{MatMut, MatRef};

use crate::dynamic::RunParameters;
use crate::element::{Element, Int8};
use crate::error::{Error, same_shape};
use crate::options::ProductOptions;
use crate::parts::{OutputPart, OutputParts};
use crate::plan::{Plan, plan_facts};
use crate::product::Window;
use crate::weights::PackedWeights;

/// `out = f(bias + Σ (a - za) · (b - zb))`: a matrix product with a constant right operand, for a number of rows.
///
/// `a` is M × K of `u8` or `i8`, the weights K × N, `out` M × N. The sum is exact modulo 2^32; `f` is the
/// [`crate::Output`] of the options. K = 0 gives `f(bias)`.
///
/// ```
/// use zeropoint::{Backend, GemmPlan, MatMut, MatRef, PackedWeights, ProductOptions, Type, ZeroPoints};
///
/// let b = [1i8, 2, 3, 4];
/// let weights = PackedWeights::gemm(&Backend::best(), MatRef::new(&b, [2, 2]).unwrap(), ZeroPoints::All(0)).unwrap();
/// let plan = GemmPlan::new(&weights, 1, &ProductOptions::new(Type::U8).zero_point(128)).unwrap();
/// let (a, mut out) = ([129u8, 127], [0i32; 2]);
/// let mut scratch = vec![0; plan.scratch_len()];
/// plan.run(MatRef::new(&a, [1, 2]).unwrap(), MatMut::new(&mut out, [1, 2]).unwrap(), &mut scratch).unwrap();
/// assert_eq!(out, [1 - 3, 2 - 4]);
/// ```
#[derive(Clone)]
pub struct GemmPlan {
    plan: Plan,
}

impl GemmPlan {
    /// Plans products of `m` rows with these weights.
    ///
    /// # Errors
    /// For weights of a convolution larger than 1 × 1, options whose parameters do not fit N or `m`, zero points
    /// outside their type, and sizes that cannot be addressed.
    pub fn new(weights: &PackedWeights, m: usize, options: &ProductOptions<'_>) -> Result<Self, Error> {
        matrix_weights(weights)?;
        Ok(Self { plan: Plan::new(weights, [1, m, 1], Window::default(), options)? })
    }

    /// Bytes of scratch that a thread needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    /// Computes all of `out`.
    ///
    /// # Errors
    /// For a type, shape or scratch length other than the plan's; nothing is written then.
    pub fn run<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        out: MatMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&a, &out)?;
        self.plan.run_rows(a, out, scratch)
    }

    /// Checks shapes as the caller knows them.
    fn check<A, O>(&self, a: &MatRef<'_, A>, out: &MatMut<'_, O>) -> Result<(), Error> {
        let (input, output) = (self.plan.product.input_shape(), self.plan.product.output_shape());
        same_shape("input", [input[1], input[3]], a.shape())?;
        same_shape("output", [output[1], output[3]], out.shape())
    }

    /// Cuts the output into the parts of the plan, for threads of the caller's: see [`OutputPart`].
    ///
    /// # Errors
    /// For a type or shape other than the plan's.
    pub fn split<'a, O: Element>(&self, out: MatMut<'a, O>) -> Result<OutputParts<'a, O>, Error> {
        let [_, rows, _, columns] = self.plan.product.output_shape();
        same_shape("output", [rows, columns], out.shape())?;
        self.plan.split(out.into_images())
    }

    /// Computes one part of the output. Each part running at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`GemmPlan::run`]; for a part of another plan's output.
    pub fn run_part<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_part(a.as_images(), part, scratch)
    }

    /// Computes all of `out` on the threads of the current rayon pool, as many as the scratch has room for:
    /// [`GemmPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`GemmPlan::run`].
    #[cfg(feature = "rayon")]
    pub fn run_rayon<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        out: MatMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&a, &out)?;
        self.plan.run_rayon(a.as_images(), out.into_images(), scratch)
    }

    /// Computes all of `out` by parameters that come with the run, of a plan that was made with
    /// [`ProductOptions::dynamic`].
    ///
    /// # Errors
    /// For a type, shape or scratch length other than the plan's, a zero point outside the type, scales or a bias that do
    /// not fit the columns, and a plan that has parameters of its own; nothing is written then.
    pub fn run_dynamic<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        by: &RunParameters<'_>,
        out: MatMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&a, &out)?;
        self.plan.run_dynamic(a.as_images(), by, out.into_images(), scratch)
    }

    /// Computes one part of the output by parameters that come with the run, the same ones for each part. Each part running
    /// at the same time has scratch of its own.
    ///
    /// # Errors
    /// As [`GemmPlan::run_dynamic`]; for a part of another plan's output.
    pub fn run_part_dynamic<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        by: &RunParameters<'_>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run_part_dynamic(a.as_images(), by, part, scratch)
    }

    /// Computes all of `out` by parameters that come with the run, on the threads of the current rayon pool, as many as the
    /// scratch has room for: [`GemmPlan::scratch_len`] bytes for each.
    ///
    /// # Errors
    /// As [`GemmPlan::run_dynamic`].
    #[cfg(feature = "rayon")]
    pub fn run_dynamic_rayon<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        by: &RunParameters<'_>,
        out: MatMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check(&a, &out)?;
        self.plan.run_dynamic_rayon(a.as_images(), by, out.into_images(), scratch)
    }
}

/// Refuses weights of a convolution that is no matrix product.
pub(crate) fn matrix_weights(weights: &PackedWeights) -> Result<(), Error> {
    let geometry = weights.inner.geometry;
    if geometry.kernel == [1, 1] && geometry.groups() == 1 {
        return Ok(());
    }
    let got = alloc::format!("{:?} in {} groups", geometry.kernel, geometry.groups());
    Err(Error::Shape { what: "weights of a matrix product", expected: "[1, 1] in 1 groups".into(), got })
}

plan_facts!(GemmPlan);
