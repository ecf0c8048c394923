//! The command, from outside: what it prints, and how it ends.

mod support;

use std::path::{Path, PathBuf};

use support::command::{npy, text, with_environment, zeropoint};
use support::{Builder, F32, U8, folder, int, model, models};
use zeropoint_runner::graph::Data;

struct Person {
    model: PathBuf,
    picture: PathBuf,
    golden: PathBuf,
}

fn person() -> Person {
    Person {
        model: model("person_detect_s8pc"),
        picture: models().join("pictures/person_astronaut.png"),
        golden: models().join("golden/person_detect_s8pc/astronaut.json"),
    }
}

#[test]
fn a_picture_equals_its_golden_on_every_tier() {
    let person = person();
    let ended = zeropoint(&[
        "run",
        text(&person.model),
        "--image",
        text(&person.picture),
        "--golden",
        text(&person.golden),
        "--isa",
        "all",
        "--threads",
        "2",
    ]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let lines = ended.out.lines().filter(|line| line.contains("30 integer tensors equal the golden")).count();
    assert_eq!(lines, support::tiers().len(), "{}", ended.out);
    assert!(ended.out.contains("t31: int8 [1, 2] = -75, 73"), "{}", ended.out);
    assert!(ended.out.contains("prob: float32 [1, 2] = 0.135"), "{}", ended.out);
    assert_eq!(ended.err, "", "nothing but progress goes to stderr, and that only to a terminal");
}

#[test]
fn a_difference_names_the_first_tensor() {
    let person = person();
    let folder = folder("difference");
    let golden = std::fs::read_to_string(&person.golden).unwrap();
    let mut golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    for layer in [7, 12] {
        golden["layers"][layer]["crc32"] = "00000000".into();
    }
    let path = folder.join("golden.json");
    std::fs::write(&path, golden.to_string()).unwrap();
    let arguments = ["run", text(&person.model), "--image", text(&person.picture), "--golden", text(&path)];
    let ended = zeropoint(&arguments);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let name = golden["layers"][7]["name"].as_str().unwrap();
    let expected = format!("DIFFERS from the golden: tensor {name} (QLinearConv by ");
    assert!(ended.out.contains(&expected), "{}", ended.out);
    assert!(ended.out.contains("; and 1 more differences"), "{}", ended.out);

    // What is not exact by its golden's own word is only counted.
    golden["layers"][7]["judge"] = "lsb".into();
    golden["layers"][12]["judge"] = "lsb".into();
    std::fs::write(&path, golden.to_string()).unwrap();
    let ended = zeropoint(&arguments);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("28 integer tensors equal the golden (2 below a float operator"), "{}", ended.out);
}

#[test]
fn another_picture_is_a_difference() {
    let person = person();
    let other = models().join("pictures/person_coffee.png");
    let ended = zeropoint(&["run", text(&person.model), "--image", text(&other), "--golden", text(&person.golden)]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("the input has CRC-32"), "{}", ended.out);
}

#[test]
fn a_trace_is_a_golden() {
    let person = person();
    let trace = folder("trace").join("trace.json");
    let ended = zeropoint(&["run", text(&person.model), "--image", text(&person.picture), "--trace", text(&trace)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&trace).unwrap()).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&person.golden).unwrap()).unwrap();
    let layers = written["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 30);
    for (layer, expected) in layers.iter().zip(golden["layers"].as_array().unwrap()) {
        for key in ["name", "op", "dtype", "shape", "crc32", "sum", "first8"] {
            assert_eq!(layer[key], expected[key], "{expected}");
        }
        assert!(layer["kernel"].as_str().is_some_and(|kernel| !kernel.is_empty()));
    }
    for key in ["model", "top1", "top5", "input_crc32"] {
        assert_eq!(written[key], golden[key], "{key}");
    }
    let arguments = ["run", text(&person.model), "--image", text(&person.picture), "--golden", text(&trace)];
    assert_eq!(zeropoint(&arguments).code, Some(0));

    // With all tiers, a file for each.
    let arguments =
        ["run", text(&person.model), "--image", text(&person.picture), "--trace", text(&trace), "--isa", "all"];
    assert_eq!(zeropoint(&arguments).code, Some(0));
    for backend in support::tiers() {
        assert!(trace.with_extension(format!("{}.json", backend.isa())).exists());
    }
}

