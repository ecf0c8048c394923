//! Combinations that other runtimes refuse or get wrong: computed here, and equal to the reference, on each tier, with
//! parameters that are constants and with parameters that a run brings.

mod support;

use support::{Builder, F32, I8, I32, Random, U8, int, ints, string};
use zeropoint_kernels::reference;
use zeropoint_kernels::view::{ImagesRef, MatRef};
use zeropoint_runner::graph::{Data, Type};

/// Values with scales and zero points: one for all, or one for each line.
#[derive(Clone)]
struct Tensor {
    type_: Type,
    values: Vec<i32>,
    scales: Vec<f32>,
    zero_points: Vec<i32>,
}

impl Tensor {
    /// Random values and parameters of so many lines.
    fn new(random: &mut Random, type_: Type, count: usize, scales: usize, zero_points: usize) -> Self {
        let (low, high) = type_.range().unwrap();
        let span = usize::try_from(high - low + 1).unwrap();
        let mut value = || low + i32::try_from(random.below(span)).unwrap();
        let values = (0..count).map(|_| value()).collect();
        let zero_points = (0..zero_points).map(|_| value()).collect();
        let scales = (0..scales).map(|_| (1 + random.below(64)) as f32 / 256.0).collect();
        Self { type_, values, scales, zero_points }
    }

    fn data(&self) -> Data {
        typed(self.type_, &self.values)
    }
}

fn typed(type_: Type, values: &[i32]) -> Data {
    match type_ {
        Type::U8 => Data::U8(values.iter().map(|&value| u8::try_from(value).unwrap()).collect()),
        Type::I8 => Data::I8(values.iter().map(|&value| i8::try_from(value).unwrap()).collect()),
        _ => Data::I32(values.to_vec()),
    }
}

fn code(type_: Type) -> i32 {
    match type_ {
        Type::U8 => U8,
        Type::I8 => I8,
        Type::I32 => I32,
        _ => F32,
    }
}

fn each<T: Copy>(values: &[T], index: usize) -> T {
    if values.len() == 1 { values[0] } else { values[index] }
}

/// A model with parameters of either kind.
struct Model {
    builder: Builder,
    inputs: Vec<Data>,
    late: bool,
}

impl Model {
    fn new(late: bool) -> Self {
        Self { builder: Builder::new(21), inputs: Vec::new(), late }
    }

    fn input(mut self, name: &str, dims: &[usize], data: Data) -> Self {
        let dims: Vec<i64> = dims.iter().map(|&size| i64::try_from(size).unwrap()).collect();
        self.builder = self.builder.input(name, code(data.type_()), &dims);
        self.inputs.push(data);
        self
    }

    fn parameter(mut self, name: &str, dims: &[usize], data: Data) -> Self {
        if self.late {
            return self.input(name, dims, data);
        }
        let dims: Vec<i64> = dims.iter().map(|&size| i64::try_from(size).unwrap()).collect();
        self.builder = self.builder.constant(name, &dims, data);
        self
    }

    /// Scales and zero points under the names `NAME_scale` and `NAME_zero_point`.
    fn parameters(self, name: &str, tensor: &Tensor) -> Self {
        let dims = |count: usize| if count == 1 { vec![] } else { vec![count] };
        let zero_points = typed(tensor.type_, &tensor.zero_points);
        self.parameter(&format!("{name}_scale"), &dims(tensor.scales.len()), Data::F32(tensor.scales.clone()))
            .parameter(&format!("{name}_zero_point"), &dims(tensor.zero_points.len()), zero_points)
    }

    fn run(self, type_: Type, dims: &[usize], op: &str, operands: &str, attributes: Vec<support::Attribute>) -> Data {
        let dims: Vec<i64> = dims.iter().map(|&size| i64::try_from(size).unwrap()).collect();
        self.builder.output("y", code(type_), &dims).node(op, operands, "y", attributes).run(&self.inputs)
    }
}

/// Runs an expression with slices of the values' own types.
macro_rules! with_types {
    ($a:expr, $b:expr, $x:ident, $y:ident => $body:expr) => {
        match ($a, $b) {
            (Data::U8($x), Data::U8($y)) => $body,
            (Data::U8($x), Data::I8($y)) => $body,
            (Data::I8($x), Data::U8($y)) => $body,
            (Data::I8($x), Data::I8($y)) => $body,
            _ => unreachable!(),
        }
    };
}

