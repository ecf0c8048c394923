//! `QuantizeLinear` and `DequantizeLinear`.

mod images;

use std::marker::PhantomData;

use rayon::prelude::*;
use zeropoint::{Backend, Granularity, Quantization, QuantizeRule, elementwise};

use self::images::Images;
use super::super::parameters::Operands;
use super::parts::{floats, floats_len};
use super::{CHUNK, Context, Step, param, quantized, told};
use crate::convert;
use crate::error::Fault;
use crate::graph::op::AbsMax;
use crate::graph::{Element, Layout, TensorId, Type, shape};
use crate::passes::axis_of_scales;

/// Scales and zero points, and how they lie over the tensor.
struct Parameters {
    scales: Vec<f32>,
    zero_points: Vec<i32>,
    shape: Vec<usize>,
    /// Nothing where one scale is for all.
    axis: Option<isize>,
    /// Elements along the axis that share a scale; 0 where each index of the axis has one.
    block: usize,
    /// Where they are fewer than the elements in memory have.
    bits: Option<u32>,
    rule: QuantizeRule,
}

impl Parameters {
    fn quantization(&self) -> Quantization<'_> {
        let all = Quantization::new(param(&self.scales), param(&self.zero_points)).rule(self.rule);
        let all = self.bits.map_or(all, |bits| all.bits(bits));
        let shape = &self.shape;
        match (self.axis, self.block) {
            (None, _) => all,
            (Some(axis), 0) => all.along(Granularity::Axis { shape, axis }),
            (Some(axis), block) => all.along(Granularity::Blocks { shape, axis, block }),
        }
    }

    /// By Paddle's rule, from the greatest absolute value instead of the step.
    fn of_abs_max(self, AbsMax { value, bits }: AbsMax, to: Type) -> Result<Self, Fault> {
        if to != Type::I8 || self.axis.is_some() || self.zero_points.iter().any(|&zero_point| zero_point != 0) {
            return Err(Fault::unsupported(format!(
                "an absolute maximum with {to}, {} scales and zero points {:?}; expected int8, one and 0",
                self.scales.len(),
                self.zero_points
            )));
        }
        if !(value > 0.0 && value.is_finite()) {
            return Err(Fault::invalid(format!("the absolute maximum is {value}, expected a finite number above 0")));
        }
        if !(2..=8).contains(&bits) {
            return Err(Fault::unsupported(format!("{bits} bits, expected 2 to 8")));
        }
        Ok(Self { scales: vec![value], zero_points: vec![0], bits: Some(bits), rule: QuantizeRule::PaddleEven, ..self })
    }

    /// Runs `body` with pieces of `x` and `y` for threads, or with all of them where parameters lie along an axis.
    fn pieces<X: Sync, Y: Send>(
        &self,
        threads: usize,
        x: &[X],
        y: &mut [Y],
        body: impl Fn(&[X], &mut [Y]) -> Result<(), zeropoint::Error> + Sync,
    ) -> Result<(), String> {
        if threads == 1 || y.len() <= CHUNK || self.axis.is_some() {
            return body(x, y).map_err(told);
        }
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).try_for_each(|(y, x)| body(x, y)).map_err(told)
    }
}

struct Quantize<X, Y> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    by: Parameters,
    types: PhantomData<fn(X) -> Y>,
}

/// From s32, whose values become the nearest floats first.
struct QuantizeIntegers<Y> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    by: Parameters,
    elements: usize,
    type_: PhantomData<fn() -> Y>,
}

struct Dequantize<X, Y> {
    backend: Backend,
    x: TensorId,
    y: TensorId,
    by: Parameters,
    types: PhantomData<fn(X) -> Y>,
}

/// Runs an expression with the Rust type of what an integer tensor holds.
macro_rules! integer {
    ($type_:expr, $name:ident => $body:expr, $($more:ident $rust:ty)?) => {
        match $type_.storage() {
            Type::U8 => {
                type $name = u8;
                $body
            }
            Type::I8 => {
                type $name = i8;
                $body
            }
            Type::U16 => {
                type $name = u16;
                $body
            }
            Type::I16 => {
                type $name = i16;
                $body
            }
            $(Type::$more => {
                type $name = $rust;
                $body
            })?
            other => return Err(Fault::unsupported(format!("elements of {other}, expected integers"))),
        }
    };
}

/// Runs an expression with the Rust type of a float tensor type.
macro_rules! real {
    ($type_:expr, $name:ident => $body:expr) => {
        match $type_ {
            Type::F32 => {
                type $name = f32;
                $body
            }
            Type::F16 => {
                type $name = half::f16;
                $body
            }
            Type::BF16 => {
                type $name = half::bf16;
                $body
            }
            other => return Err(Fault::unsupported(format!("elements of {other}, expected floats"))),
        }
    };
}

