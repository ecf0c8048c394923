//! What runs on an emulated CPU, and what to make of how it ended: the telling cases, a network with its golden, the
//! conformance cases, and the tests inside the kernels.

use std::env;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use zeropoint::Isa;
use zeropoint_check::Report;

use super::summary::{Record, Records};
use crate::architecture::Architecture;
use crate::emulate::{CHECK, Cpu, Job, KERNELS, Outcome, RUNNER, build, tail};

/// The longest that a CPU may take. It takes a minute or two, and more than ten on a slow machine that does other work; one that
/// hangs would take for ever.
const LIMIT: Duration = Duration::from_secs(1200);

/// The network's files in `runner/models`: the model, how a picture is prepared for it, a picture, and the golden.
const NETWORK: [&str; 4] = [
    "person_detect_u8s8pc.onnx",
    "person_detect_u8s8pc.json",
    "pictures/person_astronaut.png",
    "golden/person_detect_u8s8pc/astronaut.json",
];

/// Conformance cases, beside the models.
const CONFORMANCE: [&str; 2] = ["cases.tar.gz", "pairs.tar.gz"];

/// The programs, built for the architectures that are needed.
pub(super) struct Suite {
    /// Words before the programs of a CPU, in place of its emulator.
    runner: Option<Vec<String>>,
}

/// How the suite went on a CPU.
pub(super) struct Ran {
    pub(super) records: Records,
    /// Which tiers the CPU has, and which of them the library chose.
    pub(super) choice: String,
    /// What each failure looks like; empty if all is well.
    pub(super) failures: Vec<String>,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.choice)?;
        self.records
            .iter()
            .try_for_each(|record| write!(f, "; {}: {} cases, {} failures", record.tier, record.cases, record.failures))
    }
}

