//! `[collect]`: what is fetched without anybody sending it.

use super::Problem;
use gantry_ingest::collect::FileOptions;
use gantry_ingest::machine::MachineOptions;
use serde::{Deserialize, Serialize};

/// Where container engines keep the output of containers.
const WELL_KNOWN: [&str; 2] = ["/var/log/pods/*/*/*.log", "/var/lib/docker/containers/*/*-json.log"];

/// What to collect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectOptions {
    /// Collect anything at all. Default true.
    pub enabled: bool,
    /// Collect the files of Kubernetes pods and Docker containers on this machine. Default true.
    pub containers: bool,
    /// Metrics of this machine: node, containers, processes.
    pub metrics: MachineOptions,
    /// More groups of files, each written as [[collect.files]].
    pub files: Vec<FileOptions>,
}

impl Default for CollectOptions {
    fn default() -> Self {
        CollectOptions { enabled: true, containers: true, metrics: MachineOptions::default(), files: Vec::new() }
    }
}

impl CollectOptions {
    /// Every group of files to collect.
    pub fn groups(&self) -> Vec<FileOptions> {
        if !self.enabled {
            return Vec::new();
        }
        let mut groups = self.files.clone();
        if self.containers {
            let include = WELL_KNOWN.map(str::to_owned).to_vec();
            groups.push(FileOptions { name: "containers".to_owned(), include, ..FileOptions::default() });
        }
        groups
    }

    /// What of this machine is measured, by the names of jobs.
    pub fn jobs(&self) -> Vec<&'static str> {
        let metrics = &self.metrics;
        let all = [(metrics.node, "node"), (metrics.containers, "containers"), (metrics.processes, "gantry")];
        all.into_iter().filter(|(on, _)| *on && self.enabled).map(|(_, job)| job).collect()
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(wrong) = self.metrics.check() {
            problems.push(Problem::new("collect.metrics", wrong));
        }
        let groups = self.groups();
        for (at, group) in groups.iter().enumerate() {
            if let Err(wrong) = group.check() {
                problems.push(Problem::new("collect.files", wrong));
            }
            if groups[..at].iter().any(|other| other.name == group.name) {
                problems.push(Problem::new("collect.files", format!("two groups are named {:?}", group.name)));
            }
        }
    }
}
