//! Products with packed weights: the step of convolutions, and of matrix products whose right operand is a constant.

use std::marker::PhantomData;

use zeropoint::{Conv3dPlan, ConvPlan, GemmPlan, TransposedConv3dPlan, TransposedConvPlan, View, ViewError, ViewMut};

use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::{Context, Step, quantized, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};

/// A plan of the library, of an operand and a result with so many axes.
pub(super) trait Plan<const AXES: usize>: Send + Sync {
    /// Computes all of `y`.
    fn run<A: zeropoint::Int8, O: zeropoint::Element>(
        &self,
        x: View<'_, A, AXES>,
        y: ViewMut<'_, O, AXES>,
        scratch: &mut [u8],
        threads: usize,
    ) -> Result<(), zeropoint::Error>;

    /// The kernel's name.
    fn kernel(&self) -> &'static str;

    /// Bytes of scratch for each thread.
    fn scratch_len(&self) -> usize;

    /// Bytes of a copy of the weights.
    fn copied(&self) -> usize;
}

/// The plans have methods of the same names, and no trait.
macro_rules! plan {
    ($plan:ty, $axes:literal, $copied:expr) => {
        impl Plan<$axes> for $plan {
            fn run<A: zeropoint::Int8, O: zeropoint::Element>(
                &self,
                x: View<'_, A, $axes>,
                y: ViewMut<'_, O, $axes>,
                scratch: &mut [u8],
                threads: usize,
            ) -> Result<(), zeropoint::Error> {
                match threads {
                    1 => self.run(x, y, scratch),
                    _ => self.run_rayon(x, y, scratch),
                }
            }

            fn kernel(&self) -> &'static str {
                self.kernel()
            }

            fn scratch_len(&self) -> usize {
                self.scratch_len()
            }

            fn copied(&self) -> usize {
                $copied(self)
            }
        }
    };
}
plan!(ConvPlan, 4, ConvPlan::copied_bytes);
plan!(Conv3dPlan, 5, Conv3dPlan::copied_bytes);
plan!(GemmPlan, 2, |_| 0);
plan!(TransposedConvPlan, 4, TransposedConvPlan::copied_bytes);
plan!(TransposedConv3dPlan, 5, TransposedConv3dPlan::copied_bytes);

/// The shape and strides of an operand, as a plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Images of this shape, whose last axis is the channels, that lie in memory with the channels behind the images.
    pub(super) fn channels_first(shape: [usize; AXES]) -> Self {
        let mut order = shape;
        order[1..].rotate_right(1);
        let Self { mut strides, .. } = Self::dense(order);
        strides[1..].rotate_left(1);
        Self { shape, strides }
    }

    /// The operand in its memory.
    pub(super) fn view<'a, T>(&self, data: &'a [T]) -> Result<View<'a, T, AXES>, ViewError> {
        View::with_strides(data, self.shape, self.strides)
    }

    /// The operand in its memory, to write.
    pub(super) fn view_mut<'a, T>(&self, data: &'a mut [T]) -> Result<ViewMut<'a, T, AXES>, ViewError> {
        ViewMut::with_strides(data, self.shape, self.strides)
    }
}

struct Product<P, A, O, const AXES: usize> {
    plan: P,
    packed: Packed,
    x: TensorId,
    y: TensorId,
    from: Place<AXES>,
    to: Place<AXES>,
    types: PhantomData<fn(A) -> O>,
}

/// The step of a plan that takes a node's first operand, which lies at `from`, to its output, which lies at `to`.
pub(super) fn step<P: Plan<AXES> + 'static, const AXES: usize>(
    operands: Operands<'_>,
    plan: P,
    packed: impl Into<Packed>,
    [from, to]: [Place<AXES>; 2],
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let packed = Packed { copied: plan.copied(), ..packed.into() };
    Ok(quantized!(operands.type_(x)?, A => match operands.type_(y)? {
        Type::I32 => Box::new(Product::<P, A, i32, AXES> { plan, packed, x, y, from, to, types: PhantomData }),
        Type::F32 => Box::new(Product::<P, A, f32, AXES> { plan, packed, x, y, from, to, types: PhantomData }),
        other => quantized!(other, O => {
            Box::new(Product::<P, A, O, AXES> { plan, packed, x, y, from, to, types: PhantomData })
        }),
    }))
}

impl<P, A, O, const AXES: usize> Step for Product<P, A, O, AXES>
where
    P: Plan<AXES>,
    A: Element + zeropoint::Int8,
    O: Element + zeropoint::Element,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        memory.writing::<O, _>(self.y, |memory, y| {
            let x = self.from.view(memory.read::<A>(self.x)).map_err(told)?;
            let y = self.to.view_mut(y).map_err(told)?;
            self.plan.run(x, y, scratch, threads).map_err(told)
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

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn channels_lie_first_or_last() {
        let Place { shape, strides } = Place::channels_first([2, 5, 7, 3]);
        assert_eq!((shape, strides), ([2, 5, 7, 3], [105, 7, 1, 35]));
        assert_eq!(Place::channels_first([2, 4, 5, 7, 3]).strides, [420, 35, 7, 1, 140]);
        assert_eq!(Place::dense([2, 5, 3]).strides, [15, 3, 1]);
    }
}
