//! Convolutions and pools of floats, transposed convolutions and convolutions to floats of integers: against the
//! documentation's examples, and loops that are the definition.

mod support;

use support::{Attribute, Builder, F32, I8, I32, Random, U8, int, ints, session, string, tiers};
use zeropoint_runner::graph::op::{Convolution, Padding, Transposed};
use zeropoint_runner::graph::{Constant, Data, Graph, Node, Op, Tensor, TensorId, Type};
use zeropoint_runner::passes;

fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| i64::try_from(size).unwrap()).collect()
}

fn floats(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| (f32::from(random.u8()) - 128.0) / (1.0 + f32::from(random.u8()))).collect()
}

/// Windows over three axes; those of fewer have ones before.
#[derive(Clone, Copy)]
struct Windows {
    taps: [usize; 3],
    strides: [usize; 3],
    dilations: [usize; 3],
    before: [usize; 3],
    behind: [usize; 3],
}

const PLAIN: Windows = Windows { taps: [1; 3], strides: [1; 3], dilations: [1; 3], before: [0; 3], behind: [0; 3] };

impl Windows {
    /// As attributes, of the last axes.
    fn attributes(&self, axes: usize) -> Vec<Attribute> {
        let last = |sizes: [usize; 3]| dims(&sizes[3 - axes..]);
        let pads = [last(self.before), last(self.behind)].concat();
        vec![ints("strides", &last(self.strides)), ints("dilations", &last(self.dilations)), ints("pads", &pads)]
    }

    fn reach(&self, axis: usize) -> usize {
        (self.taps[axis] - 1) * self.dilations[axis] + 1
    }

    /// Sizes of the results.
    fn outputs(&self, from: [usize; 3]) -> [usize; 3] {
        [0, 1, 2].map(|axis| {
            (from[axis] + self.before[axis] + self.behind[axis] - self.reach(axis)) / self.strides[axis] + 1
        })
    }

    fn tap_indices(&self) -> Vec<[usize; 3]> {
        indices(self.taps)
    }

    /// What output `o` meets by tap `t`, along one axis.
    fn meets(&self, axis: usize, o: usize, t: usize) -> Option<usize> {
        (o * self.strides[axis] + t * self.dilations[axis]).checked_sub(self.before[axis])
    }
}

fn indices(sizes: [usize; 3]) -> Vec<[usize; 3]> {
    let [a, b, c] = sizes;
    (0..a * b * c).map(|at| [at / (b * c), at / c % b, at % c]).collect()
}

fn at(index: [usize; 3], sizes: [usize; 3]) -> usize {
    (index[0] * sizes[1] + index[1]) * sizes[2] + index[2]
}

/// The products of each output in their order: channels, then taps.
#[expect(clippy::too_many_arguments, reason = "a definition")]
fn sums<T: Copy, S>(
    windows: &Windows,
    transposed: bool,
    [images, channels, outputs, groups]: [usize; 4],
    from: [usize; 3],
    to: [usize; 3],
    x: &[T],
    w: &[T],
    mut end: impl FnMut(usize, usize, Vec<(T, T)>) -> S,
) -> Vec<S> {
    let (inputs, per_group) = (channels / groups, outputs / groups);
    let taps: usize = windows.taps.iter().product();
    let (of_x, mut y) = (from.iter().product::<usize>(), Vec::new());
    for image in 0..images {
        for output in 0..outputs {
            let group = output / per_group;
            for place in indices(to) {
                let mut products = Vec::new();
                for input in 0..inputs {
                    for (tap, index) in windows.tap_indices().into_iter().enumerate() {
                        let mut found = [0; 3];
                        let met = (0..3).all(|axis| {
                            // A transposed one meets what an ordinary one over the output would be met by.
                            let met = match transposed {
                                true => {
                                    (0..from[axis]).find(|&i| windows.meets(axis, i, index[axis]) == Some(place[axis]))
                                }
                                false => windows.meets(axis, place[axis], index[axis]),
                            };
                            found[axis] = met.unwrap_or(usize::MAX);
                            found[axis] < from[axis]
                        });
                        if met {
                            let channel = group * inputs + input;
                            let weight = match transposed {
                                true => (channel * per_group + output % per_group) * taps + tap,
                                false => (output * inputs + input) * taps + tap,
                            };
                            products.push((x[(image * channels + channel) * of_x + at(found, from)], w[weight]));
                        }
                    }
                }
                y.push(end(image, output, products));
            }
        }
    }
    y
}

