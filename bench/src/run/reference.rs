//! The yardsticks: `zstd -3 -T1` and `grep -c -F` over the same raw file on the same machine.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

#[derive(Debug)]
pub struct Reference {
    pub raw_bytes: u64,
    /// User and system seconds.
    pub zstd_cpu: f64,
    pub zstd_bytes: u64,
    /// User and system seconds: on a quiet machine the same as the time that passes, and never flattering on another.
    pub grep_seconds: f64,
    /// The time that passed.
    pub grep_elapsed: f64,
}

const REPEATS: usize = 3;

/// Medians of three runs; the first read of the file is not measured. `zstd` is left out without a place to write to.
pub fn measure(raw: &Path, needle: &str, scratch: Option<&Path>) -> Result<Reference> {
    // Into a pipe: when grep sees that its output is /dev/null, it stops at the first match.
    let grep = format!("grep -c -F {needle} '{}'", raw.display());
    timed(&grep)?;
    let mut greps: Vec<Times> = (0..REPEATS).map(|_| timed(&grep)).collect::<Result<_>>()?;
    greps.sort_by(|a, b| a.elapsed.total_cmp(&b.elapsed));
    let grep_elapsed = greps[REPEATS / 2].elapsed;
    greps.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let (zstd_cpu, zstd_bytes) = scratch.map_or(Ok((0.0, 0)), |scratch| zstd(raw, scratch))?;
    let raw_bytes = raw.metadata()?.len();
    Ok(Reference { raw_bytes, zstd_cpu, zstd_bytes, grep_seconds: greps[REPEATS / 2].cpu, grep_elapsed })
}

/// CPU seconds, the median of three runs, and the size.
fn zstd(raw: &Path, scratch: &Path) -> Result<(f64, u64)> {
    let packed = scratch.join("raw.zst");
    let zstd = format!("zstd -q -f -3 -T1 '{}' -o '{}'", raw.display(), packed.display());
    let mut times: Vec<Times> = (0..REPEATS).map(|_| timed(&zstd)).collect::<Result<_>>()?;
    times.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let bytes = packed.metadata().context("zstd wrote nothing")?.len();
    std::fs::remove_file(&packed)?;
    Ok((times[REPEATS / 2].cpu, bytes))
}

#[derive(Debug)]
struct Times {
    cpu: f64,
    elapsed: f64,
}

/// The shell's own `time`, which knows the CPU time of the children.
fn timed(command: &str) -> Result<Times> {
    let script = format!("TIMEFORMAT='%3U %3S %3R'; time {command}");
    let output = Command::new("bash").args(["-c", &script]).env("LC_ALL", "C").output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command}: {text}");
    let line = text.lines().last().context("no times")?;
    let times: Vec<f64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    ensure!(times.len() == 3, "not the shell's times: {line}");
    Ok(Times { cpu: times[0] + times[1], elapsed: times[2] })
}
