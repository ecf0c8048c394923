//! What is known of each tensor over all runs.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use anyhow::Result;
use half::{bf16, f16};

use crate::deviation::{Deviation, Tolerance, deviation};
use crate::exec::{Made, TensorRef};
use crate::graph::Data;

/// How the network was prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Fused, with every quantised tensor of the file.
    Kept,
    /// Fused.
    Fused,
    /// As the file has it.
    Unfused,
}

impl Form {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "fused with every tensor of the file",
            Self::Fused => "fused",
            Self::Unfused => "unfused",
        }
    }

    const fn group(self) -> usize {
        match self {
            Self::Kept | Self::Fused => FUSED,
            Self::Unfused => UNFUSED,
        }
    }
}

/// The forms that have to make the same bits of a tensor.
const FUSED: usize = 0;
const UNFUSED: usize = 1;

#[derive(Debug)]
struct Tensor {
    described: String,
    /// By the forms of each group, a checksum of the first run on the inputs of now.
    crcs: [Option<u32>; 2],
    /// Whether the forms of each group make it at all.
    made: [bool; 2],
    /// The elements that the first fused run made of the inputs of now.
    reference: Option<Data>,
    /// In how many runs it was made.
    runs: usize,
    /// The first run that made other bits than the first of its group.
    broken: Option<String>,
    /// The unfused against the fused one.
    unfused: Option<Deviation>,
}

/// All tensors in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Table {
    tensors: Vec<(String, Tensor)>,
    places: HashMap<String, usize>,
    open: HashSet<String>,
}

impl Table {
    /// `open` are the tensors below a float operator with an open result.
    pub(super) fn new(open: HashSet<String>) -> Self {
        Self { open, ..Self::default() }
    }

    /// Other inputs follow.
    pub(super) fn begin(&mut self) {
        for (_, tensor) in &mut self.tensors {
            tensor.crcs = [None; 2];
            tensor.reference = None;
        }
    }

    /// Takes in a tensor that a run made, in C order of its shape.
    pub(super) fn take(&mut self, form: Form, run: &str, made: &Made, values: TensorRef<'_>) {
        let described = format!("{} {:?}", made.type_, made.shape);
        let at = *self.places.entry(made.name.clone()).or_insert(self.tensors.len());
        if at == self.tensors.len() {
            self.tensors.push((made.name.clone(), Tensor::new(described.clone())));
        }
        let tensor = &mut self.tensors[at].1;
        tensor.runs += 1;
        tensor.made[form.group()] = true;
        if tensor.described != described {
            tensor.broken.get_or_insert_with(|| format!("{described} on {run}, {} before", tensor.described));
            return;
        }
        let crc = crc(values);
        let first = tensor.crcs[form.group()];
        tensor.crcs[form.group()] = Some(crc);
        let against = |reference: &Option<Data>| {
            reference
                .as_ref()
                .and_then(|data| deviation(values, TensorRef::from(data), &made.shape, Tolerance::default()))
        };
        match first {
            None if form == Form::Unfused => {
                if let Some(found) = against(&tensor.reference) {
                    match &mut tensor.unfused {
                        None => tensor.unfused = Some(found),
                        Some(all) => all.add(found),
                    }
                }
            }
            None => tensor.reference = Some(values.to_data()),
            Some(first) if first == crc => {}
            Some(first) => {
                // The first run stays what others are compared with.
                tensor.crcs[form.group()] = Some(first);
                if tensor.broken.is_none() {
                    let how = match form {
                        Form::Unfused => None,
                        _ => against(&tensor.reference).filter(|deviation| !deviation.is_none()),
                    };
                    let how = how.map_or_else(|| format!("CRC-32 {crc:08x}, not {first:08x}"), |how| how.to_string());
                    tensor.broken = Some(format!("on {run}: {how}"));
                }
            }
        }
    }

    /// A line for each tensor.
    pub(super) fn write(&self, out: &mut impl Write, both: bool) -> Result<()> {
        let name = self.tensors.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max("tensor".len());
        let known = self.tensors.iter().map(|(_, tensor)| tensor.described.len()).max().unwrap_or(0);
        let known = known.max("type and shape".len());
        let title = if both { "  fused against unfused" } else { "" };
        writeln!(out, "{:<name$}  {:<known$}  {:>12}{title}", "tensor", "type and shape", "runs")?;
        for (tensor_name, tensor) in &self.tensors {
            let runs = match &tensor.broken {
                None => format!("{} equal", tensor.runs),
                Some(_) => "DIFFERS".to_owned(),
            };
            write!(out, "{tensor_name:<name$}  {:<known$}  {runs:>12}", tensor.described)?;
            if both {
                write!(out, "  {}", tensor.between())?;
                if self.open.contains(tensor_name) && tensor.differs() {
                    write!(out, " (below a float operator whose rounding is left open)")?;
                }
            }
            writeln!(out)?;
            if let Some(broken) = &tensor.broken {
                writeln!(out, "  DIFFERS {broken}")?;
            }
        }
        Ok(())
    }

