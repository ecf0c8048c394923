//! The page of `--report`: a bar a row, its share of the limit, with the peers' beside it, and the roofline.

use std::fmt::Write;

use super::peers::{self, Peer};
use super::{Roof, Row};

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>zeropoint: share of the \
limit</title>\n<style>body { font: 14px sans-serif; margin: 2em; max-width: 80em } table { border-collapse: collapse; \
width: 100% } td, th { padding: 2px 8px; text-align: left; white-space: nowrap } td.n { text-align: right } \
tr.peer td { color: #555; font-size: 12px }</style>\n";

/// The colours of ours, of a peer that was exact, and of one that was not or is not known to be.
const OURS: &str = "#27c";
const EXACT: &str = "#595";
const INEXACT: &str = "#c73";

/// The page.
pub(super) fn page(machine: &str, rows: &[Row], peers: &[Peer], threads: usize) -> String {
    let mut page = HEAD.to_owned();
    page += &format!("<h1>Share of the limit</h1>\n<p>{}</p>\n", escape(machine));
    page += "<p>The limit of a product is the tier's product instruction on registers alone, or reading the operands \
             once where that takes longer; that of the others is a copy of as many bytes. A bar is full at the limit.";
    if !peers.is_empty() {
        page += &format!(
            " Peers, from the file given, not of this run: <span style=\"color:{EXACT}\">exact</span>, \
             <span style=\"color:{INEXACT}\">not exact or not known to be</span>; their shares are of our tier's limit."
        );
    }
    page += "</p>\n<table>\n<tr><th>operation<th>shape<th>tier<th>rate<th>of the limit<th><th>to scalar<th>kernel\n";
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{:.1} %<td>{}<td class=\"n\">{:.2}<td>{}",
            escape(row.operation),
            escape(&row.shape),
            row.isa,
            row.rate(),
            100.0 * row.share(),
            bar(row.share(), OURS),
            row.ratio,
            escape(&row.kernel())
        );
        for peer in peers::of(peers, row.operation, &row.shape, threads) {
            let share = peer.rate / row.limit;
            let colour = if peer.exact == Some(true) { EXACT } else { INEXACT };
            let _ = writeln!(
                page,
                "<tr class=\"peer\"><td colspan=\"3\">{}<td class=\"n\">{:.2}<td class=\"n\">{:.1} %<td>{}<td><td>",
                escape(&peer.name),
                peer.rate / 1e9,
                100.0 * share,
                bar(share, colour)
            );
        }
    }
    page += "</table>\n";
    let mut tiers: Vec<_> = rows.iter().filter(|row| row.roof.is_some()).map(|row| row.isa).collect();
    tiers.dedup();
    let mut seen = Vec::new();
    for isa in tiers {
        if !seen.contains(&isa) {
            seen.push(isa);
            let points: Vec<Point<'_>> = rows.iter().filter(|row| row.isa == isa).filter_map(Point::new).collect();
            let _ = write!(page, "<h2>Roofline of {isa}</h2>\n{}", roofline(&points));
        }
    }
    page + "</html>\n"
}

fn bar(share: f64, colour: &str) -> String {
    let width = 200.0 * share.clamp(0.0, 1.0);
    format!(
        "<svg width=\"200\" height=\"12\" role=\"img\" aria-label=\"{:.0} %\"><rect width=\"200\" height=\"12\" \
         fill=\"#ddd\"/><rect width=\"{width:.1}\" height=\"12\" fill=\"{colour}\"/></svg>",
        100.0 * share
    )
}

/// A row under the roof.
struct Point<'a> {
    name: String,
    rate: f64,
    roof: &'a Roof,
}

impl<'a> Point<'a> {
    fn new(row: &'a Row) -> Option<Self> {
        let name = format!("{} {}: {}, {:.0} %", row.operation, row.shape, row.rate(), 100.0 * row.share());
        row.roof.as_ref().map(|roof| Self { name, rate: row.rate, roof })
    }
}

/// Width and height of the drawing, and its margin.
const SIZE: [f64; 2] = [760.0, 420.0];
const MARGIN: f64 = 60.0;

