//! `QGemm` with a constant right operand. An addend that is the same for all rows is the bias of the product; of another
//! one the sums are made first.

use std::marker::PhantomData;

use zeropoint::{
    Backend, GemmPlan, Int8, MatMut, MatRef, Output, PackedWeights, ProductOptions, Requantization, View, ViewMut,
    elementwise,
};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{Context, Step, kernel_type, param, quantized, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, op};
use crate::passes::{broadcast_strides, gemm};
use crate::rearrange;

/// A product of a matrix that may lie there transposed.
struct Product<A> {
    plan: GemmPlan,
    packed: Packed,
    a: TensorId,
    y: TensorId,
    /// Rows, columns, depth.
    sizes: [usize; 3],
    strides: [usize; 2],
    type_: PhantomData<fn(A)>,
}

impl<A: Element + Int8> Product<A> {
    fn run<O: zeropoint::Element>(
        &self,
        a: &[A],
        y: &mut [O],
        scratch: &mut [u8],
        threads: usize,
    ) -> Result<(), String> {
        let [m, n, k] = self.sizes;
        let a = View::with_strides(a, [m, k], self.strides).map_err(told)?;
        let y = ViewMut::new(y, [m, n]).map_err(told)?;
        match threads {
            1 => self.plan.run(a, y, scratch).map_err(told),
            _ => self.plan.run_rayon(a, y, scratch).map_err(told),
        }
    }
}

/// The results in one go.
struct Whole<A, O> {
    product: Product<A>,
    type_: PhantomData<fn() -> O>,
}

/// Sums, an addend for each, and then what becomes of them.
struct Added<A, E> {
    product: Product<A>,
    addend: Vec<i32>,
    end: E,
}

/// What becomes of sums.
trait End: Send + Sync {
    type Output: Element;

    fn end(&self, sums: &[i32], columns: usize, y: &mut [Self::Output]) -> Result<(), String>;
}

struct Requantized<O> {
    backend: Backend,
    to: Requantization,
    type_: PhantomData<fn() -> O>,
}

impl<O: Element + Int8> End for Requantized<O> {
    type Output = O;

    fn end(&self, sums: &[i32], columns: usize, y: &mut [O]) -> Result<(), String> {
        let shape = [sums.len().checked_div(columns).unwrap_or(0), columns];
        let (sums, y) = (MatRef::new(sums, shape).map_err(told)?, MatMut::new(y, shape).map_err(told)?);
        elementwise::requantize(&self.backend, sums, &self.to, y).map_err(told)
    }
}

/// `f32(f32(sum) * scale)`, with a scale for each column.
struct Dequantized {
    scales: Vec<f32>,
}

impl End for Dequantized {
    type Output = f32;

    fn end(&self, sums: &[i32], _: usize, y: &mut [f32]) -> Result<(), String> {
        for ((y, &sum), scale) in y.iter_mut().zip(sums).zip(self.scales.iter().cycle()) {
            *y = sum as f32 * scale;
        }
        Ok(())
    }
}

