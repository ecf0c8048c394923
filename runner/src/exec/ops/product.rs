//! Products with packed weights: the step of convolutions, and of matrix products whose right operand is a constant.

use std::marker::PhantomData;

use zeropoint::{ConvPlan, GemmPlan, View, ViewMut};

use super::super::plan::Packed;
use super::{Context, Step, told};
use crate::graph::{Element, TensorId, shape};

/// The shape and strides of an operand, as a plan sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<const AXES: usize> {
    shape: [usize; AXES],
    strides: [usize; AXES],
}

impl<const AXES: usize> Place<AXES> {
    /// In C order of the shape.
    pub(super) fn dense(shape: [usize; AXES]) -> Self {
        let mut strides = [1; AXES];
        strides.copy_from_slice(&shape::strides(&shape));
        Self { shape, strides }
    }
}

impl Place<4> {
    /// Images, rows, columns and channels that lie in memory with the channels behind the images.
    pub(super) fn channels_first([images, rows, columns, channels]: [usize; 4]) -> Self {
        let [image, channel, row, column] = Place::dense([images, channels, rows, columns]).strides;
        Self { shape: [images, rows, columns, channels], strides: [image, row, column, channel] }
    }
}

/// A plan, of an operand and a result with so many axes.
pub(super) struct Product<P, A, O, const AXES: usize> {
    pub(super) plan: P,
    pub(super) packed: Packed,
    pub(super) x: TensorId,
    pub(super) y: TensorId,
    pub(super) from: Place<AXES>,
    pub(super) to: Place<AXES>,
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
                    let x = View::with_strides(memory.read::<A>(self.x), self.from.shape, self.from.strides);
                    let y = ViewMut::with_strides(y, self.to.shape, self.to.strides).map_err(told)?;
                    let x = x.map_err(told)?;
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
