//! Dynamic quantisation: what a graph writes out behind an integer product becomes one operator, whose results are those of
//! the nodes one by one, and of the formulas.

mod support;

use std::sync::Arc;

use support::{Builder, F32, I8, I32, Random, U8, ints, tiers};
use zeropoint::Backend;
use zeropoint_runner::exec::{Limits, Plan, Session};
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::op::{Convolution, Padding};
use zeropoint_runner::graph::{Constant, Data, Graph, Node, Op, Tensor, Type};
use zeropoint_runner::passes::{self, Options};

/// A session of a model that was prepared in some way.
fn session(model: &Builder, options: Options, backend: &Backend, threads: usize) -> Session {
    let (mut graph, mut problems) = onnx::parse(&model.bytes(), None);
    passes::run(&mut graph, &options, &mut problems);
    problems.into_result().unwrap();
    Session::new(Arc::new(Plan::new(&graph, backend, Limits::default()).unwrap()), threads).unwrap()
}

/// The bits of the output, which are the same fused and not, on each tier, with one and two threads, in a second run. The
/// operator that makes the output is the one named, where it is fused, and none is planned in a run.
fn bits(model: &Builder, inputs: &[Data], operator: &str) -> Vec<u32> {
    let mut expected: Option<Vec<u32>> = None;
    for backend in tiers() {
        for (threads, fuse) in [(1, true), (2, true), (1, false), (2, false)] {
            let mut session = session(model, Options::default().fuse(fuse), &backend, threads);
            let made = session.plan().made();
            assert_eq!(made.iter().any(|made| made.op == operator), fuse, "{operator}: {made:?}");
            assert!(made.iter().all(|made| !made.kernel.contains("planned")), "{made:?}");
            inputs.iter().enumerate().for_each(|(index, data)| session.set_input(index, data).unwrap());
            for _ in 0..2 {
                session.run().unwrap();
                let Data::F32(y) = session.output(0).unwrap().to_data() else { panic!("no floats") };
                let y: Vec<u32> = y.into_iter().map(f32::to_bits).collect();
                let what = format!("{}, {threads} threads, fused {fuse}", backend.isa());
                assert_eq!(expected.get_or_insert_with(|| y.clone()), &y, "{what}");
            }
        }
    }
    expected.unwrap()
}

/// Integers of 8 bits, with their zero points.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Unsigned,
    Signed,
}

impl Kind {
    fn range(self) -> (i32, i32) {
        if self == Self::Unsigned { (0, 255) } else { (-128, 127) }
    }

    fn type_(self) -> i32 {
        if self == Self::Unsigned { U8 } else { I8 }
    }

    fn data(self, values: &[i32]) -> Data {
        match self {
            Self::Unsigned => Data::U8(values.iter().map(|&value| u8::try_from(value).unwrap()).collect()),
            Self::Signed => Data::I8(values.iter().map(|&value| i8::try_from(value).unwrap()).collect()),
        }
    }

    fn draw(self, random: &mut Random, count: usize) -> Vec<i32> {
        (0..count).map(|_| i32::from(random.u8()) + self.range().0).collect()
    }
}

fn floats(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| (f32::from(random.u8()) - 100.0) / 3000.0).collect()
}

fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| i64::try_from(size).unwrap()).collect()
}

/// What stands behind the sums.
#[derive(Clone, Copy, Default)]
struct Tail {
    /// Scales and zero points of the weights for each column.
    each: bool,
    /// The scale of the weights is the first operand of its product.
    swapped: bool,
    bias: Option<Bias>,
}

#[derive(Clone, Copy, PartialEq)]
enum Bias {
    One,
    Each,
}

