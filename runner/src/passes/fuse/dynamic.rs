//! Integer products behind which a graph writes out what turns sums into floats, as one operator that does it in its store.
//!
//! ```text
//! MatMulInteger(a, b, za, zb) or ConvInteger(x, w, zx, zw)  ─ Cast to f32 ─ Mul by s ─ [Add of c]  =  y
//! Mul(sa, sb)  =  s
//!
//! MatMulIntegerToFloat(a, b, sa, sb, za, zb, c)  =  y
//! ConvIntegerToFloat(x, sx, zx, w, sw, zw, c)  =  y
//! ```
//!
//! Both compute `f32(f32(sum) * f32(sa * sb)) + c`, in the same single operations, so that not a bit of `y` is another one.
//!
//! It fires where
//! * `b` is a constant matrix, or `w` a constant and `x` an image or a line, and so are their zero points, which are one for
//!   all or one for each column or output channel; `za` is left out or one for all;
//! * the sums, what the cast makes and, with an `Add`, the product are read by the next node of the chain alone, and are no
//!   outputs of the graph: nobody sees that they are not made;
//! * `s` is a product of two scales, in either order: one for all, and one for all or one for each column or channel along
//!   the axis of these, so that `y` has the shape of the sums. A scale of each column that is no constant has to have one
//!   axis. Or `s` is a constant of such a shape, beside which the scale of the input is 1;
//! * `c` is a constant of f32 that is one for all, or one for each column or channel along their axis. Behind an `Add` of
//!   anything else the chain ends with the product.
//!
//! A node that quantises stays as it is: as in attention, several products may read what it makes. With
//! [`Options::keep`] nothing is done: the sums have to be made.

use super::pair::constant;
use super::uses::{Uses, rewrite};
use crate::graph::function::Binary;
use crate::graph::{Data, Graph, Node, Op, Tensor, TensorId, Type, shape};
use crate::passes::Options;

/// Makes one operator of each such chain.
pub(super) fn dynamic(graph: &mut Graph, options: &Options) -> Vec<String> {
    if options.keep {
        return Vec::new();
    }
    rewrite(graph, |graph, uses, at, edits| {
        let Some(found) = find(graph, uses, at).filter(|found| edits.are_free(&[found.last])) else { return };
        let what = graph.label(&graph.nodes[at]);
        let (last, node) = found.into_node(graph, at);
        edits.replace(last, &[at], vec![node], what);
    })
}

/// The node that alone reads what a node makes.
fn next<'a>(graph: &'a Graph, uses: &Uses, node: &Node) -> Option<(usize, &'a Node)> {
    let &[output] = node.outputs.as_slice() else { return None };
    uses.only_reader(output).map(|at| (at, &graph.nodes[at]))
}

/// Where columns or output channels lie in the shape of the sums.
#[derive(Clone, Copy)]
struct Columns {
    count: usize,
    /// Axes behind theirs.
    behind: usize,
}

impl Columns {
    /// Whether values of a shape are one for all, or one for each column along their axis.
    fn fit(self, shape: &[usize]) -> bool {
        is_one(shape)
            || shape.len().checked_sub(self.behind + 1).is_some_and(|axis| {
                shape[axis] == self.count && shape.iter().enumerate().all(|(other, &size)| other == axis || size == 1)
            })
    }
}

fn is_one(shape: &[usize]) -> bool {
    shape::elements(shape) == Ok(1)
}

/// A chain.
struct Found {
    /// The node that makes `y`.
    last: usize,
    /// Of the input, which is 1 where there is none, and of the weights.
    scales: (Option<TensorId>, TensorId),
    bias: Option<TensorId>,
}

