//! Quantised operators of com.microsoft, and the float ones beside them. Where the expected values are no one's
//! arithmetic to work out by hand, they are what onnxruntime 1.32.0 gave.

mod support;

use support::{Attribute, Builder, F32, I8, I32, U8, float, int, ints, string};
use zeropoint_runner::graph::Data;

const BOOL: i32 = 9;

const X: [u8; 24] =
    [207, 21, 45, 60, 46, 205, 222, 149, 10, 24, 85, 110, 159, 122, 67, 40, 177, 188, 8, 29, 115, 100, 227, 132];

#[test]
fn softmax_over_any_axis() {
    let softmax = |attributes| {
        let model = Builder::new(13)
            .input("x", U8, &[2, 3, 4])
            .output("y", U8, &[2, 3, 4])
            .f32("xs", 0.03)
            .u8("xz", 7)
            .f32("ys", 1.0 / 256.0)
            .u8("yz", 0)
            .node("com.microsoft.QLinearSoftmax", "x xs xz ys yz", "y", attributes);
        model.run(&[Data::U8(X.to_vec())])
    };
    assert_eq!(
        softmax(vec![int("axis", 1), int("opset", 13)]),
        Data::U8(vec![253, 1, 1, 13, 2, 254, 251, 186, 1, 1, 4, 58, 86, 29, 2, 15, 147, 212, 0, 11, 23, 15, 254, 231])
    );
    assert_eq!(
        softmax(vec![int("opset", 13)]),
        Data::U8(vec![250, 1, 2, 3, 1, 90, 149, 17, 8, 12, 76, 160, 180, 59, 11, 5, 106, 148, 1, 1, 8, 5, 230, 13])
    );
    assert_eq!(
        softmax(vec![int("opset", 12)]),
        Data::U8(vec![67, 0, 1, 1, 1, 63, 106, 12, 0, 0, 2, 4, 18, 6, 1, 1, 31, 43, 0, 0, 5, 3, 139, 8])
    );
}

/// Operands and their parameters for a concatenation and a choice.
fn pair(model: Builder) -> Builder {
    model.f32("xs", 0.1).i8("xz", 5).f32("ys", 0.05).i8("yz", -3).f32("zs", 0.07).i8("zz", 1)
}

const A: [i8; 6] = [-21, -18, 42, 22, -84, 60];

#[test]
fn parts_are_joined_by_one_scale() {
    let model = pair(Builder::new(13).input("a", I8, &[2, 3]).input("b", I8, &[2, 2]).output("y", I8, &[2, 5]));
    let model = model.node("com.microsoft.QLinearConcat", "ys yz a xs xz b ys yz", "y", vec![int("axis", -1)]);
    let expected = vec![-55, -49, 71, 65, 116, 31, -128, 107, 73, -56];
    assert_eq!(model.run(&[Data::I8(A.to_vec()), Data::I8(vec![65, 116, 73, -56])]), Data::I8(expected));
}

#[test]
fn images_are_joined_in_whatever_order_they_lie() {
    // Pools make channels last, and so does what follows them, up to the output.
    let pool = |model: Builder, x: &str, y: &str| model.node("MaxPool", x, y, vec![ints("kernel_shape", &[1, 1])]);
    let model =
        Builder::new(13).input("a", U8, &[1, 2, 2, 2]).input("b", U8, &[1, 1, 2, 2]).output("y", U8, &[1, 3, 2, 2]);
    let model = pool(pool(model, "a", "p"), "b", "q").f32("s", 1.0).u8("z", 0).f32("half", 0.5);
    let joined = model.node("com.microsoft.QLinearConcat", "s z p s z q half z", "y", vec![int("axis", 1)]);
    let inputs = [Data::U8((0..8).collect()), Data::U8(vec![10, 20, 31, 33])];
    assert_eq!(joined.run(&inputs), Data::U8(vec![0, 1, 2, 3, 4, 5, 6, 7, 5, 10, 16, 16]));
}

#[test]
fn a_choice_broadcasts() {
    let model = Builder::new(13).input("c", BOOL, &[2, 1]).input("a", I8, &[2, 3]).input("b", I8, &[1]);
    let model = pair(model.output("y", I8, &[2, 3]));
    let model = model.node("com.microsoft.QLinearWhere", "c a xs xz b zs zz ys yz", "y", vec![]);
    let inputs = [Data::Bool(vec![1, 0]), Data::I8(A.to_vec()), Data::I8(vec![65])];
    assert_eq!(model.run(&inputs), Data::I8(vec![-55, -49, 71, 87, 87, 87]));
}