fn add(products: Vec<(f32, f32)>, bias: Option<f32>) -> f32 {
    let sum = products.into_iter().fold(0.0, |sum, (x, w)| sum + x * w);
    bias.map_or(sum, |bias| sum + bias)
}

/// Shapes of an input, of weights, and the windows.
fn cases() -> Vec<(usize, [usize; 4], [usize; 3], Windows)> {
    vec![
        (1, [2, 3, 4, 1], [1, 1, 9], Windows { taps: [1, 1, 3], strides: [1, 1, 2], before: [0, 0, 1], ..PLAIN }),
        (2, [1, 4, 6, 2], [1, 6, 7], Windows { taps: [1, 3, 2], dilations: [1, 1, 2], behind: [0, 2, 1], ..PLAIN }),
        (2, [2, 6, 6, 6], [1, 5, 5], Windows { taps: [1, 3, 3], before: [0, 1, 1], behind: [0, 1, 1], ..PLAIN }),
        (2, [1, 5, 3, 1], [1, 4, 6], PLAIN),
        (
            2,
            [1, 2, 3, 1],
            [1, 3, 3],
            Windows { taps: [1, 2, 4], strides: [1, 3, 2], before: [0, 0, 2], behind: [0, 1, 1], ..PLAIN },
        ),
        (3, [1, 2, 2, 1], [3, 4, 5], Windows { taps: [2, 1, 3], strides: [2, 1, 1], before: [1, 0, 0], ..PLAIN }),
        (3, [1, 2, 2, 2], [2, 3, 4], Windows { taps: [2, 3, 1], behind: [1, 1, 0], ..PLAIN }),
    ]
}

#[test]
fn convolutions_are_sums_in_one_order() {
    let mut random = Random(41);
    for (axes, sizes, from, windows) in cases() {
        let [images, channels, outputs, groups] = sizes;
        let to = windows.outputs(from);
        let x_shape = [&[images, channels], &from[3 - axes..]].concat();
        let w_shape = [&[outputs, channels / groups], &windows.taps[3 - axes..]].concat();
        let y_shape = [&[images, outputs], &to[3 - axes..]].concat();
        let x = floats(&mut random, x_shape.iter().product());
        let w = floats(&mut random, w_shape.iter().product());
        let bias = floats(&mut random, outputs);
        let mut attributes = windows.attributes(axes);
        attributes.push(int("group", groups.try_into().unwrap()));
        for bias in [None, Some(bias)] {
            let mut model = Builder::new(11)
                .input("x", F32, &dims(&x_shape))
                .output("y", F32, &dims(&y_shape))
                .constant("w", &dims(&w_shape), Data::F32(w.clone()));
            if let Some(bias) = &bias {
                model = model.constant("b", &[outputs.try_into().unwrap()], Data::F32(bias.clone()));
            }
            let operands = if bias.is_some() { "x w b" } else { "x w" };
            let got = model.node("Conv", operands, "y", attributes.clone()).run(&[Data::F32(x.clone())]);
            let expected = sums(&windows, false, sizes, from, to, &x, &w, |_, output, products| {
                add(products, bias.as_ref().map(|bias| bias[output]))
            });
            assert_eq!(got, Data::F32(expected), "{x_shape:?} {w_shape:?}");
        }
    }
}