fn find(graph: &Graph, uses: &Uses, at: usize) -> Option<Found> {
    let node = &graph.nodes[at];
    let columns = columns(graph, node)?;
    let shape_of = |id: TensorId| graph.tensor(id).shape.as_deref();
    let sums = shape_of(*node.outputs.first()?)?;

    let (_, cast) = next(graph, uses, node).filter(|(_, cast)| cast.op == Op::Cast { to: Type::F32 })?;
    let (product, scaled) = next(graph, uses, cast).filter(|(_, node)| node.op == Op::Binary(Binary::Mul))?;
    let scale = other(scaled, *cast.outputs.first()?)?;
    let scales = scales(graph, uses, columns, scale)?;
    let made = *scaled.outputs.first()?;
    if shape_of(made)? != sums || graph.tensor(scale).type_ != Some(Type::F32) {
        return None;
    }

    let bias = next(graph, uses, scaled).and_then(|(at, add)| {
        let bias = (add.op == Op::Binary(Binary::Add)).then(|| other(add, made))??;
        let known = graph.tensor(bias).constant.as_ref()?;
        let fits = known.type_() == Type::F32 && columns.fit(known.shape());
        (fits && shape_of(*add.outputs.first()?)? == sums).then_some((at, bias))
    });
    let (last, bias) = bias.map_or((product, None), |(at, bias)| (at, Some(bias)));
    Some(Found { last, scales, bias })
}

/// The scales that a tensor is the product of: that of the input, unless a constant is both at once, and that of the
/// weights.
fn scales(graph: &Graph, uses: &Uses, columns: Columns, product: TensorId) -> Option<(Option<TensorId>, TensorId)> {
    if let Some(known) = &graph.tensor(product).constant {
        return columns.fit(known.shape()).then_some((None, product));
    }
    let made = &graph.nodes[uses.maker(product)?];
    let (Op::Binary(Binary::Mul), &[Some(one), Some(another)]) = (&made.op, made.inputs.as_slice()) else {
        return None;
    };
    let is_constant = |id: TensorId| graph.tensor(id).constant.is_some();
    let shape_of = |id: TensorId| graph.tensor(id).shape.as_deref();
    let fits = |of_input: TensorId, of_weights: TensorId| {
        let shape = shape_of(of_weights)?;
        let plain = is_one(shape) || is_constant(of_weights) || shape.len() == 1;
        (is_one(shape_of(of_input)?) && columns.fit(shape) && plain).then_some((Some(of_input), of_weights))
    };
    // Where both are one for all, a constant is rather the weights'.
    let (first, then) = if is_constant(one) { (another, one) } else { (one, another) };
    fits(first, then).or_else(|| fits(then, first))
}

/// The operand beside the given one of a node with two.
fn other(node: &Node, operand: TensorId) -> Option<TensorId> {
    match *node.inputs.as_slice() {
        [Some(a), Some(b)] if a == operand => Some(b),
        [Some(a), Some(b)] if b == operand => Some(a),
        _ => None,
    }
}

/// The columns of an integer product that may have floats as results.
fn columns(graph: &Graph, node: &Node) -> Option<Columns> {
    let operand = |index: usize| node.inputs.get(index).copied().flatten().map(|id| graph.tensor(id));
    let (x, w) = (operand(0)?, operand(1)?);
    let (of_x, of_w) = (x.shape.as_deref()?, w.shape.as_deref()?);
    let columns = match &node.op {
        Op::MatMulInteger if of_x.len() >= 2 && of_w.len() == 2 => Columns { count: of_w[1], behind: 0 },
        Op::ConvInteger(attributes) if matches!(of_x.len(), 3 | 4) && !attributes.channels_last => {
            Columns { count: *of_w.first()?, behind: of_x.len() - 2 }
        }
        _ => return None,
    };
    let of_columns = |zero: &Tensor| {
        let one_axis = zero.shape.as_deref().is_some_and(|shape| is_one(shape) || *shape == [columns.count]);
        zero.constant.is_some() && zero.type_ == w.type_ && one_axis
    };
    let of_all = |zero: &Tensor| zero.type_ == x.type_ && zero.shape.as_deref().is_some_and(is_one);
    let fits = w.constant.is_some() && operand(2).is_none_or(of_all) && operand(3).is_none_or(of_columns);
    fits.then_some(columns)
}

