//! What a graph is to become.

/// Which definition an operator between quantised tensors is computed by, where there are two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantics {
    /// As onnxruntime computes its fused operators: a sum, a product and an average are rounded after the zero point is
    /// added, and a bias of floats becomes one of s32.
    #[default]
    Ort,
    /// As the text of ONNX says: dequantise, operate in floats, quantise.
    Literal,
}

/// How a graph is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Operators between dequantised and quantised tensors become operators on integers.
    pub fuse: bool,
    /// By which definition.
    pub semantics: Semantics,
    /// Every quantised tensor of the file is made: no operator takes in what stands behind it.
    pub keep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { fuse: true, semantics: Semantics::Ort, keep: false }
    }
}

impl Options {
    /// These, with or without fusing.
    #[must_use]
    pub const fn fuse(self, fuse: bool) -> Self {
        Self { fuse, ..self }
    }

    /// These, by another definition.
    #[must_use]
    pub const fn semantics(self, semantics: Semantics) -> Self {
        Self { semantics, ..self }
    }

    /// These, with every tensor of the file kept or not.
    #[must_use]
    pub const fn keep(self, keep: bool) -> Self {
        Self { keep, ..self }
    }
}
