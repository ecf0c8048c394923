//! What other libraries did, from a file of lines of JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A rate of a peer.
#[derive(Debug, PartialEq)]
pub(super) struct Peer {
    /// Library and mode.
    pub(super) name: String,
    operation: String,
    shape: String,
    threads: u64,
    /// A second.
    pub(super) rate: f64,
    /// Whether all its results were exact; unknown where the file does not say it.
    pub(super) exact: Option<bool>,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<Peer>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Of lines that repeat a peer's row, the fastest counts. Lines of other kinds, such as those of the machine's limits,
/// are none of a peer.
fn parse(text: &str) -> Result<Vec<Peer>> {
    let mut peers: Vec<Peer> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
        let Some(peer) = peer(&line) else { continue };
        let same = |other: &&mut Peer| {
            (&other.name, &other.operation, &other.shape, other.threads)
                == (&peer.name, &peer.operation, &peer.shape, peer.threads)
        };
        match peers.iter_mut().find(same) {
            Some(other) if other.rate >= peer.rate => {}
            Some(other) => *other = peer,
            None => peers.push(peer),
        }
    }
    Ok(peers)
}

fn peer(line: &Value) -> Option<Peer> {
    let text = |key: &str| line[key].as_str();
    let library = text("peer").filter(|&library| library != "limit" && library != "probe")?;
    let rate = line["gmacs"].as_f64().or(line["gbps"].as_f64())? * 1e9;
    Some(Peer {
        name: [library, text("mode").unwrap_or_default()].join(" ").trim().to_owned(),
        operation: text("op")?.to_owned(),
        shape: text("shape")?.to_owned(),
        threads: line["threads"].as_u64()?,
        rate,
        exact: line["exact"].as_f64().map(|different| different == 0.0),
    })
}

/// The peers of a row, the fastest first.
pub(super) fn of<'a>(peers: &'a [Peer], operation: &str, shape: &str, threads: usize) -> Vec<&'a Peer> {
    let is_of = |peer: &&Peer| peer.operation == operation && peer.shape == shape && peer.threads == threads as u64;
    let mut peers: Vec<&Peer> = peers.iter().filter(is_of).collect();
    peers.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    peers
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"meta": {"cpu": "a"}}
{"peer": "limit", "mode": "m", "op": "peak", "shape": "-", "threads": 1, "gmacs": 9.0}
{"peer": "a", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 2.0, "exact": 0}
{"peer": "a", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 3.0, "exact": 0}
{"peer": "b", "mode": "n", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 4.0, "exact": 0.5}
{"peer": "a", "mode": "m", "op": "add_u8", "shape": "7", "threads": 2, "gbps": 5.0}
"#;

    #[test]
    fn the_fastest_of_a_peers_lines_counts() {
        let peers = parse(TEXT).unwrap();
        let found: Vec<_> = of(&peers, "gemm", "1x2x3", 1)
            .into_iter()
            .map(|peer| (peer.name.as_str(), peer.rate, peer.exact))
            .collect();
        assert_eq!(found, [("b n", 4e9, Some(false)), ("a m", 3e9, Some(true))]);
        assert_eq!(of(&peers, "add_u8", "7", 2)[0].exact, None);
        assert!(of(&peers, "gemm", "1x2x3", 2).is_empty());
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse("{}\n{").unwrap_err().to_string(), "line 2");
    }
}
