//! Operators that move elements, and changes of size: against the documentation's examples and values worked out by
//! hand.

mod support;

use support::{Attribute, Builder, F32, I8, I32, I64, U8, float, int, ints, string};
use zeropoint_runner::graph::Data;

fn i64s(values: &[i64]) -> Data {
    Data::I64(values.to_vec())
}

/// A model of one node, whose parameters are constants of one axis.
fn one(
    op: &str,
    opset: i64,
    x: &[i64],
    type_: i32,
    parameters: &[Option<Data>],
    out: &[i64],
    a: Vec<Attribute>,
) -> Builder {
    let mut model = Builder::new(opset).input("x", type_, x).output("y", type_, out);
    let mut operands = "x".to_owned();
    for (index, parameter) in parameters.iter().enumerate() {
        let Some(data) = parameter else {
            operands += " -";
            continue;
        };
        let name = format!("p{index}");
        operands += &format!(" {name}");
        model = model.constant(&name, &[data.len().try_into().unwrap()], data.clone());
    }
    model.node(op, &operands, "y", a)
}

fn bytes(count: u8) -> [Data; 1] {
    [Data::U8((0..count).collect())]
}

#[test]
fn slices_forwards_and_backwards() {
    let slice = |out: &[i64], parameters: &[&[i64]]| {
        let parameters: Vec<Option<Data>> = parameters.iter().map(|values| Some(i64s(values))).collect();
        one("Slice", 13, &[2, 3, 4], U8, &parameters, out, vec![]).run(&bytes(24))
    };
    let min = i64::MIN;
    assert_eq!(slice(&[1, 2, 4], &[&[1, 0], &[2, 2]]), Data::U8((12..20).collect()));
    assert_eq!(
        slice(&[2, 3, 2], &[&[-1], &[min], &[-1], &[-3]]),
        Data::U8(vec![3, 0, 7, 4, 11, 8, 15, 12, 19, 16, 23, 20])
    );
    assert_eq!(
        slice(&[2, 1, 4], &[&[-9, 2], &[99, 99], &[0, 1], &[1, 5]]),
        Data::U8(vec![8, 9, 10, 11, 20, 21, 22, 23])
    );
    assert_eq!(slice(&[2, 3, 1], &[&[1], &[2], &[2]]), Data::U8(vec![1, 5, 9, 13, 17, 21]));
    assert_eq!(slice(&[2, 0, 4], &[&[2], &[1], &[1]]), Data::U8(vec![]));
}

/// The documentation's examples, by indices that are known before the run, and by those of a run.
#[test]
fn gathers_elements_and_tuples() {
    type Case<'a> = (&'a str, Vec<Attribute>, &'a [i64], &'a [i64], &'a [i32], &'a [i64], Vec<u8>);
    let batch = || vec![int("batch_dims", 1)];
    let cases: Vec<Case<'_>> = vec![
        ("GatherElements", vec![int("axis", 1)], &[2, 2], &[2, 2], &[0, 0, 1, 0], &[2, 2], vec![0, 0, 3, 2]),
        ("GatherElements", vec![], &[3, 3], &[2, 3], &[-2, -1, -3, -1, 0, 0], &[2, 3], vec![3, 7, 2, 6, 1, 2]),
        ("GatherND", vec![], &[2, 2], &[2, 2], &[0, 0, 1, 1], &[2], vec![0, 3]),
        ("GatherND", vec![], &[2, 2], &[2, 1], &[1, 0], &[2, 2], vec![2, 3, 0, 1]),
        ("GatherND", vec![], &[2, 2, 2], &[2, 1, 2], &[0, 1, 1, 0], &[2, 1, 2], vec![2, 3, 4, 5]),
        ("GatherND", batch(), &[2, 2, 2], &[2, 1], &[1, 0], &[2, 2], vec![2, 3, 4, 5]),
        ("GatherND", vec![], &[2, 2], &[0, 2], &[], &[0], vec![]),
    ];
    for (op, attributes, x, shape, indices, out, expected) in cases {
        let bytes = Data::U8((0..x.iter().product::<i64>().try_into().unwrap()).collect());
        let model = || Builder::new(13).input("x", U8, x).output("y", U8, out);
        let wide = Data::I64(indices.iter().map(|&index| index.into()).collect());
        let known = model().constant("at", shape, wide.clone()).node(op, "x at", "y", attributes.clone());
        assert_eq!(known.run(std::slice::from_ref(&bytes)), Data::U8(expected.clone()), "{op} {indices:?}");
        for (type_, indices) in [(I64, wide), (I32, Data::I32(indices.to_vec()))] {
            let late = model().input("at", type_, shape).node(op, "x at", "y", attributes.clone());
            assert_eq!(late.run(&[bytes.clone(), indices]), Data::U8(expected.clone()), "{op} of a run");
        }
    }
}

