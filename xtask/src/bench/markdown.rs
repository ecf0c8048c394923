//! `--markdown`: the tables of a page, ours beside the peers', written anew between their marks.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::peers::{self, Beside, Peer};
use super::recorded::Recorded;
use super::row::Row;

const END: &str = "<!-- /bench -->";

fn begin(tier: &str) -> String {
    format!("<!-- bench:{tier} -->")
}

/// Writes the tables of the tiers that were measured, each of which has to have its marks in the file.
pub(super) fn update(path: &Path, recorded: &Recorded, peers: &[Peer]) -> Result<()> {
    let name = || path.display().to_string();
    let mut page = fs::read_to_string(path).with_context(name)?;
    let mut tiers: Vec<&str> = Vec::new();
    for row in &recorded.rows {
        if !tiers.contains(&row.tier.as_str()) {
            tiers.push(&row.tier);
        }
    }
    ensure!(tiers.iter().any(|tier| page.contains(&begin(tier))), "{}: no mark of {}", name(), tiers.join(", "));
    // Tiers without marks are left out, as whoever wrote the page did.
    for tier in tiers {
        if page.contains(&begin(tier)) {
            page = replace(&page, tier, &tables(recorded, tier, peers)?).with_context(name)?;
        }
    }
    fs::write(path, page).with_context(name)
}

/// The page with other text between the marks of a tier.
fn replace(page: &str, tier: &str, text: &str) -> Result<String> {
    let begin = begin(tier);
    let (before, rest) = page.split_once(&begin).with_context(|| format!("no {begin}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no {END} after {begin}"))?;
    Ok(format!("{before}{begin}\n{text}{END}{after}"))
}

/// The tables of a tier: those of each number of threads.
fn tables(recorded: &Recorded, tier: &str, peers: &[Peer]) -> Result<String> {
    let mut text = format!("{}.\n", recorded.machine.text());
    let threads: BTreeSet<usize> = recorded.rows.iter().filter(|row| row.tier == tier).map(|row| row.threads).collect();
    for threads in threads {
        let rows: Vec<&Row> = recorded.rows.iter().filter(|row| row.tier == tier && row.threads == threads).collect();
        text += &tables_of_threads(&rows, threads, peers)?;
    }
    Ok(text)
}

/// Products, convolutions, and what goes element by element.
fn tables_of_threads(rows: &[&Row], threads: usize, peers: &[Peer]) -> Result<String> {
    let (mut text, mut ratios) = (String::new(), Ratios::default());
    let threads = match threads {
        1 => String::from("1 thread"),
        threads => format!("{threads} threads"),
    };
    for (title, unit) in [("gemm", "GMAC/s"), ("conv", "GMAC/s"), ("element by element", "GB/s")] {
        let is_of = |row: &&&Row| if unit == "GB/s" { !row.is_product() } else { row.operation == title };
        let rows: Vec<&Row> = rows.iter().filter(is_of).copied().collect();
        if !rows.is_empty() {
            writeln!(text, "\n{title}, {threads}, {unit}:\n")?;
            text += &table(&rows, peers, &mut ratios)?;
        }
    }
    writeln!(
        text,
        "\nGeometric means, {threads}: {} of the best exact peer, {} of the best peer, {} of the limit.",
        mean(&ratios.to_exact),
        mean(&ratios.to_best),
        mean(&ratios.to_limit)
    )?;
    Ok(text)
}

/// Of all rows of a tier and a number of threads.
#[derive(Default)]
struct Ratios {
    to_exact: Vec<f64>,
    to_best: Vec<f64>,
    to_limit: Vec<f64>,
}

fn mean(ratios: &[f64]) -> String {
    if ratios.is_empty() {
        return "–".into();
    }
    format!("{:.2}", (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp())
}

fn table(rows: &[&Row], peers: &[Peer], ratios: &mut Ratios) -> Result<String> {
    let beside: Vec<Vec<Beside<'_>>> = rows.iter().map(|row| peers::beside(peers, row)).collect();
    let mut libraries: Vec<&str> = beside.iter().flatten().map(|library| library.library).collect();
    libraries.sort_unstable();
    libraries.dedup();
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut heads = vec!["shape".to_owned(), "ours".into()];
    heads.extend(libraries.iter().map(|&library| library.to_owned()));
    heads.extend(["to best exact", "to best", "of the limit"].map(String::from));
    let mut text = line(&heads);
    let mut rules = vec!["---".to_owned()];
    rules.resize(heads.len(), "--:".into());
    text += &line(&rules);
    for (row, beside) in rows.iter().zip(&beside) {
        let shape = if row.is_product() { row.shape.clone() } else { row.operation.clone() };
        let mut cells = vec![shape, number(row.rate())];
        cells.extend(
            libraries
                .iter()
                .map(|&library| beside.iter().find(|beside| beside.library == library).map_or("–".into(), cell)),
        );
        let [exact, best] = peers::best(beside);
        for (rate, ratios) in [(exact, &mut ratios.to_exact), (best, &mut ratios.to_best)] {
            let ratio = rate.map(|rate| row.rate() / rate);
            ratios.extend(ratio);
            cells.push(ratio.map_or("–".into(), |ratio| format!("{ratio:.2}")));
        }
        ratios.to_limit.push(row.share());
        cells.push(format!("{:.0} %", 100.0 * row.share()));
        text += &line(&cells);
    }
    Ok(text)
}

/// A library's rates: a star stands at that of wrong results.
fn cell(beside: &Beside<'_>) -> String {
    let exact = beside.exact.map(|peer| number(peer.rate));
    let inexact = beside.inexact.map(|peer| format!("{}*", number(peer.rate)));
    inexact.into_iter().chain(exact).collect::<Vec<_>>().join(", ")
}

/// Three digits.
fn number(rate: f64) -> String {
    let decimals = if rate < 10.0 { 2 } else { usize::from(rate < 100.0) };
    format!("{rate:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::super::{machine, row};
    use super::*;

    const PEERS: &str = r#"{"peer": "a", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 40.0}
{"peer": "b", "mode": "m", "op": "gemm", "shape": "1x2x3", "threads": 1, "gmacs": 160.0, "exact": 0.5}
"#;

    #[test]
    fn text_between_the_marks_is_replaced() {
        let page = "a\n<!-- bench:avx2 -->\nold\n<!-- /bench -->\nb\n<!-- bench:scalar -->\n<!-- /bench -->\n";
        let expected = page.replace("old", "new");
        assert_eq!(replace(page, "avx2", "new\n").unwrap(), expected);
        assert!(replace(page, "neon", "").is_err());
        assert!(replace("<!-- bench:avx2 -->", "avx2", "").is_err());
    }

    #[test]
    fn a_row_has_ratios_and_marks() {
        let recorded = Recorded { machine: machine::example("cpu"), rows: vec![row::example("1x2x3", 80.0)] };
        let text = tables(&recorded, "avx2", &peers::parse(PEERS).unwrap()).unwrap();
        assert!(text.contains("| 1x2x3 | 80.0 | 40.0 | 160* | 2.00 | 0.50 | 80 % |"), "{text}");
        assert!(text.contains("2.00 of the best exact peer, 0.50 of the best peer, 0.80 of the limit"), "{text}");
    }
}
