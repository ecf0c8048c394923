//! Emulated CPUs, as many at a time as this machine has cores.

use std::cmp::Reverse;
use std::io::{Write, stdout};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::suite::{Ran, Suite};
use super::summary::Records;
use crate::emulate::{Cpu, Variant};
use crate::progress;

/// One start of an emulator: for all that runs on a CPU, or for the choice on one of its variants.
type Boot = (&'static Cpu, Option<&'static Variant>);

/// Runs CPUs and their variants. What went wrong beside cases is told in `wrong`.
pub(super) fn run(cpus: &[&'static Cpu], wrong: &mut Vec<String>) -> Result<Records> {
    let suite = Suite::new(cpus)?;
    let mut boots: Vec<Boot> = cpus.iter().map(|&cpu| (cpu, None)).collect();
    if suite.has_variants() {
        let variants = |cpu: &'static Cpu| cpu.variants.iter().map(move |variant| (cpu, Some(variant)));
        boots.extend(cpus.iter().flat_map(|&cpu| variants(cpu)));
    }
    // The longest first: what is left for the end is short.
    boots.sort_by_key(|(cpu, variant)| (variant.is_some(), Reverse(cpu.runs.len())));

    let bar = progress::bar(boots.len());
    let (next, done) = (AtomicUsize::new(0), Mutex::new((Records::new(), Vec::new())));
    let work = || {
        while let Some(&boot) = boots.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begin = Instant::now();
            let name = name(boot);
            let (line, records, failed) = match one(&suite, boot) {
                Ok(ran) if ran.failures.is_empty() => (ran.to_string(), ran.records, false),
                Ok(ran) => (format!("FAILED\n{}", ran.failures.join("\n")), ran.records, true),
                Err(error) => (format!("FAILED\n{error:#}"), Records::new(), true),
            };
            let mut done = done.lock().expect("no thread panics");
            if failed {
                done.1.push(format!("{name} failed"));
            }
            done.0.extend(records);
            bar.suspend(|| writeln!(stdout(), "{name} ({:.0} s): {line}", begin.elapsed().as_secs_f64())).ok();
            bar.inc(1);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores.min(boots.len())).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let (mut records, failed) = done.into_inner().expect("no thread panics");
    wrong.extend(failed);
    let place = |name: Option<&str>| cpus.iter().position(|cpu| Some(cpu.name) == name);
    records.sort_by_key(|record| place(record.cpu));
    Ok(records)
}

/// Prints which tier the library chooses on a CPU without a feature, and checks it where the table knows the variant.
pub(super) fn choice(cpu: &'static Cpu, without: &str) -> Result<()> {
    let variant = cpu.variants.iter().find(|variant| variant.without == without);
    let expected = variant.map_or(&[][..], |variant| variant.tiers);
    let ran = Suite::new(&[cpu])?.choose(cpu, without, expected)?;
    writeln!(stdout(), "{} without {without}: {ran}", cpu.name)?;
    Ok(())
}

fn one(suite: &Suite, (cpu, variant): Boot) -> Result<Ran> {
    match variant {
        Some(variant) => suite.choose(cpu, variant.without, variant.tiers),
        None => suite.run(cpu),
    }
}

fn name((cpu, variant): Boot) -> String {
    variant.map_or_else(|| cpu.name.into(), |variant| format!("{} without {}", cpu.name, variant.without))
}
