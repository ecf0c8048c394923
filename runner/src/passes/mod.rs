//! Small steps that take a graph as it was read to one that can be planned.

pub mod broadcast;
mod compute;
mod fold;
mod fuse;
mod infer;
pub mod layout;
mod matmul;
mod movement;
mod options;
pub mod prune;
mod report;
mod resize;
pub mod resolve;
mod scales;
mod transposed;
mod window;

pub(crate) use fold::{broadcast_strides, repeated_strides};
pub use fuse::Places;
pub(crate) use infer::{gemm, split, transposition};
pub(crate) use matmul::{MatMul, matmul};
pub(crate) use movement::{along, blocks, integer, pads};
pub use options::{Options, Semantics};
pub use report::{Observer, PassReport};
pub(crate) use resize::resize;
pub(crate) use scales::axis_of_scales;
pub(crate) use transposed::transposed;
pub(crate) use window::{Geometry, convolution, pool};

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
    run_reported(graph, options, problems, &mut |_, _| {});
}

/// Like [`run`], and tells of each pass what it did.
pub fn run_reported(graph: &mut Graph, options: &Options, problems: &mut Problems, observer: &mut Observer<'_>) {
    simplify(graph, options, problems, observer);
    arrange(graph, options, observer);
}

/// The passes that are about what a graph computes. The tensors that they leave are those of the file, but for the few
/// that are marked as internal.
pub(crate) fn simplify(graph: &mut Graph, options: &Options, problems: &mut Problems, observer: &mut Observer<'_>) {
    graph.settle(problems);
    let fired = resolve::resolve(graph, problems);
    observer(graph, &PassReport { name: "resolve", fired });
    let fired = prune::prune(graph);
    observer(graph, &PassReport { name: "prune", fired });
    // What is wrong somewhere is told as it is written.
    if options.fuse && problems.is_empty() {
        for (name, pass) in fuse::PASSES {
            let fired = pass(graph, options);
            observer(graph, &PassReport { name, fired });
        }
        let fired = prune::prune(graph);
        observer(graph, &PassReport { name: "prune", fired });
    }
}

/// The passes that bring operands into the form that kernels take. They come last.
pub(crate) fn arrange(graph: &mut Graph, options: &Options, observer: &mut Observer<'_>) {
    let fired = broadcast::broadcast(graph);
    observer(graph, &PassReport { name: "broadcast", fired });
    let fired = layout::assign(graph);
    observer(graph, &PassReport { name: "layout", fired });
    if !options.keep {
        // What led from one order to another and back.
        let fired = prune::prune(graph);
        observer(graph, &PassReport { name: "prune", fired });
    }
}

/// How many nodes of a graph that has been through the passes work on what.
pub fn places(graph: &Graph) -> Places {
    fuse::places(graph)
}

/// Why each node of a graph that has been through the passes makes floats, where there is more to say than that the
/// network has it so.
pub fn why_float(graph: &Graph, options: &Options) -> Vec<Option<&'static str>> {
    fuse::why_float(graph, options)
}
