//! Functions of one value, choices between two tensors, softmax: cases, and how they are checked.

use zeropoint::{Backend, Error, LookupPlan, MatRef, Quantized, SoftmaxPlan, WherePlan};
use zeropoint_kernels::reference::{Affine, tables};

use crate::Difference;
use crate::case::{Binary, Case, Element, Layout, Values};
use crate::cases::{PAIRS, binary, lengths, nth, zero_points};
use crate::elementwise::into_slice;
use crate::memory::Output;
use crate::product::{Int, draw};
use crate::random::Random;

/// An operation of one operand.
#[derive(Clone, Copy, Debug)]
pub struct Unary {
    /// Elements.
    pub len: usize,
    /// Types of operand and result.
    pub elements: [Element; 2],
    /// Scales.
    pub scales: [f32; 2],
    /// Zero points.
    pub zero_points: [i32; 2],
    /// Of the values.
    pub seed: u64,
}

/// A function of one value.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// Another scale and zero point.
    Rescale,
    /// With its slope.
    LeakyRelu(f32),
    /// The logistic function.
    Sigmoid,
}

impl Unary {
    fn affine(&self) -> [Affine; 2] {
        [0, 1].map(|index| Affine { scale: self.scales[index], zero_point: self.zero_points[index] })
    }

    fn quantized(&self) -> [Quantized; 2] {
        [0, 1].map(|index| Quantized {
            type_: self.elements[index].type_(),
            scale: self.scales[index],
            zero_point: self.zero_points[index],
        })
    }
}

const SCALES: [[f32; 2]; 7] = [
    [0.5, 0.5],
    [0.1, 0.003_906_25],
    [0.023_529_412, 0.019_110_054],
    // Ties.
    [0.25, 0.5],
    // Quotients that overflow and that vanish, and products that do.
    [1e30, 1e-30],
    [1e-42, 1.0],
    [3e38, 3e38],
];

/// What `case` makes of each length, with types, scales and zero points; every other one has equal parameters.
fn unary(case: impl Fn(Unary) -> Case) -> Vec<Case> {
    lengths()
        .enumerate()
        .map(|(index, len)| {
            let elements = nth(&PAIRS, index);
            let zero_points = [nth(&zero_points(elements[0]), index), nth(&zero_points(elements[1]), index / 3)];
            case(Unary { len, elements, scales: nth(&SCALES, index), zero_points, seed: index as u64 })
        })
        .collect()
}

pub(crate) fn lookup_cases() -> Vec<Case> {
    let functions = [Function::Rescale, Function::LeakyRelu(0.01), Function::Sigmoid, Function::LeakyRelu(-3.0)];
    let same = [Element::U8, Element::I8].map(|element| {
        // Nothing changes, though the real values are infinite.
        let zero_point = element.range().0 + 7;
        let parameters = ([element; 2], [3e38; 2], [zero_point; 2]);
        let (elements, scales, zero_points) = parameters;
        Case::Lookup(Function::Rescale, Unary { len: 256, elements, scales, zero_points, seed: 1 })
    });
    let drawn = functions.into_iter().flat_map(|function| unary(move |unary| Case::Lookup(function, unary)));
    drawn.chain(same).collect()
}

pub(crate) fn where_cases() -> Vec<Case> {
    let scales = [[1.0, 0.5, 2.0], [0.1, 0.1, 0.1], [0.025_346_905, 0.035_809_92, 0.036_585_97], [1e30, 1e-42, 1.0]];
    binary(&scales, Case::Where).collect()
}

pub(crate) fn softmax_cases() -> Vec<Case> {
    let mut cases = unary(Case::Softmax);
    for case in &mut cases {
        let Case::Softmax(unary) = case else { continue };
        // Results of some scales are all alike.
        unary.scales[1] = nth(&[0.003_906_25, 0.003_921_569, 0.1, 0.003_906_25, 1.5, 1e-40], unary.len);
        unary.scales[0] = nth(&[0.1, 0.01, 0.5, 1e-42, 1e30], unary.len);
    }
    cases
}

