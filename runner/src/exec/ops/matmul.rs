//! `QLinearMatMul` with a constant right operand.

use std::marker::PhantomData;

use zeropoint::{Backend, GemmPlan, Output, PackedWeights, ProductOptions, Requantization, View};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::product::Product;
use super::{Step, kernel_type, param, quantized, refused};
use crate::error::Fault;
use crate::graph::shape;

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
        Requantization::from_scales(a_scale, param(&b_scales), y_scale, kernel_type(y_type)?, y_zero_point)
            .map_err(refused)?;
    let options =
        ProductOptions::new(kernel_type(a_type)?).zero_point(a_zero_point).output(Output::Requantized(requantization));
    let plan = GemmPlan::new(&weights, m, &options).map_err(refused)?;
    let packed = Packed { own: weights.own_bytes(), packed: weights.packed_bytes(), depthwise: false };
    Ok(quantized!(a_type, A => quantized!(y_type, O => {
        Box::new(Product::<_, A, O, 2> { plan, packed, x: a, y, from: [m, k], to: [m, n], types: PhantomData })
    })))
}
