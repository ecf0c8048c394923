//! `zeropoint compare`, from outside.

mod support;

use std::path::{Path, PathBuf};

use support::command::{Ended, floats, npy, npy_bytes, npz, text, zeropoint};
use support::{Builder, F32, folder};

/// A network that quantises four numbers in steps of a half, and back.
fn network(folder: &Path) -> PathBuf {
    let path = folder.join("network.onnx");
    let model = Builder::new(13)
        .input("x", F32, &[1, 4])
        .output("y", F32, &[1, 4])
        .f32("scale", 0.5)
        .u8("zero", 10)
        .node("QuantizeLinear", "x scale zero", "q", vec![])
        .node("DequantizeLinear", "q scale zero", "y", vec![]);
    std::fs::write(&path, model.bytes()).unwrap();
    path
}

/// 0.3 / 0.5 is nearer to 1 than to 0.
const X: [f32; 4] = [0.0, 1.0, -1.0, 0.3];
const Q: [u8; 4] = [10, 12, 8, 11];
const Y: [f32; 4] = [0.0, 1.0, -1.0, 0.5];

fn x() -> (&'static str, Vec<u8>) {
    ("x", npy_bytes("<f4", "(1, 4)", &floats(&X)))
}

fn q(values: [u8; 4]) -> (&'static str, Vec<u8>) {
    ("q", npy_bytes("|u1", "(1, 4)", &values))
}

fn y(values: [f32; 4]) -> (&'static str, Vec<u8>) {
    ("y", npy_bytes("<f4", "(1, 4)", &floats(&values)))
}

fn compare(model: &Path, with: &Path, more: &[&str]) -> Ended {
    zeropoint(&[&["compare", text(model), "--with", text(with)][..], more].concat())
}

#[test]
fn an_archive_has_inputs_and_what_should_come_of_them() {
    let folder = folder("compare_npz");
    let model = network(&folder);
    let right = npz(&folder.join("right.npz"), &[x(), q(Q), y(Y)]);
    let ended = compare(&model, &right, &["--isa", "all", "--threads", "2"]).expect(0);
    assert_eq!(ended.last_line(), "EQUAL: 2 tensors equal, 0 not");

    let other = ("other", npy_bytes("|u1", "(1,)", &[1]));
    let off = npz(&folder.join("off.npz"), &[x(), q(Q), y([0.0, 1.0, -1.0, 0.75]), other]);
    let ended = compare(&model, &off, &[]).expect(1);
    let ended = ended.says("1 of 4 differ, by at most 0.25, first at [0, 3]: 0.5, expected 0.75");
    let ended = ended.says("1 tensors of the file are not made: other");
    assert_eq!(ended.last_line(), "DIFFERS: 1 tensors equal, 1 not");
    let ended = compare(&model, &off, &["--tolerance", "0.25"]).expect(0);
    let ended = ended.says("within the tolerance, at most 0.25 apart");
    assert_eq!(ended.last_line(), "EQUAL: 1 tensors equal, 1 within the tolerance, 0 not");
    compare(&model, &off, &["--tolerance", "0.125"]).expect(1);
    compare(&model, &off, &["--relative", "0.5"]).expect(0);

    // An input of the command's own comes before the file's.
    let zeros = npy(&folder.join("zeros.npy"), "<f4", "(1, 4)", &floats(&[0.0; 4]));
    let ended = compare(&model, &right, &["--input", text(&zeros)]).expect(1);
    ended.says("3 of 4 differ, by at most 2, first at [0, 1]: 10, expected 12");
    let none = npz(&folder.join("none.npz"), &[q(Q)]);
    compare(&model, &none, &[]).expect(2).complains("no value for x (float32 [1, 4])");
    let ended = compare(&model, &none, &["--input", text(&zeros)]).expect(1);
    ended.says("1 tensors that are made are not in the file");
}