/// Runs an expression with the Rust types of two elements.
macro_rules! typed {
    ($elements:expr, $x:ident, $y:ident => $body:expr) => {
        match $elements {
            [Element::U8, Element::U8] => typed!(@ u8, u8, $x, $y => $body),
            [Element::U8, Element::I8] => typed!(@ u8, i8, $x, $y => $body),
            [Element::I8, Element::U8] => typed!(@ i8, u8, $x, $y => $body),
            [Element::I8, Element::I8] => typed!(@ i8, i8, $x, $y => $body),
        }
    };
    (@ $first:ty, $second:ty, $x:ident, $y:ident => $body:expr) => {{
        type $x = $first;
        type $y = $second;
        $body
    }};
}
pub(crate) use typed;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(crate) fn lookup(backend: &Backend, function: Function, case: &Unary) -> Result<(), Difference> {
    fn of<X: Int, Y: Int>(backend: &Backend, function: Function, case: &Unary) -> Result<(), String> {
        let x = draw::<X>(&mut Random::new(case.seed), Values::Uniform, case.len);
        let [from, to] = case.affine();
        let value = |x: i32| match function {
            // The type is one of the parameters.
            Function::Rescale if X::RANGE != Y::RANGE => tables::function(x, from, to, Y::RANGE, |value| value),
            Function::Rescale => tables::rescale(x, from, to, Y::RANGE),
            Function::LeakyRelu(alpha) => {
                tables::function(x, from, to, Y::RANGE, |value| tables::leaky_relu(value, alpha))
            }
            Function::Sigmoid => tables::function(x, from, to, Y::RANGE, tables::sigmoid),
        };
        let expected = x.iter().map(|x| Y::from_value(value(x.value()))).collect::<Vec<_>>();
        let [qx, qy] = case.quantized();
        let plan = match function {
            Function::Rescale => LookupPlan::rescale(backend, qx, qy),
            Function::LeakyRelu(alpha) => LookupPlan::leaky_relu(backend, qx, qy, alpha),
            Function::Sigmoid => LookupPlan::sigmoid(backend, qx, qy),
        };
        let plan = plan.map_err(text)?;
        into_slice(x.len(), &expected, |y| plan.run(&x, y))?;
        // As a part of rows that are longer.
        let mut out = Output::<Y>::new(0xaa, [1, 1, 1, case.len], Layout::Strided);
        let view = out.view().into_matrix().map_err(|_| "no matrix".to_owned())?;
        let from = MatRef::new(&x, [1, case.len]).map_err(text)?;
        plan.run_matrix(from, view).map_err(text)?;
        out.compare(&expected)
    }
    typed!(case.elements, X, Y => of::<X, Y>(backend, function, case))
        .map_err(|what| (backend.kernel_name("lookup").to_owned(), what))
}

pub(crate) fn choose(backend: &Backend, case: &Binary) -> Result<(), Difference> {
    fn of<X: Int, Y: Int, Z: Int>(backend: &Backend, case: &Binary) -> Result<(), String> {
        let random = &mut Random::new(case.seed);
        let x = draw::<X>(random, Values::Uniform, case.len);
        let y = draw::<Y>(random, Values::Uniform, case.len);
        let condition = (0..case.len).map(|_| random.of(&[0, 0, 1, 255])).collect::<Vec<u8>>();
        let affine = |index: usize| Affine { scale: case.scales[index], zero_point: case.zero_points[index] };
        let rescale = |value: i32, index: usize, same: bool| {
            if same {
                tables::rescale(value, affine(index), affine(2), Z::RANGE)
            } else {
                tables::function(value, affine(index), affine(2), Z::RANGE, |value| value)
            }
        };
        let value = |index: usize| match condition[index] != 0 {
            true => rescale(x[index].value(), 0, X::RANGE == Z::RANGE),
            false => rescale(y[index].value(), 1, Y::RANGE == Z::RANGE),
        };
        let expected = (0..case.len).map(|index| Z::from_value(value(index))).collect::<Vec<_>>();
        let [qx, qy, qz] = [0, 1, 2].map(|index| Quantized {
            type_: case.elements[index].type_(),
            scale: case.scales[index],
            zero_point: case.zero_points[index],
        });
        let plan = WherePlan::new(backend, qx, qy, qz).map_err(text)?;
        into_slice(case.len, &expected, |z| plan.run(&condition, &x, &y, z))
    }
    let [x, y, z] = case.elements;
    typed!([x, y], X, Y => match z {
        Element::U8 => of::<X, Y, u8>(backend, case),
        Element::I8 => of::<X, Y, i8>(backend, case),
    })
    .map_err(|what| (backend.kernel_name("select").to_owned(), what))
}

pub(crate) fn softmax(backend: &Backend, case: &Unary) -> Result<(), Difference> {
    fn of<X: Int, Y: Int>(backend: &Backend, case: &Unary) -> Result<(), String> {
        let [qx, qy] = case.quantized();
        if case.len == 0 {
            let refused = SoftmaxPlan::new(backend, 0, qx, qy);
            return if let Err(Error::OutOfRange { .. }) = refused { Ok(()) } else { Err("took no values".into()) };
        }
        let values = if case.seed.is_multiple_of(3) { Values::Extreme } else { Values::Uniform };
        let x = draw::<X>(&mut Random::new(case.seed), values, 2 * case.len);
        let [from, to] = case.affine();
        let mut expected = Vec::new();
        for row in x.chunks_exact(case.len) {
            let row = row.iter().map(|x| x.value()).collect::<Vec<_>>();
            expected.extend(tables::softmax(&row, from.scale, to, Y::RANGE).into_iter().map(Y::from_value));
        }
        let plan = SoftmaxPlan::new(backend, case.len, qx, qy).map_err(text)?;
        into_slice(x.len(), &expected, |y| plan.run(&x, y))
    }
    typed!(case.elements, X, Y => of::<X, Y>(backend, case))
        .map_err(|what| (backend.kernel_name("softmax").to_owned(), what))
}
