//! `zeropoint verify`, and `zeropoint info --passes`, from outside.

mod support;

use std::path::{Path, PathBuf};

use support::command::{npy, text, zeropoint};
use support::{Builder, F32, I64, U8, folder, int, model, models};
use zeropoint_runner::graph::Data;

#[test]
fn every_tier_and_number_of_threads_makes_the_same_bits() {
    let ended = zeropoint(&["verify", text(&model("person_detect_s8pc"))]).expect(0);
    for backend in support::tiers() {
        assert!(ended.out.lines().next().unwrap().contains(&backend.isa().to_string()), "{}", ended.out);
    }
    // Two forms of the fused network and one of the other, three sets of inputs, two numbers of threads.
    let runs = support::tiers().len() * 3 * 3 * 2;
    let ended = ended.says("inputs: 3 sets, pseudo-random").says(&format!("{runs} equal  equal"));
    let verdict = ended.last_line();
    assert!(
        verdict.starts_with("person_detect_s8pc: VERIFIED: 32 tensors equal bit for bit in all runs; "),
        "{verdict}"
    );
    assert!(
        verdict.contains("32 equal, 0 differ, 0 are made by the fused form only, 0 by the unfused one"),
        "{verdict}"
    );
}

#[test]
fn inputs_tiers_and_threads_are_chosen() {
    let picture = models().join("pictures/person_astronaut.png");
    let model = model("person_detect_u8s8pc");
    let arguments = ["verify", text(&model), "--image", text(&picture), "--isa", "scalar", "--threads", "3"];
    let ended = zeropoint(&arguments).expect(0).says("tiers scalar; threads 3").says("inputs: as given");
    assert!(ended.out.contains("3 equal  equal"), "{}", ended.out);
    let ended = zeropoint(&[&arguments[..], &["--no-fuse"]].concat()).expect(0).says("1 equal\n");
    assert!(!ended.out.contains("fused against unfused"), "{}", ended.out);
    let ended = zeropoint(&[&arguments[..], &["--semantics", "literal"]].concat()).expect(0);
    assert!(ended.last_line().ends_with("; 0 of those that differ should not"), "{}", ended.out);
}

#[test]
fn fused_and_unfused_may_differ_by_what_the_semantics_say() {
    let folder = folder("verify_ties");
    let path = folder.join("add.onnx");
    let mut model = Builder::new(13).input("a", U8, &[1]).input("b", U8, &[1]).output("y", U8, &[1]);
    model = model.f32("half", 0.5).u8("zero", 0).f32("scale", 1.0).u8("one", 1);
    model = model.node("DequantizeLinear", "a half zero", "af", vec![]);
    model = model.node("DequantizeLinear", "b half zero", "bf", vec![]);
    model = model.node("Add", "af bf", "sum", vec![]).node("QuantizeLinear", "sum scale one", "y", vec![]);
    std::fs::write(&path, model.bytes()).unwrap();
    // 0.5 + 0: rounded before the zero point is added 0 + 1, and after it 2, both to the even one.
    let a = format!("a={}", text(&npy(&folder.join("a.npy"), "|u1", "(1,)", &[1])));
    let b = format!("b={}", text(&npy(&folder.join("b.npy"), "|u1", "(1,)", &[0])));
    let arguments = ["verify", text(&path), "--input", &a, "--input", &b];
    let ended = zeropoint(&arguments).expect(0).says("1 of 1 differ, by at most 1, first at [0]: 1, expected 2");
    assert!(ended.last_line().contains("0 equal, 1 differ, 0 are made by the fused form only, 3 by the unfused one"));
    let ended = zeropoint(&[&arguments[..], &["--semantics", "literal"]].concat()).expect(0);
    assert!(ended.last_line().contains(" equal, 0 differ"), "{}", ended.out);
    // Of a trace every tensor of the file is one, in either form.
    for form in [&[][..], &["--no-fuse"]] {
        let trace = folder.join("trace.json");
        zeropoint(&[&["run", text(&path), "--input", &a, "--input", &b, "--trace", text(&trace)][..], form].concat())
            .expect(0);
        let trace = std::fs::read_to_string(trace).unwrap();
        assert_eq!(trace.contains("QLinearAdd"), form.is_empty(), "{trace}");
    }
}

