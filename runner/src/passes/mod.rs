//! Small steps that take a graph as it was read to one that can be planned.

pub mod broadcast;
mod fold;
mod fuse;
mod infer;
mod infer_products;
pub mod layout;
mod matmul;
mod options;
pub mod prune;
pub mod resolve;
mod window;

pub(crate) use fold::{broadcast_strides, gather_indices};
pub(crate) use infer::{split, transposition};
pub(crate) use infer_products::{gemm, pad_sizes};
pub(crate) use matmul::{MatMul, matmul};
pub use options::{Options, Semantics};
pub(crate) use window::{Geometry, Pooled, convolution, pool};

use crate::error::{Error, Problems};
use crate::graph::Graph;

/// All passes in their order; an error lists everything that is in the way.
pub fn prepare(graph: &mut Graph, options: &Options) -> Result<(), Error> {
    let mut problems = Problems::default();
    run(graph, options, &mut problems);
    problems.into_result()
}

/// All passes in their order, as far as the graph goes.
pub fn run(graph: &mut Graph, options: &Options, problems: &mut Problems) {
    resolve::resolve(graph, problems);
    prune::prune(graph);
    if options.fuse && problems.is_empty() {
        for (_, pass) in fuse::PASSES {
            pass(graph, options);
        }
        prune::prune(graph);
    }
    broadcast::broadcast(graph);
    layout::assign(graph);
}

/// Why each node of a graph that has been through the passes makes floats, where there is more to say than that the
/// network has it so.
pub fn why_float(graph: &Graph, options: &Options) -> Vec<Option<&'static str>> {
    fuse::why_float(graph, options)
}
