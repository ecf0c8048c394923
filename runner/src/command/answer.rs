//! The outputs, as a person reads them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::exec::{Session, TensorRef, each_slice};
use crate::trace;

/// Outputs of up to so many values are shown whole.
const SHORT: usize = 16;

/// Names of the classes: line k is class k.
pub(super) fn labels(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Whether there is a name for each value of the first output.
pub(super) fn check_labels(session: &Session, labels: &[String], path: &Path) -> Result<()> {
    let values = session.output(0)?.len();
    ensure!(labels.len() == values, "{}: has {} lines, the output has {values} values", path.display(), labels.len());
    Ok(())
}

/// Shows each output; of the first one, the `top` greatest values.
pub(super) fn show(out: &mut impl Write, session: &Session, top: Option<usize>, labels: &[String]) -> Result<()> {
    for (index, (name, type_, shape)) in session.plan().output_tensors().enumerate() {
        let values = session.output(index)?;
        let count = values.len();
        write!(out, "{name}: {type_} {shape:?}")?;
        if index == 0 && (top.is_some() || count > SHORT || !labels.is_empty()) {
            writeln!(out)?;
            for (rank, class) in trace::top(values, top.unwrap_or(5)).into_iter().enumerate() {
                let label = labels.get(class).map_or("", String::as_str);
                writeln!(out, "{:>4}. {class:>5}  {:>10}  {label}", rank + 1, value(values, class))?;
            }
        } else if count <= SHORT {
            let values: Vec<String> = (0..count).map(|at| value(values, at)).collect();
            writeln!(out, " = {}", values.join(", "))?;
        } else {
            writeln!(out)?;
        }
    }
    Ok(())
}

fn value(values: TensorRef<'_>, at: usize) -> String {
    each_slice!(values, values => values[at].to_string())
}
