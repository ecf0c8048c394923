//! `QLinearMatMul` and `MatMulInteger`.
//!
//! A constant right operand of one matrix is packed with the plan, and the rows of all matrices on the left are one
//! product. Else both operands are read where they are. Results with scales or zero points that no single
//! requantisation has (of each row of `a` or of `y`, of each matrix of a batch) are made of s32 sums, row by row.

mod batch;
mod lines;
mod requantize;

use zeropoint::{Backend, GemmPlan, Output, PackedWeights, ProductOptions, View};

use self::batch::{Batch, Direct};
use self::lines::{Along, Lines};
use self::requantize::{Requantized, Scales};
use super::super::parameters::Operands;
use super::dynamic_product::{self, Tensors};
use super::product::{self, Place};
use super::{Step, kernel_type, param, quantized as int8, refused};
use crate::error::Fault;
use crate::graph::{TensorId, Type, shape};
use crate::passes::{MatMul, matmul};

/// Which operands are what.
struct Places {
    a_zero_point: usize,
    b: usize,
    b_zero_point: usize,
}

/// A product with its zero points.
struct Operation {
    shapes: MatMul,
    a_zero_points: Lines<i32>,
    b_zero_points: Lines<i32>,
    /// Zero points of both operands, one for all, that are read in each run instead.
    late: [Option<TensorId>; 2],
}

impl Operation {
    fn of(operands: Operands<'_>, places: &Places) -> Result<Self, Fault> {
        let (a, b) = (operands.id(0)?, operands.id(places.b)?);
        let shapes = matmul(operands.shape(a)?, operands.shape(b)?)?;
        let late = [places.a_zero_point, places.b_zero_point]
            .map(|at| operands.optional(at).filter(|&id| operands.tensor(id).constant.is_none()));
        let zero_points = |at: usize, what: &str, of: TensorId, late: Option<TensorId>| match late {
            Some(_) => dynamic_product::one_zero_point(operands, (at, what), of).map(|_| (vec![0], &[][..])),
            None => operands.shaped_zero_points(at, what, operands.type_(of)?),
        };
        let a_zero_points = zero_points(places.a_zero_point, "a_zero_point", a, late[0])?;
        let b_zero_points = zero_points(places.b_zero_point, "b_zero_point", b, late[1])?;
        let (rows, columns) = (&[Along::Rows], &[Along::Columns]);
        Ok(Self {
            a_zero_points: Lines::of("a_zero_point", a_zero_points, rows, [shapes.m, shapes.k], &shapes.a)?,
            b_zero_points: Lines::of("b_zero_point", b_zero_points, columns, [shapes.k, shapes.n], &shapes.b)?,
            late,
            shapes,
        })
    }

    /// Where the right operand is one matrix, the rows of all matrices on the left are those of one.
    fn stacked(self) -> Result<Self, Fault> {
        let Self { shapes, a_zero_points, b_zero_points, late } = self;
        let matrices = shape::elements(&shapes.a)?;
        if shape::elements(&shapes.b)? != 1 || matrices == 1 {
            return Ok(Self { shapes, a_zero_points, b_zero_points, late });
        }
        let a_zero_points = a_zero_points.stacked(matrices, shapes.m)?;
        let m = shape::elements(&[matrices, shapes.m])?;
        let shapes = MatMul { m, a: vec![], b: vec![], batch: vec![], ..shapes };
        Ok(Self { shapes, a_zero_points, b_zero_points, late })
    }
}

pub(super) fn integer(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let places = Places { a_zero_point: 2, b: 1, b_zero_point: 3 };
    let operation = Operation::of(operands, &places)?.stacked()?;
    direct(operands, &places, operation, Output::I32, backend)
}