#[test]
fn average_pools_round_up_and_count_pads() {
    let x = [81, 166, 166, 178, 222, 74, 240, 0, 19, 249, 241, 76, 35, 80, 11, 228, 169, 149];
    let attributes = |channels_last| {
        vec![
            ints("kernel_shape", &[2, 2]),
            ints("strides", &[2, 2]),
            ints("pads", &[0, 1, 0, 0]),
            int("ceil_mode", 1),
            int("count_include_pad", 1),
            int("channels_last", channels_last),
        ]
    };
    let parameters = |model: Builder| model.f32("xs", 0.1).u8("xz", 9).f32("ys", 0.08).u8("yz", 3);
    let model = parameters(Builder::new(13).input("x", U8, &[1, 2, 3, 3]).output("y", U8, &[1, 2, 2, 2]));
    let model = model.node("com.microsoft.QLinearAveragePool", "x xs xz ys yz", "y", attributes(0));
    assert_eq!(model.run(&[Data::U8(x.to_vec())]), Data::U8(vec![78, 188, 75, 3, 86, 119, 71, 97]));

    let last: Vec<u8> = (0..9).flat_map(|pixel| [x[pixel], x[9 + pixel]]).collect();
    let model = parameters(Builder::new(13).input("x", U8, &[1, 3, 3, 2]).output("y", U8, &[1, 2, 2, 2]));
    let model = model.node("com.microsoft.QLinearAveragePool", "x xs xz ys yz", "y", attributes(1));
    assert_eq!(model.run(&[Data::U8(last)]), Data::U8(vec![78, 86, 188, 119, 75, 71, 3, 97]));
}

#[test]
fn average_pools_over_one_axis_and_three() {
    let x = [81, 166, 166, 178, 222, 74, 240, 0, 19, 249, 241, 76];
    let pool = |shape: &[i64], out: &[i64], attributes: Vec<Attribute>| {
        let model = Builder::new(13).input("x", U8, shape).output("y", U8, out);
        let model = model.f32("xs", 0.1).u8("xz", 9).f32("ys", 0.08).u8("yz", 3);
        let operands = "x xs xz ys yz";
        model.node("com.microsoft.QLinearAveragePool", operands, "y", attributes).run(&[Data::U8(x.to_vec())])
    };
    let line = |count: i64| {
        vec![ints("kernel_shape", &[3]), ints("strides", &[2]), ints("pads", &[1, 0]), int("count_include_pad", count)]
    };
    assert_eq!(pool(&[1, 2, 6], &[1, 2, 3], line(1)), Data::U8(vec![98, 204, 189, 96, 103, 228]));
    assert_eq!(pool(&[1, 2, 6], &[1, 2, 3], line(0)), Data::U8(vec![146, 204, 189, 142, 103, 228]));
    let cube = || ints("kernel_shape", &[2, 2, 2]);
    let padded = vec![cube(), ints("pads", &[0, 0, 1, 0, 0, 0])];
    assert_eq!(pool(&[1, 1, 2, 2, 3], &[1, 1, 1, 1, 3], padded), Data::U8(vec![226, 207, 142]));
    let last = || int("channels_last", 1);
    let expected = vec![187, 166, 253, 97, 192, 126, 200, 127];
    assert_eq!(pool(&[1, 6, 2], &[1, 4, 2], vec![ints("kernel_shape", &[3]), last()]), Data::U8(expected));
    assert_eq!(pool(&[1, 2, 2, 3, 1], &[1, 1, 1, 2, 1], vec![cube(), last()]), Data::U8(vec![207, 142]));
    // Windows of a height of 1 are those of images of that height.
    let image = vec![ints("kernel_shape", &[1, 3]), ints("strides", &[1, 2]), ints("pads", &[0, 1, 0, 0])];
    assert_eq!(pool(&[1, 2, 1, 6], &[1, 2, 1, 3], image), pool(&[1, 2, 6], &[1, 2, 3], line(0)));
    // A window that meets nothing.
    let far = vec![ints("kernel_shape", &[3]), ints("dilations", &[7]), ints("pads", &[2, 2]), int("ceil_mode", 1)];
    let empty = Builder::new(13).input("x", U8, &[1, 1, 11]).output("y", U8, &[1, 1, 1]);
    let empty = empty.f32("s", 0.5).u8("z", 7).node("com.microsoft.QLinearAveragePool", "x s z s z", "y", far);
    assert_eq!(empty.run(&[Data::U8(vec![0; 11])]), Data::U8(vec![0]));
}

