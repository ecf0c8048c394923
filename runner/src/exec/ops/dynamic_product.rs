//! Products with packed weights whose input has a zero point, and whose results have scales, that only a run knows: the
//! step of `MatMulIntegerToFloat` and `ConvIntegerToFloat`, and of `MatMulInteger` and `ConvInteger` behind a node that
//! quantises by what it is given. Nothing is planned in a run: the library's plan takes them as arguments.

use std::marker::PhantomData;

use zeropoint::{ConvPlan, GemmPlan, PackedWeights, RunParameters, View, ViewMut};

use super::super::memory::Memory;
use super::super::parameters::Operands;
use super::super::plan::Packed;
use super::product::{Place, Plan};
use super::{Context, Step, param, quantized, told};
use crate::error::Fault;
use crate::graph::{Element, TensorId, Type, shape};

/// A plan of the library that takes parameters of a run.
pub(super) trait DynamicPlan<const AXES: usize>: Plan<AXES> {
    /// Computes all of `y`.
    fn run_dynamic<A: zeropoint::Int8, O: zeropoint::Element>(
        &self,
        x: View<'_, A, AXES>,
        by: &RunParameters<'_>,
        y: ViewMut<'_, O, AXES>,
        scratch: &mut [u8],
        threads: usize,
    ) -> Result<(), zeropoint::Error>;
}

macro_rules! plan {
    ($plan:ty, $axes:literal) => {
        impl DynamicPlan<$axes> for $plan {
            fn run_dynamic<A: zeropoint::Int8, O: zeropoint::Element>(
                &self,
                x: View<'_, A, $axes>,
                by: &RunParameters<'_>,
                y: ViewMut<'_, O, $axes>,
                scratch: &mut [u8],
                threads: usize,
            ) -> Result<(), zeropoint::Error> {
                match threads {
                    1 => self.run_dynamic(x, by, y, scratch),
                    _ => self.run_dynamic_rayon(x, by, y, scratch),
                }
            }
        }
    };
}
plan!(ConvPlan, 4);
plan!(GemmPlan, 2);

/// Which tensors hold the parameters. Scales that are left out are 1, as sums of s32 have none.
#[derive(Clone, Copy, Default)]
pub(super) struct Tensors {
    pub(super) zero_point: Option<TensorId>,
    pub(super) scale: Option<TensorId>,
    pub(super) scales: Option<TensorId>,
    pub(super) bias: Option<TensorId>,
}