/// A model `x, sx, zx -> y`, whose sums are made by a node on `x w zx zw`; the columns lie `behind` axes before the last.
fn chain(node: impl FnOnce(Builder) -> Builder, weights: &Weights, tail: Tail, behind: usize) -> Builder {
    let count = if tail.each { weights.columns } else { 1 };
    let along = |count: usize| {
        let mut shape = vec![i64::try_from(count).unwrap()];
        shape.resize(1 + behind, 1);
        shape
    };
    let of_scale = if tail.each { along(count) } else { vec![] };
    let of_zero = if tail.each { vec![i64::try_from(count).unwrap()] } else { vec![] };
    let operands = if tail.swapped { "sw sx" } else { "sx sw" };
    let model = Builder::new(17)
        .constant("w", &dims(&weights.shape), weights.kind.data(&weights.values))
        .constant("zw", &of_zero, weights.kind.data(&weights.zero_points[..count]))
        .constant("sw", &of_scale, Data::F32(weights.scales[..count].to_vec()))
        .node("Mul", operands, "s", vec![]);
    let model = node(model).node("Cast", "sums", "floats", vec![support::int("to", 1)]).node(
        "Mul",
        if tail.swapped { "s floats" } else { "floats s" },
        if tail.bias.is_some() { "scaled" } else { "y" },
        vec![],
    );
    match tail.bias {
        None => model,
        Some(Bias::One) => model.f32("c", weights.bias[0]).node("Add", "c scaled", "y", vec![]),
        Some(Bias::Each) => model
            .constant("flat", &[i64::try_from(weights.columns).unwrap()], Data::F32(weights.bias.clone()))
            .constant("axes", &[i64::try_from(1 + behind).unwrap()], Data::I64(along(weights.columns)))
            .node("Reshape", "flat axes", "c", vec![])
            .node("Add", "scaled c", "y", vec![]),
    }
}

struct Weights {
    kind: Kind,
    shape: Vec<usize>,
    columns: usize,
    values: Vec<i32>,
    zero_points: Vec<i32>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

impl Weights {
    fn draw(random: &mut Random, kind: Kind, shape: &[usize], columns: usize) -> Self {
        let (low, high) = kind.range();
        let ends = [low, high, 0, 1, 127];
        Self {
            kind,
            shape: shape.to_vec(),
            columns,
            values: kind.draw(random, shape.iter().product()),
            zero_points: (0..columns.max(1)).map(|_| ends[random.below(5)]).collect(),
            scales: floats(random, columns.max(1)),
            bias: floats(random, columns.max(1)),
        }
    }

    fn zero_point(&self, column: usize, tail: Tail) -> i32 {
        self.zero_points[if tail.each { column } else { 0 }]
    }

    /// The result of a sum.
    fn of(&self, sum: i32, column: usize, x_scale: f32, tail: Tail) -> u32 {
        let scaled = sum as f32 * (x_scale * self.scales[if tail.each { column } else { 0 }]);
        let y = match tail.bias {
            None => scaled,
            Some(Bias::One) => scaled + self.bias[0],
            Some(Bias::Each) => scaled + self.bias[column],
        };
        y.to_bits()
    }
}

#[test]
fn matrix_products() {
    let mut random = Random(0x5eed);
    let kinds = [Kind::Unsigned, Kind::Signed];
    let shapes = [
        (vec![1], 33, 50),
        (vec![7], 64, 32),
        (vec![2, 3, 5], 17, 31),
        (vec![3], 0, 5),
        (vec![0], 4, 5),
        (vec![2, 1], 300, 1),
        (vec![40], 100, 130),
    ];
    for (at, (rows, k, n)) in shapes.iter().enumerate() {
        for (index, (a, b)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
            let tail = Tail {
                each: (at + index) % 2 == 0,
                swapped: at % 2 == 1,
                bias: [None, Some(Bias::One), Some(Bias::Each)][(at + 2 * index) % 3],
            };
            let (a, k, n) = (kinds[a], *k, *n);
            let weights = Weights::draw(&mut random, kinds[b], &[k, n], n);
            let (shape, to) = ([rows.as_slice(), &[k]].concat(), [rows.as_slice(), &[n]].concat());
            let model = chain(|model| model.node("MatMulInteger", "x w zx zw", "sums", vec![]), &weights, tail, 0)
                .input("x", a.type_(), &dims(&shape))
                .input("sx", F32, &[])
                .input("zx", a.type_(), &[])
                .output("y", F32, &dims(&to));
            let m: usize = rows.iter().product();
            let x = a.draw(&mut random, m * k);
            for zero_point in [a.range().0, a.range().1, 3] {
                let x_scale = 0.0123;
                let inputs = [a.data(&x), Data::F32(vec![x_scale]), a.data(&[zero_point])];
                let result = bits(&model, &inputs, "MatMulIntegerToFloat");
                let expected = (0..m * n).map(|index| {
                    let (row, column) = (index / n, index % n);
                    let terms = (0..k).map(|depth| {
                        (x[row * k + depth] - zero_point)
                            * (weights.values[depth * n + column] - weights.zero_point(column, tail))
                    });
                    weights.of(terms.sum(), column, x_scale, tail)
                });
                assert_eq!(result, expected.collect::<Vec<_>>(), "{rows:?} {k} {n}, zero point {zero_point}");
            }
        }
    }
}

/// A convolution over a plane or, of height 1, a line.
struct Conv {
    images: usize,
    size: [usize; 2],
    groups: usize,
    /// Of a group.
    channels: [usize; 2],
    taps: [usize; 2],
    strides: usize,
    dilations: usize,
    pads: usize,
    is_line: bool,
}

impl Conv {
    /// Numbers of the axes: those of a line have no first.
    fn axes<T: Copy>(&self, numbers: [T; 2]) -> Vec<T> {
        if self.is_line { vec![numbers[1]] } else { numbers.to_vec() }
    }

