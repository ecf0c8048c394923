//! What dequantises images with channels last makes them in C order, where nobody reads the floats in another one.

use std::collections::{HashMap, HashSet};

use super::coincide;
use crate::graph::{Graph, Layout, Node, Op, TensorId, Type};

/// Takes [`Op::Relayout`] nodes into the dequantisers before them. The tensors that are gone.
pub(super) fn absorb(graph: &mut Graph) -> HashSet<TensorId> {
    let mut reads = vec![0usize; graph.tensors.len()];
    graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten()).for_each(|id| reads[id.0] += 1);
    let relayouts: HashMap<TensorId, TensorId> = graph.nodes.iter().filter_map(relayout).collect();
    let mut gone = HashMap::new();
    for node in &graph.nodes {
        let &[floats] = node.outputs.as_slice() else { continue };
        if let Some(&rows) = relayouts.get(&floats)
            && reads[floats.0] == 1
            && !graph.outputs.contains(&floats)
            && is_from_images(graph, node, floats)
        {
            gone.insert(rows, floats);
        }
    }
    for &floats in gone.values() {
        graph.tensor_mut(floats).layout = Layout::RowMajor;
    }
    graph.nodes.retain(|node| relayout(node).is_none_or(|(_, to)| !gone.contains_key(&to)));
    let inputs = graph.nodes.iter_mut().flat_map(|node| node.inputs.iter_mut().flatten());
    for id in inputs.chain(&mut graph.outputs) {
        *id = gone.get(id).copied().unwrap_or(*id);
    }
    gone.into_keys().collect()
}

/// From which tensor to which one a node copies.
fn relayout(node: &Node) -> Option<(TensorId, TensorId)> {
    match (&node.op, node.inputs.as_slice(), node.outputs.as_slice()) {
        (Op::Relayout, &[Some(from)], &[to]) => Some((from, to)),
        _ => None,
    }
}

/// Whether a node dequantises images with channels last from 8 bits to f32. One that is not computed by one scale takes
/// images in C order anyway.
fn is_from_images(graph: &Graph, node: &Node, floats: TensorId) -> bool {
    let Some(x) = node.inputs.first().copied().flatten().map(|id| graph.tensor(id)) else { return false };
    let floats = graph.tensor(floats);
    matches!(node.op, Op::DequantizeLinear { .. })
        && x.type_.is_some_and(Type::is_quantized)
        && floats.type_ == Some(Type::F32)
        && [x.layout, floats.layout] == [Layout::ChannelsLast; 2]
        && floats.shape.as_deref().is_some_and(|shape| !coincide(shape))
}