pub(super) fn lower(operands: Operands<'_>, attributes: &op::Gemm, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y) = (operands.id(0)?, operands.id(3)?, operands.output()?);
    let (a_type, b_type, y_type) = (operands.type_(a)?, operands.type_(b)?, operands.type_(y)?);
    let sizes = gemm(attributes, operands.shape(a)?, operands.shape(b)?)?;
    let [m, n, k] = sizes;
    let a_scale = attributes.alpha * operands.scale(1, "a_scale")?;
    if !(a_scale > 0.0 && a_scale.is_finite()) {
        return Err(Fault::unsupported(format!("alpha times a_scale is {a_scale}, expected a finite number above 0")));
    }
    let a_zero_point = operands.zero_point(2, "a_zero_point", a_type)?;
    let b_scales = operands.scales(4, "b_scale", Some(n))?;
    let b_zero_points = operands.zero_points(5, "b_zero_point", b_type, Some(n))?;

    let strides = if attributes.transpose_b { [1, k] } else { [n, 1] };
    let weights = operands.packed(&[3, 5], || {
        Ok(quantized!(b_type, B => {
            let view = View::with_strides(operands.weights::<B>(3, "B", n)?, [k, n], strides).map_err(refused)?;
            PackedWeights::gemm(backend, view, param(&b_zero_points)).map_err(refused)?
        }))
    })?;
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), copied: 0, depthwise: false };
    let addend = addend(operands, [m, n])?;
    let output = if y_type == Type::F32 {
        let scales = b_scales.iter().map(|scale| a_scale * scale).collect();
        Ending::Dequantized(scales)
    } else {
        let y_scale = operands.scale(7, "y_scale")?;
        let y_zero_point = operands.zero_point(8, "y_zero_point", y_type)?;
        let to = Requantization::from_scales(a_scale, param(&b_scales), y_scale, kernel_type(y_type)?, y_zero_point);
        Ending::Requantized(operands.bounded(to.map_err(refused)?)?)
    };
    let options = ProductOptions::new(kernel_type(a_type)?).zero_point(a_zero_point);
    let options = match &addend {
        Addend::Columns(bias) => options.bias(bias),
        _ => options,
    };
    let options = match (&addend, &output) {
        (Addend::Each(_), _) => options,
        (_, Ending::Requantized(to)) => options.output(Output::Requantized(to.clone())),
        (_, Ending::Dequantized(scales)) => options.output(Output::Dequantized { scales: param(scales), bias: None }),
    };
    let plan = GemmPlan::new(&weights, m, &options).map_err(refused)?;
    let strides = if attributes.transpose_a { [1, m] } else { [k, 1] };
    quantized!(a_type, A => {
        let product = Product::<A> { plan, packed, a, y, sizes, strides, type_: PhantomData };
        Ok(match (addend, output) {
            (Addend::Each(addend), Ending::Dequantized(scales)) => {
                Box::new(Added { product, addend, end: Dequantized { scales } })
            }
            (Addend::Each(addend), Ending::Requantized(to)) => quantized!(y_type, O => {
                let end = Requantized::<O> { backend: *backend, to, type_: PhantomData };
                Box::new(Added { product, addend, end })
            }),
            (_, Ending::Dequantized(_)) => Box::new(Whole::<A, f32> { product, type_: PhantomData }),
            (_, Ending::Requantized(_)) => quantized!(y_type, O => {
                Box::new(Whole::<A, O> { product, type_: PhantomData })
            }),
        })
    })
}

enum Ending {
    Requantized(Requantization),
    Dequantized(Vec<f32>),
}

enum Addend {
    None,
    /// The same for all rows.
    Columns(Vec<i32>),
    Each(Vec<i32>),
}

fn addend(operands: Operands<'_>, [m, n]: [usize; 2]) -> Result<Addend, Fault> {
    let Some(c) = operands.optional(6) else { return Ok(Addend::None) };
    let values = operands.values::<i32>(6, "C")?;
    let shape = operands.shape(c)?;
    let strides = broadcast_strides(shape, &[m, n]);
    let spread = |rows: usize| {
        let mut spread = vec![0; rows.saturating_mul(n)];
        rearrange::copy_strided(values, &[rows, n], &strides, &mut spread);
        spread
    };
    // Without rows or columns there is nothing to add to.
    Ok(match strides[0] {
        _ if m == 0 || n == 0 => Addend::None,
        0 => Addend::Columns(spread(1)),
        _ => Addend::Each(spread(m)),
    })
}

impl<A: Element + Int8, O: Element + zeropoint::Element> Step for Whole<A, O> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<O, _>(self.product.y, |memory, y| {
            self.product.run(memory.read::<A>(self.product.a), y, scratch, threads)
        })
    }

    fn kernel(&self) -> String {
        self.product.plan.kernel().to_owned()
    }

    fn scratch_len(&self) -> usize {
        self.product.plan.scratch_len()
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.product.packed.clone())
    }
}

impl<A: Element + Int8, E: End> Step for Added<A, E> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<E::Output, _>(self.product.y, |memory, y| {
            let (sums, scratch) = sums(scratch, self.addend.len());
            self.product.run(memory.read::<A>(self.product.a), sums, scratch, threads)?;
            sums.iter_mut().zip(&self.addend).for_each(|(sum, addend)| *sum = sum.wrapping_add(*addend));
            self.end.end(sums, self.product.sizes[1], y)
        })
    }

    fn kernel(&self) -> String {
        self.product.plan.kernel().to_owned()
    }

    fn scratch_len(&self) -> usize {
        self.product.plan.scratch_len().saturating_add(size_of::<i32>().saturating_mul(self.addend.len() + 1))
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.product.packed.clone())
    }
}

/// So many integers of the scratch, and the rest of it.
fn sums(scratch: &mut [u8], count: usize) -> (&mut [i32], &mut [u8]) {
    let skip = scratch.as_ptr().align_offset(align_of::<i32>());
    let (sums, scratch) = scratch[skip..].split_at_mut(count * size_of::<i32>());
    (bytemuck::cast_slice_mut(sums), scratch)
}
