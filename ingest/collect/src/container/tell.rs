//! Usage as families: names, helps and labels.

use super::disks::Disks;
use super::identity::Identity;
use super::names::{Name, Names};
use super::usage::Usage;
use crate::families::{Families, Family};

/// The labels of a group; empty ones are left out.
#[derive(Debug)]
pub(super) struct Labels(Vec<(&'static str, String)>);

impl Labels {
    pub fn new(id: &str, identity: &Identity, names: &Names) -> Self {
        let Name { name, image, container, pod, namespace } = names.of(identity);
        let name = if name.is_empty() { identity.container.clone().unwrap_or_default() } else { name };
        let all = [
            ("id", id.to_owned()),
            ("name", name),
            ("image", image),
            ("container", container),
            ("pod", pod),
            ("namespace", namespace),
        ];
        Labels(all.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub fn add_with(&self, family: &mut Family, more: &[(&'static str, &str)], value: f64) {
        let labels: Vec<(&'static str, &str)> =
            self.0.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        family.add(&labels, value);
    }

    fn add(&self, family: &mut Family, value: Option<f64>) {
        if let Some(value) = value {
            self.add_with(family, &[], value);
        }
    }
}

pub(super) fn usage(usage: &Usage, labels: &Labels, disks: &Disks, found: &mut Families) {
    cpu(usage, labels, found);
    memory(usage, labels, found);
    for disk in &usage.disks {
        let device = disks.get(&disk.device).map_or(disk.device.as_str(), String::as_str);
        let counters = [
            ("container_fs_reads_bytes_total", "Bytes read.", disk.read_bytes),
            ("container_fs_writes_bytes_total", "Bytes written.", disk.written_bytes),
            ("container_fs_reads_total", "Reads done.", disk.reads),
            ("container_fs_writes_total", "Writes done.", disk.writes),
        ];
        for (name, help, value) in counters {
            labels.add_with(found.counter(name, help), &[("device", device)], value);
        }
        let (major, minor) = disk.device.split_once(':').unwrap_or((&disk.device, ""));
        for (operation, value) in [("Read", disk.read_bytes), ("Write", disk.written_bytes)] {
            let family = found.counter("container_blkio_device_usage_total", "Bytes moved, by device and operation.");
            let of = [("device", device), ("major", major), ("minor", minor), ("operation", operation)];
            labels.add_with(family, &of, value);
        }
    }
    for (what, stalls) in &usage.pressure {
        let waiting = found.counter(
            format!("container_pressure_{what}_waiting_seconds_total"),
            "Seconds in which some task waited for want of something.",
        );
        labels.add(waiting, stalls.some);
        let stalled = found.counter(
            format!("container_pressure_{what}_stalled_seconds_total"),
            "Seconds in which no task could go on for want of something.",
        );
        labels.add(stalled, stalls.full);
    }
}

fn cpu(usage: &Usage, labels: &Labels, found: &mut Families) {
    if let Some(seconds) = usage.cpu_seconds {
        let family = found.counter("container_cpu_usage_seconds_total", "CPU time used, in seconds.");
        labels.add_with(family, &[("cpu", "total")], seconds);
    }
    let counters = [
        ("container_cpu_user_seconds_total", "CPU time used by programs, in seconds.", usage.cpu_user_seconds),
        ("container_cpu_system_seconds_total", "CPU time used by the kernel, in seconds.", usage.cpu_system_seconds),
        ("container_cpu_cfs_periods_total", "Periods in which the quota of CPU time was in force.", usage.cfs_periods),
        (
            "container_cpu_cfs_throttled_periods_total",
            "Periods in which the quota ran out.",
            usage.cfs_throttled_periods,
        ),
        ("container_cpu_cfs_throttled_seconds_total", "Time held back by the quota.", usage.cfs_throttled_seconds),
    ];
    // Periods pass only where there is a quota.
    for (at, (name, help, value)) in counters.into_iter().enumerate() {
        labels.add(found.counter(name, help), value.filter(|_| at < 2 || usage.cpu_quota.is_some()));
    }
}

fn memory(usage: &Usage, labels: &Labels, found: &mut Families) {
    let gauges = [
        ("container_memory_usage_bytes", "Memory in use, with caches.", usage.memory),
        (
            "container_memory_working_set_bytes",
            "Memory in use, without file pages unused of late.",
            usage.working_set(),
        ),
        (
            "container_memory_total_inactive_file_bytes",
            "File pages that nobody used lately.",
            usage.memory_inactive_file,
        ),
        ("container_memory_rss", "Anonymous memory, in bytes.", usage.memory_anonymous),
        ("container_memory_cache", "Page cache, in bytes.", usage.memory_cache),
        ("container_memory_mapped_file", "Mapped files, in bytes.", usage.memory_mapped),
        ("container_memory_kernel_usage", "Memory of the kernel, in bytes.", usage.memory_kernel),
        ("container_memory_swap", "Swap in use, in bytes.", usage.swap),
        ("container_memory_max_usage_bytes", "Most memory that was in use.", usage.memory_max),
    ];
    for (name, help, value) in gauges {
        labels.add(found.gauge(name, help), value);
    }
    let failures = found.counter("container_memory_failcnt", "Times that memory hit its limit.");
    labels.add(failures, usage.memory_failures);
    let kills = found.counter("container_oom_events_total", "Processes killed for want of memory.");
    labels.add(kills, usage.oom_kills);
    for (kind, value) in [("pgfault", usage.page_faults), ("pgmajfault", usage.major_page_faults)] {
        let faults = found.counter("container_memory_failures_total", "Page faults; pgmajfault had to read.");
        if let Some(value) = value {
            labels.add_with(faults, &[("failure_type", kind), ("scope", "hierarchy")], value);
        }
    }
}

pub(super) fn limits(usage: &Usage, labels: &Labels, found: &mut Families) {
    let gauges = [
        ("container_spec_cpu_period", "Period of the quota of CPU time, in microseconds.", usage.cpu_period),
        ("container_spec_cpu_quota", "CPU time in each period, in microseconds.", usage.cpu_quota),
        ("container_spec_cpu_shares", "Share of CPU time when it is short.", usage.cpu_shares),
        ("container_spec_memory_limit_bytes", "Most memory; 0 is no limit.", usage.memory_limit),
        ("container_spec_memory_reservation_limit_bytes", "Memory that is kept for it.", usage.memory_reservation),
        ("container_spec_memory_swap_limit_bytes", "Most swap; 0 is no limit.", usage.swap_limit),
        ("container_threads", "Threads.", usage.threads),
        ("container_threads_max", "Most threads; 0 is no limit.", usage.threads_limit),
    ];
    for (name, help, value) in gauges {
        labels.add(found.gauge(name, help), value);
    }
}

/// Times are in seconds since 1970.
pub(super) fn life(processes: usize, start: Option<f64>, now: f64, labels: &Labels, found: &mut Families) {
    labels.add(found.gauge("container_processes", "Processes."), Some(processes as f64));
    let seen = found.gauge("container_last_seen", "When it was seen last, in seconds since 1970.");
    labels.add(seen, Some(now.floor()));
    let started = found.gauge("container_start_time_seconds", "When its oldest process began, in seconds since 1970.");
    labels.add(started, start);
}
