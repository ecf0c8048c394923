//! The values of a network's inputs: a picture, files of NumPy, or what a command has besides.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::shapes::{self, Shapes};
use crate::error::Error;
use crate::exec::Session;
use crate::golden;
use crate::graph::constant::map_type;
use crate::graph::{Data, Graph, Type, shape};
use crate::npy;
use crate::preprocess::Preparation;
use crate::trace::Trace;

#[derive(Args)]
pub(super) struct Inputs {
    /// A picture (PNG or JPEG), prepared as the model's json file says.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// An input tensor; the name can be left out where there is one input.
    #[arg(long, value_name = "[NAME=]FILE.npy")]
    input: Vec<String>,
    #[command(flatten)]
    shapes: Shapes,
}

/// Name, type and shape of an input.
pub(super) type Known<'a> = (&'a str, Type, &'a [usize]);

/// Values for one or several runs, one after the other.
pub(super) struct Batches {
    /// For each input its elements in all runs, and how many it has in one.
    inputs: Vec<(Data, usize)>,
    runs: usize,
    /// The size of the first input's first axis.
    samples: usize,
}

impl Batches {
    /// The inputs of one run.
    pub(super) fn one(inputs: Vec<Data>) -> Self {
        let inputs = inputs.into_iter().map(|data| {
            let elements = data.len();
            (data, elements)
        });
        Self { inputs: inputs.collect(), runs: 1, samples: 1 }
    }

    /// How many runs there are.
    pub(super) const fn runs(&self) -> usize {
        self.runs
    }

    /// The runs that a golden is of: all, or those of the samples that it names, where there are so many.
    pub(super) fn runs_of(&self, golden: &Trace) -> Range<usize> {
        let all = 0..self.runs;
        let Some(samples) = golden.images.as_deref().and_then(golden::samples) else { return all };
        let size = self.samples.max(1);
        let fits = samples.start.is_multiple_of(size) && samples.end.is_multiple_of(size);
        let runs = samples.start / size..samples.end / size;
        if fits && !runs.is_empty() && runs.end <= all.end { runs } else { all }
    }

    /// Gives a session the inputs of one run.
    pub(super) fn fill(&self, session: &mut Session, run: usize) -> Result<(), Error> {
        self.run(run).iter().enumerate().try_for_each(|(index, data)| session.set_input(index, data))
    }

    /// The inputs of one run.
    fn run(&self, run: usize) -> Vec<Data> {
        let of = |(data, elements): &(Data, usize)| map_type!(data, values => values.iter().skip(run * elements).take(*elements).copied().collect());
        self.inputs.iter().map(of).collect()
    }
}

/// Name, type and shape of each input.
pub(super) fn known(graph: &Graph) -> Result<Vec<Known<'_>>> {
    let tensors = graph.inputs.iter().map(|&id| graph.tensor(id));
    tensors
        .map(|tensor| {
            let shape = tensor.shape.as_deref().context("an input without a shape")?;
            Ok((tensor.name.as_str(), tensor.type_.context("an input without a type")?, shape))
        })
        .collect()
}

impl Inputs {
    /// Nothing was given.
    pub(super) fn is_empty(&self) -> bool {
        self.image.is_none() && self.input.is_empty()
    }

    /// The picture.
    pub(super) fn image(&self) -> Option<&Path> {
        self.image.as_deref()
    }

    /// Gives the inputs of a graph that is still to be prepared their shapes, where the model leaves sizes open: those that
    /// were asked for, those of the files, which may have several of an input's tensors or one, and that of the picture.
    pub(super) fn give_shapes(&self, model: &Path, graph: &mut Graph, several: bool) -> Result<()> {
        self.shapes.apply(graph)?;
        let files = self.files(graph)?;
        for &(input, path) in &files {
            shapes::from_file(graph, input, path, several)?;
        }
        let mut others = (0..graph.inputs.len()).filter(|at| files.iter().all(|(input, _)| input != at));
        if let (Some(_), Some(at), None) = (&self.image, others.next(), others.next())
            && graph.is_open(at)
        {
            graph.set_input_shape(at, &Preparation::beside(model)?.shape())?;
        }
        Ok(())
    }

    /// Which input each file is for.
    fn files(&self, graph: &Graph) -> Result<Vec<(usize, &Path)>> {
        let tensors = graph.inputs.iter().map(|&id| graph.tensor(id));
        let names: Vec<(&str, String)> = tensors.map(|tensor| (tensor.name.as_str(), tensor.describe())).collect();
        let mut files: Vec<(usize, &Path)> = Vec::new();
        for argument in &self.input {
            let (at, path) = named_input(argument, &names)?;
            ensure!(files.iter().all(|&(other, _)| other != at), "--input: {} is given twice", names[at].0);
            files.push((at, path));
        }
        Ok(files)
    }

