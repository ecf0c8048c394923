//! Operators that go along one axis and keep it: against the documentation's examples and values worked out by hand.

mod support;

use support::{Attribute, Builder, F32, I8, I32, I64, U8, int, ints};
use zeropoint_runner::graph::Data;

const BOOL: i32 = 9;

fn floats(values: &[f32]) -> Data {
    Data::F32(values.to_vec())
}

fn i64s(values: &[i64]) -> Data {
    Data::I64(values.to_vec())
}

fn code(data: &Data) -> i32 {
    match data {
        Data::F32(_) => F32,
        Data::I32(_) => I32,
        Data::I64(_) => I64,
        _ => U8,
    }
}

fn cumulative(shape: &[i64], x: Data, axis: i32, attributes: Vec<Attribute>) -> Data {
    let type_ = code(&x);
    let model = Builder::new(14).input("x", type_, shape).output("y", type_, shape);
    model.constant("axis", &[], Data::I32(vec![axis])).node("CumSum", "x axis", "y", attributes).run(&[x])
}

#[test]
fn sums_of_all_elements_up_to_each() {
    let (exclusive, reverse) = (|| int("exclusive", 1), || int("reverse", 1));
    let x = || floats(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(cumulative(&[5], x(), 0, vec![]), floats(&[1.0, 3.0, 6.0, 10.0, 15.0]));
    assert_eq!(cumulative(&[5], x(), -1, vec![exclusive()]), floats(&[0.0, 1.0, 3.0, 6.0, 10.0]));
    assert_eq!(cumulative(&[5], x(), 0, vec![reverse()]), floats(&[15.0, 14.0, 12.0, 9.0, 5.0]));
    assert_eq!(cumulative(&[5], x(), 0, vec![exclusive(), reverse()]), floats(&[14.0, 12.0, 9.0, 5.0, 0.0]));
    let matrix = || Data::I32(vec![1, 2, 3, 4, 5, 6]);
    assert_eq!(cumulative(&[2, 3], matrix(), 0, vec![]), Data::I32(vec![1, 2, 3, 5, 7, 9]));
    assert_eq!(cumulative(&[2, 3], matrix(), -1, vec![]), Data::I32(vec![1, 3, 6, 4, 9, 15]));
    assert_eq!(cumulative(&[2, 3], matrix(), 0, vec![exclusive()]), Data::I32(vec![0, 0, 0, 1, 2, 3]));
}

#[test]
fn cumulative_sums_wrap_and_go_in_order() {
    assert_eq!(cumulative(&[2], i64s(&[i64::MAX, 1]), 0, vec![]), i64s(&[i64::MAX, i64::MIN]));
    // Only in this order does each small one vanish.
    let x = [1.0, 5.960_464_5e-8, 5.960_464_5e-8];
    assert_eq!(cumulative(&[3], floats(&x), 0, vec![]), floats(&[1.0; 3]));
    let back = cumulative(&[3], floats(&x), 0, vec![int("reverse", 1)]);
    assert_eq!(back, floats(&[1.000_000_1, 1.192_092_9e-7, 5.960_464_5e-8]));
    let Data::F32(y) = cumulative(&[2], floats(&[-0.0, -0.0]), 0, vec![]) else { panic!("no floats") };
    assert!(y[0].is_sign_negative() && y[1].is_sign_negative());
    let nan = Builder::new(14)
        .input("x", F32, &[3])
        .output("y", BOOL, &[3])
        .constant("axis", &[], i64s(&[0]))
        .node("CumSum", "x axis", "sums", vec![])
        .node("IsNaN", "sums", "y", vec![]);
    assert_eq!(nan.run(&[floats(&[1.0, f32::NAN, 1.0])]), Data::Bool(vec![0, 1, 1]));
    assert_eq!(cumulative(&[2, 0], floats(&[]), 1, vec![]), floats(&[]));
    assert_eq!(cumulative(&[0, 2], floats(&[]), 1, vec![int("exclusive", 1)]), floats(&[]));
}

#[test]
fn positions_of_tokens() {
    // As exporters number the tokens that a mask has.
    let model = Builder::new(14)
        .input("mask", I64, &[1, 5])
        .output("y", I64, &[1, 5])
        .constant("axis", &[], i64s(&[1]))
        .constant("one", &[], i64s(&[1]))
        .node("CumSum", "mask axis", "sums", vec![])
        .node("Mul", "sums mask", "positions", vec![])
        .node("Add", "positions one", "y", vec![]);
    assert_eq!(model.run(&[i64s(&[1, 1, 1, 0, 0])]), i64s(&[2, 3, 4, 1, 1]));
}

/// The values and the indices of both results.
fn top(shape: &[i64], x: Data, k: i64, attributes: Vec<Attribute>) -> (Data, Data) {
    let mut out = shape.to_vec();
    let axis = attributes.iter().find(|attribute| attribute.name == "axis").map_or(-1, |attribute| attribute.i);
    let at = if axis < 0 { out.len() - usize::try_from(-axis).unwrap() } else { usize::try_from(axis).unwrap() };
    out[at] = k;
    let type_ = code(&x);
    let run = |first: &str, second: &str| {
        let types = if first == "values" { [type_, I64] } else { [I64, type_] };
        let model = Builder::new(11).input("x", type_, shape).output(first, types[0], &out);
        let model = model.output(second, types[1], &out).constant("k", &[1], i64s(&[k]));
        model.results("TopK", "x k", &["values", "indices"], attributes.clone()).run(std::slice::from_ref(&x))
    };
    (run("values", "indices"), run("indices", "values"))
}

#[test]
fn the_first_of_each_lane() {
    let x = || floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let got = top(&[3, 4], x(), 3, vec![int("axis", 1)]);
    let values = floats(&[3.0, 2.0, 1.0, 7.0, 6.0, 5.0, 11.0, 10.0, 9.0]);
    assert_eq!(got, (values, i64s(&[3, 2, 1, 3, 2, 1, 3, 2, 1])));
    let got = top(&[3, 4], x(), 2, vec![int("axis", 0), int("largest", 0), int("sorted", 0)]);
    assert_eq!(got, (floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), i64s(&[0, 0, 0, 0, 1, 1, 1, 1])));
    // Of equal ones the first; all of them; and none.
    let bytes = || Data::U8(vec![2, 9, 2, 9, 0]);
    assert_eq!(top(&[5], bytes(), 3, vec![]), (Data::U8(vec![9, 9, 2]), i64s(&[1, 3, 0])));
    assert_eq!(top(&[5], bytes(), 5, vec![int("largest", 0)]), (Data::U8(vec![0, 2, 2, 9, 9]), i64s(&[4, 0, 2, 1, 3])));
    assert_eq!(top(&[5], bytes(), 0, vec![]), (Data::U8(vec![]), i64s(&[])));
    assert_eq!(top(&[0, 5], Data::U8(vec![]), 2, vec![]), (Data::U8(vec![]), i64s(&[])));
    // What is no number comes first either way, as it does to ArgMax and ArgMin.
    let nan = || floats(&[1.0, f32::NAN, f32::INFINITY, f32::NAN, f32::NEG_INFINITY]);
    let indices = |largest: i64| {
        let model = Builder::new(11).input("x", F32, &[5]).output("i", I64, &[3]).constant("k", &[1], i64s(&[3]));
        model.results("TopK", "x k", &["v", "i"], vec![int("largest", largest)]).run(&[nan()])
    };
    assert_eq!([indices(1), indices(0)], [i64s(&[1, 3, 2]), i64s(&[1, 3, 4])]);
}