#[test]
fn splits_by_sizes_and_into_equal_parts() {
    let run = |opset: i64, sizes: Option<&[i64]>, attributes: Vec<Attribute>, parts: &[&[i64]]| {
        let names = ["a", "b", "c"];
        let mut model = Builder::new(opset).input("x", U8, &[2, 5]);
        for (name, dims) in names.iter().zip(parts) {
            model = model.output(name, U8, dims);
        }
        let mut operands = "x";
        if let Some(sizes) = sizes {
            model = model.constant("sizes", &[sizes.len().try_into().unwrap()], i64s(sizes));
            operands = "x sizes";
        }
        let model = model.results("Split", operands, &names[..parts.len()], attributes);
        let mut session = model.session(&zeropoint::Backend::best(), 1);
        support::set_data(&mut session, 0, &bytes(10)[0]);
        session.run().unwrap();
        let output = |index| support::owned(session.output(index).unwrap());
        (0..parts.len()).map(output).collect::<Vec<Data>>()
    };
    let columns = [Data::U8(vec![0, 1, 5, 6]), Data::U8(vec![2, 3, 7, 8]), Data::U8(vec![4, 9])];
    let shapes: [&[i64]; 3] = [&[2, 2], &[2, 2], &[2, 1]];
    assert_eq!(run(18, None, vec![int("axis", -1), int("num_outputs", 3)], &shapes), columns);
    assert_eq!(run(13, Some(&[2, 2, 1]), vec![int("axis", 1)], &shapes), columns);
    assert_eq!(run(11, None, vec![int("axis", 1), ints("split", &[2, 2, 1])], &shapes), columns);
    let rows = [Data::U8((0..5).collect()), Data::U8((5..10).collect())];
    assert_eq!(run(13, None, vec![], &[&[1, 5], &[1, 5]]), rows);
}

#[test]
fn a_split_of_a_constant_is_a_constant() {
    // The batch and the rest of a shape, as exporters take them apart.
    let model = Builder::new(13)
        .input("x", U8, &[2, 3, 4])
        .output("y", U8, &[4, 6])
        .constant("two", &[1], i64s(&[2]))
        .constant("times", &[1], i64s(&[1]))
        .node("Shape", "x", "shape", vec![])
        .results("Split", "shape", &["a", "b", "c"], vec![])
        .node("Tile", "c times", "rows", vec![])
        .constant("minus", &[1], i64s(&[-1]))
        .node("Concat", "rows minus", "to", vec![int("axis", 0)])
        .node("Reshape", "x to", "y", vec![]);
    assert_eq!(model.run(&bytes(24)), bytes(24)[0]);
}

#[test]
fn tiles_and_expansions() {
    let tile = one("Tile", 13, &[2, 2], U8, &[Some(i64s(&[2, 3]))], &[4, 6], vec![]);
    let expected = [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3].repeat(2);
    assert_eq!(tile.run(&bytes(4)), Data::U8(expected));
    let down = one("Tile", 13, &[2, 2], U8, &[Some(i64s(&[2, 1]))], &[4, 2], vec![]);
    assert_eq!(down.run(&bytes(4)), Data::U8(vec![0, 1, 2, 3, 0, 1, 2, 3]));
    // Both ways: the operand's own axis stays.
    let expand = one("Expand", 13, &[2, 1], U8, &[Some(i64s(&[2, 1, 3]))], &[2, 2, 3], vec![]);
    assert_eq!(expand.run(&bytes(2)), Data::U8(vec![0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]));
    let keep = one("Expand", 13, &[3], U8, &[Some(i64s(&[1, 1]))], &[1, 3], vec![]);
    assert_eq!(keep.run(&bytes(3)), bytes(3)[0]);
    // A constant is repeated once.
    let constant = Builder::new(13)
        .input("x", I64, &[2, 2])
        .output("y", I64, &[2, 2])
        .constant("one", &[1], i64s(&[7]))
        .constant("to", &[2], i64s(&[2, 2]))
        .node("Expand", "one to", "y", vec![]);
    assert_eq!(constant.run(&[i64s(&[0; 4])]), i64s(&[7; 4]));
}

