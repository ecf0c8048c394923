//! What other libraries did, from a file of lines of JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::row::Row;

/// A rate of a peer.
#[derive(Debug, PartialEq)]
pub(super) struct Peer {
    pub(super) library: String,
    mode: String,
    operation: String,
    shape: String,
    threads: u64,
    /// 10⁹ a second.
    pub(super) rate: f64,
    /// Whether its results were exact, as far as the file says.
    pub(super) exact: bool,
}

/// What modes that were held to AVX2 end with.
const HELD: &str = "+avx2";

impl Peer {
    /// Whether it does the work that ours does: integers, and the zero point of the activations.
    fn is_alike(&self) -> bool {
        let is_without_zero_point = self.mode.contains("no-zp")
            || self.library.starts_with("onednn") && self.mode.starts_with("u8s8s32") && !self.mode.contains("-zp");
        !self.mode.starts_with("f32") && !is_without_zero_point
    }

    /// Library and mode.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.library, self.mode).trim().to_owned()
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<Peer>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Of lines that repeat a peer's row, the fastest counts. Lines of other kinds, such as those of the machine's limits,
/// are none of a peer.
pub(super) fn parse(text: &str) -> Result<Vec<Peer>> {
    let mut peers: Vec<Peer> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
        let Some(peer) = peer(&line) else { continue };
        let same = |other: &&mut Peer| {
            (&other.library, &other.mode, &other.operation, &other.shape, other.threads)
                == (&peer.library, &peer.mode, &peer.operation, &peer.shape, peer.threads)
        };
        match peers.iter_mut().find(same) {
            // What was not exact once is not.
            Some(other) => {
                other.rate = other.rate.max(peer.rate);
                other.exact &= peer.exact;
            }
            None => peers.push(peer),
        }
    }
    Ok(peers)
}

fn peer(line: &Value) -> Option<Peer> {
    let text = |key: &str| line[key].as_str();
    let library = text("peer").filter(|&library| library != "limit" && library != "probe")?;
    let rate = line["gmacs"].as_f64().or(line["gbps"].as_f64())?;
    Some(Peer {
        library: library.to_owned(),
        mode: text("mode").unwrap_or_default().to_owned(),
        operation: text("op")?.to_owned(),
        shape: text("shape")?.to_owned(),
        threads: line["threads"].as_u64()?,
        rate,
        exact: line["exact"].as_f64().is_none_or(|different| different == 0.0),
    })
}

/// A library beside a row: the fastest of its modes that do the same work.
pub(super) struct Beside<'a> {
    pub(super) library: &'a str,
    pub(super) exact: Option<&'a Peer>,
    /// If it is faster than the exact one.
    pub(super) inexact: Option<&'a Peer>,
}

/// The libraries beside a row, in the file's order. Beside AVX2 and less stand modes held to AVX2, if the file has any,
/// beside more the others.
pub(super) fn beside<'a>(peers: &'a [Peer], row: &Row) -> Vec<Beside<'a>> {
    let is_held = |peer: &Peer| peer.mode.ends_with(HELD);
    let wants_held = matches!(row.tier.as_str(), "scalar" | "avx2") && peers.iter().any(is_held);
    let mut libraries: Vec<Beside<'a>> = Vec::new();
    for peer in peers.iter().filter(|peer| {
        peer.operation == row.operation
            && peer.shape == row.shape
            && peer.threads == row.threads as u64
            && is_held(peer) == wants_held
            && peer.is_alike()
    }) {
        let at = libraries.iter().position(|library| library.library == peer.library).unwrap_or_else(|| {
            libraries.push(Beside { library: &peer.library, exact: None, inexact: None });
            libraries.len() - 1
        });
        let library = &mut libraries[at];
        let best = if peer.exact { &mut library.exact } else { &mut library.inexact };
        if best.is_none_or(|best| best.rate < peer.rate) {
            *best = Some(peer);
        }
    }
    for library in &mut libraries {
        library.inexact = library.inexact.filter(|inexact| library.exact.is_none_or(|exact| exact.rate < inexact.rate));
    }
    libraries
}

/// The rates of the fastest exact peer, and of the fastest.
pub(super) fn best(beside: &[Beside<'_>]) -> [Option<f64>; 2] {
    let fastest = |rates: &mut dyn Iterator<Item = f64>| rates.reduce(f64::max);
    let exact = || beside.iter().filter_map(|library| Some(library.exact?.rate));
    let inexact = beside.iter().filter_map(|library| Some(library.inexact?.rate));
    [fastest(&mut exact()), fastest(&mut exact().chain(inexact))]
}

#[cfg(test)]
mod tests {
    use super::super::row;
    use super::*;

    const TEXT: &str = r#"{"meta": {"cpu": "a"}}
{"peer": "limit", "mode": "m", "op": "peak", "shape": "-", "threads": 1, "gmacs": 9.0}
{"peer": "a", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 2.0, "exact": 0}
{"peer": "a", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 3.0, "exact": 0}
{"peer": "a", "mode": "f32", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 7.0, "exact": 0}
{"peer": "b", "mode": "n", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 4.0, "exact": 0.5}
{"peer": "b", "mode": "o", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 1.0, "exact": 0}
{"peer": "b", "mode": "n", "op": "gemm", "shape": "1x2x3", "threads": 2, "gmacs": 8.0}
"#;
    const HELD: &str = r#"{"peer": "a", "mode": "m+avx2", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 1.5}"#;

    #[test]
    fn the_fastest_of_a_librarys_modes_counts() {
        let peers = parse(TEXT).unwrap();
        let beside = beside(&peers, &row::example("1x2x3", 1.0));
        let rate = |peer: Option<&Peer>| peer.map(|peer| peer.rate);
        let found: Vec<_> =
            beside.iter().map(|library| (library.library, rate(library.exact), rate(library.inexact))).collect();
        assert_eq!(found, [("a", Some(3.0), None), ("b", Some(1.0), Some(4.0))]);
        assert_eq!(best(&beside), [Some(3.0), Some(4.0)]);
        assert_eq!(best(&[]), [None, None]);
    }

    #[test]
    fn beside_avx2_stand_peers_held_to_it() {
        let peers = parse(&format!("{TEXT}{HELD}")).unwrap();
        let mut row = row::example("1x2x3", 1.0);
        assert_eq!(best(&beside(&peers, &row)), [Some(1.5), Some(1.5)]);
        row.tier = "avx512".into();
        assert_eq!(best(&beside(&peers, &row)), [Some(3.0), Some(4.0)]);
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse("{}\n{").unwrap_err().to_string(), "line 2");
    }
}
