//! Convolutions and pools of floats: against the documentation's examples, and loops that are the definition.

mod support;

use support::{Attribute, Builder, F32, I8, I32, Random, U8, int, ints, string};
use zeropoint_runner::graph::Data;

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
        let to = [0, 1, 2].map(|axis| {
            (from[axis] + windows.before[axis] + windows.behind[axis] - windows.reach(axis)) / windows.strides[axis] + 1
        });
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