    fn above(&self) -> usize {
        if self.is_line { 0 } else { self.pads }
    }

    /// Rows and columns of the output.
    fn to(&self) -> [usize; 2] {
        let along = |axis: usize, pads: usize, stride: usize| {
            (self.size[axis] + 2 * pads - (self.taps[axis] - 1) * self.dilations - 1) / stride + 1
        };
        [along(0, self.above(), if self.is_line { 1 } else { self.strides }), along(1, self.pads, self.strides)]
    }

    /// The sums, where x less its zero point is 0 outside of the image.
    fn sums(&self, x: &[i32], zero_point: i32, weights: &Weights, tail: Tail) -> Vec<i32> {
        let ([inputs, outputs], [height, width], [rows, columns]) = (self.channels, self.size, self.to());
        let of_w = inputs * self.taps[0] * self.taps[1];
        let mut sums = Vec::new();
        for image in 0..self.images {
            for output in 0..outputs * self.groups {
                for at in 0..rows * columns {
                    let (row, column) = (at / columns, at % columns);
                    let mut sum = 0;
                    for term in 0..of_w {
                        let (channel, tap) =
                            (term / (self.taps[0] * self.taps[1]), term % (self.taps[0] * self.taps[1]));
                        let down = row * self.strides + tap / self.taps[1] * self.dilations;
                        let across = column * self.strides + tap % self.taps[1] * self.dilations;
                        let (Some(y), Some(z)) = (down.checked_sub(self.above()), across.checked_sub(self.pads)) else {
                            continue;
                        };
                        if y < height && z < width {
                            let channel = output / outputs * inputs + channel;
                            let x = x[((image * inputs * self.groups + channel) * height + y) * width + z];
                            let w = weights.values[output * of_w + term];
                            sum += (x - zero_point) * (w - weights.zero_point(output, tail));
                        }
                    }
                    sums.push(sum);
                }
            }
        }
        sums
    }
}

#[test]
fn convolutions() {
    let mut random = Random(0xc0de);
    let plain = || Conv {
        images: 1,
        size: [6, 5],
        groups: 1,
        channels: [3, 4],
        taps: [3, 3],
        strides: 1,
        dilations: 1,
        pads: 1,
        is_line: false,
    };
    let cases = [
        plain(),
        Conv { images: 2, strides: 2, ..plain() },
        Conv { taps: [1, 1], pads: 0, channels: [20, 33], ..plain() },
        Conv { groups: 9, channels: [1, 1], ..plain() },
        Conv { groups: 16, channels: [1, 1], strides: 2, size: [9, 9], ..plain() },
        Conv { groups: 4, channels: [4, 4], ..plain() },
        Conv { groups: 3, channels: [2, 5], dilations: 2, pads: 2, ..plain() },
        // Of full tiles and many channels: transformed where a tier does that.
        Conv { channels: [64, 64], size: [24, 24], ..plain() },
        Conv { taps: [1, 3], size: [1, 11], is_line: true, ..plain() },
    ];
    for (at, case) in cases.iter().enumerate() {
        let (inputs, outputs) = (case.channels[0] * case.groups, case.channels[1] * case.groups);
        for (index, a) in [Kind::Unsigned, Kind::Signed].into_iter().enumerate() {
            let b = if (at + index) % 2 == 0 { Kind::Signed } else { Kind::Unsigned };
            let tail = Tail {
                each: (at / 2 + index) % 2 == 0,
                swapped: at % 2 == 1,
                bias: [Some(Bias::Each), None, Some(Bias::One)][(at + index) % 3],
            };
            let of_w = [&[outputs, case.channels[0]], case.axes(case.taps).as_slice()].concat();
            let weights = Weights::draw(&mut random, b, &of_w, outputs);
            let behind = case.axes(case.taps).len();
            let attributes = vec![
                ints("strides", &dims(&case.axes([case.strides; 2]))),
                ints("dilations", &dims(&case.axes([case.dilations; 2]))),
                ints("pads", &dims(&vec![case.pads; 2 * behind])),
                support::int("group", i64::try_from(case.groups).unwrap()),
            ];
            let shape = [&[case.images, inputs], case.axes(case.size).as_slice()].concat();
            let to = [&[case.images, outputs], case.axes(case.to()).as_slice()].concat();
            let model =
                chain(|model| model.node("ConvInteger", "x w zx zw", "sums", attributes), &weights, tail, behind)
                    .input("x", a.type_(), &dims(&shape))
                    .input("sx", F32, &[1])
                    .input("zx", a.type_(), &[])
                    .output("y", F32, &dims(&to));
            let x = a.draw(&mut random, shape.iter().product());
            for zero_point in [a.range().0, a.range().1] {
                let x_scale = 0.0371;
                let inputs = [a.data(&x), Data::F32(vec![x_scale]), a.data(&[zero_point])];
                let result = bits(&model, &inputs, "ConvIntegerToFloat");
                let pixels = to[2..].iter().product::<usize>();
                let sums = case.sums(&x, zero_point, &weights, tail);
                let expected = sums.into_iter().enumerate();
                let expected = expected.map(|(at, sum)| weights.of(sum, at / pixels % outputs, x_scale, tail));
                assert_eq!(result, expected.collect::<Vec<_>>(), "case {at}, zero point {zero_point}");
            }
        }
    }
}

/// As onnxruntime's quantiser writes it: the input is quantised by what it holds, three products read it.
#[test]
fn a_quantiser_with_several_readers() {
    let mut random = Random(7);
    let (m, k, n) = (9, 24, 10);
    let mut model = Builder::new(17).input("x", F32, &[9, 24]).output("y", F32, &[9, 10]).results(
        "DynamicQuantizeLinear",
        "x",
        &["q", "sx", "zx"],
        vec![],
    );
    let weights: Vec<Weights> = (0..3).map(|_| Weights::draw(&mut random, Kind::Unsigned, &[k, n], n)).collect();
    for (index, weights) in weights.iter().enumerate() {
        let named = |name: &str| format!("{name}{index}");
        model = model
            .constant(&named("w"), &[24, 10], Kind::Unsigned.data(&weights.values))
            .constant(&named("zw"), &[10], Kind::Unsigned.data(&weights.zero_points))
            .constant(&named("sw"), &[10], Data::F32(weights.scales.clone()))
            .constant(&named("c"), &[10], Data::F32(weights.bias.clone()))
            .node("Mul", &format!("sx sw{index}"), &named("s"), vec![])
            .node("MatMulInteger", &format!("q w{index} zx zw{index}"), &named("sums"), vec![])
            .node("Cast", &named("sums"), &named("floats"), vec![support::int("to", 1)])
            .node("Mul", &format!("floats{index} s{index}"), &named("scaled"), vec![])
            .node("Add", &format!("scaled{index} c{index}"), &named("y"), vec![]);
    }
    model = model.node("Add", "y0 y1", "both", vec![]).node("Add", "both y2", "y", vec![]);
    for [low, high] in [[-1.0f32, 2.0], [0.5, 3.0], [-4.0, -1.0], [0.0, 0.0], [-1e-3, 1e30]] {
        let mut x: Vec<f32> = (0..m * k).map(|_| low + (high - low) * f32::from(random.u8()) / 255.0).collect();
        (x[3], x[m * k - 1]) = (high, low);
        let (least, most) = (low.min(0.0), high.max(0.0));
        let scale = if least == most { 1.0 } else { (most - least) / 255.0 };
        let zero = (0.0 - least / scale).clamp(0.0, 255.0).round_ties_even();
        let q: Vec<i32> = x.iter().map(|x| ((x / scale).round_ties_even() + zero).clamp(0.0, 255.0) as i32).collect();
        let tail = Tail { each: true, swapped: false, bias: Some(Bias::Each) };
        let expected = (0..m * n).map(|index| {
            let (row, column) = (index / n, index % n);
            let [a, b, c] = [0, 1, 2].map(|product| {
                let weights: &Weights = &weights[product];
                let terms = (0..k).map(|depth| {
                    (q[row * k + depth] - zero as i32)
                        * (weights.values[depth * n + column] - weights.zero_points[column])
                });
                f32::from_bits(weights.of(terms.sum(), column, scale, tail))
            });
            (a + b + c).to_bits()
        });
        let result = bits(&model, &[Data::F32(x)], "MatMulIntegerToFloat");
        assert_eq!(result, expected.collect::<Vec<_>>(), "{low} to {high}");
    }
}

/// Scales that are no numbers above 0 come out as the nodes one by one would have them.
#[test]
fn scales_of_a_run_may_be_any() {
    let model = Builder::new(17)
        .input("x", U8, &[1, 1])
        .input("sx", F32, &[])
        .output("y", F32, &[1, 3])
        .constant("w", &[1, 3], Data::I8(vec![1, -1, 2]))
        .f32("sw", -0.5)
        .node("Mul", "sx sw", "s", vec![])
        .node("MatMulInteger", "x w", "sums", vec![])
        .node("Cast", "sums", "floats", vec![support::int("to", 1)])
        .node("Mul", "floats s", "y", vec![]);
    for (scale, expected) in [
        (2.0f32, [-3.0, 3.0, -6.0]),
        (-2.0, [3.0, -3.0, 6.0]),
        (0.0, [-0.0, 0.0, -0.0]),
        (f32::INFINITY, [-f32::INFINITY, f32::INFINITY, -f32::INFINITY]),
    ] {
        let result = bits(&model, &[Data::U8(vec![3]), Data::F32(vec![scale])], "MatMulIntegerToFloat");
        assert_eq!(result, expected.map(f32::to_bits), "{scale}");
    }
}

#[test]
fn sums_that_are_kept_are_made() {
    let model = |builder: Builder| {
        builder
            .input("x", U8, &[2, 2])
            .input("sx", F32, &[])
            .input("zx", U8, &[])
            .output("y", F32, &[2, 2])
            .constant("w", &[2, 2], Data::U8(vec![1, 2, 3, 4]))
            .f32("sw", 0.5)
            .node("Mul", "sx sw", "s", vec![])
            .node("MatMulInteger", "x w zx", "sums", vec![])
            .node("Cast", "sums", "floats", vec![support::int("to", 1)])
            .node("Mul", "floats s", "y", vec![])
    };
    let inputs = [Data::U8(vec![1, 2, 3, 4]), Data::F32(vec![2.0]), Data::U8(vec![1])];
    // Kept by an option, or since the caller wants them.
    for (builder, options) in [
        (Builder::new(17), Options::default().keep(true)),
        (Builder::new(17).output("sums", I32, &[2, 2]), Options::default()),
    ] {
        let mut session = session(&model(builder), options, &Backend::best(), 1);
        inputs.iter().enumerate().for_each(|(index, data)| session.set_input(index, data).unwrap());
        session.run().unwrap();
        assert!(session.plan().made().iter().any(|made| made.name == "sums"));
        let output = session.plan().output_tensors().position(|(name, ..)| name == "y").unwrap();
        assert_eq!(session.output(output).unwrap().to_data(), Data::F32(vec![3.0, 4.0, 11.0, 16.0]));
    }
}

/// Attention: both operands and their zero points are made in the run.
#[test]
fn products_of_two_activations() {
    let model = Builder::new(17)
        .input("a", U8, &[2, 1, 3])
        .input("b", I8, &[2, 3, 2])
        .input("za", U8, &[])
        .input("zb", I8, &[1])
        .output("y", I32, &[2, 1, 2])
        .node("MatMulInteger", "a b za zb", "y", vec![]);
    let (a, b) = ([1, 2, 3, 250, 0, 7], [1, -1, 2, -2, 3, -128, 4, 5, 6, 7, 127, 0]);
    for backend in tiers() {
        for threads in [1, 2] {
            let mut session = session(&model, Options::default(), &backend, threads);
            assert!(!session.plan().made()[0].kernel.contains("planned"));
            for (za, zb) in [(0, 0), (255, -128), (1, 127)] {
                let inputs = [
                    Kind::Unsigned.data(&a),
                    Kind::Signed.data(&b),
                    Kind::Unsigned.data(&[za]),
                    Kind::Signed.data(&[zb]),
                ];
                inputs.iter().enumerate().for_each(|(index, data)| session.set_input(index, data).unwrap());
                session.run().unwrap();
                let expected = (0..4).map(|index| {
                    let (matrix, column) = (index / 2, index % 2);
                    (0..3).map(|k| (a[matrix * 3 + k] - za) * (b[matrix * 6 + k * 2 + column] - zb)).sum()
                });
                assert_eq!(session.output(0).unwrap().to_data(), Data::I32(expected.collect()), "{za} {zb}");
            }
        }
    }
}

/// A node that no file has, as a pass makes it: zero points of channels, which only a plan takes, and both kinds of bias.
#[test]
fn convolutions_to_floats_with_parameters_of_the_plan() {
    let line = Convolution { padding: Padding::Explicit(vec![1, 0]), ..Convolution::default() };
    for (bias, expected) in [
        // Sums, the first of which sees one padded position: x less its zero points is [[-3, 2], [1, -7]].
        (None, [2 * -3 + 1, (-3 + 2 * 2) + (-1 - 7)]),
        (Some(Data::I32(vec![10])), [-5 + 10, -7 + 10]),
        // Twenty times the scale.
        (Some(Data::F32(vec![2.5])), [-5 + 20, -7 + 20]),
    ] {
        let mut graph = Graph::default();
        let mut constant = |name: &str, shape: &[usize], data: Data| {
            Some(graph.add(Tensor::constant(name, Constant::new(shape.to_vec(), data).unwrap())))
        };
        let x_scale = constant("x_scale", &[], Data::F32(vec![0.5]));
        let x_zero = constant("x_zero", &[2], Data::U8(vec![4, 9]));
        let w = constant("w", &[1, 2, 2], Data::I8(vec![1, 2, -1, 1]));
        let w_scale = constant("w_scale", &[1], Data::F32(vec![0.25]));
        let w_zero = constant("w_zero", &[], Data::I8(vec![0]));
        let bias = bias.and_then(|bias| constant("bias", &[1], bias));
        let mut tensor = |name: &str, type_, shape: &[usize]| {
            graph.add(Tensor { type_: Some(type_), shape: Some(shape.to_vec()), ..Tensor::named(name) })
        };
        let (x, y) = (tensor("x", Type::U8, &[1, 2, 2]), tensor("y", Type::F32, &[1, 1, 2]));
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        let inputs = vec![Some(x), x_scale, x_zero, w, w_scale, w_zero, bias];
        graph.nodes.push(Node::new(Op::ConvIntegerToFloat(line.clone()), inputs, y));
        for backend in tiers() {
            let mut session = support::session(&graph, &backend, 2);
            session.set_input(0, &Data::U8(vec![1, 6, 10, 2])).unwrap();
            session.run().unwrap();
            let expected = expected.map(|sum| sum as f32 * 0.125);
            assert_eq!(session.output(0).unwrap().to_data(), Data::F32(expected.to_vec()));
        }
    }
}
