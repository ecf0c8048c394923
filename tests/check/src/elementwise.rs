//! Element-wise operations and pooling.

use zeropoint::{
    AddPlan, Backend, Error, GlobalAveragePoolPlan, MatRef, MulPlan, Quantized, Requantization, Runtime, Scales, View,
    elementwise,
};
use zeropoint_kernels::reference::{self, Affine};

use crate::Difference;
use crate::case::{Binary, Element, Layout, Pool, Values};
use crate::memory::{Operand, Output};
use crate::pools::mean;
use crate::product::{Int, draw};
use crate::random::Random;

/// The shape of a row of elements.
fn row(len: usize) -> [usize; 4] {
    [1, 1, 1, len]
}

/// Where in the memory of an output a slice of its elements is written by `write`.
pub(crate) fn into_slice<T: bytemuck::Pod + PartialEq + std::fmt::Debug>(
    len: usize,
    expected: &[T],
    mut write: impl FnMut(&mut [T]) -> Result<(), Error>,
) -> Result<(), String> {
    for fill in [0xaa, 0x55] {
        let mut out = Output::<T>::new(fill, row(len), Layout::Dense);
        let mut view = out.view().into_matrix().map_err(|_| "no matrix".to_owned())?;
        let slice = if len == 0 { Some(&mut [][..]) } else { view.row(0) };
        write(slice.ok_or("no row")?).map_err(|error| error.to_string())?;
        out.compare(expected)?;
    }
    Ok(())
}

/// A float that tries a quantisation: near ties of `q + 1/2`, the extremes, what is no number.
fn float(random: &mut Random, scale: f32) -> f32 {
    match random.below(8) {
        0 => random.of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE]),
        1 => f32::from_bits(random.bits() as u32),
        2 | 3 => {
            let tie = (random.within(-300, 300) as f32 + 0.5) * scale;
            f32::from_bits(tie.to_bits().wrapping_add_signed(random.within(-2, 2)))
        }
        _ => random.within(-400_000, 400_000) as f32 / 1000.0 * scale,
    }
}

pub(crate) fn quantize(
    backend: &Backend,
    len: usize,
    element: Element,
    scale: f32,
    zero_point: i32,
    seed: u64,
) -> Result<(), Difference> {
    fn of<Q: Int>(backend: &Backend, x: &[f32], scale: f32, zero_point: i32) -> Result<(), String> {
        let expected = x.iter().map(|&x| Q::from_value(reference::quantize(x, scale, zero_point, Q::RANGE)));
        let expected = expected.collect::<Vec<_>>();
        into_slice(x.len(), &expected, |y| elementwise::quantize(backend, x, scale, zero_point, y))
    }
    let random = &mut Random::new(seed);
    let x = (0..len).map(|_| float(random, scale)).collect::<Vec<_>>();
    match element {
        Element::U8 => of::<u8>(backend, &x, scale, zero_point),
        Element::I8 => of::<i8>(backend, &x, scale, zero_point),
    }
    .map_err(|what| (backend.kernel_name("quantize").to_owned(), what))
}

pub(crate) fn dequantize(
    backend: &Backend,
    len: usize,
    element: Element,
    scale: f32,
    zero_point: i32,
    seed: u64,
) -> Result<(), Difference> {
    fn of<Q: Int>(backend: &Backend, len: usize, scale: f32, zero_point: i32, seed: u64) -> Result<(), String> {
        let x = draw::<Q>(&mut Random::new(seed), Values::Uniform, len);
        let expected = x.iter().map(|x| reference::dequantize(x.value(), scale, zero_point)).collect::<Vec<_>>();
        into_slice(len, &expected, |y| elementwise::dequantize(backend, &x, scale, zero_point, y))
    }
    match element {
        Element::U8 => of::<u8>(backend, len, scale, zero_point, seed),
        Element::I8 => of::<i8>(backend, len, scale, zero_point, seed),
    }
    .map_err(|what| (backend.kernel_name("dequantize").to_owned(), what))
}

