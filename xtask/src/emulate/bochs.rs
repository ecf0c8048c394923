//! x86-64 CPUs by Bochs: a whole machine, which boots a Linux kernel with the programs in its first file system. What
//! they say comes out of its serial port.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::job::{Job, Outcome};
use super::{cache, initramfs, process};

/// Where it is in the cache, and the kernel there.
pub(super) const FOLDER: &str = "bochs-3.0";
pub(super) const KERNEL: &str = "vmlinuz";

/// The emulator with a display of characters and both firmwares; what the machine boots from; its shell.
pub(super) const PACKAGES: &[&str] =
    &["bochs", "bochs-term", "bochsbios", "vgabios", "genisoimage", "isolinux", "syslinux-common", "busybox-static"];

/// Taken from each model, for Bochs 3.0 has them wrong: it hangs with addresses of 57 bits, and restores compacted
/// states of the registers wrongly.
const BROKEN: &[&str] = &["la57", "xsaves", "xsavec"];

/// `clearcpuid` keeps the kernel from xsavec (321), which some models report all the same, and fsrm (580), with which
/// it hangs. `panic=-1` ends a machine whose first program died. The rest makes booting faster.
const KERNEL_ARGUMENTS: &str = "console=ttyS0,115200 quiet loglevel=3 panic=-1 clearcpuid=321,580 nokaslr \
    mitigations=off tsc=reliable clocksource=tsc random.trust_cpu=on nosmp audit=0 cryptomgr.notests";

/// The folder of the emulator, if it is installed.
pub(super) fn installed() -> Result<PathBuf> {
    let folder = cache::folder()?.join(FOLDER);
    ensure!(folder.exists(), "Bochs is not installed: run `cargo xtask emulators --install`");
    Ok(folder)
}

/// Boots a machine with a model of a CPU, less some features and with others, and runs a job there.
pub(super) fn run(job: &Job, model: &str, without: &[&str], with: &[&str]) -> Result<Vec<Outcome>> {
    let installed = installed()?;
    let work = tempfile::tempdir().context("a temporary folder")?;
    let path = |name: &str| work.path().join(name);
    disc(&installed, job, work.path())?;
    let cpu = format!(
        "model={model}, exclude_features=\"{}\", add_features=\"{}\"",
        [BROKEN, without].concat().join(","),
        with.join(","),
    );
    fs::write(path("bochsrc"), configuration(&installed, work.path(), &cpu))?;
    // Debian's Bochs starts in its debugger; this makes it go on.
    fs::write(path("commands"), "continue\n")?;
    let mut bochs = program(&installed, "bochs-bin");
    bochs.arg("-q").arg("-f").arg(path("bochsrc")).arg("-rc").arg(path("commands")).current_dir(work.path());
    bochs.env("LTDL_LIBRARY_PATH", libraries(&installed).join("bochs/plugins")).env("TERM", "xterm");
    let mut ended = process::within(job.limit, &mut bochs)?;
    if ended.status.is_none() {
        // A machine that is emulated on a busy one has been seen to stop for good where the same programs ended the next time.
        // A program that hangs does so again.
        eprintln!("{model}: no end after {} s, started again", job.limit.as_secs());
        let _ = fs::remove_file(path("serial"));
        ended = process::within(job.limit, &mut bochs)?;
    }

    let serial = fs::read(path("serial")).unwrap_or_default();
    let serial = String::from_utf8_lossy(&serial).replace('\r', "");
    let outcomes = outcomes(&serial);
    if ended.status.is_none() {
        bail!("no end after {} s; the last that it said:\n{}", job.limit.as_secs(), process::tail(&serial));
    }
    if outcomes.len() != job.commands.len() || outcomes.iter().any(|outcome| outcome.code.is_none()) {
        let log = fs::read(path("log")).unwrap_or_default();
        bail!(
            "the machine stopped before its programs did; the last that it said:\n{}\nand Bochs:\n{}",
            process::tail(&serial),
            process::tail(&(String::from_utf8_lossy(&log).into_owned() + &ended.said)),
        );
    }
    Ok(outcomes)
}

/// An emulator's program, with the libraries of the release that it is from: the machine's own may be older.
fn program(installed: &Path, name: &str) -> Command {
    let libraries = libraries(installed);
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(libraries).arg(installed.join("usr/bin").join(name));
    command
}

