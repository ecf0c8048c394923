//! `MatMulIntegerToFloat` and `DynamicQuantizeMatMul` with a constant right operand: `f32(f32(sum) * f32(sa * sb))`, and
//! with a bias that plus it, rounded again.

use zeropoint::{Backend, GemmPlan, Output, PackedWeights, ProductOptions, View};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::dynamic_product::{self, Names, Product, Tensors};
use super::product::Place;
use super::{Context, Step, dynamic_quantize, kernel_type, param, quantized, refused};
use crate::error::Fault;
use crate::graph::{TensorId, Type, shape};

/// A plan, its weights, and where both matrices lie.
struct Planned {
    plan: GemmPlan,
    weights: PackedWeights,
    columns: usize,
    places: [Place<2>; 2],
}

/// The plan of a left operand of a type. The zero points of the right one are an operand of the node.
fn planned(operands: Operands<'_>, a_type: Type, zero_point: usize, backend: &Backend) -> Result<Planned, Fault> {
    let b = operands.id(1)?;
    let b_type = operands.type_(b)?;
    let (&[ref leading @ .., k], &[_, n]) = (operands.shape(operands.id(0)?)?, operands.shape(b)?) else {
        return Err(Fault::unsupported("expected a right operand with two axes"));
    };
    let m = shape::elements(leading)?;
    let zero_points = operands.zero_points(zero_point, "b_zero_point", b_type, Some(n))?;
    let weights = operands.packed(&[1, zero_point], || {
        Ok(quantized!(b_type, B => {
            let view = View::new(operands.weights::<B>(1, "B", n)?, [k, n]).map_err(refused)?;
            PackedWeights::gemm(backend, view, param(&zero_points)).map_err(refused)?
        }))
    })?;
    let options = ProductOptions::new(kernel_type(a_type)?).dynamic().output(Output::F32);
    let plan = GemmPlan::new(&weights, m, &options).map_err(refused)?;
    Ok(Planned { plan, weights, columns: n, places: [Place::dense([m, k]), Place::dense([m, n])] })
}

/// `MatMulIntegerToFloat`.
pub(super) fn to_float(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let type_ = operands.type_(operands.id(0)?)?;
    let Planned { plan, weights, columns, places } = planned(operands, type_, 5, backend)?;
    let names =
        Names { zero_point: (4, "a_zero_point"), scale: (2, "a_scale"), scales: (3, "b_scale"), bias: (6, "bias") };
    let by = Tensors::to_float(operands, &names, columns)?;
    dynamic_product::step(operands, plan, &weights, by, places)
}

/// `DynamicQuantizeMatMul`: of a left operand that is quantised on the way.
struct Dynamic {
    product: Product<GemmPlan, u8, f32, 2>,
    backend: Backend,
    a: TensorId,
    /// Elements of `a`.
    elements: usize,
}

/// `DynamicQuantizeMatMul`.
pub(super) fn dynamic(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (a, y) = (operands.id(0)?, operands.output()?);
    let elements = shape::elements(operands.shape(a)?)?;
    let Planned { plan, weights, columns, places } = planned(operands, Type::U8, 3, backend)?;
    let by = Tensors::columns(operands, (2, "b_scale"), (4, "bias"), columns)?;
    let product = Product::new(plan, &weights, by, y, places);
    Ok(Box::new(Dynamic { product, backend: *backend, a, elements }))
}

impl Step for Dynamic {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<f32, _>(self.product.y(), |memory, y| {
            let x = memory.read::<f32>(self.a);
            let (a, scratch) = scratch.split_at_mut(x.len());
            let (scale, zero_point) = dynamic_quantize::quantize(&self.backend, x, a, threads)?;
            self.product.multiply(memory, a, (scale, zero_point.into()), y, scratch, threads)
        })
    }

    fn kernel(&self) -> String {
        self.product.kernel()
    }

    fn scratch_len(&self) -> usize {
        self.product.scratch_len().saturating_add(self.elements)
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.product.packed())
    }
}