pub(crate) fn requantize(
    backend: &Backend,
    [rows, columns]: [usize; 2],
    element: Element,
    each: bool,
    zero_point: i32,
    clamp: (i32, i32),
    seed: u64,
) -> Result<(), Difference> {
    fn of<Q: Int>(
        backend: &Backend,
        acc: &[i32],
        shape: [usize; 4],
        to: &Requantization,
        value: impl Fn(i32, usize) -> i32,
    ) -> Result<(), String> {
        let columns = shape[3].max(1);
        let expected =
            acc.iter().enumerate().map(|(index, &acc)| Q::from_value(value(acc, index % columns))).collect::<Vec<_>>();
        for layout in [Layout::Dense, Layout::Strided] {
            let operand = Operand::new(acc, 7, shape, layout);
            let view = operand.view();
            let from = MatRef::with_strides(view.data(), [shape[1], shape[3]], [view.strides()[1], 1]);
            let from = from.map_err(|error| error.to_string())?;
            for fill in [0xaa, 0x55] {
                let mut out = Output::<Q>::new(fill, shape, layout);
                let y = out.view().into_matrix().map_err(|_| "no matrix".to_owned())?;
                elementwise::requantize(backend, from, to, y).map_err(|error| error.to_string())?;
                out.compare(&expected)?;
            }
        }
        Ok(())
    }
    let random = &mut Random::new(seed);
    let acc = (0..rows * columns)
        .map(|_| match random.below(4) {
            0 => random.of(&[i32::MIN, i32::MAX, 0, -1, 1, 1 << 24, (1 << 24) + 1]),
            1 => random.bits() as i32,
            _ => random.within(-4000, 4000),
        })
        .collect::<Vec<_>>();
    let multipliers = (0..columns.max(1))
        .map(|_| random.of(&[0.0, 0.5, 0.25, 0.125, 0.0625, 1.0, 1.5e-3, 3.3e38, 1e-40]))
        .collect::<Vec<_>>();
    let scales = if each { Scales::Each(&multipliers[..columns]) } else { Scales::All(multipliers[0]) };
    let named = |what: String| (backend.kernel_name("requantize").to_owned(), what);
    let to = Requantization::from_multipliers(scales, element.type_(), zero_point)
        .and_then(|to| to.with_clamp(clamp.0, clamp.1))
        .map_err(|error| named(error.to_string()))?;
    let value = |acc: i32, column: usize| {
        let multiplier = if each { multipliers[column] } else { multipliers[0] };
        reference::requantize(acc, multiplier, zero_point, clamp)
    };
    let shape = [1, rows, 1, columns];
    match element {
        Element::U8 => of::<u8>(backend, &acc, shape, &to, value),
        Element::I8 => of::<i8>(backend, &acc, shape, &to, value),
    }
    .map_err(named)
}

/// An operation of two operands.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Add(Runtime),
    Mul,
}

impl Operation {
    /// Which kernel computes it.
    pub(crate) fn kernel(self) -> &'static str {
        match self {
            Self::Mul => "mul",
            Self::Add(Runtime::Onnxruntime) => "add",
            Self::Add(_) => "rule_add",
        }
    }
}

