//! [`Usage`]: what a process, or one with all below it, uses.

use super::stat::Stat;
use crate::families::Families;
use crate::roots::{Roots, entries, text};
use std::collections::HashSet;

/// Sums over processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage {
    cpu_seconds: f64,
    minor_faults: f64,
    major_faults: f64,
    read_bytes: f64,
    written_bytes: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
    open_files: f64,
    threads: f64,
    processes: f64,
}

impl Usage {
    pub fn of(roots: &Roots, process: &Stat) -> Self {
        let directory = roots.proc(&process.pid.to_string());
        let io = text(&directory.join("io")).unwrap_or_default();
        let bytes = |key: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        Usage {
            cpu_seconds: process.ticks as f64 / roots.ticks_per_second(),
            minor_faults: process.minor_faults as f64,
            major_faults: process.major_faults as f64,
            read_bytes: bytes("read_bytes"),
            written_bytes: bytes("write_bytes"),
            resident_bytes: process.resident_pages as f64 * roots.page_size(),
            virtual_bytes: process.virtual_bytes as f64,
            open_files: entries(&directory.join("fd")).map_or(0.0, |files| files.len() as f64),
            threads: process.threads as f64,
            processes: 1.0,
        }
    }

    /// Of `root` and of all in `all` that descend from it.
    pub fn of_tree(roots: &Roots, root: &Stat, all: &[Stat]) -> Self {
        let (mut open, mut seen) = (vec![root], HashSet::from([root.pid]));
        let mut sum = Usage::default();
        while let Some(process) = open.pop() {
            sum.add(&Usage::of(roots, process));
            open.extend(all.iter().filter(|other| other.parent == process.pid && seen.insert(other.pid)));
        }
        sum
    }

    fn add(&mut self, other: &Usage) {
        self.cpu_seconds += other.cpu_seconds;
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
        self.resident_bytes += other.resident_bytes;
        self.virtual_bytes += other.virtual_bytes;
        self.open_files += other.open_files;
        self.threads += other.threads;
        self.processes += other.processes;
    }

    /// Raises what counts to what it was before.
    pub fn not_below(&mut self, before: &Usage) {
        self.cpu_seconds = self.cpu_seconds.max(before.cpu_seconds);
        self.minor_faults = self.minor_faults.max(before.minor_faults);
        self.major_faults = self.major_faults.max(before.major_faults);
        self.read_bytes = self.read_bytes.max(before.read_bytes);
        self.written_bytes = self.written_bytes.max(before.written_bytes);
    }

    pub fn tell(&self, roots: &Roots, root: &Stat, labels: &[(&'static str, &str)], found: &mut Families) {
        let counters = [
            ("process_cpu_seconds_total", "CPU time used, in seconds.", self.cpu_seconds),
            ("process_minor_page_faults_total", "Pages found without reading.", self.minor_faults),
            ("process_major_page_faults_total", "Pages that had to be read.", self.major_faults),
            ("process_read_bytes_total", "Bytes read from disks.", self.read_bytes),
            ("process_write_bytes_total", "Bytes written to disks.", self.written_bytes),
        ];
        for (name, help, value) in counters {
            found.counter(name, help).add(labels, value);
        }
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory.", self.resident_bytes),
            ("process_virtual_memory_bytes", "Virtual memory.", self.virtual_bytes),
            ("process_open_fds", "Open file descriptors.", self.open_files),
            ("process_threads", "Threads.", self.threads),
            ("process_count", "Processes: the command and all that it started.", self.processes),
        ];
        for (name, help, value) in gauges {
            found.gauge(name, help).add(labels, value);
        }
        tell_limits(roots, root, labels, found);
    }
}

fn tell_limits(roots: &Roots, root: &Stat, labels: &[(&'static str, &str)], found: &mut Families) {
    let stat = text(&roots.proc("stat")).unwrap_or_default();
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    if let Some(boot) = boot {
        let start = boot + root.start_ticks as f64 / roots.ticks_per_second();
        found.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.").add(labels, start);
    }
    let limits = text(&roots.proc(&root.pid.to_string()).join("limits")).unwrap_or_default();
    let soft = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        // Prometheus' libraries tell "unlimited" as the largest number of 64 bits.
        line.split_whitespace().next().map(|value| value.parse().unwrap_or(u64::MAX as f64))
    };
    if let Some(files) = soft("Max open files") {
        found.gauge("process_max_fds", "Most open file descriptors.").add(labels, files);
    }
    if let Some(bytes) = soft("Max address space") {
        found.gauge("process_virtual_memory_max_bytes", "Most virtual memory.").add(labels, bytes);
    }
}
