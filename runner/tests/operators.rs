//! Operators in models made on the spot, against values worked out by hand or by loops that share nothing with the
//! runner.

mod support;

use support::{Builder, F32, I8, I64, Random, U8, int, ints, string};
use zeropoint_runner::graph::Data;

/// What `QLinearConv` computes, by its definition.
struct Convolution {
    x: [usize; 4],
    w: [usize; 4],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// top, left
    before: [usize; 2],
    out: [usize; 2],
    groups: usize,
}

impl Convolution {
    fn sums(&self, x: &[i32], x_zero: i32, w: &[i32], w_zero: &[i32], bias: &[i32]) -> Vec<i32> {
        let [images, channels, height, width] = self.x;
        let [outputs, inputs, rows, columns] = self.w;
        let mut sums = Vec::new();
        for image in 0..images {
            for o in 0..outputs {
                let group = o / (outputs / self.groups);
                for r in 0..self.out[0] {
                    for c in 0..self.out[1] {
                        let mut sum = bias[o];
                        for i in 0..inputs {
                            for (kr, kc) in (0..rows).flat_map(|kr| (0..columns).map(move |kc| (kr, kc))) {
                                let y = (r * self.strides[0] + kr * self.dilations[0]).checked_sub(self.before[0]);
                                let z = (c * self.strides[1] + kc * self.dilations[1]).checked_sub(self.before[1]);
                                let (Some(y), Some(z)) = (y, z) else { continue };
                                if y < height && z < width {
                                    let at = ((image * channels + group * inputs + i) * height + y) * width + z;
                                    let tap = ((o * inputs + i) * rows + kr) * columns + kc;
                                    sum += (x[at] - x_zero) * (w[tap] - w_zero[o]);
                                }
                            }
                        }
                        sums.push(sum);
                    }
                }
            }
        }
        sums
    }
}

fn requantize(sums: &[i32], per_output: usize, scales: &[f32], zero_point: i32) -> Vec<u8> {
    sums.iter()
        .enumerate()
        .map(|(at, &sum)| {
            let multiplier = (0.5f32 * scales[at / per_output % scales.len()]) / 8.0;
            let value = (sum as f32 * multiplier).clamp((-zero_point) as f32, (255 - zero_point) as f32);
            u8::try_from(value.round_ties_even() as i32 + zero_point).unwrap()
        })
        .collect()
}

fn convolve(conv: &Convolution, attributes: Vec<zeropoint_runner::formats::onnx::proto::AttributeProto>) {
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    let bytes = |random: &mut Random, count: usize| (0..count).map(|_| random.u8()).collect::<Vec<u8>>();
    let x = bytes(&mut random, conv.x.iter().product());
    let w: Vec<i8> = bytes(&mut random, conv.w.iter().product()).into_iter().map(u8::cast_signed).collect();
    let outputs = conv.w[0];
    let w_zero: Vec<i8> = (0..outputs).map(|_| random.u8().cast_signed()).collect();
    let bias: Vec<i32> = (0..outputs).map(|_| i32::from(random.u8()) * 16 - 2048).collect();
    let scales: Vec<f32> = (0..outputs).map(|o| 0.03125 / (o + 1) as f32).collect();

    let dims = |shape: &[usize]| shape.iter().map(|&size| i64::try_from(size).unwrap()).collect::<Vec<_>>();
    let channels = i64::try_from(outputs).unwrap();
    let shape = [conv.x[0], outputs, conv.out[0], conv.out[1]];
    let model = Builder::new(13)
        .input("x", U8, &dims(&conv.x))
        .output("y", U8, &dims(&shape))
        .constant("w", &dims(&conv.w), Data::I8(w.clone()))
        .constant("wz", &[channels], Data::I8(w_zero.clone()))
        .constant("ws", &[channels], Data::F32(scales.clone()))
        .constant("b", &[channels], Data::I32(bias.clone()))
        .f32("xs", 0.5)
        .u8("xz", 131)
        .f32("ys", 8.0)
        .u8("yz", 99)
        .node("QLinearConv", "x xs xz w ws wz ys yz b", "y", attributes);

    let x_values: Vec<i32> = x.iter().map(|&v| v.into()).collect();
    let w_values: Vec<i32> = w.iter().map(|&v| v.into()).collect();
    let w_zeros: Vec<i32> = w_zero.iter().map(|&v| v.into()).collect();
    let sums = conv.sums(&x_values, 131, &w_values, &w_zeros, &bias);
    let expected = requantize(&sums, conv.out[0] * conv.out[1], &scales, 99);
    assert!(expected.iter().collect::<std::collections::HashSet<_>>().len() > 8, "an answer that says something");
    assert_eq!(model.run(&[Data::U8(x)]), Data::U8(expected));
}

