//! What the subcommands have in common: which model, which tiers, how many threads.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use zeropoint::{Backend, Isa};

use crate::exec::{Limits, Plan, Session};
use crate::formats::onnx;
use crate::graph::Graph;
use crate::passes;

#[derive(Args)]
pub(super) struct Tiers {
    /// The tier to run on, or `all` that this CPU has; the best one by default.
    #[arg(long, value_name = "TIER|all", env = "ZEROPOINT_ISA", default_value = "", hide_default_value = true)]
    isa: Choice,
}

#[derive(Args)]
pub(super) struct Threads {
    /// How many threads compute.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
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
        match self.isa {
            Choice::Best => Ok(vec![Backend::best()]),
            Choice::One(isa) => Ok(vec![Backend::with_isa(isa)?]),
            Choice::All => Backend::available().map(|isa| Ok(Backend::with_isa(isa)?)).collect(),
        }
    }

    pub(super) fn is_all(&self) -> bool {
        self.isa == Choice::All
    }
}

impl Threads {
    pub(super) fn get(&self) -> usize {
        usize::from(self.threads)
    }
}

/// A model, ready to be planned.
pub(super) fn load(path: &Path) -> Result<Graph> {
    let mut graph = onnx::load(path).with_context(|| place(path))?;
    passes::prepare(&mut graph, &passes::Options::default()).with_context(|| place(path))?;
    Ok(graph)
}

fn place(path: &Path) -> String {
    format!("cannot run {}", path.display())
}

/// A network on a tier.
pub(super) fn session(path: &Path, graph: &Graph, backend: &Backend, threads: usize) -> Result<Session> {
    let plan = Plan::new(graph, backend, Limits::default()).with_context(|| place(path))?;
    Ok(Session::new(Arc::new(plan), threads)?)
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
