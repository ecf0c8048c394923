//! What the subcommands have in common: which model, which tiers, how many threads.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use zeropoint::{Backend, Isa};

use crate::exec::{Limits, Plan, Session};
use crate::formats;
use crate::graph::Graph;
use crate::passes;

#[derive(Args)]
pub(super) struct Tiers {
    /// The tier to run on, or `all` that this CPU has; the best one by default.
    #[arg(long, value_name = "TIER|all", env = "ZEROPOINT_ISA", default_value = "", hide_default_value = true)]
    isa: Choice,
}

/// What every tier of this CPU is asked for by default.
#[derive(Args)]
pub(super) struct EveryTier {
    /// The tier to run on, or `all` that this CPU has, which is the default.
    #[arg(long, value_name = "TIER|all", env = "ZEROPOINT_ISA", default_value = "all", hide_default_value = true)]
    isa: Choice,
}

#[derive(Args)]
pub(super) struct Threads {
    /// How many threads compute.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
}

/// How a graph is prepared.
#[derive(Args)]
pub(super) struct Preparing {
    /// Leave operators between dequantised and quantised tensors in float, as the file has them.
    #[arg(long)]
    no_fuse: bool,
    /// By which definition such operators are computed on integers: as onnxruntime does, or as the text of ONNX says.
    #[arg(long, value_name = "ort|literal", default_value = "ort")]
    semantics: SemanticsName,
}

/// The names of [`passes::Semantics`].
#[derive(Clone, Copy, ValueEnum)]
enum SemanticsName {
    Ort,
    Literal,
}

impl Preparing {
    pub(super) fn options(&self) -> passes::Options {
        let semantics = match self.semantics {
            SemanticsName::Ort => passes::Semantics::Ort,
            SemanticsName::Literal => passes::Semantics::Literal,
        };
        passes::Options::default().fuse(!self.no_fuse).semantics(semantics)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Best,
    All,
    One(Isa),
}

impl FromStr for Choice {
    type Err = zeropoint::UnknownIsa;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            // An environment variable that is set to nothing asks for nothing.
            "" => Ok(Self::Best),
            "all" => Ok(Self::All),
            name => name.parse().map(Self::One),
        }
    }
}

impl Tiers {
    pub(super) fn backends(&self) -> Result<Vec<Backend>> {
        self.isa.backends()
    }

    pub(super) fn is_all(&self) -> bool {
        self.isa == Choice::All
    }
}

impl EveryTier {
    pub(super) fn backends(&self) -> Result<Vec<Backend>> {
        if self.isa == Choice::Best { Choice::All.backends() } else { self.isa.backends() }
    }
}

impl Choice {
    fn backends(self) -> Result<Vec<Backend>> {
        match self {
            Self::Best => Ok(vec![Backend::best()]),
            Self::One(isa) => Ok(vec![Backend::with_isa(isa)?]),
            Self::All => Backend::available().map(|isa| Ok(Backend::with_isa(isa)?)).collect(),
        }
    }
}

impl Threads {
    pub(super) fn get(&self) -> usize {
        usize::from(self.threads)
    }
}

/// A model as its file has it.
pub(super) fn read(path: &Path) -> Result<Graph> {
    formats::load(path).with_context(|| place(path))
}

/// A model that was read, ready to be planned.
pub(super) fn prepare(path: &Path, mut graph: Graph, options: &passes::Options) -> Result<Graph> {
    passes::prepare(&mut graph, options).with_context(|| place(path))?;
    Ok(graph)
}

pub(super) fn place(path: &Path) -> String {
    format!("cannot run {}", path.display())
}

/// A network on a tier.
pub(super) fn session(path: &Path, graph: &Graph, backend: &Backend, threads: usize) -> Result<Session> {
    Ok(Session::new(plan(path, graph, backend)?, threads)?)
}

/// A network on one of some tiers. The last of them takes the graph.
pub(super) fn session_of(
    path: &Path,
    graph: &mut Graph,
    (backend, backends): (&Backend, &[Backend]),
    threads: usize,
) -> Result<Session> {
    let last = backends.last().is_some_and(|last| last.isa() == backend.isa());
    let graph = if last { std::mem::take(graph) } else { graph.clone() };
    Ok(Session::new(plan_of(path, graph, backend)?, threads)?)
}

/// A network planned for a tier.
pub(super) fn plan(path: &Path, graph: &Graph, backend: &Backend) -> Result<Arc<Plan>> {
    plan_of(path, graph.clone(), backend)
}

fn plan_of(path: &Path, graph: Graph, backend: &Backend) -> Result<Arc<Plan>> {
    Ok(Arc::new(Plan::of(graph, backend, Limits::default()).with_context(|| place(path))?))
}

/// The file's name without folder and extension: what results are filed under.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The file that belongs to one tier where one file was named for all.
pub(super) fn per_tier(path: &Path, isa: Isa) -> PathBuf {
    let extension = path.extension().map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    path.with_extension(format!("{isa}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_named_or_all_or_the_best() {
        assert_eq!("".parse::<Choice>().unwrap(), Choice::Best);
        assert_eq!("all".parse::<Choice>().unwrap(), Choice::All);
        assert_eq!("scalar".parse::<Choice>().unwrap(), Choice::One(Isa::Scalar));
        assert!("sclar".parse::<Choice>().is_err());
    }

    #[test]
    fn a_file_for_each_tier() {
        assert_eq!(per_tier(Path::new("a/t.json"), Isa::Scalar), Path::new("a/t.scalar.json"));
        assert_eq!(per_tier(Path::new("t"), Isa::Scalar), Path::new("t.scalar"));
    }
}
