//! One case: where it is, what it is judged by, and its run on a tier.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zeropoint::Backend;

use super::Outcome;
use super::index::Index;
use super::judge::Judge;
use crate::error::{Error, ProblemKind, Problems};
use crate::exec::{Limits, Plan, Session};
use crate::formats::onnx;
use crate::graph::{Constant, Graph};
use crate::passes;

/// A case that was found.
#[derive(Clone, Debug)]
pub struct Case {
    /// The path of its folder from where the search began.
    pub name: String,
    /// It records what one runtime does, and is no requirement.
    pub special: bool,
    folder: PathBuf,
    judges: Vec<Judge>,
}

/// Folders deeper than this are none that anybody made.
const DEEPEST: usize = 32;

/// Adds the cases in a folder and below. `indices` are those of the folders above.
pub(super) fn find(root: &Path, folder: &Path, indices: &mut Vec<Index>, cases: &mut Vec<Case>) -> Result<()> {
    if folder.join("model.onnx").is_file() {
        let path = folder.strip_prefix(root).unwrap_or(folder);
        let judges = indices.iter().rev().find_map(|index| index.judges(folder)).unwrap_or(&[]).to_vec();
        let name = if path.as_os_str().is_empty() { folder } else { path };
        let special = path.components().any(|part| part.as_os_str() == "special");
        cases.push(Case { name: name.display().to_string(), special, folder: folder.to_owned(), judges });
        return Ok(());
    }
    if folder.strip_prefix(root).is_ok_and(|path| path.components().count() > DEEPEST) {
        return Ok(());
    }
    let index = Index::of(folder)?;
    let own = index.is_some();
    indices.extend(index);
    let place = || folder.display().to_string();
    for entry in std::fs::read_dir(folder).with_context(place)? {
        let entry = entry.with_context(place)?;
        // A link to a folder is none, so that no walk is endless.
        if entry.file_type().with_context(place)?.is_dir() {
            find(root, &entry.path(), indices, cases)?;
        }
    }
    if own {
        indices.pop();
    }
    Ok(())
}

/// Inputs and expected outputs of one run.
struct Set {
    name: String,
    inputs: Vec<Constant>,
    outputs: Vec<Constant>,
}

/// A case in memory.
pub(super) struct Loaded {
    graph: Graph,
    sets: Vec<Set>,
}

impl Case {
    /// Reads all files of the case.
    pub(super) fn load(&self, options: &passes::Options) -> Result<Loaded, Outcome> {
        let (mut graph, mut problems) =
            onnx::open(&self.folder.join("model.onnx")).map_err(|error| Outcome::Failed(error.to_string()))?;
        let sets = self.sets(&graph);
        if let Ok(sets) = &sets {
            give_shapes(&mut graph, sets);
        }
        passes::run(&mut graph, options, &mut problems);
        if !problems.is_empty() {
            return Err(refused(&problems));
        }
        let sets = sets.map_err(|error| Outcome::Failed(format!("{error:#}")))?;
        Ok(Loaded { graph, sets })
    }

    fn sets(&self, graph: &Graph) -> Result<Vec<Set>> {
        let mut sets = Vec::new();
        while let folder = self.folder.join(format!("test_data_set_{}", sets.len()))
            && folder.is_dir()
        {
            let mut inputs = tensors(&folder, "input", graph.inputs.len())?;
            // A tensor with a name belongs to the input of that name, one without to the input at its place.
            let order: Vec<&str> = graph.inputs.iter().map(|&id| graph.tensor(id).name.as_str()).collect();
            inputs.sort_by_key(|(name, _)| order.iter().position(|other| other == name).unwrap_or(usize::MAX));
            sets.push(Set {
                name: format!("test_data_set_{}", sets.len()),
                inputs: inputs.into_iter().map(|(_, value)| value).collect(),
                outputs: values(tensors(&folder, "output", graph.outputs.len())?),
            });
        }
        anyhow::ensure!(!sets.is_empty(), "there is no folder test_data_set_0");
        Ok(sets)
    }

