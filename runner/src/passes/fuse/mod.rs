//! From floats between quantisers and dequantisers to operators on integers, in small steps.
//!
//! Each step is right by itself: it fires under the conditions that its file states, and what it leaves is computed as it
//! was. Steps that make room for others come first.

mod batch_norm;
mod bias;
#[cfg(test)]
mod build;
mod clamps;
mod clips;
mod dynamic;
mod identities;
mod merge;
mod movement;
mod operators;
mod pair;
mod places;
mod products;
mod squash;
mod tables;
mod uses;

pub use self::places::Places;
pub(super) use self::places::places;
use super::Options;
use crate::graph::{Graph, Op, TensorId, Type};

/// A step, by its name: it changes the graph, and tells of what.
pub(super) type Pass = (&'static str, fn(&mut Graph, &Options) -> Vec<String>);

/// All steps in their order.
pub(super) const PASSES: [Pass; 14] = [
    ("sums to floats", dynamic::dynamic),
    ("merge equal quantisers", merge::merge),
    ("biases", bias::bias),
    ("batch normalisations", batch_norm::batch_norm),
    ("clamps behind quantisers", clips::clips),
    ("dequantisers behind movement", movement::dequantizers_down),
    ("quantisers before movement", movement::quantizers_up),
    ("clamps behind moved quantisers", clips::clips),
    ("equal pairs", squash::squash),
    ("products", products::products),
    ("operators", operators::operators),
    ("tables", tables::tables),
    ("copies", identities::identities),
    ("clamps in operators", clamps::clamps),
];

/// Why each node that makes floats does, by its index: nothing for one that makes other types, or whose reason is that it
/// stands where the network wants floats.
pub(super) fn why_float(graph: &Graph, options: &Options) -> Vec<Option<&'static str>> {
    let graph = &in_one_order(graph);
    let uses = uses::Uses::of(graph);
    let reason = |at: usize| {
        let node = &graph.nodes[at];
        let is_fixed = |&id: &TensorId| uses.is_fixed(id);
        if !options.fuse || node.outputs.iter().any(is_fixed) {
            return None;
        }
        let makes_floats = node.outputs.iter().any(|&id| graph.tensor(id).type_.is_some_and(Type::is_float));
        let product = products::why_float(graph, &uses, at, options);
        let operator = || operators::why_float(graph, &uses, at, options);
        makes_floats.then(|| product.or_else(operator))?
    };
    (0..graph.nodes.len()).map(reason).collect()
}

/// The graph as if no tensor were brought into another memory order: what reads such a one reads the tensor itself.
fn in_one_order(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    let mut original: Vec<TensorId> = (0..graph.tensors.len()).map(TensorId).collect();
    for node in &mut graph.nodes {
        node.inputs.iter_mut().flatten().for_each(|id| *id = original[id.0]);
        if let (Op::Relayout, &[Some(from)], &[to]) = (&node.op, node.inputs.as_slice(), node.outputs.as_slice()) {
            original[to.0] = from;
            node.inputs.clear();
        }
    }
    graph.outputs.iter_mut().for_each(|id| *id = original[id.0]);
    graph
}
