//! Products of operands that are both read where they are, matrix by matrix.

use std::marker::PhantomData;

use zeropoint::{Backend, MatMulPlan, Output, View, ViewMut, ZeroPoints};

use super::super::parts::each_part;
use super::super::{Context, Step, param, refused, told};
use super::Operation;
use super::lines::Lines;
use crate::error::Fault;
use crate::exec::memory::Memory;
use crate::graph::{Element, TensorId, shape};
use crate::passes::MatMul;

/// A batch of products.
pub(super) struct Batch<A, B, O> {
    plan: MatMulPlan,
    a: TensorId,
    b: TensorId,
    pub(super) shapes: MatMul,
    /// Matrices of the product.
    count: usize,
    a_zero_points: Lines<i32>,
    b_zero_points: Lines<i32>,
    /// Those of both operands, one for all, that are read in each run instead.
    late: [Option<TensorId>; 2],
    types: PhantomData<fn(A, B) -> O>,
}

impl<A, B, O> Batch<A, B, O> {
    pub(super) fn new(
        backend: &Backend,
        [a, b]: [TensorId; 2],
        types: [zeropoint::Type; 2],
        operation: Operation,
        output: Output<'_>,
    ) -> Result<Self, Fault> {
        let Operation { shapes, a_zero_points, b_zero_points, late } = operation;
        let sizes = [shapes.m, shapes.k, shapes.n];
        let plan = MatMulPlan::new(backend, sizes, types[0], types[1], output).map_err(refused)?;
        let count = shape::elements(&shapes.batch)?;
        Ok(Self { plan, a, b, shapes, count, a_zero_points, b_zero_points, late, types: PhantomData })
    }

    /// Elements of a matrix of the product.
    pub(super) fn elements(&self) -> usize {
        // No more than the output has.
        self.shapes.m.saturating_mul(self.shapes.n)
    }

    /// Bytes of scratch for each thread, in whole cache lines.
    pub(super) fn scratch_len(&self) -> usize {
        self.plan.scratch_len().checked_next_multiple_of(64).unwrap_or(usize::MAX)
    }

    pub(super) fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }
}

impl<A, B, O> Batch<A, B, O>
where
    A: Element + zeropoint::Int8 + Into<i32>,
    B: Element + zeropoint::Int8 + Into<i32>,
    O: zeropoint::Element,
{
    /// Computes one matrix of the product.
    pub(super) fn matrix(
        &self,
        memory: &Memory<'_>,
        index: usize,
        y: &mut [O],
        scratch: &mut [u8],
    ) -> Result<(), zeropoint::Error> {
        let MatMul { m, k, n, .. } = self.shapes;
        let (a, b) = self.shapes.operands(index);
        let left = View::new(&memory.read::<A>(self.a)[a * m * k..], [1, m, k])?;
        let right = View::new(&memory.read::<B>(self.b)[b * k * n..], [1, k, n])?;
        let a = match self.late[0] {
            Some(id) => ZeroPoints::All(memory.read::<A>(id)[0].into()),
            None => param(self.a_zero_points.matrix(a)),
        };
        let b = match self.late[1] {
            Some(id) => ZeroPoints::All(memory.read::<B>(id)[0].into()),
            None => param(self.b_zero_points.matrix(b)),
        };
        self.plan.run(left, a, right, b, ViewMut::new(y, [1, m, n])?, scratch)
    }

    /// Runs `body` with each matrix of `y`, which is the whole product; each thread has a piece of the scratch.
    pub(super) fn each<Y: Send>(
        &self,
        y: &mut [Y],
        scratch: &mut [u8],
        threads: usize,
        body: impl Fn(usize, &mut [Y], &mut [u8]) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let size = self.elements();
        if size == 0 || self.count == 0 {
            return Ok(());
        }
        each_part(threads, y, size, scratch, |first, y, scratch| {
            let matrices = y.chunks_exact_mut(size).enumerate();
            matrices.into_iter().try_for_each(|(index, y)| body(first + index, y, scratch))
        })
    }
}

/// A batch that writes the output itself.
pub(super) struct Direct<A, B, O> {
    pub(super) batch: Batch<A, B, O>,
    pub(super) y: TensorId,
}

impl<A, B, O> Step for Direct<A, B, O>
where
    A: Element + zeropoint::Int8 + Into<i32>,
    B: Element + zeropoint::Int8 + Into<i32>,
    O: Element + zeropoint::Element,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<O, _>(self.y, |memory, y| {
            self.batch.each(y, scratch, threads, |index, y, scratch| {
                self.batch.matrix(memory, index, y, scratch).map_err(told)
            })
        })
    }

    fn kernel(&self) -> String {
        self.batch.kernel()
    }

    fn scratch_len(&self) -> usize {
        self.batch.scratch_len()
    }
}