#[test]
fn blocks_between_depth_and_space() {
    let run = |op: &str, x: &[i64], out: &[i64], attributes| one(op, 13, x, U8, &[], out, attributes).run(&bytes(24));
    // The documentation's: eight channels of 1 x 3.
    let x = [1, 8, 1, 3];
    let dcr = run("DepthToSpace", &x, &[1, 2, 2, 6], vec![int("blocksize", 2)]);
    let expected = [0, 6, 1, 7, 2, 8, 12, 18, 13, 19, 14, 20, 3, 9, 4, 10, 5, 11, 15, 21, 16, 22, 17, 23];
    assert_eq!(dcr, Data::U8(expected.to_vec()));
    let crd = run("DepthToSpace", &x, &[1, 2, 2, 6], vec![int("blocksize", 2), string("mode", "CRD")]);
    let expected = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 12, 15, 13, 16, 14, 17, 18, 21, 19, 22, 20, 23];
    assert_eq!(crd, Data::U8(expected.to_vec()));
    let deep = run("SpaceToDepth", &[1, 2, 2, 6], &[1, 8, 1, 3], vec![int("blocksize", 2)]);
    let expected = [0, 2, 4, 12, 14, 16, 1, 3, 5, 13, 15, 17, 6, 8, 10, 18, 20, 22, 7, 9, 11, 19, 21, 23];
    assert_eq!(deep, Data::U8(expected.to_vec()));
}

#[test]
fn pads_of_every_kind() {
    let pad = |mode: &str, out: &[i64], pads: &[i64], value: Option<Data>| {
        let a = vec![string("mode", mode)];
        one("Pad", 19, &[2, 3], U8, &[Some(i64s(pads)), value], out, a).run(&bytes(6))
    };
    let edge = [0, 0, 1, 2, 2, 0, 0, 1, 2, 2, 3, 3, 4, 5, 5];
    assert_eq!(pad("edge", &[3, 5], &[1, 1, 0, 1], None), Data::U8(edge.to_vec()));
    let reflect = [5, 4, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 1, 0, 5, 4, 3, 4, 5, 4, 3];
    assert_eq!(pad("reflect", &[3, 7], &[1, 2, 0, 2], None), Data::U8(reflect.to_vec()));
    // What pads below 0 take away is not there to be reflected.
    assert_eq!(pad("reflect", &[2, 3], &[1, 0, -1, 0], None), Data::U8(vec![0, 1, 2, 0, 1, 2]));
    assert_eq!(pad("wrap", &[2, 7], &[0, 1, 0, 3], None), Data::U8(vec![2, 0, 1, 2, 0, 1, 2, 5, 3, 4, 5, 3, 4, 5]));
    let value = || Some(Data::U8(vec![9]));
    assert_eq!(pad("constant", &[3, 2], &[0, -1, 1, 0], value()), Data::U8(vec![1, 2, 4, 5, 9, 9]));
    assert_eq!(pad("constant", &[2, 3], &[0, 2, 0, -2], value()), Data::U8(vec![9, 9, 0, 9, 9, 3]));
    assert_eq!(pad("constant", &[2, 4], &[0, -4, 0, 5], value()), Data::U8(vec![9; 8]));
    // As version 10 says it.
    let old = one("Pad", 10, &[2, 3], U8, &[], &[2, 1], vec![string("mode", "edge"), ints("pads", &[0, -1, 0, -1])]);
    assert_eq!(old.run(&bytes(6)), Data::U8(vec![1, 4]));
}