fn sums(a: &Tensor, b: &Tensor, [m, k, n]: [usize; 3]) -> Vec<i32> {
    with_types!(a.data(), b.data(), x, y => reference::matmul(
        MatRef::new(&x, [m, k]).unwrap(),
        |row| each(&a.zero_points, row),
        MatRef::new(&y, [k, n]).unwrap(),
        |column| each(&b.zero_points, column),
        |_| 0,
    ))
}

/// What a product is, with parameters of `y` for each column.
fn quantized(a: &Tensor, b: &Tensor, y: &Tensor, sizes: [usize; 3]) -> Data {
    let n = sizes[2];
    let values: Vec<i32> = sums(a, b, sizes)
        .into_iter()
        .enumerate()
        .map(|(at, sum)| {
            let (row, column) = (at / n, at % n);
            let scales = [each(&a.scales, row), each(&b.scales, column), each(&y.scales, column)];
            let multiplier = reference::multiplier(scales[0], scales[1], scales[2]);
            reference::requantize(sum, multiplier, each(&y.zero_points, column), y.type_.range().unwrap())
        })
        .collect();
    typed(y.type_, &values)
}

const PAIRS: [(Type, Type); 4] =
    [(Type::U8, Type::U8), (Type::U8, Type::I8), (Type::I8, Type::U8), (Type::I8, Type::I8)];

#[test]
fn qlinearmatmul_of_every_granularity_and_type() {
    let mut random = Random(0x9E37_79B9);
    let [m, k, n] = [5, 9, 19];
    // Of a, b and y: scales, then zero points.
    let granularities = [
        [(1, 1), (1, 1), (1, 1)],
        [(1, m), (1, 1), (1, 1)],
        [(m, 1), (1, 1), (1, 1)],
        [(m, m), (n, n), (1, 1)],
        [(1, 1), (1, 1), (n, 1)],
        [(1, 1), (n, 1), (1, n)],
        [(m, m), (n, n), (n, n)],
    ];
    for (a_type, b_type) in PAIRS {
        for y_type in [Type::U8, Type::I8] {
            for [of_a, of_b, of_y] in granularities {
                let a = Tensor::new(&mut random, a_type, m * k, of_a.0, of_a.1);
                let b = Tensor::new(&mut random, b_type, k * n, of_b.0, of_b.1);
                let y = Tensor::new(&mut random, y_type, 0, of_y.0, of_y.1);
                for late in [false, true] {
                    let model = Model::new(late).input("a", &[m, k], a.data()).parameters("a", &a);
                    let model = model.parameter("b", &[k, n], b.data()).parameters("b", &b).parameters("y", &y);
                    let operands = "a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point";
                    let got = model.run(y_type, &[m, n], "QLinearMatMul", operands, vec![]);
                    let place = format!("{a_type} {b_type} {y_type} {of_a:?} {of_b:?} {of_y:?} late {late}");
                    assert_eq!(got, quantized(&a, &b, &y, [m, k, n]), "{place}");
                }
            }
        }
    }
}

