//! The machine that rows are of: what it is called, and what it can do at most.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::row::giga;
use super::timing;

/// CPU, compiler, commit, and the limits.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) rustc: String,
    pub(super) commit: String,
    /// 10⁹ multiply-accumulates a second on registers alone, by tier.
    #[serde(default)]
    pub(super) peaks: BTreeMap<String, f64>,
    #[serde(default)]
    pub(super) reads: Vec<Read>,
}

/// A stream from a level of memory.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Read {
    pub(super) level: String,
    /// How long it is.
    pub(super) bytes: usize,
    /// 10⁹ bytes a second.
    pub(super) gbps: f64,
}

impl Machine {
    /// This machine, before its limits are measured.
    pub(super) fn this() -> Self {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let directory = env!("CARGO_MANIFEST_DIR");
        let describe = ["-C", directory, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
        Self {
            cpu: cpu(),
            rustc: output(&rustc, &["--version"]),
            commit: output("git", &describe),
            peaks: BTreeMap::new(),
            reads: Vec::new(),
        }
    }

    /// Measures the streams, on all threads of the pool.
    pub(super) fn measure_reads(&mut self, pool: &ThreadPool) {
        self.reads = levels()
            .into_iter()
            .map(|(level, bytes)| {
                let rate = timing::alone(&mut timing::stream(bytes, bytes as f64, pool));
                Read { level: level.into(), bytes, gbps: giga(rate) }
            })
            .collect();
    }

    /// A line of text.
    pub(super) fn text(&self) -> String {
        format!("{}; {}; commit {}", self.cpu, self.rustc, self.commit)
    }
}

/// The CPU's name, with family and model: a hypervisor's name may be that of several.
fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
    };
    let name = value("model name").unwrap_or(std::env::consts::ARCH);
    match (value("cpu family"), value("model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name.to_owned(),
    }
}

/// Levels of memory, and lengths that fit each and not the one before.
fn levels() -> Vec<(&'static str, usize)> {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    let [first, second, third] = [(1, 32 * KIB), (2, 512 * KIB), (3, 8 * MIB)].map(|(level, usual)| {
        let index = if level == 1 { 0 } else { level };
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
        let kib = fs::read_to_string(path).ok().and_then(|text| text.trim().strip_suffix('K')?.parse::<usize>().ok());
        kib.map_or(usual, |kib| kib * KIB)
    });
    vec![
        ("L1", first / 4 * 3),
        ("L2", second / 4 * 3),
        ("L3", (third / 4).clamp(2 * second, 8 * MIB.max(second))),
        ("DRAM", (8 * third).clamp(64 * MIB, 256 * MIB)),
    ]
}

/// The first line that a command prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.as_deref().and_then(|text| text.lines().next()).unwrap_or("unknown").to_owned()
}

/// A machine for tests.
#[cfg(test)]
pub(super) fn example(cpu: &str) -> Machine {
    Machine {
        cpu: cpu.into(),
        rustc: "rustc 1".into(),
        commit: "0".into(),
        peaks: BTreeMap::from([("avx2".into(), 100.0)]),
        reads: vec![Read { level: "L2".into(), bytes: 1 << 18, gbps: 90.0 }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_longer_than_the_one_before() {
        assert!(levels().is_sorted_by_key(|(_, bytes)| *bytes), "{:?}", levels());
    }
}
