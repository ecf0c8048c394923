//! `MatMulIntegerToFloat` and `DynamicQuantizeMatMul` with a constant right operand: products whose left scale and zero
//! point are known at run time alone.
//!
//! Weights are packed once. What the zero point of the left operand comes to is taken off the sums:
//! `Σ (a - za)(b - zb) = Σ a (b - zb) - za Σ (b - zb)`, modulo 2^32 as the sums are.

use std::marker::PhantomData;

use zeropoint::{Backend, GemmPlan, Int8, PackedWeights, ProductOptions, View, ViewMut};

use super::super::memory::Memory;
use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{Context, Step, dynamic_quantize, kernel_type, param, quantized, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};

/// A product with packed weights, whose sums become `f32(f32(sum) * f32(sa * sb))`, and with a bias that plus it,
/// rounded again.
struct Product {
    plan: GemmPlan,
    packed: Packed,
    /// Rows, columns, depth.
    sizes: [usize; 3],
    /// `Σ (b - zb)` of each column.
    columns: Vec<i32>,
    b_scale: TensorId,
    bias: Option<TensorId>,
    y: TensorId,
}

/// Of a left operand that is quantised.
struct ToFloat<A> {
    product: Product,
    a: TensorId,
    scale: TensorId,
    zero_point: Option<TensorId>,
    type_: PhantomData<fn(A)>,
}

/// Of a left operand that is quantised on the way.
struct Dynamic {
    product: Product,
    backend: Backend,
    a: TensorId,
}

/// `MatMulIntegerToFloat`.
pub(super) fn to_float(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let a = operands.id(0)?;
    let type_ = operands.type_(a)?;
    let scale = operands.id(2)?;
    single(operands, scale, "a_scale", Type::F32)?;
    let zero_point = operands.optional(4);
    if let Some(zero_point) = zero_point {
        single(operands, zero_point, "a_zero_point", type_)?;
    }
    let product = Product::new(operands, backend, type_, [3, 5, 6])?;
    Ok(quantized!(type_, A => Box::new(ToFloat::<A> { product, a, scale, zero_point, type_: PhantomData })))
}

/// `DynamicQuantizeMatMul`.
pub(super) fn dynamic(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let product = Product::new(operands, backend, Type::U8, [2, 3, 4])?;
    Ok(Box::new(Dynamic { product, backend: *backend, a: operands.id(0)? }))
}

/// Checks an operand of one value.
fn single(operands: Operands<'_>, id: TensorId, what: &str, expected: Type) -> Result<(), Fault> {
    each(operands, id, what, expected, 1)
}

/// Checks an operand of one value or so many.
fn each(operands: Operands<'_>, id: TensorId, what: &str, expected: Type, count: usize) -> Result<(), Fault> {
    let type_ = operands.type_(id)?;
    if type_ != expected {
        return Err(Fault::invalid(format!("{what} is {type_}, expected {expected}")));
    }
    match shape::elements(operands.shape(id)?)? {
        1 => Ok(()),
        length if length == count => Ok(()),
        length => Err(Fault::unsupported(format!("{what} has {length} values, expected 1 or {count}"))),
    }
}

impl Product {
    /// The operands are those of the scale of `b`, its zero point, and the bias.
    fn new(
        operands: Operands<'_>,
        backend: &Backend,
        a_type: Type,
        [scale, zero_point, bias]: [usize; 3],
    ) -> Result<Self, Fault> {
        let (b, y) = (operands.id(1)?, operands.output()?);
        let b_type = operands.type_(b)?;
        let (&[ref leading @ .., k], &[_, n]) = (operands.shape(operands.id(0)?)?, operands.shape(b)?) else {
            return Err(Fault::unsupported("expected a right operand with two axes"));
        };
        let m = shape::elements(leading)?;
        let b_scale = operands.id(scale)?;
        each(operands, b_scale, "b_scale", Type::F32, n)?;
        let bias = operands.optional(bias);
        if let Some(bias) = bias {
            each(operands, bias, "bias", Type::F32, n)?;
        }
        let zero_points = operands.zero_points(zero_point, "b_zero_point", b_type, Some(n))?;
        let mut columns = vec![0i32; n];
        let weights = quantized!(b_type, B => {
            let values = operands.weights::<B>(1, "B", n)?;
            for row in values.chunks_exact(n.max(1)) {
                for ((sum, &value), zero_point) in columns.iter_mut().zip(row).zip(zero_points.iter().cycle()) {
                    *sum = sum.wrapping_add(i32::from(value) - zero_point);
                }
            }
            PackedWeights::gemm(backend, View::new(values, [k, n]).map_err(refused)?, param(&zero_points))
                .map_err(refused)?
        });
        let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: false };
        let plan = GemmPlan::new(&weights, m, &ProductOptions::new(kernel_type(a_type)?)).map_err(refused)?;
        Ok(Self { plan, packed, sizes: [m, n, k], columns, b_scale, bias, y })
    }

    /// Multiplies. The sums are made where the results go.
    fn run<A: Int8>(
        &self,
        memory: &Memory,
        a: &[A],
        (scale, zero_point): (f32, i32),
        y: &mut [f32],
        scratch: &mut [u8],
        threads: usize,
    ) -> Result<(), String> {
        let [m, n, k] = self.sizes;
        if m == 0 || n == 0 {
            return Ok(());
        }
        let a = View::new(a, [m, k]).map_err(told)?;
        let sums = ViewMut::new(bytemuck::cast_slice_mut::<f32, i32>(y), [m, n]).map_err(told)?;
        match threads {
            1 => self.plan.run(a, sums, scratch).map_err(told)?,
            _ => self.plan.run_rayon(a, sums, scratch).map_err(told)?,
        }
        let scales = memory.read::<f32>(self.b_scale).iter().cycle();
        for row in y.chunks_exact_mut(n) {
            for ((y, &column), of_column) in row.iter_mut().zip(&self.columns).zip(scales.clone()) {
                let sum = y.to_bits().cast_signed().wrapping_sub(zero_point.wrapping_mul(column));
                *y = sum as f32 * (scale * of_column);
            }
            if let Some(bias) = self.bias {
                row.iter_mut().zip(memory.read::<f32>(bias).iter().cycle()).for_each(|(y, bias)| *y += bias);
            }
        }
        Ok(())
    }
}

impl<A: Element + Int8 + Into<i32>> Step for ToFloat<A> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<f32, _>(self.product.y, |memory, y| {
            let zero_point = self.zero_point.map_or(0, |id| memory.read::<A>(id)[0].into());
            let by = (memory.read::<f32>(self.scale)[0], zero_point);
            self.product.run(memory, memory.read::<A>(self.a), by, y, scratch, threads)
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

impl Step for Dynamic {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<f32, _>(self.product.y, |memory, y| {
            let x = memory.read::<f32>(self.a);
            let by = dynamic_quantize::parameters(x);
            let (a, scratch) = scratch.split_at_mut(x.len());
            dynamic_quantize::quantize(&self.backend, x, by, a)?;
            self.product.run(memory, &*a, (by.0, by.1.into()), y, scratch, threads)
        })
    }

    fn kernel(&self) -> String {
        self.product.plan.kernel().to_owned()
    }

    fn scratch_len(&self) -> usize {
        let [m, _, k] = self.product.sizes;
        self.product.plan.scratch_len().saturating_add(m.saturating_mul(k))
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.product.packed.clone())
    }
}