#[test]
fn the_nearest_of_any_type() {
    let scales = |values: &[f32]| Some(Data::F32(values.to_vec()));
    let mode = |mode: &str| string("coordinate_transformation_mode", mode);
    let up = one("Resize", 11, &[1, 1, 2, 2], I8, &[scales(&[]), scales(&[1.0, 1.0, 2.0, 3.0])], &[1, 1, 4, 6], vec![]);
    let expected = [[1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4], [3, 3, 3, 4, 4, 4]];
    assert_eq!(up.run(&[Data::I8(vec![1, 2, 3, 4])]), Data::I8(expected.concat()));
    let down = one("Resize", 13, &[1, 1, 2, 4], U8, &[None, scales(&[1.0, 1.0, 0.6, 0.6])], &[1, 1, 1, 2], vec![]);
    assert_eq!(down.run(&bytes(8)), Data::U8(vec![0, 2]));
    let sizes = Some(i64s(&[1, 3]));
    let a = vec![mode("asymmetric"), string("nearest_mode", "ceil"), ints("axes", &[2, 3])];
    let ceil = one("Resize", 18, &[1, 1, 2, 4], U8, &[None, None, sizes], &[1, 1, 1, 3], a);
    assert_eq!(ceil.run(&bytes(8)), Data::U8(vec![0, 2, 3]));
    // Before version 11.
    let old = one("Resize", 10, &[1, 1, 4, 2], U8, &[scales(&[1.0, 1.0, 0.75, 1.5])], &[1, 1, 3, 3], vec![]);
    assert_eq!(old.run(&bytes(8)), Data::U8(vec![0, 0, 1, 4, 4, 5, 6, 6, 7]));
    let old = one("Upsample", 10, &[1, 1, 1, 2], U8, &[scales(&[1.0, 1.0, 2.0, 2.0])], &[1, 1, 2, 4], vec![]);
    assert_eq!(old.run(&bytes(2)), Data::U8(vec![0, 0, 1, 1, 0, 0, 1, 1]));
}

fn close(got: Data, expected: &[f64]) {
    let Data::F32(got) = got else { panic!("no floats") };
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() < 1e-5, "{got} and {expected}");
    }
}

#[test]
fn the_documentations_changes_of_size() {
    let linear = |attributes: Vec<Attribute>| {
        let scales = Some(Data::F32(vec![1.0, 1.0, 2.0, 2.0]));
        let mut a = vec![string("mode", "linear")];
        a.extend(attributes);
        let model = one("Resize", 13, &[1, 1, 2, 2], F32, &[None, scales], &[1, 1, 4, 4], a);
        model.run(&[Data::F32(vec![1.0, 2.0, 3.0, 4.0])])
    };
    let expected = [[1.0, 1.25, 1.75, 2.0], [1.5, 1.75, 2.25, 2.5], [2.5, 2.75, 3.25, 3.5], [3.0, 3.25, 3.75, 4.0]];
    assert_eq!(linear(vec![]), Data::F32(expected.concat()));
    let corners = linear(vec![string("coordinate_transformation_mode", "align_corners")]);
    let expected =
        [0.0, 2.0 / 3.0, 4.0 / 3.0, 2.0].map(|row| [1.0, 4.0 / 3.0, 5.0 / 3.0, 2.0].map(|column| row + column));
    close(corners, &expected.concat());

    let cubic = |attributes: Vec<Attribute>| {
        let scales = Some(Data::F32(vec![1.0, 1.0, 2.0, 2.0]));
        let mut a = vec![string("mode", "cubic")];
        a.extend(attributes);
        let model = one("Resize", 13, &[1, 1, 4, 4], F32, &[None, scales], &[1, 1, 8, 8], a);
        let Data::F32(y) = model.run(&[Data::F32((1..=16u8).map(f32::from).collect())]) else { panic!("no floats") };
        Data::F32(y[..8].to_vec())
    };
    let plain = [0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375];
    close(cubic(vec![]), &plain);
    let outside = [0.55882353, 0.81494204, 1.35698249, 1.89705882, 2.39705882, 2.93713516, 3.47917561, 3.73529412];
    close(cubic(vec![float("cubic_coeff_a", -0.5), int("exclude_outside", 1)]), &outside);
}

