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
mod identities;
mod merge;
mod movement;
mod operators;
mod pair;
mod products;
mod squash;
mod tables;
mod uses;

use super::Options;
use crate::graph::Graph;

/// A step, by its name: it changes the graph, and tells of what.
pub(super) type Pass = (&'static str, fn(&mut Graph, &Options) -> Vec<String>);

/// All steps in their order.
pub(super) const PASSES: [Pass; 13] = [
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
