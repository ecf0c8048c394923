//! What can go wrong with a model, told all at once, and with a run.

use std::fmt;
use std::path::PathBuf;

/// What sort of thing is wrong with a place of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The model may be right, but this runner cannot do what it asks for.
    Unsupported,
    /// The model contradicts itself or the format.
    Invalid,
    /// Sizes multiply to more than the address space.
    SizeOverflow,
    /// More memory than the limit would be needed.
    TooLarge,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "unsupported",
            Self::Invalid => "invalid",
            Self::SizeOverflow => "size overflow",
            Self::TooLarge => "too large",
        })
    }
}

/// What is wrong, before it is known where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The sort of fault.
    pub kind: ProblemKind,
    /// What was expected and what came.
    pub message: String,
}

impl Fault {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Invalid, message: message.into() }
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Unsupported, message: message.into() }
    }

    pub(crate) fn overflow(message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::SizeOverflow, message: message.into() }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::TooLarge, message: message.into() }
    }

    pub(crate) fn at(self, place: impl Into<String>) -> Problem {
        Problem { kind: self.kind, place: place.into(), message: self.message }
    }
}

/// One thing that is wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The sort of problem.
    pub kind: ProblemKind,
    /// The node, tensor or part of the file.
    pub place: String,
    /// What was expected and what came.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind, self.place, self.message)
    }
}

/// Everything that is wrong with a model, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// An error if anything is wrong.
    pub fn into_result(self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Model(self)) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        lines.next().map_or(Ok(()), |first| write!(f, "{first}"))?;
        lines.try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

/// Why a model does not load, or a run does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The model is wrong or asks for what is not supported.
    #[error("{0}")]
    Model(Problems),
    /// A kernel refused while running.
    #[error("{node}: {message}")]
    Run {
        /// The node.
        node: String,
        /// What was expected and what came.
        message: String,
    },
    /// An input or output of the network was named or filled wrongly.
    #[error("{name}: {message}")]
    Tensor {
        /// The tensor, as the caller named it.
        name: String,
        /// What was expected and what came.
        message: String,
    },
    /// The threads could not be started.
    #[error("threads: {0}")]
    Threads(String),
}