#[test]
fn pairs_around_averages_over_one_axis_and_three() {
    for (shape, out, kernel) in
        [(&[1i64, 2, 6][..], &[1i64, 2, 4][..], &[3i64][..]), (&[1, 1, 2, 2, 3], &[1, 1, 1, 1, 2], &[2; 3])]
    {
        let model = Builder::new(13).input("x", U8, shape).output("q", U8, out);
        let model = model.f32("xs", 0.1).u8("xz", 9).f32("ys", 0.08).u8("yz", 3);
        let fused = model.clone().node("DequantizeLinear", "x xs xz", "d", vec![]);
        let fused = fused.node("AveragePool", "d", "a", vec![ints("kernel_shape", kernel)]);
        let fused = fused.node("QuantizeLinear", "a ys yz", "q", vec![]);
        assert_eq!(support::plan(&fused.bytes()).unwrap().made().len(), 1);
        let plain =
            model.node("com.microsoft.QLinearAveragePool", "x xs xz ys yz", "q", vec![ints("kernel_shape", kernel)]);
        let x = [Data::U8(vec![81, 166, 166, 178, 222, 74, 240, 0, 19, 249, 241, 76])];
        assert_eq!(fused.run(&x), plain.run(&x));
    }
}

#[test]
fn a_product_of_transposed_matrices_with_an_addend_for_each_row() {
    let model = Builder::new(13)
        .input("a", U8, &[3, 2])
        .constant("b", &[2, 3], Data::I8(vec![-63, 52, 5, -33, -64, -105]))
        .constant("c", &[2, 1], Data::I32(vec![100, -50]))
        .f32("as", 0.1)
        .u8("az", 11)
        .f32("bs", 0.02)
        .i8("bz", 2)
        .f32("ys", 0.3)
        .u8("yz", 128);
    let attributes = || vec![float("alpha", 0.5), int("transA", 1), int("transB", 1)];
    let a = [Data::U8(vec![62, 120, 48, 197, 121, 7])];
    let bytes = model.clone().output("y", U8, &[2, 2]);
    let bytes = bytes.node("com.microsoft.QGemm", "a as az b bs bz c ys yz", "y", attributes());
    assert_eq!(bytes.run(&a), Data::U8(vec![125, 75, 135, 76]));
    let floats = model.output("y", F32, &[2, 2]);
    let floats = floats.node("com.microsoft.QGemm", "a as az b bs bz c", "y", attributes());
    assert_eq!(floats.run(&a), Data::F32(vec![-1.035_000_1, -15.897, 2.153, -15.713]));
}

#[test]
fn scales_of_a_product_may_come_with_the_run() {
    let model = Builder::new(13)
        .input("x", F32, &[2, 2])
        .output("y", F32, &[2, 2])
        .constant("b", &[2, 2], Data::I8(vec![1, 2, 3, 4]))
        .f32("bs", 0.5)
        .i8("bz", 1)
        .constant("bias", &[2], Data::F32(vec![100.0, 200.0]))
        .results("DynamicQuantizeLinear", "x", &["q", "qs", "qz"], vec![])
        .node("com.microsoft.MatMulIntegerToFloat", "q b qs bs qz bz bias", "y", vec![]);
    let x = vec![-1.0, 254.0, 3.0, 0.0];
    // The range is 255: the scale 1, the zero point 1. b less its zero point is 0 1 2 3.
    let expected = Data::F32(vec![100.0 + 254.0, 200.0 + 0.5 * (-1.0 + 3.0 * 254.0), 100.0, 200.0 + 1.5]);
    assert_eq!(model.run(&[Data::F32(x.clone())]), expected);
    let model = Builder::new(13)
        .input("x", F32, &[2, 2])
        .output("y", F32, &[2, 2])
        .constant("b", &[2, 2], Data::I8(vec![1, 2, 3, 4]))
        .f32("bs", 0.5)
        .i8("bz", 1)
        .constant("bias", &[2], Data::F32(vec![100.0, 200.0]))
        .node("com.microsoft.DynamicQuantizeMatMul", "x b bs bz bias", "y", vec![]);
    assert_eq!(model.run(&[Data::F32(x)]), expected);
}

#[test]
fn floats_are_multiplied_added_and_padded() {
    let model = Builder::new(13).input("a", F32, &[2, 1, 2]).input("b", F32, &[2, 3]).output("y", F32, &[2, 1, 3]);
    let (a, b) = (Data::F32(vec![1.0, 2.0, 3.0, 4.0]), Data::F32(vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0]));
    let product = model.clone().node("MatMul", "a b", "y", vec![]);
    assert_eq!(product.run(&[a.clone(), b.clone()]), Data::F32(vec![21.0, 42.0, 63.0, 43.0, 86.0, 129.0]));

    let sum = model.node("MatMul", "a b", "p", vec![]).constant("c", &[3], Data::F32(vec![0.5, 1.5, 2.5]));
    let sum = sum.node("Add", "p c", "y", vec![]);
    assert_eq!(sum.run(&[a, b.clone()]), Data::F32(vec![21.5, 43.5, 65.5, 43.5, 87.5, 131.5]));

    let model = Builder::new(13).input("a", F32, &[3, 2]).input("b", F32, &[3, 2]).output("y", F32, &[2, 2]);
    let gemm = model.constant("c", &[2, 1], Data::F32(vec![1.0, 2.0])).node(
        "Gemm",
        "a b c",
        "y",
        vec![int("transA", 1), float("alpha", 0.5), float("beta", 10.0)],
    );
    assert_eq!(gemm.run(&[b.clone(), b]), Data::F32(vec![215.0, 326.0, 336.0, 522.0]));
}

