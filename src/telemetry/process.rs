//! CPU, memory, files and age of the process, read from `/proc` when somebody asks.

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge, Opts, Registry};
use std::fs;

/// Clock ticks per second in `/proc/self/stat`; Linux fixes it at 100 for programs, whatever the kernel's own rate.
const TICKS_PER_SECOND: f64 = 100.0;

/// The usual `process_*` metrics of Prometheus, and what was built.
#[derive(Debug)]
pub struct ProcessMetrics {
    /// Held while values are read and collected, which two may ask for at once.
    refreshing: Mutex<()>,
    cpu: Counter,
    resident: IntGauge,
    resident_peak: IntGauge,
    open_files: IntGauge,
    start: Gauge,
    build: IntGauge,
}

impl ProcessMetrics {
    /// Adds them to `registry`.
    pub fn register(registry: &Registry) -> Result<(), prometheus::Error> {
        let build = Opts::new("gantry_build_info", "1, with the version as a label.");
        let metrics = ProcessMetrics {
            refreshing: Mutex::new(()),
            cpu: Counter::new("process_cpu_seconds_total", "CPU time used, in seconds.")?,
            resident: IntGauge::new("process_resident_memory_bytes", "Resident memory.")?,
            resident_peak: IntGauge::new("process_resident_memory_max_bytes", "Highest resident memory so far.")?,
            open_files: IntGauge::new("process_open_fds", "Open file descriptors.")?,
            start: Gauge::new("process_start_time_seconds", "Start of the process, in seconds since 1970.")?,
            build: IntGauge::with_opts(build.const_label("version", env!("CARGO_PKG_VERSION")))?,
        };
        metrics.build.set(1);
        registry.register(Box::new(metrics))
    }

    fn all(&self) -> [&dyn Collector; 6] {
        [&self.cpu, &self.resident, &self.resident_peak, &self.open_files, &self.start, &self.build]
    }

    fn refresh(&self) {
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            self.resident.set(kib(&status, "VmRSS:") * 1024);
            self.resident_peak.set(kib(&status, "VmHWM:") * 1024);
        }
        if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
            // The name in parentheses may hold blanks; the fields behind it are numbered from 3 (see proc_pid_stat(5)).
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
            let ticks = |number: usize| fields.get(number - 3).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
            self.cpu.reset();
            self.cpu.inc_by((ticks(14) + ticks(15)) / TICKS_PER_SECOND);
            self.start.set(boot_time() + ticks(22) / TICKS_PER_SECOND);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as i64);
        }
    }
}

fn kib(status: &str, name: &str) -> i64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn boot_time() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or(0.0)
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _refreshing = self.refreshing.lock();
        self.refresh();
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::proto::MetricType;

    #[test]
    fn a_running_process_has_memory_files_and_an_age() {
        let registry = Registry::new();
        ProcessMetrics::register(&registry).unwrap();
        for family in registry.gather() {
            let metric = &family.get_metric()[0];
            if family.name() == "process_cpu_seconds_total" {
                assert_eq!(family.get_field_type(), MetricType::COUNTER);
                assert!(metric.get_counter().get_value() >= 0.0);
            } else {
                let value = metric.get_gauge().get_value();
                assert!(value > 0.0, "{} is {value}", family.name());
            }
        }
    }
}