#[test]
fn transposed_convolutions_are_sums_in_one_order() {
    let mut random = Random(43);
    for (axes, sizes, from, windows) in cases() {
        let [images, channels, outputs, groups] = sizes;
        let more = [0, 1, 1];
        let to = [0, 1, 2].map(|axis| {
            let more = if axis < 3 - axes { 0 } else { more[axis] };
            (from[axis] - 1) * windows.strides[axis] + windows.reach(axis) + more
                - windows.before[axis]
                - windows.behind[axis]
        });
        let x_shape = [&[images, channels], &from[3 - axes..]].concat();
        let w_shape = [&[channels, outputs / groups], &windows.taps[3 - axes..]].concat();
        let y_shape = [&[images, outputs], &to[3 - axes..]].concat();
        let x = floats(&mut random, x_shape.iter().product());
        let w = floats(&mut random, w_shape.iter().product());
        let bias = floats(&mut random, outputs);
        let mut attributes = windows.attributes(axes);
        attributes.push(int("group", groups.try_into().unwrap()));
        attributes.push(ints("output_padding", &dims(&more[3 - axes..])));
        let model = Builder::new(11)
            .input("x", F32, &dims(&x_shape))
            .input("w", F32, &dims(&w_shape))
            .output("y", F32, &dims(&y_shape))
            .constant("b", &[outputs.try_into().unwrap()], Data::F32(bias.clone()))
            .node("ConvTranspose", "x w b", "y", attributes);
        let expected =
            sums(&windows, true, sizes, from, to, &x, &w, |_, output, products| add(products, Some(bias[output])));
        assert_eq!(model.run(&[Data::F32(x), Data::F32(w)]), Data::F32(expected), "{x_shape:?} {w_shape:?}");
    }
}

#[test]
fn the_documentations_transposed_convolutions() {
    let model = |out: &[i64], taps: i64, attributes| {
        Builder::new(11)
            .input("x", F32, &[1, 1, 3, 3])
            .output("y", F32, out)
            .constant("w", &[1, 1, taps, taps], Data::F32(vec![1.0; usize::try_from(taps * taps).unwrap()]))
            .node("ConvTranspose", "x w", "y", attributes)
    };
    let x = || [Data::F32((0..9u8).map(f32::from).collect())];
    let plain = [[0, 1, 3, 3, 2], [3, 8, 15, 12, 7], [9, 21, 36, 27, 15], [9, 20, 33, 24, 13], [6, 13, 21, 15, 8u8]];
    let rows = |rows: &[&[u8]]| Data::F32(rows.concat().into_iter().map(f32::from).collect());
    let whole = plain.each_ref().map(|row| row.as_slice());
    assert_eq!(model(&[1, 1, 5, 5], 3, vec![]).run(&x()), rows(&whole));
    // With strides of 2, and sizes that two pads follow from: the odd position before, or behind.
    let strides = || ints("strides", &[2, 2]);
    let upper = [
        [0, 0, 1, 1, 3, 2],
        [0, 0, 1, 1, 3, 2],
        [3, 3, 8, 5, 12, 7],
        [3, 3, 7, 4, 9, 5],
        [9, 9, 20, 11, 24, 13],
        [6, 6, 13, 7, 15, 8u8],
    ];
    let upper = upper.each_ref().map(|row| row.as_slice());
    let same = model(&[1, 1, 6, 6], 3, vec![strides(), string("auto_pad", "SAME_UPPER")]);
    assert_eq!(same.run(&x()), rows(&upper));
    let sized = model(&[1, 1, 6, 6], 3, vec![strides(), ints("output_shape", &[6, 6])]);
    let lower: Vec<Vec<u8>> = {
        let full = [
            [0, 0, 1, 1, 3, 2, 2],
            [0, 0, 1, 1, 3, 2, 2],
            [3, 3, 8, 5, 12, 7, 7],
            [3, 3, 7, 4, 9, 5, 5],
            [9, 9, 20, 11, 24, 13, 13],
            [6, 6, 13, 7, 15, 8, 8],
            [6, 6, 13, 7, 15, 8, 8u8],
        ];
        full[1..].iter().map(|row| row[1..].to_vec()).collect()
    };
    let lower: Vec<&[u8]> = lower.iter().map(Vec::as_slice).collect();
    assert_eq!(sized.run(&x()), rows(&lower));
    // Behind what is reached, there is nothing.
    let longer = model(&[1, 1, 4, 4], 1, vec![ints("output_shape", &[4, 4])]);
    let expected = [[0, 1, 2, 0], [3, 4, 5, 0], [6, 7, 8, 0], [0, 0, 0, 0u8]];
    assert_eq!(longer.run(&x()), rows(&expected.each_ref().map(|row| row.as_slice())));
}

