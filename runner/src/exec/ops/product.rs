//! Products with packed weights: the step of `QLinearConv` and of `QLinearMatMul`.

use std::marker::PhantomData;

use zeropoint::{ConvPlan, GemmPlan, View, ViewMut};

use super::super::plan::Packed;
use super::{Context, Step, told};
use crate::graph::{Element, TensorId};

/// A plan, of an operand and a result with so many axes.
pub(super) struct Product<P, A, O, const AXES: usize> {
    pub(super) plan: P,
    pub(super) packed: Packed,
    pub(super) x: TensorId,
    pub(super) y: TensorId,
    pub(super) from: [usize; AXES],
    pub(super) to: [usize; AXES],
    pub(super) types: PhantomData<fn(A) -> O>,
}

/// The plans have methods of the same names, and no trait.
macro_rules! step {
    ($plan:ty, $axes:literal) => {
        impl<A, O> Step for Product<$plan, A, O, $axes>
        where
            A: Element + zeropoint::Int8,
            O: Element + zeropoint::Element,
        {
            fn run(&self, context: Context<'_>) -> Result<(), String> {
                let Context { memory, scratch, threads } = context;
                memory.writing::<O, _>(self.y, |memory, y| {
                    let x = View::new(memory.read::<A>(self.x), self.from).map_err(told)?;
                    let y = ViewMut::new(y, self.to).map_err(told)?;
                    match threads {
                        1 => self.plan.run(x, y, scratch).map_err(told),
                        _ => self.plan.run_rayon(x, y, scratch).map_err(told),
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
    };
}
step!(ConvPlan, 4);
step!(GemmPlan, 2);
