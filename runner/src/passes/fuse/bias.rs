//! A constant that is added to each channel behind a product is its bias.

use super::uses::{Uses, rewrite};
use crate::graph::function::Binary;
use crate::graph::{Constant, Data, Graph, Node, Op, TensorId};
use crate::passes::Options;

/// `Conv → Add(constant of channels)` and `ConvTranspose → Add` become one node, where the product has no bias and the
/// addition is its only reader: in floats a bias is added last as well, so nothing changes.
pub(super) fn bias(graph: &mut Graph, _: &Options) -> Vec<String> {
    rewrite(graph, |graph, uses, at, edits| {
        let Op::Binary(Binary::Add) = graph.nodes[at].op else { return };
        let (&[Some(a), Some(b)], &[sum]) = (graph.nodes[at].inputs.as_slice(), graph.nodes[at].outputs.as_slice())
        else {
            return;
        };
        for (made, added) in [(a, b), (b, a)] {
            let Some((product, bias)) = addend(graph, uses, made, added) else { continue };
            if !edits.are_free(&[product]) {
                continue;
            }
            let what = graph.label(&graph.nodes[product]);
            let bias = super::pair::constant(graph, "bias", vec![bias.len()], Data::F32(bias));
            let mut node = graph.nodes[product].clone();
            node.inputs.push(Some(bias));
            node.outputs = vec![sum];
            edits.replace(at, &[product], vec![node], what);
            return;
        }
    })
}

/// The product without a bias that makes a tensor which only an addition reads, and what that adds to each channel.
fn addend(graph: &Graph, uses: &Uses, made: TensorId, added: TensorId) -> Option<(usize, Vec<f32>)> {
    uses.only_reader(made)?;
    let product = uses.maker(made)?;
    let node: &Node = &graph.nodes[product];
    if !matches!(node.op, Op::Conv(_) | Op::ConvTranspose(_)) || node.inputs.len() != 2 {
        return None;
    }
    let shape = graph.tensor(made).shape.as_ref()?;
    let channels = *shape.get(1)?;
    let bias = channel_values(graph.tensor(added).constant.as_deref()?, shape.len(), channels)?;
    Some((product, bias))
}

/// The values of a constant that broadcasts along the channels of a tensor, one for each.
pub(super) fn channel_values(constant: &Constant, rank: usize, channels: usize) -> Option<Vec<f32>> {
    let shape = constant.shape();
    let values = match constant.data() {
        Data::F32(values) => values,
        _ => return None,
    };
    // More axes would be the result's.
    if shape.len() > rank {
        return None;
    }
    if values.len() == 1 {
        return Some(vec![values[0]; channels]);
    }
    // Behind the axis of channels there are only axes of 1.
    let axis = (shape.len() + 1).checked_sub(rank)?;
    let fits = shape.iter().enumerate().all(|(at, &size)| size == if at == axis { channels } else { 1 });
    (fits && values.len() == channels).then(|| values.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_for_each_channel() {
        let constant = |shape: &[usize], values: &[f32]| Constant::new(shape.to_vec(), Data::F32(values.to_vec()));
        let of = |shape: &[usize], values: &[f32]| channel_values(&constant(shape, values).unwrap(), 4, 2);
        assert_eq!(of(&[1, 2, 1, 1], &[3.0, 4.0]), Some(vec![3.0, 4.0]));
        assert_eq!(of(&[2, 1, 1], &[3.0, 4.0]), Some(vec![3.0, 4.0]));
        assert_eq!(of(&[], &[5.0]), Some(vec![5.0, 5.0]));
        // Along the last axis.
        assert_eq!(of(&[2], &[3.0, 4.0]), None);
        assert_eq!(of(&[2, 1, 1, 1], &[3.0, 4.0]), None);
        // With an axis more the sum has one more, too.
        assert_eq!(of(&[1, 1, 2, 1, 1], &[3.0, 4.0]), None);
        assert_eq!(of(&[1, 1, 1, 1, 1], &[3.0]), None);
    }
}
