//! Matrix products of two operands that are both known only at run time.

use zeropoint_kernels::encode::Encoding;
use zeropoint_kernels::pack::{self, Row, Source};
use zeropoint_kernels::view::{View, ViewMut};

use crate::Backend;
use crate::element::{Element, Int8, Type};
use crate::error::{Error, same_length, same_shape, within};
use crate::options::{Output, ProductOptions};
use crate::param::{Param, ZeroPoints};
use crate::product::{Inputs, Operand, Product, Weights, Window3d, compensate};
use crate::scratch::{carve, reserve};
use crate::weights::{Filter, Form, Geometry};

/// `out = f(Σ (a - za) · (b - zb))` for each matrix of a batch, where both operands and their zero points come with the
/// call: attention, and graphs whose weights are inputs.
///
/// `a` is batch × M × K, `b` batch × K × N, `out` batch × M × N; a batch stride of 0 repeats an operand, and strides
/// transpose it. To use several threads, give each some matrices of the batch.
///
/// ```
/// use zeropoint::{Backend, MatMulPlan, Output, Type, View, ViewMut, ZeroPoints};
///
/// let plan = MatMulPlan::new(&Backend::best(), [1, 2, 1], Type::U8, Type::U8, Output::I32).unwrap();
/// let (a, b, mut out) = ([1u8, 1], [1u8, 1], [0i32]);
/// let mut scratch = vec![0; plan.scratch_len()];
/// for (zero, sum) in [(0, 2), (1, 0)] {
///     let (a, b) = (View::new(&a, [1, 1, 2]).unwrap(), View::new(&b, [1, 2, 1]).unwrap());
///     let out = ViewMut::new(&mut out, [1, 1, 1]).unwrap();
///     plan.run(a, ZeroPoints::All(0), b, ZeroPoints::All(zero), out, &mut scratch).unwrap();
///     # let _ = sum;
/// }
/// assert_eq!(out, [0]);
/// ```
#[derive(Clone)]
pub struct MatMulPlan {
    backend: Backend,
    product: Product,
    /// M, K, N.
    sizes: [usize; 3],
    b: Type,
}

impl MatMulPlan {
    /// Plans products of M × K by K × N, given as `[m, k, n]`, for operands of these types. Scales of the output are
    /// for all columns or for each.
    ///
    /// # Errors
    /// For types that are not of 8 bits, parameters of the output that do not fit N, and sizes that cannot be addressed.
    pub fn new(backend: &Backend, sizes: [usize; 3], a: Type, b: Type, output: Output<'_>) -> Result<Self, Error> {
        let [m, k, n] = sizes;
        b.int8("type of the right operand")?;
        let geometry = Geometry {
            kernel: [1, 1],
            planes: 1,
            planes_apart: 1,
            channels: k,
            columns: n,
            filter: Filter::default(),
            merged: 1,
        };
        let options = ProductOptions::new(a).output(output);
        let product = Product::new(backend.set, geometry, Form::Panels, [1, m, 1], Window3d::default(), &options)?;
        Ok(Self { backend: *backend, product, sizes, b })
    }

    /// Depth of the packed right operand, and its padded columns.
    fn packed(&self) -> [usize; 2] {
        let layout = self.backend.set.panels();
        let [_, k, n] = self.sizes;
        [k.next_multiple_of(layout.group), layout.padded_columns(n)]
    }

    /// Bytes of scratch that a run needs; they may begin anywhere and hold anything.
    pub fn scratch_len(&self) -> usize {
        let [depth, columns] = self.packed();
        // Panels; zero points, sums and what is added to each column.
        [depth.saturating_mul(columns), columns.saturating_mul(2), columns.saturating_mul(4), columns.saturating_mul(4)]
            .into_iter()
            .map(|bytes| reserve(bytes).unwrap_or(usize::MAX))
            .fold(self.product.scratch_len(), usize::saturating_add)
    }

    /// Multiply-accumulates of one matrix.
    pub fn macs(&self) -> u64 {
        self.product.macs()
    }

