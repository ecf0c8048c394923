//! Shapes of inputs whose files leave sizes open.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;

use crate::graph::Graph;
use crate::npy;

#[derive(Args, Default)]
pub(super) struct Shapes {
    /// The shape of an input that leaves sizes open; the name can be left out where there is one input.
    #[arg(long = "shape", value_name = "[NAME=]N,N,...")]
    shapes: Vec<String>,
}

impl Shapes {
    /// Gives the inputs their shapes.
    pub(super) fn apply(&self, graph: &mut Graph) -> Result<()> {
        let mut given = vec![false; graph.inputs.len()];
        for argument in &self.shapes {
            let (input, shape) = parse(argument, graph).with_context(|| format!("--shape {argument}"))?;
            ensure!(!std::mem::replace(&mut given[input], true), "--shape {argument}: the input has one already");
            graph.set_input_shape(input, &shape).with_context(|| format!("--shape {argument}"))?;
        }
        Ok(())
    }
}

/// Gives an input with open sizes the shape that a file has, or where that may have several of the input's tensors, the
/// shape of one.
pub(super) fn from_file(graph: &mut Graph, input: usize, path: &Path, several: bool) -> Result<()> {
    if graph.is_open(input) {
        let array = npy::open(path)?;
        let one = several.then(|| graph.shape_of_one(input, array.shape()));
        let shape = one.as_deref().unwrap_or(array.shape());
        graph.set_input_shape(input, shape).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Which input an argument means, and the sizes.
fn parse(argument: &str, graph: &Graph) -> Result<(usize, Vec<usize>)> {
    let names = || {
        let names: Vec<&str> = graph.inputs.iter().map(|&id| graph.tensor(id).name.as_str()).collect();
        names.join(", ")
    };
    // A name may have the sign in it; sizes have not.
    let (input, sizes) = match argument.rsplit_once('=') {
        Some((name, sizes)) => {
            let input = graph.input_named(name);
            (input.with_context(|| format!("there is no input {name}, the network has {}", names()))?, sizes)
        }
        None if graph.inputs.len() == 1 => (0, argument),
        None => bail!("expected NAME=N,N,..., the network has the inputs {}", names()),
    };
    if sizes.is_empty() {
        return Ok((input, Vec::new()));
    }
    let size = |size: &str| {
        size.trim().parse::<usize>().map_err(|_| anyhow!("\"{size}\" is no size, expected a number of 0 or more"))
    };
    Ok((input, sizes.split(',').map(size).collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Tensor;

    fn graph(names: &[&str]) -> Graph {
        let mut graph = Graph::default();
        for name in names {
            let id = graph.add(Tensor::named(*name));
            graph.inputs.push(id);
        }
        graph
    }

    #[test]
    fn inputs_are_named_where_there_are_several() {
        let (one, two) = (graph(&["x"]), graph(&["x", "a=b"]));
        assert_eq!(parse("1,3,224,224", &one).unwrap(), (0, vec![1, 3, 224, 224]));
        assert_eq!(parse("x=0, 2", &one).unwrap(), (0, vec![0, 2]));
        assert_eq!(parse("a=b=7", &two).unwrap(), (1, vec![7]));
        assert_eq!(parse("x=", &two).unwrap(), (0, vec![]));
        for (argument, expected) in [
            ("1,2", "expected NAME=N,N,..., the network has the inputs x, a=b"),
            ("y=1", "there is no input y, the network has x, a=b"),
            ("x=1,-2", "\"-2\" is no size"),
            ("x=1,,2", "\"\" is no size"),
            ("x=18446744073709551616", "is no size"),
        ] {
            let told = parse(argument, &two).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}
