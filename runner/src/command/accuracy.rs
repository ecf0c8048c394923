//! The share of right answers.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::inputs::Batches;
use crate::exec::{Session, TensorRef, each_slice};
use crate::graph::{Constant, shape};
use crate::npy;

/// Right answers, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accuracy {
    right: usize,
    all: usize,
}

impl Accuracy {
    /// Whether the share is the one that a golden states.
    pub(super) fn is(self, share: f64) -> bool {
        (self.share() - share).abs() < 1e-9
    }

    fn share(self) -> f64 {
        self.right as f64 / self.all.max(1) as f64
    }
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accuracy {:.4} ({} of {})", self.share(), self.right, self.all)
    }
}

/// The right answer of each sample.
pub(super) fn labels(path: &Path) -> Result<Vec<i64>> {
    let place = || path.display().to_string();
    let array = npy::open(path)?;
    let Some(type_) = array.type_().filter(|type_| !type_.is_float()) else {
        bail!("{}: is {}, expected integers", place(), array.describe());
    };
    let shape = array.shape().to_vec();
    let data = array.read(type_).with_context(place)?;
    let constant = Constant::new(shape, data).map_err(|fault| anyhow::anyhow!(fault.message)).with_context(place)?;
    Ok(constant.integers().unwrap_or_default())
}

/// Runs all batches: a sample's answer is the index of the greatest value along the last axis of the first output.
pub(super) fn measure(session: &mut Session, batches: &Batches, labels: &[i64]) -> Result<Accuracy> {
    let (name, shape) = match session.plan().output_tensors().next() {
        Some((name, _, shape)) => (name.to_owned(), shape.to_vec()),
        None => bail!("--accuracy: the network has no output"),
    };
    let Some(&width) = shape.last().filter(|&&width| width > 0) else {
        bail!("--accuracy: output {name} has shape {shape:?}, expected one with classes along the last axis");
    };
    let rows = shape::elements(&shape).unwrap_or(0) / width;
    let samples = rows.saturating_mul(batches.runs());
    ensure!(labels.len() == samples, "--accuracy: there are {} labels, but {samples} answers", labels.len());
    let mut right = 0;
    for (run, labels) in labels.chunks_exact(rows.max(1)).enumerate() {
        batches.fill(session, run)?;
        session.run()?;
        let answers = greatest(session.output(0)?, width);
        right += answers.iter().zip(labels).filter(|(answer, label)| i64::try_from(**answer) == Ok(**label)).count();
    }
    Ok(Accuracy { right, all: labels.len() })
}

/// The index of the greatest value in each row, the lowest among equals.
fn greatest(values: TensorRef<'_>, width: usize) -> Vec<usize> {
    fn of<T: PartialOrd>(row: &[T]) -> usize {
        (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
    }
    each_slice!(values, values => values.chunks_exact(width).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_by_rows() {
        assert_eq!(greatest(TensorRef::I8(&[1, 5, 5, -1, -3, -2]), 3), [1, 0]);
        assert_eq!(greatest(TensorRef::F32(&[0.5, 0.25]), 1), [0, 0]);
    }

    #[test]
    fn shares_have_four_digits() {
        let accuracy = Accuracy { right: 352, all: 360 };
        assert_eq!(accuracy.to_string(), "accuracy 0.9778 (352 of 360)");
        assert!(accuracy.is(352.0 / 360.0) && !accuracy.is(351.0 / 360.0));
    }
}