/// A network that looks its input up in a table of three rows.
fn gather(folder: &Path) -> PathBuf {
    let path = folder.join("gather.onnx");
    let model = Builder::new(13)
        .input("at", I64, &[2])
        .output("y", U8, &[2, 2])
        .constant("table", &[3, 2], Data::U8(vec![1, 2, 3, 4, 5, 6]))
        .node("Gather", "table at", "y", vec![int("axis", 0)]);
    std::fs::write(&path, model.bytes()).unwrap();
    path
}

#[test]
fn models_that_cannot_be_run_do_not_hide_the_others() {
    let folder = folder("verify");
    let none = folder.join("none.onnx");
    let person = model("person_detect_s8pc");
    let ended = zeropoint(&["verify", text(&none), text(&person), "--isa", "scalar", "--threads", "1"]).expect(2);
    let ended = ended.says("none.onnx").says("person_detect_s8pc: VERIFIED").says("1 of 2 models VERIFIED");
    ended.complains("1 of 2 models could not be run");

    // Pseudo-random indices are outside the table.
    let gather = gather(&folder);
    let ended = zeropoint(&["verify", text(&gather)]).expect(2);
    let ended = ended.complains("gather.onnx on pseudo-random inputs (--input gives others)");
    ended.complains("Gather");
    let at = npy(&folder.join("at.npy"), "<i8", "(2,)", &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    zeropoint(&["verify", text(&gather), "--input", text(&at)]).expect(0).says("gather: VERIFIED: 1 tensors");

    zeropoint(&["verify"]).expect(2);
    for bad in [["--threads", "0"], ["--threads", "1,x"], ["--isa", "avx9000"], ["--semantics", "mine"]] {
        zeropoint(&[&["verify", text(&person)][..], &bad].concat()).expect(2);
    }
}

#[test]
fn passes_are_shown_with_what_they_fired_on() {
    let path = folder("passes").join("model.onnx");
    let model = Builder::new(13)
        .input("x", F32, &[1, 4])
        .output("y", F32, &[4, 1])
        .node("Shape", "x", "size", vec![])
        .constant("order", &[2], Data::I64(vec![1, 0]))
        .node("Gather", "size order", "turned", vec![int("axis", 0)])
        .node("Reshape", "x turned", "y", vec![]);
    std::fs::write(&path, model.bytes()).unwrap();
    let ended = zeropoint(&["info", text(&path), "--passes"]).expect(0);
    let expected = "\
as the file has it: 3 nodes
  Shape(x) -> size
  Gather(size, order = int64 [2]) -> turned
  Reshape(x, turned) -> y

pass resolve: fired 2 times
  on Shape node \"make_size\"
  on Gather node \"make_turned\"
after pass resolve: 1 nodes
  Reshape(x, turned = int64 [2]) -> y: float32 [4, 1]

pass prune: fired 0 times
";
    assert!(ended.out.starts_with(expected), "{}", ended.out);
    ended.says("on tier");
}

#[test]
fn forms_are_options_of_all_commands() {
    let person = model("person_detect_s8pc");
    let picture = models().join("pictures/person_astronaut.png");
    let forms = ["--no-fuse", "--semantics", "literal"];
    zeropoint(&[&["run", text(&person), "--image", text(&picture)][..], &forms].concat()).expect(0);
    zeropoint(&[&["bench", text(&person), "--seconds", "0"][..], &forms].concat()).expect(0);
    zeropoint(&[&["info", text(&person)][..], &forms].concat()).expect(0);
    let nowhere = folder("no_cases");
    zeropoint(&[&["conformance", text(&nowhere)][..], &forms].concat()).expect(2).complains("there is no case below");
}
