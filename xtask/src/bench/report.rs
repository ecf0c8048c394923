//! The page of `--report`: a bar a row, its share of the limit.

use std::fmt::Write;

use super::Row;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>zeropoint: share of the \
limit</title>\n<style>body { font: 14px sans-serif; margin: 2em; max-width: 75em } table { border-collapse: collapse; \
width: 100% } td, th { padding: 2px 8px; text-align: left; white-space: nowrap } td.n { text-align: right }</style>\n\
<h1>Share of the limit</h1>\n";

/// The page.
pub(super) fn page(machine: &str, rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    page += &format!(
        "<p>{}</p>\n<p>The limit is the tier's product instruction on registers alone, and a copy of as many bytes.</p>\n",
        escape(machine)
    );
    page += "<table>\n<tr><th>operation<th>shape<th>tier<th>rate<th>of the limit<th><th>to scalar<th>kernel\n";
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{:.1} %<td>{}<td class=\"n\">{:.2}<td>{}",
            escape(row.operation),
            escape(&row.shape),
            row.isa,
            row.rate(),
            100.0 * row.share,
            bar(row.share),
            row.ratio,
            escape(&row.kernel())
        );
    }
    page + "</table>\n</html>\n"
}

fn bar(share: f64) -> String {
    let width = 200.0 * share.clamp(0.0, 1.0);
    format!(
        "<svg width=\"200\" height=\"12\" role=\"img\" aria-label=\"{:.0} %\"><rect width=\"200\" height=\"12\" \
         fill=\"#ddd\"/><rect width=\"{width:.1}\" height=\"12\" fill=\"#27c\"/></svg>",
        100.0 * share
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
