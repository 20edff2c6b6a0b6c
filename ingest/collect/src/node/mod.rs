//! [`Node`]: metrics of the machine, under the names and labels of node_exporter.
//!
//! Source of names: node_exporter 1.5 to 1.9 (prometheus/node_exporter, `collector/`); of values: proc(5) and the
//! kernel's `Documentation/ABI` and `Documentation/admin-guide`. Each collector is a function in one of these modules.

mod btrfs;
mod clock;
mod cpu;
mod cpufreq;
mod disk;
mod edac;
mod filesystem;
mod filters;
mod hwmon;
mod identity;
mod infiniband;
mod ipvs;
mod kernel;
mod memory;
mod netclass;
mod netdev;
mod netstat;
mod nettables;
mod nfs;
mod nvme;
mod power;
mod pressure;
mod raid;
mod scsi;
mod sockets;
mod thermal;
mod xfs;
mod zfs;

#[cfg(test)]
mod tests;

pub use filters::{Filters, InvalidFilter};

use crate::collect::{Collect, Collected};
use crate::error::CollectError;
use crate::families::Families;
use crate::guard::Guard;
use crate::roots::Roots;
use gantry_model::Clock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one collector may take by default. A machine that is busy answers in milliseconds.
const LIMIT: Duration = Duration::from_secs(2);

/// Everything that a collector may use.
#[derive(Debug)]
struct Context {
    roots: Roots,
    filters: Filters,
    clock: Arc<dyn Clock>,
    guard: Guard,
    /// How long one collector may take.
    limit: Duration,
    cpu: cpu::Last,
}

type Result<T = (), E = CollectError> = std::result::Result<T, E>;
type Run = fn(&Context, &mut Families) -> Result;

/// By name, as node_exporter calls them.
const COLLECTORS: &[(&str, Run)] = &[
    ("arp", nettables::arp),
    ("bonding", raid::bonding),
    ("btrfs", btrfs::collect),
    ("conntrack", nettables::conntrack),
    ("cpu", cpu::cpu),
    ("cpufreq", cpufreq::collect),
    ("diskstats", disk::collect),
    ("dmi", identity::dmi),
    ("edac", edac::collect),
    ("entropy", kernel::entropy),
    ("fibrechannel", scsi::channels),
    ("filefd", kernel::filefd),
    ("filesystem", filesystem::collect),
    ("hwmon", hwmon::collect),
    ("infiniband", infiniband::collect),
    ("ipvs", ipvs::collect),
    ("loadavg", kernel::loadavg),
    ("mdadm", raid::mdadm),
    ("meminfo", memory::meminfo),
    ("netclass", netclass::collect),
    ("netdev", netdev::collect),
    ("netstat", netstat::collect),
    ("nfs", nfs::client),
    ("nfsd", nfs::server),
    ("nvme", nvme::collect),
    ("os", identity::os),
    ("powersupplyclass", power::supplies),
    ("pressure", pressure::collect),
    ("rapl", power::rapl),
    ("schedstat", cpu::schedstat),
    ("selinux", identity::selinux),
    ("sockstat", sockets::sockstat),
    ("softnet", nettables::softnet),
    ("stat", kernel::stat),
    ("tapestats", scsi::tapes),
    ("thermal_zone", thermal::collect),
    ("time", clock::collect),
    ("udp_queues", sockets::udp_queues),
    ("uname", identity::uname),
    ("vmstat", memory::vmstat),
    ("xfs", xfs::collect),
    ("zfs", zfs::collect),
];

/// The machine's metrics. Cheap to clone; clones share what is remembered.
#[derive(Clone, Debug)]
pub struct Node {
    context: Arc<Context>,
}

impl Node {
    pub fn new(roots: Roots, filters: Filters, clock: Arc<dyn Clock>) -> Self {
        Node::limited(roots, filters, clock, LIMIT)
    }

    fn limited(roots: Roots, filters: Filters, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        let (guard, cpu) = (Guard::default(), cpu::Last::default());
        Node { context: Arc::new(Context { roots, filters, clock, guard, limit, cpu }) }
    }

    /// The names of the collectors.
    pub fn collectors() -> impl Iterator<Item = &'static str> {
        COLLECTORS.iter().map(|(name, _)| *name)
    }
}

/// How a collector of the machine did, in node_exporter's words.
pub fn tell_run(collector: &str, took: Duration, success: bool, found: &mut Families) {
    let labels = [("collector", collector)];
    found
        .gauge("node_scrape_collector_duration_seconds", "How long a collector took.")
        .add(&labels, took.as_secs_f64());
    found
        .gauge("node_scrape_collector_success", "1 when a collector found what it looks for, 0 otherwise.")
        .add(&labels, f64::from(u8::from(success)));
}

impl Collect for Node {
    /// Runs all collectors. Blocks for as long as they take, or the limit of 2 seconds for each that has begun to hang.
    /// What a collector found before it failed is kept.
    fn collect(&self) -> Collected {
        let (mut all, mut faults) = (Families::default(), Vec::new());
        for (name, run) in COLLECTORS {
            let (context, began) = (self.context.clone(), Instant::now());
            let call = move || {
                let mut found = Families::default();
                let outcome = run(&context, &mut found);
                (found, outcome)
            };
            let outcome = match self.context.guard.call(name, self.context.limit, call) {
                Ok((found, outcome)) => {
                    all.append(found);
                    outcome
                }
                Err(error) => Err(error),
            };
            tell_run(name, began.elapsed(), outcome.is_ok(), &mut all);
            faults.extend(outcome.err().map(|error| (*name, error)));
        }
        Collected { families: all, faults }
    }
}
