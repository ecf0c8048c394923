//! llvm-mca: pieces of assembly in, cycles out.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use zeropoint_kernels::isa::Arch;

use super::pieces::BEGIN;

/// The variable that names the program.
const VARIABLE: &str = "LLVM_MCA";
/// How often each piece is run through: so often that its first turns do not count.
const ITERATIONS: u32 = 1000;

/// The program, and what it says of its version.
pub(super) struct Mca {
    program: String,
    pub(super) version: String,
}

impl Mca {
    /// Finds the program.
    pub(super) fn find() -> Result<Self> {
        let named = std::env::var(VARIABLE).ok();
        let candidates = match &named {
            Some(program) => vec![program.as_str()],
            None => vec!["llvm-mca-19", "llvm-mca"],
        };
        for program in candidates {
            if let Ok(output) = Command::new(program).arg("--version").output() {
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                let version =
                    said.lines().find_map(|line| line.split_once("LLVM version ")).map(|(_, version)| version);
                let version = version.with_context(|| format!("expected {program} to tell LLVM's version: {said}"))?;
                return Ok(Self { program: program.into(), version: version.trim().into() });
            }
        }
        bail!(
            "llvm-mca is not here: install LLVM 19 (`apt-get install llvm-19`), or name the program in {VARIABLE}{}",
            named.map(|program| format!(", which names `{program}` now")).unwrap_or_default()
        )
    }

    /// The cycles that a turn of each piece takes on a CPU.
    pub(super) fn cycles(&self, arch: Arch, cpu: &str, pieces: &[String]) -> Result<Vec<f64>> {
        let (triple, syntax) = match arch {
            Arch::Aarch64 => ("aarch64", ""),
            _ => ("x86_64", ".intel_syntax noprefix\n"),
        };
        let mut text = String::from(syntax);
        for (index, piece) in pieces.iter().enumerate() {
            let piece = piece.replace(BEGIN, &format!("{BEGIN}{index}"));
            text += &format!("# LLVM-MCA-BEGIN {index}\n{piece}# LLVM-MCA-END\n");
        }
        let mut mca = Command::new(&self.program);
        mca.arg(format!("--mtriple={triple}")).arg(format!("--mcpu={cpu}")).arg(format!("--iterations={ITERATIONS}"));
        mca.args(["--json", "--instruction-info=false", "--resource-pressure=false", "-"]);
        let mut child = mca.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("the program's input")?.write_all(text.as_bytes())?;
        let output = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{} failed for {cpu}: {errors}", self.program);
        let report: Value = serde_json::from_slice(&output.stdout).context("the report of llvm-mca")?;
        let regions = report["CodeRegions"].as_array().context("expected regions in the report of llvm-mca")?;
        ensure!(regions.len() == pieces.len(), "expected {} regions, and there are {}", pieces.len(), regions.len());
        let cycles = |region: &Value| Some(region["SummaryView"]["TotalCycles"].as_f64()? / f64::from(ITERATIONS));
        regions.iter().map(|region| cycles(region).context("expected cycles in the report of llvm-mca")).collect()
    }
}