/// What onnxruntime 1.32 makes of them.
#[test]
fn bytes_change_their_size_along_lines() {
    let bytes = [0, 250, 255, 9, 7, 1, 100, 77, 3, 2, 200, 30];
    let run = |type_: i32, x: Data, from: &[i64], to: &[i64], attributes: Vec<Attribute>| {
        let mut a = vec![string("mode", "linear")];
        a.extend(attributes);
        one("Resize", 13, from, type_, &[None, None, Some(i64s(to))], to, a).run(&[x])
    };
    let image = Data::U8(vec![0, 255, 7, 100, 3, 200]);
    let expected = vec![0, 102, 255, 106, 7, 50, 81, 129, 113, 103, 100, 61, 3, 121, 200];
    assert_eq!(run(U8, image, &[1, 1, 2, 3], &[1, 1, 3, 5], vec![]), Data::U8(expected));
    let corners = vec![string("coordinate_transformation_mode", "align_corners")];
    let expected = Data::I8(vec![-128, 0, 127, -61, 0, 62, 5, 1, -3]);
    assert_eq!(run(I8, Data::I8(vec![-128, 127, 5, -3]), &[1, 1, 2, 2], &[1, 1, 3, 3], corners), expected);
    // With the channels last, weights are of 1/1024: 101, and not 102 as above.
    let expected = [
        [0, 250, 101, 153, 255, 9, 106, 4, 7, 1],
        [50, 163, 81, 100, 129, 5, 113, 11, 103, 15],
        [100, 77, 61, 47, 3, 2, 121, 18, 200, 30],
    ];
    let last = run(U8, Data::U8(bytes.to_vec()), &[1, 2, 3, 2], &[1, 3, 5, 2], vec![]);
    assert_eq!(last, Data::U8(expected.concat()));
    let cube = vec![0, 255, 9, 77, 3, 200, 31, 8];
    let expected = vec![0, 127, 255, 9, 43, 77, 1, 114, 227, 20, 31, 42, 3, 101, 200, 31, 19, 8];
    assert_eq!(run(U8, Data::U8(cube), &[2, 2, 2], &[3, 2, 3], vec![]), Data::U8(expected));
    let row = Data::U8(vec![13, 254, 1]);
    assert_eq!(run(U8, row.clone(), &[1, 3], &[1, 7], vec![]), Data::U8(vec![13, 47, 150, 254, 145, 37, 1]));
    // What onnxruntime refuses, by the same rule; and nothing, to nothing and to itself.
    assert_eq!(run(U8, row.clone(), &[3], &[7], vec![]), Data::U8(vec![13, 47, 150, 254, 145, 37, 1]));
    assert_eq!(run(U8, row.clone(), &[1, 1, 3, 1], &[1, 1, 0, 2], vec![]), Data::U8(vec![]));
    assert_eq!(run(U8, row.clone(), &[1, 3], &[1, 3], vec![]), row);
}

/// The order in memory is nothing that a result depends on.
#[test]
fn bytes_between_convolutions_change_their_size_alike() {
    let x = Data::U8((0..=255).cycle().step_by(37).take(2 * 5 * 7).collect());
    let model = |pool: bool| {
        let model = Builder::new(13).input("x", U8, &[1, 2, 5, 7]).output("y", U8, &[1, 2, 9, 12]);
        let model = model.constant("to", &[4], i64s(&[1, 2, 9, 12]));
        let one = || vec![ints("kernel_shape", &[1, 1])];
        let (from, to) = if pool { ("p", "r") } else { ("x", "y") };
        let model = if pool { model.node("MaxPool", "x", "p", one()) } else { model };
        let model = model.node("Resize", &format!("{from} - - to"), to, vec![string("mode", "linear")]);
        if pool { model.node("MaxPool", "r", "y", one()) } else { model }
    };
    assert_eq!(model(true).run(std::slice::from_ref(&x)), model(false).run(&[x]));
}