    /// A value for each input of the network. `besides` is asked for those that no argument gives.
    pub(super) fn read(
        &self,
        model: &Path,
        graph: &Graph,
        besides: &mut dyn FnMut(Known<'_>) -> Result<Option<Data>>,
    ) -> Result<Vec<Data>> {
        Ok(self.values(model, graph, false, besides)?.run(0))
    }

    /// A value for each input of the network, in each of some runs: files may have any number of the network's tensors,
    /// one after the other along the first axis.
    pub(super) fn batches(&self, model: &Path, graph: &Graph) -> Result<Batches> {
        self.values(model, graph, true, &mut |_| Ok(None))
    }

    fn values(
        &self,
        model: &Path,
        graph: &Graph,
        several: bool,
        besides: &mut dyn FnMut(Known<'_>) -> Result<Option<Data>>,
    ) -> Result<Batches> {
        let known = known(graph)?;
        let mut values: Vec<Option<(Data, usize)>> = vec![None; known.len()];
        for (at, path) in self.files(graph)? {
            let (name, type_, shape) = known[at];
            let read = match several {
                true => npy::read_several(path, type_, shape),
                false => npy::read(path, type_, shape).map(|data| (data, 1)),
            };
            values[at] = Some(read.with_context(|| format!("input {name}"))?);
        }
        if let Some(path) = &self.image {
            let mut open = (0..known.len()).filter(|&at| values[at].is_none());
            let (Some(at), None) = (open.next(), open.next()) else {
                bail!("--image: expected one input that --input does not give, the network has {}", list(&known));
            };
            let (name, type_, shape) = known[at];
            let preparation = Preparation::beside(model)?;
            let data = preparation.picture(path, type_, shape).with_context(|| format!("input {name}"))?;
            values[at] = Some((data, 1));
        }
        for (value, &known) in values.iter_mut().zip(&known) {
            if value.is_none() {
                *value = besides(known)?.map(|data| (data, 1));
            }
        }
        let missing: Vec<_> = known.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(k, _)| *k).collect();
        ensure!(missing.is_empty(), "no value for {}: give --image or --input", list(&missing));

        let samples = known.first().and_then(|(.., shape)| shape.first()).copied().unwrap_or(1);
        let runs = values.iter().flatten().map(|&(_, count)| count).next().unwrap_or(1);
        let mut inputs = Vec::new();
        for ((data, count), (name, _, shape)) in values.into_iter().flatten().zip(known) {
            ensure!(count == runs, "input {name} has values for {count} runs, the first input for {runs}");
            inputs.push((data, shape::elements(shape).map_err(|fault| anyhow::anyhow!(fault.message))?));
        }
        Ok(Batches { inputs, runs, samples })
    }
}

fn list(inputs: &[Known<'_>]) -> String {
    listed(inputs.iter().map(|(name, type_, shape)| (*name, format!("{type_} {shape:?}"))))
}

/// Names with what they are.
fn listed<'a>(inputs: impl Iterator<Item = (&'a str, String)>) -> String {
    let names: Vec<String> = inputs.map(|(name, what)| format!("{name} ({what})")).collect();
    if names.is_empty() { "no inputs".into() } else { names.join(", ") }
}

/// Which input an argument means, and its file.
fn named_input<'a>(argument: &'a str, inputs: &[(&str, String)]) -> Result<(usize, &'a Path)> {
    if let Some((name, path)) = argument.split_once('=')
        && let Some(at) = inputs.iter().position(|input| input.0 == name)
    {
        return Ok((at, Path::new(path)));
    }
    let list = || listed(inputs.iter().cloned());
    match (inputs, argument.split_once('=')) {
        (_, Some((name, _))) if !Path::new(argument).exists() => {
            bail!("--input: there is no input {name}, the network has {}", list())
        }
        ([_], _) => Ok((0, Path::new(argument))),
        _ => bail!("--input {argument}: expected NAME=FILE, the network has {}", list()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_named_where_there_are_several() {
        let one = [("x", "float32 [1]".to_owned())];
        let two = [("x", "float32 [1]".to_owned()), ("y", "uint8 [2]".to_owned())];
        assert_eq!(named_input("a.npy", &one).unwrap(), (0, Path::new("a.npy")));
        assert_eq!(named_input("y=a=b.npy", &two).unwrap(), (1, Path::new("a=b.npy")));
        assert!(named_input("a.npy", &two).is_err());
        let error = named_input("z=a.npy", &one).unwrap_err().to_string();
        assert_eq!(error, "--input: there is no input z, the network has x (float32 [1])");
    }

    #[test]
    fn a_file_may_have_several_batches() {
        let batches =
            Batches { inputs: vec![(Data::U8(vec![1, 2, 3, 4]), 2), (Data::I8(vec![5, 6]), 1)], runs: 2, samples: 1 };
        assert_eq!(batches.run(0), [Data::U8(vec![1, 2]), Data::I8(vec![5])]);
        let golden = |images: &str| Trace { images: Some(images.into()), ..Trace::default() };
        assert_eq!(batches.runs_of(&Trace::default()), 0..2);
        assert_eq!(batches.runs_of(&golden("set[1:2]")), 1..2);
        // All there is, where the samples are not among the inputs.
        assert_eq!(batches.runs_of(&golden("set[0:8]")), 0..2);
        assert_eq!(batches.run(1), [Data::U8(vec![3, 4]), Data::I8(vec![6])]);
    }
}