#[test]
fn convolutions_of_many_images_groups_and_windows() {
    convolve(
        &Convolution {
            x: [2, 6, 7, 5],
            w: [4, 3, 3, 2],
            strides: [2, 1],
            dilations: [1, 2],
            before: [1, 2],
            out: [4, 5],
            groups: 2,
        },
        vec![ints("strides", &[2, 1]), ints("dilations", &[1, 2]), ints("pads", &[1, 2, 1, 0]), int("group", 2)],
    );
}

#[test]
fn convolutions_with_automatic_padding() {
    let conv = |before| Convolution {
        x: [1, 5, 6, 6],
        w: [5, 1, 3, 3],
        strides: [2, 2],
        dilations: [1, 1],
        before,
        out: [3, 3],
        groups: 5,
    };
    let attributes = |pad: &str| {
        vec![ints("strides", &[2, 2]), ints("kernel_shape", &[3, 3]), int("group", 5), string("auto_pad", pad)]
    };
    convolve(&conv([0, 0]), attributes("SAME_UPPER"));
    convolve(&conv([1, 1]), attributes("SAME_LOWER"));
    convolve(&Convolution { out: [2, 2], ..conv([0, 0]) }, attributes("VALID"));
}

#[test]
fn products_of_many_rows() {
    let (m, k, n) = (6, 7, 5);
    let mut random = Random(77);
    let a: Vec<i8> = (0..m * k).map(|_| random.u8().cast_signed()).collect();
    let b: Vec<u8> = (0..k * n).map(|_| random.u8()).collect();
    let b_zero: Vec<u8> = (0..n).map(|_| random.u8()).collect();
    let scales: Vec<f32> = (0..n).map(|j| 0.0625 * (j + 1) as f32).collect();
    let model = Builder::new(13)
        .input("a", I8, &[2, 3, 7])
        .output("y", U8, &[2, 3, 5])
        .constant("b", &[7, 5], Data::U8(b.clone()))
        .constant("bz", &[5], Data::U8(b_zero.clone()))
        .constant("bs", &[5], Data::F32(scales.clone()))
        .f32("as", 0.5)
        .i8("az", -7)
        .f32("ys", 8.0)
        .u8("yz", 130)
        .node("QLinearMatMul", "a as az b bs bz ys yz", "y", vec![]);
    let mut sums = Vec::new();
    for i in 0..m {
        for j in 0..n {
            let term = |l: usize| (i32::from(a[i * k + l]) + 7) * (i32::from(b[l * n + j]) - i32::from(b_zero[j]));
            sums.push((0..k).map(term).sum::<i32>());
        }
    }
    assert_eq!(model.run(&[Data::I8(a)]), Data::U8(requantize(&sums, 1, &scales, 130)));
}

#[test]
fn additions_broadcast_constants_and_activations() {
    // The scales make the sum exact: c = a + 2 b, rounded after the zero point is added.
    let model = |b_is_constant: bool| {
        let model = Builder::new(13).input("a", U8, &[2, 3, 1, 2]).output("c", U8, &[2, 3, 2, 2]);
        let b = Data::U8(vec![1, 2, 3, 4, 5, 6]);
        let model = if b_is_constant { model.constant("b", &[3, 2, 1], b) } else { model.input("b", U8, &[3, 2, 1]) };
        model.f32("one", 1.0).f32("two", 2.0).u8("z", 3).node(
            "com.microsoft.QLinearAdd",
            "a one - b two - one z",
            "c",
            vec![],
        )
    };
    let a: Vec<u8> = (0..12).map(|v| v * 10).collect();
    let mut expected = Vec::new();
    for image in 0..2usize {
        for channel in 0..3usize {
            for row in 0..2usize {
                for column in 0..2usize {
                    let b = channel * 2 + row + 1;
                    let a = usize::from(a[(image * 3 + channel) * 2 + column]);
                    expected.push(u8::try_from(a + 2 * b + 3).unwrap());
                }
            }
        }
    }
    assert_eq!(model(true).run(&[Data::U8(a.clone())]), Data::U8(expected.clone()));
    assert_eq!(model(false).run(&[Data::U8(a), Data::U8(vec![1, 2, 3, 4, 5, 6])]), Data::U8(expected));
}

