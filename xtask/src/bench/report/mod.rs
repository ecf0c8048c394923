//! The page of `--report`: data, and a script that draws them. It loads nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::peers::{self, Peer};
use super::recorded::Recorded;
use super::row::Row;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// How it is drawn: the parts of the page, one a file.
const SCRIPTS: [&str; 4] =
    [include_str!("elements.js"), include_str!("roofline.js"), include_str!("bars.js"), include_str!("table.js")];

/// Writes the page.
pub(super) fn write(path: &Path, recorded: &Recorded, peers: &[Peer]) -> Result<()> {
    fs::write(path, page(recorded, peers)).with_context(|| path.display().to_string())
}

fn page(recorded: &Recorded, peers: &[Peer]) -> String {
    let rows: Vec<Value> = recorded.rows.iter().map(|row| data(row, peers)).collect();
    let data = json!({ "machine": recorded.machine, "rows": rows });
    // Nothing in it ends the element that it stands in.
    let data = data.to_string().replace('<', "\\u003c");
    PAGE.replace("%style%", STYLE).replace("%script%", &SCRIPTS.concat()).replace("%data%", &data)
}

/// A row with its peers.
fn data(row: &Row, peers: &[Peer]) -> Value {
    let beside = peers::beside(peers, row);
    let [exact, best] = peers::best(&beside);
    let each = beside.iter().flat_map(|library| [library.exact, library.inexact]).flatten();
    let each: Vec<Value> = each
        .map(|peer| json!({ "library": peer.library, "name": peer.name(), "rate": peer.rate, "exact": peer.exact }))
        .collect();
    let mut data = json!(row);
    data["rate"] = json!(row.rate());
    data["unit"] = json!(if row.is_product() { "GMAC/s" } else { "GB/s" });
    data["kernel"] = json!(row.kernel_and_output());
    data["peers"] = json!(each);
    data["best_exact"] = json!(exact);
    data["best"] = json!(best);
    data
}

#[cfg(test)]
mod tests {
    use super::super::{machine, row};
    use super::*;

    #[test]
    fn the_page_is_whole_and_loads_nothing() {
        let recorded = Recorded { machine: machine::example("</script>"), rows: vec![row::example("1x2x3", 4.5)] };
        let page = page(&recorded, &[]);
        for hole in ["%style%", "%script%", "%data%"] {
            assert!(!page.contains(hole), "{hole}");
        }
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains("http"));
    }
}
