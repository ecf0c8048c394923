//! A trace compared with the one that it should equal.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};

use crate::trace::{Layer, Trace};

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tensors that are equal.
    pub equal: usize,
    /// Tensors whose golden says that they need not be equal: how many, and how many of them are.
    pub unjudged: usize,
    /// How many of the unjudged are equal all the same.
    pub unjudged_equal: usize,
    /// What of the unjudged differs.
    pub unjudged_differences: Vec<String>,
    /// What differs, the first in the order of the graph first.
    pub differences: Vec<String>,
}

impl Report {
    /// Nothing differs that should not.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.differences.split_first() {
            None => write!(f, "{} integer tensors equal the golden", self.equal)?,
            Some((first, others)) => {
                write!(f, "DIFFERS from the golden: {first}")?;
                if !others.is_empty() {
                    write!(f, "; and {} more differences", others.len())?;
                }
            }
        }
        if self.unjudged > 0 {
            write!(
                f,
                " ({} below a float operator are not judged, {} of them equal)",
                self.unjudged, self.unjudged_equal
            )?;
        }
        Ok(())
    }
}

/// Reads a golden.
pub fn read(path: &Path) -> Result<Trace> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(path, &text)
}

/// Reads a file if it is a golden, and no list of tensors or another sort of file.
pub fn read_if(path: &Path) -> Result<Option<Trace>> {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("json")) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if text.trim_start().starts_with('[') { Ok(None) } else { parse(path, &text).map(Some) }
}

fn parse(path: &Path, text: &str) -> Result<Trace> {
    serde_json::from_str(text).with_context(|| format!("{}: is no golden", path.display()))
}

/// Which samples of a set a golden's `images` name: `SET[FIRST:END]`.
pub fn samples(images: &str) -> Option<Range<usize>> {
    let (_, range) = images.strip_suffix(']')?.rsplit_once('[')?;
    let (start, end) = range.split_once(':')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

/// Compares what a run made with what it should have made.
pub fn compare(golden: &Trace, got: &Trace) -> Report {
    let mut report = Report::default();
    let layers: HashMap<&str, &Layer> = got.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    if let (Some(expected), Some(got)) = (&golden.input_crc32, &got.input_crc32)
        && expected != got
    {
        report.differences.push(format!("the input has CRC-32 {got}, expected {expected}"));
    }
    for expected in &golden.layers {
        let found = layers.get(expected.name.as_str());
        let difference = match found {
            None => Some(format!("tensor {} ({}) was not made", expected.name, expected.op)),
            Some(got) => difference(expected, got),
        };
        let exact = expected.judge.as_deref().is_none_or(|judge| judge == "exact");
        match (exact, difference) {
            (true, None) => report.equal += 1,
            (true, Some(difference)) => report.differences.push(difference),
            (false, difference) => {
                report.unjudged += 1;
                report.unjudged_equal += usize::from(difference.is_none());
                report.unjudged_differences.extend(difference);
            }
        }
    }
    if let Some(expected) = golden.top1
        && got.top1 != Some(expected)
    {
        report.differences.push(format!("the answer is {:?}, expected {expected}", got.top1));
    }
    if let (Some(expected), Some(got)) = (&golden.top5, &got.top5)
        && expected != got
    {
        report.differences.push(format!("the five best answers are {got:?}, expected {expected:?}"));
    }
    report
}

fn difference(expected: &Layer, got: &Layer) -> Option<String> {
    let kernel = got.kernel.as_deref().unwrap_or("unknown kernel");
    let what = format!("tensor {} ({} by {kernel})", got.name, got.op);
    if expected.dtype != got.dtype || expected.shape != got.shape {
        return Some(format!(
            "{what} is {} {:?}, expected {} {:?}",
            got.dtype, got.shape, expected.dtype, expected.shape
        ));
    }
    if expected.crc32 == got.crc32 && expected.sum == got.sum && expected.first8 == got.first8 {
        return None;
    }
    Some(format!(
        "{what} has CRC-32 {}, sum {}, first values {:?}; expected {}, {}, {:?}",
        got.crc32, got.sum, got.first8, expected.crc32, expected.sum, expected.first8
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, crc32: &str, judge: Option<&str>) -> Layer {
        Layer {
            name: name.into(),
            op: "QLinearConv".into(),
            dtype: "uint8".into(),
            shape: vec![1],
            crc32: crc32.into(),
            sum: 3,
            first8: vec![3],
            kernel: None,
            judge: judge.map(str::to_owned),
        }
    }

    #[test]
    fn the_first_difference_is_named_first() {
        let golden = Trace {
            layers: vec![layer("a", "1", None), layer("b", "2", Some("exact")), layer("c", "3", None)],
            top1: Some(4),
            ..Trace::default()
        };
        let mut got = golden.clone();
        assert_eq!(compare(&golden, &got).to_string(), "3 integer tensors equal the golden");
        got.layers[1].crc32 = "9".into();
        got.layers.pop();
        got.top1 = Some(5);
        let report = compare(&golden, &got);
        assert!(report.differences[0].starts_with("tensor b (QLinearConv"), "{report}");
        assert_eq!(report.differences[1], "tensor c (QLinearConv) was not made");
        assert_eq!(report.differences[2], "the answer is Some(5), expected 4");
        assert_eq!((report.equal, report.is_equal()), (1, false));
    }

    #[test]
    fn samples_are_named_in_brackets() {
        assert_eq!(samples("digits_test[0:8]"), Some(0..8));
        assert_eq!(samples("a[b][3:10]"), Some(3..10));
        assert_eq!(samples("digits_test"), None);
        assert_eq!(samples("x[1]"), None);
    }

    #[test]
    fn what_is_not_exact_is_counted_apart() {
        let golden = Trace { layers: vec![layer("a", "1", Some("lsb")), layer("b", "2", None)], ..Trace::default() };
        let mut got = golden.clone();
        got.layers[0].crc32 = "9".into();
        let report = compare(&golden, &got);
        assert!(report.is_equal());
        assert_eq!((report.equal, report.unjudged, report.unjudged_equal), (1, 1, 0));
        assert!(report.unjudged_differences[0].starts_with("tensor a "));
    }
}
