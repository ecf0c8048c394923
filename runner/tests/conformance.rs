//! `zeropoint conformance` on corpora made on the spot.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message;
use support::{Builder, F32, U8, folder, tensor, tiers};
use zeropoint_runner::graph::Data;

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn last(&self) -> &str {
        self.out.lines().last().unwrap_or("")
    }
}

fn conformance(folder: &Path, more: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_zeropoint"))
        .args(["conformance", folder.to_str().unwrap()])
        .args(if more.contains(&"--isa") { &[][..] } else { &["--isa", "scalar"] })
        .args(more)
        .env_remove("ZEROPOINT_ISA")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn write_tensor(path: PathBuf, name: &str, dims: &[i64], data: Data) {
    std::fs::write(path, tensor(name, dims, data).encode_to_vec()).unwrap();
}

/// A case of one node from `x` to `y`.
fn case(folder: &Path, name: &str, op: &str, expected: Data) -> PathBuf {
    let case = folder.join(name);
    let set = case.join("test_data_set_0");
    std::fs::create_dir_all(&set).unwrap();
    let model = Builder::new(21).input("x", F32, &[2, 2]).output("y", U8, &[2, 2]).f32("s", 0.5).u8("z", 3).node(
        op,
        "x s z",
        "y",
        vec![],
    );
    std::fs::write(case.join("model.onnx"), model.bytes()).unwrap();
    write_tensor(set.join("input_0.pb"), "x", &[2, 2], Data::F32(vec![0.0, 0.5, 1.0, 1.5]));
    write_tensor(set.join("output_0.pb"), "y", &[2, 2], expected);
    case
}

fn right() -> Data {
    Data::U8(vec![3, 4, 5, 6])
}

#[test]
fn each_outcome_is_counted_and_told() {
    let folder = folder("outcomes");
    case(&folder, "right", "QuantizeLinear", right());
    case(&folder, "deeper/right", "QuantizeLinear", right());
    case(&folder, "wrong", "QuantizeLinear", Data::U8(vec![3, 4, 9, 9]));
    case(&folder, "unknown", "Surprise", right());
    case(&folder, "special/wrong", "QuantizeLinear", Data::U8(vec![3, 4, 9, 9]));
    let json = folder.join("outcomes.json");
    let ended = conformance(&folder, &["--json", json.to_str().unwrap()]);
    assert_eq!((ended.code, ended.last()), (Some(1), "2 passed, 1 failed, 1 unsupported"), "{}", ended.out);
    let told: Vec<&str> = ended.out.lines().collect();
    assert_eq!(
        told,
        [
            "special, not counted: failed special/wrong: test_data_set_0: output \"y\" at [1, 0] is 5, expected 9",
            "unsupported unknown: Surprise node \"make_y\": this operator is not known",
            "failed wrong: test_data_set_0: output \"y\" at [1, 0] is 5, expected 9",
            "special, not counted: 0 equal, 1 different, 0 unsupported",
            "2 passed, 1 failed, 1 unsupported",
        ]
    );
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(written.as_array().unwrap().len(), 5);
    assert_eq!(written[4]["case"], "wrong");
    assert_eq!(written[4]["tier"], "scalar");
    assert_eq!(written[4]["outcome"], "failed");

    std::fs::remove_dir_all(folder.join("wrong")).unwrap();
    let ended = conformance(&folder, &[]);
    assert_eq!((ended.code, ended.last()), (Some(0), "2 passed, 0 failed, 1 unsupported"), "{}", ended.out);
}

#[test]
fn an_index_grants_tolerances() {
    let folder = folder("indices");
    case(&folder, "near", "QuantizeLinear", Data::U8(vec![3, 4, 6, 6]));
    let last = |index: Option<(&str, &str)>| {
        for name in ["manifest.json", "index.json"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        if let Some((name, text)) = index {
            std::fs::write(folder.join(name), text).unwrap();
        }
        conformance(&folder, &[]).last().to_owned()
    };
    let (passed, failed) = ("1 passed, 0 failed, 0 unsupported", "0 passed, 1 failed, 0 unsupported");
    assert_eq!(last(None), failed);
    let manifest = r#"{"cases": [{"path": "near", "judge": [{"mode": "lsb", "max": 1}]}]}"#;
    assert_eq!(last(Some(("manifest.json", manifest))), passed);
    assert_eq!(last(Some(("index.json", r#"{"cases": [{"name": "near", "rtol": 1, "atol": 9}]}"#))), failed);
    assert_eq!(last(Some(("index.json", r#"[{"name": "near", "judge": "lsb"}]"#))), passed);
    assert_eq!(last(Some(("index.json", r#"[{"name": "near", "judge": "exact"}]"#))), failed);
}

#[test]
fn broken_files_are_errors() {
    let empty = folder("empty");
    let ended = conformance(&empty, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("there is no case below"), "{}", ended.err);

    let folder = folder("broken");
    let failed = |reason: &str| {
        let ended = conformance(&folder, &[]);
        assert_eq!((ended.code, ended.last()), (Some(1), "0 passed, 1 failed, 0 unsupported"), "{}", ended.out);
        assert!(ended.out.contains(reason), "expected \"{reason}\", came \"{}\"", ended.out);
    };
    let case = case(&folder, "case", "QuantizeLinear", right());
    let set = case.join("test_data_set_0");
    write_tensor(set.join("output_0.pb"), "y", &[4], right());
    failed("output \"y\" is uint8 [2, 2], expected uint8 [4]");
    write_tensor(set.join("output_0.pb"), "y", &[2, 2], Data::I8(vec![3, 4, 5, 6]));
    failed("output \"y\" is uint8 [2, 2], expected int8 [2, 2]");
    write_tensor(set.join("output_0.pb"), "y", &[3], right());
    failed("output_0.pb: uint8 [3] needs 3 bytes, raw_data has 4");
    write_tensor(set.join("output_1.pb"), "y", &[4], right());
    failed("output_1.pb is one more output than the network's 1");
    std::fs::remove_file(set.join("output_1.pb")).unwrap();
    write_tensor(set.join("output_0.pb"), "y", &[2, 2], right());
    write_tensor(set.join("input_0.pb"), "x", &[4], Data::F32(vec![0.0; 4]));
    failed("input \"x\" has shape [2, 2], but input_0.pb has [4]");
    write_tensor(set.join("input_0.pb"), "x", &[2, 2], Data::U8(vec![0; 4]));
    failed("x: is float32, not uint8");
    std::fs::write(set.join("input_0.pb"), [0xff; 9]).unwrap();
    failed("input_0.pb: is no ONNX tensor");
    std::fs::remove_file(set.join("input_0.pb")).unwrap();
    failed("input_0.pb: No such file");
    std::fs::remove_dir_all(&set).unwrap();
    failed("there is no folder test_data_set_0");
    std::fs::write(case.join("model.onnx"), [0xff; 9]).unwrap();
    failed("is no ONNX model");

    std::fs::write(folder.join("index.json"), "[{]").unwrap();
    let ended = conformance(&folder, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("index.json: is no index of cases"), "{}", ended.err);
}

#[test]
fn all_tiers_count() {
    let folder = folder("tiers");
    case(&folder, "right", "QuantizeLinear", right());
    let output = Command::new(env!("CARGO_BIN_EXE_zeropoint"))
        .args(["conformance", folder.to_str().unwrap(), "--isa", "all"])
        .env_remove("ZEROPOINT_ISA")
        .output()
        .unwrap();
    let expected = format!("{} passed, 0 failed, 0 unsupported\n", tiers().len());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// All cases of an archive of the repository, which has so many that count.
fn all_pass(archive: &str, count: usize) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(archive);
    let ended = conformance(&archive, &["--isa", "all"]);
    let expected = format!("{} passed, 0 failed, 0 unsupported", count * tiers().len());
    assert_eq!((ended.code, ended.last()), (Some(0), expected.as_str()), "{}", ended.out);
}

#[test]
fn the_operators_that_are_carried_along_pass_on_every_tier() {
    all_pass("cases.tar.gz", 431);
}

#[test]
fn the_patterns_that_are_carried_along_pass_on_every_tier() {
    all_pass("pairs.tar.gz", 81);
}

#[test]
fn what_is_no_archive_is_an_error() {
    let file = folder("no-archive").join("cases.tar.gz");
    std::fs::write(&file, "no archive").unwrap();
    let ended = conformance(&file, &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.out);
    assert!(ended.err.contains("cases.tar.gz: is no archive of cases"), "{}", ended.err);
}