#[test]
fn the_greatest_values_have_names() {
    let labels = models().join("imagenet_labels.txt");
    let model = model("mbv2_u8s8pc");
    let picture = models().join("pictures/imagenet_chelsea.png");
    let arguments = ["run", text(&model), "--image", text(&picture), "--top", "2", "--labels", text(&labels)];
    let ended = zeropoint(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<&str> = ended.out.lines().collect();
    let [first, second] = lines[lines.len() - 2..] else { panic!("{}", ended.out) };
    assert!(first.starts_with("   1.   285 ") && first.ends_with("Egyptian cat"), "{}", ended.out);
    assert!(second.starts_with("   2.   282 ") && second.ends_with("tiger cat"), "{}", ended.out);

    let ended =
        zeropoint(&["run", text(&person().model), "--image", text(&person().picture), "--labels", text(&labels)]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("has 1000 lines, the output has 2 values"), "{}", ended.err);
}

/// A network with two inputs, as a file.
fn two_inputs(folder: &Path) -> PathBuf {
    let path = folder.join("two.onnx");
    let model = Builder::new(13)
        .input("a", U8, &[1, 3])
        .input("b", F32, &[2])
        .output("y", U8, &[1, 6])
        .output("b", F32, &[2])
        .node("Concat", "a a", "y", vec![int("axis", 1)]);
    std::fs::write(&path, model.bytes()).unwrap();
    path
}

#[test]
fn tensors_come_by_name_from_files() {
    let folder = folder("inputs");
    let model = two_inputs(&folder);
    let a = npy(&folder.join("a.npy"), "|u1", "(1, 3)", &[1, 2, 3]);
    let b = npy(&folder.join("b.npy"), "<f4", "(2,)", &[0, 0, 0, 63, 0, 0, 128, 191]);
    let run = |inputs: &[String]| {
        let mut arguments = vec!["run", text(&model)];
        inputs.iter().for_each(|input| arguments.extend(["--input", input]));
        zeropoint(&arguments)
    };
    let named = |name: &str, path: &Path| format!("{name}={}", text(path));

    let ended = run(&[named("b", &b), named("a", &a)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("y: uint8 [1, 6] = 1, 2, 3, 1, 2, 3"), "{}", ended.out);
    assert!(ended.out.contains("b: float32 [2] = 0.5, -1"), "{}", ended.out);

    let long = npy(&folder.join("long.npy"), "|u1", "(1, 4)", &[1, 2, 3, 4]);
    let short = npy(&folder.join("short.npy"), "|u1", "(1, 3)", &[1, 2]);
    let signed = npy(&folder.join("signed.npy"), "|i1", "(1, 3)", &[1, 2, 3]);
    let huge = npy(&folder.join("huge.npy"), "|u1", "(18446744073709551615, 3)", &[]);
    let nested = npy(&folder.join("nested.npy"), "|u1", &"(".repeat(3900), &[]);
    let endless = folder.join("endless.npy");
    std::fs::write(&endless, b"\x93NUMPY\x01\x00\xFF\xFF{}".as_slice()).unwrap();
    let noise = folder.join("noise.npy");
    std::fs::write(&noise, [7; 100]).unwrap();
    let cases = [
        (vec![named("a", &a)], "no value for b (float32 [2])"),
        (vec![named("a", &a), named("a", &a)], "a is given twice"),
        (vec![text(&a).to_owned()], "expected NAME=FILE, the network has a (uint8 [1, 3]), b (float32 [2])"),
        (vec![named("c", &a)], "there is no input c"),
        (vec![named("a", &long)], "has shape [1, 4] (dtype '|u1'), expected uint8 [1, 3]"),
        (vec![named("a", &huge)], "its sizes multiply to more than the address space"),
        (vec![named("a", &nested)], "nested.npy"),
        (vec![named("a", &endless)], "its header has 65535 bytes"),
        (vec![named("a", &signed)], "expected uint8"),
        (vec![named("a", &short)], "short.npy"),
        (vec![named("a", &noise)], "noise.npy"),
        (vec![named("a", &folder.join("none.npy"))], "none.npy"),
    ];
    for (inputs, expected) in cases {
        let ended = run(&inputs);
        assert_eq!(ended.code, Some(2), "{inputs:?}: {}", ended.out);
        assert!(ended.err.starts_with("error: ") && ended.err.contains(expected), "{expected}: {}", ended.err);
    }
}

#[test]
fn pictures_need_their_file() {
    let folder = folder("pictures");
    let copy = folder.join("copy.onnx");
    let person = person();
    std::fs::copy(&person.model, &copy).unwrap();
    let run = |picture: &Path| zeropoint(&["run", text(&copy), "--image", text(picture)]);
    let ended = run(&person.picture);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("copy.json: this file says how a picture becomes the model's input"), "{}", ended.err);

    std::fs::write(copy.with_extension("json"), r#"{"size": [96, 96], "colors": "rgb", "layout": "nchw"}"#).unwrap();
    let ended = run(&person.picture);
    assert_eq!(ended.code, Some(2));
    let expected = "the model's input has shape [1, 1, 96, 96], but its json file makes [1, 3, 96, 96]";
    assert!(ended.err.contains(expected), "{}", ended.err);

    std::fs::copy(person.model.with_extension("json"), copy.with_extension("json")).unwrap();
    let broken = folder.join("broken.png");
    let mut bytes = std::fs::read(&person.picture).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&broken, bytes).unwrap();
    let ended = run(&broken);
    assert_eq!(ended.code, Some(2), "{}", ended.out);
    assert!(ended.err.contains("broken.png"), "{}", ended.err);
    // Another size is scaled and cut.
    assert_eq!(run(&models().join("pictures/imagenet_coffee.png")).code, Some(0));
}

#[test]
fn tiers_are_demanded_by_name() {
    let person = person();
    let bench = |isa: &str| zeropoint(&["bench", text(&person.model), "--seconds", "0", "--isa", isa]);
    let ended = bench("avx9000");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("avx9000") && ended.err.contains("scalar"), "{}", ended.err);

    let info = |isa: &str| with_environment(&["info", text(&person.model)], &[("ZEROPOINT_ISA", isa)]);
    assert!(info("scalar").out.contains("on tier scalar"));
    let best = zeropoint::Backend::best().isa();
    assert!(info("").out.contains(&format!("on tier {best}")));
    assert_eq!(info("nonsense").code, Some(2));
}