#[test]
fn qlinearmatmul_in_a_batch_with_parameters_of_its_own() {
    let mut random = Random(77);
    let [batch, m, k, n] = [3, 2, 7, 5];
    let matrices: Vec<(Tensor, Tensor, Tensor)> = (0..batch)
        .map(|_| {
            let a = Tensor::new(&mut random, Type::U8, m * k, m, m);
            let b = Tensor::new(&mut random, Type::I8, k * n, n, n);
            (a, b, Tensor::new(&mut random, Type::U8, 0, n, n))
        })
        .collect();
    let join = |of: &dyn Fn(&(Tensor, Tensor, Tensor)) -> Data| {
        let mut parts = matrices.iter().map(of);
        let mut joined = parts.next().unwrap();
        for part in parts {
            match (&mut joined, part) {
                (Data::U8(all), Data::U8(part)) => all.extend(part),
                (Data::I8(all), Data::I8(part)) => all.extend(part),
                (Data::F32(all), Data::F32(part)) => all.extend(part),
                _ => unreachable!(),
            }
        }
        joined
    };
    let expected = join(&|(a, b, y)| quantized(a, b, y, [m, k, n]));
    for late in [false, true] {
        let got = Model::new(late)
            .input("a", &[batch, m, k], join(&|(a, ..)| a.data()))
            .parameter("as", &[batch, m, 1], join(&|(a, ..)| Data::F32(a.scales.clone())))
            .parameter("az", &[batch, m, 1], join(&|(a, ..)| typed(a.type_, &a.zero_points)))
            .parameter("b", &[batch, k, n], join(&|(_, b, _)| b.data()))
            .parameter("bs", &[batch, 1, n], join(&|(_, b, _)| Data::F32(b.scales.clone())))
            .parameter("bz", &[batch, 1, n], join(&|(_, b, _)| typed(b.type_, &b.zero_points)))
            .parameter("ys", &[batch, 1, n], join(&|(.., y)| Data::F32(y.scales.clone())))
            .parameter("yz", &[batch, 1, n], join(&|(.., y)| typed(y.type_, &y.zero_points)))
            .run(Type::U8, &[batch, m, n], "QLinearMatMul", "a as az b bs bz ys yz", vec![]);
        assert_eq!(got, expected, "late {late}");
    }
}

#[test]
fn columns_of_a_batch_may_be_given_by_one_axis() {
    let mut random = Random(5);
    let [m, k, n] = [2, 3, 4];
    let (a, b) = (Tensor::new(&mut random, Type::U8, m * k, 1, 1), Tensor::new(&mut random, Type::I8, k * n, n, n));
    let y = Tensor::new(&mut random, Type::U8, 0, 1, 1);
    let twice = |data: Data| match data {
        Data::U8(values) => Data::U8([values.as_slice(), &values].concat()),
        Data::I8(values) => Data::I8([values.as_slice(), &values].concat()),
        other => other,
    };
    let model = Model::new(false).input("a", &[2, m, k], twice(a.data())).parameters("a", &a);
    let model = model.parameter("b", &[2, k, n], twice(b.data())).parameters("b", &b).parameters("y", &y);
    let operands = "a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point";
    let got = model.run(Type::U8, &[2, m, n], "QLinearMatMul", operands, vec![]);
    assert_eq!(got, twice(quantized(&a, &b, &y, [m, k, n])));
}

#[test]
fn matmulinteger_of_every_granularity_and_type() {
    let mut random = Random(41);
    let [m, k, n] = [6, 11, 18];
    for (a_type, b_type) in PAIRS {
        for (rows, columns) in [(1, 1), (m, 1), (1, n), (m, n)] {
            let a = Tensor::new(&mut random, a_type, m * k, 1, rows);
            let b = Tensor::new(&mut random, b_type, k * n, 1, columns);
            for late in [false, true] {
                let model = Model::new(late).input("a", &[m, k], a.data()).parameters("a", &a);
                let model = model.parameter("b", &[k, n], b.data()).parameters("b", &b);
                let got = model.run(Type::I32, &[m, n], "MatMulInteger", "a b a_zero_point b_zero_point", vec![]);
                assert_eq!(got, Data::I32(sums(&a, &b, [m, k, n])), "{a_type} {b_type} {rows} {columns} late {late}");
            }
        }
    }
}

#[test]
fn field_case_49_products_of_no_depth() {
    for late in [false, true] {
        let empty = Model::new(late).input("a", &[2, 0], Data::U8(vec![])).parameter("b", &[0, 3], Data::I8(vec![]));
        let empty = empty.parameter("az", &[], Data::U8(vec![5])).parameter("bz", &[], Data::I8(vec![5]));
        let got = empty.run(Type::I32, &[2, 3], "MatMulInteger", "a b az bz", vec![]);
        assert_eq!(got, Data::I32(vec![0; 6]), "late {late}");

        let empty = Model::new(late).input("a", &[2, 0], Data::U8(vec![])).parameter("b", &[0, 3], Data::I8(vec![]));
        let empty = empty.parameter("s", &[], Data::F32(vec![0.5])).parameter("z", &[], Data::U8(vec![7]));
        let empty = empty.parameter("bz", &[3], Data::I8(vec![1, 2, 3]));
        let got = empty.run(Type::U8, &[2, 3], "QLinearMatMul", "a s z b s bz s z", vec![]);
        assert_eq!(got, Data::U8(vec![7; 6]), "late {late}");
    }
    let batch = Model::new(false).input("a", &[2, 2, 0], Data::U8(vec![])).input("b", &[2, 0, 3], Data::U8(vec![]));
    assert_eq!(batch.run(Type::I32, &[2, 2, 3], "MatMulInteger", "a b", vec![]), Data::I32(vec![0; 12]));
}