/// An addition, or a multiplication.
pub(crate) fn binary(backend: &Backend, case: &Binary, operation: Operation) -> Result<(), Difference> {
    fn of<A: Int, B: Int, C: Int>(backend: &Backend, case: &Binary, operation: Operation) -> Result<(), String> {
        let random = &mut Random::new(case.seed);
        let a = draw::<A>(random, Values::Uniform, case.len);
        let b = draw::<B>(random, Values::Uniform, case.len);
        let affine = |index: usize| Affine { scale: case.scales[index], zero_point: case.zero_points[index] };
        let value = match operation {
            Operation::Mul => reference::mul,
            Operation::Add(Runtime::Tflite) => reference::sums::add_tflite,
            Operation::Add(Runtime::Xnnpack) => reference::sums::add_xnnpack,
            Operation::Add(_) => reference::add,
        };
        let expected = a
            .iter()
            .zip(&b)
            .map(|(a, b)| C::from_value(value((a.value(), affine(0)), (b.value(), affine(1)), affine(2), C::RANGE)))
            .collect::<Vec<_>>();
        let [qa, qb, qc] = [0, 1, 2].map(|index| Quantized {
            type_: case.elements[index].type_(),
            scale: case.scales[index],
            zero_point: case.zero_points[index],
        });
        let text = |error: Error| error.to_string();
        match operation {
            Operation::Mul => {
                let plan = MulPlan::new(backend, qa, qb, qc).map_err(text)?;
                into_slice(case.len, &expected, |c| plan.run(&a, &b, c))
            }
            Operation::Add(runtime) => {
                let plan = AddPlan::of_runtime(backend, runtime, qa, qb, qc).map_err(text)?;
                into_slice(case.len, &expected, |c| plan.run(&a, &b, c))
            }
        }
    }
    use Element::{I8, U8};
    match case.elements {
        [U8, U8, U8] => of::<u8, u8, u8>(backend, case, operation),
        [U8, U8, I8] => of::<u8, u8, i8>(backend, case, operation),
        [U8, I8, U8] => of::<u8, i8, u8>(backend, case, operation),
        [U8, I8, I8] => of::<u8, i8, i8>(backend, case, operation),
        [I8, U8, U8] => of::<i8, u8, u8>(backend, case, operation),
        [I8, U8, I8] => of::<i8, u8, i8>(backend, case, operation),
        [I8, I8, U8] => of::<i8, i8, u8>(backend, case, operation),
        [I8, I8, I8] => of::<i8, i8, i8>(backend, case, operation),
    }
    .map_err(|what| (backend.kernel_name(operation.kernel()).to_owned(), what))
}

pub(crate) fn pool(backend: &Backend, case: &Pool) -> Result<(), Difference> {
    fn of<X: Int, Y: Int>(backend: &Backend, case: &Pool) -> Result<(), String> {
        let [pixels, channels] = case.sizes;
        let stride = channels + case.gap;
        // As long as the last pixel's last channel, and no longer.
        let x = draw::<X>(&mut Random::new(case.seed), Values::Uniform, (pixels - 1) * stride + channels);
        let affine = |index: usize| Affine { scale: case.scales[index], zero_point: case.zero_points[index] };
        let expected = (0..channels)
            .map(|channel| {
                let values = (0..pixels).map(|pixel| x[pixel * stride + channel].value()).collect::<Vec<_>>();
                Y::from_value(mean(case.runtime, &values, affine(0), affine(1), Y::RANGE))
            })
            .collect::<Vec<_>>();
        let [qx, qy] = [0, 1].map(|index| Quantized {
            type_: case.elements[index].type_(),
            scale: case.scales[index],
            zero_point: case.zero_points[index],
        });
        let text = |error: Error| error.to_string();
        let plan = GlobalAveragePoolPlan::of_runtime(backend, case.runtime, case.sizes, qx, qy).map_err(text)?;
        let x = View::with_strides(&x, [pixels, channels], [stride, 1]).map_err(|error| error.to_string())?;
        into_slice(channels, &expected, |y| plan.run(x, y))
    }
    match case.elements {
        [Element::U8, Element::U8] => of::<u8, u8>(backend, case),
        [Element::U8, Element::I8] => of::<u8, i8>(backend, case),
        [Element::I8, Element::U8] => of::<i8, u8>(backend, case),
        [Element::I8, Element::I8] => of::<i8, i8>(backend, case),
    }
    .map_err(|what| (backend.kernel_name("global_average_pool").to_owned(), what))
}