    /// How an output is judged: by its own judgement, or by the one for all.
    fn judge(&self, output: usize) -> Judge {
        match self.judges.as_slice() {
            &[judge] => judge,
            judges => judges.get(output).copied().unwrap_or_default(),
        }
    }
}

/// Gives inputs with open sizes the shapes of the first set. What does not fit is told when the set is run.
fn give_shapes(graph: &mut Graph, sets: &[Set]) {
    let Some(set) = sets.first() else { return };
    for (at, value) in set.inputs.iter().enumerate() {
        if graph.is_open(at) {
            // A shape that is refused leaves the input open.
            let _ = graph.set_input_shape(at, value.shape());
        }
    }
}

fn values(tensors: Vec<(String, Constant)>) -> Vec<Constant> {
    tensors.into_iter().map(|(_, value)| value).collect()
}

/// The tensors `WHAT_0.pb` and on, of which there have to be so many.
fn tensors(folder: &Path, what: &str, count: usize) -> Result<Vec<(String, Constant)>> {
    let path = |at: usize| folder.join(format!("{what}_{at}.pb"));
    anyhow::ensure!(!path(count).exists(), "{what}_{count}.pb is one more {what} than the network's {count}");
    (0..count)
        .map(|at| {
            let place = || format!("{what}_{at}.pb");
            let bytes = std::fs::read(path(at)).with_context(place)?;
            onnx::parse_tensor(&bytes).map_err(|fault| anyhow::anyhow!(fault.message)).with_context(place)
        })
        .collect()
}

/// What a refused model is: unsupported if anything in it is, as what follows from that may look like a fault.
fn refused(problems: &Problems) -> Outcome {
    let unsupported =
        problems.0.iter().find(|problem| matches!(problem.kind, ProblemKind::Unsupported | ProblemKind::TooLarge));
    match unsupported {
        Some(problem) => Outcome::Unsupported(format!("{}: {}", problem.place, problem.message)),
        None => Outcome::Failed(problems.to_string()),
    }
}

fn ended(error: Error) -> Outcome {
    match error {
        Error::Model(problems) => refused(&problems),
        error => Outcome::Failed(error.to_string()),
    }
}

impl Loaded {
    /// Runs each set on a tier.
    pub(super) fn run(&self, case: &Case, backend: &Backend) -> Outcome {
        self.try_run(case, backend).map_or_else(|outcome| outcome, |()| Outcome::Passed)
    }

    fn try_run(&self, case: &Case, backend: &Backend) -> Result<(), Outcome> {
        let plan = Plan::new(&self.graph, backend, Limits::default()).map_err(ended)?;
        let mut session = Session::new(plan, 1).map_err(ended)?;
        for set in &self.sets {
            for (at, value) in set.inputs.iter().enumerate() {
                expect_shape(&session, at, value).map_err(Outcome::Failed)?;
                session.set_input(at, value.data()).map_err(ended)?;
            }
            session.run().map_err(ended)?;
            for (at, want) in set.outputs.iter().enumerate() {
                let (name, shape) = session
                    .plan()
                    .output_tensors()
                    .nth(at)
                    .map(|(name, _, shape)| (name.to_owned(), shape.to_vec()))
                    .unwrap_or_default();
                let data = session.output(at).map_err(ended)?.to_data();
                let got = Constant::new(shape, data).map_err(|fault| Outcome::Failed(fault.message))?;
                if let Some(difference) = case.judge(at).compare(&got, want) {
                    return Err(Outcome::Failed(format!("{}: output \"{name}\" {difference}", set.name)));
                }
            }
        }
        Ok(())
    }
}

fn expect_shape(session: &Session, at: usize, value: &Constant) -> Result<(), String> {
    match session.plan().input_tensors().nth(at) {
        Some((name, _, shape)) if shape != value.shape() => {
            Err(format!("input \"{name}\" has shape {shape:?}, but input_{at}.pb has {:?}", value.shape()))
        }
        _ => Ok(()),
    }
}