pub(super) fn quantized(operands: Operands<'_>, backend: &Backend) -> Result<Box<dyn Step>, Fault> {
    let places = Places { a_zero_point: 2, b: 3, b_zero_point: 5 };
    let y_type = operands.type_(operands.output()?)?;
    let operation = Operation::of(operands, &places)?;
    let MatMul { m, k, n, a, b, batch, .. } = &operation.shapes;
    let (rows, columns, both) = (&[Along::Rows], &[Along::Columns], &[Along::Rows, Along::Columns]);
    let scales = Scales {
        a: Lines::of("a_scale", operands.shaped_scales(1, "a_scale")?, rows, [*m, *k], a)?,
        b: Lines::of("b_scale", operands.shaped_scales(4, "b_scale")?, columns, [*k, *n], b)?,
        y: Lines::of("y_scale", operands.shaped_scales(6, "y_scale")?, both, [*m, *n], batch)?,
        zero_points: Lines::of(
            "y_zero_point",
            operands.shaped_zero_points(7, "y_zero_point", y_type)?,
            both,
            [*m, *n],
            batch,
        )?,
        clamp: operands.node.clamp,
    };
    if let Some(to) = scales.single(kernel_type(y_type)?)? {
        return direct(operands, &places, operation.stacked()?, Output::Requantized(to), backend);
    }
    let (a_type, b_type) = (operands.type_(operands.id(0)?)?, operands.type_(operands.id(places.b)?)?);
    Ok(int8!(a_type, A => int8!(b_type, B => int8!(y_type, Y => {
        let pieces = requantize::pieces(&operation.shapes, &scales, kernel_type(y_type)?)?;
        let sums = in_place::<A, B, i32>(operands, &places, operation, Output::I32, backend)?;
        Box::new(Requantized::<A, B, Y>::new(*backend, sums, pieces, operands.output()?))
    }))))
}

/// A product whose results the library writes as they are meant.
fn direct(
    operands: Operands<'_>,
    places: &Places,
    operation: Operation,
    output: Output<'_>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (a, b, y) = (operands.id(0)?, operands.id(places.b)?, operands.output()?);
    let (a_type, b_type) = (operands.type_(a)?, operands.type_(b)?);
    let one = shape::elements(&operation.shapes.a)? == 1 && shape::elements(&operation.shapes.b)? == 1;
    if operands.tensor(b).constant.is_some() && one {
        return packed(operands, places, &operation, output, backend);
    }
    Ok(int8!(a_type, A => int8!(b_type, B => match operands.type_(y)? {
        Type::I32 => Box::new(Direct { batch: in_place::<A, B, i32>(operands, places, operation, output, backend)?, y }),
        other => int8!(other, Y => {
            Box::new(Direct { batch: in_place::<A, B, Y>(operands, places, operation, output, backend)?, y })
        }),
    })))
}

/// A product of one matrix with constant weights.
fn packed(
    operands: Operands<'_>,
    places: &Places,
    operation: &Operation,
    output: Output<'_>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (a_type, b_type) = (operands.type_(operands.id(0)?)?, operands.type_(operands.id(places.b)?)?);
    let MatMul { m, k, n, .. } = operation.shapes;
    let weights = operands.packed(&[places.b, places.b_zero_point], || {
        Ok(int8!(b_type, B => {
            let view = View::new(operands.weights::<B>(places.b, "b", n)?, [k, n]).map_err(refused)?;
            PackedWeights::gemm(backend, view, param(operation.b_zero_points.matrix(0))).map_err(refused)?
        }))
    })?;
    let options = ProductOptions::new(kernel_type(a_type)?).output(output);
    let places = [Place::dense([m, k]), Place::dense([m, n])];
    if let [Some(zero_point), _] = operation.late {
        let plan = GemmPlan::new(&weights, m, &options.dynamic()).map_err(refused)?;
        let by = Tensors { zero_point: Some(zero_point), ..Tensors::default() };
        return dynamic_product::step(operands, plan, &weights, by, places);
    }
    let options = options.zero_points(param(operation.a_zero_points.matrix(0)));
    let plan = GemmPlan::new(&weights, m, &options).map_err(refused)?;
    product::step(operands, plan, &weights, places)
}

/// Products whose operands are both read where they are.
fn in_place<A, B, O>(
    operands: Operands<'_>,
    places: &Places,
    operation: Operation,
    output: Output<'_>,
    backend: &Backend,
) -> Result<Batch<A, B, O>, Fault> {
    let (a, b) = (operands.id(0)?, operands.id(places.b)?);
    let types = [kernel_type(operands.type_(a)?)?, kernel_type(operands.type_(b)?)?];
    Batch::new(backend, [a, b], types, operation, output)
}