#[test]
fn the_documentations_average_pools() {
    let model = |size: i64, out: i64, attributes| {
        Builder::new(19).input("x", F32, &[1, 1, size, size]).output("y", F32, &[1, 1, out, out]).node(
            "AveragePool",
            "x",
            "y",
            attributes,
        )
    };
    let x = |count: u8| [Data::F32((1..=count).map(f32::from).collect())];
    let window = || vec![ints("kernel_shape", &[5, 5]), ints("pads", &[2, 2, 2, 2])];
    let expected =
        [7.0, 9.5, 12.0, 14.5, 17.0].into_iter().flat_map(|row| (0..5u8).map(move |c| row + f32::from(c) / 2.0));
    assert_eq!(model(5, 5, window()).run(&x(25)), Data::F32(expected.collect()));
    let mut padded = window();
    padded.push(int("count_include_pad", 1));
    let expected = [
        [2.52, 3.6, 4.8, 4.08, 3.24],
        [4.56, 6.4, 8.4, 7.04, 5.52],
        [7.2, 10.0, 13.0, 10.8, 8.4],
        [6.96, 9.6, 12.4, 10.24, 7.92],
        [6.12, 8.4, 10.8, 8.88, 6.84f32],
    ];
    assert_eq!(model(5, 5, padded).run(&x(25)), Data::F32(expected.concat()));
    let up = vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), int("ceil_mode", 1)];
    assert_eq!(model(4, 2, up).run(&x(16)), Data::F32(vec![6.0, 7.5, 12.0, 13.5]));
    let dilated = vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])];
    assert_eq!(model(4, 2, dilated).run(&x(16)), Data::F32(vec![6.0, 7.0, 10.0, 11.0]));
    // The last window reaches beyond the padded image, whose positions alone count: 7 / 2, and padding behind.
    let lines = |attributes| {
        Builder::new(19).input("x", F32, &[1, 1, 7]).output("y", F32, &[1, 1, 3]).node(
            "AveragePool",
            "x",
            "y",
            attributes,
        )
    };
    let last = |include| {
        let pads = ints("pads", &[0, 1]);
        vec![
            ints("kernel_shape", &[3]),
            ints("strides", &[3]),
            int("ceil_mode", 1),
            pads,
            int("count_include_pad", include),
        ]
    };
    assert_eq!(lines(last(1)).run(&x(7)), Data::F32(vec![2.0, 5.0, 3.5]));
    assert_eq!(lines(last(0)).run(&x(7)), Data::F32(vec![2.0, 5.0, 7.0]));
}

