//! Groups of cgroup v1 (`Documentation/admin-guide/cgroup-v1`).

use super::group::Group;
use super::usage::{DiskUsage, Usage, field};
use std::collections::BTreeMap;

/// The kernel's "no limit" is the largest number of pages.
const UNLIMITED: f64 = (1u64 << 60) as f64;
/// `cpuacct.stat` counts in ticks, 100 per second.
const TICKS: f64 = 100.0;

pub(super) fn usage(group: &Group) -> Usage {
    let mut usage = Usage::default();
    cpu(group, &mut usage);
    memory(group, &mut usage);
    disks(group, &mut usage);
    usage.threads = number(group, "pids", "pids.current");
    usage.threads_limit = number(group, "pids", "pids.max");
    usage
}

fn number(group: &Group, controller: &str, file: &str) -> Option<f64> {
    group.read_of(controller, file)?.parse().ok()
}

fn limit(group: &Group, file: &str) -> Option<f64> {
    number(group, "memory", file).map(|bytes| if bytes >= UNLIMITED { 0.0 } else { bytes })
}

fn cpu(group: &Group, usage: &mut Usage) {
    usage.cpu_seconds = number(group, "cpuacct", "cpuacct.usage").map(|nanos| nanos / 1e9);
    let times = group.read_of("cpuacct", "cpuacct.stat").unwrap_or_default();
    usage.cpu_user_seconds = field(&times, "user").map(|ticks| ticks / TICKS);
    usage.cpu_system_seconds = field(&times, "system").map(|ticks| ticks / TICKS);
    let stat = group.read_of("cpu", "cpu.stat").unwrap_or_default();
    usage.cfs_periods = field(&stat, "nr_periods");
    usage.cfs_throttled_periods = field(&stat, "nr_throttled");
    usage.cfs_throttled_seconds = field(&stat, "throttled_time").map(|nanos| nanos / 1e9);
    usage.cpu_quota = number(group, "cpu", "cpu.cfs_quota_us").filter(|quota| *quota > 0.0);
    usage.cpu_period = number(group, "cpu", "cpu.cfs_period_us");
    usage.cpu_shares = number(group, "cpu", "cpu.shares");
}

/// Fields `total_` count groups below, too.
fn memory(group: &Group, usage: &mut Usage) {
    usage.memory = number(group, "memory", "memory.usage_in_bytes");
    usage.memory_max = number(group, "memory", "memory.max_usage_in_bytes");
    usage.memory_kernel = number(group, "memory", "memory.kmem.usage_in_bytes");
    usage.memory_failures = number(group, "memory", "memory.failcnt");
    let stat = group.read_of("memory", "memory.stat").unwrap_or_default();
    usage.memory_anonymous = field(&stat, "total_rss");
    usage.memory_cache = field(&stat, "total_cache");
    usage.memory_mapped = field(&stat, "total_mapped_file");
    usage.memory_inactive_file = field(&stat, "total_inactive_file");
    usage.swap = field(&stat, "total_swap");
    usage.page_faults = field(&stat, "total_pgfault");
    usage.major_page_faults = field(&stat, "total_pgmajfault");
    usage.oom_kills = field(&group.read_of("memory", "memory.oom_control").unwrap_or_default(), "oom_kill");
    usage.memory_limit = limit(group, "memory.limit_in_bytes");
    usage.memory_reservation = limit(group, "memory.soft_limit_in_bytes");
    usage.swap_limit = limit(group, "memory.memsw.limit_in_bytes");
}

/// Lines `8:0 Read 4096`.
fn disks(group: &Group, usage: &mut Usage) {
    let mut disks: BTreeMap<String, DiskUsage> = BTreeMap::new();
    for (file, bytes) in [("blkio.throttle.io_service_bytes", true), ("blkio.throttle.io_serviced", false)] {
        let text = group.read_of("blkio", &format!("{file}_recursive")).or_else(|| group.read_of("blkio", file));
        for line in text.unwrap_or_default().lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [device, operation, value] = fields[..] else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let disk = disks.entry(device.to_owned()).or_default();
            match (operation, bytes) {
                ("Read", true) => disk.read_bytes = value,
                ("Write", true) => disk.written_bytes = value,
                ("Read", false) => disk.reads = value,
                ("Write", false) => disk.writes = value,
                _ => {}
            }
        }
    }
    usage.disks = disks.into_iter().map(|(device, disk)| DiskUsage { device, ..disk }).collect();
}
