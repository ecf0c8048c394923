//! Running this program under valgrind's callgrind.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use zeropoint::Isa;

/// The function between whose ends is counted, in either mangling of names. Of two options for the same pattern with a
/// star, callgrind 3.19 forgets one; so there are two patterns.
const COUNTED: [&str; 2] = ["*count*calls*counted*", "xtask*count*calls*counted*"];

/// Copies by loops, whatever the CPU: valgrind counts a string instruction as often as it has bytes, and from which
/// length on one is taken differs from CPU to CPU.
const COPIES: &str = "glibc.cpu.x86_rep_movsb_threshold=1099511627776:glibc.cpu.x86_rep_stosb_threshold=1099511627776";

/// The instructions of each call of a tier, of so many.
pub(super) fn count(isa: Isa, calls: usize) -> Result<Vec<u64>> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let out = folder.path().join("counts");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(format!("--toggle-collect={}", COUNTED[0]))
        .arg(format!("--dump-after={}", COUNTED[1]))
        .arg(env::current_exe().context("where this program is")?)
        .args(["count", "--calls", isa.name()])
        .env("GLIBC_TUNABLES", COPIES)
        .output()
        .context("valgrind counts the instructions, and does not run here: install it (`apt-get install valgrind`)")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the calls of {isa} under valgrind failed:\n{errors}");
    let counts: Vec<u64> =
        (1..=calls).map(|call| total(&out.with_extension(call.to_string()))).collect::<Result<_>>()?;
    // The last dump is that of the program's end, after all calls.
    ensure!(!out.with_extension((calls + 1).to_string()).exists() && counts.iter().all(|&count| count > 0));
    Ok(counts)
}

/// What a dump of callgrind sums up to.
fn total(path: &Path) -> Result<u64> {
    let text =
        fs::read_to_string(path).context("callgrind wrote no counts of a call: does the program have symbols?")?;
    parse(&text).with_context(|| format!("{} has no total", path.display()))
}

fn parse(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_total_is_found() {
        assert_eq!(parse("version: 1\nevents: Ir\nsummary: 1234\n\nfn=(1)\n1 2\n"), Some(1234));
        assert_eq!(parse("events: Ir\n1 2\ntotals: 56\n"), Some(56));
        assert_eq!(parse("events: Ir\n"), None);
    }
}
