//! Whose arithmetic an operation follows.

/// The runtime whose arithmetic an operation follows, where runtimes differ. Each plan says what it computes for each.
///
/// ```
/// assert_eq!(zeropoint::Runtime::default(), zeropoint::Runtime::Onnxruntime);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Runtime {
    /// onnxruntime on x86-64.
    #[default]
    Onnxruntime,
    /// TFLite's reference kernels, which round twice.
    Tflite,
    /// XNNPACK.
    Xnnpack,
}