/// A convolution of 4 to 6 channels, and what it has to be before requantisation, in ONNX's order.
struct Convolved {
    x: Tensor,
    w: Tensor,
    sums: Vec<i32>,
    to: [usize; 4],
}

const OUTPUTS: usize = 6;

fn convolved(random: &mut Random, types: (Type, Type), zero_points: usize, dilation: usize) -> Convolved {
    let [channels, rows, columns] = [4, 6, 7];
    let x = Tensor::new(random, types.0, channels * rows * columns, 1, 1);
    let w = Tensor::new(random, types.1, OUTPUTS * channels * 9, OUTPUTS, zero_points);
    // As many outputs as inputs: all of SAME's padding for steps of 1.
    let geometry = reference::Convolution { strides: [1, 1], dilation: [dilation; 2], pads: [dilation; 4], groups: 1 };
    let sums = with_types!(x.data(), w.data(), x_values, w_values => reference::convolution(
        ImagesRef::nchw(&x_values, [1, channels, rows, columns]).unwrap(),
        |_| x.zero_points[0],
        ImagesRef::nchw(&w_values, [OUTPUTS, channels, 3, 3]).unwrap(),
        |output| each(&w.zero_points, output),
        |_| 0,
        &geometry,
    ));
    let pixels = rows * columns;
    let sums = (0..OUTPUTS * pixels).map(|at| sums[at % pixels * OUTPUTS + at / pixels]).collect();
    Convolved { x, w, sums, to: [1, OUTPUTS, rows, columns] }
}

#[test]
fn convolutions_of_every_type_with_weights_of_all_zero_points() {
    let mut random = Random(3);
    for types in PAIRS {
        for (zero_points, dilation) in [(1, 1), (OUTPUTS, 1), (OUTPUTS, 2)] {
            let Convolved { x, w, sums, to } = convolved(&mut random, types, zero_points, dilation);
            let attributes = || {
                let steps = i64::try_from(dilation).unwrap();
                vec![string("auto_pad", "SAME_UPPER"), ints("dilations", &[steps; 2])]
            };
            for late in [false, true] {
                let place = format!("{types:?} {zero_points} {dilation} late {late}");
                let model = || {
                    let model = Model::new(late).input("x", &[1, 4, 6, 7], x.data()).parameters("x", &x);
                    model.parameter("w", &[OUTPUTS, 4, 3, 3], w.data()).parameters("w", &w)
                };
                let operands = "x w x_zero_point w_zero_point";
                let got = model().run(Type::I32, &to, "ConvInteger", operands, attributes());
                assert_eq!(got, Data::I32(sums.clone()), "{place}");

                for (y_type, each_output) in [(Type::U8, 1), (Type::I8, 1), (Type::I8, OUTPUTS)] {
                    let y = Tensor::new(&mut random, y_type, 0, each_output, each_output);
                    let operands = "x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point";
                    let got = model().parameters("y", &y).run(y_type, &to, "QLinearConv", operands, attributes());
                    let requantized: Vec<i32> = sums
                        .iter()
                        .enumerate()
                        .map(|(at, &sum)| {
                            let output = at / (to[2] * to[3]);
                            let multiplier =
                                reference::multiplier(x.scales[0], w.scales[output], each(&y.scales, output));
                            let range = y_type.range().unwrap();
                            reference::requantize(sum, multiplier, each(&y.zero_points, output), range)
                        })
                        .collect();
                    assert_eq!(got, typed(y_type, &requantized), "{place} {y_type} {each_output}");
                }
            }
        }
    }
}