#[test]
fn lanes_of_images_with_the_channels_last() {
    // Between pools, whose images lie so in memory.
    let x = Data::I8((0..24).map(|at: i8| at.wrapping_mul(7) % 24).collect());
    let model = |pool: bool| {
        let model = Builder::new(13).input("x", I8, &[1, 6, 2, 2]).output("y", I8, &[1, 3, 2, 2]);
        let model = model.constant("k", &[1], i64s(&[3]));
        let one = || vec![ints("kernel_shape", &[1, 1])];
        let model =
            if pool { model.node("MaxPool", "x", "p", one()) } else { model.node("Identity", "x", "p", vec![]) };
        let model = model.results("TopK", "p k", &["v", "i"], vec![int("axis", 1)]);
        if pool { model.node("MaxPool", "v", "y", one()) } else { model.node("Identity", "v", "y", vec![]) }
    };
    assert_eq!(model(true).run(std::slice::from_ref(&x)), model(false).run(&[x]));
}

#[test]
fn marks_where_indices_say() {
    let run = |shape: &[i64], indices: &[i64], depth: i64, values: Data, axis: i64, out: &[i64]| {
        let type_ = code(&values);
        let model = Builder::new(11).input("x", I64, shape).output("y", type_, out).constant("d", &[], i64s(&[depth]));
        model.constant("v", &[2], values).node("OneHot", "x d v", "y", vec![int("axis", axis)]).run(&[i64s(indices)])
    };
    let off_on = || floats(&[1.0, 3.0]);
    // The documentation's, and what is outside.
    assert_eq!(
        run(&[3], &[0, -2, 7], 3, off_on(), -1, &[3, 3]),
        floats(&[3.0, 1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    );
    assert_eq!(run(&[2], &[0, i64::MIN], 2, off_on(), 0, &[2, 2]), floats(&[3.0, 1.0, 1.0, 1.0]));
    let middle = run(&[2, 2], &[1, 0, -1, 1], 2, Data::U8(vec![0, 9]), 1, &[2, 2, 2]);
    assert_eq!(middle, Data::U8(vec![0, 9, 9, 0, 0, 0, 9, 9]));
    assert_eq!(run(&[], &[2], 3, Data::I32(vec![0, 1]), -1, &[3]), Data::I32(vec![0, 0, 1]));
    assert_eq!(run(&[0], &[], 3, off_on(), 0, &[3, 0]), floats(&[]));
    let real = Builder::new(11).input("x", F32, &[3]).output("y", U8, &[3, 2]).constant("d", &[1], floats(&[2.9]));
    let real = real.constant("v", &[2], Data::U8(vec![0, 9])).node("OneHot", "x d v", "y", vec![]);
    assert_eq!(real.run(&[floats(&[1.7, -1.0, f32::INFINITY])]), Data::U8(vec![0, 9, 0, 9, 0, 0]));
}

#[test]
fn logarithms_of_shares() {
    let run = |opset: i64, shape: &[i64], x: &[f32], attributes: Vec<Attribute>| {
        let model = Builder::new(opset).input("x", F32, shape).output("y", F32, shape);
        let Data::F32(y) = model.node("LogSoftmax", "x", "y", attributes).run(&[floats(x)]) else {
            panic!("no floats")
        };
        y
    };
    let near = |y: &[f32], expected: &[f32]| {
        assert!(y.len() == expected.len() && y.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-6), "{y:?}");
    };
    // The documentation's.
    near(&run(13, &[1, 3], &[-1.0, 0.0, 1.0], vec![]), &[-2.407_606, -1.407_606, -0.407_606]);
    let large = run(13, &[2, 4], &[0.0, 1.0, 2.0, 3.0, 1e4, 10_001.0, 10_002.0, 10_003.0], vec![]);
    near(&large, &[-3.440_189_8, -2.440_189_8, -1.440_189_7, -0.440_189_7].repeat(2));
    let half = -std::f32::consts::LN_2;
    near(&run(13, &[2, 2], &[5.0, -3.0, 5.0, -3.0], vec![int("axis", 0)]), &[half; 4]);
    near(&run(11, &[1, 2, 2], &[1.0; 4], vec![]), &[2.0 * half; 4]);
    assert_eq!(run(13, &[2], &[0.0, f32::NEG_INFINITY], vec![]), [0.0, f32::NEG_INFINITY]);
    assert!(run(13, &[2, 0], &[], vec![]).is_empty());
}

#[test]
fn what_has_no_lanes_is_named() {
    let told = |type_: i32, op: &str, parameter: (&[i64], Data), attributes: Vec<Attribute>| {
        let model = Builder::new(18).input("x", type_, &[2, 3]).output("y", type_, &[2, 3]);
        let made = if op == "TopK" { &["y", "at"][..] } else { &["y"] };
        model.constant("p", parameter.0, parameter.1).results(op, "x p", made, attributes).problems()
    };
    let one = |value: i64| (&[][..], i64s(&[value]));
    for (told, expected) in [
        (told(F32, "CumSum", one(2), vec![]), "axis 2 is outside -2..2"),
        (told(F32, "CumSum", (&[2], i64s(&[0, 1])), vec![]), "axis has 2 values, expected 1"),
        (told(F32, "CumSum", (&[], floats(&[0.0])), vec![]), "axis: is float32, expected int64"),
        (told(U8, "CumSum", one(0), vec![]), "x is uint8, expected float32 or int32 or int64"),
        (told(F32, "TopK", one(4), vec![]), "K is 4, expected 0 to 3, the size of axis 1 of [2, 3]"),
        (told(F32, "TopK", one(-1), vec![]), "K is -1, expected 0 to 3"),
        (told(F32, "TopK", (&[2], i64s(&[1, 1])), vec![]), "K has 2 values, expected 1"),
        (told(F32, "TopK", one(1), vec![int("axis", 2)]), "axis 2 is outside -2..2"),
        (told(F32, "CumSum", one(0), vec![int("reverse", 2)]), "attribute reverse is 2, expected 0 or 1"),
    ] {
        assert!(told.contains(expected), "{told}\nexpected: {expected}");
    }
    let marks = |depth: i64, values: &[f32], axis: i64| {
        let count = i64::try_from(values.len()).unwrap();
        let model = Builder::new(11).input("x", I64, &[2]).output("y", F32, &[2, 3]).constant("d", &[], i64s(&[depth]));
        let model = model.constant("v", &[count], floats(values));
        model.node("OneHot", "x d v", "y", vec![int("axis", axis)]).problems()
    };
    for (told, expected) in [
        (marks(i64::MIN, &[0.0, 1.0], -1), "depth is -9223372036854775808, expected at least 1"),
        (marks(0, &[0.0, 1.0], -1), "depth is 0, expected at least 1"),
        (marks(3, &[0.0], -1), "values have shape [1], expected [2]"),
        (marks(3, &[0.0, 1.0], 2), "axis 2 is outside -2..2"),
    ] {
        assert!(told.contains(expected), "{told}\nexpected: {expected}");
    }
    let late = Builder::new(14).input("x", F32, &[2]).input("axis", I64, &[1]).output("y", F32, &[2]);
    assert!(late.node("CumSum", "x axis", "y", vec![]).problems().contains("axis: only known at run time"));
}