    /// The name of the kernel that computes it, where the right operand has no zero point as a signed value.
    pub fn kernel(&self) -> &'static str {
        self.product.kernel(false)
    }

    /// Computes all of `out`. Zero points of `a` are for all rows or for each of M, of `b` for all columns or for each
    /// of N; they are the same for all matrices of the batch.
    ///
    /// # Errors
    /// For a type, shape, scratch length or number of zero points other than the plan's, batches of different size, and
    /// zero points outside their type; nothing is written then.
    pub fn run<A: Int8, B: Int8, O: Element>(
        &self,
        a: View<'_, A, 3>,
        a_zero_points: ZeroPoints<'_>,
        b: View<'_, B, 3>,
        b_zero_points: ZeroPoints<'_>,
        mut out: ViewMut<'_, O, 3>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        let [m, k, n] = self.sizes;
        let batch = out.shape()[0];
        if B::TYPE != self.b {
            let expected = if self.b == Type::U8 { "u8" } else { "i8" };
            return Err(Error::Type { what: "right operand", expected, got: B::TYPE });
        }
        self.product.check::<A, O>([1, m, 1, k], usize::MAX)?;
        same_shape("left operand", [batch, m, k], a.shape())?;
        same_shape("right operand", [batch, k, n], b.shape())?;
        same_shape("output", [batch, m, n], out.shape())?;
        if scratch.len() < self.scratch_len() {
            return Err(Error::Length { what: "scratch", expected: self.scratch_len(), got: scratch.len() });
        }
        a_zero_points.check(|zero| within("zero point of the left operand", A::READING.range(), zero))?;
        b_zero_points.check(|zero| within("zero point of the right operand", B::READING.range(), zero))?;
        if let Param::Each(each) = a_zero_points {
            same_length("zero points of the left operand", m, each.len())?;
        }
        if let Param::Each(each) = b_zero_points {
            same_length("zero points of the right operand", n, each.len())?;
        }

        let mut rest = scratch;
        let [depth, columns] = self.packed();
        let packed: &mut [u8] = carve(&mut rest, depth * columns);
        let zero_points: &mut [i16] = carve(&mut rest, columns);
        let sums: &mut [i32] = carve(&mut rest, columns);
        let bias: &mut [i32] = carve(&mut rest, columns);
        let stored = |column: usize| B::READING.as_signed(b_zero_points.at(column)) as i16;
        for (column, zero) in zero_points.iter_mut().enumerate() {
            *zero = if column < n { stored(column) } else { 0 };
        }
        let zero_points: &[i16] = if zero_points.iter().all(|&zero| zero == 0) { &[] } else { zero_points };
        for index in 0..batch {
            let [_, row, column] = b.strides();
            let source = Source { data: b.matrix(index).bytes().data(), column_stride: column, reading: B::READING };
            let rows = |at: usize| (at < k).then(|| Row { at: at * row, columns: 0..n });
            let zero = |column: usize| stored(column) as i8;
            let layout = self.backend.set.panels();
            pack::panels(layout, source, rows, depth, 0..n, zero, packed);
            bias.fill(0);
            let sums: &[i32] = match self.backend.set.encoding() {
                Encoding::Centred => &[],
                Encoding::Bytes => {
                    pack::sums(layout, packed, depth, zero_points, sums);
                    sums
                }
            };
            if let Param::All(zero) = a_zero_points {
                compensate(bias, zero, sums);
            }
            let weights = Weights::Panels { panels: packed, zero_points, sums, terms: &[] };
            let operand = Operand { bias, ..self.product.operand(weights) };
            let matrix = out.reborrow().range(0, index, index + 1).into_images();
            let (a, row_scales) = (a.matrix(index).as_images(), &*self.product.row_scales);
            let inputs = Inputs { a, zero_points: a_zero_points, channels: &[], row_scales, operand };
            self.product.run(inputs, matrix, rest)?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for MatMulPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MatMulPlan {{ {}, {:?} }}", self.kernel(), self.sizes)
    }
}
