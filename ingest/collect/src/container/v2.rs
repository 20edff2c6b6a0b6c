//! Groups of cgroup v2 (`Documentation/admin-guide/cgroup-v2.rst`).

use super::group::Group;
use super::usage::{DiskUsage, Usage, field};
use crate::error::CollectError;
use crate::psi;
use std::path::Path;

/// # Errors
/// `Malformed` when a file of pressure is not understood.
pub(super) fn usage(group: &Group) -> Result<Usage, CollectError> {
    let mut usage = Usage::default();
    cpu(group, &mut usage);
    memory(group, &mut usage);
    usage.disks = group.read("io.stat").unwrap_or_default().lines().filter_map(disk).collect();
    usage.threads = number(group, "pids.current");
    usage.threads_limit = limit(group, "pids.max");
    for (what, file) in [("cpu", "cpu.pressure"), ("memory", "memory.pressure"), ("io", "io.pressure")] {
        if let Some(text) = group.read(file) {
            usage.pressure.push((what, psi::totals(Path::new(file), &text)?));
        }
    }
    Ok(usage)
}

fn number(group: &Group, file: &str) -> Option<f64> {
    group.read(file)?.parse().ok()
}

/// `max` is no limit, which is told as 0.
fn limit(group: &Group, file: &str) -> Option<f64> {
    match group.read(file)?.as_str() {
        "max" => Some(0.0),
        bytes => bytes.parse().ok(),
    }
}

fn cpu(group: &Group, usage: &mut Usage) {
    let stat = group.read("cpu.stat").unwrap_or_default();
    let seconds = |key: &str| field(&stat, key).map(|micros| micros / 1e6);
    usage.cpu_seconds = seconds("usage_usec");
    usage.cpu_user_seconds = seconds("user_usec");
    usage.cpu_system_seconds = seconds("system_usec");
    usage.cfs_periods = field(&stat, "nr_periods");
    usage.cfs_throttled_periods = field(&stat, "nr_throttled");
    usage.cfs_throttled_seconds = seconds("throttled_usec");
    let max = group.read("cpu.max").unwrap_or_default();
    if let Some((quota, period)) = max.split_once(' ') {
        (usage.cpu_quota, usage.cpu_period) = (quota.parse().ok(), period.parse().ok());
    }
    // Weights 1 to 10000 stand for the shares 2 to 262144 of v1.
    usage.cpu_shares = number(group, "cpu.weight").map(|weight| (2.0 + (weight - 1.0) * 262_142.0 / 9999.0).floor());
}

fn memory(group: &Group, usage: &mut Usage) {
    let stat = group.read("memory.stat").unwrap_or_default();
    usage.memory_anonymous = field(&stat, "anon");
    usage.memory_cache = field(&stat, "file");
    usage.memory_mapped = field(&stat, "file_mapped");
    usage.memory_inactive_file = field(&stat, "inactive_file");
    usage.memory_kernel = field(&stat, "kernel");
    usage.page_faults = field(&stat, "pgfault");
    usage.major_page_faults = field(&stat, "pgmajfault");
    // The root has no file of its own: what it uses is what its pages are.
    let pages = || Some(usage.memory_anonymous? + usage.memory_cache? + usage.memory_kernel.unwrap_or(0.0));
    usage.memory = number(group, "memory.current").or_else(pages);
    usage.memory_max = number(group, "memory.peak");
    usage.swap = number(group, "memory.swap.current");
    let events = group.read("memory.events").unwrap_or_default();
    usage.memory_failures = field(&events, "max");
    usage.oom_kills = field(&events, "oom_kill");
    usage.memory_limit = limit(group, "memory.max");
    usage.memory_reservation = limit(group, "memory.min");
    usage.swap_limit = limit(group, "memory.swap.max");
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
fn disk(line: &str) -> Option<DiskUsage> {
    let (device, counts) = line.split_once(' ')?;
    let count = |key: &str| {
        let value = counts.split_whitespace().find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    };
    Some(DiskUsage {
        device: device.to_owned(),
        read_bytes: count("rbytes"),
        written_bytes: count("wbytes"),
        reads: count("rios"),
        writes: count("wios"),
    })
}