#[test]
fn pools_average_either_order() {
    // Means of 1, 2, 3, 6 and of 0, 0, 0, 10, with y's step twice as fine.
    let model = |dims: &[i64], out: &[i64], channels_last| {
        Builder::new(13)
            .input("x", I8, dims)
            .output("y", I8, out)
            .f32("xs", 1.0)
            .i8("xz", 1)
            .f32("ys", 0.5)
            .i8("yz", -5)
            .node(
                "com.microsoft.QLinearGlobalAveragePool",
                "x xs xz ys yz",
                "y",
                vec![int("channels_last", channels_last)],
            )
    };
    let planes = Data::I8(vec![2, 3, 4, 7, 1, 1, 1, 11]);
    let pixels = Data::I8(vec![2, 1, 3, 1, 4, 1, 7, 11]);
    let expected = Data::I8(vec![6 - 5, 5 - 5]);
    assert_eq!(model(&[1, 2, 2, 2], &[1, 2, 1, 1], 0).run(std::slice::from_ref(&planes)), expected);
    assert_eq!(model(&[1, 2, 2, 2], &[1, 1, 1, 2], 1).run(std::slice::from_ref(&pixels)), expected);
    // Along a line, and over a volume; two images of one channel.
    assert_eq!(model(&[1, 2, 4], &[1, 2, 1], 0).run(std::slice::from_ref(&planes)), expected);
    assert_eq!(model(&[1, 4, 2], &[1, 1, 2], 1).run(&[pixels]), expected);
    assert_eq!(model(&[2, 1, 1, 4, 1], &[2, 1, 1, 1, 1], 0).run(&[planes]), expected);
    assert!(model(&[1, 2], &[1, 2], 0).problems().contains("expected three axes at least"));
}

#[test]
fn pools_take_the_most_of_what_is_not_padding() {
    let model = |type_, dims: &[i64], out: &[i64], attributes| {
        Builder::new(13).input("x", type_, dims).output("y", type_, out).node("MaxPool", "x", "y", attributes)
    };
    let window = || vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])];
    // Two channels of 4 x 3.
    let x = vec![-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, 5, 4, 3, 2, 1, 0, 7, 8, 9, 10, 11, -12];
    let expected = vec![-1, -2, -4, -5, 5, 4, 11, 11];
    assert_eq!(model(I8, &[1, 2, 4, 3], &[1, 2, 2, 2], window()).run(&[Data::I8(x)]), Data::I8(expected));
    let pair = || vec![ints("kernel_shape", &[1, 2]), ints("dilations", &[1, 2])];
    let x = Data::U8(vec![200, 1, 2, 255, 7, 8]);
    assert_eq!(model(U8, &[2, 1, 1, 3], &[2, 1, 1, 1], pair()).run(&[x]), Data::U8(vec![200, 255]));
    // A shape that is rounded up.
    let mut up = window();
    up.push(int("ceil_mode", 1));
    let expected = vec![5, 7, 7, 13, 15, 15, 13, 15, 15];
    assert_eq!(model(U8, &[1, 1, 4, 4], &[1, 1, 3, 3], up).run(&[Data::U8((0..16).collect())]), Data::U8(expected));
    // As much padding as the kernel is long.
    let mut bad = window();
    bad[2] = ints("pads", &[3, 1, 1, 1]);
    assert!(model(U8, &[1, 1, 4, 4], &[1, 1, 3, 2], bad).problems().contains("less than kernel_shape"));
}

#[test]
fn quantising_along_an_axis_and_back() {
    let model = Builder::new(13)
        .input("x", F32, &[2, 3, 2])
        .output("y", F32, &[2, 3, 2])
        .constant("s", &[3], Data::F32(vec![1.0, 2.0, 0.5]))
        .constant("z", &[3], Data::I8(vec![0, 10, -128]))
        .node("QuantizeLinear", "x s z", "q", vec![int("axis", -2)])
        .node("DequantizeLinear", "q s z", "y", vec![int("axis", 1)]);
    let x = vec![1.5, 2.5, 3.0, 5.0, 0.3, -9.0, 1000.0, -1000.0, 1000.0, -1000.0, 1000.0, -1000.0];
    let expected = vec![2.0, 2.0, 4.0, 4.0, 0.5, 0.0, 127.0, -128.0, 234.0, -276.0, 127.5, 0.0];
    assert_eq!(model.run(&[Data::F32(x)]), Data::F32(expected));
}

