//! [`Usage`]: what a group uses and may use, whatever the version of its hierarchy.

use crate::psi::Stalls;

/// Bytes, seconds and counts; `None` where the kernel does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub cpu_seconds: Option<f64>,
    pub cpu_user_seconds: Option<f64>,
    pub cpu_system_seconds: Option<f64>,
    pub cfs_periods: Option<f64>,
    pub cfs_throttled_periods: Option<f64>,
    pub cfs_throttled_seconds: Option<f64>,
    pub memory: Option<f64>,
    pub memory_max: Option<f64>,
    pub memory_anonymous: Option<f64>,
    pub memory_cache: Option<f64>,
    pub memory_mapped: Option<f64>,
    pub memory_inactive_file: Option<f64>,
    pub memory_kernel: Option<f64>,
    pub memory_failures: Option<f64>,
    pub swap: Option<f64>,
    pub page_faults: Option<f64>,
    pub major_page_faults: Option<f64>,
    pub oom_kills: Option<f64>,
    pub threads: Option<f64>,
    pub disks: Vec<DiskUsage>,
    /// Of `cpu`, `memory` and `io`.
    pub pressure: Vec<(&'static str, Stalls)>,
    /// Microseconds; a quota of `None` is no limit.
    pub cpu_quota: Option<f64>,
    pub cpu_period: Option<f64>,
    pub cpu_shares: Option<f64>,
    /// 0 is no limit, as cAdvisor tells it.
    pub memory_limit: Option<f64>,
    pub memory_reservation: Option<f64>,
    pub swap_limit: Option<f64>,
    pub threads_limit: Option<f64>,
}

/// Of one device, by `MAJOR:MINOR`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DiskUsage {
    pub device: String,
    pub read_bytes: f64,
    pub written_bytes: f64,
    pub reads: f64,
    pub writes: f64,
}

impl Usage {
    /// What would have to be swapped or killed for: without file pages that nobody used lately. That is what a kubelet
    /// evicts by.
    pub fn working_set(&self) -> Option<f64> {
        Some((self.memory? - self.memory_inactive_file.unwrap_or(0.0)).max(0.0))
    }
}

/// The value of a line `KEY VALUE`.
pub(super) fn field(text: &str, key: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}
