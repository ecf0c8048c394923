//! Paddle's inference models: a program, `.pdmodel` or the newer `.json`, and its parameters, `.pdiparams`.
//!
//! Neither file is trusted: whatever is wrong comes back as a list of problems, each with its operator, variable or
//! parameter.

mod builder;
mod desc;
mod forms;
mod operators;
mod params;
mod pir;
mod program;
pub mod proto;
#[cfg(test)]
mod tests;
mod types;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use self::params::Parameters;
use self::program::Program;
use super::{MOST_BYTES, read_file};
use crate::error::{Error, Fault, Problems};
use crate::graph::{Constant, Graph};

/// The programs that a folder may hold, the first that is there first.
const PROGRAMS: [&str; 4] = ["model.pdmodel", "inference.pdmodel", "model.json", "inference.json"];

/// Reads a model, and gives an error that lists everything wrong with it if anything is.
pub fn load(path: &Path) -> Result<Graph, Error> {
    let (graph, problems) = open(path)?;
    problems.into_result()?;
    Ok(graph)
}

/// Reads a model as far as it can be understood, and says what cannot. The path is that of the program, or of the folder
/// that holds it; the parameters lie beside it under the same name.
pub fn open(path: &Path) -> Result<(Graph, Problems), Error> {
    let path = program_of(path)?;
    let bytes = read_file(&path, MOST_BYTES)?;
    let mut problems = Problems::default();
    let Some(program) = understand(&bytes, &mut problems) else { return Ok((Graph::default(), problems)) };
    drop(bytes);

    let path = path.with_extension("pdiparams");
    if program.parameters().is_empty() && !path.exists() {
        let graph = assemble(&program, &mut Parameters::new(std::io::empty(), 0), &mut problems);
        return Ok((graph, problems));
    }
    let read = |source| Error::Read { path: path.clone(), source };
    let file = File::open(&path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(super::refuse(&path, "is no file".into()));
    }
    let mut parameters = Parameters::new(BufReader::new(file), metadata.len());
    let graph = assemble(&program, &mut parameters, &mut problems);
    Ok((graph, problems))
}

/// Understands the bytes of both files as far as possible, and says what cannot be.
pub fn parse(program: &[u8], parameters: &[u8]) -> (Graph, Problems) {
    let mut problems = Problems::default();
    let Some(program) = understand(program, &mut problems) else { return (Graph::default(), problems) };
    let length = u64::try_from(parameters.len()).unwrap_or(u64::MAX);
    let graph = assemble(&program, &mut Parameters::new(parameters, length), &mut problems);
    (graph, problems)
}

/// The file of the program that a path means.
fn program_of(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = PROGRAMS.iter().map(|name| path.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| super::refuse(path, format!("is a folder without any of {}", PROGRAMS.join(", "))))
}

/// Either form: JSON begins with a brace, and a message of this kind with another byte.
fn understand(bytes: &[u8], problems: &mut Problems) -> Option<Program> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => pir::read(bytes, problems),
        _ => desc::read(bytes, problems),
    }
}

fn assemble<R: Read>(program: &Program, parameters: &mut Parameters<R>, problems: &mut Problems) -> Graph {
    let values = values(program, parameters, problems);
    builder::build(program, values, problems)
}

/// The value of each parameter. Behind one that is broken it is not known where the others are.
fn values<R: Read>(
    program: &Program,
    parameters: &mut Parameters<R>,
    problems: &mut Problems,
) -> Vec<(usize, Option<Constant>)> {
    let mut broken = false;
    let mut value = |variable: usize| {
        if broken {
            return (variable, None);
        }
        match parameters.next() {
            Ok(constant) => (variable, Some(constant)),
            Err(fault) => {
                broken = true;
                problems.push(fault.at(format!("parameter \"{}\"", program.variables[variable].name)));
                (variable, None)
            }
        }
    };
    let values = program.parameters().into_iter().map(&mut value).collect();
    if !broken && parameters.left() > 0 {
        let message = format!("{} bytes behind the last parameter that the program names", parameters.left());
        problems.push(Fault::invalid(message).at("parameters"));
    }
    values
}
