//! Writes a layer of a transformer's encoder in ONNX's dynamically quantised form, with random weights: what it answers
//! means nothing, and what it costs is what a layer of BERT costs.
//!
//! `cargo run --release -p zeropoint-runner --example encoder -- FILE.onnx [TOKENS WIDTH HEADS INNER]`, 128 768 12 3072 by
//! default.
//!
//! Four products of the width, two of the inner width, each behind a `DynamicQuantizeLinear`: u8 by s8 with a scale for each
//! column, written as onnxruntime's quantiser writes them. The products of two activations, softmax, normalisation and GELU
//! are floats.

mod network;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let path: PathBuf = arguments.next().context("usage: encoder FILE.onnx [TOKENS WIDTH HEADS INNER]")?.into();
    let sizes = arguments.map(|size| size.to_string_lossy().parse()).collect::<Result<Vec<usize>, _>>()?;
    let sizes = match sizes.as_slice() {
        [] => network::Sizes { tokens: 128, width: 768, heads: 12, inner: 3072 },
        &[tokens, width, heads, inner] => network::Sizes { tokens, width, heads, inner },
        _ => anyhow::bail!("four sizes expected, {} given", sizes.len()),
    };
    ensure!(sizes.heads > 0 && sizes.width.is_multiple_of(sizes.heads), "the heads do not divide the width");
    std::fs::write(&path, network::encoder(&sizes)).with_context(|| path.display().to_string())
}
