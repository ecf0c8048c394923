//! `zeropoint run` on several samples: goldens of a set, and the share of right answers.

mod support;

use std::path::{Path, PathBuf};

use support::command::{Ended, floats, npy, text, zeropoint};
use support::{Builder, F32, U8, folder};

/// A network that quantises two numbers in steps of a half.
fn network(folder: &Path) -> PathBuf {
    let path = folder.join("network.onnx");
    let model = Builder::new(13)
        .input("x", F32, &[1, 2])
        .output("y", U8, &[1, 2])
        .f32("scale", 0.5)
        .u8("zero", 10)
        .node("QuantizeLinear", "x scale zero", "y", vec![]);
    std::fs::write(&path, model.bytes()).unwrap();
    path
}

/// Four samples: 10 + x / 0.5 of each.
const X: [f32; 8] = [0.0, 1.0, 2.0, -1.0, 0.5, 0.5, -4.0, 4.0];
const Y: [u8; 8] = [10, 12, 14, 8, 11, 11, 2, 18];

fn golden(path: &Path, images: &str, samples: std::ops::Range<usize>, accuracy: f64) -> PathBuf {
    let y = &Y[samples.start * 2..samples.end * 2];
    let first: Vec<u8> = y.iter().take(8).copied().collect();
    let sum: u32 = y.iter().map(|&value| u32::from(value)).sum();
    let json = serde_json::json!({
        "model": "network", "images": images, "accuracy": accuracy, "passes": {"fused": 1},
        "layers": [{
            "name": "y", "op": "QuantizeLinear", "dtype": "uint8", "shape": [samples.len(), 2],
            "crc32": format!("{:08x}", crc32fast::hash(y)), "sum": sum, "first8": first, "judge": "exact",
        }],
    });
    std::fs::write(path, json.to_string()).unwrap();
    path.to_owned()
}

#[test]
fn goldens_of_several_samples_and_accuracy() {
    let folder = folder("samples");
    let model = network(&folder);
    let x = npy(&folder.join("x.npy"), "<f4", "(4, 2)", &floats(&X));
    // The greatest is at 1, 0, 0 (the first of equals) and 1: three of four are right.
    let labels = npy(&folder.join("labels.npy"), "|u1", "(4,)", &[1, 0, 1, 1]);
    let run = |more: &[&str]| -> Ended { zeropoint(&[&["run", text(&model), "--input", text(&x)][..], more].concat()) };

    let all = golden(&folder.join("all.json"), "set[0:4]", 0..4, 0.75);
    run(&["--golden", text(&all), "--isa", "all"]).expect(0).says("1 integer tensors equal the golden");
    let both = ["--golden", text(&all), "--accuracy", text(&labels)];
    run(&both).expect(0).says("accuracy 0.7500 (3 of 4)").says("1 integer tensors equal the golden");
    // Some of the set.
    let some = golden(&folder.join("some.json"), "set[1:3]", 1..3, 0.75);
    run(&["--golden", text(&some)]).expect(0);
    let wrong = golden(&folder.join("wrong.json"), "set[0:2]", 1..3, 0.75);
    run(&["--golden", text(&wrong)]).expect(1).says("DIFFERS from the golden: tensor y");
    let better = golden(&folder.join("better.json"), "set[0:4]", 0..4, 1.0);
    run(&["--golden", text(&better), "--accuracy", text(&labels)]).expect(1).says("DIFFERS from the golden's 1.0000");

    // Several samples are nothing for a plain run.
    run(&[]).expect(2).complains("has shape [4, 2] (dtype '<f4'), expected float32 [1, 2]");
    let few = npy(&folder.join("few.npy"), "|u1", "(3,)", &[1, 0, 1]);
    run(&["--accuracy", text(&few)]).expect(2).complains("there are 3 labels, but 4 answers");
    let real = npy(&folder.join("real.npy"), "<f4", "(1,)", &floats(&[1.0]));
    run(&["--accuracy", text(&real)]).expect(2).complains("expected integers");
    let other = npy(&folder.join("other.npy"), "<f4", "(4, 3)", &floats(&[0.0; 12]));
    let arguments = ["run", text(&model), "--input", text(&other), "--accuracy", text(&labels)];
    zeropoint(&arguments).expect(2).complains("has shape [4, 3]");
}
