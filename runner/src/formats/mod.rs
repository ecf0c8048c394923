//! Readers of files. A format knows the graph, and nothing of passes or execution.

#[cfg(feature = "onnx")]
pub mod onnx;