impl Suite {
    /// Builds what these CPUs need, if there is something to run it on.
    pub(super) fn new(cpus: &[&Cpu]) -> Result<Self> {
        let runner = env::var("ZEROPOINT_EMULATOR").ok().filter(|runner| !runner.trim().is_empty());
        let runner = runner.map(|runner| runner.split_whitespace().map(str::to_owned).collect());
        match runner {
            Some(_) => {
                ensure!(cpus.len() == 1, "ZEROPOINT_EMULATOR is one CPU: expected --cpu CPU, got {} CPUs", cpus.len())
            }
            None => cpus.iter().try_for_each(|cpu| cpu.ready())?,
        }
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            if cpus.iter().any(|cpu| cpu.architecture() == architecture) {
                build(architecture)?;
            }
        }
        Ok(Self { runner })
    }

    /// Runs the telling cases, the network and the conformance cases on each tier that a CPU has to have, and the tests
    /// inside the kernels.
    pub(super) fn run(&self, cpu: &'static Cpu) -> Result<Ran> {
        let (tiers, begin) = (cpu.runs, Instant::now());
        let mut job = Job::new(LIMIT)?;
        let programs = build(cpu.architecture())?;
        job.add(&programs.check)?;
        job.add(&programs.runner)?;
        job.add_as(KERNELS, &programs.kernels)?;
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runner/models");
        NETWORK.iter().try_for_each(|file| job.add(&models.join(file)))?;
        CONFORMANCE.iter().try_for_each(|cases| job.add(&models.join("../conformance").join(cases)))?;
        let name = |file: usize| NETWORK[file].rsplit('/').next().unwrap_or_default();
        match tiers {
            [] => job.then(CHECK, &[&names(cpu.tiers)]),
            _ => job.then(CHECK, &[&names(cpu.tiers), "--run", &names(tiers)]),
        }
        for tier in tiers {
            job.then(RUNNER, &["run", name(0), "--image", name(2), "--golden", name(3), "--isa", tier.name()]);
            for cases in CONFORMANCE {
                job.then(RUNNER, &["conformance", cases, "--isa", tier.name()]);
            }
        }
        job.then(KERNELS, &["--test-threads=1"]);
        let outcomes = self.start(cpu, &job, None)?;
        let each = 1 + CONFORMANCE.len();
        let expected = each * tiers.len() + 2;
        let [cases, models @ .., kernels] = &outcomes[..] else {
            bail!("the emulator ran {} programs, expected {expected}", outcomes.len())
        };

        let mut failures = Vec::new();
        if cases.code != Some(0) {
            failures.push(format!("{CHECK} {}", story(cases)));
        }
        if kernels.code != Some(0) {
            failures.push(format!("{KERNELS} {}", story(kernels)));
        }
        let reports: Vec<Report> = cases.said.lines().filter_map(|line| line.parse().ok()).collect();
        let mut records = Vec::new();
        for (&tier, models) in tiers.iter().zip(models.chunks(each)) {
            let parts = models.split_first().filter(|(_, cases)| cases.len() == CONFORMANCE.len());
            let Some((network, conformance)) = parts else {
                bail!("the emulator ran {} programs, expected {expected}", outcomes.len())
            };
            let mut record = Record::new(tier, Some(cpu.name));
            match reports.iter().find(|report| report.tier == tier.name()) {
                Some(report) => record.count(report.cases, report.failures),
                None => {
                    record.count(0, 1);
                    failures.push(format!("{CHECK} reported nothing of {tier}"));
                }
            }
            record.count(1, usize::from(network.code != Some(0)));
            if network.code != Some(0) {
                failures.push(format!("{} on {tier} {}", NETWORK[0], story(network)));
            }
            for (cases, ran) in CONFORMANCE.iter().zip(conformance) {
                let conforms = ran.code == Some(0) && ran.said.trim_end().ends_with(" 0 failed, 0 unsupported");
                record.count(1, usize::from(!conforms));
                if !conforms {
                    failures.push(format!("{cases} on {tier} {}", story(ran)));
                }
            }
            records.push(record);
        }
        // The tiers of a CPU run in one go; how long each took is not known.
        let share = begin.elapsed() / u32::try_from(records.len().max(1))?;
        records.iter_mut().for_each(|record| record.time = share);
        Ok(Ran { records, choice: cases.said.lines().next().unwrap_or_default().into(), failures })
    }

    /// Which tier the library chooses on a CPU that lacks a feature; an error if it is not the first of those expected.
    pub(super) fn choose(&self, cpu: &Cpu, lacking: &str, expected: &[Isa]) -> Result<Ran> {
        let mut job = Job::new(LIMIT)?;
        job.add(&build(cpu.architecture())?.check)?;
        match expected {
            [] => job.then(CHECK, &[]),
            expected => job.then(CHECK, &[&names(expected)]),
        }
        let outcomes = self.start(cpu, &job, Some(lacking))?;
        let outcome = outcomes.first().context("the emulator ran nothing")?;
        ensure!(outcome.code == Some(0), "{CHECK} {}", story(outcome));
        Ok(Ran { records: Records::new(), choice: outcome.said.trim().into(), failures: Vec::new() })
    }

    fn start(&self, cpu: &Cpu, job: &Job, lacking: Option<&str>) -> Result<Vec<Outcome>> {
        match (&self.runner, lacking) {
            (Some(runner), None) => job.run_behind(runner),
            (Some(_), Some(feature)) => bail!("ZEROPOINT_EMULATOR's CPU cannot be without {feature}"),
            (None, lacking) => cpu.run(job, lacking),
        }
    }

    /// Whether features can be taken from the CPUs.
    pub(super) fn has_variants(&self) -> bool {
        self.runner.is_none()
    }
}

fn names(tiers: &[Isa]) -> String {
    tiers.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(",")
}

/// How a program ended that should have ended with 0, and the last that it said.
fn story(outcome: &Outcome) -> String {
    const SIGILL: i32 = 128 + 4;
    let end = match outcome.code {
        Some(SIGILL) => "met an instruction that this CPU lacks".into(),
        Some(code) => format!("ended with {code}, expected 0"),
        None => format!("did not end within {} s", LIMIT.as_secs()),
    };
    format!("{end}; the last that it said:\n{}", tail(&outcome.said))
}