#[test]
fn sides_of_the_diagonal() {
    let x = || Data::U8((1..=12).collect());
    let side = |upper: i64, k: Option<i64>| {
        let diagonal = [k.map(|k| i64s(&[k]))];
        let parameters = if k.is_some() { &diagonal[..] } else { &[] };
        one("Trilu", 14, &[3, 4], U8, parameters, &[3, 4], vec![int("upper", upper)]).run(&[x()])
    };
    let of_rows = |rows: [[u8; 4]; 3]| Data::U8(rows.concat());
    assert_eq!(side(1, None), of_rows([[1, 2, 3, 4], [0, 6, 7, 8], [0, 0, 11, 12]]));
    assert_eq!(side(1, Some(1)), of_rows([[0, 2, 3, 4], [0, 0, 7, 8], [0, 0, 0, 12]]));
    assert_eq!(side(1, Some(-1)), of_rows([[1, 2, 3, 4], [5, 6, 7, 8], [0, 10, 11, 12]]));
    assert_eq!(side(0, None), of_rows([[1, 0, 0, 0], [5, 6, 0, 0], [9, 10, 11, 0]]));
    assert_eq!(side(0, Some(1)), of_rows([[1, 2, 0, 0], [5, 6, 7, 0], [9, 10, 11, 12]]));
    assert_eq!(side(0, Some(-2)), of_rows([[0; 4], [0; 4], [9, 0, 0, 0]]));
    for far in [i64::MAX, i64::MIN, 5, -5] {
        let (all, none) = (x(), of_rows([[0; 4]; 3]));
        assert_eq!([side(1, Some(far)), side(0, Some(far))], if far < 0 { [all, none] } else { [none, all] }, "{far}");
    }
    let batch = one("Trilu", 14, &[2, 2, 2], U8, &[], &[2, 2, 2], vec![]);
    assert_eq!(batch.run(&bytes(8)), Data::U8(vec![0, 1, 0, 3, 4, 5, 0, 7]));
    let empty = one("Trilu", 14, &[2, 0], U8, &[], &[2, 0], vec![]);
    assert_eq!(empty.run(&[Data::U8(vec![])]), Data::U8(vec![]));
}

/// The documentation's examples, by indices that are known before the run, and by those of a run.
#[test]
fn scatters_elements_and_slices() {
    type Case<'a> = (&'a str, Vec<Attribute>, &'a [i64], &'a [i64], &'a [i32], (&'a [i64], Vec<u8>), Vec<u8>);
    let cases: Vec<Case<'_>> = vec![
        (
            "ScatterElements",
            vec![],
            &[3, 3],
            &[2, 3],
            &[1, 0, 2, 0, 2, 1],
            (&[2, 3], vec![10, 11, 12, 20, 21, 22]),
            vec![20, 11, 2, 10, 4, 22, 6, 21, 12],
        ),
        (
            "ScatterElements",
            vec![int("axis", 1)],
            &[1, 5],
            &[1, 2],
            &[1, -2],
            (&[1, 2], vec![11, 21]),
            vec![0, 11, 2, 21, 4],
        ),
        (
            "ScatterND",
            vec![],
            &[8],
            &[4, 1],
            &[4, 3, 1, -1],
            (&[4], vec![9, 10, 11, 12]),
            vec![0, 11, 2, 10, 9, 5, 6, 12],
        ),
        ("ScatterND", vec![], &[2, 2, 2], &[1, 1], &[1], (&[1, 2, 2], vec![9, 8, 7, 6]), vec![0, 1, 2, 3, 9, 8, 7, 6]),
        ("ScatterND", vec![], &[2, 2], &[2, 2], &[0, 1, 1, 0], (&[2], vec![9, 8]), vec![0, 9, 8, 3]),
        // Of several updates of one element the last one, and of none, none.
        ("ScatterND", vec![], &[3], &[3, 1], &[1, 1, 1], (&[3], vec![7, 8, 9]), vec![0, 9, 2]),
        ("ScatterND", vec![], &[3], &[0, 1], &[], (&[0], vec![]), vec![0, 1, 2]),
        ("ScatterND", vec![], &[2], &[2, 0], &[], (&[2, 2], vec![5, 6, 7, 8]), vec![7, 8]),
        ("ScatterElements", vec![], &[0, 2], &[0, 2], &[], (&[0, 2], vec![]), vec![]),
    ];
    for (op, attributes, x, shape, indices, (of_updates, updates), expected) in cases {
        let data = bytes(x.iter().product::<i64>().try_into().unwrap())[0].clone();
        let model = || Builder::new(16).input("x", U8, x).output("y", U8, x);
        let wide = Data::I64(indices.iter().map(|&index| index.into()).collect());
        let known = model().input("u", U8, of_updates).constant("at", shape, wide.clone());
        let known = known.node(op, "x at u", "y", attributes.clone());
        let updates = Data::U8(updates);
        assert_eq!(known.run(&[data.clone(), updates.clone()]), Data::U8(expected.clone()), "{op} {indices:?}");
        for (type_, indices) in [(I64, wide), (I32, Data::I32(indices.to_vec()))] {
            let late = model().input("at", type_, shape).input("u", U8, of_updates);
            let late = late.node(op, "x at u", "y", attributes.clone());
            assert_eq!(
                late.run(&[data.clone(), indices, updates.clone()]),
                Data::U8(expected.clone()),
                "{op} of a run"
            );
        }
    }
}

