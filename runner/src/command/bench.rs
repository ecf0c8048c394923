//! `zeropoint bench`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use half::{bf16, f16};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::options::{self, Threads, Tiers};
use super::{Ending, cpu, timing};
use crate::exec::Session;
use crate::graph::Type;

#[derive(Args)]
pub(super) struct Bench {
    /// The ONNX file.
    model: PathBuf,
    #[command(flatten)]
    tiers: Tiers,
    #[command(flatten)]
    threads: Threads,
    /// Write the medians to this file, a line of JSON for each tier.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How long to measure each tier.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("expected 0 to 3600".into()) }
}

/// A line of the file.
#[derive(Serialize)]
struct Row<'a> {
    op: &'a str,
    model: &'a str,
    isa: &'a str,
    threads: usize,
    ms: f64,
}

impl Bench {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let graph = options::load(&self.model)?;
        let model = options::stem(&self.model);
        let threads = self.threads.get();
        let mut json = match &self.json {
            Some(path) => Some(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?)),
            None => None,
        };
        let time = Duration::from_secs_f64(self.seconds);

        writeln!(out, "{}, {threads} {}", cpu::name(), if threads == 1 { "thread" } else { "threads" })?;
        writeln!(out, "{:<24} {:<12} {:>10} {:>10} {:>10} {:>8}", "model", "tier", "median ms", "p10", "p90", "runs")?;
        for backend in &backends {
            let isa = backend.isa().to_string();
            let bar = bar(time, &isa);
            let mut session = options::session(&self.model, &graph, backend, threads)?;
            fill(&mut session)?;
            let times = timing::measure(&mut session, time, 10, |spent| {
                bar.set_position(u64::try_from(spent.as_millis()).unwrap_or(u64::MAX));
            })?;
            bar.finish_and_clear();
            let [median, p10, p90] = [50, 10, 90].map(|percent| times.percentile(percent));
            writeln!(out, "{model:<24} {isa:<12} {median:>10.4} {p10:>10.4} {p90:>10.4} {:>8}", times.len())?;
            if let Some(json) = &mut json {
                let row = Row { op: "net", model: &model, isa: &isa, threads, ms: median };
                writeln!(json, "{}", serde_json::to_string(&row)?)?;
            }
        }
        if let (Some(mut json), Some(path)) = (json, &self.json) {
            json.flush().with_context(|| path.display().to_string())?;
        }
        Ok(Ending::Equal)
    }
}

/// Shows the time on stderr, where that is a terminal.
fn bar(time: Duration, isa: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{msg:12} {bar:40} {percent:>3} %") {
        bar.set_style(style);
    }
    bar.set_message(isa.to_owned());
    bar
}

/// Inputs that are the same in each bench, without the zeros and repetitions that a kernel could be quick on.
fn fill(session: &mut Session) -> Result<()> {
    let types: Vec<Type> = session.plan().input_tensors().map(|(_, type_, _)| type_).collect();
    let mut state = 0x9E37_79B9_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let real = |byte: u8| f32::from(byte) / 64.0 - 2.0;
    for (index, type_) in types.into_iter().enumerate() {
        match type_ {
            Type::Bool => session.input_mut::<u8>(index)?.iter_mut().for_each(|x| *x = byte() >> 7),
            Type::U4 => session.input_mut::<u8>(index)?.iter_mut().for_each(|x| *x = byte() >> 4),
            Type::I4 => session.input_mut::<i8>(index)?.iter_mut().for_each(|x| *x = byte().cast_signed() >> 4),
            Type::U16 => session.input_mut::<u16>(index)?.iter_mut().for_each(|x| *x = u16::from(byte()) * 257),
            Type::I16 => session.input_mut::<i16>(index)?.iter_mut().for_each(|x| *x = i16::from(byte()) * 128),
            Type::F16 => session.input_mut::<f16>(index)?.iter_mut().for_each(|x| *x = f16::from_f32(real(byte()))),
            Type::BF16 => session.input_mut::<bf16>(index)?.iter_mut().for_each(|x| *x = bf16::from_f32(real(byte()))),
            Type::U8 => session.input_mut::<u8>(index)?.iter_mut().for_each(|x| *x = byte()),
            Type::I8 => session.input_mut::<i8>(index)?.iter_mut().for_each(|x| *x = byte().cast_signed()),
            Type::I32 => session.input_mut::<i32>(index)?.iter_mut().for_each(|x| *x = i32::from(byte())),
            Type::I64 => session.input_mut::<i64>(index)?.iter_mut().for_each(|x| *x = i64::from(byte())),
            Type::F32 => session.input_mut::<f32>(index)?.iter_mut().for_each(|x| *x = real(byte())),
        }
    }
    Ok(())
}
