//! The graph as each pass leaves it, a line for each node.

use std::fmt::Write;

use crate::graph::constant::each_type;
use crate::graph::{Graph, Layout, Node, TensorId};
use crate::passes::PassReport;

/// What passes did, as text.
pub(super) struct Followed(String);

impl Followed {
    /// Begins with the graph as it was read.
    pub(super) fn new(graph: &Graph) -> Self {
        let mut followed = Self(format!("as the file has it: {}\n", nodes(graph)));
        followed.list(graph);
        followed
    }

    /// Takes in what a pass did, and the graph if it did anything.
    pub(super) fn take(&mut self, graph: &Graph, report: &PassReport) {
        let fired = report.fired.len();
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "pass {}: fired {fired} {}", report.name, if fired == 1 { "time" } else { "times" });
        for place in &report.fired {
            let _ = writeln!(self.0, "  on {place}");
        }
        if fired > 0 {
            let _ = writeln!(self.0, "after pass {}: {}", report.name, nodes(graph));
            self.list(graph);
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    fn list(&mut self, graph: &Graph) {
        for node in &graph.nodes {
            let _ = writeln!(self.0, "  {}", line(graph, node));
        }
        self.0.push('\n');
    }
}

fn nodes(graph: &Graph) -> String {
    format!("{} nodes", graph.nodes.len())
}

fn line(graph: &Graph, node: &Node) -> String {
    let operands: Vec<String> =
        node.inputs.iter().map(|input| input.map_or_else(|| "-".to_owned(), |id| operand(graph, id))).collect();
    let outputs: Vec<String> = node.outputs.iter().map(|&id| tensor(graph, id)).collect();
    let clamp = node.clamp.map_or_else(String::new, |(least, most)| format!(" clamped to {least}..={most}"));
    format!("{}({}) -> {}{clamp}", node.op, operands.join(", "), outputs.join(", "))
}

/// An operand: its name, and of a constant also what it is, as no line makes it.
fn operand(graph: &Graph, id: TensorId) -> String {
    let known = graph.tensor(id);
    match &known.constant {
        None => known.name.clone(),
        Some(constant) if constant.shape().is_empty() => {
            let value = each_type!(constant.data(), values => values.first().map(ToString::to_string));
            format!("{} = {} {}", known.name, constant.type_(), value.unwrap_or_default())
        }
        Some(_) => format!("{} = {}", known.name, known.describe()),
    }
}

fn tensor(graph: &Graph, id: TensorId) -> String {
    let known = graph.tensor(id);
    let layout = if known.layout == Layout::ChannelsLast { " channels last" } else { "" };
    let internal = if known.internal { " (made by a pass)" } else { "" };
    match (known.type_, &known.shape) {
        (None, None) => format!("{}{internal}", known.name),
        _ => format!("{}: {}{layout}{internal}", known.name, known.describe()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Constant, Data, Op, Tensor, Type};

    #[test]
    fn only_a_pass_that_fired_is_followed_by_the_graph() {
        let mut graph = Graph::default();
        let scale = Constant::new(vec![], Data::F32(vec![0.5])).unwrap();
        let scale = graph.add(Tensor::constant("s", scale));
        let x = graph.add(Tensor::named("x"));
        let shape = Some(vec![1, 2]);
        let y = graph.add(Tensor { type_: Some(Type::U8), shape, internal: true, ..Tensor::named("y") });
        let op = Op::QuantizeLinear { axis: 1, block: 0, to: None, abs_max: None };
        let node = Node::new(op, vec![Some(x), Some(scale), None], y);
        graph.nodes.push(Node { clamp: Some((0, 9)), ..node });
        let mut followed = Followed::new(&graph);
        followed.take(&graph, &PassReport { name: "prune", fired: vec![] });
        followed.take(&graph, &PassReport { name: "fold", fired: vec!["Shape node \"a\"".into()] });
        let line = "  QuantizeLinear(x, s = float32 0.5, -) -> y: uint8 [1, 2] (made by a pass) clamped to 0..=9\n";
        let expected = format!(
            "as the file has it: 1 nodes\n{line}\npass prune: fired 0 times\npass fold: fired 1 time\n  on Shape node \"a\"\n\
             after pass fold: 1 nodes\n{line}\n"
        );
        assert_eq!(followed.text(), expected);
    }
}
