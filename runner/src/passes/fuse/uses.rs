//! Who makes a tensor and who reads it, and changes of a graph that do not get into each other's way.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Node, TensorId};

/// Makers and readers of all tensors of a graph, as indices of its nodes.
pub(super) struct Uses {
    makers: Vec<Option<usize>>,
    readers: Vec<Vec<usize>>,
    outputs: HashSet<TensorId>,
    fixed: Vec<bool>,
}

impl Uses {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut makers = vec![None; graph.tensors.len()];
        let mut readers = vec![Vec::new(); graph.tensors.len()];
        let mut fixed: Vec<bool> = graph.tensors.iter().map(|tensor| tensor.constant.is_some()).collect();
        for (at, node) in graph.nodes.iter().enumerate() {
            node.outputs.iter().for_each(|id| makers[id.0] = Some(at));
            node.inputs.iter().flatten().for_each(|id| readers[id.0].push(at));
            let mut inputs = node.inputs.iter().flatten().peekable();
            if inputs.peek().is_some() && inputs.all(|id| fixed[id.0]) {
                node.outputs.iter().for_each(|id| fixed[id.0] = true);
            }
        }
        Self { makers, readers, outputs: graph.outputs.iter().copied().collect(), fixed }
    }

    /// The node that makes a tensor.
    pub(super) fn maker(&self, id: TensorId) -> Option<usize> {
        self.makers.get(id.0).copied().flatten()
    }

    /// The nodes that read a tensor, once for each operand.
    pub(super) fn readers(&self, id: TensorId) -> &[usize] {
        self.readers.get(id.0).map_or(&[], Vec::as_slice)
    }

    /// Whether the caller gets it.
    pub(super) fn is_output(&self, id: TensorId) -> bool {
        self.outputs.contains(&id)
    }

    /// Whether it has the same value in every run: a constant, or what nodes make of constants alone.
    pub(super) fn is_fixed(&self, id: TensorId) -> bool {
        self.fixed.get(id.0).is_some_and(|&fixed| fixed)
    }

    /// The one node that reads a tensor, once, which the caller does not get.
    pub(super) fn only_reader(&self, id: TensorId) -> Option<usize> {
        match self.readers(id) {
            &[reader] if !self.is_output(id) => Some(reader),
            _ => None,
        }
    }
}

/// Changes of one walk over a graph. Each takes nodes away and puts others in the place of one of them; one that needs a
/// node that another has changed waits for the next walk.
#[derive(Default)]
pub(super) struct Edits {
    places: HashMap<usize, Vec<Node>>,
    touched: HashSet<usize>,
    fired: Vec<String>,
}

impl Edits {
    /// Whether none of the nodes is changed yet.
    pub(super) fn are_free(&self, nodes: &[usize]) -> bool {
        nodes.iter().all(|node| !self.touched.contains(node))
    }

    /// Puts nodes in the place of one. Those that are in `with` are looked at, and stay.
    pub(super) fn replace(&mut self, at: usize, with: &[usize], nodes: Vec<Node>, what: String) {
        self.touched.insert(at);
        self.touched.extend(with);
        self.places.insert(at, nodes);
        self.fired.push(what);
    }

    /// Takes nodes away that a change has made superfluous.
    pub(super) fn remove(&mut self, at: usize) {
        self.touched.insert(at);
        self.places.insert(at, Vec::new());
    }

    /// Makes the changes, and tells them.
    pub(super) fn apply(mut self, graph: &mut Graph) -> Vec<String> {
        if !self.places.is_empty() {
            let nodes = std::mem::take(&mut graph.nodes);
            graph.nodes.reserve(nodes.len());
            for (at, node) in nodes.into_iter().enumerate() {
                match self.places.remove(&at) {
                    Some(nodes) => graph.nodes.extend(nodes),
                    None => graph.nodes.push(node),
                }
            }
        }
        self.fired
    }
}

/// The most walks of a pass: one that moves along a chain takes one for each node of it, and no file may ask for more than
/// that. What is left is right as it is.
const MOST_WALKS: usize = 256;

/// Walks over the graph until nothing changes: `matching` looks at one node, and enters what it changes.
pub(super) fn rewrite(
    graph: &mut Graph,
    mut matching: impl FnMut(&mut Graph, &Uses, usize, &mut Edits),
) -> Vec<String> {
    let mut fired = Vec::new();
    for _ in 0..MOST_WALKS {
        let uses = Uses::of(graph);
        let mut edits = Edits::default();
        for at in 0..graph.nodes.len() {
            if edits.are_free(&[at]) {
                matching(graph, &uses, at, &mut edits);
            }
        }
        let now = edits.apply(graph);
        if now.is_empty() {
            break;
        }
        fired.extend(now);
        crate::passes::prune::prune(graph);
    }
    fired
}
