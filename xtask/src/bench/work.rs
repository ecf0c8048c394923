//! What a row measures.

/// A run that can be repeated, of an operation that was checked once.
pub(super) struct Work<'a> {
    pub(super) run: Box<dyn FnMut() + Send + 'a>,
    /// Multiply-accumulates, or bytes read and written, of a run.
    pub(super) amount: f64,
    pub(super) kernel: &'static str,
    /// The type of a product's results.
    pub(super) output: Option<&'static str>,
}