#[test]
fn pools_over_one_to_three_axes() {
    let model = |op: &str, type_, shape: &[i64], out: &[i64], attributes| {
        Builder::new(12).input("x", type_, shape).output("y", type_, out).node(op, "x", "y", attributes)
    };
    let nan = f32::NAN;
    let x = Data::F32(vec![-1.0, -7.0, -3.0, 2.0, f32::NEG_INFINITY, nan]);
    let padded = vec![ints("kernel_shape", &[2]), ints("strides", &[2]), ints("pads", &[1, 1])];
    // What is no number equals nothing, not even in a test.
    let model_of_floats = model("MaxPool", F32, &[1, 1, 6], &[1, 1, 4], padded.clone());
    let mut alone = model_of_floats.session(&zeropoint::Backend::best(), 1);
    alone.set_input(0, &x).unwrap();
    alone.run().unwrap();
    let Data::F32(got) = alone.output(0).unwrap().to_data() else { panic!("no floats") };
    assert_eq!(got[..3], [-1.0, -3.0, 2.0]);
    assert!(got[3].is_nan());
    // Of integers, too.
    let x = Data::I8(vec![-100, -120, -128, 5, 4, 3]);
    let expected = Data::I8(vec![-100, -120, 5, 3]);
    assert_eq!(model("MaxPool", I8, &[1, 1, 6], &[1, 1, 4], padded).run(&[x]), expected);
    let x = Data::U8((0..2 * 8).collect());
    let cube = || vec![ints("kernel_shape", &[2, 1, 2])];
    assert_eq!(
        model("MaxPool", U8, &[1, 2, 2, 2, 2], &[1, 2, 1, 2, 1], cube()).run(&[x]),
        Data::U8(vec![5, 7, 13, 15])
    );
    let x = Data::F32((0..8u8).map(f32::from).collect());
    let average = model("AveragePool", F32, &[1, 1, 2, 2, 2], &[1, 1, 1, 2, 1], cube());
    assert_eq!(average.run(&[x]), Data::F32(vec![2.5, 4.5]));

    let x = [Data::F32(vec![1.0, 2.0, 3.0, 6.0, 0.5, -4.0, 8.0, 0.0])];
    assert_eq!(model("GlobalAveragePool", F32, &[1, 2, 4], &[1, 2, 1], vec![]).run(&x), Data::F32(vec![3.0, 1.125]));
    assert_eq!(model("GlobalMaxPool", F32, &[2, 1, 2, 2], &[2, 1, 1, 1], vec![]).run(&x), Data::F32(vec![6.0, 8.0]));
    let x = [Data::U8(vec![1, 200, 3, 4])];
    assert_eq!(model("GlobalMaxPool", U8, &[1, 2, 2, 1], &[1, 2, 1, 1], vec![]).run(&x), Data::U8(vec![200, 4]));
}

