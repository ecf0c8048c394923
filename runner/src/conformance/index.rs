//! Which tolerance an index grants each case. There are three forms: a manifest (`manifest.json`) with one judgement for
//! each output, and an `index.json` that is an object with tolerances for floats, or a list with a word for each case.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::judge::Judge;

/// The judgements of the cases below a folder.
#[derive(Debug)]
pub(super) struct Index {
    folder: PathBuf,
    /// By the path from the folder: one for each output, or one for all.
    judges: HashMap<PathBuf, Vec<Judge>>,
}

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<ManifestCase>,
}

#[derive(Deserialize)]
struct ManifestCase {
    path: PathBuf,
    judge: Vec<Mode>,
}

#[derive(Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
enum Mode {
    Exact,
    Lsb { max: u64 },
    Float { rtol: f64, atol: f64 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Listing {
    Tolerances { cases: Vec<Tolerance> },
    Words(Vec<Word>),
}

#[derive(Deserialize)]
struct Tolerance {
    name: PathBuf,
    rtol: f64,
    atol: f64,
}

#[derive(Deserialize)]
struct Word {
    name: PathBuf,
    judge: Grade,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Exact,
    Lsb,
    Float,
}

impl Index {
    /// The index in a folder, if it has one.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>> {
        let (manifest, index) = (folder.join("manifest.json"), folder.join("index.json"));
        let judges = if manifest.is_file() {
            let manifest: Manifest = read(&manifest)?;
            manifest.cases.into_iter().map(|case| (case.path, case.judge.into_iter().map(judge).collect())).collect()
        } else if index.is_file() {
            match read(&index)? {
                Listing::Tolerances { cases } => cases
                    .into_iter()
                    .map(|case| (case.name, vec![Judge::Floats { rtol: case.rtol, atol: case.atol }]))
                    .collect(),
                Listing::Words(cases) => cases.into_iter().map(|case| (case.name, vec![grade(&case.judge)])).collect(),
            }
        } else {
            return Ok(None);
        };
        Ok(Some(Self { folder: folder.to_owned(), judges }))
    }

    /// The judgements of a case, by its folder.
    pub(super) fn judges(&self, case: &Path) -> Option<&[Judge]> {
        self.judges.get(case.strip_prefix(&self.folder).ok()?).map(Vec::as_slice)
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{}: is no index of cases", path.display()))
}

fn judge(mode: Mode) -> Judge {
    match mode {
        Mode::Exact => Judge::Exact,
        Mode::Lsb { max } => Judge::Steps { max, floats: 0.0 },
        Mode::Float { rtol, atol } => Judge::Floats { rtol, atol },
    }
}

/// A word grants one step to integers, or floats what they have without an index.
fn grade(grade: &Grade) -> Judge {
    match grade {
        Grade::Exact => Judge::Exact,
        Grade::Lsb => Judge::Steps { max: 1, floats: Judge::NEAR },
        Grade::Float => Judge::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<T: for<'a> Deserialize<'a>>(text: &str) -> T {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn three_forms_are_understood() {
        let manifest: Manifest = parsed(
            r#"{"cases": [{"path": "contrib/a", "op": "x",
                "judge": [{"mode": "exact"}, {"mode": "lsb", "max": 2}, {"mode": "float", "rtol": 0.5, "atol": 0.25}]}]}"#,
        );
        let judges: Vec<Judge> = manifest.cases.into_iter().flat_map(|case| case.judge).map(judge).collect();
        let floats = Judge::Floats { rtol: 0.5, atol: 0.25 };
        assert_eq!(judges, [Judge::Exact, Judge::Steps { max: 2, floats: 0.0 }, floats]);

        let object = r#"{"onnx": "1", "cases": [{"name": "a", "rtol": 0.001, "atol": 1e-7}]}"#;
        assert!(matches!(parsed(object), Listing::Tolerances { cases } if cases[0].rtol == 0.001));
        let list = r#"[{"name": "a", "judge": "lsb", "note": ""}]"#;
        assert!(matches!(parsed(list), Listing::Words(cases) if grade(&cases[0].judge) != Judge::Exact));
        assert!(serde_json::from_str::<Listing>(r#"[{"name": "a", "judge": "roughly"}]"#).is_err());
    }
}