impl Found {
    /// The node that computes the chain of the product at an index, and whose place it takes.
    fn into_node(self, graph: &mut Graph, product: usize) -> (usize, Node) {
        let Self { last, scales: (of_input, of_weights), bias } = self;
        // By a scale of 1 another is multiplied exactly.
        let of_input = Some(of_input.unwrap_or_else(|| constant(graph, "1", vec![], Data::F32(vec![1.0]))));
        let of_weights = Some(flat(graph, of_weights));
        let bias = bias.map(|bias| flat(graph, bias));
        let Node { op, inputs, .. } = &graph.nodes[product];
        let operand = |index: usize| inputs.get(index).copied().flatten();
        let [x, w, of_x, of_w] = [0, 1, 2, 3].map(operand);
        let (op, inputs) = match op {
            Op::ConvInteger(attributes) => {
                let op = Op::ConvIntegerToFloat(attributes.clone());
                (op, vec![x, of_input, of_x, w, of_weights, of_w, bias])
            }
            _ => (Op::MatMulIntegerToFloat, vec![x, w, of_input, of_weights, of_x, of_w, bias]),
        };
        let Node { name, outputs, .. } = &graph.nodes[last];
        (last, Node { name: name.clone(), op, inputs, outputs: outputs.clone(), clamp: None })
    }
}