#[test]
fn images_that_do_not_fit_are_named() {
    let conv = |op: &str, x: &[i64], w: &[i64], b: &[i64], attributes| {
        let zeros = |dims: &[i64]| Data::F32(vec![0.0; usize::try_from(dims.iter().product::<i64>()).unwrap()]);
        let model = Builder::new(12).input("x", F32, x).output("y", F32, &[]);
        let model = model.constant("w", w, zeros(w)).constant("b", b, zeros(b));
        model.node(op, "x w b", "y", attributes).problems()
    };
    let none = Vec::new;
    for (told, expected) in [
        (conv("Conv", &[1, 3, 4, 4], &[2, 2, 3, 3], &[2], none()), "do not fit 1 groups"),
        (conv("Conv", &[1, 3, 4, 4], &[2, 3, 3, 3], &[3], none()), "B has shape [3], expected 2 values"),
        (conv("Conv", &[1, 3, 2, 4], &[2, 3, 3, 3], &[2], none()), "does not fit the 2 padded positions"),
        (conv("Conv", &[1, 1, 2, 2, 2, 2], &[1, 1, 1, 1, 1, 1], &[1], none()), "over 4 spatial axes, expected 1 to 3"),
        (conv("ConvTranspose", &[1, 3, 4, 4], &[2, 3, 3, 3], &[3], none()), "do not fit 1 groups"),
        (
            conv("ConvTranspose", &[1, 3, 4, 4], &[3, 3, 3, 3], &[3], vec![ints("output_shape", &[4])]),
            "attribute output_shape has 1 values, expected 2",
        ),
        (
            conv("ConvTranspose", &[1, 1, 1, 1], &[1, 1, 1, 1], &[1], vec![ints("pads", &[1, 1, 1, 1])]),
            "leave less than nothing",
        ),
    ] {
        assert!(told.contains(expected) && told.contains("make_y"), "{told}");
    }
    let pool = |op: &str, type_, x: &[i64], attributes| {
        Builder::new(12).input("x", type_, x).output("y", type_, &[]).node(op, "x", "y", attributes).problems()
    };
    for (told, expected) in [
        (pool("AveragePool", F32, &[1, 1, 4, 4], none()), "attribute kernel_shape is missing"),
        (pool("AveragePool", U8, &[1, 1, 4], vec![ints("kernel_shape", &[2])]), "X is uint8, expected float32"),
        (pool("MaxPool", I32, &[1, 1, 4], vec![ints("kernel_shape", &[2])]), "x is int32"),
        (pool("MaxPool", F32, &[1, 1, 2, 2, 2, 2], vec![ints("kernel_shape", &[1, 1, 1, 1])]), "expected 1 to 3"),
        (pool("GlobalMaxPool", F32, &[1, 1, 0], none()), "a pool of no pixels"),
        (pool("GlobalAveragePool", I8, &[1, 1, 3], none()), "X is int8, expected float32"),
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

/// A graph of one node, which no file has.
struct One {
    graph: Graph,
    operands: Vec<Option<TensorId>>,
    inputs: Vec<Data>,
}

impl One {
    fn new() -> Self {
        Self { graph: Graph::default(), operands: Vec::new(), inputs: Vec::new() }
    }

    fn input(mut self, shape: &[usize], data: Data) -> Self {
        let name = format!("input {}", self.inputs.len());
        let tensor = Tensor { type_: Some(data.type_()), shape: Some(shape.to_vec()), ..Tensor::named(name) };
        let id = self.graph.add(tensor);
        self.graph.inputs.push(id);
        self.operands.push(Some(id));
        self.inputs.push(data);
        self
    }

    fn constant(mut self, shape: &[usize], data: Data) -> Self {
        let id = self.graph.add(Tensor::constant("constant", Constant::new(shape.to_vec(), data).unwrap()));
        self.operands.push(Some(id));
        self
    }

    /// A parameter of either kind.
    fn parameter(self, late: bool, shape: &[usize], data: Data) -> Self {
        if late { self.input(shape, data) } else { self.constant(shape, data) }
    }

    fn finish(mut self, op: Op, clamp: Option<(i32, i32)>) -> Result<(Graph, Vec<Data>), zeropoint_runner::Error> {
        let y = self.graph.add(Tensor::named("y"));
        self.graph.nodes.push(Node { clamp, ..Node::new(op, self.operands, y) });
        self.graph.outputs.push(y);
        passes::prepare(&mut self.graph, &passes::Options::default())?;
        Ok((self.graph, self.inputs))
    }

    fn run(self, op: Op, clamp: Option<(i32, i32)>) -> Data {
        let (graph, inputs) = self.finish(op, clamp).unwrap();
        let mut expected = None;
        for backend in tiers() {
            for threads in [1, 2] {
                let mut session = session(&graph, &backend, threads);
                // Twice, as what a run brings is kept from none before.
                for _ in 0..2 {
                    inputs.iter().enumerate().for_each(|(index, data)| session.set_input(index, data).unwrap());
                    session.run().unwrap();
                    let got = session.output(0).unwrap().to_data();
                    assert_eq!(expected.get_or_insert_with(|| got.clone()), &got, "{}", backend.isa());
                }
            }
        }
        expected.unwrap()
    }
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.u8()).collect()
}

fn wide(values: &[u8]) -> Vec<i32> {
    values.iter().map(|&value| value.into()).collect()
}

fn add_integers(products: Vec<(i32, i32)>, zeros: [i32; 2]) -> i32 {
    products.into_iter().map(|(x, w)| (x - zeros[0]) * (w - zeros[1])).sum()
}

#[test]
fn transposed_convolutions_of_integers() {
    let mut random = Random(47);
    for (axes, sizes, from, windows) in cases() {
        let [images, channels, outputs, groups] = sizes;
        let to = [0, 1, 2].map(|axis| {
            (from[axis] - 1) * windows.strides[axis] + windows.reach(axis) - windows.before[axis] - windows.behind[axis]
        });
        let x_shape = [&[images, channels], &from[3 - axes..]].concat();
        let w_shape = [&[channels, outputs / groups], &windows.taps[3 - axes..]].concat();
        let x = bytes(&mut random, x_shape.iter().product());
        let w = bytes(&mut random, w_shape.iter().product());
        let w_zeros = bytes(&mut random, outputs);
        let scales: Vec<f32> = (0..outputs).map(|output| (output + 1) as f32 / 512.0).collect();
        let bias: Vec<i32> = (0..outputs).map(|_| i32::from(random.u8()) * 64 - 8192).collect();
        let window = Convolution {
            strides: windows.strides[3 - axes..].to_vec(),
            dilations: windows.dilations[3 - axes..].to_vec(),
            padding: Padding::Explicit([&windows.before[3 - axes..], &windows.behind[3 - axes..]].concat()),
            groups,
            ..Convolution::default()
        };
        for (late, clamp) in [(false, None), (true, Some((90, 200)))] {
            let one = One::new()
                .input(&x_shape, Data::U8(x.clone()))
                .parameter(late, &[], Data::F32(vec![0.5]))
                .parameter(late, &[], Data::U8(vec![131]))
                .constant(&w_shape, Data::U8(w.clone()))
                .constant(&[outputs], Data::F32(scales.clone()))
                .constant(&[outputs], Data::U8(w_zeros.clone()))
                .constant(&[], Data::F32(vec![8.0]))
                .constant(&[], Data::U8(vec![99]))
                .constant(&[outputs], Data::I32(bias.clone()));
            let attributes = Transposed { window: window.clone(), ..Transposed::default() };
            let got = one.run(Op::QLinearConvTranspose(attributes), clamp);
            let expected = sums(&windows, true, sizes, from, to, &wide(&x), &wide(&w), |_, output, products| {
                let sum = add_integers(products, [131, w_zeros[output].into()]) + bias[output];
                let value =
                    (sum as f32 * (0.5 * scales[output] / 8.0)).round_ties_even().clamp(-99.0, 156.0) as i32 + 99;
                let (least, greatest) = clamp.unwrap_or((0, 255));
                u8::try_from(value.clamp(least, greatest)).unwrap()
            });
            assert_eq!(got, Data::U8(expected), "{x_shape:?} {w_shape:?} late {late}");
        }
    }
}

#[test]
fn convolutions_of_integers_to_floats() {
    let mut random = Random(53);
    for (axes, sizes, from, windows) in cases() {
        let [images, channels, outputs, groups] = sizes;
        let to = windows.outputs(from);
        let x_shape = [&[images, channels], &from[3 - axes..]].concat();
        let w_shape = [&[outputs, channels / groups], &windows.taps[3 - axes..]].concat();
        let x = bytes(&mut random, x_shape.iter().product());
        let w = bytes(&mut random, w_shape.iter().product());
        let scales: Vec<f32> = (0..outputs).map(|output| 0.1 / (output + 1) as f32).collect();
        let whole: Vec<i32> = (0..outputs).map(|_| i32::from(random.u8()) * 64 - 8192).collect();
        let real = floats(&mut random, outputs);
        let attributes = Convolution {
            strides: windows.strides[3 - axes..].to_vec(),
            dilations: windows.dilations[3 - axes..].to_vec(),
            padding: Padding::Explicit([&windows.before[3 - axes..], &windows.behind[3 - axes..]].concat()),
            groups,
            ..Convolution::default()
        };
        for (late, bias) in [
            (false, None),
            (true, None),
            (false, Some(Data::I32(whole.clone()))),
            (true, Some(Data::F32(real.clone()))),
        ] {
            let mut one = One::new()
                .input(&x_shape, Data::U8(x.clone()))
                .parameter(late, &[], Data::F32(vec![0.3]))
                .parameter(late, &[], Data::U8(vec![131]))
                .constant(&w_shape, Data::U8(w.clone()))
                .constant(&[outputs], Data::F32(scales.clone()))
                .constant(&[], Data::U8(vec![120]));
            if let Some(bias) = &bias {
                one = one.constant(&[outputs], bias.clone());
            }
            let got = one.run(Op::ConvIntegerToFloat(attributes.clone()), None);
            let expected = sums(&windows, false, sizes, from, to, &wide(&x), &wide(&w), |_, output, products| {
                let sum = add_integers(products, [131, 120]);
                let scale = 0.3 * scales[output];
                match &bias {
                    None => sum as f32 * scale,
                    Some(Data::I32(bias)) => (sum + bias[output]) as f32 * scale,
                    Some(_) => sum as f32 * scale + real[output],
                }
            });
            assert_eq!(got, Data::F32(expected), "{x_shape:?} {w_shape:?} late {late} {bias:?}");
        }
    }
}

#[test]
fn every_operator_keeps_the_bounds_of_its_results() {
    let u8s = |values: &[u8]| Data::U8(values.to_vec());
    let scale = |one: One| one.constant(&[], Data::F32(vec![1.0]));
    let zero = |one: One| one.constant(&[], Data::U8(vec![0]));
    let bounds = Some((3, 9));

    let quantize = One::new().input(&[5], Data::F32(vec![-1.0, 2.0, 5.0, 9.6, 300.0]));
    let op = Op::QuantizeLinear { axis: 1, block: 0, to: None, abs_max: None };
    assert_eq!(zero(scale(quantize)).run(op, bounds), u8s(&[3, 3, 5, 9, 9]));
    let narrow = scale(One::new().input(&[3], Data::F32(vec![-7.0, 0.0, 7.0]))).constant(&[], Data::I4(vec![0]));
    let op = Op::QuantizeLinear { axis: 1, block: 0, to: None, abs_max: None };
    assert_eq!(narrow.run(op, Some((-2, 5))), Data::I4(vec![-2, 0, 5]));

    let pair = |op: Op| {
        let one = zero(scale(One::new().input(&[4], u8s(&[0, 2, 3, 200]))));
        zero(scale(zero(scale(one.input(&[4], u8s(&[1, 2, 3, 100])))))).run(op, bounds)
    };
    assert_eq!(pair(Op::QLinearAdd), u8s(&[3, 4, 6, 9]));
    assert_eq!(pair(Op::QLinearMul), u8s(&[3, 4, 9, 9]));

    // A matrix of one row with one of three columns, constant or not, and with a scale of each row.
    let product = |late: bool, scales: usize| {
        let one = One::new().input(&[2, 1], u8s(&[2, 1]));
        let one = zero(one.constant(&[scales], Data::F32(vec![1.0; scales])));
        let one = zero(scale(one.parameter(late, &[1, 3], u8s(&[1, 2, 9]))));
        zero(scale(one)).run(Op::QLinearMatMul, bounds)
    };
    for (late, scales) in [(false, 1), (true, 1), (false, 2)] {
        assert_eq!(product(late, scales), u8s(&[3, 4, 9, 3, 3, 9]), "{late} {scales}");
    }
    for addend in [&[1usize, 3][..], &[2, 1]] {
        let one = zero(scale(One::new().input(&[2, 1], u8s(&[2, 1]))));
        let one = zero(scale(one.constant(&[1, 3], u8s(&[1, 2, 9]))));
        let one = one.constant(addend, Data::I32(vec![1; addend.iter().product()]));
        let gemm = zeropoint_runner::graph::op::Gemm { transpose_a: false, transpose_b: false, alpha: 1.0, beta: 1.0 };
        assert_eq!(zero(scale(one)).run(Op::QGemm(gemm), bounds), u8s(&[3, 5, 9, 3, 3, 9]));
    }
    let one = zero(scale(One::new().input(&[1, 1, 1, 4], u8s(&[0, 2, 5, 200]))));
    let one = zero(scale(zero(scale(one.constant(&[1, 1, 1, 1], u8s(&[1]))))));
    assert_eq!(one.run(Op::QLinearConv(Convolution::default()), bounds), u8s(&[3, 3, 5, 9]));
}

#[test]
fn bounds_that_are_none_are_refused() {
    let quantize = |bounds| {
        let one = One::new().input(&[1], Data::F32(vec![0.0])).constant(&[], Data::F32(vec![1.0]));
        let op = Op::QuantizeLinear { axis: 1, block: 0, to: Some(Type::I8), abs_max: None };
        let (graph, _) = one.finish(op, Some(bounds)).unwrap();
        let plan = zeropoint_runner::exec::Plan::new(&graph, &zeropoint::Backend::best(), Default::default());
        plan.err().map_or_else(String::new, |error| error.to_string())
    };
    assert_eq!(quantize((-128, 127)), "");
    for bounds in [(-129, 0), (5, 4), (0, 128)] {
        assert!(quantize(bounds).contains("of elements of int8"), "{bounds:?}");
    }
}