#[test]
fn a_quantised_picture_keeps_its_order() {
    // A convolution that copies, so that the picture is stored channels last in between.
    let identity: Vec<i8> = (0..9).map(|at| i8::from(at % 4 == 0)).collect();
    let model = Builder::new(13)
        .input("x", F32, &[2, 3, 30, 41])
        .output("y", U8, &[2, 3, 30, 41])
        .constant("w", &[3, 3, 1, 1], Data::I8(identity))
        .f32("s", 1.0)
        .u8("z", 0)
        .i8("wz", 0)
        .node("QuantizeLinear", "x s z", "q", vec![])
        .node("QLinearConv", "q s z w s wz s z", "y", vec![]);
    let mut random = Random(5);
    let values: Vec<u8> = (0..2 * 3 * 30 * 41).map(|_| random.u8()).collect();
    let x = values.iter().map(|&value| f32::from(value)).collect();
    assert_eq!(model.run(&[Data::F32(x)]), Data::U8(values));
}

#[test]
fn activations_are_moved_about() {
    let x: Vec<u8> = (0..24).collect();
    let run = |builder: Builder| builder.run(&[Data::U8(x.clone())]);
    let model = |out: &[i64]| Builder::new(13).input("x", U8, &[2, 3, 4]).output("y", U8, out);

    let transposed = run(model(&[4, 2, 3]).node("Transpose", "x", "y", vec![ints("perm", &[2, 0, 1])]));
    let index = |c: u8, a: u8, b: u8| (a * 3 + b) * 4 + c;
    let expected = (0..4).flat_map(|c| (0..2).flat_map(move |a| (0..3).map(move |b| index(c, a, b))));
    assert_eq!(transposed, Data::U8(expected.collect()));

    let flat = run(model(&[6, 4]).node("Flatten", "x", "y", vec![int("axis", 2)]));
    assert_eq!(flat, Data::U8(x.clone()));

    let gathered =
        model(&[2, 2, 4]).constant("i", &[2], Data::I64(vec![-1, 0])).node("Gather", "x i", "y", vec![int("axis", 1)]);
    let expected = [8..12, 0..4, 20..24, 12..16].into_iter().flatten().collect();
    assert_eq!(run(gathered), Data::U8(expected));

    let joined = model(&[2, 3, 8]).node("Concat", "x x", "y", vec![int("axis", -1)]);
    let expected = (0..6).flat_map(|row| [row * 4..row * 4 + 4, row * 4..row * 4 + 4]).flatten().collect();
    assert_eq!(run(joined), Data::U8(expected));
}

#[test]
fn shapes_computed_by_either_opset() {
    // As exporters flatten: the batch from Shape, and the rest left open.
    let model = |opset: i64| {
        let model = Builder::new(opset).input("x", U8, &[2, 3, 4]).output("y", U8, &[2, 12]);
        let model = model
            .constant("zero", &[], Data::I64(vec![0]))
            .constant("rest", &[1], Data::I64(vec![-1]))
            .node("Shape", "x", "shape", vec![])
            .node("Gather", "shape zero", "batch", vec![int("axis", 0)]);
        let model = if opset < 13 {
            model.node("Unsqueeze", "batch", "batch1", vec![ints("axes", &[0])])
        } else {
            model.constant("axes", &[1], Data::I64(vec![0])).node("Unsqueeze", "batch axes", "batch1", vec![])
        };
        model
            .node("Concat", "batch1 rest", "to", vec![int("axis", 0)])
            .node("Cast", "to", "to64", vec![int("to", I64.into())])
            .node("Reshape", "x to64", "wide", vec![])
            .node("Identity", "wide", "y", vec![])
    };
    let x = Data::U8((0..24).collect());
    for opset in [12, 13] {
        assert_eq!(model(opset).run(std::slice::from_ref(&x)), x);
    }
}