/// A logarithmic axis between two powers of ten.
struct Axis {
    /// Exponents.
    from: f64,
    to: f64,
    /// Where they stand.
    begin: f64,
    end: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min).max(1e-3).log10().floor();
        let to = values.fold(0.0, f64::max).max(1e-3).log10().ceil();
        Self { from, to: to.max(from + 1.0), begin, end }
    }

    fn at(&self, value: f64) -> f64 {
        self.begin + (value.log10() - self.from) / (self.to - self.from) * (self.end - self.begin)
    }

    /// The powers of ten on it.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|exponent| 10f64.powi(exponent))
    }
}

/// Rates over multiply-accumulates for each byte of the operands, under the peak and the slowest and fastest stream.
fn roofline(points: &[Point<'_>]) -> String {
    let [width, height] = SIZE;
    let peak = points.iter().map(|point| point.roof.peak).fold(0.0, f64::max);
    let streams = || points.iter().map(|point| point.roof.stream);
    let slopes = [streams().fold(f64::INFINITY, f64::min), streams().fold(0.0, f64::max)];
    let x = Axis::new(points.iter().map(|point| point.roof.intensity), MARGIN, width - MARGIN);
    let rates = points.iter().map(|point| point.rate / 1e9).chain([peak / 1e9]);
    let y = Axis::new(rates, height - MARGIN, MARGIN / 2.0);

    let mut svg = format!("<svg width=\"{width}\" height=\"{height}\" role=\"img\" font-size=\"11\">\n");
    let line = |[x1, y1, x2, y2]: [f64; 4], style: &str| {
        format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>\n")
    };
    let text = |x: f64, y: f64, anchor: &str, text: &str| {
        format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>\n", escape(text))
    };
    let grid = "stroke=\"#ddd\"";
    for tick in x.ticks() {
        svg += &line([x.at(tick), y.begin, x.at(tick), y.end], grid);
        svg += &text(x.at(tick), y.begin + 16.0, "middle", &tick.to_string());
    }
    for tick in y.ticks() {
        svg += &line([x.begin, y.at(tick), x.end, y.at(tick)], grid);
        svg += &text(x.begin - 6.0, y.at(tick) + 4.0, "end", &tick.to_string());
    }
    svg +=
        &text((x.begin + x.end) / 2.0, height - 20.0, "middle", "multiply-accumulates for each byte of the operands");
    svg += &text(x.begin, y.end - 8.0, "middle", "GMAC/s");
    let roof = "stroke=\"#333\" stroke-width=\"1.5\"";
    svg += &line([x.begin, y.at(peak / 1e9), x.end, y.at(peak / 1e9)], roof);
    svg += &text(x.end, y.at(peak / 1e9) - 5.0, "end", &format!("registers alone: {:.1} GMAC/s", peak / 1e9));
    for slope in slopes {
        // From where the line enters the drawing to where it meets the peak, if it does within.
        let [left, right, bottom] = [10f64.powf(x.from), 10f64.powf(x.to), 10f64.powf(y.from) * 1e9];
        let [begin, end] = [(bottom / slope).max(left), (peak / slope).min(right)];
        if begin < end {
            let ends = [x.at(begin), y.at(slope * begin / 1e9), x.at(end), y.at(slope * end / 1e9)];
            svg += &line(ends, &format!("{roof} stroke-dasharray=\"5 3\""));
            svg += &text(ends[0] + 4.0, ends[1] - 6.0, "start", &format!("{:.1} GB/s", slope / 1e9));
        }
    }
    for point in points {
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{OURS}\" fill-opacity=\"0.7\"><title>{}</title></circle>",
            x.at(point.roof.intensity),
            y.at(point.rate / 1e9),
            escape(&point.name)
        );
    }
    svg + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_its_values() {
        let axis = Axis::new([3.0, 250.0].into_iter(), 10.0, 40.0);
        assert_eq!((axis.at(1.0), axis.at(10.0), axis.at(1000.0)), (10.0, 20.0, 40.0));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn every_point_is_drawn() {
        let roof = |intensity| Roof { peak: 8e10, stream: 4e10, intensity };
        let roofs = [roof(0.9), roof(500.0)];
        let points = roofs.iter().map(|roof| Point { name: "<a>".into(), rate: 3e10, roof });
        let svg = roofline(&points.collect::<Vec<_>>());
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("&lt;a&gt;") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