#[test]
fn an_index_of_a_run_stays_within_its_axis() {
    for (op, out) in [("ScatterND", &[3i64][..]), ("ScatterElements", &[3]), ("GatherElements", &[1])] {
        let model = Builder::new(16).input("x", U8, &[3]).output("y", U8, out).constant("u", &[1], Data::U8(vec![9]));
        let (shape, operands): (&[i64], _) = match op {
            "ScatterND" => (&[1, 1], "x at u"),
            "ScatterElements" => (&[1], "x at u"),
            _ => (&[1], "x at"),
        };
        let model = model.input("at", I64, shape).node(op, operands, "y", vec![]);
        let mut session = model.session(&zeropoint::Backend::best(), 1);
        for (bad, index) in [(true, 3), (true, -4), (true, i64::MIN), (false, -3), (false, 2)] {
            support::set_data(&mut session, 0, &bytes(3)[0]);
            support::set_data(&mut session, 1, &i64s(&[index]));
            let told = session.run().err().map_or_else(String::new, |error| error.to_string());
            assert_eq!(told.contains(&format!("index {index} is outside an axis of size 3")), bad, "{op} {told}");
        }
    }
}

#[test]
fn sizes_change_along_all_axes_and_none() {
    // Along the first and the last, with an axis between that stays.
    let model = one(
        "Resize",
        13,
        &[2, 2, 2],
        F32,
        &[None, None, Some(i64s(&[3, 2, 1]))],
        &[3, 2, 1],
        vec![string("mode", "linear"), string("coordinate_transformation_mode", "align_corners")],
    );
    let x = [Data::F32(vec![0.0, 9.0, 1.0, 9.0, 10.0, 9.0, 21.0, 9.0])];
    assert_eq!(model.run(&x), Data::F32(vec![0.0, 1.0, 5.0, 11.0, 10.0, 21.0]));
    let same = one("Resize", 13, &[2], F32, &[None, None, Some(i64s(&[2]))], &[2], vec![string("mode", "linear")]);
    assert_eq!(same.run(&[Data::F32(vec![f32::INFINITY, 3.0])]), Data::F32(vec![f32::INFINITY, 3.0]));
}

#[test]
fn dropping_out_does_nothing_here() {
    let model = |mode: Option<u8>| {
        let model = Builder::new(13).input("x", U8, &[3]).output("y", U8, &[3]).f32("ratio", 0.5);
        match mode {
            Some(mode) => model.constant("mode", &[], Data::Bool(vec![mode])).results(
                "Dropout",
                "x ratio mode",
                &["y", "mask"],
                vec![],
            ),
            None => model.node("Dropout", "x ratio", "y", vec![int("seed", 3)]),
        }
    };
    for mode in [None, Some(0)] {
        assert_eq!(model(mode).run(&bytes(3)), bytes(3)[0]);
    }
    assert!(model(Some(1)).problems().contains("training_mode is not known to be false"));
}