#[test]
fn softmax_over_an_axis_or_over_all_that_follow() {
    let x = [1.0f32, 2.0, 3.0, -1.0, 0.0, 0.5, 4.0, -2.0];
    let model = |opset, axis| {
        let model = Builder::new(opset).input("x", F32, &[2, 2, 2]).output("y", F32, &[2, 2, 2]);
        model.node("Softmax", "x", "y", vec![int("axis", axis)])
    };
    let check = |opset, axis, groups: &[&[usize]]| {
        let Data::F32(y) = model(opset, axis).run(&[Data::F32(x.to_vec())]) else { panic!("no floats") };
        for group in groups {
            let sum: f64 = group.iter().map(|&at| f64::from(x[at]).exp()).sum();
            for &at in *group {
                let expected = f64::from(x[at]).exp() / sum;
                assert!((f64::from(y[at]) - expected).abs() < 1e-6, "{at}: {} and {expected}", y[at]);
            }
        }
    };
    check(13, 1, &[&[0, 2], &[1, 3], &[4, 6], &[5, 7]]);
    check(13, -1, &[&[0, 1], &[2, 3], &[4, 5], &[6, 7]]);
    check(12, 1, &[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
}

#[test]
fn a_constant_output_and_an_input_that_is_an_output() {
    let model = Builder::new(13).input("x", U8, &[3]).output("x", U8, &[3]).output("shape", I64, &[1]).node(
        "Shape",
        "x",
        "shape",
        vec![],
    );
    let mut session = model.session(&zeropoint::Backend::best(), 1);
    support::set(&mut session, 0, &[7u8, 8, 9]);
    session.run().unwrap();
    assert_eq!(support::owned(session.output(0).unwrap()), Data::U8(vec![7, 8, 9]));
    assert_eq!(support::owned(session.output(1).unwrap()), Data::I64(vec![3]));
}

#[test]
fn sessions_check_what_callers_say() {
    let model = Builder::new(13).input("x", U8, &[3]).output("y", U8, &[3]).node("Identity", "x", "y", vec![]);
    let mut session = model.session(&zeropoint::Backend::best(), 1);
    assert_eq!(session.input_mut::<i8>(0).unwrap_err().to_string(), "x: is uint8, not int8");
    assert_eq!(session.input_mut::<u8>(1).unwrap_err().to_string(), "input 1: the network has 1 inputs");
    assert_eq!(session.output(1).unwrap_err().to_string(), "output 1: the network has 1 outputs");
}

#[test]
fn equations_say_what_is_summed() {
    let floats = |values: &[f32]| Data::F32(values.to_vec());
    let equation = |text: &str| vec![string("equation", text)];
    let a = || floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let one = Builder::new(12).input("a", F32, &[2, 3]).output("y", F32, &[3, 2]);
    assert_eq!(one.node("Einsum", "a", "y", equation("ij->ji")).run(&[a()]), floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    // Scores of attention, with the heads behind the positions.
    let two =
        Builder::new(12).input("a", F32, &[1, 3, 1, 2]).input("b", F32, &[1, 2, 1, 2]).output("y", F32, &[1, 1, 3, 2]);
    let two = two.node("Einsum", "a b", "y", equation("bqhd,bkhd->bhqk"));
    assert_eq!(two.run(&[a(), floats(&[1.0, 0.5, -1.0, 2.0])]), floats(&[2.0, 3.0, 5.0, 5.0, 8.0, 7.0]));
    // What is known is computed while planning.
    let known = Builder::new(12).input("x", F32, &[2]).output("y", F32, &[2]).constant("a", &[2, 3], a());
    let known = known.node("Einsum", "a", "s", equation("ij->i")).node("Add", "x s", "y", vec![]);
    assert_eq!(support::plan(&known.bytes()).unwrap().made().len(), 1);
    assert_eq!(known.run(&[floats(&[0.5, -0.5])]), floats(&[6.5, 14.5]));
    let told = |type_: i32, attributes: Vec<support::Attribute>| {
        let model = Builder::new(12).input("a", type_, &[2, 3]).output("y", type_, &[2]);
        model.node("Einsum", "a", "y", attributes).problems()
    };
    for (told, expected) in [
        (told(F32, vec![]), "attribute equation is missing"),
        (told(I64, equation("ij->i")), "an operand is int64, expected float32"),
        (told(F32, equation("i->i")), "is of a tensor of 2 axes"),
        (told(F32, equation("ij->j")), "makes \"y\" as float32 [3]"),
    ] {
        assert!(told.contains(expected), "{told}\nexpected: {expected}");
    }
}