#[test]
fn benches_write_a_line_for_each_tier() {
    let person = person();
    let json = folder("bench").join("bench.json");
    let arguments =
        ["bench", text(&person.model), "--isa", "all", "--threads", "2", "--seconds", "0.05", "--json", text(&json)];
    let ended = zeropoint(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines = std::fs::read_to_string(&json).unwrap();
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tiers = support::tiers();
    assert_eq!(rows.len(), tiers.len());
    for (row, backend) in rows.iter().zip(&tiers) {
        let isa = backend.isa().to_string();
        assert_eq!(row["op"], "net");
        assert_eq!(row["model"], "person_detect_s8pc");
        assert_eq!(row["isa"], isa.as_str());
        assert_eq!(row["threads"], 2);
        assert!(row["ms"].as_f64().is_some_and(|ms| ms > 0.0));
        assert!(ended.out.contains(&isa), "{}", ended.out);
    }
    // And one for each node.
    let nodes = zeropoint(&[&arguments[..], &["--nodes"]].concat());
    assert_eq!(nodes.code, Some(0), "{}", nodes.err);
    let lines = std::fs::read_to_string(&json).unwrap();
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |op: &str| rows.iter().filter(|row| row["op"] == op).count();
    assert_eq!(of("net"), tiers.len());
    assert!(of("node") > 20 * tiers.len(), "{lines}");
    assert!(rows.iter().any(|row| row["node"].as_str().is_some_and(|node| node.starts_with("QLinearConv node"))));
    assert!(nodes.out.contains("operator and kernel") && nodes.out.contains("node and kernel"), "{}", nodes.out);
    for bad in [["--threads", "0"], ["--threads", "99999"], ["--seconds", "-1"], ["--seconds", "nan"]] {
        assert_eq!(zeropoint(&[&["bench", text(&person.model)][..], &bad].concat()).code, Some(2), "{bad:?}");
    }
}

#[test]
fn info_tells_everything() {
    let ended = zeropoint(&["info", text(&model("mbv2_u8s8pc"))]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for expected in [
        "input input: float32 [1, 3, 224, 224]",
        "output output: float32 [1, 1000]",
        "QLinearGlobalAveragePool  464_quantized",
        "of their own",
        "but depthwise: ",
        "activations: ",
        "nodes: 65 on integers, 0 on floats, 2 from one to the other, 1 that only move, 0 that change the memory order",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    let ended = zeropoint(&["info", text(&person().model)]);
    assert!(
        ended.out.contains("whose rounding ONNX leaves open (computed in one stated order): prob"),
        "{}",
        ended.out
    );
}

#[test]
fn info_tells_where_nodes_run_and_why() {
    let path = folder("why_float").join("model.onnx");
    let mut model = Builder::new(13)
        .input("x", U8, &[1, 2, 3, 3])
        .output("y", F32, &[1, 2, 1, 3])
        .f32("s", 0.5)
        .u8("z", 3)
        .i8("wz", 0)
        .constant("w", &[2, 2, 3, 1], Data::I8(vec![1; 12]))
        .constant("bias", &[2], Data::I32(vec![5, 6]))
        .f32("other", 0.125);
    for (what, from, parameters) in [("a", "x", "s z"), ("weights", "w", "s wz"), ("addend", "bias", "other")] {
        model = model.node("DequantizeLinear", &format!("{from} {parameters}"), what, vec![]);
    }
    let model = model.node("Conv", "a weights addend", "sums", vec![]).node("Relu", "sums", "b", vec![]).node(
        "Add",
        "b b",
        "y",
        vec![],
    );
    std::fs::write(&path, model.bytes()).unwrap();
    let ended = zeropoint(&["info", text(&path)]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for expected in [
        "nodes: 0 on integers, 3 on floats, 1 from one to the other, 0 that only move, 0 that change the memory order",
        "float: Conv node \"make_sums\": its bias has another scale than its sums, or a zero point",
        "float: Add node \"make_y\": not all of its operands are dequantised",
    ] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    let unfused = zeropoint(&["info", "--no-fuse", text(&path)]);
    assert!(unfused.out.contains("nodes: 0 on integers, 3 on floats") && !unfused.out.contains("float: "));
}

#[test]
fn info_tells_everything_that_is_unsupported() {
    let path = folder("unsupported").join("model.onnx");
    let model = Builder::new(13)
        .input("x", F32, &[1, 4])
        .output("y", F32, &[1, 4])
        .output("z", U8, &[1, 4])
        .constant("s", &[2], Data::F32(vec![1.0, 1.0]))
        .node("QuantizeLinear", "x s -", "z", vec![int("axis", 1)])
        .node("Erfc", "x", "a", vec![])
        .node("Relu7", "a", "y", vec![]);
    std::fs::write(&path, model.bytes()).unwrap();
    for subcommand in ["info", "run", "bench"] {
        let ended = zeropoint(&[subcommand, text(&path)]);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.err.contains("Erfc node \"make_a\"") && ended.err.contains("Relu7 node \"make_y\""),
            "{}",
            ended.err
        );
    }
    let ended = zeropoint(&["info", text(&path)]);
    assert!(ended.err.contains("y_scale has shape [2], expected [4]"), "{}", ended.err);
    assert!(ended.out.contains("Erfc") && ended.out.contains("none"), "{}", ended.out);
}

#[test]
fn usage_and_files_that_are_not_there() {
    assert_eq!(zeropoint(&[]).code, Some(2));
    assert_eq!(zeropoint(&["dance"]).code, Some(2));
    assert_eq!(zeropoint(&["--help"]).code, Some(0));
    let ended = zeropoint(&["run", "no/such/model.onnx"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("no/such/model.onnx"), "{}", ended.err);
    let ended = zeropoint(&["run", text(&person().model)]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("no value for input0 (int8 [1, 1, 96, 96]): give --image or --input"), "{}", ended.err);
}
