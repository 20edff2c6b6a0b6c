//! `cpu` and `schedstat`: where the time of processors went.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{attribute, attribute_number, numbered, parsed, text};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// The columns of a line `cpuN` in `/proc/stat`; guest time is a part of `user` and `nice`, and told apart.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST: [(&str, usize); 2] = [("user", 8), ("nice", 9)];
/// Idle time may run backwards a little when a processor is asked while it sleeps; further back, it was switched off and
/// on again, and counts from zero. In seconds, as in node_exporter.
const RESTARTED: f64 = 3.0;

/// What each processor said last: the kernel's `iowait` and `idle` are estimates that can fall, counters must not.
#[derive(Debug, Default)]
pub(super) struct Last(Mutex<BTreeMap<String, Vec<f64>>>);

impl Last {
    fn rising(&self, cpu: &str, mut now: Vec<f64>) -> Vec<f64> {
        let mut all = self.0.lock();
        if let Some(before) = all.get(cpu) {
            let idle = |times: &[f64]| times.get(3).copied().unwrap_or(0.0);
            if idle(before) - idle(&now) < RESTARTED {
                now.iter_mut().zip(before).for_each(|(now, before)| *now = now.max(*before));
            }
        }
        all.insert(cpu.to_owned(), now.clone());
        now
    }
}

pub(super) fn cpu(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("stat");
    let ticks = context.roots.ticks_per_second();
    for line in text(&path)?.lines() {
        let mut fields = line.split_whitespace();
        let name = fields.next().unwrap_or_default();
        let Some(cpu) = name.strip_prefix("cpu").filter(|cpu| !cpu.is_empty()) else { continue };
        let times: Result<Vec<f64>> = fields.map(|field| Ok(parsed(&path, field)? / ticks)).collect();
        let times = context.cpu.rising(cpu, times?);
        let seconds = found.counter("node_cpu_seconds_total", "Seconds that a processor spent in each mode.");
        for (mode, value) in MODES.iter().zip(&times) {
            seconds.add(&[("cpu", cpu), ("mode", mode)], *value);
        }
        let guest =
            found.counter("node_cpu_guest_seconds_total", "Seconds that a processor ran guests, by their mode.");
        for (mode, at) in GUEST {
            guest.add(&[("cpu", cpu), ("mode", mode)], times.get(at).copied().unwrap_or(0.0));
        }
    }
    throttles(context, found)?;
    isolated(context, found);
    Ok(())
}

/// Cores and packages that had to slow down for heat. Sources: `Documentation/ABI/testing/sysfs-devices-system-cpu`.
fn throttles(context: &Context, found: &mut Families) -> Result {
    let (mut cores, mut packages) = (BTreeSet::new(), BTreeSet::new());
    for (_, path) in numbered(&context.roots.sys("devices/system/cpu"), "cpu")? {
        let Some(package) = attribute(&path.join("topology/physical_package_id")) else { continue };
        let core = attribute(&path.join("topology/core_id"));
        let count = |file: &str| attribute_number(&path.join("thermal_throttle").join(file));
        if let (Some(core), Some(count)) = (core, count("core_throttle_count"))
            && cores.insert((package.clone(), core.clone()))
        {
            found
                .counter("node_cpu_core_throttles_total", "How often a core was slowed down for heat.")
                .add(&[("package", &package), ("core", &core)], count);
        }
        if let Some(count) = count("package_throttle_count")
            && packages.insert(package.clone())
        {
            found
                .counter("node_cpu_package_throttles_total", "How often a package was slowed down for heat.")
                .add(&[("package", &package)], count);
        }
    }
    Ok(())
}

/// Processors that the scheduler leaves alone, from a list such as `1,3-5`.
fn isolated(context: &Context, found: &mut Families) {
    let list = attribute(&context.roots.sys("devices/system/cpu/isolated")).unwrap_or_default();
    for range in list.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { continue };
        for cpu in first..=last {
            found
                .gauge("node_cpu_isolated", "1 for a processor that the scheduler leaves alone.")
                .add(&[("cpu", &cpu.to_string())], 1.0);
        }
    }
}

/// Source: `Documentation/scheduler/sched-stats.rst`; the last three columns of a line `cpuN`.
pub(super) fn schedstat(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("schedstat");
    for line in text(&path)?.lines().filter(|line| line.starts_with("cpu")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [cpu, .., running, waiting, slices] = fields[..] else {
            return Err(CollectError::malformed(&path, format!("{line:?} is too short")));
        };
        let labels = [("cpu", &cpu["cpu".len()..])];
        found
            .counter("node_schedstat_running_seconds_total", "Seconds that tasks ran on a processor.")
            .add(&labels, parsed(&path, running)? / 1e9);
        found
            .counter("node_schedstat_waiting_seconds_total", "Seconds that tasks waited for a processor.")
            .add(&labels, parsed(&path, waiting)? / 1e9);
        found
            .counter("node_schedstat_timeslices_total", "Times that a task was put on a processor.")
            .add(&labels, parsed(&path, slices)?);
    }
    Ok(())
}