#[test]
fn what_does_not_move_is_named() {
    let told = |op: &str, opset, parameters: &[Option<Data>], attributes| {
        one(op, opset, &[2, 3], U8, parameters, &[2, 3], attributes).problems()
    };
    let some = |values: &[i64]| Some(i64s(values));
    let none = Vec::new;
    let mode = |value: &str| vec![string("mode", value)];
    let coordinates = |value: &str| vec![string("coordinate_transformation_mode", value)];
    let scales = || [None, Some(Data::F32(vec![1.0, 1.0]))];
    for (told, expected) in [
        (told("Slice", 13, &[some(&[0]), some(&[1, 2])], none()), "starts has 1 values, ends 2"),
        (told("Slice", 13, &[some(&[0]), some(&[1]), some(&[2])], none()), "axis 2 is outside -2..2"),
        (told("Slice", 13, &[some(&[0]), some(&[1]), some(&[0]), some(&[0])], none()), "steps has a 0"),
        (told("Tile", 13, &[some(&[1])], none()), "expected a number for each axis"),
        (told("Tile", 13, &[some(&[1, -1])], none()), "repeats is [1, -1]"),
        (told("Tile", 13, &[some(&[i64::MAX, 3])], none()), "size overflow"),
        (told("Expand", 13, &[some(&[2, 2])], none()), "do not broadcast"),
        (told("Expand", 13, &[some(&[-1])], none()), "has a size below 0"),
        (told("Pad", 13, &[some(&[0, 0, 0, -4])], none()), "less than nothing"),
        (told("Pad", 13, &[some(&[0, -2, 0, -1])], mode("edge")), "makes \"y\" as uint8 [2, 0]"),
        (told("Pad", 13, &[some(&[0, -3, 0, 3])], mode("edge")), "of which nothing is left"),
        (told("Pad", 13, &[some(&[0; 4])], mode("mirror")), "attribute mode is \"mirror\""),
        (told("DepthToSpace", 13, &[], none()), "attribute blocksize is missing"),
        (told("SpaceToDepth", 13, &[], vec![int("blocksize", 0)]), "attribute blocksize is 0"),
        (told("SpaceToDepth", 13, &[], vec![int("blocksize", 2)]), "expected four axes"),
        (told("Split", 13, &[some(&[3])], none()), "expected 1 that make an axis of 2"),
        (told("Split", 18, &[], vec![int("num_outputs", 2)]), "but it makes 1 tensors"),
        (told("Resize", 13, &[], none()), "has neither scales nor sizes"),
        (told("Resize", 13, &[None, scales()[1].clone(), some(&[2, 3])], none()), "has both scales and sizes"),
        (
            told("Resize", 13, &scales(), coordinates("tf_crop_and_resize")),
            "is \"tf_crop_and_resize\", expected half_pixel",
        ),
        (told("Resize", 18, &scales(), vec![int("antialias", 1)]), "attribute antialias is 1"),
        (told("Resize", 13, &scales(), mode("cubic")), "X is uint8, expected float32"),
        (told("Resize", 13, &scales(), vec![int("exclude_outside", 1)]), "expected 0 unless mode is cubic"),
        (told("Trilu", 14, &[some(&[1, 2])], none()), "k has 2 values, expected 1"),
        (told("Trilu", 14, &[some(&[1])], vec![int("upper", 2)]), "attribute upper is 2, expected 0 or 1"),
        (told("ScatterND", 16, &[some(&[0]), Some(Data::U8(vec![1]))], none()), "updates have shape [1], expected [3]"),
        (told("ScatterND", 16, &[some(&[0]), some(&[1])], none()), "updates is int64, expected uint8"),
        (told("ScatterND", 16, &[some(&[0, 0, 0]), some(&[1])], none()), "no more than data has left"),
        (told("ScatterND", 16, &[some(&[0])], none()), "has 2 operands, expected 3"),
        (told("ScatterElements", 16, &[some(&[0]), some(&[1])], none()), "expected as many axes"),
        (
            told("ScatterElements", 16, &[some(&[0]), some(&[1])], vec![string("reduction", "add")]),
            "attribute reduction is \"add\", expected none",
        ),
        (told("GatherElements", 13, &[some(&[0])], none()), "expected as many axes"),
        (told("GatherND", 13, &[some(&[0, 0, 0])], none()), "no more than data has left"),
        (told("Gather", 13, &[some(&[0, 2])], none()), "index 2 is outside an axis of size 2"),
        (told("GatherND", 13, &[some(&[0])], vec![int("batch_dims", -1)]), "batch_dims is -1"),
        (told("GatherND", 13, &[some(&[0])], vec![int("batch_dims", 1)]), "expected 1 equal axes at first"),
    ] {
        assert!(told.contains(expected), "{told}\nexpected: {expected}");
    }
    let far = Builder::new(16).input("x", U8, &[2]).input("u", U8, &[1]).output("y", U8, &[2]);
    let far = far.constant("at", &[1, 1], i64s(&[2])).node("ScatterND", "x at u", "y", none());
    assert!(far.problems().contains("index 2 is outside an axis of size 2"), "{}", far.problems());
    let vector = one("Trilu", 14, &[3], U8, &[], &[3], none()).problems();
    assert!(vector.contains("input has shape [3], expected at least two axes"), "{vector}");
    // A parameter of a run has no shape to plan.
    let late = Builder::new(13).input("x", U8, &[2, 3]).input("r", I64, &[2]).output("y", U8, &[2, 3]);
    assert!(late.node("Tile", "x r", "y", none()).problems().contains("repeats: only known at run time"));
}
