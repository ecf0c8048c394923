//! `QLinearMatMul` with a constant right operand.

use std::marker::PhantomData;

use zeropoint::{Backend, GemmPlan, Output, PackedWeights, ProductOptions, Requantization, View, ViewMut};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{Context, Step, kernel_type, param, quantized, refused, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, shape};

struct MatMul<A, O> {
    plan: GemmPlan,
    packed: Packed,
    a: TensorId,
    y: TensorId,
    m: usize,
    k: usize,
    n: usize,
    types: PhantomData<fn(A) -> O>,
}

pub(super) fn lower(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y) = (operands.id(0)?, operands.id(3)?, operands.output()?);
    let (a_type, b_type, y_type) = (operands.type_(a)?, operands.type_(b)?, operands.type_(y)?);
    let (&[.., k], &[_, n]) = (operands.shape(a)?, operands.shape(b)?) else {
        return Err(Fault::unsupported("expected a right operand with two axes"));
    };
    let leading = operands.shape(a)?;
    let m = shape::elements(&leading[..leading.len() - 1])?;

    let a_scale = operands.scale(1, "a_scale")?;
    let a_zero_point = operands.zero_point(2, "a_zero_point", a_type)?;
    let b_scales = operands.scales(4, "b_scale", Some(n))?;
    let b_zero_points = operands.zero_points(5, "b_zero_point", b_type, Some(n))?;
    let y_scale = operands.scale(6, "y_scale")?;
    let y_zero_point = operands.zero_point(7, "y_zero_point", y_type)?;

    let weights = quantized!(b_type, B => {
        let view = View::new(operands.weights::<B>(3, "b", n)?, [k, n]).map_err(refused)?;
        PackedWeights::gemm(backend, view, param(&b_zero_points)).map_err(refused)?
    });
    let requantization =
        Requantization::from_scales(a_scale, param(b_scales), y_scale, kernel_type(y_type)?, y_zero_point)
            .map_err(refused)?;
    let options =
        ProductOptions::new(kernel_type(a_type)?).zero_point(a_zero_point).output(Output::Requantized(requantization));
    let plan = GemmPlan::new(&weights, m, &options).map_err(refused)?;
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: false };
    Ok(quantized!(a_type, A => quantized!(y_type, O => {
        Box::new(MatMul::<A, O> { plan, packed, a, y, m, k, n, types: PhantomData })
    })))
}

impl<A, O> Step for MatMul<A, O>
where
    A: Element + zeropoint::Int8,
    O: Element + zeropoint::Element,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<O, _>(self.y, |memory, y| {
            let a = View::new(memory.read::<A>(self.a), [self.m, self.k]).map_err(told)?;
            let y = ViewMut::new(y, [self.m, self.n]).map_err(told)?;
            match threads {
                1 => self.plan.run(a, y, scratch).map_err(told),
                _ => self.plan.run_rayon(a, y, scratch).map_err(told),
            }
        })
    }

    fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }

    fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.packed.clone())
    }
}
