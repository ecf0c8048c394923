//! Conformance cases in the layout of ONNX's backend tests: a folder with `model.onnx`, and beside it
//! `test_data_set_N/input_N.pb` and `output_N.pb`, which are serialised tensors.

mod case;
mod index;
pub mod judge;

use std::path::Path;

use anyhow::{Result, ensure};
use zeropoint::Backend;

use crate::passes::Options;

pub use case::Case;
pub use judge::{Difference, Judge};

/// What came of a case on a tier.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every output is what it should be.
    Passed,
    /// An output is something else, or the case cannot be read.
    Failed(String),
    /// The model asks for what the runner does not have.
    Unsupported(String),
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those whose outputs are right.
    pub passed: usize,
    /// Those with something that is not.
    pub failed: usize,
    /// Those that were not run.
    pub unsupported: usize,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Unsupported(_) => self.unsupported += 1,
        }
    }
}

/// All cases below a folder, by their names.
pub fn find(root: &Path) -> Result<Vec<Case>> {
    ensure!(root.is_dir(), "{}: is no folder", root.display());
    let mut cases = Vec::new();
    case::find(root, root, &mut Vec::new(), &mut cases)?;
    ensure!(!cases.is_empty(), "{}: there is no case below (a folder with model.onnx)", root.display());
    cases.sort_by(|a: &Case, b: &Case| a.name.cmp(&b.name));
    Ok(cases)
}

/// Runs a case on each tier, prepared in one way.
pub fn run(case: &Case, backends: &[Backend], options: &Options) -> Vec<Outcome> {
    match case.load(options) {
        Ok(loaded) => backends.iter().map(|backend| loaded.run(case, backend)).collect(),
        Err(outcome) => vec![outcome; backends.len()],
    }
}