/// What the operands of a node are called that hold the parameters, and where they stand.
pub(super) struct Names {
    pub(super) zero_point: (usize, &'static str),
    pub(super) scale: (usize, &'static str),
    pub(super) scales: (usize, &'static str),
    pub(super) bias: (usize, &'static str),
}

impl Tensors {
    /// The parameters of a product to floats of so many columns, checked. A bias of another type than f32 is none of them.
    pub(super) fn to_float(operands: Operands<'_>, names: &Names, columns: usize) -> Result<Self, Fault> {
        let (of_input, name) = names.scale;
        let scale = operands.id(of_input)?;
        one_or_each(operands, scale, name, Type::F32, 1)?;
        let zero_point = zero_point(operands, names.zero_point)?;
        Ok(Self { zero_point, scale: Some(scale), ..Self::columns(operands, names.scales, names.bias, columns)? })
    }

    /// Those of the columns alone.
    pub(super) fn columns(
        operands: Operands<'_>,
        (scales, of_scales): (usize, &str),
        (bias, of_bias): (usize, &str),
        columns: usize,
    ) -> Result<Self, Fault> {
        let scales = operands.id(scales)?;
        one_or_each(operands, scales, of_scales, Type::F32, columns)?;
        let bias = operands.optional(bias).filter(|&id| operands.tensor(id).type_ != Some(Type::I32));
        if let Some(bias) = bias {
            one_or_each(operands, bias, of_bias, Type::F32, columns)?;
        }
        Ok(Self { scales: Some(scales), bias, ..Self::default() })
    }

    /// The parameters in a run, but for the zero point.
    fn read<'a>(&self, memory: &Memory<'a>, zero_point: i32, scale: f32) -> RunParameters<'a> {
        let scales = self.scales.map_or(zeropoint::Param::All(1.0), |id| param(memory.read::<f32>(id)));
        RunParameters { zero_point, scale, scales, bias: self.bias.map(|id| param(memory.read::<f32>(id))) }
    }
}

/// The operand that holds the zero point of the input, one for all, checked.
pub(super) fn zero_point(operands: Operands<'_>, at: (usize, &str)) -> Result<Option<TensorId>, Fault> {
    one_zero_point(operands, at, operands.id(0)?)
}

/// The operand that holds the zero point of another, one for all, checked.
pub(super) fn one_zero_point(
    operands: Operands<'_>,
    (index, name): (usize, &str),
    of: TensorId,
) -> Result<Option<TensorId>, Fault> {
    let zero_point = operands.optional(index);
    if let Some(zero_point) = zero_point {
        one_or_each(operands, zero_point, name, operands.type_(of)?, 1)?;
    }
    Ok(zero_point)
}

/// Checks an operand of one value or so many.
fn one_or_each(operands: Operands<'_>, id: TensorId, what: &str, expected: Type, count: usize) -> Result<(), Fault> {
    let type_ = operands.type_(id)?;
    if type_ != expected {
        return Err(Fault::invalid(format!("{what} is {type_}, expected {expected}")));
    }
    match shape::elements(operands.shape(id)?)? {
        1 => Ok(()),
        length if length == count => Ok(()),
        length if count == 1 => Err(Fault::unsupported(format!("{what} has {length} values, expected 1"))),
        length => Err(Fault::unsupported(format!("{what} has {length} values, expected 1 or {count}"))),
    }
}

/// A product, and where its operands lie.
pub(super) struct Product<P, A, O, const AXES: usize> {
    plan: P,
    packed: Packed,
    by: Tensors,
    y: TensorId,
    from: Place<AXES>,
    to: Place<AXES>,
    types: PhantomData<fn(A) -> O>,
}

impl<P, A, O, const AXES: usize> Product<P, A, O, AXES>
where
    P: DynamicPlan<AXES>,
    A: zeropoint::Int8,
    O: Element + zeropoint::Element,
{
    pub(super) fn new(
        plan: P,
        weights: &PackedWeights,
        by: Tensors,
        y: TensorId,
        [from, to]: [Place<AXES>; 2],
    ) -> Self {
        let packed = Packed { copied: plan.copied(), ..Packed::from(weights) };
        Self { plan, packed, by, y, from, to, types: PhantomData }
    }

    pub(super) fn y(&self) -> TensorId {
        self.y
    }

    pub(super) fn kernel(&self) -> String {
        self.plan.kernel().to_owned()
    }

    pub(super) fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }

    pub(super) fn packed(&self) -> Packed {
        self.packed.clone()
    }

    /// Multiplies an input with the zero point and the scale given.
    pub(super) fn multiply(
        &self,
        memory: &Memory<'_>,
        x: &[A],
        (scale, zero_point): (f32, i32),
        y: &mut [O],
        scratch: &mut [u8],
        threads: usize,
    ) -> Result<(), String> {
        let x = self.from.view(x).map_err(told)?;
        let y = self.to.view_mut(y).map_err(told)?;
        self.plan.run_dynamic(x, &self.by.read(memory, zero_point, scale), y, scratch, threads).map_err(told)
    }
}

/// A product of the node's first operand.
struct OfOperand<P, A, O, const AXES: usize> {
    product: Product<P, A, O, AXES>,
    x: TensorId,
}

/// The step of a plan that takes a node's first operand, which lies at the first place, to its output, which lies at the
/// other.
pub(super) fn step<P: DynamicPlan<AXES> + 'static, const AXES: usize>(
    operands: Operands<'_>,
    plan: P,
    weights: &PackedWeights,
    by: Tensors,
    places: [Place<AXES>; 2],
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    Ok(quantized!(operands.type_(x)?, A => match operands.type_(y)? {
        Type::I32 => Box::new(OfOperand { product: Product::<P, A, i32, AXES>::new(plan, weights, by, y, places), x }),
        _ => Box::new(OfOperand { product: Product::<P, A, f32, AXES>::new(plan, weights, by, y, places), x }),
    }))
}

impl<P, A, O, const AXES: usize> Step for OfOperand<P, A, O, AXES>
where
    P: DynamicPlan<AXES>,
    A: Element + zeropoint::Int8 + Into<i32>,
    O: Element + zeropoint::Element,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, threads } = context;
        let Tensors { zero_point, scale, .. } = self.product.by;
        memory.writing::<O, _>(self.product.y, |memory, y| {
            let zero_point = zero_point.map_or(0, |id| memory.read::<A>(id)[0].into());
            let scale = scale.map_or(1.0, |id| memory.read::<f32>(id)[0]);
            self.product.multiply(memory, memory.read::<A>(self.x), (scale, zero_point), y, scratch, threads)
        })
    }

    fn kernel(&self) -> String {
        self.product.kernel()
    }

    fn scratch_len(&self) -> usize {
        self.product.scratch_len()
    }

    fn packed(&self) -> Option<Packed> {
        Some(self.product.packed())
    }
}