#[test]
fn every_operator_alone_takes_its_operands_from_the_file() {
    let folder = folder("compare_each");
    let model = network(&folder);
    // The quantised values are others than come of x; what comes of them is right: 2 / 2 = 1, -10 / 2 = -5.
    let file = npz(&folder.join("each.npz"), &[x(), q([12, 12, 8, 0]), y([1.0, 1.0, -1.0, -5.0])]);
    let ended = compare(&model, &file, &["--each"]).expect(1);
    let ended = ended.says("2 of 4 differ, by at most 11, first at [0, 0]: 10, expected 12");
    assert_eq!(ended.last_line(), "DIFFERS: 1 tensors equal, 1 not");

    // What is between tensors of the file is run along.
    let ends = npz(&folder.join("ends.npz"), &[x(), y(Y)]);
    let ended = compare(&model, &ends, &["--each", "--isa", "all"]).expect(0);
    let ended = ended.says("DequantizeLinear and 1 before it");
    assert_eq!(ended.last_line(), "EQUAL: 1 tensors equal, 0 not");
    // Nothing leads to q.
    let inner = npz(&folder.join("inner.npz"), &[q(Q), y(Y)]);
    compare(&model, &inner, &["--each"]).expect(0).says("1 tensors of the file are not made: q");
    let shape = ("q", npy_bytes("|u1", "(2, 2)", &Q));
    let shapes = npz(&folder.join("shapes.npz"), &[x(), shape, y(Y)]);
    let ended = compare(&model, &shapes, &["--each"]).expect(1);
    ended.says("its operand q is '|u1' [2, 2] in the file, not uint8 [1, 4]").says("the file has '|u1' [2, 2]");
}

#[test]
fn raw_elements_stand_beside_their_list() {
    let folder = folder("compare_raw");
    let model = network(&folder);
    let list = folder.join("one.json");
    let write = |offset: usize, crc32: &str| {
        let json = serde_json::json!([
            {"name": "x", "dtype": "float32", "shape": [1, 4], "offset": 0},
            {"name": "q", "dtype": "uint8", "shape": [1, 4], "offset": offset, "crc32": crc32},
        ]);
        std::fs::write(&list, json.to_string()).unwrap();
    };
    std::fs::write(folder.join("one.bin"), [floats(&X), Q.to_vec()].concat()).unwrap();
    let crc32 = format!("{:08x}", crc32fast::hash(&Q));
    write(16, &crc32);
    compare(&model, &list, &[]).expect(0).says("EQUAL: 1 tensors equal");
    compare(&model, &list, &["--each"]).expect(0).says("EQUAL: 1 tensors equal");
    write(16, "00000000");
    compare(&model, &list, &[]).expect(2).complains("but the list says 00000000");
    for offset in [17, usize::MAX] {
        write(offset, &crc32);
        compare(&model, &list, &[]).expect(2).complains("but the file of elements has 20");
    }
    std::fs::remove_file(folder.join("one.bin")).unwrap();
    compare(&model, &list, &[]).expect(2).complains("one.bin");
}

#[test]
fn one_array_is_named_by_its_file_or_is_the_output() {
    let folder = folder("compare_npy");
    let model = network(&folder);
    let x = npy(&folder.join("in.npy"), "<f4", "(1, 4)", &floats(&X));
    let input = ["--input", text(&x)];
    let q = npy(&folder.join("q.npy"), "|u1", "(1, 4)", &Q);
    compare(&model, &q, &input).expect(0).says("q  QuantizeLinear");
    let answer = npy(&folder.join("answer.npy"), "<f4", "(1, 4)", &floats(&Y));
    compare(&model, &answer, &input).expect(0).says("y  DequantizeLinear");
    let named = format!("q={}", text(&q));
    zeropoint(&["compare", text(&model), "--with", &named, "--input", text(&x)]).expect(0).says("q  QuantizeLinear");
    let named = format!("nothing={}", text(&q));
    let ended = zeropoint(&["compare", text(&model), "--with", &named, "--input", text(&x)]).expect(2);
    ended.complains("none of the file's 1 tensors is one that is made here");
}