pub(super) fn quantize(
    operands: Operands<'_>,
    axis: i64,
    block: usize,
    abs_max: Option<AbsMax>,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.type_(x)?, operands.type_(y)?);
    let mut by = parameters(operands, ["y_scale", "y_zero_point"], to, axis, block)?;
    if let Some(abs_max) = abs_max {
        by = by.of_abs_max(abs_max, to)?;
    }
    let backend = *backend;
    if images::are_between(operands, [Layout::RowMajor, Layout::ChannelsLast])? {
        let images = Images::new(operands, by, &backend)?;
        return Ok(quantized!(to, Q => images.quantize::<Q>()));
    }
    if from == Type::I32 {
        let elements = shape::elements(operands.shape(x)?)?;
        return Ok(integer!(to, Y => {
            Box::new(QuantizeIntegers::<Y> { backend, x, y, by, elements, type_: PhantomData })
        },));
    }
    Ok(real!(from, X => integer!(to, Y => Box::new(Quantize::<X, Y> { backend, x, y, by, types: PhantomData }),)))
}

pub(super) fn dequantize(
    operands: Operands<'_>,
    axis: i64,
    block: usize,
    backend: &Backend,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    let (from, to) = (operands.type_(x)?, operands.type_(y)?);
    let by = parameters(operands, ["x_scale", "x_zero_point"], from, axis, block)?;
    let backend = *backend;
    if images::are_between(operands, [Layout::ChannelsLast, Layout::RowMajor])? {
        let images = Images::new(operands, by, &backend)?;
        return Ok(quantized!(from, Q => images.dequantize::<Q>()));
    }
    Ok(integer!(from, X => {
        real!(to, Y => Box::new(Dequantize::<X, Y> { backend, x, y, by, types: PhantomData }))
    }, I32 i32))
}

/// The parameters of a tensor of the quantised type `type_`.
fn parameters(
    operands: Operands<'_>,
    [scale, zero_point]: [&str; 2],
    type_: Type,
    axis: i64,
    block: usize,
) -> Result<Parameters, Fault> {
    let shape = operands.shape(operands.id(0)?)?;
    let (scales, of) = operands.shaped_scales(1, scale)?;
    let each = match of {
        [] | [1] => None,
        _ => Some(scales.len()),
    };
    let zero_points = operands.zero_points(2, zero_point, type_, each)?;
    let bits = matches!(type_, Type::U4 | Type::I4).then_some(4);
    let rule = QuantizeRule::Onnx;
    let shape = shape.to_vec();
    let Some(axis) = axis_of_scales(scale, of, &shape, axis, block)? else {
        return Ok(Parameters { scales, zero_points, shape, axis: None, block, bits, rule });
    };
    // A rank is small, and a block longer than the axis is the axis.
    let block = block.min(shape[axis].max(1));
    Ok(Parameters { scales, zero_points, axis: isize::try_from(axis).ok(), block, shape, bits, rule })
}

impl<X, Y> Step for Quantize<X, Y>
where
    X: Element + zeropoint::Real,
    Y: Element + zeropoint::Integer,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let by = self.by.quantization();
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.by.pieces(threads, memory.read::<X>(self.x), y, |x, y| {
                elementwise::quantize_with(&self.backend, x, &by, y)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }
}

impl<Y: Element + zeropoint::Integer> Step for QuantizeIntegers<Y> {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, scratch, .. } = context;
        let floats = &mut floats(scratch)[..self.elements];
        memory.writing::<Y, _>(self.y, |memory, y| {
            convert::convert(memory.read::<i32>(self.x), Type::F32, floats);
            elementwise::quantize_with(&self.backend, floats, &self.by.quantization(), y).map_err(told)
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("quantize").to_owned()
    }

    fn scratch_len(&self) -> usize {
        floats_len(self.elements)
    }
}

impl<X, Y> Step for Dequantize<X, Y>
where
    X: Element + zeropoint::Integer,
    Y: Element + zeropoint::Real,
{
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let by = self.by.quantization();
        memory.writing::<Y, _>(self.y, |memory, y| {
            self.by.pieces(threads, memory.read::<X>(self.x), y, |x, y| {
                elementwise::dequantize_with(&self.backend, x, &by, y)
            })
        })
    }

    fn kernel(&self) -> String {
        self.backend.kernel_name("dequantize").to_owned()
    }
}