    /// What it comes to, and whether everything that should be equal is.
    pub(super) fn verdict(&self, both: bool, literal: bool) -> (String, bool) {
        let count = |what: &dyn Fn(&Tensor) -> bool| self.tensors.iter().filter(|(_, tensor)| what(tensor)).count();
        let broken = count(&|tensor| tensor.broken.is_some());
        let mut told = format!("{} tensors equal bit for bit in all runs", self.tensors.len() - broken);
        if broken > 0 {
            told += &format!(", {broken} not");
        }
        let mut equal = broken == 0;
        if both {
            let unfused = |equal: bool| move |tensor: &Tensor| tensor.unfused.is_some() && tensor.differs() != equal;
            told += &format!(
                "; fused against unfused: {} equal, {} differ, {} are made by the fused form only, {} by the unfused one",
                count(&unfused(true)),
                count(&unfused(false)),
                count(&|tensor| tensor.made == [true, false]),
                count(&|tensor| tensor.made == [false, true]),
            );
            if literal {
                let exact = |(name, tensor): &&(String, Tensor)| tensor.differs() && !self.open.contains(name);
                let wrong = self.tensors.iter().filter(exact).count();
                told += &format!("; {wrong} of those that differ should not");
                equal &= wrong == 0;
            }
        }
        (told, equal)
    }
}

impl Tensor {
    const fn new(described: String) -> Self {
        Self { described, crcs: [None; 2], made: [false; 2], reference: None, runs: 0, broken: None, unfused: None }
    }

    fn differs(&self) -> bool {
        self.unfused.as_ref().is_some_and(|found| !found.is_none())
    }

    fn between(&self) -> String {
        match (&self.unfused, self.made) {
            (Some(found), _) => found.to_string(),
            (None, [_, false]) => "only fused".into(),
            (None, [false, _]) => "only unfused".into(),
            (None, [true, true]) => "not comparable".into(),
        }
    }
}

/// A checksum of the elements. What is no number has many forms in bits, between which processors choose.
fn crc(values: TensorRef<'_>) -> u32 {
    fn floats<T: bytemuck::Pod>(values: &[T], nan: T, is_nan: impl Fn(T) -> bool) -> u32 {
        if !values.iter().any(|&value| is_nan(value)) {
            return crc32fast::hash(bytemuck::cast_slice(values));
        }
        let one: Vec<T> = values.iter().map(|&value| if is_nan(value) { nan } else { value }).collect();
        crc32fast::hash(bytemuck::cast_slice(&one))
    }
    match values {
        TensorRef::F16(values) => floats(values, f16::NAN, f16::is_nan),
        TensorRef::BF16(values) => floats(values, bf16::NAN, bf16::is_nan),
        TensorRef::F32(values) => floats(values, f32::NAN, f32::is_nan),
        integers => crc32fast::hash(integers.bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Type;

    fn made(name: &str) -> Made {
        let (op, kernel) = ("Relu".to_owned(), "one".to_owned());
        Made { name: name.into(), op, type_: Type::F32, shape: vec![2], kernel, packed: None }
    }

    fn table(fused: [f32; 2], again: [f32; 2], unfused: [f32; 2]) -> Table {
        let mut table = Table::new(HashSet::from(["open".to_owned()]));
        table.begin();
        for name in ["open", "exact"] {
            table.take(Form::Kept, "one", &made(name), TensorRef::F32(&fused));
            table.take(Form::Fused, "two", &made(name), TensorRef::F32(&again));
            table.take(Form::Unfused, "three", &made(name), TensorRef::F32(&unfused));
        }
        table.take(Form::Unfused, "three", &made("more"), TensorRef::F32(&unfused));
        table
    }

    fn written(table: &Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out, true).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_equal_is_counted() {
        let nan = f32::from_bits(0xffc0_0001);
        let table = table([1.0, f32::NAN], [1.0, nan], [1.0, nan]);
        let (told, equal) = table.verdict(true, true);
        assert!(equal);
        assert_eq!(
            told,
            "3 tensors equal bit for bit in all runs; fused against unfused: 2 equal, 0 differ, 0 are made by the fused \
             form only, 1 by the unfused one; 0 of those that differ should not"
        );
        assert!(written(&table).contains("only unfused"));
    }

    #[test]
    fn other_bits_in_another_run_are_a_difference() {
        let table = table([1.0, 0.0], [1.0, 2.0], [1.0, 0.0]);
        assert!(!table.verdict(true, false).1);
        let written = written(&table);
        assert!(
            written.contains("  DIFFERS on two: 1 of 2 differ, by at most 2, first at [1]: 2, expected 0"),
            "{written}"
        );
        // Zeros of two signs are other bits, though no distance lies between them.
        let (told, equal) = self::table([0.0, 0.0], [0.0, -0.0], [0.0, 0.0]).verdict(true, false);
        assert!(!equal && told.starts_with("1 tensors equal bit for bit in all runs, 2 not"), "{told}");
    }

    #[test]
    fn unfused_may_differ_unless_the_text_fixes_it() {
        let table = table([1.0, 3.0], [1.0, 3.0], [1.0, 2.0]);
        let (told, equal) = table.verdict(true, false);
        assert!(equal && told.contains("0 equal, 2 differ"), "{told}");
        let (told, equal) = table.verdict(true, true);
        assert!(!equal && told.ends_with("1 of those that differ should not"), "{told}");
        let written = written(&table);
        let line = "1 of 2 differ, by at most 1, first at [1]: 2, expected 3";
        assert!(written.contains(&format!("{line} (below a float operator")), "{written}");
        assert!(written.contains(&format!("{line}\n")), "{written}");
    }
}