fn libraries(installed: &Path) -> PathBuf {
    installed.join("usr/lib/x86_64-linux-gnu")
}

/// Writes the disc that the machine boots from.
fn disc(installed: &Path, job: &Job, work: &Path) -> Result<()> {
    let folder = work.join("disc/isolinux");
    fs::create_dir_all(&folder)?;
    initramfs::write(&folder.join("initrd"), job.folder(), &installed.join("usr/bin/busybox"), &script(job))?;
    let loader = [
        ("vmlinuz", KERNEL),
        ("isolinux.bin", "usr/lib/ISOLINUX/isolinux.bin"),
        ("ldlinux.c32", "usr/lib/syslinux/modules/bios/ldlinux.c32"),
    ];
    for (name, file) in loader {
        fs::copy(installed.join(file), folder.join(name)).with_context(|| file.to_string())?;
    }
    let entry =
        format!("default run\nprompt 0\nlabel run\n kernel vmlinuz\n append initrd=initrd {KERNEL_ARGUMENTS}\n");
    fs::write(folder.join("isolinux.cfg"), entry)?;
    let mut image = program(installed, "genisoimage");
    image.args(["-quiet", "-rational-rock", "-eltorito-boot", "isolinux/isolinux.bin", "-eltorito-catalog"]);
    image.args(["isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-output"]);
    process::output(image.arg(work.join("disc.iso")).arg(work.join("disc")))?;
    Ok(())
}

/// Lines around what a program says.
const BEGIN: &str = "@@begin\n";
const END: &str = "@@end ";

/// The first program of the machine, in the shell's words: it runs the job's and turns the machine off.
fn script(job: &Job) -> String {
    let mut script = String::from(
        "#!/bin/busybox sh\n\
         /bin/busybox mount -t proc proc /proc\n\
         /bin/busybox mount -t sysfs sys /sys\n\
         /bin/busybox mount -t devtmpfs dev /dev\n\
         export HOME=/tmp TMPDIR=/tmp RUST_BACKTRACE=1\n",
    );
    for command in &job.commands {
        let words: Vec<String> = command.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        // Errors go where the rest goes.
        let _ = write!(script, "echo; echo {}\n./{} 2>&1\necho \"{END}$?\"\n", BEGIN.trim_end(), words.join(" "));
    }
    // What is still on its way out of the serial port would be lost.
    script + "/bin/busybox sleep 1; /bin/busybox poweroff -f\n"
}

/// What the programs said and how they ended, from what came out of the serial port.
fn outcomes(serial: &str) -> Vec<Outcome> {
    let parts = serial.split(BEGIN).skip(1);
    let outcome = |part: &str| match part.rsplit_once(END) {
        Some((said, code)) => {
            Outcome { said: said.into(), code: code.lines().next().and_then(|code| code.trim().parse().ok()) }
        }
        None => Outcome { said: part.into(), code: None },
    };
    parts.map(outcome).collect()
}

/// What Bochs is told. Its time follows its instructions, not the clock, so a run is the same each time.
fn configuration(installed: &Path, work: &Path, cpu: &str) -> String {
    let (firmware, work) = (installed.join("usr/share/bochs"), work.display());
    let firmware = firmware.display();
    format!(
        "cpu: {cpu}, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1\n\
         memory: guest=1024, host=1024\n\
         romimage: file={firmware}/BIOS-bochs-latest\n\
         vgaromimage: file={firmware}/VGABIOS-lgpl-latest\n\
         ata0-master: type=cdrom, path={work}/disc.iso, status=inserted\n\
         boot: cdrom\n\
         com1: enabled=1, mode=file, dev={work}/serial\n\
         clock: sync=none\n\
         display_library: term\n\
         sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n\
         log: {work}/log\n\
         panic: action=fatal\n\
         error: action=ignore\n\
         info: action=ignore\n"
    )
}

#[cfg(test)]
mod tests {
    use super::outcomes;

    #[test]
    fn programs_are_told_apart() {
        let serial = "kernel\n\n@@begin\none\n@@end 0\n\n@@begin\ntwo\n@@end 132\nreboot\n\n@@begin\nthr";
        let outcomes = outcomes(serial);
        let seen: Vec<_> = outcomes.iter().map(|outcome| (outcome.said.as_str(), outcome.code)).collect();
        assert_eq!(seen, [("one\n", Some(0)), ("two\n", Some(132)), ("thr", None)]);
    }
}