#[test]
fn pads_stand_before_and_behind() {
    let model = |type_, value: Data| {
        let model = Builder::new(18).input("x", type_, &[2, 2]).output("y", type_, &[2, 5]);
        let model = model.constant("pads", &[2], Data::I64(vec![1, 2])).constant("axes", &[1], Data::I64(vec![-1]));
        model.constant("value", &[], value).node("Pad", "x pads value axes", "y", vec![string("mode", "constant")])
    };
    let padded = model(I8, Data::I8(vec![-7])).run(&[Data::I8(vec![1, 2, 3, 4])]);
    assert_eq!(padded, Data::I8(vec![-7, 1, 2, -7, -7, -7, 3, 4, -7, -7]));
    let wrong = model(U8, Data::I8(vec![-7])).problems();
    assert!(wrong.contains("the value is int8 [], expected one uint8"), "{wrong}");
    let model = Builder::new(18).input("x", I8, &[2, 2]).output("y", I8, &[2, 5]);
    let model =
        model.constant("pads", &[4], Data::I64(vec![0; 4])).node("Pad", "x pads", "y", vec![string("mode", "mirror")]);
    assert!(model.problems().contains("attribute mode is \"mirror\", expected constant"), "{}", model.problems());
}

#[test]
fn bad_input_is_named() {
    let unary = |op: &str, attributes| {
        let model = Builder::new(13).input("x", U8, &[2, 3]).output("y", U8, &[2, 3]);
        let model = model.f32("s", 1.0).u8("z", 0);
        model.node(&format!("com.microsoft.{op}"), "x s z s z", "y", attributes).problems()
    };
    for (problem, expected) in [
        (unary("QLinearSoftmax", vec![]), "attribute opset is missing"),
        (unary("QLinearSoftmax", vec![int("opset", 13), int("axis", 2)]), "axis 2 is outside"),
        (unary("QLinearLeakyRelu", vec![float("alpha", f32::NAN)]), "alpha: a finite number expected"),
        (unary("QLinearAveragePool", vec![]), "attribute kernel_shape is missing"),
        (unary("QLinearAveragePool", vec![ints("kernel_shape", &[2, 2])]), "expected three axes at least"),
    ] {
        assert!(problem.contains(expected), "{problem} lacks {expected}");
    }
    let concat = |inputs| {
        let model = Builder::new(13).input("x", U8, &[2, 3]).input("w", U8, &[3, 3]).output("y", U8, &[2, 6]);
        let model = model.f32("s", 1.0).u8("z", 0);
        model.node("com.microsoft.QLinearConcat", inputs, "y", vec![int("axis", 1)]).problems()
    };
    assert!(concat("s z x s z x s").contains("has 7 operands, expected 2 and three for each part"));
    assert!(concat("s z x s z w s z").contains("do not join along axis 1"));
    let gemm = |c: &[i64], columns: i64| {
        let count = c.iter().product::<i64>().unsigned_abs() as usize;
        let model = Builder::new(13).input("a", U8, &[4, 3]).output("y", F32, &[4, columns]).f32("s", 1.0).u8("z", 0);
        let model = model.constant("b", &[3, 2], Data::U8(vec![0; 6])).constant("c", c, Data::I32(vec![0; count]));
        model.node("com.microsoft.QGemm", "a s z b s z c", "y", vec![float("alpha", -1.0)]).problems()
    };
    assert!(gemm(&[3], 2).contains("C has shape [3], which does not broadcast to [4, 2]"));
    assert!(gemm(&[2], 2).contains("alpha times a_scale is -1, expected a finite number above 0"));
    let condition = Builder::new(13).input("c", I32, &[2]).input("x", U8, &[2]).output("y", U8, &[2]);
    let condition =
        condition.f32("s", 1.0).u8("z", 0).node("com.microsoft.QLinearWhere", "c x s z x s z s z", "y", vec![]);
    assert!(condition.problems().contains("condition is int32, expected bool"), "{}", condition.problems());
}
