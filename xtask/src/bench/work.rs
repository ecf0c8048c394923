//! What a row measures.

/// A run that can be repeated, of an operation that was checked once.
pub(crate) struct Work<'a> {
    pub(crate) run: Box<dyn FnMut() + Send + 'a>,
    /// Multiply-accumulates, or bytes read and written, of a run.
    pub(crate) amount: f64,
    pub(crate) kernel: &'static str,
    /// The type of a product's results.
    pub(crate) output: Option<&'static str>,
}
