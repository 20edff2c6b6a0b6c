//! [`Containers`]: what cgroups use, under the names of cAdvisor.
//!
//! ```text
//!   Cgroups (v1 or v2) -> Group -> Usage -> families, with labels that the path and the engines' files tell
//! ```
//!
//! Every cgroup in which something runs is told, containers or not: services of systemd have cgroups too. Source of
//! names: cAdvisor (google/cadvisor, `docs/storage/prometheus.md`); of values: `Documentation/admin-guide/cgroup-v1` and
//! `Documentation/admin-guide/cgroup-v2.rst`. Never here: talking to container engines.

mod disks;
mod group;
mod identity;
mod names;
mod network;
mod started;
mod tell;
mod usage;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use crate::collect::{Collect, Collected};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{Roots, text};
use gantry_model::Clock;
use group::Cgroups;
use identity::Identity;
use names::Names;
use started::Started;
use std::sync::Arc;
use tell::Labels;

/// The collector. It remembers names and starts of containers.
#[derive(Debug)]
pub struct Containers {
    roots: Roots,
    clock: Arc<dyn Clock>,
    names: Names,
    started: Started,
}

impl Containers {
    pub fn new(roots: Roots, clock: Arc<dyn Clock>) -> Self {
        Containers { roots, clock, names: Names::default(), started: Started::default() }
    }

    fn all(&self, found: &mut Families) -> Result<(), CollectError> {
        let cgroups = Cgroups::detect(&self.roots)?;
        let (groups, all) = cgroups.walk();
        let devices = disks::names(&self.roots);
        let now = self.clock.now().nanos() as f64 / 1e9;
        let identities: Vec<Identity> = groups.iter().map(|group| Identity::of_path(&group.id)).collect();
        self.names.refresh(&self.roots, &identities);
        self.started.refresh(&self.roots, &groups);
        for (group, identity) in groups.iter().zip(&identities) {
            let labels = Labels::new(&group.id, identity, &self.names);
            let usage = cgroups.usage(group)?;
            tell::usage(&usage, &labels, &devices, found);
            tell::limits(&usage, &labels, found);
            let start = self.started.of(&group.id);
            tell::life(group.processes(), start, now, &labels, found);
            if identity.owns_network(&group.id) {
                network::tell(&self.roots, group, &labels, found);
            }
            if group.is_root() {
                disks::tell(&self.roots, &labels, found);
            }
        }
        all
    }

    /// What cAdvisor says of the machine itself.
    fn machine(&self, found: &mut Families) -> Result<(), CollectError> {
        let stat = text(&self.roots.proc("stat"))?;
        let is_cpu =
            |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let cores = stat.lines().filter(is_cpu).count();
        found.gauge("machine_cpu_cores", "Processors of the machine.").set(cores as f64);
        let memory = text(&self.roots.proc("meminfo"))?;
        let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
        if let Some(kib) = total.and_then(|kib| kib.parse::<f64>().ok()) {
            found.gauge("machine_memory_bytes", "Memory of the machine.").set(kib * 1024.0);
        }
        Ok(())
    }
}

impl Collect for Containers {
    fn collect(&self) -> Collected {
        let mut collected = Collected::default();
        let outcomes =
            [("machine", self.machine(&mut collected.families)), ("containers", self.all(&mut collected.families))];
        collected.faults = outcomes.into_iter().filter_map(|(name, outcome)| Some((name, outcome.err()?))).collect();
        collected
    }
}