#[test]
fn convolutions_of_inputs_with_a_zero_point_for_each_channel() {
    let mut random = Random(11);
    for types in PAIRS {
        let [channels, rows, columns] = [4, 5, 6];
        let x = Tensor::new(&mut random, types.0, channels * rows * columns, 1, channels);
        let w = Tensor::new(&mut random, types.1, OUTPUTS * channels * 4, 1, 1);
        let geometry = reference::Convolution { strides: [1, 1], dilation: [1, 1], pads: [1; 4], groups: 1 };
        let [out_rows, out_columns] = geometry.output([rows, columns], [2, 2]);
        let sums = with_types!(x.data(), w.data(), x_values, w_values => reference::convolution(
            ImagesRef::nchw(&x_values, [1, channels, rows, columns]).unwrap(),
            |channel| x.zero_points[channel],
            ImagesRef::nchw(&w_values, [OUTPUTS, channels, 2, 2]).unwrap(),
            |_| w.zero_points[0],
            |_| 0,
            &geometry,
        ));
        let pixels = out_rows * out_columns;
        let sums: Vec<i32> = (0..OUTPUTS * pixels).map(|at| sums[at % pixels * OUTPUTS + at / pixels]).collect();
        for late in [false, true] {
            let model = Model::new(late).input("x", &[1, channels, rows, columns], x.data()).parameters("x", &x);
            let model = model.parameter("w", &[OUTPUTS, channels, 2, 2], w.data()).parameters("w", &w);
            let (operands, pads) = ("x w x_zero_point w_zero_point", vec![ints("pads", &[1; 4])]);
            let got = model.run(Type::I32, &[1, OUTPUTS, out_rows, out_columns], "ConvInteger", operands, pads);
            assert_eq!(got, Data::I32(sums.clone()), "{types:?} late {late}");
        }
    }
}

#[test]
fn field_case_22_zero_points_pad_every_axis_of_a_volume() {
    for axis in 0..3 {
        let (mut kernel, mut pads) = ([1, 1, 1, 1, 1], [0; 6]);
        (kernel[axis + 2], pads[axis], pads[axis + 3]) = (3, 1, 1);
        let model = Model::new(false).input("x", &[1, 1, 2, 3, 4], Data::U8(vec![9; 24]));
        let model = model.parameter("xz", &[], Data::U8(vec![9])).parameter("w", &kernel, Data::I8(vec![1; 3]));
        let got = model.run(Type::I32, &[1, 1, 2, 3, 4], "ConvInteger", "x w xz", vec![ints("pads", &pads)]);
        assert_eq!(got, Data::I32(vec![0; 24]), "axis {axis}");
    }
}

#[test]
fn field_case_18_a_zero_point_that_is_left_out_before_one_that_is_given() {
    for late in [false, true] {
        let model = Model::new(late).input("x", &[1, 1, 1, 1], Data::U8(vec![7]));
        let model = model.parameter("w", &[1, 1, 1, 1], Data::U8(vec![130])).parameter("wz", &[], Data::U8(vec![128]));
        assert_eq!(model.run(Type::I32, &[1, 1, 1, 1], "ConvInteger", "x w - wz", vec![]), Data::I32(vec![14]));
    }
}

#[test]
fn one_block_and_scales_along_an_axis_without_zero_points() {
    for late in [false, true] {
        let model = Model::new(late).input("x", &[3], Data::U8(vec![1, 2, 255]));
        let model = model.parameter("s", &[1], Data::F32(vec![0.5])).parameter("z", &[1], Data::U8(vec![2]));
        let attributes = vec![int("axis", 0), int("block_size", 3)];
        let got = model.run(Type::F32, &[3], "DequantizeLinear", "x s z", attributes);
        assert_eq!(got, Data::F32(vec![-0.5, 0.0, 126.5]));

        let model = Model::new(late).input("x", &[2, 2], Data::I8(vec![1, 2, 3, -128]));
        let model = model.parameter("s", &[2], Data::F32(vec![0.5, 2.0]));
        let got = model.run(Type::F32, &[2, 2], "DequantizeLinear", "x s", vec![int("axis", -1)]);
        assert_eq!(got, Data::F32(vec![0.5, 4.0, 1.5, -256.0]));
    }
}