#[test]
fn a_golden_has_checksums() {
    let folder = folder("compare_golden");
    let model = network(&folder);
    let x = npy(&folder.join("x.npy"), "<f4", "(1, 4)", &floats(&X));
    let trace = folder.join("trace.json");
    zeropoint(&["run", text(&model), "--input", text(&x), "--trace", text(&trace)]).expect(0);
    let input = ["--input", text(&x)];
    compare(&model, &trace, &input).expect(0).says("1 integer tensors equal the golden");
    let zeros = npy(&folder.join("zeros.npy"), "<f4", "(1, 4)", &floats(&[0.0; 4]));
    let ended = compare(&model, &trace, &["--input", text(&zeros)]).expect(1);
    ended.says("the input has CRC-32").says("tensor q (QuantizeLinear by ");
    compare(&model, &trace, &["--input", text(&x), "--each"]).expect(2).complains("has checksums and no elements");
}

#[test]
fn files_are_not_trusted() {
    let folder = folder("compare_hostile");
    let model = network(&folder);
    let file = |name: &str, arrays: &[(&str, Vec<u8>)]| npz(&folder.join(name), arrays);

    // Elements that nobody has, of a shape that the network does not have, are not even looked for.
    let huge = file("huge.npz", &[x(), ("q", npy_bytes("|u1", "(1, 4000000000000)", &[0; 4]))]);
    compare(&model, &huge, &[]).expect(1).says("the file has '|u1' [1, 4000000000000]");
    // A megabyte of zeros behind the elements, in a kilobyte of the file.
    let bomb = file("bomb.npz", &[x(), ("q", npy_bytes("|u1", "(1, 4)", &[0; 1 << 20]))]);
    assert!(bomb.metadata().unwrap().len() < 4096);
    compare(&model, &bomb, &[]).expect(2).complains("there are bytes behind its elements");
    let short = file("short.npz", &[x(), ("q", npy_bytes("|u1", "(1, 4)", &[1, 2]))]);
    compare(&model, &short, &[]).expect(2).complains("has 2 bytes of elements, uint8 [1, 4] needs 4");
    let mut header = b"\x93NUMPY\x02\x00\xff\xff\xff\x7f".to_vec();
    header.resize(1 << 16, b' ');
    let long = file("long.npz", &[x(), ("q", header)]);
    compare(&model, &long, &[]).expect(2).complains("its header has 2147483647 bytes");
    let wraps = file("wraps.npz", &[x(), ("q", npy_bytes("|u1", "(18446744073709551615, 4)", &[]))]);
    compare(&model, &wraps, &[]).expect(2).complains("more than the address space");

    // Broken archives: every length, and bytes turned over one after the other, end in order.
    let right = std::fs::read(file("right.npz", &[x(), q(Q), y(Y)])).unwrap();
    let broken = folder.join("broken.npz");
    for length in (0..right.len()).step_by(37) {
        std::fs::write(&broken, &right[..length]).unwrap();
        compare(&model, &broken, &[]).expect(2).complains("is no npz file");
    }
    for at in (0..right.len()).step_by(41) {
        let mut bytes = right.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&broken, bytes).unwrap();
        let ended = compare(&model, &broken, &[]);
        assert!(matches!(ended.code, Some(0..=2)), "{at}: {:?} {}{}", ended.code, ended.out, ended.err);
    }
    let empty = file("empty.npz", &[]);
    compare(&model, &empty, &[]).expect(2).complains("is an archive without arrays");

    let text_file = folder.join("tensors.txt");
    std::fs::write(&text_file, "x").unwrap();
    compare(&model, &text_file, &[]).expect(2).complains("expected a file .npz, .npy or .json");
    let json = folder.join("broken.json");
    for (content, expected) in [("[{}]", "is no list of tensors"), ("{}", "is no golden"), ("", "is no golden")] {
        std::fs::write(&json, content).unwrap();
        compare(&model, &json, &[]).expect(2).complains(expected);
    }
    compare(&model, &folder.join("nowhere.npz"), &[]).expect(2).complains("nowhere.npz");
    let right = file("right.npz", &[x(), q(Q), y(Y)]);
    for bad in [["--tolerance", "-1"], ["--tolerance", "nan"], ["--relative", "inf"], ["--threads", "0"]] {
        compare(&model, &right, &bad).expect(2);
    }
}