/// A constant of f32 with one axis; what has one, or is no constant, as it is.
fn flat(graph: &mut Graph, id: TensorId) -> TensorId {
    let tensor = graph.tensor(id);
    let (Some(known), name) = (&tensor.constant, tensor.name.clone()) else { return id };
    let Data::F32(values) = known.data() else { return id };
    if known.shape().len() <= 1 {
        return id;
    }
    let values = values.clone();
    constant(graph, &name, vec![values.len()], Data::F32(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Constant;
    use crate::graph::op::Convolution;

    /// A chain of a product of `x` with weights of 3 columns, or output channels; an entry each may be put in its place.
    struct Chain {
        op: Op,
        graph: Graph,
    }

    fn activation(graph: &mut Graph, name: &str, type_: Type, shape: &[usize]) -> TensorId {
        graph.add(Tensor { type_: Some(type_), shape: Some(shape.to_vec()), ..Tensor::named(name) })
    }

    fn constant(graph: &mut Graph, name: &str, shape: &[usize], data: impl Fn(usize) -> Data) -> TensorId {
        let constant = Constant::new(shape.to_vec(), data(shape.iter().product())).unwrap();
        graph.add(Tensor::constant(name, constant))
    }

    fn floats(count: usize) -> Data {
        Data::F32(vec![0.5; count])
    }

    fn bytes(count: usize) -> Data {
        Data::U8(vec![1; count])
    }

    /// Shapes of the scale of x and of the weights, and of the addend.
    fn chain(op: Op, of_x: &[usize], of_w: &[usize], addend: Option<&[usize]>) -> Chain {
        let mut graph = Graph::default();
        let is_matrix = op == Op::MatMulInteger;
        let (x, w, y): (&[usize], &[usize], &[usize]) = match is_matrix {
            true => (&[2, 4], &[4, 3], &[2, 3]),
            false => (&[1, 2, 5, 5], &[3, 2, 1, 1], &[1, 3, 5, 5]),
        };
        let x = activation(&mut graph, "x", Type::U8, x);
        let sx = activation(&mut graph, "sx", Type::F32, of_x);
        let zx = activation(&mut graph, "zx", Type::U8, &[]);
        let w = constant(&mut graph, "w", w, bytes);
        let sw = constant(&mut graph, "sw", of_w, floats);
        let zw = constant(&mut graph, "zw", &[3], bytes);
        let s = activation(&mut graph, "s", Type::F32, of_w);
        let sums = activation(&mut graph, "sums", Type::I32, y);
        let cast = activation(&mut graph, "cast", Type::F32, y);
        let scaled = activation(&mut graph, "scaled", Type::F32, y);
        graph.inputs = vec![x, sx, zx];
        graph.outputs = vec![scaled];
        let mul = || Op::Binary(Binary::Mul);
        let mut node = |op, inputs: &[TensorId], output| {
            graph.nodes.push(Node::new(op, inputs.iter().copied().map(Some).collect(), output));
        };
        node(op.clone(), &[x, w, zx, zw], sums);
        node(Op::Cast { to: Type::F32 }, &[sums], cast);
        node(mul(), &[sw, sx], s);
        node(mul(), &[s, cast], scaled);
        if let Some(shape) = addend {
            let c = constant(&mut graph, "c", shape, floats);
            let y = activation(&mut graph, "y", Type::F32, y);
            graph.outputs = vec![y];
            graph.nodes.push(Node::new(Op::Binary(Binary::Add), vec![Some(c), Some(scaled)], y));
        }
        Chain { op, graph }
    }

    fn matrix(of_x: &[usize], of_w: &[usize], addend: Option<&[usize]>) -> Chain {
        chain(Op::MatMulInteger, of_x, of_w, addend)
    }

    fn image(of_w: &[usize], addend: Option<&[usize]>) -> Chain {
        chain(Op::ConvInteger(Convolution::default()), &[], of_w, addend)
    }

    impl Chain {
        fn id(&self, name: &str) -> TensorId {
            TensorId(self.graph.tensors.iter().position(|tensor| tensor.name == name).unwrap())
        }

        fn change(mut self, change: impl FnOnce(&mut Graph)) -> Self {
            change(&mut self.graph);
            self
        }

        /// The operators that are left, and the names of the last one's operands.
        fn fused_by(mut self, options: Options) -> (Vec<String>, Vec<String>) {
            dynamic(&mut self.graph, &options);
            crate::passes::prune::prune(&mut self.graph);
            let graph = &self.graph;
            let ops = graph.nodes.iter().map(|node| node.op.name().to_owned()).collect();
            let name = |id: &Option<TensorId>| id.map_or("-".to_owned(), |id| graph.tensor(id).name.clone());
            (ops, graph.nodes.last().unwrap().inputs.iter().map(name).collect())
        }

        fn fused(self) -> (Vec<String>, Vec<String>) {
            self.fused_by(Options::default())
        }

        fn stays(self) {
            let op = self.op.name().to_owned();
            let (ops, _) = self.fused();
            assert_eq!(ops[..4], [op.as_str(), "Cast", "Mul", "Mul"]);
        }
    }

    #[test]
    fn a_matrix_product_takes_its_chain_in() {
        for of_x in [&[][..], &[1]] {
            for of_w in [&[][..], &[3], &[1, 3]] {
                for addend in [None, Some(&[][..]), Some(&[3]), Some(&[1, 3])] {
                    let (ops, operands) = matrix(of_x, of_w, addend).fused();
                    assert_eq!(ops, ["MatMulIntegerToFloat"]);
                    assert_eq!(operands[..6], ["x", "w", "sx", "sw", "zx", "zw"]);
                    assert_eq!(operands[6], if addend.is_some() { "c" } else { "-" });
                }
            }
        }
    }

    #[test]
    fn a_convolution_takes_its_chain_in() {
        for of_w in [&[][..], &[3, 1, 1], &[1, 3, 1, 1]] {
            for addend in [None, Some(&[][..]), Some(&[3, 1, 1]), Some(&[1, 3, 1, 1])] {
                let (ops, operands) = image(of_w, addend).fused();
                assert_eq!(ops, ["ConvIntegerToFloat"]);
                assert_eq!(operands[..6], ["x", "sx", "zx", "w", "sw", "zw"]);
                assert_eq!(operands[6], if addend.is_some() { "c" } else { "-" });
            }
        }
    }

    #[test]
    fn constants_get_one_axis() {
        let mut chain = image(&[3, 1, 1], Some(&[1, 3, 1, 1]));
        dynamic(&mut chain.graph, &Options::default());
        crate::passes::prune::prune(&mut chain.graph);
        let inputs = &chain.graph.nodes[0].inputs;
        for operand in [4, 6] {
            assert_eq!(chain.graph.tensor(inputs[operand].unwrap()).shape, Some(vec![3]));
        }
    }

    #[test]
    fn one_constant_may_be_both_scales() {
        for shape in [&[][..], &[3], &[1, 3]] {
            let chain = matrix(&[], shape, Some(&[3])).change(|graph| {
                let s = constant(graph, "both", shape, floats);
                graph.nodes[3].inputs[0] = Some(s);
            });
            let (ops, operands) = chain.fused();
            assert_eq!(ops, ["MatMulIntegerToFloat"]);
            assert_eq!(operands, ["x", "w", "1", "both", "zx", "zw", "c"]);
        }
    }

    #[test]
    fn the_options_have_a_say() {
        let (ops, _) = matrix(&[], &[3], None).fused_by(Options::default().keep(true));
        assert_eq!(ops, ["MatMulInteger", "Cast", "Mul", "Mul"]);
    }

    #[test]
    fn an_addend_of_another_shape_stays_behind() {
        for addend in [&[2, 3][..], &[2, 1], &[1, 1, 3, 1]] {
            if addend.len() <= 2 {
                let (ops, operands) = matrix(&[], &[3], Some(addend)).fused();
                assert_eq!(ops, ["MatMulIntegerToFloat", "Add"]);
                assert_eq!(operands, ["c", "scaled"]);
            }
        }
        // Along the rows of images, not their channels.
        let (ops, _) = image(&[], Some(&[5])).fused();
        assert_eq!(ops, ["ConvIntegerToFloat", "Add"]);
        // What is added is made in the run.
        let chain = matrix(&[], &[3], Some(&[3]));
        let c = chain.id("c");
        let (ops, _) = chain.change(|graph| graph.tensor_mut(c).constant = None).fused();
        assert_eq!(ops, ["MatMulIntegerToFloat", "Add"]);
    }

    #[test]
    fn what_others_see_is_made() {
        for name in ["sums", "cast"] {
            let chain = matrix(&[], &[3], None);
            let id = chain.id(name);
            chain.change(|graph| graph.outputs.push(id)).stays();
            let chain = matrix(&[], &[3], None);
            let type_ = if name == "sums" { Type::I32 } else { Type::F32 };
            chain
                .change(|graph| {
                    let read = activation(graph, "read", type_, &[2, 3]);
                    graph.nodes.push(Node::new(Op::Identity, vec![Some(id)], read));
                    graph.outputs.push(read);
                })
                .stays();
        }
        // The product is seen: the addition stays.
        let chain = matrix(&[], &[3], Some(&[3]));
        let id = chain.id("scaled");
        let (ops, _) = chain.change(|graph| graph.outputs.push(id)).fused();
        assert_eq!(ops, ["MatMulIntegerToFloat", "Add"]);
    }

    #[test]
    fn what_is_not_of_the_form_stays() {
        // Scales of the rows of x, or of the rows of images.
        matrix(&[2, 1], &[3], None).stays();
        image(&[5], None).stays();
        // Weights or their zero points that a run makes; zero points of the rows of x.
        for name in ["w", "zw"] {
            let chain = matrix(&[], &[3], None);
            let id = chain.id(name);
            chain.change(|graph| graph.tensor_mut(id).constant = None).stays();
        }
        let chain = matrix(&[], &[3], None);
        let id = chain.id("zx");
        chain.change(|graph| graph.tensor_mut(id).shape = Some(vec![2])).stays();
        // A cast to another type.
        matrix(&[], &[3], None).change(|graph| graph.nodes[1].op = Op::Cast { to: Type::F16 }).stays();
    }
}
