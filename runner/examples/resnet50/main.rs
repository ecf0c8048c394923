//! Writes a network of the shape of ResNet-50 in ONNX's operator form, with random weights: what it answers means nothing,
//! and what it costs is what ResNet-50 costs.
//!
//! `cargo run --release -p zeropoint-runner --example resnet50 -- FILE.onnx`
//!
//! Activations are u8 and weights s8 with a scale for each output channel; strides are in the 3 × 3 convolutions. Scales are
//! such that activations spread over the type. Beside the file, in the order that the models of this repository have, go an
//! input (`inputs/`) and the output of the scalar tier for it (`golden/`), as NumPy's files.

mod builder;
mod golden;
mod network;
mod spread;

use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let path: PathBuf = std::env::args_os().nth(1).context("usage: resnet50 FILE.onnx")?.into();
    let model = network::resnet50().bytes();
    std::fs::write(&path, &model).with_context(|| path.display().to_string())?;
    golden::write(&path, &model)
}
