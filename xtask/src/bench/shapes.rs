//! The shapes of `benches/shapes.tsv`.

use anyhow::{Context, Result, bail};

/// What the bench measures, as data.
pub(super) const TEXT: &str = include_str!("../../../benches/shapes.tsv");

/// A square convolution of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Conv {
    /// Rows and columns of the image.
    pub(super) image: [usize; 2],
    /// Channels in and out.
    pub(super) channels: [usize; 2],
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) pad: usize,
    pub(super) dilation: usize,
    pub(super) groups: usize,
}

/// The sizes of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sizes {
    /// M, K, N.
    Gemm([usize; 3]),
    /// M, K, N of a product so small that a call is most of it.
    Call([usize; 3]),
    Conv(Conv),
    Elements(usize),
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(super) sizes: Sizes,
}

/// Reads the rows; lines that begin with `#` are comments.
pub(super) fn parse(text: &str) -> Result<Vec<Shape>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|(number, line)| shape(line).with_context(|| format!("shapes, line {}", number + 1))).collect()
}

fn shape(line: &str) -> Result<Shape> {
    let mut columns = line.split('\t');
    let kind = columns.next().context("no kind")?;
    let name = columns.next().context("no name")?.to_owned();
    let numbers = columns.map(|column| column.parse().with_context(|| format!("`{column}` is no size")));
    let numbers: Vec<usize> = numbers.collect::<Result<_>>()?;
    let sizes = match (kind, numbers.as_slice()) {
        ("gemm", &[m, k, n]) => Sizes::Gemm([m, k, n]),
        ("call", &[m, k, n]) => Sizes::Call([m, k, n]),
        ("conv", &[height, width, inputs, outputs, kernel, stride, pad, dilation, groups]) => {
            if groups == 0 || inputs % groups != 0 || outputs % groups != 0 {
                bail!("{groups} groups do not divide {inputs} and {outputs} channels");
            }
            if kernel == 0 || stride == 0 || dilation == 0 {
                bail!("a kernel, stride or dilation of 0");
            }
            let (image, channels) = ([height, width], [inputs, outputs]);
            Sizes::Conv(Conv { image, channels, kernel, stride, pad, dilation, groups })
        }
        ("ew", &[elements]) => Sizes::Elements(elements),
        _ => bail!("`{kind}` with {} sizes", numbers.len()),
    };
    Ok(Shape { name, sizes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_kind_name_and_sizes() {
        let shapes = parse("# comment\n\ngemm\ta\t1\t2\t3\nconv\tb\t5\t6\t4\t8\t3\t2\t1\t1\t4\new\tc\t7\n").unwrap();
        let conv = Conv { image: [5, 6], channels: [4, 8], kernel: 3, stride: 2, pad: 1, dilation: 1, groups: 4 };
        let sizes: Vec<_> = shapes.iter().map(|shape| (shape.name.as_str(), shape.sizes)).collect();
        assert_eq!(sizes, [("a", Sizes::Gemm([1, 2, 3])), ("b", Sizes::Conv(conv)), ("c", Sizes::Elements(7))]);
    }

    #[test]
    fn errors_name_the_line() {
        for text in ["#\ngemm\ta\t1\t2", "\ngemm\ta\t1\tx\t3", "#\nconv\tb\t5\t6\t4\t8\t3\t2\t1\t1\t3", "#\npool\tc\t7"]
        {
            assert_eq!(parse(text).unwrap_err().to_string(), "shapes, line 2", "{text:?}");
        }
    }

    #[test]
    fn the_file_parses() {
        assert!(parse(TEXT).unwrap().len() > 30);
    }
}
