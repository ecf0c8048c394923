//! What a pass did, for those who want to follow.

use crate::graph::Graph;

/// A pass that has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// The pass.
    pub name: &'static str,
    /// What it fired on, in its order: nodes by their labels, tensors by their names.
    pub fired: Vec<String>,
}

/// Hears of each pass when it has run, with the graph as it is then.
pub type Observer<'a> = dyn FnMut(&Graph, &PassReport) + 'a;
